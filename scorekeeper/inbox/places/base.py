"""What every place of decision files has in common."""


class ChangedError(Exception):
    """The file under this name is no longer the one that was hashed: what is there now will be met again."""

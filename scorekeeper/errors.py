"""What a user of Scorekeeper can be told."""


class ScorekeeperError(Exception):
    """Something that a user can understand and act on: its text is one clear line and holds no secret."""


class ContendedError(ScorekeeperError):
    """Others work on the same rows: the database has undone a transaction again and again; a later try may succeed."""

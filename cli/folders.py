"""Where a command finds the checkout, and what a running `up` keeps in its home."""

import os
from pathlib import Path

from scorekeeper.errors import ScorekeeperError

# The folder of prefect.yaml, from which deployed flows run.
ROOT = Path(__file__).resolve().parents[1]
UP_FOLDER = "up"


def make_up_folder(home: Path) -> Path:
    """Make the folder of `up` in a home. Raises ScorekeeperError if other users can change it.

    A user who can write supervisord's configuration there decides which programs run.
    """
    folder = home / UP_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() or folder.lstat().st_uid != os.geteuid():
        from scorekeeper.private_files import whose  # the parts that only wait stay small

        raise ScorekeeperError(f"up cannot use what others may change: {whose(folder)}")
    return folder


def address_file(home: Path) -> Path:
    """Where a running `up` writes its server's address for other commands."""
    return home / UP_FOLDER / "address.json"


def password_file(home: Path) -> Path:
    """Where the password of the last `up` of this home is kept."""
    return home / UP_FOLDER / "password"


def lock_file(home: Path) -> Path:
    """The file that a running `up` has locked, so that there is one a home."""
    return home / UP_FOLDER / "lock"

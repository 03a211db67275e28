"""Published files that are replaced whole: read, written, listed and set aside, wherever they lie."""

from pathlib import Path

from scorekeeper.private_files import make_folder, replace_file


def read_output(at: Path) -> bytes | None:
    """A file's content; None if there is none. Raises OSError."""
    try:
        return at.read_bytes()
    except FileNotFoundError:
        return None


def replace_output(at: Path, content: bytes) -> None:
    """Write a whole file in place of the one there: a reader sees the old one or the new one. Raises OSError."""
    replace_file(at, content)


def list_outputs(folder: Path, suffix: str) -> list[str]:
    """The names of the files below a folder, in order, relative to it. Hidden files are left out. Raises OSError."""
    found = (path.relative_to(folder) for path in folder.rglob(f"*{suffix}") if path.is_file())
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def move_output(at: Path, to: Path) -> None:
    """Give a file another place. Raises OSError."""
    make_folder(to.parent)
    at.rename(to)


def has_output(at: Path) -> bool:
    """Whether there is a file. Raises OSError."""
    return at.exists()

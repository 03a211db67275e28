"""Log and dataset against what they are rendered from, while others publish."""

from pathlib import Path

from sqlalchemy import Connection, text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.publish.publish import lock_publisher, render_events
from scorekeeper.publish.set_aside import read_blocks
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

_MEND = "put it right with: scorekeeper publish --rebuild"


def check_published(db: Database, *, log_path: Path, dataset_path: Path) -> list[str]:
    """How the files differ from a rebuild, a line each; a file that was never published is no difference."""
    with db.snapshot() as snapshot:
        return check_since(snapshot, db, log_path=log_path, dataset_path=dataset_path)


def check_since(snapshot: Connection, db: Database, *, log_path: Path, dataset_path: Path) -> list[str]:
    """As check_published. Up to where a file is published in the snapshot, it is held against the lines that this sees;
    what has come to it since, against the lines of now, while nobody publishes.
    """
    differences = []
    for kind, path in {"log": log_path.absolute(), "dataset": dataset_path.absolute()}.items():
        known = snapshot.execute(
            text("SELECT published_line_no FROM scorekeeper.publication WHERE path = :path"), {"path": str(path)}
        ).scalar()
        if known is None:
            continue
        try:
            size, difference = _compare(snapshot, path, kind, known)
            if difference is None:
                with db.begin() as connection:
                    lock_publisher(connection)
                    difference = _compare_rest(connection, path, kind, known, size)
        except OSError as failed:
            difference = f"cannot be read: {failed.strerror}; {_MEND}"
        except ScorekeeperError as failed:
            difference = str(failed)
        if difference:
            differences.append(f"{path}: {difference}")
    return differences


def _compare(connection: Connection, path: Path, kind: str, up_to: int) -> tuple[int, str | None]:
    """How many bytes the lines up to a number take, and how the file differs from them."""
    size = 0
    with path.open("rb") as file:
        for number, (_, line) in enumerate(render_events(connection, kind, 0, up_to), 1):
            if file.readline(len(line) + 1) != line:
                return size, f"line {number} is not as it was published; {_MEND}"
            size += len(line)
    return size, None


def _compare_rest(connection: Connection, path: Path, kind: str, after: int, size: int) -> str | None:
    """How what comes behind the first `size` bytes differs from the lines after a number: those of a later publication,
    or that a recorder has written ahead of one; a last line may be torn.
    """
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    with path.open("rb") as file:
        file.seek(size)
        for _, line in render_events(connection, kind, after, last):
            at = file.tell()
            if (found := file.readline(len(line) + 1)) != line:
                if line.startswith(found):
                    return None
                file.seek(at)
                break
        unknown = sum(block.count(b"\n") for block in read_blocks(file))
    if not unknown:
        return None
    return f"holds {unknown} lines that the database does not know; scorekeeper recover keeps them and takes them in"

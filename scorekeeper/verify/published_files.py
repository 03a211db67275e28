"""The published log and dataset, compared with the lines that the database renders."""

from sqlalchemy import Connection, text

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.locations import Location
from scorekeeper.publish.events import lock_publisher, render_events
from scorekeeper.publish.kept import check_kept
from scorekeeper.publish.set_aside import read_blocks
from scorekeeper.publish.target import make_absolute, open_published
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.verify.progress import Progress, silent

_REPAIR = "repair it with: scorekeeper publish --rebuild"


def check_published(db: Database, *, log_path: Location, dataset_path: Location) -> list[str]:
    """One line per difference between the files and a rebuild. A file that was never published is no difference."""
    with db.snapshot() as snapshot:
        return check_since(snapshot, db, log_path=log_path, dataset_path=dataset_path)


def check_since(
    snapshot: Connection, db: Database, *, log_path: Location, dataset_path: Location, progress: Progress = silent
) -> list[str]:
    """As check_published, in two steps, while other processes may publish.

    Up to the snapshot's watermark, a file must hold the lines that the snapshot renders. The rest must hold the
    lines of the present, which are read under the publisher's lock.
    """
    differences = []
    for kind, path in {"log": make_absolute(log_path), "dataset": make_absolute(dataset_path)}.items():
        state = snapshot.execute(
            text("SELECT published_line_no, begins_after FROM scorekeeper.publication WHERE path = :path"),
            {"path": str(path)},
        ).one_or_none()
        if state is None:
            continue
        known = state.published_line_no
        try:
            size, difference = _compare(snapshot, path, kind, known, state.begins_after, progress)
            if difference is None:
                with db.begin() as connection:
                    lock_publisher(connection)
                    difference = _compare_rest(connection, path, kind, known, size)
        except OSError as exc:
            difference = f"cannot be read: {exc.strerror}; {_REPAIR}"
        except DatabaseError:
            raise  # it says nothing of the file
        except ScorekeeperError as exc:
            difference = str(exc)
        if difference:
            differences.append(f"{path}: {difference}")
    return differences


def _compare(
    connection: Connection, path: Location, kind: str, up_to: int, begins_after: int, progress: Progress
) -> tuple[int, str | None]:
    """The length in bytes of the lines up to a line number, and how the file differs from them (None: not at all)."""
    with open_published(path) as file:
        kept = check_kept(connection, kind, begins_after, file)
        size = kept.size
        if not kept.is_whole:
            says = "of decisions that were deleted by their age, are not as they were published"
            return size, f"its lines up to byte {size}, {says}; put back that part from a backup"
        file.seek(size)
        for number, (_, line) in enumerate(render_events(connection, kind, kept.line_no, up_to), 1):
            if file.readline(len(line) + 1) != line:
                where = f", {number} lines after byte {size}," if size else f" {number}"
                return size, f"line{where} is not as it was published; {_REPAIR}"
            size += len(line)
            progress(f"lines of the {kind}", 1)
    return size, None


def _compare_rest(connection: Connection, path: Location, kind: str, after: int, size: int) -> str | None:
    """How the file after its first `size` bytes differs from the lines after a line number.

    A later publication wrote these lines, or a FastRecorder did ahead of one. The last line may be incomplete.
    """
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    with open_published(path) as file:
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

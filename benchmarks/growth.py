"""How large Prefect's database below an idle `up` becomes: real minutes, laid end to end for days.

A day takes a day. So some minutes are run as they are, and the rows that they left in Prefect's tables are written
again and again, each time further back, as long as the settings keep rows of their kind. What is older is written too,
and Prefect's own vacuum, after a restart, must delete it: the benchmark shows that the retention works.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql
from rich.table import Table

from benchmarks.result import open_console
from benchmarks.stack import Stack, running_up, wait_until
from cli.up.environment import FLEETING
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded

MINUTES = 15
DAYS = (1, 14, 30)
TARGET_MB = 150
FLEETING_MINUTES = 70  # an hour, and the pause between two looks of the vacuum
# Tables of runs, with the condition that picks what the minutes have left; of events, with theirs.
_RUNS = "flow_run_id IN (SELECT id FROM flow_run WHERE start_time >= %(since)s AND end_time < %(until)s)"
_OF_RUNS = (
    ("flow_run", "start_time >= %(since)s AND end_time < %(until)s"),
    ("flow_run_state", _RUNS),
    ("task_run", _RUNS),
    (
        "task_run_state",
        "task_run_id IN (SELECT t.id FROM task_run AS t INNER JOIN flow_run AS f ON t.flow_run_id = f.id"
        " WHERE f.start_time >= %(since)s AND f.end_time < %(until)s)",
    ),
    ("log", "timestamp >= %(since)s AND timestamp < %(until)s"),
)
_EVENTS = "occurred >= %(since)s AND occurred < %(until)s AND event {} ANY(%(fleeting)s)"
_OF_EVENTS = (
    ("events", _EVENTS),
    ("event_resources", f"event_id IN (SELECT id FROM events WHERE {_EVENTS})"),  # noqa: S608 - ours, from above
)


def connect(home: Path) -> "psycopg.Connection[tuple[object, ...]]":
    """Prefect's database of a running `up`."""
    folder = embedded.Cluster(home, {}).socket_folder
    return psycopg.connect(host=str(folder), user=embedded.ROLE, dbname="prefect", autocommit=True)


def repeat(
    db: "psycopg.Connection[tuple[object, ...]]", table: str, condition: str, window: tuple[datetime, datetime],
    first: int, last: int,
) -> int:  # fmt: skip
    """Write the table's rows of the window again, `first` to `last` windows further back; how many were written."""
    columns = db.execute(
        "SELECT column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND is_generated = 'NEVER'", (table,),
    ).fetchall()  # fmt: skip
    ours = {"id", "flow_run_id", "task_run_id", "event_id"}  # a state_id stays: states and runs name each other
    values: list[sql.Composable] = []
    for name, kind in columns:
        column = sql.Identifier(str(name))
        if name in ours:
            values.append(sql.SQL("md5({}::text || n)::uuid").format(column))
        elif kind == "timestamptz":
            values.append(sql.SQL("{} - n * %(length)s").format(column))
        elif name == "idempotency_key":
            values.append(sql.SQL("{} || n").format(column))
        else:
            values.append(column)
    statement = sql.SQL(
        "INSERT INTO {table} ({names})"
        " SELECT {values} FROM {table}, generate_series(%(first)s::int, %(last)s::int) AS n WHERE {which}"
    ).format(
        table=sql.Identifier(table), names=sql.SQL(", ").join(sql.Identifier(str(name)) for name, _ in columns),
        values=sql.SQL(", ").join(values), which=sql.SQL(condition),
    )  # fmt: skip
    since, until = window
    return db.execute(statement, {
        "since": since, "until": until, "length": until - since, "first": first, "last": last,
        "fleeting": list(FLEETING),
    }).rowcount  # fmt: skip


def fill(stack_home: Path, window: tuple[datetime, datetime], settings: Settings, days: int, before: int = 0) -> None:
    """Let the database be as after `days` of such minutes, where it is so for `before` already."""
    a_day = timedelta(days=1) / (window[1] - window[0])

    def reach(kept_days: float) -> tuple[int, int]:
        return int(min(before, kept_days) * a_day) + 1, int(min(days, kept_days) * a_day)

    kinds = [
        *((table, which, reach(settings.keep_runs_days)) for table, which in _OF_RUNS),
        *((table, which.format("<>"), reach(settings.keep_events_days)) for table, which in reversed(_OF_EVENTS)),
        *((table, which.format("="), reach(FLEETING_MINUTES / 1440)) for table, which in reversed(_OF_EVENTS)),
    ]
    with connect(stack_home) as db:
        for table, which, (first, last) in kinds:
            # `<> ALL`, not ANY: none of them.
            repeat(db, table, which.replace("<> ANY", "<> ALL"), window, first, last)


def megabytes(home: Path) -> float:
    """The size of Prefect's database."""
    with connect(home) as db:
        row = db.execute("SELECT pg_database_size('prefect')").fetchone()
    return int(str(row[0])) / 1e6 if row else 0.0


def check_retention(stack: Stack, window: tuple[datetime, datetime], settings: Settings) -> int:
    """Write rows that are too old, restart Prefect's server, and wait until its vacuum has deleted them; how many.

    Raises RuntimeError if it does not.
    """
    length = window[1] - window[0]
    old = int(timedelta(days=max(settings.keep_runs_days, settings.keep_events_days) + 1) / length)
    with connect(stack.home) as db:
        rows = sum(repeat(db, table, which, window, old, old + 5) for table, which in _OF_RUNS)
        for table, which in reversed(_OF_EVENTS):
            rows += repeat(db, table, which.format("<>").replace("<> ANY", "<> ALL"), window, old, old + 5)
            rows += repeat(db, table, which.format("="), window, int(timedelta(hours=3) / length), old)
        stack.part("server").terminate()

        def is_clean() -> bool:
            events = "SELECT count(*) FROM events WHERE occurred < now() - interval '2 hours' AND event = ANY(%s)"
            runs = "SELECT count(*) FROM flow_run WHERE end_time < now() - interval '1 day' * %s"
            found = [db.execute(events, (list(FLEETING),)), db.execute(runs, (settings.keep_runs_days + 1,))]
            return all(one.fetchone() == (0,) for one in found)

        if not wait_until(is_clean, 900):
            raise RuntimeError("Prefect's vacuum has not taken what is too old")
    return rows


def run(minutes: int, days: list[int], output: Path) -> None:
    """Run the minutes, lay them end to end, and say what it comes to."""
    with running_up(warm=True) as stack:
        settings = load_settings(scorekeeper_home=stack.home)
        time.sleep(120)  # what comes once is over
        start = megabytes(stack.home)
        since = datetime.now(UTC)
        time.sleep(60 * minutes)
        window = (since, datetime.now(UTC))
        hourly = (megabytes(stack.home) - start) * 60 / minutes
        sizes, before = {}, 0
        for day in sorted(days):
            fill(stack.home, window, settings, day, before)
            sizes[day], before = megabytes(stack.home), day
        taken = check_retention(stack, window, settings)
    table = Table("days", "MB", "target", title=f"Prefect's database, {minutes} minutes laid end to end")
    for day, size in sizes.items():
        target = f"< {TARGET_MB} {'reached' if size < TARGET_MB else 'MISSED'}" if day == 1 else ""
        table.add_row(str(day), f"{size:.0f}", target)
    console = open_console()
    console.print(table)
    console.print(f"{hourly:.1f} MB an hour before anything is taken away; {taken} rows that were too old are gone")
    output.mkdir(parents=True, exist_ok=True)
    found = {"minutes": minutes, "mb_an_hour": hourly, "mb_by_day": sizes, "rows_taken": taken}
    (output / "growth.json").write_text(json.dumps(found, indent=2), encoding="utf-8")

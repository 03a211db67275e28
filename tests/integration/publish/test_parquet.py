"""The dataset in Parquet has the rows of the JSONL, each once, whatever happens between two publications."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pytest
from pyarrow import parquet as pq
from sqlalchemy import text

from scorekeeper.errors import AwayError, ScorekeeperError
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import parquet, parquet_rows, publish
from scorekeeper.publish.parquet import publish_parquet, rebuild_parquet
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify import parquet_parts, published_files
from scorekeeper.verify.run import verify
from tests.integration.publish.test_lines import AS_BEFORE, live
from tests.integration.trades.test_pipeline import take, track

MARCH = {"symbol": "BTC/USDT", "type": "HOLD", "timestamp": "2025-03-31T23:59:59.5Z", "n": 1}
APRIL = MARCH | {"timestamp": "2025-04-01T00:00:00Z", "agent_analyses": {"A": {"signal": "BUY", "why": {"a": [1]}}}}
CLOSES = MARCH | {"type": "CLOSE", "closes": ["x", "y"]}


def read(folder: Path) -> list[dict[str, Any]]:
    """All rows of the files, by line number."""
    rows = [row for path in folder.rglob("*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    return sorted(rows, key=lambda row: row["line_no"])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row as its line of the JSONL says it, by code of its own."""
    said = {name: value for name, value in row.items() if name != "line_no"}
    for name in ("timestamp", "exit_time", "received_at", "expires_at"):
        if said[name] is not None:
            said[name] = said[name].replace(tzinfo=None).isoformat() + "Z"
    said["agent_contributions"] = {
        one["agent"]: {"confidence": one["confidence"], "signal": one["signal"], **json.loads(one["extra"] or "{}")}
        for one in said["agent_contributions"]
    }
    return {name: value for name, value in said.items() if value is not None}


def lines(settings: Settings) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in settings.dataset_path.read_text().splitlines()]
    return [{name: value for name, value in one.items() if value is not None} for one in records]


def decide(db: Database, settings: Settings, *decisions: dict[str, Any]) -> None:
    name = f"more-{len(list(settings.archive_dir.rglob('*')))}.json"
    (settings.inbox_dir / name).write_text(json.dumps(decisions))
    take(db, settings)
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


@pytest.fixture
def lived(db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The sample, closes by hand and a void, and decisions of three months; files are full with 100 rows."""
    monkeypatch.setattr(parquet, "PART_ROWS", 100)
    monkeypatch.setattr(parquet, "LINES_AT_ONCE", 130)
    monkeypatch.setattr(parquet_rows, "ROW_GROUP", 30)
    live(db, settings)
    decide(db, settings, MARCH, APRIL, CLOSES)
    return settings


def test_the_rows_are_those_of_the_jsonl_in_the_month_of_their_decision(db: Database, lived: Settings) -> None:
    done = publish_parquet(db, lived.parquet_dir)
    rows = read(lived.parquet_dir)
    assert [as_json(row) for row in rows] == lines(lived)
    assert done.rows == len(rows)
    assert {row["line_no"] for row in rows} >= {1, 2}
    assert done.set_aside == []
    for name in files(lived.parquet_dir):
        table = pq.ParquetFile(lived.parquet_dir / name).read()
        assert {f"month={moment:%Y-%m}" for moment in table["timestamp"].to_pylist()} == {name.partition("/")[0]}
    months = sorted({name.partition("/")[0] for name in files(lived.parquet_dir)})
    assert months == ["month=2025-03", "month=2025-04", "month=2025-05"]
    assert verify(db, lived) == []


def test_duckdb_pandas_and_polars_read_the_same_rows(db: Database, lived: Settings) -> None:
    publish_parquet(db, lived.parquet_dir)
    expected = lines(lived)
    folder = lived.parquet_dir
    closed = [one["net_pnl_pct"] for one in expected if one["status"] == "completed"]
    query = f"FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
    with duckdb.connect() as duck:
        assert duck.sql(f"SELECT count(*) {query}").fetchall() == [(len(expected),)]
        (total,) = duck.sql(f"SELECT sum(net_pnl_pct) {query} WHERE status = 'completed'").fetchall()[0]
        called = duck.sql(
            f"SELECT count(*) FROM (SELECT unnest(agent_contributions) AS a {query} WHERE status <> 'horizon') "
            "WHERE a.signal = 'BUY'"
        ).fetchall()[0][0]
        one_month = duck.sql(f"SELECT count(*), min(timestamp)::text {query} WHERE month = '2025-03'").fetchall()
        types = dict(duck.sql(f"SELECT column_name, column_type FROM (DESCRIBE {query})").fetchall())
    assert total == pytest.approx(sum(closed))
    said = [agent["signal"] for one in expected if one["status"] != "horizon"
            for agent in one["agent_contributions"].values()]  # fmt: skip
    assert called == said.count("BUY")
    assert one_month[0][0] == 2
    assert (types["timestamp"], types["line_no"]) == ("TIMESTAMP WITH TIME ZONE", "BIGINT")
    frame = pandas.read_parquet(folder)
    assert len(frame) == len(expected)
    assert str(frame["timestamp"].dt.tz) == "UTC"
    assert frame.loc[frame["status"] == "completed", "net_pnl_pct"].sum() == pytest.approx(sum(closed))
    assert list(frame.sort_values("line_no")["trade_id"]) == [one["trade_id"] for one in expected]
    lazy = polars.scan_parquet(folder, hive_partitioning=True)
    found = lazy.filter(polars.col("status") == "completed").select(polars.col("net_pnl_pct").sum()).collect()
    assert found.item() == pytest.approx(sum(closed))
    agents = polars.read_parquet(f"{folder}/**/*.parquet").select(polars.col("agent_contributions").explode())
    names = agents.unnest("agent_contributions")["agent"].drop_nulls()
    assert set(names) == {agent for one in expected for agent in one["agent_contributions"]}


def test_each_publication_adds_what_is_new_and_leaves_full_files_alone(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 100)
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    seen: dict[str, bytes] = {}
    for hours in (60, 40, 20, 0):
        track(db, settings, folder, as_of - timedelta(hours=hours))
        publish_parquet(db, settings.parquet_dir)
        now = files(settings.parquet_dir)
        last = max(seen, default="")
        assert {name: content for name, content in now.items() if name in seen and name != last} == {
            name: content for name, content in seen.items() if name != last
        }
        assert [as_json(row) for row in read(settings.parquet_dir)] == lines(settings)
        seen = now
    assert len(seen) > 5
    nothing = publish_parquet(db, settings.parquet_dir)
    assert (nothing.rows, nothing.files, files(settings.parquet_dir)) == (0, 0, seen)
    assert rebuild_parquet(db, settings.parquet_dir).set_aside == []
    assert files(settings.parquet_dir) == seen
    assert verify(db, settings) == []


def test_a_publication_killed_before_its_commit_is_repeated(db: Database, lived: Settings) -> None:
    publish_parquet(db, lived.parquet_dir)
    before = files(lived.parquet_dir)
    decide(db, lived, *[MARCH | {"n": n} for n in range(2, 250)])
    with db.engine.connect() as connection:
        # All of it but the COMMIT, as a process that dies there leaves it.
        assert parquet._publish_batch(connection, lived.parquet_dir) is not None
        connection.rollback()
    assert files(lived.parquet_dir) != before
    done = publish_parquet(db, lived.parquet_dir)
    assert done.set_aside == []
    assert [as_json(row) for row in read(lived.parquet_dir)] == lines(lived)
    assert verify(db, lived) == []
    whole = files(lived.parquet_dir)
    rebuild_parquet(db, lived.parquet_dir)
    assert files(lived.parquet_dir) == whole


def test_what_the_database_does_not_know_is_set_aside_out_of_readers_way(db: Database, lived: Settings) -> None:
    folder = lived.parquet_dir
    (folder / "month=2025-03").mkdir(parents=True)
    (folder / "month=2025-03" / "part-00001.parquet").write_bytes(b"another program's")
    done = publish_parquet(db, folder)
    assert [path.read_bytes() for path in done.set_aside] == [b"another program's"]
    assert done.set_aside[0].relative_to(folder.parent).parts[0] == "parquet.before-scorekeeper-1"
    # A restore: what was published since is in files, and not in the database.
    with db.begin() as connection:
        state = connection.execute(text("TABLE scorekeeper.publication")).mappings().all()
        parts = connection.execute(text("TABLE scorekeeper.dataset_part")).mappings().all()
    decide(db, lived, MARCH | {"n": 9, "timestamp": "2025-06-01"}, APRIL | {"n": 9})
    publish_parquet(db, folder)
    ahead = {name for name in files(folder) if "2025-06" in name}
    with db.begin() as connection:
        for table in ("dataset_part", "publication"):
            connection.execute(text(f"DELETE FROM scorekeeper.{table}"))
        connection.execute(text("DELETE FROM scorekeeper.event WHERE line_no > :last"),
                           {"last": max(row["published_line_no"] for row in state)})  # fmt: skip
        for table, rows in (("publication", state), ("dataset_part", parts)):
            for row in rows:
                names = ", ".join(map(str, row))
                values = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO scorekeeper.{table} ({names}) VALUES ({values})"), dict(row))
    assert any("does not know it" in words for words in verify(db, lived))
    publish.publish(db, log_path=lived.log_path, dataset_path=lived.dataset_path)
    decide(db, lived, APRIL | {"n": 10})
    done = publish_parquet(db, folder)
    assert {path.parts[-3] for path in done.set_aside} == {"parquet.before-restore-1"}
    assert {"/".join(path.parts[-2:]) for path in done.set_aside} > ahead
    assert [as_json(row) for row in read(folder)] == lines(lived)


@pytest.mark.parametrize("name", ["month=2025-03/part-00001.parquet", "month=2025-05/part-00001.parquet"])
def test_a_changed_or_removed_file_is_named_and_rebuilt(db: Database, lived: Settings, name: str) -> None:
    folder = lived.parquet_dir
    publish_parquet(db, folder)
    whole = files(folder)
    table = pq.ParquetFile(folder / name).read()
    pq.write_table(table.slice(1), folder / name)
    (difference,) = verify(db, lived)
    assert name in difference
    assert "publish --parquet --rebuild" in difference
    done = rebuild_parquet(db, folder)
    assert [path.parts[-3] for path in done.set_aside] == ["parquet.before-rebuild-1"]
    assert files(folder) == whole
    (folder / name).unlink()
    decide(db, lived, MARCH | {"n": 3})
    with pytest.raises(ScorekeeperError, match=f"{name} was removed: .*--rebuild"):
        publish_parquet(db, folder)
    assert any(f"{name}: was removed" in words for words in verify(db, lived))
    rebuild_parquet(db, folder)
    assert verify(db, lived) == []


@pytest.mark.parametrize("asking", ["parquet_parts.list_outputs", "published_files.read_blocks"])
def test_a_connection_that_is_lost_is_no_difference_of_the_files(
    db: Database, other_db: Database, lived: Settings, monkeypatch: pytest.MonkeyPatch, asking: str
) -> None:
    publish_parquet(db, lived.parquet_dir)
    module, name = asking.split(".")
    verifying = {"parquet_parts": parquet_parts, "published_files": published_files}[module]
    ask = getattr(verifying, name)

    def lose(*given: Any) -> Any:
        with other_db.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": db.engine.url.database},
            )
        return ask(*given)

    with monkeypatch.context() as patch:
        patch.setattr(verifying, name, lose)
        with pytest.raises(AwayError, match=r"was lost .*: run it again"):
            verify(db, lived)
    assert verify(db, lived) == []


def test_lines_in_another_form_are_written_again(db: Database, lived: Settings) -> None:
    with db.begin() as connection:
        connection.execute(text(AS_BEFORE))
    paths: dict[str, Path] = {"log_path": lived.log_path, "dataset_path": lived.dataset_path}
    publish.rebuild(db, **paths)
    publish_parquet(db, lived.parquet_dir)
    assert [as_json(row) for row in read(lived.parquet_dir)] == lines(lived)
    publish.renew(db, **paths)
    assert verify(db, lived) == []  # not published any more
    done = publish_parquet(db, lived.parquet_dir)
    assert done.set_aside
    assert [as_json(row) for row in read(lived.parquet_dir)] == lines(lived)
    assert verify(db, lived) == []


def test_a_row_that_is_not_what_the_line_says_is_a_difference(db: Database, lived: Settings) -> None:
    publish_parquet(db, lived.parquet_dir)
    with db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.decision SET reason = 'else' WHERE symbol LIKE 'ETH%'"))
    (found,) = [words for words in verify(db, lived) if "/parquet/" in words]
    assert "of the dataset is not as it was published" in found

"""Log, dataset, weights, report and Parquet in an S3 bucket: the bytes of a folder's, exactly once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pyarrow import BufferReader
from pyarrow import parquet as pq

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store import open_store
from scorekeeper.object_store.s3 import S3Store
from scorekeeper.operations.health.home import check_published
from scorekeeper.operations.recover import recover
from scorekeeper.publish import events, manifest, parquet, publish
from scorekeeper.publish.parquet import publish_parquet, rebuild_parquet
from scorekeeper.publish.target import Mark, open_published, open_target
from scorekeeper.publish.weights_file import weights_path, write_weights_file
from scorekeeper.report import write_report
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.tracker import PerformanceTracker
from scorekeeper.verify.run import verify
from tests.integration.publish.test_lines import live
from tests.integration.trades.test_pipeline import NOW, take
from tests.object_stores import Fault, run_bad_day

HOLD = {"symbol": "BTC/USDT", "type": "HOLD", "timestamp": "2025-03-31T23:59:59Z"}


@pytest.fixture
def remote(bucket: ObjectUrl, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same installation, which publishes to the bucket; parts are merged early."""
    monkeypatch.setattr(manifest, "FULL_BYTES", 20_000)
    monkeypatch.setattr("scorekeeper.publish.parts_target.FULL_BYTES", 20_000)
    monkeypatch.setattr(manifest, "_SMALLEST", 1_000)
    monkeypatch.setattr(manifest, "FAN", 3)
    monkeypatch.setenv("LOG_DIR", f"{bucket}live/logs")
    monkeypatch.setenv("DATASETS_DIR", f"{bucket}live/datasets")
    return load_settings()


def publish_both(db: Database, settings: Settings) -> publish.Published:
    return publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


def rebuild_both(db: Database, settings: Settings) -> publish.Published:
    return publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


def decide(db: Database, settings: Settings, first: int, count: int = 1) -> None:
    decisions = [HOLD | {"n": n} for n in range(first, first + count)]
    (settings.inbox_dir / f"more-{first}.json").write_text(json.dumps(decisions))
    take(db, settings)


def content(at: Any) -> bytes:
    with open_published(at) as file:
        return file.read()


def names(at: Any) -> list[str]:
    return [one.url.name for one in open_store(at).list(at)]


def assert_as_in_a_folder(db: Database, remote: Settings, tmp_path: Path, word: str) -> None:
    """What lies in the bucket is what another publication writes to a folder."""
    log, dataset = tmp_path / word / "log", tmp_path / word / "dataset"
    publish.publish(db, log_path=log, dataset_path=dataset)
    assert content(remote.log_path) == log.read_bytes()
    assert content(remote.dataset_path) == dataset.read_bytes()
    assert verify(db, remote) == []


def test_the_bucket_holds_the_bytes_of_a_folder_in_few_parts(
    db: Database, remote: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH_LINES", 100)
    monkeypatch.setattr(publish, "BATCH_LINES", 100)
    live(db, remote)
    for first in range(0, 60, 2):
        decide(db, remote, first, 2)
        assert publish_both(db, remote).dataset_lines == 2
    assert_as_in_a_folder(db, remote, tmp_path, "one")
    parts = manifest.read_manifest(open_store(remote.log_path).get(remote.log_path / "manifest.json")[1]).parts  # type: ignore[arg-type,index,union-attr]
    small = [one for one in parts if one.size_bytes < 20_000]
    assert len(small) < 12
    assert sum(name.startswith("part-") for name in names(remote.log_path)) < len(parts) + 12
    before = names(remote.dataset_path)
    assert publish_both(db, remote) == publish.Published(0, 0)
    assert names(remote.dataset_path) == before
    whole = content(remote.log_path), content(remote.dataset_path)
    assert rebuild_both(db, remote).edited == ()
    assert (content(remote.log_path), content(remote.dataset_path)) == whole
    decide(db, remote, 100)
    publish_both(db, remote)
    assert_as_in_a_folder(db, remote, tmp_path, "two")


class LostError(Exception):
    """The process has died here."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, bool], None]]:
    """After this many writes to the store, the process dies: before the next one, or just after it."""
    left: list[Any] = [None, False]
    put = S3Store.put

    def write(self: S3Store, url: ObjectUrl, content: bytes, **given: Any) -> str:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                if left[1]:
                    put(self, url, content, **given)
                raise LostError
        return put(self, url, content, **given)

    monkeypatch.setattr(S3Store, "put", write)

    def arm(after: int, written: bool) -> None:
        left[:] = after, written

    yield arm
    left[0] = None


def test_a_death_between_any_two_requests_leaves_each_line_once(
    db: Database, remote: Settings, tmp_path: Path, dying: Callable[[int, bool], None]
) -> None:
    decide(db, remote, 0, 3)
    publish_both(db, remote)
    number = 10
    for written in (False, True):
        for after in range(4):  # part and manifest of the log, then of the dataset
            for _ in range(2):  # it dies twice, with more lines the second time
                decide(db, remote, number, 2)
                number += 10
                dying(after, written)
                with pytest.raises(LostError):
                    publish_both(db, remote)
            dying(10**9, False)
            done = publish_both(db, remote)
            assert (done.ahead, done.edited, done.set_aside) == ((), (), ())
    assert_as_in_a_folder(db, remote, tmp_path, "one")
    folder = remote.parquet_dir
    for after in (0, 1):
        dying(after, True)
        decide(db, remote, number, 2)
        number += 10
        if after == 0:
            with pytest.raises(LostError):
                publish_parquet(db, folder)
        dying(10**9, False)
        publish_both(db, remote)
        assert publish_parquet(db, folder).set_aside == []
    assert verify(db, remote) == []


def test_on_a_bad_day_each_line_is_published_once(
    db: Database, remote: Settings, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request of each kind for each object fails, in each of the ways."""
    faults: tuple[Fault | None, ...] = ("slow down", "lost answer", "failed answer", "cut bytes", None)

    def fail_first(fault: Fault | None) -> Callable[[str, str, int], Fault | None]:
        return lambda method, path, before: fault if before == 0 else None

    with run_bad_day(s3) as day:
        monkeypatch.setenv("AWS_ENDPOINT_URL", day.url)
        for number, fault in enumerate(faults):
            day.befall = fail_first(fault)
            day.asked.clear()
            decide(db, remote, 10 * number, 2)
            done = publish_both(db, remote)
            assert (done.dataset_lines, done.ahead, done.edited) == (2, (), ())
            assert fault is None or day.hit[fault] >= 4
            assert publish_parquet(db, remote.parquet_dir).rows == 2
        assert_as_in_a_folder(db, remote, tmp_path, "one")
        assert {one.state for one in check_published(remote)} == {"ok"}
        wrong = load_settings(log_dir="s3://no-such-bucket/logs")
        (red,) = [one for one in check_published(wrong) if one.state == "red"]
        assert "no such bucket" in red.says
        with pytest.raises(ScorekeeperError, match="no such bucket"):
            publish_both(db, wrong)


def test_a_tracker_publishes_to_a_bucket_once_a_second(
    remote: Settings, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with PerformanceTracker() as tracker:
        ids = [tracker.record_decision(HOLD | {"n": n}) for n in range(30)]
        early = content(remote.dataset_path).count(b"\n")
        assert 1 <= early < 30
    said = [json.loads(line)["trade_id"] for line in content(remote.dataset_path).splitlines()]
    assert said == ids


def test_what_another_database_and_a_restore_left_is_kept_and_recovered(
    db: Database, other_db: Database, remote: Settings, tmp_path: Path
) -> None:
    decide(db, remote, 0, 3)
    publish_both(db, remote)
    first = content(remote.dataset_path)
    (aside,) = [one for one in publish_both(other_db, remote).set_aside if "dataset" in str(one)]
    assert content(aside) == first
    assert content(remote.dataset_path) == b""
    # The first database finds another's file: it holds none of its own lines.
    done = publish_both(db, remote)
    assert content(remote.dataset_path) == first
    assert_as_in_a_folder(db, remote, tmp_path, "one")
    # A file with a line more than the database knows, as after a restore.
    decide(other_db, remote, 50)
    publish.publish(other_db, log_path=tmp_path / "log", dataset_path=tmp_path / "dataset")
    lost = (tmp_path / "dataset").read_bytes()
    open_target(remote.dataset_path).rewrite(Mark(0, None), iter([first, lost]))
    assert any("the database does not know" in words for words in verify(db, remote))
    (ahead,) = publish_both(db, remote).ahead
    assert content(ahead) == first + lost
    assert ahead.name == "manifest.before-restore-1.json"
    assert content(remote.dataset_path) == first
    assert done.ahead == ()
    assert [words for words in verify(db, remote) if str(ahead) in words]
    found = recover(db, remote, NOW)
    assert (found.decisions + found.from_dataset, found.refused) == (1, [])
    assert "manifest.recovered-1.json" in names(remote.dataset_path)
    assert content(remote.dataset_path) == first + lost
    assert verify(db, remote) == []


def test_a_changed_or_removed_part_is_named_and_rebuilt(db: Database, remote: Settings) -> None:
    decide(db, remote, 0, 3)
    publish_both(db, remote)
    whole = content(remote.log_path)
    store = open_store(remote.log_path)  # type: ignore[arg-type]
    (part,) = [one for one in store.list(remote.log_path) if one.url.name.startswith("part-")]  # type: ignore[arg-type]
    for damage in (lambda: store.put(part.url, b"else\n"), lambda: store.delete(part.url)):
        damage()
        (difference,) = verify(db, remote)
        assert part.url.name in difference
        assert "publish --rebuild" in difference
        rebuild_both(db, remote)
        assert content(remote.log_path) == whole
        assert [words for words in verify(db, remote) if "manifest" not in words] == []
    store.delete(remote.log_path / "manifest.json")  # type: ignore[arg-type]
    decide(db, remote, 10)
    with pytest.raises(ScorekeeperError, match=r"was removed: .*--rebuild"):
        publish_both(db, remote)
    rebuild_both(db, remote)
    assert content(remote.log_path).startswith(whole)


def test_parquet_weights_and_report_lie_in_the_bucket_too(db: Database, remote: Settings) -> None:
    live(db, remote)
    publish_parquet(db, remote.parquet_dir)
    store = open_store(remote.parquet_dir)  # type: ignore[arg-type]
    listed = [one.url for one in store.list(remote.parquet_dir)]  # type: ignore[arg-type]
    assert [url.key for url in listed] == ["live/datasets/parquet/month=2025-05/part-00001.parquet"]
    rows = pq.ParquetFile(BufferReader(store.get(listed[0])[1])).read()  # type: ignore[index]
    assert len(rows) == content(remote.dataset_path).count(b"\n")
    store.put(listed[0], b"else")
    assert any("is not as it was published" in words for words in verify(db, remote))
    (aside,) = rebuild_parquet(db, remote.parquet_dir).set_aside
    assert store.get(aside)[1] == b"else"  # type: ignore[arg-type,index]
    assert verify(db, remote) == []
    assert write_weights_file(db, remote) is None or str(weights_path(remote)).startswith("s3://")
    report = write_report(db, remote.reports_dir)
    assert str(report) == f"s3://{listed[0].bucket}/live/reports/report.html"
    assert store.get(report)[1].startswith(b"<!DOCTYPE html>")  # type: ignore[arg-type,index]
    where = {"Bucket": listed[0].bucket, "Key": "live/reports/report.html"}
    with urlopen(store._client.generate_presigned_url("get_object", where)) as page:  # type: ignore[attr-defined]
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"  # a browser shows it
    assert parquet.PART_ROWS > 1

"""A folder of candle files as a market."""

import asyncio
import gzip
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.market import CandleFileError, CandlePage
from scorekeeper.market.replay import STILL_SECONDS, ReplayMarket

NOON = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEADER = "timestamp,open,high,low,close,volume\n"
GRACE = 5


def rows(count: int, start: datetime = NOON) -> list[str]:
    stamps = (int((start + k * MINUTE).timestamp()) * 1000 for k in range(count))
    return [f"{stamp},{100 + k},{101 + k},{100 + k},{101 + k},1.25\n" for k, stamp in enumerate(stamps)]


def ask(
    folder: Path, *, since: datetime = NOON, as_of: datetime = NOON + 60 * MINUTE, now: datetime | None = None
) -> CandlePage:
    market = ReplayMarket(str(folder), GRACE, now)
    return asyncio.run(market.candles("BTC/USDT", since, as_of, as_of))


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "BTC-USDT.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_symbol_without_a_single_candle_is_asked_for_whenever_it_was_decided(tmp_path: Path) -> None:
    write(tmp_path, HEADER)
    market = ReplayMarket(str(tmp_path), GRACE)
    decided_at = NOON + timedelta(microseconds=1)
    assert asyncio.run(market.first_minute("BTC/USDT", decided_at)) == NOON
    answer = ask(tmp_path)
    assert (len(answer.candles), answer.sealed_until) == (0, NOON)
    assert answer.ends is not None


def test_a_file_seals_up_to_its_last_row_and_no_further(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "".join(rows(20)))
    answer = ask(tmp_path)
    assert (len(answer.candles), answer.sealed_until) == (20, NOON + 20 * MINUTE)
    assert answer.ends == f"{path} ends at 2025-05-01 12:20 UTC"
    assert ask(tmp_path, since=NOON + 30 * MINUTE).sealed_until == NOON + 30 * MINUTE


def test_a_file_that_reaches_beyond_a_minute_seals_it_with_or_without_a_row(tmp_path: Path) -> None:
    write(tmp_path, HEADER + "".join([*rows(5), *rows(1, NOON + 90 * MINUTE)]))
    answer = ask(tmp_path)
    assert (len(answer.candles), answer.sealed_until, answer.ends) == (5, NOON + 60 * MINUTE, None)


def test_a_file_that_lags_by_less_than_the_grace_is_not_said_to_end(tmp_path: Path) -> None:
    write(tmp_path, HEADER + "".join(rows(20)))
    assert ask(tmp_path, as_of=NOON + (19 + GRACE) * MINUTE).ends is None
    assert ask(tmp_path, as_of=NOON + (20 + GRACE) * MINUTE).ends is not None


@given(cut=st.integers(1, len(rows(3)[2])), still=st.booleans())
def test_a_last_row_counts_once_it_is_whole_and_its_prices_are_never_cut(
    tmp_path_factory: pytest.TempPathFactory, cut: int, still: bool
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    first, second, third = rows(3)
    path = write(folder, HEADER + first + second + third[:-cut] if cut else third)
    changed_at = path.stat().st_mtime + STILL_SECONDS + (1 if still else -1)
    answer = ask(folder, now=datetime.fromtimestamp(changed_at, UTC))
    taken = [list(row) for row in answer.candles[["open", "high", "low", "close"]].itertuples(index=False, name=None)]
    assert taken[:2] == [[100, 101, 100, 101], [101, 102, 101, 102]]
    assert taken[2:] in ([], [[102, 103, 102, 103]])
    volume = third[:-cut].rpartition(",")[2]
    assert len(taken) == (3 if still and third[:-cut].count(",") == 5 and volume else 2)
    assert answer.sealed_until == NOON + len(taken) * MINUTE


def in_unit(factor: Callable[[int], object]) -> str:
    stamps = (row.partition(",") for row in rows(40))
    return HEADER + "".join(f"{factor(int(stamp))},{rest}" for stamp, _, rest in stamps)


def changing(line: int, change: Callable[[str], str]) -> str:
    lines = [HEADER, *rows(40)]
    lines[line - 1] = change(lines[line - 1])
    return "".join(lines)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + (HEADER + "".join(rows(40))).encode(),
        (HEADER + "".join(rows(40))).replace("\n", "\r\n"),
        HEADER.upper() + "".join(rows(40)),
        HEADER.replace("\n", ",trades,note\n") + "".join(rows(40)).replace("\n", ",5,ähm\n"),
        in_unit(lambda ms: f"{ms}.0"),
        HEADER + "".join(rows(40)).replace(",1.25\n", ",0\n"),
        HEADER + "".join(rows(40)) + "\n\n",
        (HEADER + "".join(rows(40))).removesuffix("\n"),
        changing(9, lambda row: ",".join(f'"{field}"' for field in row.strip().split(",")) + "\n"),
    ],
    ids=["BOM", "CRLF", "capitals", "more columns", "float times", "no volume", "empty end", "no line end", "quoted"],
)  # fmt: skip
def test_what_says_the_same_otherwise_is_read_right(tmp_path: Path, content: str | bytes) -> None:
    write(tmp_path, content)
    answer = ask(tmp_path)
    assert [minute.to_pydatetime() for minute in answer.candles["minute_at"]] == [NOON + k * MINUTE for k in range(40)]
    assert list(answer.candles["close"]) == [101.0 + k for k in range(40)]


MIXED = changing(21, lambda row: row.replace(",", "000,", 1))


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (in_unit(lambda ms: ms // 1000), 2, "looks like seconds (2025-05-01 12:00 UTC).* multiply them by 1000"),
        (in_unit(lambda ms: ms * 1000), 2, "looks like microseconds (2025-05-01 12:00 UTC).* divide them by 1000"),
        (in_unit(lambda ms: ms * 10**6), 2, "looks like nanoseconds (2025-05-01 12:00 UTC).* divide them by 1000000"),
        (in_unit(lambda ms: float(ms * 10**6)), 2, "looks like nanoseconds"),
        (MIXED, 21, "microseconds .*where the lines before it are in milliseconds"),
        (in_unit(lambda ms: ms * 10**12), 2, "not between the years 2000 and 2100"),
        (in_unit(lambda ms: -ms), 2, "not between the years 2000 and 2100"),
        (in_unit(lambda ms: 10**30), 2, "not between the years 2000 and 2100"),
        (in_unit(lambda ms: ms + 41_305), 2, "not the opening of a minute"),
        (in_unit(lambda ms: ms + 0.5), 2, "not a whole number"),
        (in_unit(lambda ms: f"{datetime.fromtimestamp(ms / 1000, UTC):%FT%TZ}"), 2, "is no number"),
        (changing(30, lambda row: "".join(rows(1))), 30, "not after the line before"),
        (HEADER + "".join(reversed(rows(40))), 3, "not after the line before"),
        (changing(30, lambda row: row.replace(",1.25", ",NaN")), 30, "missing or not finite"),
        (changing(30, lambda row: row.replace(",1.25", ",inf")), 30, "missing or not finite"),
        (changing(30, lambda row: row.replace(",1.25", ",many")), 30, "volume: 'many' is not a number"),
        (changing(30, lambda row: row.replace(",1.25", ",-1")), 30, "the volume is negative"),
        (changing(30, lambda row: row.replace(",1.25", "")), 30, "missing"),
        (changing(30, lambda _: "\n"), 30, "an empty line"),
        (changing(30, lambda row: row.rpartition(",")[0][:20] + "\n"), 30, ""),
        ("".join(rows(40)), 1, "the header is missing"),
        ((HEADER + "".join(rows(40))).replace(",", ";"), 1, "separate the columns by commas"),
        ("https://example.org\n" + HEADER + "".join(rows(40)), 1, "the header must be"),
        ((HEADER + "".join(rows(40))).encode("utf-16"), 1, "the header must be"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_file_and_line(
    tmp_path: Path, content: str | bytes, line: int, says: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(CandleFileError) as refused:
        ask(tmp_path)
    assert str(refused.value).startswith(f"{path}: line {line}: ")
    assert re.search(says.replace("(", r"\(").replace(")", r"\)"), str(refused.value))


@pytest.mark.parametrize("apart", [2, 5, 60, 1440])
def test_candles_of_more_than_a_minute_are_refused_and_gaps_are_not(tmp_path: Path, apart: int) -> None:
    late = [line for k in range(30) for line in rows(1, NOON + k * apart * MINUTE)]
    write(tmp_path, HEADER + "".join(late))
    with pytest.raises(CandleFileError, match=rf"BTC-USDT.csv: line 3: the rows are {apart} minutes apart"):
        ask(tmp_path)
    with_one_more = rows(1) + rows(1, NOON + MINUTE) + late[1:]
    write(tmp_path, HEADER + "".join(with_one_more))
    assert len(ask(tmp_path, as_of=NOON + 30 * apart * MINUTE).candles) == 31


def test_two_files_of_one_symbol_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, HEADER + "".join(rows(3)))
    (tmp_path / "btc-usdt.csv.gz").write_bytes(gzip.compress((HEADER + "".join(rows(5))).encode()))
    with pytest.raises(CandleFileError, match=r"BTC-USDT.csv and btc-usdt.csv.gz are files of one symbol: keep one"):
        ask(tmp_path)


def test_a_packed_file_that_is_cut_off_is_refused_and_a_whole_one_is_read(tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + "".join(rows(40))).encode())
    path = tmp_path / "BTC-USDT.csv.gz"
    path.write_bytes(packed)
    assert len(ask(tmp_path).candles) == 40
    for broken in (packed[:-9], packed[:30] + b"\0" * 30 + packed[60:], b"no gzip"):
        path.write_bytes(broken)
        with pytest.raises(CandleFileError, match=r"BTC-USDT\.csv\.gz: "):
            ask(tmp_path)


@given(content=st.binary(max_size=200) | st.text(max_size=100).map(lambda t: (HEADER + t).encode()))
def test_whatever_a_file_holds_it_is_read_or_refused_as_that_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write(folder, content)
    with suppress(CandleFileError):
        ask(folder)


def test_a_file_that_may_not_be_read_is_refused_as_that_file(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # opens, and cannot be read, as root too
    with pytest.raises(CandleFileError, match=re.escape(str(path))):
        ask(tmp_path)

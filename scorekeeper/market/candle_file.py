"""Reading a candle file. A file with an impossible line is refused, with the line's number; nothing is guessed."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from scorekeeper.decisions.prices import LARGEST_PRICE, SMALLEST_PRICE
from scorekeeper.market.base import CANDLE_COLUMNS, CandleFileError

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]
FIRST_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
END_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000
MINUTE_MS = 60_000
MANY_ROWS = 20
# Converts a value in another unit to milliseconds: multiply by the first number, then divide by the second.
_UNITS = {"seconds": (1000, 1), "microseconds": (1, 1000), "nanoseconds": (1, 1_000_000)}
_BOM = b"\xef\xbb\xbf"
_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class CandleFile:
    """A file's candles, a frame with CANDLE_COLUMNS in order of time; `torn`: the number of a last line cut short."""

    candles: pd.DataFrame
    torn: int | None


@lru_cache(maxsize=64)
def read_candle_file(path: Path, _mtime_ns: int, _size: int, *, still: bool) -> CandleFile:
    """Read a whole file. `still`: the file has not changed lately, so a last line without its line end counts.

    A number is whole where a comma follows it. In a last row without line end, only the volume can be cut short: the
    row counts once the file stands still. Raises CandleFileError, which names file and line.
    """
    try:
        content = _read_bytes(path)
        lines = content.count(b"\n")
        content, torn = _cut(content, still=still)
        frame = _read_frame(path, content)
    except CandleFileError:
        raise
    except OSError as exc:
        raise CandleFileError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except (EOFError, zlib.error) as exc:
        raise CandleFileError(f"{path}: is cut off, or no gzip file: {exc}") from exc
    except Exception as exc:  # any error comes from this file, and so affects one symbol only
        raise CandleFileError(f"{path}: not a candle file: {type(exc).__name__}: {exc}") from exc
    return CandleFile(frame, lines + 1 if torn else None)


def _read_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" and content else content
    return content.removeprefix(_BOM)


def _cut(content: bytes, *, still: bool) -> tuple[bytes, bool]:
    """The content without a last line that may be cut short; whether there was one."""
    whole, end, last = content.rpartition(b"\n")
    if not last.strip():
        return content, False
    fields = last.split(b",")
    if still and len(fields) >= len(HEADER) and fields[len(HEADER) - 1].strip():
        return content, False
    return whole + end, True


def _read_frame(path: Path, content: bytes) -> pd.DataFrame:
    if not content.strip():  # the file exists, and is not written yet
        return _empty()
    header = content.partition(b"\n")[0]
    _check_header(path, header)
    body = content.rstrip()  # empty lines at the end are allowed
    if body.count(b"\n") == 0:
        return _empty()
    try:
        # pandas 3.1 and later read each number as the nearest double.
        raw = pd.read_csv(
            io.BytesIO(body), names=HEADER, skiprows=1, usecols=range(len(HEADER)), skip_blank_lines=False,
            dtype=dict.fromkeys(HEADER[1:], "float64"),
        )  # fmt: skip
    except ValueError as exc:
        _name_bad_line(path, body)
        raise CandleFileError(f"{path}: not a candle file: {exc}") from exc
    stamp = raw["timestamp"]
    if not pd.api.types.is_integer_dtype(stamp):
        # pandas writes 1746057600000.0 for a column that has had a gap: it is a whole number all the same.
        whole = pd.api.types.is_float_dtype(stamp) and bool((np.isfinite(stamp) & (stamp % 1 == 0)).all())
        if not whole or not (stamp.abs() < 2**53).all():
            _name_bad_line(path, body)
            raise CandleFileError(f"{path}: timestamp: whole epoch milliseconds are needed on every line")
        stamp = stamp.astype("int64")
    stamps = stamp.to_numpy()
    prices = raw[HEADER[1:]].to_numpy()
    _check_rows(path, stamps, prices)
    _check_distance(path, stamps)
    frame = raw[HEADER[1:]]
    frame.insert(0, "minute_at", pd.to_datetime(stamps, unit="ms", utc=True))
    return frame


def _empty() -> pd.DataFrame:
    none = pd.DatetimeIndex([], dtype="datetime64[us, UTC]")  # the default has seconds, and cannot join microseconds
    return pd.DataFrame({"minute_at": none} | {name: [] for name in CANDLE_COLUMNS[1:]})


def _check_header(path: Path, header: bytes) -> None:
    """Check for the six names in their order, in any case; further columns are ignored. Raises CandleFileError."""
    said = header.decode("utf-8", "replace").strip()
    names = [name.strip().strip('"').lower() for name in said.split(",")]
    if names[: len(HEADER)] == HEADER:
        return
    wanted = ",".join(HEADER)
    if said.lower().replace(";", ",").replace("\t", ",").startswith(wanted):
        raise CandleFileError(f"{path}: line 1: separate the columns by commas: {wanted}")
    first = names[0].removesuffix(".0")
    if first.isdecimal():
        raise CandleFileError(f"{path}: line 1: the header is missing; put this line before it: {wanted}")
    raise CandleFileError(f"{path}: line 1: the header must be {wanted}, not {said[:_LONGEST_SHOWN]!r}")


def _check_rows(path: Path, stamps: np.ndarray, prices: np.ndarray) -> None:
    """Refuse a file with an impossible line. Raises CandleFileError, which names the first one."""
    outside = (stamps < FIRST_MS) | (stamps >= END_MS)
    wrong = {
        "": outside,
        "timestamp: not the opening of a minute": stamps % MINUTE_MS != 0,
        "timestamp: not after the line before": np.concatenate([[False], stamps[1:] <= stamps[:-1]]),
        "a price or the volume is missing or not finite": ~np.isfinite(prices).all(axis=1),
        f"a price is not between {SMALLEST_PRICE} and {LARGEST_PRICE}, or the volume is negative": (
            (prices[:, :4] < SMALLEST_PRICE) | (prices[:, :4] > LARGEST_PRICE)
        ).any(axis=1)
        | (prices[:, 4] < 0),
        "high is below, or low is above, another price": (prices[:, 1] < prices[:, :4].max(axis=1))
        | (prices[:, 2] > prices[:, :4].min(axis=1)),
    }
    firsts = {reason: int(at.argmax()) for reason, at in wrong.items() if at.any()}
    if not firsts:
        return
    row = min(firsts.values())
    reason = next(reason for reason, at in firsts.items() if at == row)
    if not reason:
        reason = f"timestamp: {explain_time(str(stamps[row]), int(stamps[row]), after_others=row > 0)}"
    raise CandleFileError(f"{path}: line {row + 2}: {reason}")


def _check_distance(path: Path, stamps: np.ndarray) -> None:
    """Refuse candles of more than a minute, whose high would be taken for one minute's. Raises CandleFileError.

    One-minute candles may have gaps. But among many rows, the distances have no common divisor above one minute.
    """
    apart = int(np.gcd.reduce(np.diff(stamps))) // MINUTE_MS if len(stamps) >= MANY_ROWS else 1
    if apart > 1:
        raise CandleFileError(f"{path}: line 3: the rows are {apart} minutes apart: candles of one minute are needed")


def explain_time(said: str, stamp: int, *, after_others: bool) -> str:
    """Why a number is no candle's time: the unit that it looks like, and what to do."""
    for unit, (times, parts) in _UNITS.items():
        if FIRST_MS <= stamp * times // parts < END_MS:
            looks_like = datetime.fromtimestamp(stamp * times // parts // 1000, UTC)
            how = f"multiply them by {times}" if times > 1 else f"divide them by {parts}"
            changed = ", where the lines before it are in milliseconds" if after_others else ""
            return (
                f"{said} looks like {unit} ({looks_like:%F %R} UTC){changed}: epoch milliseconds are needed on every "
                f"line; {how}"
            )
    return f"{said} is not between the years 2000 and 2100 in epoch milliseconds"


def _name_bad_line(path: Path, body: bytes) -> None:
    """Find the first line that pandas cannot read. Raises CandleFileError, if there is one. It is slow."""
    for number, line in _lines(body):
        if not line.strip():
            raise CandleFileError(f"{path}: line {number}: an empty line")
        fields = line.split(",")
        if len(fields) < len(HEADER):
            raise CandleFileError(f"{path}: line {number}: {len(fields)} columns instead of {len(HEADER)}")
        for name, field in zip(HEADER, fields, strict=False):
            said = field.strip().strip('"')[:_LONGEST_SHOWN]
            judge = _judge_time if name == HEADER[0] else _judge_number
            if fault := judge(said, number > 2):
                raise CandleFileError(f"{path}: line {number}: {name}: {fault}")


def _lines(body: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(body.split(b"\n")[1:], 2):
        yield number, line.decode("utf-8", "replace").rstrip("\r")


def _judge_number(said: str, _after_others: bool) -> str | None:
    try:
        float("" if "_" in said else said)
    except ValueError:
        return f"{said!r} is not a number"
    return None


def _judge_time(said: str, after_others: bool) -> str | None:
    try:
        number = float(said)
        stamp = int(said) if said.lstrip("-").isdecimal() else int(number)
    except (ValueError, OverflowError):
        return f"{said!r} is no number; epoch milliseconds are needed on every line"
    if number != stamp and abs(stamp) < 2**53:
        return f"{said} is not a whole number"
    if not FIRST_MS <= stamp < END_MS:
        return explain_time(said, stamp, after_others=after_others)
    return None

"""Reading a candle file. A file with an impossible line is refused, with the line's number; nothing is guessed.

layouts.py knows what other files than our own look like.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from scorekeeper.decisions.prices import LARGEST_PRICE, SMALLEST_PRICE
from scorekeeper.market import layouts
from scorekeeper.market.base import CANDLE_COLUMNS, ENDS_AT, ONE_MINUTE, Bars, CandleFileError
from scorekeeper.market.layouts import FIRST_MS, LayoutError, Rows

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]
END_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000
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
def read_candle_file(
    path: Path, mtime_ns: int, _size: int, *, still: bool, bars: Bars = ONE_MINUTE, layout: str = layouts.OWN
) -> CandleFile:
    """Read a whole file. `still`: the file has not changed lately, so a last line without its line end counts.

    A number is whole where a comma follows it. In a last row without line end, only the volume can be cut short: the
    row counts once the file stands still. `bars`: the candles that it must hold. Raises CandleFileError, which names
    file and line.
    """
    try:
        content = _read_bytes(path)
        lines = content.count(b"\n")
        dated = layout in layouts.DATED
        content, torn = _cut(content, layouts.header_width(content) if dated else len(HEADER), still=still)
        frame = _make_frame(path, _read_rows(path, content, layout, bars), bars)
        if dated and len(frame):
            frame = _drop_unfinished(frame, bars, mtime_ns)
    except CandleFileError:
        raise
    except OSError as exc:
        raise CandleFileError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except (EOFError, zlib.error, zipfile.BadZipFile) as exc:
        kind = "zip" if path.suffix == ".zip" else "gzip"
        raise CandleFileError(f"{path}: is cut off, or no {kind} file: {exc}") from exc
    except LayoutError as exc:
        raise CandleFileError(f"{path}: {exc}") from exc
    except Exception as exc:  # any error comes from this file, and so affects one symbol only
        raise CandleFileError(f"{path}: not a candle file: {type(exc).__name__}: {exc}") from exc
    return CandleFile(frame, lines + 1 if torn else None)


@lru_cache(maxsize=16)
def read_candle_files(parts: tuple[tuple[Path, int, int, bool], ...], bars: Bars, layout: str) -> CandleFile:
    """The candles of several files, each with its time of change, size and `still`, in order. See read_candle_file."""
    files = [read_candle_file(path, mtime_ns, size, still=still, bars=bars, layout=layout)
             for path, mtime_ns, size, still in parts]  # fmt: skip
    for (path, *_), file in zip(parts[:-1], files[:-1], strict=True):
        if file.torn is not None:
            raise CandleFileError(f"{path}: line {file.torn}: is not whole, and a later file is there")
    frames = [file.candles for file in files if len(file.candles)]
    candles = pd.concat(frames, ignore_index=True) if frames else _empty()
    if not candles["minute_at"].is_monotonic_increasing:
        first = parts[0][0]
        raise CandleFileError(f"{first.parent}: {first.name} and the files after it hold times of each other")
    return CandleFile(candles, files[-1].torn)


def _read_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" and content else content
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(names) != 1:
                raise CandleFileError(f"{path}: holds {len(names)} .csv files instead of one")
            content = archive.read(names[0])
    return content.removeprefix(_BOM)


def _cut(content: bytes, columns: int, *, still: bool) -> tuple[bytes, bool]:
    """The content without a last line that may be cut short; whether there was one. `columns`: of a whole line."""
    whole, end, last = content.rpartition(b"\n")
    if not last.strip():
        return content, False
    fields = last.split(b",")
    if still and len(fields) >= columns and fields[columns - 1].strip():
        return content, False
    return whole + end, True


def _read_rows(path: Path, content: bytes, layout: str, bars: Bars) -> Rows | None:
    """The rows in their order; None without any."""
    if not content.strip():  # the file exists, and is not written yet
        return None
    if layout in layouts.DATED:
        return layouts.read_dated(content, layout, bars)
    header = content.partition(b"\n")[0]
    if layout == layouts.BINANCE:
        skipped = 0 if header[:1].isdigit() else 1
    else:
        _check_header(path, header)
        skipped = 1
    body = content.rstrip()  # empty lines at the end are allowed
    if body.count(b"\n") < skipped:
        return None
    try:
        # pandas 3.1 and later read each number as the nearest double.
        raw = pd.read_csv(
            io.BytesIO(body), names=HEADER, skiprows=skipped, usecols=range(len(HEADER)), skip_blank_lines=False,
            dtype=dict.fromkeys(HEADER[1:], "float64"),
        )  # fmt: skip
    except ValueError as exc:
        _name_bad_line(path, body, skipped)
        raise CandleFileError(f"{path}: not a candle file: {exc}") from exc
    stamp = raw["timestamp"]
    if not pd.api.types.is_integer_dtype(stamp):
        # pandas writes 1746057600000.0 for a column that has had a gap: it is a whole number all the same.
        whole = pd.api.types.is_float_dtype(stamp) and bool((np.isfinite(stamp) & (stamp % 1 == 0)).all())
        if not whole or not (stamp.abs() < 2**53).all():
            _name_bad_line(path, body, skipped)
            raise CandleFileError(f"{path}: timestamp: whole epoch milliseconds are needed on every line")
        stamp = stamp.astype("int64")
    stamps = stamp.to_numpy()
    if layout == layouts.BINANCE and len(stamps) and (stamps >= END_MS).all() and (stamps % 1000 == 0).all():
        stamps = stamps // 1000  # its spot files are in microseconds since 2025
    return Rows(stamps, raw[HEADER[1:]].to_numpy(), np.arange(len(stamps)) + skipped + 1)


def _make_frame(path: Path, rows: Rows | None, bars: Bars) -> pd.DataFrame:
    """The candles, once every row is what it must be. Raises CandleFileError."""
    if rows is None or not len(rows.stamps):
        return _empty()
    _check_rows(path, rows, bars)
    if bars.calendar is None:
        _check_distance(path, rows.stamps, bars)
        stamps, ends = rows.stamps, None
    else:
        stamps, ends = layouts.place_in_sessions(rows, bars)
    frame = pd.DataFrame(rows.prices, columns=CANDLE_COLUMNS[1:])
    frame.insert(0, "minute_at", pd.to_datetime(stamps, unit="ms", utc=True))
    if ends is not None:
        frame[ENDS_AT] = pd.to_datetime(ends, unit="ms", utc=True)
    return frame


def _drop_unfinished(frame: pd.DataFrame, bars: Bars, mtime_ns: int) -> pd.DataFrame:
    """Without a last candle that had not ended when the file was written: a download during a session holds one."""
    last = frame.iloc[-1]
    ends_at = last[ENDS_AT] if ENDS_AT in frame else last["minute_at"] + bars.length
    return frame if ends_at.timestamp() * 1e9 <= mtime_ns else frame.iloc[:-1]


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


def _check_rows(path: Path, rows: Rows, bars: Bars) -> None:
    """Refuse a file with an impossible line. Raises CandleFileError, which names the first one."""
    stamps, prices, lines = rows
    is_minute = bars.length == ONE_MINUTE.length
    grid = ONE_MINUTE.seconds if bars.calendar is not None else bars.seconds
    outside = (stamps < FIRST_MS) | (stamps >= END_MS)
    wrong = {
        "": outside,
        f"timestamp: not the opening of a {'minute' if is_minute else f'candle of {bars.name}'}": (
            stamps % (grid * 1000) != 0
        ),
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
    raise CandleFileError(f"{path}: line {lines[row]}: {reason}")


def _check_distance(path: Path, stamps: np.ndarray, bars: Bars) -> None:
    """Refuse candles that are longer than they should be, whose high would be taken for a shorter one's.

    Candles may have gaps. But among many rows, the distances have no common divisor above one candle.
    Raises CandleFileError.
    """
    apart = int(np.gcd.reduce(np.diff(stamps))) // 60_000 if len(stamps) >= MANY_ROWS else 1
    if apart > bars.seconds // 60:
        needed = "one minute" if bars.length == ONE_MINUTE.length else bars.name
        raise CandleFileError(
            f"{path}: line 3: the rows are {apart} minutes apart: candles of {needed} are needed (see CANDLE_LENGTH)"
        )


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


def _name_bad_line(path: Path, body: bytes, skipped: int) -> None:
    """Find the first line that pandas cannot read. Raises CandleFileError, if there is one. It is slow."""
    for number, line in _lines(body, skipped):
        if not line.strip():
            raise CandleFileError(f"{path}: line {number}: an empty line")
        fields = line.split(",")
        if len(fields) < len(HEADER):
            raise CandleFileError(f"{path}: line {number}: {len(fields)} columns instead of {len(HEADER)}")
        for name, field in zip(HEADER, fields, strict=False):
            said = field.strip().strip('"')[:_LONGEST_SHOWN]
            judge = _judge_time if name == HEADER[0] else _judge_number
            if fault := judge(said, number > skipped + 1):
                raise CandleFileError(f"{path}: line {number}: {name}: {fault}")


def _lines(body: bytes, skipped: int) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(body.split(b"\n")[skipped:], skipped + 1):
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

"""What a candle file may look like, as REPLAY_LAYOUT declares it: its rows, whatever the layout.

yahoo: the site's downloads and what yfinance writes. stooq: its downloads (English or Polish) and its text files.
binance: the files of data.binance.vision, with or without a header. scorekeeper: this house's own.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from scorekeeper.market.base import LENGTHS, Bars

if TYPE_CHECKING:
    import numpy as np  # at run time it loads only where a file is read

OWN, YAHOO, STOOQ, BINANCE = "scorekeeper", "yahoo", "stooq", "binance"
DATED = {YAHOO, STOOQ}
ENDINGS = {OWN: (".csv", ".csv.gz"), YAHOO: (".csv", ".csv.gz"), STOOQ: (".csv", ".csv.gz", ".txt"),
           BINANCE: (".csv", ".csv.gz", ".zip")}  # fmt: skip
_POLISH = {
    "data": "date", "otwarcie": "open", "najwyzszy": "high", "najnizszy": "low", "zamkniecie": "close",
    "wolumen": "volume",
}  # fmt: skip
NAMES = {"vol": "volume", "datetime": "date", **_POLISH}
_PRICES = ("open", "high", "low", "close")
_NOTHING = {"", "null", "nan", "none", "n/a"}
_ROUNDING = 1e-6  # Yahoo's prices of one day differ by so much, as a share, where they should be equal
_LONGEST_SHOWN = 40
DAY = LENGTHS["1d"]
FIRST_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000  # no decision is older


class LayoutError(ValueError):
    """A line that the layout does not allow: the text says which one, and why."""


class Rows(NamedTuple):
    """A file's candles in order of time: openings (epoch milliseconds), prices and volume (n, 5), line numbers."""

    stamps: "np.ndarray"
    prices: "np.ndarray"
    lines: "np.ndarray"


@dataclass
class _Columns:
    """Where each field stands in a row."""

    at: dict[str, int]
    width: int
    tickers: set[str] = field(default_factory=set)
    found: list[tuple[int, int, list[float]]] = field(default_factory=list)


def read_dated(content: bytes, layout: str, bars: Bars) -> Rows:
    """The rows of a file whose candles are named by a date, oldest first; halted days, which have no prices, left out.

    The opening of a day is midnight UTC of its date. Raises LayoutError.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise LayoutError(f"line {line}: not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = _number(reader)
        columns = _read_header(rows, layout)
        for line, row in rows:
            _read_row(columns, line, row, layout, bars)
    except csv.Error as exc:
        raise LayoutError(f"line {reader.line_num}: {exc}") from None
    import numpy as np

    found = columns.found
    if len(found) > 1 and all(after[0] < before[0] for before, after in pairwise(found)):
        found.reverse()  # newest first
    return Rows(
        np.array([one[0] for one in found], dtype=np.int64),
        np.array([one[2] for one in found], dtype=np.float64).reshape(len(found), 5),
        np.array([one[1] for one in found], dtype=np.int64),
    )


def place_in_sessions(rows: Rows, bars: Bars) -> "tuple[np.ndarray, np.ndarray]":
    """When each row's candle opens and ends, by the sessions of the calendar. Raises LayoutError.

    A day may be given by its session's opening, or by midnight UTC of its date.
    """
    import numpy as np

    assert bars.calendar is not None
    length = bars.seconds * 1000
    first, last = (datetime.fromtimestamp(int(at) // 1000, UTC).date() for at in (rows.stamps[0], rows.stamps[-1]))
    spans: dict[int, tuple[int, int]] = {}
    for session in bars.calendar.sessions(first - timedelta(days=2), last + timedelta(days=2)):
        opens, closes = (int(at.timestamp() * 1000) for at in session[1:])
        if bars.length == DAY:
            midnight = datetime(session.day.year, session.day.month, session.day.day, tzinfo=UTC)
            spans.setdefault(int(midnight.timestamp() * 1000), (opens, closes))
        spans |= {at: (at, min(at + length, closes)) for at in range(opens, closes, length)}
    found = [spans.get(int(at)) for at in rows.stamps]
    for row, span in enumerate(found):
        if span is None:
            said = datetime.fromtimestamp(int(rows.stamps[row]) // 1000, UTC)
            what = "opens no candle" if said.hour or said.minute else "is no session"
            raise LayoutError(f"line {rows.lines[row]}: {said:%F %R} UTC {what} of CALENDAR={bars.calendar.name}")
    spanned = np.array(found, dtype=np.int64)
    return spanned[:, 0], spanned[:, 1]


def header_width(content: bytes) -> int:
    """How many columns the header of a dated file has, without reading the rest."""
    first = next((line for line in content.split(b"\n", 8) if line.strip() and not line.startswith(b"#")), b"")
    return first.count(b",") + 1


def _number(reader: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows with their line numbers, without comments and empty lines."""
    last = 0
    for row in reader:
        line, last = last + 1, reader.line_num  # type: ignore[attr-defined]  # it is csv's
        if any(cell.strip() for cell in row) and not row[0].startswith("#"):
            yield line, row


def _read_header(rows: Iterator[tuple[int, list[str]]], layout: str) -> _Columns:
    line, row = next(rows, (1, []))
    names = [clean_name(name) for name in row]
    # yfinance writes three lines for one ticker: what, whose (Ticker,AAPL,AAPL …), and Date alone.
    if names[:1] == ["price"]:
        for line, row in rows:
            if clean_name(row[0]) in ("date", "datetime"):
                names[0] = "date"
                break
            if clean_name(row[0]) != "ticker" or len({cell for cell in row[1:] if cell}) > 1:
                raise LayoutError(f"line {line}: the header must name one ticker: keep one file for each")
    names = [NAMES.get(name, name) for name in names]
    at = {name: names.index(name) for name in ("date", *_PRICES, "volume", "time", "per", "ticker") if name in names}
    if missing := [name for name in ("date", *_PRICES) if name not in at]:
        said = ",".join(row)[:_LONGEST_SHOWN]
        needed = f"REPLAY_LAYOUT={layout} needs it"
        raise LayoutError(f"line {line}: the header lacks {', '.join(missing)} ({said!r}); {needed}")
    return _Columns(at, max(at.values()) + 1)


def clean_name(name: str) -> str:
    """A column's name as it is compared."""
    return name.strip().strip("<>").strip().lower()


def _read_row(columns: _Columns, line: int, row: list[str], layout: str, bars: Bars) -> None:
    at = columns.at
    if "ticker" in at:
        columns.tickers.add(row[at["ticker"]].strip())
        if len(columns.tickers) > 1:
            raise LayoutError(f"line {line}: another TICKER than before: keep one file for each")
    if len(row) < columns.width:
        raise LayoutError(f"line {line}: {len(row)} columns instead of {columns.width}")
    said = [row[at[name]].strip() for name in _PRICES]
    empty = [one.lower() in _NOTHING for one in said]
    stamp = _read_date(row[at["date"]].strip(), line, bars)
    if "per" in at and row[at["per"]].strip().upper() != "D":
        raise LayoutError(f"line {line}: PER is {row[at['per']][:_LONGEST_SHOWN]!r}: files of days (D) are read")
    if "time" in at and row[at["time"]].strip().strip("0"):
        raise LayoutError(f"line {line}: TIME is {row[at['time']][:_LONGEST_SHOWN]!r}: files of days are read")
    if all(empty) or stamp < FIRST_MS:
        return  # the market was halted; or it is older than any decision
    prices = [_read_number(one, name, line) for one, name in zip(said, _PRICES, strict=True)]
    volume = row[at["volume"]].strip() if "volume" in at else ""
    prices.append(0.0 if volume.lower() in _NOTHING else _read_number(volume, "volume", line))
    columns.found.append((stamp, line, _without_rounding(prices) if layout == YAHOO else prices))


def _read_number(said: str, name: str, line: int) -> float:
    try:
        return float("" if "_" in said else said)
    except ValueError:
        raise LayoutError(f"line {line}: {name}: {said[:_LONGEST_SHOWN]!r} is not a number") from None


def _without_rounding(prices: list[float]) -> list[float]:
    opened, high, low, close, volume = prices
    above, below = max(opened, close), min(opened, close)
    if high < above <= high * (1 + _ROUNDING):
        high = above
    if low > below >= low * (1 - _ROUNDING):
        low = below
    return [opened, high, low, close, volume]


def _read_date(said: str, line: int, bars: Bars) -> int:
    """Epoch milliseconds. Of a day: midnight UTC, whatever time and offset follow the date."""
    form = f"{said[:4]}-{said[4:6]}-{said[6:]}" if len(said) == 8 and said.isdecimal() else said
    try:
        moment = datetime.fromisoformat(form[:10] if bars.length == DAY else form)
    except ValueError:
        raise LayoutError(f"line {line}: {said[:_LONGEST_SHOWN]!r} is no date such as 2025-05-01") from None
    if bars.length == DAY:
        moment = moment.replace(tzinfo=UTC)
    elif moment.tzinfo is None:
        raise LayoutError(
            f"line {line}: {said[:_LONGEST_SHOWN]!r} says no offset from UTC, such as 2025-05-01 09:30:00-04:00"
        )
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

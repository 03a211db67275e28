"""Prices for decisions that say none: from a folder of candles or daily bars, as people have them."""

import csv
import io
import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from scorekeeper.decisions.prices import LOOK_BACK, is_price
from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.foreign_files import read_bytes

_TIMES = ("timestamp", "datetime", "date", "time", "open_time", "open time")
_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[ T]00:00:00(?:\.0+)?)?")
At = Literal["open", "close"]


class _Bars(NamedTuple):
    """A symbol's bars. `daily`: they have a day and no time. `begins`: when each begins, naive."""

    daily: bool
    begins: list[datetime]
    opens: list[float]
    closes: list[float]
    length: timedelta


class PriceFolder:
    """Prices by symbol and time. A file is named after its symbol, such as AAPL.csv or BTC-USDT.csv, `.gz` or not.

    `at`: which price of a day's bar a decision of that day was made at. A day without a bar has the last close before
    it. Of shorter bars, the close of the last one that had ended counts. No price is older than a week.
    """

    def __init__(self, folder: Path, at: At, zone: ZoneInfo | None) -> None:
        if not folder.is_dir():
            raise ScorekeeperError(f"{folder}: there is no such folder of prices")
        self._files = {path.name.lower().removesuffix(".gz").removesuffix(".csv"): path for path in folder.iterdir()}
        self._at, self._zone = at, zone or ZoneInfo("UTC")
        self._read = cache(_read_bars)

    def find(self, symbol: str, moment: datetime) -> float | None:
        """The price of a symbol at a moment, UTC; None if the folder has none. Raises ScorekeeperError."""
        plain = symbol.lower()
        names = (plain, plain.replace("/", "-"), re.sub(r"[/:]", "-", plain), re.sub(r"[^a-z0-9]", "", plain))
        path = next((self._files[name] for name in names if name in self._files), None)
        if path is None:
            return None
        bars = self._read(path)
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        if bars.daily:
            day = local.replace(hour=0, minute=0, second=0, microsecond=0)
            place = bisect_right(bars.begins, day) - 1
            if place < 0 or day - bars.begins[place] > LOOK_BACK:
                return None
            return bars.opens[place] if self._at == "open" and bars.begins[place] == day else bars.closes[place]
        at = moment.astimezone(UTC).replace(tzinfo=None)
        place = bisect_right(bars.begins, at - bars.length) - 1
        return bars.closes[place] if place >= 0 and at - bars.begins[place] <= LOOK_BACK else None


def _read_bars(path: Path) -> _Bars:
    """The bars of a file with columns for time, open and close, in any order. Raises ScorekeeperError."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=text.partition("\n")[0].count))
        columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
        time = next((columns[name] for name in _TIMES if name in columns), None)
        if time is None or "close" not in columns:
            raise ScorekeeperError(f"{path}: needs a header with a time ({', '.join(_TIMES[:3])}) and close")
        found: list[tuple[datetime, float, float]] = []
        daily = False
        for row in rows:
            said = (row[time] or "").strip()
            first, last = (_price(row[columns.get(name, columns["close"])]) for name in ("open", "close"))
            if said and first is not None and last is not None:
                daily = daily or bool(_DAY.fullmatch(said))
                found.append((_begin(said), first, last))
    except (OSError, ValueError, csv.Error, OverflowError) as exc:
        raise ScorekeeperError(f"{path}: cannot be read: {exc}") from None
    found.sort()
    begins = [at for at, *_ in found]
    lengths = [later - earlier for earlier, later in pairwise(begins) if later > earlier]
    length = min(lengths, default=timedelta(minutes=1))
    return _Bars(daily, begins, [first for _, first, _ in found], [last for *_, last in found], length)


def _begin(said: str) -> datetime:
    """When a bar begins, naive: a day as it is, a time in UTC."""
    day = said[:10] if _DAY.fullmatch(said) else said
    if len(day) == 8:
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    return read_moment(day, ZoneInfo("UTC")).at.replace(tzinfo=None)


def _price(said: str | None) -> float | None:
    try:
        number = float(said or "nan")
    except ValueError:
        return None  # "null": a day on which nothing was traded
    return number if is_price(number) else None

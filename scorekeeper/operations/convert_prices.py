"""Prices for decisions that say none: from a folder of candles or daily bars, as a replay market reads them."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from scorekeeper.decisions.prices import LOOK_BACK, is_price
from scorekeeper.decisions.symbols import stem_of, unify_symbol
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import LENGTHS, Bars
from scorekeeper.market.candle_file import read_candle_file
from scorekeeper.market.file_names import Named, list_files
from scorekeeper.market.layouts import DATED, read_dated
from scorekeeper.market.recognise import Look, may_be_candles, recognise_file
from scorekeeper.operations.foreign_files import read_bytes

At = Literal["open", "close"]


class _Prices(NamedTuple):
    """A symbol's bars. `daily`: they have a day and no time. `begins`: when each begins, naive."""

    daily: bool
    length: timedelta
    begins: list[datetime]
    opens: list[float]
    closes: list[float]


class PriceFolder:
    """Prices by symbol and time, from files in any layout of a replay market. Each is recognised by its first lines.

    `at`: which price of a day's bar a decision of that day was made at. A day without a bar has the last close before
    it. Of shorter bars, the close of the last one that had ended counts. No price is older than a week.
    """

    def __init__(self, folder: Path, at: At, zone: ZoneInfo | None) -> None:
        if not folder.is_dir():
            raise ScorekeeperError(f"{folder}: there is no such folder of prices")
        self._at, self._zone = at, zone or ZoneInfo("UTC")
        self._named, self._others = _list_folder(folder)
        self._read = cache(lambda name: _read_prices(*self._named[name]))

    def find(self, symbol: str, moment: datetime) -> float | None:
        """The price of a symbol at a moment, UTC; None if the folder has none. Raises ScorekeeperError."""
        whole = symbol.upper()
        names = (whole.replace("/", "%2F").replace(":", "%3A"), stem_of(whole), stem_of(unify_symbol(whole)),
                 whole.replace("/", ""))  # fmt: skip
        name = next((name for name in names if name in self._named), None)
        if name is None:
            if other := next((path for path in self._others if path.name.split(".csv")[0].upper() in names), None):
                raise ScorekeeperError(f"{other}: is no file of candles that is read: see docs/candle-files.md")
            return None
        bars = self._read(name)
        if bars.daily:
            local = moment.astimezone(self._zone).replace(tzinfo=None)
            day = local.replace(hour=0, minute=0, second=0, microsecond=0)
            place = bisect_right(bars.begins, day) - 1
            if place < 0 or day - bars.begins[place] > LOOK_BACK:
                return None
            price = bars.opens[place] if self._at == "open" and bars.begins[place] == day else bars.closes[place]
        else:
            at = moment.astimezone(UTC).replace(tzinfo=None)
            place = bisect_right(bars.begins, at - bars.length) - 1
            if place < 0 or at - bars.begins[place] > LOOK_BACK:
                return None
            price = bars.closes[place]
        return price if is_price(price) else None


def _list_folder(folder: Path) -> tuple[dict[str, tuple[Named, Look]], list[Path]]:
    """The files of each symbol by the name that stands for it, and those that are not recognised.

    Raises ScorekeeperError.
    """
    looks: dict[Look, list[str]] = {}
    others = []
    try:
        for path in sorted(folder.iterdir()):
            if may_be_candles(path):
                if look := recognise_file(path):
                    looks.setdefault(look, []).append(path.name)
                else:
                    others.append(path)
    except OSError as exc:
        raise ScorekeeperError(f"{folder}: cannot be read: {exc.strerror}") from None
    if not looks:
        raise ScorekeeperError(f"{folder}: holds no file of candles, such as NVDA.csv: see docs/candle-files.md")
    found: dict[str, tuple[Named, Look]] = {}
    for look, names in looks.items():
        for name, named in list_files(folder, names, look.layout, Bars(LENGTHS[look.length])).items():
            if name in found:
                both = f"{found[name][0].paths[0].name} and {named.paths[0].name}"
                raise ScorekeeperError(f"{folder}: {both} are files of one symbol: keep one of them")
            found[name] = named, look
    return found, others


def _read_prices(named: Named, look: Look) -> _Prices:
    """The bars of a symbol's files. Raises ScorekeeperError, which names file and line."""
    if named.fault:
        raise ScorekeeperError(f"{named.paths[0].parent}: {named.fault}")
    bars = Bars(LENGTHS[look.length])
    if look.layout in DATED:
        # The bar of today counts, which a market leaves out until its day is over: the caller names the time.
        (path,) = named.paths
        try:
            rows = read_dated(read_bytes(path).removeprefix(b"\xef\xbb\xbf"), look.layout, bars)
        except (OSError, ValueError, EOFError) as exc:
            raise ScorekeeperError(f"{path}: {exc}") from None
        begins = [datetime.fromtimestamp(int(at) // 1000, UTC).replace(tzinfo=None) for at in rows.stamps]
        if begins != sorted(set(begins)):
            raise ScorekeeperError(f"{path}: its rows are not in order of time")
        opens, closes = rows.prices[:, 0].tolist(), rows.prices[:, 3].tolist()
        return _Prices(look.length == "1d", bars.length, begins, opens, closes)
    frames = []
    for path in named.paths:
        state = path.stat()
        file = read_candle_file(path, state.st_mtime_ns, state.st_size, still=True, bars=bars, layout=look.layout)
        frames.append(file.candles)
    candles = pd.concat(frames)
    begins = [at.to_pydatetime().replace(tzinfo=None) for at in candles["minute_at"]]
    return _Prices(False, bars.length, begins, candles["open"].tolist(), candles["close"].tolist())

"""What the names of candle files say: whose candles they hold, and of which time, by the declared layout."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from scorekeeper.decisions.symbols import read_stem, stem_of, unify_symbol
from scorekeeper.market.base import Bars
from scorekeeper.market.layouts import BINANCE, ENDINGS, STOOQ
from scorekeeper.market.splits import FILE as SPLITS_FILE

# BTCUSDT-1m-2025-05.zip is a month, BTCUSDT-1m-2025-05-01.zip a day.
_DUMP = re.compile(r"(?P<symbol>[A-Z0-9_]+)-(?P<length>\d+[A-Z]+)-(?P<period>\d{4}-\d{2}(-\d{2})?)")


@dataclass
class Named:
    """A symbol's files, in order of time. `fault`: what is wrong with their names, empty if nothing is."""

    symbol: str
    paths: list[Path] = field(default_factory=list)
    fault: str = ""


def list_files(folder: Path, names: Iterable[str], layout: str, bars: Bars) -> dict[str, Named]:
    """The files of each symbol, by the name that stands for it, in capitals."""
    found: dict[str, Named] = {}
    periods: dict[str, list[tuple[date, date, Path]]] = {}
    for name in names:
        ending = next((one for one in ENDINGS[layout] if name.lower().endswith(one)), None)
        if ending is None or name == SPLITS_FILE:
            continue
        stem = _comparable(name[: -len(ending)])
        if layout == BINANCE and (dump := _DUMP.fullmatch(stem)):
            if dump["length"] != bars.name.upper():
                continue  # candles of another length lie in the same folder
            symbol = unify_symbol(dump["symbol"])
            periods.setdefault(symbol, []).append((*_period(dump["period"]), folder / name))
            continue
        if layout == STOOQ:
            # aapl_us_d.csv from the site, aapl.us.txt from its archives: of US stocks the ticker alone is the symbol.
            stem = re.sub("_D$", "", stem).replace("_", ".").removesuffix(".US")
        found.setdefault(stem, Named(_owner(stem))).paths.append(folder / name)
    for named in found.values():
        if len(named.paths) > 1:
            both = " and ".join(path.name for path in named.paths)
            named.fault = f"{both} are files of one symbol: keep one of them"
    for symbol, parts in periods.items():
        found[stem_of(symbol)] = _in_order(symbol, sorted(parts), found.get(stem_of(symbol)))
    return found


def _in_order(symbol: str, parts: list[tuple[date, date, Path]], other: Named | None) -> Named:
    named = Named(symbol, [path for _, _, path in parts])
    if other is not None:
        named.fault = f"{other.paths[0].name} and {named.paths[0].name} are files of one symbol: keep one of them"
    for (_, end, path), (start, _, after) in pairwise(parts):
        if start > end:
            named.fault = f"between {path.name} and {after.name} a file is missing: add it"
        elif start < end:
            named.fault = f"{path.name} and {after.name} hold the same time: keep one of them"
    return named


def _period(said: str) -> tuple[date, date]:
    """The first day, and the one after the last."""
    if len(said) > len("2025-05"):
        day = date.fromisoformat(said)
        return day, day + timedelta(days=1)
    first = date.fromisoformat(f"{said}-01")
    return first, (first + timedelta(days=32)).replace(day=1)


def _owner(name: str) -> str:
    """The symbol that a file of that name is for."""
    return name.replace("%2F", "/").replace("%3A", ":") if "%" in name else read_stem(name)


def _comparable(name: str) -> str:
    """A file's name in capitals, its accents composed: macOS may store a letter and its accent apart."""
    whole = unicodedata.normalize("NFC", name)
    return "".join(one.upper() if one.isascii() else one for one in whole)

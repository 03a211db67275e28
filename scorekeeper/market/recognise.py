"""What candle files look like: their layout, and the length of their candles, by their first lines.

It suggests settings, and finds prices for `convert`. A market reads what REPLAY_LAYOUT and CANDLE_LENGTH declare.
"""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from scorekeeper.market.base import LENGTHS
from scorekeeper.market.layouts import BINANCE, DATED, ENDINGS, NAMES, OWN, STOOQ, YAHOO, clean_name
from scorekeeper.market.splits import FILE as SPLITS_FILE

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]
_HEAD_BYTES = 64 << 10
_ROWS, _FILES = 500, 20
_ENDINGS = tuple(sorted({ending for endings in ENDINGS.values() for ending in endings}))
_STOOQS = re.compile(r"_[dwm]\.csv|\.[a-z]{2}\.txt", re.IGNORECASE)  # aapl_us_d.csv, aapl.us.txt
_LATEST_MS = 10**14


class Look(NamedTuple):
    """A layout as REPLAY_LAYOUT has it, and a length as CANDLE_LENGTH has it."""

    layout: str
    length: str


def recognise_folder(folder: Path) -> Look | None:
    """What the candle files of a folder look like; None if they differ, or none of them is recognised."""
    paths = (path for path in sorted(folder.iterdir()) if may_be_candles(path))
    looks = {look for path in islice(paths, _FILES) if (look := recognise_file(path))}
    return looks.pop() if len(looks) == 1 else None


def recognise_settings(market: str) -> dict[str, str]:
    """What the files of MARKET=replay:FOLDER look like, as settings; nothing if they do not tell."""
    folder = Path(market.removeprefix("replay:")).expanduser()
    look = recognise_folder(folder) if market.startswith("replay:") and folder.is_dir() else None
    return {} if look is None else {"REPLAY_LAYOUT": look.layout, "CANDLE_LENGTH": look.length}


def may_be_candles(path: Path) -> bool:
    """Whether a name may be that of a candle file."""
    return path.name.lower().endswith(_ENDINGS) and path.name != SPLITS_FILE and path.is_file()


def recognise_file(path: Path) -> Look | None:
    """What a file looks like; None for one that is of no layout, cannot be read, or is too short to say.

    One row with a date is a day's.
    """
    try:
        rows = list(islice(csv.reader(io.StringIO(_read_head(path), newline="")), _ROWS))[:-1]  # the last may be cut
    except (OSError, EOFError, csv.Error, zlib.error, zipfile.BadZipFile):
        return None
    rows = [row for row in rows if any(row) and not row[0].startswith("#")]
    header = [clean_name(name) for name in rows[0]] if rows else []
    if header[: len(HEADER)] == HEADER:
        layout, times = OWN, _read_stamps(rows[1:], 0)
    elif len(header) >= len(HEADER) and (header[0].isdecimal() or header[0] in ("open_time", "open time")):
        layout, times = BINANCE, _read_stamps(rows, 0)
    else:
        names = [NAMES.get(name, name) for name in header]
        at = names.index("date") if "date" in names else 0
        if "close" not in names or (at == 0 and names[0] not in ("date", "price")):
            return None
        says_stooq = "<" in rows[0][0] or names != [{"datetime": "date"}.get(name, name) for name in header]
        layout = STOOQ if says_stooq or _STOOQS.search(path.name) else YAHOO
        times = _read_dates(rows[1:], at)
    apart = {after - before if after > before else before - after for before, after in pairwise(times)}
    length = min(apart, default=timedelta(0))
    if layout in DATED and (not length or length > LENGTHS["1d"]):  # a file of few days may hold no two in a row
        length = LENGTHS["1d"]
    name = next((name for name, one in LENGTHS.items() if one == length), None)
    return None if name is None else Look(layout, name)


def _read_head(path: Path) -> str:
    """The beginning of a file as text, with a line end behind a last line that is whole."""
    lower = path.name.lower()
    if lower.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            inner = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(inner) != 1:
                return ""
            with archive.open(inner[0]) as file:
                content = file.read(_HEAD_BYTES)
    else:
        with gzip.open(path) if lower.endswith(".gz") else path.open("rb") as file:
            content = file.read(_HEAD_BYTES)
    whole = "" if len(content) == _HEAD_BYTES else "\n-\n"
    return content.decode("utf-8-sig", "replace") + whole


def _read_stamps(rows: list[list[str]], at: int) -> Iterator[datetime]:
    for row in rows:
        said = row[at].strip().removesuffix(".0")
        if said.isdecimal() and len(said) < 20:
            stamp = int(said)
            yield datetime.fromtimestamp((stamp if stamp < _LATEST_MS else stamp // 1000) / 1000, UTC)


def _read_dates(rows: list[list[str]], at: int) -> Iterator[datetime]:
    """The times as they are written, without their offset: days stay a day apart when the clock changes."""
    for row in rows:
        try:
            yield datetime.fromisoformat(row[at].strip()).replace(tzinfo=None)
        except (ValueError, IndexError):
            continue

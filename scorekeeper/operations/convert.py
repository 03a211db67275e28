"""Converts the files of other systems to decision files. What they do not say, the caller says."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.decisions.words import DIRECTIONS, meaning_of
from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.inbox.adapters.base import Adapter, Closing, Exit, Found, Lost, Part
from scorekeeper.operations.convert_prices import PriceFolder
from scorekeeper.operations.foreign_files import list_files, read_documents
from scorekeeper.private_files import make_folder

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class AskError(ScorekeeperError):
    """The files do not say something that a decision needs, and an option has to."""


@dataclass(frozen=True)
class Options:
    """What the files do not say: the zone of times without one, when a decision of a day was made, its price, and the
    version. None: nothing is said.
    """

    timezone: ZoneInfo | None = None
    time_of_day: time | None = None
    price: float | None = None
    prices: PriceFolder | None = None
    version: str | None = None


@dataclass
class Converted:
    """What a conversion came to: `files` tried, and `known` of them; `decisions`, and `ended` trades with their exits.

    `dated`: how many decisions have the time of their file. `repeated`: how many came more than once. `lost`: what was
    left out, with counts. `unread_words`: words that are in no list, and open no trade. `unread`: files that could not
    be read, with the reason. `others`: files of something else.
    """

    files: int = 0
    known: int = 0
    decisions: int = 0
    ended: int = 0
    dated: int = 0
    repeated: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    unread: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    unread_words: Counter[str] = field(default_factory=Counter)
    written: list[Path] = field(default_factory=list)


def convert(paths: list[Path], adapter: Adapter, out: Path, options: Options, inbox: Path) -> Converted:
    """Convert files, and those of folders, to decision files in `out`. The same files give the same bytes and names.

    Trades that bring their own exits go to a file of their own, which `scorekeeper import` reads: then `out` must lie
    outside the inbox. Raises AskError and ScorekeeperError.
    """
    done = Converted()
    decisions: dict[bytes, datetime] = {}
    ended: dict[bytes, datetime] = {}
    for path in list_files(paths):
        done.files += 1
        try:
            parts = list(_read_file(path, adapter))
        except AskError:
            raise
        except ScorekeeperError as exc:
            done.unread[str(path)] = str(exc)
            continue
        if not parts:
            done.others.append(str(path))
            continue
        done.known += 1
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        for part in join_exits(parts):
            if isinstance(part, Lost):
                done.lost[f"{part.what}: {part.why}"] += 1
                continue
            complete = _complete(part, adapter, options, modified, done)
            if complete is None:
                continue
            record, moment = complete
            into = ended if part.exit is not None else decisions
            text = msgspec.json.encode(record)
            done.repeated += text in into
            into.setdefault(text, moment)
    done.decisions, done.ended = len(decisions), len(ended)
    if ended and inbox in (out.absolute(), *out.absolute().parents):
        raise ScorekeeperError(
            f"{adapter.system}'s trades bring their own exits, which the inbox does not take: choose another --out, "
            "and read its file by scorekeeper import"
        )
    for texts, name in ((decisions, adapter.name), (ended, f"{adapter.name}-trades")):
        if texts:
            done.written.append(_write(out, name, texts))
    return done


def join_exits(parts: list[Part]) -> Iterator[Found | Lost]:
    """The parts of a file, with each exit that comes by itself at the trade that it ends."""
    opened = {part.decision.get("trade_id"): place for place, part in enumerate(parts) if isinstance(part, Found)}
    joined: list[Part] = list(parts)
    for part in parts:
        if isinstance(part, Closing) and (place := opened.get(part.trade_id)) is not None:
            joined[place] = Found(parts[place].decision, part.exit)  # type: ignore[union-attr]  # it is Found
    for part in joined:
        if not isinstance(part, Closing):
            yield part
        elif part.trade_id not in opened:
            yield Lost("the exit of a trade", "the file does not say what it opened with")


def record_exit(decision: dict[str, Any], end: Exit) -> dict[str, Any]:
    """A decision with the exit of its trade, as a record of a dataset."""
    outcome = {"exit_price": end.price, "exit_time": end.time, "mfe_pct": end.mfe_pct, "mae_pct": end.mae_pct}
    return decision | {"status": "completed"} | {name: one for name, one in outcome.items() if one is not None}


def _read_file(path: Path, adapter: Adapter) -> Iterator[Part]:
    for _, document in read_documents(path):
        if adapter.recognises(document):
            yield from adapter.read(document)
        elif isinstance(document, list):
            for one in filter(adapter.recognises, document):
                yield from adapter.read(one)


def _complete(
    part: Found, adapter: Adapter, options: Options, modified: datetime, done: Converted
) -> tuple[dict[str, Any], datetime] | None:
    """A decision with what its file does not say, and its time; None if it cannot be had, which `done` counts."""
    decision = dict(part.decision)
    if options.version is not None:
        decision["version"] = options.version
    stamp = decision.get("timestamp")
    if stamp is None and adapter.dated_by_file:
        done.dated += 1
        stamp = modified.isoformat()
    try:
        stamp, moment = _zoned(stamp, adapter, options)
        end = part.exit and part.exit._replace(time=_zoned(part.exit.time, adapter, options)[0])
    except ValueError as exc:
        done.lost[f"{decision.get('type')}: {exc}"] += 1
        return None
    decision["timestamp"] = stamp
    meaning = meaning_of(str(decision.get("type")))
    if meaning is None:
        done.unread_words[str(decision.get("type"))] += 1
    if decision.get("price") is None:
        symbol = str(decision.get("symbol"))
        price = options.price if options.prices is None else options.prices.find(symbol, moment)
        if price is not None:
            decision["price"] = price
        elif meaning and DIRECTIONS[meaning]:
            how = f"{symbol} has none then in --prices" if options.prices else "give it by --prices or --price"
            done.lost[f"{decision.get('type')} without a price: {how}"] += 1
            return None
    return (decision if end is None else record_exit(decision, end)), moment


def _zoned(stamp: object, adapter: Adapter, options: Options) -> tuple[object, datetime]:
    """A time with its zone, as written where it has one. Raises ValueError, AskError."""
    if isinstance(stamp, str) and _DAY.fullmatch(stamp.strip()):
        if options.time_of_day is None or options.timezone is None:
            raise AskError(
                f"{adapter.system} says the day of a decision and no time: give --time, such as 16:00, and --timezone, "
                "such as America/New_York"
            )
        stamp = f"{stamp.strip()}T{options.time_of_day:%H:%M:%S}"
    if isinstance(stamp, bool) or not isinstance(stamp, str | int | float):
        raise ValueError("no time is said")
    try:
        moment = read_moment(stamp, options.timezone or ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise ValueError(f"{str(stamp)[:40]!r} is no time") from None
    if moment.in_zone:
        return stamp, moment.at
    if options.timezone is None:
        raise AskError(f"{adapter.system}'s times say no zone ({stamp}): give --timezone, such as UTC or Asia/Shanghai")
    return moment.at.astimezone(options.timezone).isoformat(), moment.at


def _write(out: Path, name: str, texts: dict[bytes, datetime]) -> Path:
    """Write lines in order of time, by a rename: `out` may be the inbox."""
    content = b"".join(text + b"\n" for text, _ in sorted(texts.items(), key=lambda one: (one[1], one[0])))
    path = out / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}.jsonl"
    try:
        make_folder(out)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.rename(path)
    except OSError as exc:
        raise ScorekeeperError(f"{path} cannot be written: {explain(exc)}") from None
    return path

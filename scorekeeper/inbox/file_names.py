"""What the name of a decision file says, and the name that it gets once it is read."""

import os
import re
from functools import lru_cache
from pathlib import Path

from scorekeeper.inbox.formats import BY_SUFFIX, FORMATS
from scorekeeper.inbox.formats.base import Format

# The suffixes of files of lines: those that rotate, and that may grow.
LINES = tuple(suffix for form in FORMATS if form.streams for suffix in form.suffixes)
_LINES = "|".join(map(re.escape, LINES))
# What rotating loggers put behind the name of a file of lines: .1, -20250501, .2025-05-01_12-00-00.
_ROTATED = re.compile(rf"(?P<name>.*(?:{_LINES}))(?P<turn>[.-][0-9][0-9T_:.-]{{0,30}})", re.I | re.S)
_HASHED = re.compile(r"-([0-9a-f]{12})(?=\.|$)")


def split_turn(name: str) -> tuple[str, str]:
    """A name without the ending that a log's rotation gave it (before .gz, if there is one), and that ending.

    >>> split_turn("bot.jsonl.1"), split_turn("bot.jsonl-20250501.gz")
    (('bot.jsonl', '.1'), ('bot.jsonl.gz', '-20250501'))
    """
    if name.endswith(".json"):
        return name, ""  # the common case
    plain, packed = (name[:-3], name[-3:]) if name.lower().endswith(".gz") else (name, "")
    found = _ROTATED.fullmatch(plain)
    return (found["name"] + packed, found["turn"]) if found else (name, "")


def plain_suffix(name: str) -> str:
    """The suffix of a name in lower case, without .gz and without a rotation's ending.

    >>> plain_suffix("day/BOT.JSONL.1.gz")
    '.jsonl'
    """
    lower = split_turn(name.rpartition("/")[2])[0].lower().removesuffix(".gz")
    return lower[lower.rfind(".") :] if "." in lower else ""


def is_unfinished(name: str) -> bool:
    """Whether the name says that the file is not complete: its writer renames it then."""
    return name.startswith(".") or name.endswith((".tmp", ".part", "~"))


def is_decision_file(name: str) -> bool:
    """Whether a file of that name is read."""
    return not is_unfinished(name) and plain_suffix(name) in BY_SUFFIX


def is_compressed(name: str) -> bool:
    """Whether the name says gzip."""
    return name.lower().endswith(".gz")


@lru_cache(maxsize=10_000)
def format_of(name: str) -> Format:
    """The format of a file of this name; JSON documents where the name does not tell."""
    return BY_SUFFIX.get(plain_suffix(name), BY_SUFFIX[".json"])


def can_follow(name: str) -> bool:
    """Whether a file of this name can be read on from an offset while it grows."""
    return plain_suffix(name) in LINES and not is_compressed(name)


def known_name(path: Path | str, folder: Path | None = None) -> str:
    """The name of a file in the ledger, with the path within `folder`. Bytes that are no UTF-8 are escaped."""
    if folder is not None and (text := str(path)).isascii():
        return text[len(str(folder)) :].lstrip("/")  # the common case: nothing is escaped
    whole = os.fsencode(path)
    name = whole.rpartition(b"/")[2] if folder is None else whole[len(os.fsencode(folder)) :].lstrip(b"/")
    return name.decode("utf-8", "backslashreplace")


def archive_name(name: str, sha256: bytes) -> str:
    """`name`, cut to 150 bytes, with the first twelve hex digits of the content's hash before the suffixes.

    A rotation's ending (.1) comes before the hash. Folders stay before the name.

    >>> archive_name("day/bot.jsonl.1", bytes(32))
    'day/bot.1-000000000000.jsonl'
    """
    folder, slash, last = name.rpartition("/")
    plain, turn = split_turn(last)
    suffix_length = len(plain_suffix(plain)) + (3 if plain.lower().endswith(".gz") else 0)
    cut = len(plain) - suffix_length
    stem = f"{plain[:cut]}{turn}".encode()[:150].decode(errors="ignore")
    return f"{folder}{slash}{stem}-{sha256.hex()[:12]}{plain[cut:]}"


def read_hash(name: str) -> str | None:
    """The first twelve hex digits of the hash in an `archive_name`; None for any other name."""
    found = _HASHED.findall(name)
    return found[-1] if found else None


def first_name(name: str) -> str:
    """The name of a file before it got this `archive_name`, as far as that was not cut."""
    digits = read_hash(name)
    if digits is None:
        return name
    stem, _, rest = name.rpartition(f"-{digits}")
    return stem + rest

"""Exits by decision: which open trades a word asks to close, and the id of an exit decision."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from scorekeeper.decisions.made_ids import LENGTHS, LONGEST_ID
from scorekeeper.decisions.words import EXIT_SIDES, KNOWN, Meaning, meaning_of

_DIGITS = re.compile("|".join(f"[0-9a-f]{{{length}}}" for length in LENGTHS))


def exit_side(word: str, known: Mapping[str, Meaning] = KNOWN) -> int | None:
    """Which open trades a word asks to close: the longs (+1), the shorts (-1) or both (0); None: none.

    >>> exit_side("CLOSE"), exit_side("cover"), exit_side("BUY")
    (0, -1, None)
    """
    meaning = meaning_of(word, known)
    return EXIT_SIDES.get(meaning) if meaning else None


def name_exit(given: str, opened_at: datetime | None, content_sha256: bytes, plain_symbol: str) -> tuple[str, str]:
    """The id of an exit decision without `closes`, and the `trade_id` that it was given.

    `given` may be the exit's own id, or that of the trade that it closes. Which one it is shows only when that trade is
    known. So the id of the exit gets an ending: its time (UTC), or without one the first 8 hex digits of its content's
    hash. An id that has the ending already, or was made for a decision without a `trade_id`, is kept: a published
    dataset can be read again.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2025, 5, 1, 0, 30, tzinfo=UTC)
    >>> name_exit("42", at, bytes(32), "BTCUSDT")
    ('42-exit-2025-05-01T00:30:00Z', '42')
    >>> name_exit("42-exit-2025-05-01T00:30:00Z", at, bytes(32), "BTCUSDT")
    ('42-exit-2025-05-01T00:30:00Z', '42')
    """
    time = None if opened_at is None else f"{opened_at.replace(tzinfo=None).isoformat()}Z"
    ending = f"-exit-{time or content_sha256.hex()[:8]}"
    if time and given.endswith(ending) and given != ending:
        return given, given.removesuffix(ending)
    made = f"{plain_symbol}-{time}-"
    if time and given.startswith(made) and _DIGITS.fullmatch(given, len(made)):
        return given, given
    fits = len((given + ending).encode()) <= LONGEST_ID
    return (given if fits else hashlib.sha256(given.encode()).hexdigest()) + ending, given

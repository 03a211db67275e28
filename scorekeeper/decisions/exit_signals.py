"""Exits by decision: which open trades a word asks to close, and what an exit decision is called."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from scorekeeper.decisions.words import EXIT_SIDES, KNOWN, Meaning, meaning_of

LONGEST_ID = 512


def exit_side(word: str, known: Mapping[str, Meaning] = KNOWN) -> int | None:
    """Which open trades a word asks to close: the longs (+1), the shorts (-1) or both (0); None: it asks for none."""
    meaning = meaning_of(word, known)
    return EXIT_SIDES.get(meaning) if meaning else None


def name_exit(given: str, opened_at: datetime | None, content_sha256: bytes, plain_symbol: str) -> tuple[str, str]:
    """(the id of an exit decision, the `trade_id` that it was given), for one without `closes`.

    What is given may be the exit's own id, or that of the trade that it closes: which of the two is known only when
    that trade is. So the exit never goes by it alone: its time (UTC; None where it has none: 8 digits of its content's
    hash) is part of its id. An id that was made of this time before, here or for a decision without any, is kept as it
    is: a published dataset can be read again.
    """
    time = None if opened_at is None else f"{opened_at.replace(tzinfo=None).isoformat()}Z"
    ending = f"-exit-{time or content_sha256.hex()[:8]}"
    if time and given.endswith(ending) and given != ending:
        return given, given.removesuffix(ending)
    if time and re.fullmatch(re.escape(f"{plain_symbol}-{time}-") + "[0-9a-f]{8}", given):
        return given, given
    fits = len((given + ending).encode()) <= LONGEST_ID
    return (given if fits else hashlib.sha256(given.encode()).hexdigest()) + ending, given

"""Exits by decision: which words ask for a close, of which side, and what an exit decision is called."""

import hashlib
import re
from datetime import datetime
from functools import lru_cache

LONGS, SHORTS, BOTH = 1, -1, 0

# Read without regard to case, with spaces and hyphens as underscores. REDUCE, TRIM and the like are not here: a part of
# a trade cannot be closed.
_BOTH = {
    "CLOSE", "CLOSE_ALL", "CLOSE_POSITION", "CLOSE_POSITIONS", "CLOSE_TRADE", "CLOSE_OUT", "EXIT", "EXIT_ALL",
    "EXIT_POSITION", "EXIT_TRADE", "FLATTEN", "GO_FLAT", "LIQUIDATE", "SQUARE_OFF", "UNWIND",
    "平仓", "全部平仓", "平倉", "清仓", "清倉", "청산", "決済", "手仕舞い",
    "CERRAR", "FERMER", "SCHLIESSEN", "FECHAR", "ЗАКРЫТЬ",
}  # fmt: skip
_LONGS = {
    "CLOSE_LONG", "CLOSE_LONGS", "CLOSE_BUY", "EXIT_LONG", "EXIT_LONGS", "LIQUIDATE_LONG", "LONG_EXIT", "LONG_CLOSE",
    "SELL_TO_CLOSE", "平多", "平多仓", "平多單", "平多单", "CERRAR_LARGO", "ЗАКРЫТЬ_ЛОНГ",
}  # fmt: skip
_SHORTS = {
    "CLOSE_SHORT", "CLOSE_SHORTS", "CLOSE_SELL", "EXIT_SHORT", "EXIT_SHORTS", "LIQUIDATE_SHORT", "SHORT_EXIT",
    "SHORT_CLOSE", "BUY_TO_CLOSE", "BUY_TO_COVER", "COVER", "COVER_SHORT", "SHORT_COVER", "平空", "平空仓", "平空單",
    "平空单", "CERRAR_CORTO", "ЗАКРЫТЬ_ШОРТ",
}  # fmt: skip
_SIDES = {word: side for side, words in ((BOTH, _BOTH), (LONGS, _LONGS), (SHORTS, _SHORTS)) for word in words}
LONGEST_ID = 512


@lru_cache(maxsize=1_000)
def exit_side(word: str) -> int | None:
    """Which open trades a word asks to close: LONGS, SHORTS or BOTH; None for a word that asks for no close."""
    said = word.strip()
    capitals = said.upper()
    if capitals.isascii() and not said.isascii():  # ſ is no S, though its capital is
        return None
    return _SIDES.get(re.sub(r"[\s_-]+", "_", capitals))


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

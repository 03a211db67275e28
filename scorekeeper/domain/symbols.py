"""Symbols unified the ccxt way: BTC/USDT, whatever way a writer spells them."""

import re
from functools import lru_cache

# The longest first, so that BTCFDUSD is BTC/FDUSD and not BTCFD/USD.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "USD", "EUR", "GBP", "JPY", "TRY", "KRW", "DAI", "BTC", "ETH", "BNB")
# DOTUSD is DOT/USD, but what is left of these is no coin whose name ends in T.
_TUSD = re.compile(r"(BTC|ETH|BNB|XRP|ADA|SOL|LTC|DOGE|TRX|LINK|XLM|EOS|BCH)TUSD")
_UNIFIED = re.compile(r"[A-Z0-9.]{1,30}/[A-Z0-9.]{1,30}(:[A-Z0-9.]{1,30}(-[0-9A-Z-]{1,20})?)?")
_PARTED = re.compile(r"([A-Z0-9.]{1,30})[-_]([A-Z0-9.]{1,30})")
_PLAIN = re.compile(r"[A-Z0-9.]{1,30}")


@lru_cache(maxsize=10_000)
def unify_symbol(raw: str) -> str:
    """`BTC/USDT` for BTC/USDT, btc-usdt, BTC_USDT and BTCUSDT; a word without a known quote stays as it is.

    Raises ValueError for what cannot be a symbol.
    """
    if not (word := raw.strip()).isascii():
        raise ValueError("not a symbol; write it like BTC/USDT")  # ſ is no S, though its capital is
    word = word.upper()
    if _UNIFIED.fullmatch(word):
        return word
    if parted := _PARTED.fullmatch(word):
        return f"{parted[1]}/{parted[2]}"
    if not _PLAIN.fullmatch(word):
        raise ValueError("not a symbol; write it like BTC/USDT")
    if tusd := _TUSD.fullmatch(word):
        return f"{tusd[1]}/TUSD"
    for quote in _QUOTES:
        if word.endswith(quote) and len(word) > len(quote):
            return f"{word.removesuffix(quote)}/{quote}"
    return word

"""Symbols as ccxt writes them (BTC/USDT), for every spelling of a writer, and by what a market lists."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

_NOT_ONE = "not a symbol; write it like BTC/USDT"
# Of ASCII: letters, digits, and the signs in tickers and names of exchanges (GC=F, ^GSPC, BRK.B, $PAC, FTT(OLD)).
_ASCII = re.compile(r"[A-Z0-9._\-/:=^&$+@#!()*']+")
_PIECES = re.compile(r"[^/:]+/[^/:]+(:[^/:]+)?|[^/:]+(:[^/:]+)?")
# The longest first, so that BTCFDUSD is BTC/FDUSD and not BTCFD/USD.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "USDE", "USD1", "USD", "EUR", "GBP", "JPY", "TRY", "BRL", "KRW", "DAI")
_COIN_QUOTES = ("BTC", "ETH", "BNB")
# A pair is one of these coins with one of these quotes. WBTC, STETH and the like are coins.
_COINS = re.compile(r"(BTC|ETH|BNB|XRP|ADA|SOL|LTC|DOGE|TRX|LINK|XLM|EOS|BCH|DOT)(BTC|ETH|BNB)")
# DOTUSD is DOT/USD. With these coins the T belongs to the quote TUSD.
_TUSD = re.compile(r"(BTC|ETH|BNB|XRP|ADA|SOL|LTC|DOGE|TRX|LINK|XLM|EOS|BCH)TUSD")
_BY_CUSTOM = re.compile(
    r"(BTC|ETH|BNB|XRP|ADA|SOL|LTC|DOGE|TRX|LINK|XLM|BCH|DOT|AVAX)[-_]?(USDT|USDC|FDUSD|BUSD|USD|EUR)", re.ASCII
)
_MARK = re.compile(r"[-_]")
_DATE = re.compile(r"\d{6}")


@lru_cache(maxsize=10_000)
def spell(raw: str) -> str:
    """A spelling in the form in which it is compared: trimmed, with Latin letters in upper case and others as they are.

    Raises ValueError for what cannot be a symbol: one with a character that is not printable or only looks like another
    (full-width letters, ligatures: NFKC changes them), with a space, or with a part that has no letter or digit.

    >>> spell(" btc-usdt ")
    'BTC-USDT'
    """
    word = raw.strip()
    if word.isascii():
        word = word.upper()
        fits = _ASCII.fullmatch(word)
    else:
        word = "".join(one.upper() if one.isascii() else one for one in word)  # ſ must not become S
        if not word.isprintable() or unicodedata.normalize("NFKC", word) != word:
            raise ValueError("not a symbol: it holds a character that is not printed, or that only looks like another")
        fits = _ASCII.fullmatch("".join(one for one in word if one.isascii()) or "-")
    if not fits or not _PIECES.fullmatch(word):
        raise ValueError(_NOT_ONE)
    if not all(any(one.isalnum() for one in piece) for piece in re.split("[/:]", word)):
        raise ValueError(_NOT_ONE)
    return word


@lru_cache(maxsize=10_000)
def is_certain(raw: str) -> bool:
    """Whether a spelling alone says what base and quote are. For others the market's list decides.

    Certain are spellings with a slash, and well-known coins with well-known quotes.

    >>> is_certain("HYPE/USDT"), is_certain("ETH-USD"), is_certain("HYPEUSDT")
    (True, True, False)
    """
    return "/" in raw or _BY_CUSTOM.fullmatch(raw.strip().upper()) is not None


@lru_cache(maxsize=10_000)
def unify_symbol(raw: str) -> str:
    """The symbol that a spelling means by convention, without a market's list.

    A spelling without a known quote stays as it is. Raises ValueError for what cannot be a symbol.

    >>> [unify_symbol(one) for one in ("btc-usdt", "BTC_USDT", "BTCUSDT", "AAPL")]
    ['BTC/USDT', 'BTC/USDT', 'BTC/USDT', 'AAPL']
    """
    word = spell(raw)
    if "/" in word or ":" in word:
        return word
    parts = _MARK.split(word)
    if len(parts) == 2 and all(parts) and parts[1] in {*_QUOTES, *_COIN_QUOTES, "TUSD"}:
        return "/".join(parts)
    if len(parts) > 1:
        return word
    if pair := _TUSD.fullmatch(word):
        return f"{pair[1]}/TUSD"
    if pair := _COINS.fullmatch(word):
        return f"{pair[1]}/{pair[2]}"
    for quote in _QUOTES:
        if word.endswith(quote) and len(word) > len(quote):
            return f"{word.removesuffix(quote)}/{quote}"
    return word


@lru_cache(maxsize=10_000)
def plain_symbol(raw: str) -> str:
    """A spelling without slashes, colons and other separators: a default trade_id begins with it.

    >>> plain_symbol("BTC/USDT:USDT")
    'BTCUSDTUSDT'
    """
    word = spell(raw)
    return word.replace("/", "").replace(":", "") if "/" in word else re.sub("[-_:]", "", word)


def stem_of(symbol: str) -> str:
    """The name of a symbol's candle file, without its suffix."""
    return symbol.replace("/", "-").replace(":", "-")


@lru_cache(maxsize=10_000)
def read_stem(stem: str) -> str:
    """The symbol whose candles are in a file of that name, without its suffix. Each name means one symbol.

    A part that repeats is what a contract is settled in. Else the last part is the quote, if it is a known one or the
    second of two; a single letter is a class of shares.

    >>> [read_stem(one) for one in ("BTC-USDT", "BTC-USDT-USDT", "XYZ-TSLA-USDC-USDC", "BRK-B")]
    ['BTC/USDT', 'BTC/USDT:USDT', 'XYZ-TSLA/USDC:USDC', 'BRK-B']
    """
    parts = stem.split("-")
    if len(parts) < 2 or not all(parts):
        return stem
    for at in range(1, len(parts) - 1):  # where the quote stands
        base, quote, settle = "-".join(parts[:at]), parts[at], parts[at + 1]
        for end, settled in ((at + 2, settle), (len(parts), "-".join(parts[at + 1 :]))):
            rest = parts[end:]
            if settled in (quote, base) and (not rest or _DATE.fullmatch(rest[0])):
                return f"{base}/{quote}:{'-'.join([settled, *rest])}"
    is_pair = parts[-1] in {*_QUOTES, *_COIN_QUOTES} or (len(parts) == 2 and len(parts[1]) > 1)
    return f"{'-'.join(parts[:-1])}/{parts[-1]}" if is_pair else stem


class Listing:
    """What a market lists: its symbols, and other spellings of each, such as an exchange's own name.

    >>> Listing({"HYPE/USDT:USDT": ["HYPEUSDT_PERP"]}).read("HYPEUSDT")
    'HYPE/USDT:USDT'
    """

    def __init__(self, spellings: Mapping[str, Iterable[str]]) -> None:
        self._names: dict[str, str] = {}
        self._others: dict[str, set[str]] = {}
        for symbol, others in spellings.items():
            self._names.setdefault(symbol.upper() if symbol.isascii() else symbol, symbol)
            for other in others:
                self._others.setdefault(other.upper() if other.isascii() else other, set()).add(symbol)

    def read(self, word: str) -> str | None:
        """The symbol that a spelling (see spell) means here; None if none is listed, or more than one.

        Tried in this order: the symbol itself; another spelling of it; the word split in two at its marks, or at any
        place if it has none. Spot comes before contracts settled in the quote, and these before those settled in the
        base.
        """
        if word in self._names:
            return self._names[word]
        if others := self._others.get(word):
            spot = [symbol for symbol in others if ":" not in symbol]
            found = spot or sorted(others)
            return found[0] if len(found) == 1 else None
        if "/" in word or ":" in word:
            return None
        places = [found.start() for found in _MARK.finditer(word)]
        pairs = [(word[:at], word[at + 1 :]) for at in places] or [(word[:at], word[at:]) for at in range(1, len(word))]
        for form in ("{0}/{1}", "{0}/{1}:{1}", "{0}/{1}:{0}"):
            names = {form.format(*pair) for pair in pairs} & self._names.keys()
            if names:
                return self._names[names.pop()] if len(names) == 1 else None
        return None

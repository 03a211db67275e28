"""The list of an exchange's markets: kept in a file for an hour, and asked for again for an unknown symbol."""

import asyncio
import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from scorekeeper.decisions.symbols import Listing
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import UnknownSymbolError
from scorekeeper.market.exchange_client import SPOT_ONLY, ExchangeClient
from scorekeeper.private_files import make_folder

MARKETS_AGE_SECONDS = 3600


class ExchangeListing:
    """The markets that `client` lists; the folder `cache` holds the file. Each method may raise MarketError."""

    def __init__(self, client: ExchangeClient, cache: Path) -> None:
        self._client = client
        self._api = client.api
        self._cache = cache / f"markets-{client.id}.json"
        self._lock = asyncio.Lock()
        self._reloaded = False

    async def first_symbol(self) -> str:
        """Any symbol that the exchange lists."""
        async with self._lock:
            if not self._api.markets:
                await self._load()
        return str(next(iter(self._api.markets)))

    async def find(self, symbol: str) -> str:
        """The exchange's unified name of `symbol`. An unknown one is looked up in a new list, once.

        Raises UnknownSymbolError.
        """
        async with self._lock:
            if not self._api.markets:
                await self._load()
            if (found := self._find(symbol)) is None and (not self._reloaded or self._widen(symbol)):
                self._widen(symbol)
                await self._reload()
                found = self._find(symbol)
        if found is None:
            raise UnknownSymbolError(f"{symbol}: {self._client.id} does not list it")
        return found

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """See Market.read_spellings. A word counts as unlisted only by a list that was asked for since the start."""
        async with self._lock:
            if not self._api.markets:
                await self._load()
            found = self._read(words)
            if len(found) < len(words) and not self._reloaded:
                await self._reload()
                found = self._read(words)
        return found

    def _read(self, words: Collection[str]) -> dict[str, str]:
        listing = Listing({name: _own_names(market) for name, market in self._api.markets.items()})
        prefix = f"{self._client.id.upper()}:"  # as TradingView writes it: BINANCE:BTCUSDT
        found = {word: listing.read(word) or listing.read(word.removeprefix(prefix)) for word in words}
        return {word: symbol for word, symbol in found.items() if symbol is not None}

    def _find(self, symbol: str) -> str | None:
        """By the unified name, by ccxt's own names of the currencies, or by the exchange's own name of the market."""
        pair, _, rest = symbol.partition(":")
        base, _, quote = pair.partition("/")
        code = self._api.common_currency_code
        unified = f"{code(base)}/{code(quote)}" + (f":{rest}" if rest else "")
        for name in (symbol, unified):
            if name in self._api.markets:
                return str(name)
        for spelled in (symbol, *(f"{base}{mark}{quote}" for mark in ("", "-", "_"))):
            if listed := self._api.markets_by_id.get(spelled):
                return str(next((one for one in listed if one.get("spot")), listed[0])["symbol"])
        return None

    def _widen(self, symbol: str) -> bool:
        """Let a list of spot markets hold perpetuals too, if `symbol` is one; whether that changes the list."""
        types = self._api.options.get("fetchMarkets")
        if ":" not in symbol or types != SPOT_ONLY:
            return False
        self._api.options["fetchMarkets"] = {"types": ["spot", "linear", "inverse"]}
        return True

    async def _load(self) -> None:
        try:
            if time.time() - self._cache.stat().st_mtime < MARKETS_AGE_SECONDS:
                self._api.set_markets(json.loads(self._cache.read_text(encoding="utf-8")))
                return
        except (OSError, ValueError):
            pass  # there is no file, or it is cut off: the exchange is asked
        await self._reload()

    async def _reload(self) -> None:
        self._reloaded = True
        markets = await self._client.ask(lambda: self._api.load_markets(True))
        part = self._cache.with_suffix(".part")
        try:
            make_folder(self._cache.parent)
            part.write_text(json.dumps(list(markets.values())), encoding="utf-8")
            part.replace(self._cache)
        except OSError as exc:
            raise ScorekeeperError(f"{self._cache} cannot be written: {exc.strerror}") from None


def _own_names(market: dict[str, Any]) -> list[str]:
    """What an exchange itself calls a market: its id, and a name beside that (hyperliquid's xyz:TSLA)."""
    info = market.get("info")
    names = (market.get("id"), info.get("name") if isinstance(info, dict) else None)
    return [name for name in names if isinstance(name, str) and name]

"""Exchanges that several trading systems of one run ask together: what one has asked for serves the others too."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from scorekeeper.market import open_market
from scorekeeper.market.base import Bars, CandlePage, Market

T = TypeVar("T")
MOST_PAGES = 500  # that are kept of an exchange, some 50 kB each


class SharedMarkets:
    """Opens markets for the systems of one run, each exchange once; call it as `open_market`.

    A market of files is opened for each system: it keeps the units of prices that the system's database has.
    """

    def __init__(self) -> None:
        self._opened: dict[str, SharedExchange] = {}
        self._held = AsyncExitStack()
        self._turn = asyncio.Lock()

    def __call__(self, name: str, grace_minutes: int, **options: Any) -> AbstractAsyncContextManager[Market]:
        """The market as open_market opens it. It stays open until the run ends. Raises what open_market raises."""
        if not name.startswith("ccxt:"):
            return open_market(name, grace_minutes, **options)
        return _Borrowed(self, name, grace_minutes, options)

    async def borrow(self, name: str, grace_minutes: int, options: Mapping[str, Any]) -> "SharedExchange":
        """The exchange that is opened with these options; `now` is no difference."""
        key = repr((name, grace_minutes, sorted((kind, repr(one)) for kind, one in options.items() if kind != "now")))
        async with self._turn:
            if key not in self._opened:
                market = await self._held.enter_async_context(open_market(name, grace_minutes, **options))
                self._opened[key] = SharedExchange(market)
            return self._opened[key]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._opened.values():
            await one.end()
        await self._held.aclose()


class _Borrowed:
    """A shared exchange for the time that one system uses it."""

    def __init__(self, markets: SharedMarkets, name: str, grace_minutes: int, options: Mapping[str, Any]) -> None:
        self._markets, self._asked = markets, (name, grace_minutes, options)

    async def __aenter__(self) -> Market:
        return await self._markets.borrow(*self._asked)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave it open for the others."""


class SharedExchange:
    """A market that answers each question once; an error is an answer too. All who ask share the loop of the run."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._answers: dict[tuple[Any, ...], asyncio.Task[Any]] = {}
        self._pages: OrderedDict[tuple[str, datetime, datetime], list[tuple[datetime, CandlePage]]] = OrderedDict()

    @property
    def bars(self) -> Bars:
        """See Market.bars."""
        return self._market.bars

    @property
    def name(self) -> str:
        """See Market.name."""
        return self._market.name

    def take_requests(self) -> Mapping[str, int]:
        """See Market.take_requests. The system that ends first counts those of all up to then."""
        return self._market.take_requests()

    @property
    def page_minutes(self) -> int | None:
        """See Market.page_minutes."""
        return self._market.page_minutes

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The run closes it."""

    async def end(self) -> None:
        """Cancel the questions that nothing waits for any more."""
        for task in self._answers.values():
            task.cancel()
        await asyncio.gather(*self._answers.values(), return_exceptions=True)

    async def now(self) -> datetime | None:
        """See Market.now: as it was when the first system asked."""
        return await self._once(("now",), self._market.now)

    def declared_bases(self) -> dict[str, date]:
        """See Market.declared_bases."""
        return self._market.declared_bases()

    def keep_bases(self, bases: Mapping[str, date]) -> list[dict[str, Any]]:
        """See Market.keep_bases: an exchange keeps none."""
        return self._market.keep_bases(bases)

    async def first_kept(self) -> datetime | None:
        """See Market.first_kept."""
        return await self._once(("first kept",), self._market.first_kept)

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """See Market.first_minute."""
        key = ("first minute", symbol, opened_at)
        return await self._once(key, lambda: self._market.first_minute(symbol, opened_at))

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """See Market.read_spellings."""
        key = ("spellings", frozenset(words))
        return await self._once(key, lambda: self._market.read_spellings(words))

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """See Market.candles. A page that another system got from an earlier minute on serves as well."""
        for begins, page in self._pages.get((symbol, until, as_of), ()):
            if begins <= since < page.sealed_until:
                return page
        key = ("candles", symbol, since, until, as_of)
        page = await self._once(key, lambda: self._market.candles(symbol, since, until, as_of), keep_answer=False)
        self._pages.setdefault((symbol, until, as_of), []).append((since, page))
        while sum(map(len, self._pages.values())) > MOST_PAGES:
            self._pages.popitem(last=False)
        return page

    async def _once(self, key: tuple[Any, ...], ask: Callable[[], Awaitable[T]], *, keep_answer: bool = True) -> T:
        """The answer to a question; who asks the same meanwhile, or later, waits for the same answer.

        `keep_answer`: False for answers that are kept elsewhere; errors are kept all the same.
        """
        if key not in self._answers:
            self._answers[key] = asyncio.ensure_future(_wait_for(ask))
        task: asyncio.Task[T] = self._answers[key]
        answer = await asyncio.shield(task)
        if not keep_answer:
            self._answers.pop(key, None)
        return answer


async def _wait_for(ask: Callable[[], Awaitable[T]]) -> T:
    return await ask()

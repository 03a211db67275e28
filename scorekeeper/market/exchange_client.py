"""Asking one ccxt exchange: public endpoints only, no keys, with retries."""

import importlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import MarketError, UnknownSymbolError

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 30
SPOT_ONLY = {"types": ["spot"]}
# The kinds of errors that requests are counted by, by ccxt's class. The first class that fits counts.
KINDS = {
    "RateLimitExceeded": "rate_limit", "DDoSProtection": "rate_limit", "RequestTimeout": "timeout",
    "ExchangeNotAvailable": "unavailable", "NetworkError": "network", "BadResponse": "bad_response",
    "OperationFailed": "unavailable", "BadSymbol": "unknown_symbol",
}  # fmt: skip
ANSWERED, REFUSED, UNREADABLE = "answered", "refused", "bad_response"
_BODY: ContextVar[str] = ContextVar("body", default="")
T = TypeVar("T")


class BadResponseError(Exception):
    """An exchange's response that cannot be right, such as one that is no list of candles."""


class ExchangeClient:
    """The ccxt exchange `exchange_id`. `options` go to ccxt as they are (proxies, host names, time-outs).

    `api` is ccxt's exchange: call its methods through `ask`. `date`: the Date header of the last response. `requests`:
    how many were sent, by what came of them: ANSWERED, one of KINDS, or REFUSED for any other error of the exchange.
    `length`: that of the candles, as CANDLE_LENGTH has it. Raises ScorekeeperError for an exchange that ccxt does not
    have, or that gives no such candles.
    """

    def __init__(self, exchange_id: str, options: dict[str, Any], length: str = "1m") -> None:
        ccxt = importlib.import_module("ccxt.async_support")
        if exchange_id not in ccxt.exchanges:
            raise ScorekeeperError(f"MARKET=ccxt:{exchange_id}: ccxt knows no such exchange")
        self._errors: Any = ccxt
        self.id = exchange_id
        self.api: Any = getattr(ccxt, exchange_id)(
            {"enableRateLimit": True, "timeout": 15_000}
            | options
            | {"options": _listing_options(exchange_id) | options.get("options", {})}
        )
        if not self.api.has.get("fetchOHLCV") or length not in (self.api.timeframes or {}):
            raise ScorekeeperError(
                f"MARKET=ccxt:{exchange_id}: it gives no candles of {length}; use another exchange or CANDLE_LENGTH"
            )
        self.api.on_rest_response = self._read_body
        self.api.has["fetchCurrencies"] = False  # some load them all the same, and fail without a key
        self.date: str | None = None
        self.requests: Counter[str] = Counter()

    @staticmethod
    def body() -> str:
        """The body of the last response to the current task."""
        return _BODY.get()

    def _read_body(self, code: int, _reason: str, url: str, _method: str, headers: Any, body: str, *_: Any) -> str:
        # ccxt reads most bodies that are not JSON (a page of HTML, nothing at all) as an empty list of candles.
        if code == 200 and body.lstrip()[:1] not in ("{", "["):
            raise self._errors.BadResponse(f"{url.partition('?')[0]} answers with what is no JSON: {body[:40]!r}")
        _BODY.set(body)
        self.date = headers.get("Date")
        return body

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The result of `question`. It is asked again, after growing random waits, while the problem may pass.

        Raises UnknownSymbolError, MarketError.
        """
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type((self._errors.OperationFailed, BadResponseError)),
                stop=stop_after_attempt(ATTEMPTS),
                wait=self._wait,
                reraise=True,
            ):
                with attempt:
                    return await self._count(question)
        except self._errors.BadSymbol as exc:
            raise UnknownSymbolError(f"{self.id}: {_first_line(exc)}") from None
        except self._errors.BaseError as exc:
            raise MarketError(f"{self.id}: {type(exc).__name__}: {_first_line(exc)}") from None
        except BadResponseError as exc:
            raise MarketError(f"{self.id} answers with {exc}") from None
        except (TypeError, ValueError, KeyError, AttributeError) as exc:
            # ccxt raises these where it reads a response in a form that it does not know.
            raise MarketError(f"{self.id}: an answer that ccxt cannot read ({type(exc).__name__})") from None
        raise AssertionError("unreachable: an attempt returns or raises")

    async def _count(self, question: Callable[[], Awaitable[T]]) -> T:
        """One attempt, counted by what comes of it."""
        try:
            answer = await question()
        except Exception as exc:
            is_of_ccxt = isinstance(exc, self._errors.BaseError)
            fits = (kind for name, kind in KINDS.items() if isinstance(exc, getattr(self._errors, name)))
            self.requests[next(fits, REFUSED if is_of_ccxt else UNREADABLE)] += 1
            raise
        self.requests[ANSWERED] += 1
        return answer

    def _wait(self, state: RetryCallState) -> float:
        backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_SECONDS)(state)
        headers = self.api.last_response_headers or {}
        asked = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
        exc = state.outcome.exception() if state.outcome else None
        if asked and str(asked).isdigit() and isinstance(exc, self._errors.OperationFailed):
            return float(min(int(asked), LONGEST_WAIT_SECONDS)) + backoff
        return backoff


def _listing_options(exchange_id: str) -> dict[str, Any]:
    """ccxt's options: spot first, and no list of currencies, which some exchanges give only to holders of a key."""
    options: dict[str, Any] = {"defaultType": "spot", "fetchCurrencies": False}
    if exchange_id == "binance":
        options["fetchMarkets"] = dict(SPOT_ONLY)  # binance has three lists, and two of them are seldom needed
    return options


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or ["no reason given"])[0][:200]

"""What changes while a page is open: one poller a process, and streams that say only that something changed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio.to_thread
import psycopg
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from dashboard.data.overview import Scope, read_scope
from dashboard.data.standby import read_again
from dashboard.data.watch import TokenWatch
from dashboard.site import READER
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from dashboard.site import Site

POLL_SECONDS = 1.0
BEAT_SECONDS = 2.0  # a browser that hears nothing for twice as long says that the connection is lost
ANSWER_SECONDS = 2.0  # a page is not held up for longer by a database that does not answer
BEAT = b"event: beat\ndata: \n\n"
STALE = timedelta(minutes=3)  # a track comes once a minute, and takes seconds
MOST_STREAMS = 100
RETRY_SECONDS = 30  # how often a browser beyond that asks


@dataclass(frozen=True)
class Moment:
    """Where things stand: the change token, what the filter bar offers, and whether the score is kept up.

    `state`: live, stale (the last track is long ago), behind (a standby is read that lags), waiting (there was no track
    yet), away (the database does not answer). `standby`: a standby is read.
    """

    token: str
    state: str
    scope: Scope
    why: str = ""
    standby: bool = False

    @property
    def key(self) -> str:
        """As long as it stays the same, so does every page."""
        return f"{self.token}-{self.state}{'-standby' if self.standby else ''}"

    @property
    def words(self) -> str:
        """The state in a sentence. Without an age: a page that is kept would go on telling the same one."""
        at = self.scope.last_as_of
        if self.state == "away":
            return f"Not live: the database does not answer. {self.why}"
        if self.state == "behind":
            return "Not live: the standby that this page reads lags behind its primary. The page Health says how far."
        if self.state == "waiting" or at is None:
            return "Not live: no track has run yet."
        said = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if self.state == "stale":
            return f"Not live: the last track was at {said}. What has happened since is not counted yet."
        return f"Live. Last track: {said}.{' Read from a standby.' if self.standby else ''}"

    def message(self) -> str:
        """What a stream says of it."""
        at = self.scope.last_as_of
        return json.dumps({
            "key": self.key, "state": self.state, "words": self.words,
            "at": at.astimezone(UTC).isoformat() if at else None,
        })  # fmt: skip


NOTHING = Scope([], [], None, None, None)


class Live:
    """The change token, asked for once a second at most, and only while a page is open.

    A hundred streams wait for one event of the poller, which has no timer for each: on a beat they only write.
    """

    def __init__(self, site: "Site") -> None:
        self._site = site
        self._known: Moment | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._told: asyncio.Event | None = None  # set, and replaced, when streams have something to say
        self._watch = TokenWatch(site.engine, READER if site.as_reader else None)
        self._poller: asyncio.Task[None] | None = None
        self._ending = False
        self.streams = 0

    def end(self) -> None:
        """Let every stream come to its end, within a beat: the server is to stop."""
        self._ending = True

    async def now(self, *, no_older: float = POLL_SECONDS) -> Moment:
        """Where things stand, asked no longer ago than `no_older` seconds."""
        if self._known is not None and time.monotonic() - self._asked_at < no_older:
            return self._known
        if self._asking is None:
            self._asking = asyncio.create_task(self._learn())
        done, _ = await asyncio.wait({self._asking}, timeout=ANSWER_SECONDS)
        if not done:  # the question stays open: a database that is away may be waited for longer
            self._known = self._away(f"It has not answered for {ANSWER_SECONDS:.0f} seconds.")
        assert self._known is not None
        return self._known

    async def _learn(self) -> None:
        try:
            self._known = await anyio.to_thread.run_sync(self._ask)
            self._asked_at = time.monotonic()
        finally:
            self._asking = None

    def _ask(self) -> Moment:
        known = self._known
        try:
            token = self._watch.read()
            if known is not None and known.token == token and known.state != "away":
                scope = known.scope
            else:
                scope = read_again(self._read_scope)
        except (ScorekeeperError, SQLAlchemyError, psycopg.Error, OSError) as exc:
            return self._away(str(exc) if isinstance(exc, ScorekeeperError) else type(exc).__name__)
        at, standby = scope.last_as_of, self._watch.standby
        state = "waiting" if at is None else "stale" if datetime.now(UTC) - at > STALE else "live"
        if standby is not None and standby.is_behind:
            state = "behind"
        return Moment(token, state, scope, standby=standby is not None)

    def _read_scope(self) -> Scope:
        with self._site.reading() as connection:
            return read_scope(connection)

    def _away(self, why: str) -> Moment:
        known = self._known
        return Moment(known.token if known else "none", "away", known.scope if known else NOTHING, why)

    async def stream(self, request: Request) -> Response:
        """Server-sent events: the token at once, and whenever it changes; a beat in between."""
        if self.streams >= MOST_STREAMS:
            return PlainTextResponse(
                "the most open pages have a live connection: this page asks by itself\n", 503,
                headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"},
            )  # fmt: skip
        return StreamingResponse(
            self._tell(), media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )  # fmt: skip

    async def _tell(self) -> AsyncIterator[bytes]:
        self.streams += 1
        try:
            key, moment = "", await self.now()
            while not self._ending:
                told = self._listen()
                moment = self._known or moment
                if moment.key != key:
                    key = moment.key
                    yield f"event: state\ndata: {moment.message()}\n\n".encode()
                else:
                    yield BEAT
                await told.wait()
        finally:
            self.streams -= 1

    def _listen(self) -> asyncio.Event:
        """What is set when there is something to tell next; the poller runs from now on."""
        if self._told is None:
            self._told = asyncio.Event()
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        return self._told

    async def _poll(self) -> None:
        """Ask while a stream is open. The streams tell of a change at once, and of nothing in beats."""
        key, told_at = "", time.monotonic()
        try:
            while self.streams and not self._ending:
                moment = await self.now(no_older=POLL_SECONDS / 2)
                if moment.key != key or time.monotonic() - told_at > BEAT_SECONDS - POLL_SECONDS / 2:
                    key, told_at = moment.key, time.monotonic()
                    self._wake()
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._wake()  # a stream that still listens starts another poller

    def _wake(self) -> None:
        told, self._told = self._told, asyncio.Event()
        if told is not None:
            told.set()

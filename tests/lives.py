"""Living through a universe: what arrives, what is asked for, looks at the market, and what goes wrong on the way."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox import store_decisions
from scorekeeper.market import Bars, CandlePage, MarketError
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.metrics import score_update, voiding
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import close_requests, fetch, settle
from tests import reference
from tests.reference import MINUTE, RefDecision
from tests.universes import (
    ALWAYS,
    AT_AN_EXCHANGE,
    FEE_BPS,
    GROWING,
    HOLD_MINUTES,
    MEANT,
    ONCE,
    START,
    Outage,
    Universe,
    file_of,
    stored_id,
    to_ref,
    write_candles,
    write_replay,
)

GRACE = 5
SUSPECT_PCT = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class KilledError(Exception):
    """A process ended in the middle of its work."""


@dataclass(frozen=True)
class Tick:
    """One look: what has arrived since the last one, what fails, and where the work is killed once ("": not)."""

    as_of: datetime
    arriving: list[Decision] = field(default_factory=list)
    outages: tuple[Outage, ...] = ()
    killed_at: str = ""
    lag: int | None = None  # how many minutes the files lie behind; None: they are whole


@dataclass
class UniverseMarket:
    """The universe's candles at one look, in pages, from the first minute that is still kept, and with what fails.

    `exchange`: it knows no more than a live one, which seals what ended GRACE minutes ago.
    """

    replay: ReplayMarket
    page_minutes: int | None = None
    kept: datetime | None = None
    failing: dict[str, int] = field(default_factory=dict)
    exchange: bool = False

    @property
    def name(self) -> str:
        return self.replay.name

    @property
    def bars(self) -> Bars:
        return self.replay.bars

    def take_requests(self) -> Mapping[str, int]:
        return self.replay.take_requests()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def now(self) -> None:
        pass

    def declared_bases(self) -> dict[str, date]:
        return self.replay.declared_bases()

    def keep_bases(self, bases: Mapping[str, date]) -> list[dict[str, Any]]:
        return self.replay.keep_bases(bases)

    async def first_kept(self) -> datetime | None:
        return self.kept

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        if self.failing.get(symbol) == 0:
            raise MarketError(f"{symbol}: out of order")
        first = await self.replay.first_minute(symbol, opened_at)
        return first if self.kept is None else max(first, self.kept)

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        return await self.replay.read_spellings(words)

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        if symbol in self.failing:
            if self.failing[symbol] == 0:
                raise MarketError(f"{symbol}: out of order")
            self.failing[symbol] -= 1
        assert self.kept is None or since >= self.kept, "asked for what is not kept"
        if self.page_minutes is not None:
            until = min(until, since + self.page_minutes * MINUTE)
        answer = await self.replay.candles(symbol, since, until, as_of)
        if not self.exchange:
            return answer
        last = [opens_at.to_pydatetime() + self.bars.length for opens_at in answer.candles["minute_at"][-1:]]
        return CandlePage(answer.candles, max(since, min(until, max([*last, as_of - GRACE * MINUTE]))))


class Life:
    """A universe, being lived through in a database; and beside it what the rules say of each thing asked for."""

    def __init__(self, url: str, folder: Path, universe: Universe, kept_minutes: int | None = None) -> None:
        self._url, self._folder, self._kept_minutes = url, folder, kept_minutes
        self._universe = universe
        self.as_of = START
        self.arrived: dict[str, datetime] = {}
        self.sealed: dict[str, datetime] = {}
        self._sealed_from: dict[str, datetime] = {}  # by symbol, how far back the market has been asked
        self._answered: set[str] = set()  # the decisions for which it has been asked
        self.uncertain = False  # whether a market has failed in the middle of an answer
        self.asked: list[tuple[str, datetime]] = []
        self.voided: set[str] = set()
        self.verdicts: list[str] = []
        self.ended: dict[str, tuple[RefDecision, reference.RefExit]] = {}  # what had closed by the last look, and how
        self.signals: dict[str, str] = {}  # by trade, what asked for its close first, by the last look
        self._documents = {stored_id(document): document for document in universe.decisions}
        self._closes = sorted(universe.closes, key=lambda close: close[1])
        self._voids = sorted(universe.voids, key=lambda void: void.at)
        write_replay(universe, folder)
        self._exchange = AT_AN_EXCHANGE in universe.kinds
        self._replay = ReplayMarket(str(folder), GRACE, bars=Bars.of(universe.candle_length, universe.calendar))
        self._settings = load_settings(
            market=self._replay.name, candle_grace_minutes=GRACE, suspect_price_pct=SUSPECT_PCT,
            scorekeeper_home=folder, candle_length=universe.candle_length, calendar=universe.calendar,
        )  # fmt: skip
        self._runner = asyncio.Runner()
        self._is_behind, self._written_until = False, START  # whether the files are not whole now, and how far they go
        self.db = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()
        self.db.close()

    def _open(self) -> Database:
        return open_database(self._url, self._folder, migrate=False)

    def restart(self) -> None:
        """Another process goes on."""
        self.db.close()
        self.db = self._open()

    def live(self, ticks: Iterable[Tick]) -> None:
        for tick in ticks:
            if tick.killed_at:
                with pytest.raises(KilledError):
                    self.look(tick)
                self.restart()
            self.look(replace(tick, killed_at=""))

    def look(self, tick: Tick) -> None:
        as_of = tick.as_of
        with self.db.begin() as connection:
            store_decisions.record(
                connection, tick.arriving, source_name="u", source_sha256=None, received_at=as_of, fee_bps=FEE_BPS
            )
            if tick.killed_at == "arrivals":
                raise KilledError
        self.arrived |= {d.trade_id: as_of for d in tick.arriving if d.trade_id not in self.arrived}
        self._ask_for_closes(as_of)
        self._void(as_of, before_tracking=True)
        if tick.lag is not None:
            self._write_files(reference.floor_minute(as_of - tick.lag * self._universe.length))
        elif self._is_behind:
            write_replay(self._universe, self._folder)
        prices, failed = self._fetch(tick)
        if tick.killed_at == "prices":
            raise KilledError
        with self.db.begin() as connection:
            settle.settle(connection, as_of, suspect_price_pct=SUSPECT_PCT, asked=prices.asked)
            if tick.killed_at == "settlement":
                raise KilledError
        self.as_of = as_of
        for symbol in self._universe.candles.keys() - failed:
            self.sealed[symbol] = self._sealed(self._universe.candles[symbol], tick)
        self._note_what_was_answered(failed)
        self._note_what_ended()
        with self.db.begin() as connection:
            score_update.update_score(connection, as_of)
            if tick.killed_at == "score":
                raise KilledError
        self._void(as_of, before_tracking=False)

    def _write_files(self, until: datetime) -> None:
        """As they are while a writer appends to them: a row that is half written may stand at the end."""
        self._is_behind = True
        until = self._written_until = max(until, self._written_until)
        for symbol, candles in self._universe.candles.items():
            path = self._folder / file_of(symbol)
            there = [candle for candle in candles if candle.end <= until]
            write_candles(path, there, torn=f"{int(until.timestamp())}" if len(there) < len(candles) else "")

    def _sealed(self, candles: list[reference.RefCandle], tick: Tick) -> datetime:
        if self._exchange:
            return reference.sealed_by_exchange(candles, tick.as_of, GRACE, self._universe.quiet)
        if tick.lag is not None:
            candles = [candle for candle in candles if candle.end <= self._written_until]
        return reference.sealed_by_file(candles, tick.as_of, self._universe.quiet)

    def _fetch(self, tick: Tick) -> tuple[fetch.Prices, set[str]]:
        """Candles for all that needs them; the symbols for which the market fails, whether asked or not."""
        # Where a market fails in the middle of an answer it is left open what has closed before a late exit comes.
        paged = self._universe.page_minutes is not None and self._universe.is_punctual
        failing = {outage.symbol: outage.pages if paged else 0 for outage in tick.outages}
        self.uncertain = self.uncertain or any(failing.values())
        kept = None
        if self._kept_minutes is not None:
            kept = self._replay.bars.start_of(tick.as_of - self._kept_minutes * MINUTE)
        market = UniverseMarket(self._replay, self._universe.page_minutes, kept, dict(failing), self._exchange)
        prices = self._runner.run(
            fetch.fetch_prices(
                self.db,
                self._settings,
                tick.as_of,
                now=NOW,
                tell=lambda *_: None,
                opened_by=lambda *_, **__: market,
            )
        )
        assert {line.split(" ")[0] for line in prices.failed} <= failing.keys()
        assert prices.unknown == prices.gone == []
        return prices, set(failing)

    def _note_what_was_answered(self, failed: set[str]) -> None:
        """The market says of each decision that it is asked for how far back the candles are needed."""
        for trade_id in self.arrived.keys() - self._answered:
            ref = self.ref(trade_id)
            if ref.opened_at > self.as_of or ref.symbol in failed:
                continue
            self._answered.add(trade_id)
            complete = [c.minute_at for c in self._universe.candles[ref.symbol] if c.end <= ref.opened_at]
            first = complete[-1] if complete else self._replay.bars.start_of(ref.opened_at)
            self._sealed_from[ref.symbol] = min(first, self._sealed_from.get(ref.symbol, first))

    def _sealed_for(self, ref: RefDecision) -> datetime | None:
        """Up to when the candles are known that decide it; None while what came before it is not known.

        A decision that arrives while the market fails may have opened before, or at the start of, what is known.
        """
        if ref.trade_id in self._answered:
            return self.sealed[ref.symbol]
        start = self._sealed_from.get(ref.symbol)
        if start is None:
            return None
        candles = self._universe.candles[ref.symbol]
        if any(start <= candle.minute_at and candle.end <= ref.opened_at for candle in candles):
            return self.sealed[ref.symbol]
        # Without a candle before it, it waits as long as any decision waits for earlier ones.
        waiting = [self.ref(trade_id) for trade_id in self.arrived.keys() - self._answered]
        is_back_fill_needed = any(
            other.symbol == ref.symbol
            and other.opened_at <= self.as_of and other.opened_at < start + self._universe.length
            for other in waiting
        )  # fmt: skip
        return None if is_back_fill_needed else self.sealed[ref.symbol]

    def _ask_for_closes(self, as_of: datetime) -> None:
        """What is asked for up to now, of trades that have arrived, in the order of time."""
        due = [(trade_id, at) for trade_id, at in self._closes if at <= as_of and trade_id in self.arrived]
        self._closes = [close for close in self._closes if close not in due]
        for trade_id, at in due:
            wanted = self._verdict(trade_id, at)
            with self.db.begin() as connection:
                verdict = close_requests.request_close(connection, trade_id, at)
            assert verdict == wanted or self.uncertain, (trade_id, at, verdict, wanted)
            self.asked.append((trade_id, at))
            self.verdicts.append(verdict)

    def _verdict(self, trade_id: str, at: datetime) -> str:
        """By the rules: what is closed, as the last look knew it, is closed; else the first request holds."""
        ref = self.ref(trade_id)
        if not ref.direction:
            return "no trade"
        if trade_id in self.ended:
            return "closed"
        if ref.close_requested_at is not None:
            return "already requested"
        return "not open yet" if at < ref.opened_at else "requested"

    def close_of(self, trade_id: str) -> datetime | None:
        """The request that counts, of those that have been made."""
        opened_at = datetime.fromisoformat(self._documents[trade_id]["timestamp"])
        return reference.close_that_counts([at for asked, at in self.asked if asked == trade_id], opened_at)

    def ref(self, trade_id: str) -> RefDecision:
        """A decision with the request to close it that counts."""
        return to_ref(self._documents[trade_id], self.close_of(trade_id), positions=self._universe.positions)

    def _note_what_ended(self) -> None:
        """By the rules: what has closed stays as it is, whatever decision comes in or is voided later."""
        refs = [self.ref(trade_id) for trade_id in self.arrived]
        exits = [ref for ref in refs if ref.opened_at <= self.as_of and ref.trade_id not in self.voided]
        for ref in refs:
            if not ref.direction or ref.trade_id in self.ended or ref.opened_at > self.as_of:
                continue
            named = {other.trade_id for other in refs if other.direction and other.symbol == ref.symbol}
            signal_at, asking = reference.first_signal(ref, exits, named)
            self.signals.pop(ref.trade_id, None)
            if asking is not None:
                self.signals[ref.trade_id] = asking
            if (sealed := self._sealed_for(ref)) is not None:
                asked = replace(ref, signal_at=signal_at)
                exit = reference.settle_trade(asked, self._universe.candles[ref.symbol], sealed, self.as_of)
                if exit is not None:
                    self.ended[ref.trade_id] = asked, exit

    def idle_exits(self) -> set[str]:
        """Exits that closed nothing, and are about to close nothing."""
        busy = {
            asking for trade_id, asking in self.signals.items()
            if trade_id not in self.ended or self.ended[trade_id][1].exit_reason == "signal"
        }  # fmt: skip
        seen = {
            trade_id for trade_id in self.arrived.keys() - self.voided
            if self.ref(trade_id).opened_at <= self.as_of and self.ref(trade_id).exit_side is not None
        }  # fmt: skip
        return seen - busy

    def _void(self, as_of: datetime, *, before_tracking: bool) -> None:
        due = [
            void for void in self._voids
            if void.at <= as_of and void.trade_id in self.arrived and void.before_tracking == before_tracking
        ]  # fmt: skip
        self._voids = [void for void in self._voids if void not in due]
        for void in due:
            with self.db.begin() as connection:
                assert voiding.void_decision(connection, void.trade_id, "a mock feed", as_of) == "voided"
            self.voided.add(void.trade_id)

    def expected(self) -> list[reference.RefScored]:
        """What the rules say of every decision that has arrived, as of the last look."""
        answer = []
        for trade_id in self._documents:
            if trade_id not in self.arrived:
                continue
            decision, exit = self.ended.get(trade_id, (self.ref(trade_id), None))
            candles, sealed = self._universe.candles[decision.symbol], self._sealed_for(decision)
            voided = trade_id in self.voided
            if sealed is None or decision.opened_at > self.as_of:
                answer.append(reference.RefScored(decision, None, None, False, voided))
                continue
            answer.append(
                reference.RefScored(
                    decision,
                    exit,
                    reference.horizon_return(decision, candles, sealed, self.as_of),
                    reference.is_suspect(decision, candles, sealed, SUSPECT_PCT),
                    voided,
                )
            )
        return answer


def decisions_of(universe: Universe) -> list[Decision]:
    """In order of their opening."""
    context = DecisionContext(NOW, "v1", HOLD_MINUTES, ZoneInfo("UTC"), None, positions=universe.positions)
    decisions = [parse_decision(document, context=context) for document in universe.decisions]
    return sorted(decisions, key=lambda d: d.opened_at)


def live_through(
    db: Database, universe: Universe, folder: Path, schedule: list[datetime], waves: list[list[Decision]]
) -> None:
    """Look at every as_of of the schedule, which has as many as there are waves of arrivals, or more: the last ones."""
    nothing: list[list[Decision]] = [[]] * (len(schedule) - len(waves))
    url = db.engine.url.render_as_string(hide_password=False)
    with Life(url, folder, universe) as life:
        life.live(map(Tick, schedule, [waves[0], *nothing, *waves[1:]]))


def ticks_of(universe: Universe, kind: str) -> list[Tick]:
    """The looks in a life of this kind, and what there is to see at each."""
    decisions, end = decisions_of(universe), universe.end
    on_time = {d.trade_id: d.opened_at + universe.delays[d.trade_id] for d in decisions}
    if kind == ONCE:
        return [Tick(end, decisions)]
    if kind == ALWAYS:
        return arriving(decisions, on_time, universe.moments())
    if kind == "on a random schedule":
        return arriving(decisions, on_time, [*universe.schedule, end])
    if kind == "the earlier half last":
        half = len(decisions) // 2
        looks = [look for look in [*universe.schedule, end - MINUTE] if look < end]
        return [*arriving(decisions[half:], on_time, looks), Tick(end, decisions[:half])]
    if kind == "backwards in arrival":
        # The youngest first, long after all was over.
        size = -(-len(decisions) // 6)
        waves = [decisions[::-1][k : k + size] for k in range(0, len(decisions), size)]
        return [Tick(end - (len(waves) - 1 - k) * MINUTE, wave) for k, wave in enumerate(waves)]
    looks = sorted({*universe.schedule, *universe.moments(6)[1:-1]} - {end})
    if kind == "with outages of single symbols":
        return [
            replace(tick, outages=tuple(o for o in universe.outages if 0 <= k - o.first_look < o.looks))
            for k, tick in enumerate(arriving(decisions, on_time, looks))
        ] + arriving([d for d in decisions if on_time[d.trade_id] > looks[-1]], on_time, [end])
    if kind == "with restarts":
        kills = universe.kills * (len(looks) + 1)
        ticks = arriving(decisions, on_time, [*looks, end])
        return [replace(tick, killed_at=kill) for tick, kill in zip(ticks, kills, strict=False)]
    if kind == GROWING:
        lags = universe.lags * (len(looks) + 1)
        ticks = arriving(decisions, on_time, [*looks, end])
        return [*(replace(tick, lag=lag) for tick, lag in zip(ticks[:-1], lags, strict=False)), ticks[-1]]
    assert kind == AT_AN_EXCHANGE
    return arriving(decisions, {d.trade_id: d.opened_at for d in decisions}, [*looks, end])


def arriving(decisions: list[Decision], on_time: dict[str, datetime], looks: list[datetime]) -> list[Tick]:
    """Each decision at the first look from its time on; what would come after the last look comes with it."""
    ticks = [Tick(look) for look in looks]
    for decision in decisions:
        at_hand = (tick for tick in ticks if tick.as_of >= on_time[decision.trade_id])
        next(at_hand, ticks[-1]).arriving.append(decision)
    return ticks


def kept_minutes_for(universe: Universe, ticks: list[Tick]) -> int:
    """How few minutes an exchange may keep so that each of these looks still finds what it needs."""
    longest = timedelta()
    for before, tick in zip([Tick(START), *ticks], ticks, strict=False):
        longest = max(longest, tick.as_of - before.as_of + GRACE * MINUTE + universe.length)
        for decision in tick.arriving:
            candles = universe.candles[MEANT[decision.raw_symbol]]
            complete = [c.minute_at for c in candles if c.end <= decision.opened_at]
            first = complete[-1] if complete else reference.floor_minute(decision.opened_at) - universe.length
            longest = max(longest, tick.as_of - first)
    return -(-longest // MINUTE)


def delete_all(connection: Connection) -> None:
    """Make a database as good as new."""
    tables = connection.exec_driver_sql(
        "SELECT string_agg('scorekeeper.' || relname, ', ') FROM pg_class "
        "WHERE relnamespace = 'scorekeeper'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    ).scalar_one()
    connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")

"""Universes: candles with every awkwardness, decisions, what people ask for, and the moments of the looks.

`universes()` is the strategy. What it draws is few and small, so that what fails shrinks to few decisions and short
markets; only the noise of the candles comes in bulk, from a drawn seed.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from tests.reference import MINUTE, RefCandle, RefDecision, floor_minute

START = datetime(2025, 5, 31, 23, 40, tzinfo=UTC)  # a day and a month end soon: rollup days and partitions are crossed
HOLD_MINUTES = 60
FEE_BPS = 10
KINDS = (
    "on a random schedule",
    "the earlier half last",
    "backwards in arrival",
    "with outages of single symbols",
    "with restarts",
    "at an exchange that keeps little",
    "with files that grow",
)
AT_AN_EXCHANGE = KINDS[5]
GROWING = KINDS[6]
ONCE, ALWAYS = "once at the end", "every minute"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
# How a decision may spell each: as it is, without marks, and with others.
SPELLINGS = {
    **{symbol: {"/": symbol, "": symbol.replace("/", ""), "-": symbol.replace("/", "-")} for symbol in SYMBOLS},
    "币安人生/USDT": {"/": "币安人生/usdt", "": "币安人生USDT", "-": "币安人生-USDT"},
    "XYZ-TSLA/USDC:USDC": {"/": "XYZ-TSLA/USDC:USDC", "": "xyz-tsla-usdc", "-": "XYZ-TSLA-USDC-USDC"},
    "GC=F": {"/": "GC=F", "": " gc=f ", "-": "GC=F"},
}
MEANT = {spelling: symbol for symbol, ways in SPELLINGS.items() for spelling in ways.values()}
EXITS = {"CLOSE": 0, "EXIT": 0, "平仓": 0, "CLOSE_LONG": 1, "CLOSE_SHORT": -1, "COVER": -1}
_DIRECTIONS = {"BUY": 1, "BULLISH": 1, "SELL": -1, "BEARISH": -1}


@dataclass(frozen=True)
class Void:
    """A person takes a decision out of the score at `at`, before or after that minute is tracked."""

    trade_id: str
    at: datetime
    before_tracking: bool


@dataclass(frozen=True)
class Outage:
    """The market fails for one symbol at some looks (of those there are), after `pages` pages of an answer."""

    symbol: str
    first_look: int
    looks: int
    pages: int


@dataclass
class Universe:
    """`delays`: how long after it was decided each decision arrives; `kinds`: the two ways it is lived through.

    `positions`: an opposite action closes what is open first. `looks`: their moments; `kills`: where in its work
    each look is killed ("": nowhere), once, to be done again. `lags`: how many minutes a file that grows lies behind
    each look.
    """

    candles: dict[str, list[RefCandle]] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    delays: dict[str, timedelta] = field(default_factory=dict)
    closes: list[tuple[str, datetime]] = field(default_factory=list)
    voids: list[Void] = field(default_factory=list)
    schedule: list[datetime] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    lags: list[int] = field(default_factory=list)
    page_minutes: int | None = None
    kinds: tuple[str, ...] = ()
    end: datetime = START + 450 * MINUTE
    positions: bool = False
    candle_length: str = "1m"
    calendar: str = ""

    @property
    def length(self) -> timedelta:
        """The longest that a candle lasts."""
        return MINUTE

    def moments(self, count: int | None = None) -> list[datetime]:
        """So many moments from the start to the end, evenly; by default one for each candle's time."""
        minutes = (self.end - START) // MINUTE
        return [START + minutes * k // (count or minutes or 1) * MINUTE for k in range((count or minutes) + 1)]

    def quiet(self, moment: datetime) -> datetime:
        """The last minute until which no further candle ends."""
        return moment

    @property
    def is_punctual(self) -> bool:
        """Whether no exit comes late or is voided: what had closed by then is no longer what it would have been."""
        asking = {stored_id(d) for d in self.decisions if exit_side(d, positions=self.positions) is not None}
        return asking.isdisjoint(void.trade_id for void in self.voids) and all(
            self.delays.get(trade_id, timedelta()) <= timedelta() for trade_id in asking
        )


@dataclass(frozen=True)
class Course:
    """How a symbol moves. `silences`: (per mille of the market's length, minutes); `spikes`: (per mille, way, size)."""

    level: float
    digits: int
    tempo: float
    density: float
    starts_after: int
    silences: list[tuple[int, int]]
    spikes: list[tuple[int, int, int]]
    noise: int

    def candles(self, minutes: int) -> list[RefCandle]:
        chance = random.Random(self.noise)
        step, digits = self.level * self.tempo, max(self.digits, 4 if self.level < 10 else 0)
        silent = {minutes * at // 1000 + k for at, length in self.silences for k in range(length)}
        spikes = {minutes * at // 1000: (way, size) for at, way, size in self.spikes}
        candles, price = [], self.level
        for minute in range(min(self.starts_after, minutes // 2), minutes):
            if minute in silent or (minute not in spikes and chance.random() > self.density):
                continue
            opened = round(price + chance.choice([0, 0, step, -step]), digits)
            opened = opened if opened > 0 else price
            flat = chance.random() < 0.2
            closed = opened if flat else round(max(step, opened + chance.gauss(0, step)), digits)
            above, below = (step * chance.choice([0, 0, 0.5, 1]) * chance.random() for _ in range(2))
            way, size = spikes.get(minute, (0, 0))
            high = round(max(opened, closed) + above + (step * size if way > 0 else 0), digits)
            low = round(min(opened, closed) - below - (step * size if way < 0 else 0), digits)
            low = low if low > 0 else min(opened, closed)
            volume = chance.choice([0.0, 1.5])
            at = START + minute * MINUTE
            candles.append(RefCandle(at, opened, max(high, opened, closed), min(low, opened, closed), closed, volume))
            price = closed
        return candles


def courses() -> st.SearchStrategy[Course]:
    return st.builds(
        Course,
        level=st.sampled_from([100.0, 96_000.0, 1.0]),
        digits=st.sampled_from([1, 2, 5]),
        tempo=st.sampled_from([0.002, 0.0005, 0.01]),
        density=st.sampled_from([1.0, 0.9, 0.4, 0.05]),
        starts_after=st.sampled_from([0, 0, 3, 20]),
        silences=st.lists(st.tuples(st.integers(0, 999), st.sampled_from([2, 7, 30, 90])), max_size=3),
        spikes=st.lists(
            st.tuples(st.integers(0, 999), st.sampled_from([1, -1]), st.sampled_from([1, 8, 30])), max_size=4
        ),
        noise=st.integers(0, 2**32 - 1),
    )


@dataclass(frozen=True)
class Shape:
    """A decision before its market is known: what is relative to a price, or to the market's length, in words of it.

    `stop` and `target`: a share of the price, or "touch": to the bit how far the first `touched` candles from then
    on go, and one more; `stop` "trailing": to the bit where the trailing level begins. `closes` and `void`: in parts of
    the hold time. `names`: how an exit says what it closes; `aim`: at which of the decisions before it, and `part`: how
    long after that one, in parts of its hold time.
    """

    symbol: int
    minute: int
    seconds: float
    action: str
    off: float
    priced: bool
    stop: float | str | None
    target: float | str | None
    touched: int
    trailing: float | None
    hold: float | None
    version: str
    confidence: float | None
    agents: dict[str, tuple[str, float | None]]
    spelling: str
    delay: float
    closes: tuple[float, ...]
    void: float | None
    void_before_tracking: bool
    names: str
    aim: int
    part: float


def shapes(holds: list[float | None]) -> st.SearchStrategy[Shape]:
    # Sampled where a share of the examples is meant: the more often a thing stands in a list, the likelier it is.
    said = st.tuples(
        st.sampled_from(["BUY", "SELL", "NEUTRAL", "BULLISH", "BEARISH"]), st.sampled_from([None, 0, 33.3, 70, 100])
    )
    return st.builds(
        Shape,
        symbol=st.integers(0, len(SYMBOLS) - 1),
        minute=st.integers(0, 999),
        seconds=st.sampled_from([0, 0, 30, 1, 59, 1e-6, 59.999999]),
        action=st.sampled_from(["BUY", "SELL"] * 6 + ["HOLD", "CONFLICTED", *EXITS]),
        off=st.sampled_from([0, 0, 0, 0.0007, -0.0007, 0.004, -0.004, 0.02, -0.02, 0.06, -0.06, 0.5, -0.5]),
        priced=st.sampled_from([True, True, False]),
        stop=st.sampled_from([None, 0.0005, 0.003, 0.0005, 0.02, "touch", "touch", "touch", "trailing"]),
        target=st.sampled_from([None, 0.0005, 0.003, 0.0005, 0.04, "touch", "touch", "touch"]),
        touched=st.integers(0, 20),
        trailing=st.sampled_from([None, None, None, 0.3, 0.05, 0.1, 0.7, 1.9, 12.5, 99.5]),
        hold=st.sampled_from(holds),
        version=st.sampled_from(["v1", "v2"]),
        confidence=st.sampled_from([None, 0, 50, 62.125, 100]),
        agents=st.dictionaries(st.sampled_from(["Ann", "Ben", "Cy", "Dee"]), said, max_size=4),
        spelling=st.sampled_from(["/", "", "-"]),
        delay=st.sampled_from([0, 0, 0, 1, 0.25, 7, 45, 300, -4]),
        closes=st.sampled_from([(), (), (), (), (0.5,), (0.1, 0.6), (0.9,), (1.0,), (0.0,), (-0.1, 0.3), (1.3,)]),
        void=st.sampled_from([None, None, None, None, None, None, None, 0.0, 0.5, 1.5]),
        void_before_tracking=st.booleans(),
        names=st.sampled_from(["", "", "at", "at", "itself", "it", "it", "in a list", "with others", "nothing"]),
        aim=st.integers(0, 99),
        part=st.sampled_from([0.5, 0.3, 0.1, 0.9, 0.0, 1.0, 1.2, -0.1]),
    )


LONG_HOLDS: list[float | None] = [None, None, 1, 0.5, 7, 61.5, 180, 1_500]
SHORT_HOLDS: list[float | None] = [5, 1, 0.5, 7, 2.25, 12]


@st.composite
def universes(draw: st.DrawFn) -> Universe:
    """A universe with the two kinds of schedule that it is to be lived through by; only short ones minute by minute."""
    short = draw(st.sampled_from([False] * 2 + [True]))
    minutes = draw(st.integers(1, 20) if short else st.sampled_from([30, 100, 180]))
    universe = Universe(positions=draw(st.sampled_from([False, False, True])))
    for symbol in draw(st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=3, unique=True)):
        universe.candles[symbol] = draw(courses()).candles(minutes)
    least = draw(st.sampled_from([1, 4, 12]))
    holds = SHORT_HOLDS if short else LONG_HOLDS
    for number, shape in enumerate(draw(st.lists(shapes(holds), min_size=least, max_size=least + 8))):
        add_decision(universe, shape, number, minutes)
    if draw(st.sampled_from([True, True, False])):
        _be_punctual(universe)
    refs = [to_ref(document, None) for document in universe.decisions]
    last = (
        floor_minute(max(ref.expires_at for ref in refs))
        + draw(st.sampled_from([10, 6, 30, 10, 5, 1, 0, -20])) * MINUTE
    )
    universe.end = max(last, *(floor_minute(ref.opened_at) + MINUTE for ref in refs), START + MINUTE)
    for candles in universe.candles.values():
        # A file that reaches beyond the last look says of every minute until then what it had.
        if candles and draw(st.sampled_from([True, True, True, False])):
            last_close = candles[-1].close
            at = max(universe.end, candles[-1].minute_at + MINUTE)
            candles.append(RefCandle(at, last_close, last_close, last_close, last_close, 0.0))
    span = (universe.end - START) // MINUTE
    looks = draw(st.lists(st.integers(0, 1000), max_size=6))
    universe.schedule = sorted(START + span * look // 1000 * MINUTE for look in looks)
    universe.kinds = (draw(st.sampled_from(KINDS)), ALWAYS if short else ONCE)
    universe.outages = draw(
        st.lists(
            st.builds(
                Outage, st.sampled_from(sorted(universe.candles)), st.integers(0, 5), st.integers(1, 4),
                st.integers(0, 2),
            ),
            min_size=1, max_size=3,
        )
    )  # fmt: skip
    universe.kills = draw(
        st.lists(st.sampled_from(["arrivals", "prices", "settlement", "score", ""]), min_size=1, max_size=6)
    )
    universe.lags = draw(st.lists(st.sampled_from([0, 1, 5, 40, 200]), min_size=1, max_size=6))
    universe.page_minutes = draw(st.sampled_from([None, None, 7 if short else 60]))
    return universe


def make_universe(number: int) -> Universe:
    """One of the universes, the same for the same number, with some trades in it."""
    found: list[Universe] = []

    @settings(max_examples=20, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @seed(number)
    @given(universes())
    def take(universe: Universe) -> None:
        found.append(universe)

    with _no_constants_of_modules():
        take()
    return max(found, key=lambda universe: len(universe.decisions))


@contextmanager
def _no_constants_of_modules() -> Iterator[None]:
    """Keep Hypothesis from drawing constants of the modules that happen to be loaded.

    They differ from process to process, so that a number would stand for another universe in each.
    """
    providers.CONSTANTS_CACHE.cache.clear()
    with patch.object(providers, "_get_local_constants", Constants):
        yield
    providers.CONSTANTS_CACHE.cache.clear()


def _be_punctual(universe: Universe) -> None:
    asking = {stored_id(d) for d in universe.decisions if exit_side(d, positions=universe.positions) is not None}
    for trade_id in asking:
        universe.delays[trade_id] = min(universe.delays[trade_id], timedelta())
    universe.voids = [void for void in universe.voids if void.trade_id not in asking]


def add_decision(universe: Universe, shape: Shape, number: int, minutes: int) -> None:
    """The decision that the shape is in this market, and what is asked for about it."""
    symbol = sorted(universe.candles)[shape.symbol % len(universe.candles)]
    opened = START + minutes * shape.minute // 1100 * MINUTE + timedelta(seconds=shape.seconds)
    aimed = None
    if shape.action in EXITS and shape.names and universe.decisions:
        aimed = universe.decisions[shape.aim % len(universe.decisions)]
        ref = to_ref(aimed, None)
        symbol = ref.symbol if shape.aim % 10 else symbol
        opened = max(START, ref.opened_at + shape.part * (ref.expires_at - ref.opened_at))
        opened = min(opened, START + minutes * MINUTE)
    candles = universe.candles[symbol]
    closes = [c.close for c in candles if c.minute_at + MINUTE <= opened] or [c.open for c in candles] or [100.0]
    price = closes[-1] if shape.off == 0 else round(closes[-1] * (1 + shape.off), 6)
    trade_id = f"t{number:03d}"
    document: dict[str, Any] = {
        "trade_id": trade_id,
        "symbol": SPELLINGS[symbol][shape.spelling],
        "type": shape.action,
        "price": price,
        "timestamp": opened.isoformat(),
        "version": shape.version if aimed is None or shape.names == "it" else aimed["version"],
        "agent_analyses": {
            agent: {"signal": signal} | ({} if confidence is None else {"confidence": confidence})
            for agent, (signal, confidence) in shape.agents.items()
        },
    }
    if shape.confidence is not None:
        document["confidence"] = shape.confidence
    if shape.hold is not None:
        document["max_hold_minutes"] = shape.hold
    if shape.trailing is not None:
        document["trailing_stop_pct"] = shape.trailing
    way = _DIRECTIONS.get(shape.action, 0)
    if way:
        ahead = [c for c in candles if c.minute_at >= opened]
        touched = ahead[: shape.touched % len(ahead) + 1] if ahead else []
        for name, side, wish in (("stop_loss", -way, shape.stop), ("take_profit", way, shape.target)):
            level = _level(price, side, wish, touched, shape.trailing)
            if level is not None:
                document[name] = level
    elif not shape.priced:
        del document["price"]
    if aimed is not None:
        _name_what_it_closes(document, shape, aimed)
        if stored_id(document) in {stored_id(other) for other in universe.decisions}:
            document["trade_id"] = trade_id  # the same exit twice, in other words, would be a conflict
    trade_id = stored_id(document)
    universe.decisions.append(document)
    universe.delays[trade_id] = shape.delay * MINUTE
    hold = timedelta(minutes=HOLD_MINUTES if shape.hold is None else shape.hold)
    universe.closes += [(trade_id, floor_minute(opened + part * hold)) for part in shape.closes]
    if shape.void is not None:
        universe.voids.append(Void(trade_id, floor_minute(opened + shape.void * hold), shape.void_before_tracking))


def _name_what_it_closes(document: dict[str, Any], shape: Shape, aimed: dict[str, Any]) -> None:
    if shape.names == "itself":
        document["closes"] = stored_id(aimed)
    elif shape.names == "it":
        document["trade_id"] = aimed["trade_id"]
    elif shape.names == "in a list":
        document["closes"] = [stored_id(aimed)]
    elif shape.names == "with others":
        document["closes"] = ["nobody", stored_id(aimed), "t000", "t001", stored_id(aimed)]
    elif shape.names == "nothing":
        document["closes"] = "nobody"


def exit_side(decision: dict[str, Any], *, positions: bool = False) -> int | None:
    """+1, -1 or 0 (both): the trades whose close it asks for; None: it does not."""
    if decision["type"] in EXITS:
        return EXITS[decision["type"]]
    return -_DIRECTIONS[decision["type"]] if positions and decision["type"] in ("BUY", "SELL") else None


def stored_id(decision: dict[str, Any]) -> str:
    """The id that it goes by: of an exit that does not say `closes`, not its own alone."""
    given: str = decision["trade_id"]
    if decision["type"] not in EXITS or "closes" in decision:
        return given
    time = datetime.fromisoformat(decision["timestamp"]).replace(tzinfo=None).isoformat()
    if re.fullmatch(f"[A-Z]+-{re.escape(time)}Z-[0-9a-f]{{8}}", given):  # made for one without an id
        return given
    return f"{given}-exit-{time}Z"


def _level(
    price: float, side: int, wish: float | str | None, touched: list[RefCandle], trailing: float | None
) -> float | None:
    """A stop or target on one side of the price: above it (+1) or below (-1)."""
    share = wish if isinstance(wish, float) else 0.003
    if wish == "touch" and touched:
        extreme = max(c.high for c in touched) if side > 0 else min(c.low for c in touched)
        if side * (extreme - price) > 0:
            return extreme
    if wish == "trailing" and trailing is not None:
        return price * (1 + side * trailing / 100)
    return None if wish is None else round(price * (1 + side * share), 6)


def to_ref(decision: dict[str, Any], close_requested_at: datetime | None, *, positions: bool = False) -> RefDecision:
    opened = datetime.fromisoformat(decision["timestamp"])
    closes = decision.get("closes") if decision["type"] in EXITS else None
    return RefDecision(
        trade_id=stored_id(decision),
        symbol=MEANT.get(decision["symbol"], decision["symbol"]),
        version=decision.get("version", ""),
        direction=_DIRECTIONS.get(decision["type"], 0),
        price=decision.get("price"),
        opened_at=opened,
        expires_at=opened + timedelta(minutes=decision.get("max_hold_minutes", HOLD_MINUTES)),
        stop_loss=decision.get("stop_loss"),
        take_profit=decision.get("take_profit"),
        trailing_stop_pct=decision.get("trailing_stop_pct"),
        fee_bps=FEE_BPS,
        close_requested_at=close_requested_at,
        signals={
            agent: (_DIRECTIONS.get(said["signal"], 0), said.get("confidence"))
            for agent, said in decision.get("agent_analyses", {}).items()
        },
        exit_side=exit_side(decision, positions=positions),
        closes=None if closes is None else tuple([closes] if isinstance(closes, str) else closes),
        given_id=decision["trade_id"] if decision["type"] in EXITS and closes is None else None,
    )


def write_replay(universe: Universe, folder: Path) -> None:
    for symbol, candles in universe.candles.items():
        write_candles(folder / file_of(symbol), candles)


def file_of(symbol: str) -> str:
    return f"{symbol.replace('/', '-').replace(':', '-')}.csv"


def write_candles(path: Path, candles: list[RefCandle], torn: str = "") -> None:
    rows = ["timestamp,open,high,low,close,volume"]
    for c in candles:
        stamp = int(c.minute_at.timestamp()) * 1000
        rows.append(f"{stamp},{c.open!r},{c.high!r},{c.low!r},{c.close!r},{c.volume!r}")
    path.write_text("\n".join(rows) + "\n" + torn)

"""The market around one trade, with what happened on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from scorekeeper.charts.drawing import (
    Chart,
    element,
    join,
    label,
    line_path,
    moment,
    picture,
    pixels,
    points,
    price,
    share,
    step_path,
    stretched,
)
from scorekeeper.charts.frame import level_axis, strips, time_axis
from scorekeeper.charts.scales import Scale, widened

HEIGHT = 360.0
APART = 15.0  # pixels between the words of two levels


@dataclass(frozen=True)
class Candle:
    """Prices of the stretch that begins `at` (seconds since 1970)."""

    at: float
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True)
class Level:
    """A price that mattered from `since` to `until`: entry, stop, target, best, worst, exit or trailing (`look`)."""

    look: str
    name: str
    price: float
    since: float
    until: float


@dataclass(frozen=True)
class Happening:
    """A mark on the chart: `look` is long, short or exit; `says` is the text that the mouse shows."""

    look: str
    at: float
    price: float
    says: str


@dataclass(frozen=True)
class Life:
    """The trade's own time, its entry price and its side (+1 long, -1 short): what is gained is shaded."""

    since: float
    until: float
    entry: float
    side: int


@dataclass(frozen=True)
class Instant:
    """A moment that an upright line marks, as the horizon."""

    name: str
    at: float


def candles(
    market: Sequence[Candle],
    seconds: float,
    *,
    levels: Sequence[Level] = (),
    happenings: Sequence[Happening] = (),
    instants: Sequence[Instant] = (),
    trail: Sequence[tuple[float, float]] = (),
    life: Life | None = None,
    shows: str = "Prices around the trade",
) -> Chart:
    """Candles of `seconds` each, with levels, marks and moments.

    `trail`: (time, price) of a stop that moves, each until the next. Hollow candles rose. Raises ValueError without
    candles.
    """
    if not market:
        raise ValueError("no candles, no chart")
    moments = [one.at for one in happenings] + [one.at for one in instants]
    first = min([market[0].at, *moments])
    last = max([market[-1].at + seconds, *moments])
    across = Scale(first, last, 0, 100)
    held = [one.price for one in levels] + [one.price for one in happenings] + [level for _, level in trail]
    up = Scale(*widened([p for c in market for p in (c.high, c.low)], hold=held, by=0.05), HEIGHT, 0)
    content = join([
        time_axis(across, HEIGHT),
        level_axis(up, "price", most=7),
        stretched(HEIGHT, _gain(market, seconds, across, up, life)) if life else Markup(""),
        *(_instant(one, across) for one in instants),
        stretched(HEIGHT, _bodies(market, seconds, across, up)),
        *(_level(one, across, up) for one in levels),
        stretched(HEIGHT, _trail(trail, across, up)) if trail else Markup(""),
        _words(levels, trail, up),
        strips(
            [across(c.at) for c in market],
            [_told(c, seconds) for c in market],
            HEIGHT, after=True,
        ),
        *(_happening(one, across, up) for one in happenings),
    ])  # fmt: skip
    rows = tuple((moment(c.at), price(c.open), price(c.high), price(c.low), price(c.close)) for c in market)
    return Chart(
        picture(HEIGHT, content, shows, kind="candles", zoom="candles"),
        _sentence(market, seconds, levels),
        ("begins (UTC)", "open", "high", "low", "close"),
        rows,
    )


def _bodies(market: Sequence[Candle], seconds: float, across: Scale, up: Scale) -> Markup:
    """One path for the candles that rose, hollow, and one for those that fell, filled: few elements, fast."""
    rose: list[str] = []
    fell: list[str] = []
    for one in market:
        (left, _), (right, _), (middle, _) = points(
            [across(one.at + seconds * part) for part in (0.15, 0.85, 0.5)], [0, 0, 0]
        )
        top, bottom = pixels(up(max(one.open, one.close))), pixels(up(min(one.open, one.close)))
        high, low = pixels(up(one.high)), pixels(up(one.low))
        drawn = rose if one.close >= one.open else fell
        drawn.append(f"M{middle} {high}V{top}M{middle} {bottom}V{low}M{left} {top}H{right}V{bottom}H{left}Z")
    return element("path", d="".join(rose), class_="body rose") + element("path", d="".join(fell), class_="body fell")


def _gain(market: Sequence[Candle], seconds: float, across: Scale, up: Scale, life: Life) -> Markup:
    """What the trade was ahead and behind, as areas between its entry and the closes of its life."""
    lived = [c for c in market if life.since - seconds < c.at < life.until]
    if not lived:
        return Markup("")
    times = [life.since, *(min(max(c.at + seconds, life.since), life.until) for c in lived)]
    closes = [life.entry, *(c.close for c in lived)]
    xs, entry = across.places(times), pixels(up(life.entry))
    areas = []
    for look, keep in (("good", max if life.side > 0 else min), ("bad", min if life.side > 0 else max)):
        ys = up.places([keep(close, life.entry) for close in closes])
        places = points(xs, ys)
        d = f"{line_path(places)}V{entry}H{places[0][0]}Z"
        areas.append(element("path", d=d, class_=f"gain {look}"))
    return join(areas)


def _level(one: Level, across: Scale, up: Scale) -> Markup:
    y = pixels(up(one.price))
    # On to its words at the right edge.
    far = element("line", x1=share(min(100, across(one.until))), x2="100%", y1=y, y2=y, class_="far")
    return far + element(
        "line", x1=share(max(0, across(one.since))), x2=share(min(100, across(one.until))), y1=y, y2=y,
        class_=f"level {one.look}", title=f"{one.name} {price(one.price)}", data_look=one.look, data_price=one.price,
        data_since=round(one.since), data_until=round(one.until),
    )  # fmt: skip


def _trail(trail: Sequence[tuple[float, float]], across: Scale, up: Scale) -> Markup:
    places = points(across.places([at for at, _ in trail]), up.places([level for _, level in trail]))
    told = " ".join(f"{round(at)},{level!r}" for at, level in trail)
    return element("path", d=step_path(places), class_="level trailing", data_trail=told)


def _words(levels: Sequence[Level], trail: Sequence[tuple[float, float]], up: Scale) -> Markup:
    """Each level's name and price at the right, moved apart where they would overlap."""
    told = [(up(one.price), one.look, one.name, one.price) for one in levels]
    if trail:
        told.append((up(trail[-1][1]), "trailing", "trailing", trail[-1][1]))
    drawn, lowest = [], -100.0
    told.sort()
    room = [y for y, *_ in told]
    for i, y in enumerate(room):
        room[i] = lowest = max(y, lowest + APART)
    if room and room[-1] > HEIGHT:
        room[-1] = HEIGHT
        for i in range(len(room) - 2, -1, -1):
            room[i] = min(room[i], room[i + 1] - APART)
    for at, (y, look, name, value) in zip(room, told, strict=True):
        if abs(at - y) > 1:
            drawn.append(element("line", x1="100%", x2="100%", y1=pixels(y), y2=pixels(at), class_="tie"))
        words = element("tspan", label(name, 12)) + element("tspan", " " + price(value), class_="soft")
        drawn.append(element("text", words, x="100%", dx=6, y=pixels(at), dy=".35em", class_=f"tick level-name {look}"))
    return element("g", join(drawn), aria_hidden="true")


def _instant(one: Instant, across: Scale) -> Markup:
    x = share(across(one.at))
    late = across(one.at) > 80
    words = element("text", label(one.name), x=x, y=10, dx=-5 if late else 5, class_="tick" + (" end" if late else ""))
    return element("line", x1=x, x2=x, y1=0, y2=pixels(HEIGHT), class_="instant", data_at=round(one.at)) + words


def _happening(one: Happening, across: Scale, up: Scale) -> Markup:
    """An arrow below the entry of a long, above that of a short; a ring around the exit."""
    shape = {"long": "M0 5L7 17H-7Z", "short": "M0-5L7-17H-7Z"}.get(one.look)
    mark = element("path", d=shape, title=one.says) if shape else element("circle", r=6, title=one.says)
    return element(
        "svg", mark + element("circle", r=2), x=share(across(one.at)), y=pixels(up(one.price)),
        class_=f"happening {one.look}", data_look=one.look, data_at=round(one.at), data_price=one.price,
    )  # fmt: skip


def _told(one: Candle, seconds: float) -> str:
    until = moment(one.at + seconds, "%H:%M")
    return (
        f"{moment(one.at)} to {until} UTC\nopen {price(one.open)}  high {price(one.high)}\n"
        f"low {price(one.low)}  close {price(one.close)}"
    )


def _sentence(market: Sequence[Candle], seconds: float, levels: Sequence[Level]) -> str:
    high, low = max(c.high for c in market), min(c.low for c in market)
    named = "".join(f"; {one.name} {price(one.price)}" for one in levels)
    return (
        f"Prices from {moment(market[0].at)} to {moment(market[-1].at + seconds)} (UTC), "
        f"{len(market):,} candles of {seconds / 60:g} min: from {price(market[0].open)} to "
        f"{price(market[-1].close)}, between {price(low)} and {price(high)}{named}."
    )

"""What trades look like together: their distribution, their excursions, and the hours of the week."""

import numpy as np
from markupsafe import Markup

from scorekeeper.charts.drawing import Chart, element, join, number, picture, pixels, share
from scorekeeper.charts.frame import dot_key, key, level_axis, width_axis
from scorekeeper.charts.scales import Scale, widened
from scorekeeper.charts.series import Bars, Floats, Heat, spread_out

MOST_DOTS = 5_000  # of a cloud: each is an element of the page
HISTOGRAM_HEIGHT, CLOUD_HEIGHT = 260.0, 300.0
CELL = 22.0
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# A mark around (0, 0): what a group is can be told without its colour.
CROSS, ROUND, DIAMOND = "M-3-3L3 3M-3 3L3-3", "M-3 0A3 3 0 1 0 3 0A3 3 0 1 0-3 0Z", "M0-4L4 0 0 4-4 0Z"


def distribution(gross: Bars, net: Bars) -> Chart:
    """Histograms of P&L gross and after fees over the same bars."""
    edges = gross.edges
    across = Scale(float(edges[0]), float(edges[-1]), 0, 100)
    up = Scale(0, 1.06 * float(max(gross.counts.max(), net.counts.max())), HISTOGRAM_HEIGHT, 0)
    xs = across.places(edges)
    drawn, rows = [], []
    for look, bars, name in (("gross", gross, "gross"), ("net", net, "after fees")):
        group = [
            element(
                "rect", x=share(xs[i]), width=share(0.96 * (xs[i + 1] - xs[i])), y=pixels(up(count)),
                height=pixels(HISTOGRAM_HEIGHT - up(count)),
                title=f"{name}: {_range(edges, i)} %: {count:,} trades",
            )
            for i, count in enumerate(bars.counts.tolist())
            if count
        ]  # fmt: skip
        drawn.append(element("g", join(group), class_=f"bars {look}"))
    for i, (a, b) in enumerate(zip(gross.counts.tolist(), net.counts.tolist(), strict=True)):
        rows.append((_edge(edges[i]), _edge(edges[i + 1]), f"{a:,}", f"{b:,}"))
    content = join([
        key([("line gross", "gross"), ("line net", "after fees")]),
        width_axis(across, HISTOGRAM_HEIGHT, "P&L of a trade, % of entry"), level_axis(up, "trades"), *drawn,
    ])  # fmt: skip
    total = int(gross.counts.sum())
    fullest = int(gross.counts.argmax())
    sentence = (
        f"P&L of {total:,} trades in {len(gross.counts):,} bars; gross, the fullest bar is {_range(edges, fullest)} % "
        f"with {int(gross.counts[fullest]):,} trades."
    )
    header = ("P&L from, %", "to, %", "trades, gross", "trades, after fees")
    return Chart(picture(HISTOGRAM_HEIGHT, content, "Histogram of P&L", kind="keyed"), sentence, header, tuple(rows))


def _edge(value: float) -> str:
    return f"{value:.3g}".replace("-", "\u2212")


def _range(edges: Floats, i: int) -> str:
    return f"{_edge(edges[i])} to {_edge(edges[i + 1])}"


def excursions(worst: Floats, best: Floats, pnl: Floats) -> Chart:
    """Each trade's best against its worst excursion, winners and losers apart; at most `MOST_DOTS`, evenly spaced."""
    kept = spread_out(len(pnl), MOST_DOTS)
    worst, best, pnl = worst[kept], best[kept], pnl[kept]
    across = Scale(*widened(worst, hold=(0.0,), by=0.04), 0, 100)
    up = Scale(*widened(best, hold=(0.0,), by=0.04), CLOUD_HEIGHT, 0)
    groups = (
        ("winners", "good", ROUND, pnl > 0), ("losers", "bad", CROSS, pnl < 0),
        ("break-even", "even", DIAMOND, pnl == 0),
    )  # fmt: skip
    drawn, rows, counted = [], [], []
    for name, look, path, which in groups:
        if not which.any():
            continue
        counted.append((look, path, name))
        dots = []
        places = zip(across.places(worst[which]), up.places(best[which]), strict=True)
        for (x, y), w, b, p in zip(places, worst[which], best[which], pnl[which], strict=True):
            cells = (number(float(w), 2), number(float(b), 2), number(float(p), 2))
            told = f"worst {cells[0]} %, best {cells[1]} %, P&L {cells[2]} %"
            # An x in percent moves the mark, whose path is around (0, 0).
            dots.append(_mark(look, path, x, y, told))
            rows.append((name, *cells))
        drawn.append(element("g", join(dots), class_=f"marks {look}"))
    content = join([
        dot_key([(f"mark {look}", path, name) for look, path, name in counted]),
        width_axis(across, CLOUD_HEIGHT, "worst excursion (MAE), % of entry"),
        level_axis(up, "best excursion (MFE), % of entry"), *drawn,
    ])  # fmt: skip
    sentence = (
        f"Worst against best excursion of {len(pnl):,} trades: the worst reaches {number(float(worst.min()), 2, '%')}, "
        f"the best {number(float(best.max()), 2, '%')}."
    )
    header = ("outcome", "worst excursion, %", "best excursion, %", "P&L, %")
    return Chart(
        picture(CLOUD_HEIGHT, content, "Best against worst excursion", kind="keyed"), sentence, header, tuple(rows)
    )


def _mark(look: str, path: str, x: float, y: float, told: str) -> Markup:
    if look == "good":
        return element("circle", cx=share(x), cy=pixels(y), r=3, title=told)
    return element("svg", element("path", d=path, title=told), x=share(x), y=pixels(y))


def heat(found: Heat) -> Chart:
    """Mean P&L by weekday and hour of opening, and beneath it how many trades each mean is of."""
    strongest = float(np.nanmax(np.abs(found.mean))) if found.n.any() else 1.0
    most = int(found.n.max()) or 1
    height = 7 * CELL
    means, counts, rows = [], [], []
    for day, name in enumerate(WEEKDAYS):
        for hour in range(24):
            n, mean = int(found.n[day, hour]), float(found.mean[day, hour])
            if not n:
                continue
            when = f"{name} {hour:02}:00"
            sign = "+" if mean > 0 else "\u2212" if mean < 0 else "0"
            depth = abs(mean) / (strongest or 1.0)
            told = f"{when} UTC: mean {number(mean, 3, '%')}, n = {n:,}"
            means.append(_cell(day, hour, "good" if mean > 0 else "bad", depth, told, sign))
            counts.append(_cell(day, hour, "count", n / most, f"{when} UTC: {n:,} trades", str(n) if n < 100 else ""))
            rows.append((name, f"{hour:02}:00", number(mean, 3), f"{n:,}"))
    below = height + 34
    hours = Scale(0, 24, 0, 100)
    content = join([
        _days("mean P&L, %"), *means,
        element("g", _days("trades") + join(counts), transform=f"translate(0 {pixels(below)})"),
        width_axis(hours, below + height, "hour of opening, UTC", ticks=tuple(range(0, 24, 3)), top=below + height),
    ])  # fmt: skip
    means_between = (
        f"; the means lie between {number(float(np.nanmin(found.mean)), 3)} and "
        f"{number(float(np.nanmax(found.mean)), 3, '%')}"
        if rows
        else ""
    )
    sentence = (
        f"Mean P&L by the hour of the week in which {int(found.n.sum()):,} trades were opened: {len(rows):,} of 168 "
        f"hours hold any{means_between}."
    )
    header = ("day", "hour (UTC)", "mean P&L, %", "trades")
    svg = picture(below + height, content, "Mean P&L and trades by weekday and hour", kind="heat")
    return Chart(svg, sentence, header, tuple(rows))


def _days(title: str) -> Markup:
    names = [
        element("text", name, x=-8, y=pixels(day * CELL + CELL / 2), dy=".35em", class_="tick left")
        for day, name in enumerate(WEEKDAYS)
    ]
    return element("g", join([*names, element("text", title, x=-48, y=-8, class_="title")]), aria_hidden="true")


def _cell(day: int, hour: int, look: str, depth: float, told: str, inside: str) -> Markup:
    place: dict[str, object] = {"x": share(hour * 100 / 24), "y": pixels(day * CELL)}
    box = element(
        "rect", width=share(100 / 24 - 0.12), height=pixels(CELL - 1), fill_opacity=f"{0.12 + 0.88 * depth:.2f}",
        class_=f"cell {look}", title=told, **place,
    )  # fmt: skip
    words = element(
        "text", inside, x=share((hour + 0.5) * 100 / 24), y=pixels((day + 0.5) * CELL), dy=".35em", class_="inside"
    )
    return box + words

"""Percent day by day: P&L, or what an agent's calls came to."""

from collections.abc import Sequence
from dataclasses import dataclass

from scorekeeper.charts.drawing import Chart, element, join, link, moment, number, picture, pixels, share
from scorekeeper.charts.frame import level_axis, time_axis
from scorekeeper.charts.scales import DAY, Scale, widened

HEIGHT = 180.0


@dataclass(frozen=True)
class Day:
    """A day by its begin (seconds since 1970, UTC): a sum in percent, and of how many trades or calls."""

    at: float
    sum_pct: float
    n: int
    href: str | None = None


def days(found: Sequence[Day], *, what: str = "P&L", of: str = "trades") -> Chart:
    """A bar a day, up for a gain and down for a loss, in order; `what` is summed, `of` what each n counts.

    Raises ValueError for no days.
    """
    if not found:
        raise ValueError("no days, no chart")
    across = Scale(found[0].at, max(found[-1].at + DAY, found[0].at + 7 * DAY), 0, 100)
    up = Scale(*widened([d.sum_pct for d in found], hold=(0.0,)), HEIGHT, 0)
    zero, wide = up(0), across(found[0].at + DAY) * 0.8
    drawn, rows = [], []
    for day in found:
        date, sum_of = moment(day.at, "%Y-%m-%d"), number(day.sum_pct, 2, "%")
        told = f"{date}: {sum_of}, n = {day.n:,}"
        y = up(day.sum_pct)
        x = across(day.at) + wide / 8
        # The whole column can be hit, however small the day's bar is.
        mark = element(
            "rect", x=share(x), width=share(wide), y=0, height=pixels(HEIGHT), class_="reach", title=told
        ) + element(
            "rect", x=share(x), width=share(wide), y=pixels(min(y, zero)), height=pixels(max(1.0, abs(y - zero))),
            class_="bar good" if day.sum_pct > 0 else "bar bad", title=told,
        )  # fmt: skip
        drawn.append(link(mark, day.href, told) if day.href else mark)
        rows.append((date, sum_of, f"{day.n:,}"))
    best, worst = max(found, key=lambda d: d.sum_pct), min(found, key=lambda d: d.sum_pct)
    sentence = (
        f"{what}, {len(found):,} days: {sum(d.sum_pct > 0 for d in found):,} gained, "
        f"{sum(d.sum_pct < 0 for d in found):,} lost; best {moment(best.at, '%Y-%m-%d')} with "
        f"{number(best.sum_pct, 2, '%')}, worst {moment(worst.at, '%Y-%m-%d')} with {number(worst.sum_pct, 2, '%')}."
    )
    content = join([time_axis(across, HEIGHT), level_axis(up, f"{what} of the day, %", most=4), *drawn])
    linked = any(d.href for d in found)
    return Chart(
        picture(HEIGHT, content, f"{what} by day", linked=linked), sentence, ("day (UTC)", what, of), tuple(rows)
    )

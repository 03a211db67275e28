"""What each agent said about one decision, against where the price went."""

from collections.abc import Sequence
from dataclasses import dataclass

from scorekeeper.charts.drawing import Chart, element, join, label, link, number, picture, pixels, share

ROW = 44.0
MIDDLE = 50.0
UNSURE = 50.0  # what a missing confidence counts


@dataclass(frozen=True)
class Said:
    """An agent's signal: its own word, its direction (+1 up, 0 none, -1 down), its confidence 0..100 or None."""

    agent: str
    word: str
    direction: int
    confidence: float | None
    href: str | None = None


def right(one: Said, moved_pct: float | None) -> bool | None:
    """Whether the price went where the agent said; None: it said nothing, the price stood still, or is not known.

    >>> right(Said("a", "BUY", 1, 80.0), -0.4), right(Said("a", "HOLD", 0, None), 1.0)
    (False, None)
    """
    if not one.direction or not moved_pct:
        return None
    return one.direction * moved_pct > 0


def said(signals: Sequence[Said], moved_pct: float | None) -> Chart:
    """Each agent's call as a bar to the left (down) or to the right (up), as long as its confidence.

    The side to which the price went by the horizon (`moved_pct`, percent) is shaded: whatever lies on it was right.
    Raises ValueError for no signals.
    """
    if not signals:
        raise ValueError("no signals, no chart")
    height = ROW * len(signals)
    drawn, rows = [], []
    if moved_pct:
        x = MIDDLE if moved_pct > 0 else 0
        drawn.append(element("rect", x=share(x), width=share(MIDDLE), y=0, height=pixels(height), class_="went"))
    for i, one in enumerate(signals):
        top = i * ROW
        was = right(one, moved_pct)
        verdict = {True: "right", False: "wrong", None: ""}[was]
        sure = "no confidence given" if one.confidence is None else f"{number(float(one.confidence), 0)} % sure"
        told = f"{label(one.agent, 80)}: {label(one.word, 40)}, {sure}" + (f", {verdict}" if verdict else "")
        length = MIDDLE * (UNSURE if one.confidence is None else min(100.0, max(0.0, one.confidence))) / 100
        y = pixels(top + 20)
        if one.direction:
            look = {True: "good", False: "bad", None: "even"}[was] + (" guessed" if one.confidence is None else "")
            x = MIDDLE if one.direction > 0 else MIDDLE - length
            mark = element("rect", x=share(x), width=share(length), y=y, height=14, class_=f"bar {look}", title=told)
        else:
            mark = element("circle", cx=share(MIDDLE), cy=pixels(top + 27), r=5, class_="bar even", title=told)
        sign = {True: "\u2713 ", False: "\u2717 ", None: ""}[was]
        name = element("text", label(one.agent, 26), x=0, y=pixels(top + 13), class_="name")
        word = element("text", f"{sign}{label(one.word, 14)}", x="100%", y=pixels(top + 13), class_="tick end")
        row = name + word + mark
        drawn.append(link(row, one.href, told) if one.href else row)
        rows.append((label(one.agent, 200), label(one.word, 60), sure, verdict or "no call"))
    drawn.append(element("line", x1="50%", x2="50%", y1=0, y2=pixels(height), class_="zero"))
    below = pixels(height + 16)
    drawn.append(element(
        "g",
        element("text", "\u25c4 down", x=0, y=below, class_="tick")
        + element("text", "up \u25ba", x="100%", y=below, class_="tick end"),
        aria_hidden="true",
    ))  # fmt: skip
    return Chart(
        picture(height, join(drawn), "What each agent said", kind="flush said", linked=any(s.href for s in signals)),
        _sentence(signals, moved_pct),
        ("agent", "signal", "confidence", "by the horizon"),
        tuple(rows),
    )


def _sentence(signals: Sequence[Said], moved_pct: float | None) -> str:
    ups, downs = (sum(s.direction == d for s in signals) for d in (1, -1))
    split = f"{ups:,} of {len(signals):,} agents said up, {downs:,} down, {len(signals) - ups - downs:,} neither"
    if moved_pct is None:
        return f"{split}. Where the price went by the horizon is not known yet."
    how = "rose" if moved_pct > 0 else "fell" if moved_pct < 0 else "stood still"
    by = f" {number(abs(moved_pct), 2, '%')}" if moved_pct else ""
    hits = sum(right(s, moved_pct) is True for s in signals)
    return f"{split}. The price {how}{by} by the horizon: {hits:,} of {ups + downs:,} calls were right."

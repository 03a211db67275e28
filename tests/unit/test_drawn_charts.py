"""What charts draw: every value in its table, nothing that a stranger wrote comes alive, all of it in the picture."""

import doctest
import importlib
import pkgutil
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scorekeeper.charts
from scorekeeper import charts
from scorekeeper.charts import Chart
from scorekeeper.charts.drawing import label, link
from scorekeeper.charts.scales import Scale, round_ticks, tick_digits, time_ticks
from scorekeeper.charts.series import heat_by_hour, histogram, rolling_rate, running_path, shared_edges

HOSTILE = '</svg><script>alert(1)</script><a href="javascript:x" onclick=y>\u202e\x00'
DRAWN = {"svg", "g", "path", "line", "rect", "circle", "text", "tspan", "title", "a"}
OPENED = 1_746_400_000.0


class Drawing(HTMLParser):
    """The elements of a picture with their attributes, and its words."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.open += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open -= 1

    def handle_endtag(self, tag: str) -> None:
        self.open -= 1

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def market(n: int, chance: np.random.Generator) -> list[charts.Candle]:
    closes = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, n)))
    opens = np.concatenate([[100.0], closes[:-1]])
    return [
        charts.Candle(OPENED + 60 * i, o, max(o, c) * 1.001, min(o, c) * 0.999, c)
        for i, (o, c) in enumerate(zip(opens.tolist(), closes.tolist(), strict=True))
    ]


def every_chart(n: int, seed: int) -> dict[str, Chart]:
    """One of each, of random figures, with the names that an attacker would choose."""
    chance = np.random.default_rng(seed)
    closed = OPENED + np.sort(chance.integers(0, 40 * 86_400, n)).astype(float)
    pnl = chance.normal(0, 1, n).round(2)
    net = pnl - 0.2
    edges = shared_edges(np.concatenate([pnl, net]))
    tenths = [charts.Tenth(int(chance.integers(1, 90)), 1, 10.0 * i + 5) for i in range(10)]
    bars = [charts.Bar(HOSTILE, float(v), (float(v) - 1, float(v) + 1), 9, "agent?name=a%3Ab") for v in pnl[:9]]
    signals = [charts.Said(HOSTILE, HOSTILE, int(d), float(c), "agent?name=x") for d, c in
               zip(chance.integers(-1, 2, 5), chance.uniform(0, 100, 5), strict=True)]  # fmt: skip
    found = market(30, chance)
    levels = [charts.Level(look, HOSTILE, found[9].close * k, OPENED + 300, OPENED + 900)
              for look, k in (("entry", 1.0), ("stop", 0.99), ("target", 1.0001), ("best", 1.0002))]  # fmt: skip
    by_day = [charts.DayPath(OPENED + 86_400 * i, float(v), max(0.0, float(v)), min(0.0, float(v)), 0.1)
              for i, v in enumerate(pnl[:50])]  # fmt: skip
    return {
        "equity": charts.equity([
            charts.Curve(name, running_path(closed - 60, closed, one)) for name, one in (("gross", pnl), ("net", net))
        ]),
        "equity by day": charts.equity([charts.daily_curve(HOSTILE, by_day)]),
        "win rate": charts.win_rate(closed, rolling_rate(pnl > 0, 1), 1),
        "reliability": charts.reliability(tenths, href=lambda t: f"decisions?confidence_from={t.mean_confidence}"),
        "bars": charts.bars_with_intervals(bars, "%", "Shares"),
        "distribution": charts.distribution(histogram(pnl, edges), histogram(net, edges)),
        "excursions": charts.excursions(-np.abs(pnl), np.abs(pnl), pnl),
        "heat": charts.heat(heat_by_hour(closed, pnl)),
        "days": charts.days([charts.Day(d.at, d.sum, 3, "trades?since=2025-05-05") for d in by_day]),
        "said": charts.said(signals, float(pnl[0])),
        "weights": charts.weights({
            f"{i} {HOSTILE}": [(OPENED + 3_600 * j, float(v)) for j, v in enumerate(pnl[:40])] for i in range(6)
        }),
        "evidence": charts.evidence([
            charts.Evidence(OPENED + 14_400 * i, float(np.exp(3 * v)), i % 7 > 4, i % 7 in (3, 4, 5))
            for i, v in enumerate(pnl)
        ], 20.0),
        "recalibration": charts.recalibration(float(pnl[0]), 0.3, [charts.Observed(55.0, 9, 4)]),
        "candles": charts.candles(
            found, 60, levels=levels, life=charts.Life(OPENED + 300, OPENED + 900, found[5].close, -1),
            happenings=[charts.Happening("short", OPENED + 300, found[5].close, HOSTILE)],
            instants=[charts.Instant(HOSTILE, OPENED + 1_500)], trail=[(OPENED + 300, found[5].close)],
        ),
    }  # fmt: skip


@pytest.mark.parametrize(("n", "seed"), [(1, 1), (2, 2), (300, 3)])
def test_nothing_that_a_stranger_wrote_comes_alive_in_a_chart(n: int, seed: int) -> None:
    for name, chart in every_chart(n, seed).items():
        drawing = Drawing(chart.svg)
        assert drawing.open == 0, name
        assert {tag for tag, _ in drawing.elements} <= DRAWN, name
        for tag, attrs in drawing.elements:
            assert not any(key.startswith("on") or key == "style" for key in attrs), (name, tag, attrs)
            assert not ("href" in attrs and ":" in attrs["href"]), (name, attrs)
        assert not re.search("[\x00\u202e]", "".join(drawing.words) + chart.sentence), name


@pytest.mark.parametrize(("n", "seed"), [(1, 4), (40, 5)])
def test_every_chart_has_a_name_a_sentence_and_whole_rows(n: int, seed: int) -> None:
    for name, chart in every_chart(n, seed).items():
        root = Drawing(chart.svg).elements[0][1]
        assert root["aria-label"], name
        linked = "<a " in chart.svg
        assert root["role"] == ("group" if linked else "img"), name
        assert chart.sentence.endswith("."), name
        assert chart.rows, name
        assert {len(row) for row in chart.rows} == {len(chart.header)}, name
        assert all(isinstance(cell, str) for row in chart.rows for cell in row), name


@pytest.mark.parametrize("seed", range(6))
def test_all_that_is_drawn_lies_within_the_picture(seed: int) -> None:
    for name, chart in every_chart(60, seed).items():
        drawing = Drawing(chart.svg)
        height = float(drawing.elements[0][1]["height"])
        for tag, attrs in drawing.elements[1:]:
            for key in ("x", "x1", "x2", "cx"):
                if attrs.get(key, "").endswith("%"):
                    assert -0.01 <= float(attrs[key][:-1]) <= 100.01, (name, tag, attrs)
            for key in ("cy", "y1", "y2"):
                if key in attrs and "key" not in attrs.get("class", "") and attrs.get("transform") is None:
                    assert -29 <= float(attrs[key]) <= height + 1, (name, tag, attrs)


def test_a_chart_leads_to_pages_of_its_own_site_alone() -> None:
    mark = charts.days([charts.Day(OPENED, 1.0, 2)]).svg
    for address in ("trades?symbol=A:B", "/x", "./", "?a=b", "#c"):
        assert f'href="{address}"' in link(mark, address, "there")
    for address in ("javascript:alert(1)", "https://evil.example/", "//evil.example/", "java\nscript:x"):
        with pytest.raises(ValueError, match="within its own site"):
            link(mark, address, "there")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.equity([]), lambda: charts.reliability([]), lambda: charts.bars_with_intervals([], "%", "x"),
        lambda: charts.weights({}), lambda: charts.weights({"a": []}), lambda: charts.evidence([], 20.0),
        lambda: charts.said([], 1.0), lambda: charts.candles([], 60), lambda: charts.days([]),
    ],
)  # fmt: skip
def test_there_is_no_chart_of_nothing(draw: Callable[[], Chart]) -> None:
    with pytest.raises(ValueError, match="no chart"):
        draw()


gains = st.floats(-50, 50).map(lambda v: round(v, 3))
paths = st.lists(st.lists(gains, min_size=1, max_size=6), min_size=1, max_size=12)


@given(paths)
def test_equity_by_day_has_the_drawdown_and_the_end_of_the_path_trade_by_trade(days: list[list[float]]) -> None:
    found = []
    for number, gains in enumerate(days):
        running = np.cumsum([0.0, *gains])
        fall = float((np.maximum.accumulate(running) - running).max())
        # As the rollups have it: extremes of the sums after each close, where 0 is no close.
        found.append(
            charts.DayPath(OPENED + 86_400 * number, float(running[-1]), float(running[1:].max()),
                           float(running[1:].min()), fall)
        )  # fmt: skip
    curve = charts.daily_curve("gross", found)
    whole = running_path(np.zeros(sum(map(len, days))), np.arange(1.0, sum(map(len, days)) + 1), np.concatenate(days))
    assert curve.path.level[-1] == pytest.approx(whole.level[-1], abs=1e-9)
    assert curve.path.under.min() == pytest.approx(whole.under.min(), abs=1e-9)
    assert curve.low is not None
    assert curve.high is not None
    assert curve.high.max() == pytest.approx(whole.level.max(), abs=1e-9)
    assert curve.low.min() == pytest.approx(whole.level.min(), abs=1e-9)


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=8), st.floats(-9, 9))
def test_whatever_lies_on_the_side_to_which_the_price_went_was_right(directions: list[int], moved: float) -> None:
    signals = [charts.Said(f"agent {i}", "word", d, 50.0) for i, d in enumerate(directions)]
    chart = charts.said(signals, moved)
    drawing = Drawing(chart.svg)
    shaded = [float(a["x"][:-1]) for _, a in drawing.elements if a.get("class") == "went"]
    bars = [a for tag, a in drawing.elements if tag == "rect" and a.get("class", "").startswith("bar")]
    assert len(shaded) == (moved != 0)
    for one in bars:
        middle = float(one["x"][:-1]) + float(one["width"][:-1]) / 2
        on_it = bool(shaded) and shaded[0] < middle < shaded[0] + 50
        assert ("good" in one["class"]) == on_it
    hits = sum(d * moved > 0 for d in directions)
    verdicts = [row[-1] for row in chart.rows]
    assert verdicts.count("right") == hits
    assert verdicts.count("no call") == (directions.count(0) if moved else len(directions))


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_few_round_and_within_the_axis(low: float, span: float, most: int) -> None:
    high = low + span
    ticks = round_ticks(low, high, most)
    assert len(ticks) <= most + 1
    assert all(low - 1e-6 * span <= t <= high + 1e-6 * span for t in ticks)
    told = [f"{t:.{tick_digits(ticks)}f}" for t in ticks]
    assert len(set(told)) == len(told)


@given(st.integers(0, 4_000_000_000), st.integers(60, 900_000_000), st.integers(3, 12))
def test_times_of_an_axis_are_in_order_and_told_apart_side_by_side(low: int, span: int, most: int) -> None:
    ticks = time_ticks(low, low + span, most)
    assert len(ticks) <= most + 2
    assert all(low <= at <= low + span for at, _ in ticks)
    assert all(a[0] < b[0] for a, b in pairwise(ticks))
    assert all(a[1] != b[1] for a, b in pairwise(ticks))


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.floats(0, 1))
def test_a_scale_places_its_ends_at_its_ends(low: float, span: float, part: float) -> None:
    scale = Scale(low, low + span, 0, 100)
    assert scale(scale.low) == pytest.approx(0, abs=1e-6)
    assert scale(scale.high) == pytest.approx(100, abs=1e-6)
    value = low + part * span
    assert scale.places([value])[0] == pytest.approx(scale(value), abs=1e-6)


@given(st.text(max_size=60))
def test_a_label_is_one_printable_line_of_its_length(words: str) -> None:
    assert label(words, 12).isprintable()
    assert len(label(words, 12)) <= 12


def test_the_examples_of_the_charts_docstrings_hold() -> None:
    tried = 0
    for found in pkgutil.iter_modules(scorekeeper.charts.__path__):
        result = doctest.testmod(importlib.import_module(f"scorekeeper.charts.{found.name}"))
        assert result.failed == 0, found.name
        tried += result.attempted
    assert tried >= 15


@given(st.integers(801, 3_000), st.integers(0, 800), st.integers(0, 99))
def test_the_evidence_of_many_blocks_keeps_its_extremes_and_what_decided(count: int, at: int, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0.001, 19.9, count).tolist()
    path = [
        charts.Evidence(OPENED + 14_400 * i, 25.0 if i == at else v, i > at, i >= at) for i, v in enumerate(values)
    ]
    chart = charts.evidence(path, 20.0)
    assert len(chart.rows) <= 803
    shown = {float(row[1]) for row in chart.rows}
    assert {25.0, round(min(one.e_value for one in path), 2)} <= shown
    assert f"over {len(path):,} blocks" in chart.sentence
    decided = [a for tag, a in Drawing(chart.svg).elements if tag == "circle"]
    assert [a["class"] for a in decided] == ["dot gross"]

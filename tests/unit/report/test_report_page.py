"""The report's page: nothing is fetched, nothing that a stranger wrote comes alive, and few data are said to be few."""

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from scorekeeper.analysis.document import AgentAnalysis, Analysis, Baseline, Claim, VersionAnalysis, VersionPair
from scorekeeper.analysis.intervals import RobustMean
from scorekeeper.metrics.formulas import compose_agent, compose_system
from scorekeeper.metrics.money import compose_money
from scorekeeper.report import report_name
from scorekeeper.report.figures import Tenth, Trades
from scorekeeper.report.page import render_report

HOSTILE = (
    '<script>alert(1)</script>',
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "javascript:alert(1)",
    "</script><script>alert(2)</script>",
    "<a href='javascript:alert(3)'>b</a>",
    "${figures} {{7*7}} %{x} gross",
    "\u202eeman\x00\u2028",
)  # fmt: skip
COUNTS = (
    "signals calls correct incorrect sum_call_return_pct brier_calls sum_brier supported_winners supported_losers "
    "opposed_winners opposed_losers abstained_winners abstained_losers"
)


class Reader(HTMLParser):
    """Elements with their attributes, the text, and the data of each chart: its rows of cells, the header first."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.charts: list[list[list[str]]] = []
        self._in_data = False
        self._in: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag == "details":
            self._in_data = True
            self.charts.append([])
        elif self._in_data and tag == "tr":
            self.charts[-1].append([])
        elif self._in_data and tag in ("td", "th"):
            self.charts[-1][-1].append("")

    def handle_data(self, data: str) -> None:
        if self._in != "style":
            self.words.append(data)
        if self._in_data and self._in in ("td", "th"):
            self.charts[-1][-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in = None
        if tag == "details":
            self._in_data = False

    @property
    def pictures(self) -> list[str]:
        """What each chart calls itself."""
        return [str(a["aria-label"]) for tag, a in self.elements if tag == "svg" and "aria-label" in a]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def policy(self) -> str:
        return next(
            str(attrs["content"])
            for tag, attrs in self.elements
            if attrs.get("http-equiv") == "Content-Security-Policy"
        )


def trades(n: int, seed: int = 1) -> Trades:
    chance = np.random.default_rng(seed)
    closed = np.sort(chance.uniform(1.7e9, 1.71e9, n))
    pnl = chance.normal(0, 1, n)
    return Trades(closed - 3_600, closed, pnl, pnl - 0.2, np.abs(pnl) + 0.1, -np.abs(pnl) - 0.1)


def metrics(agents: tuple[str, ...] = (), version: str | None = None) -> dict[str, Any]:
    empty = dict.fromkeys(COUNTS.split(), 0) | {"bin_correct": [0] * 10, "bin_confidence": [0] * 10}
    return {
        "version": version, "as_of": "2025-05-08T00:00:00Z", "days": 0, "suspect_trades": 0, "late_decisions": 0,
        "active_trades": 0, **compose_system([]), "net": compose_system([]),
        "agent_performance": {agent: compose_agent({**empty, "agent": agent}) for agent in agents},
    }  # fmt: skip


def analysis(names: tuple[str, ...], interval: tuple[float, float] | None = (-1.0, 2.0)) -> Analysis:
    """One with everything that a stranger can have named."""
    estimate = RobustMean(0.5, 300, 40, interval, None if interval is None else 0.4)
    claim = Claim(estimate, 0.0, None if interval is None else 0.6, None)
    return Analysis(
        "2025-05-08T00:00:00Z", None, 300, 200, 0, claim, claim, claim, None,
        tuple(
            AgentAnalysis(name, 300, 200, claim, claim, 0.1, 3.0 - i, interval, None, 1.0, interval, claim, ())
            for i, name in enumerate(names)
        ),
        0,
        (
            Baseline("system", None, 300, 0.1, 30.0, None), Baseline("always_long", None, 300, 0.0, 0.0, claim),
            *(Baseline("agent", name, 300, 0.1, 30.0, claim) for name in names),
        ),
        tuple(
            VersionAnalysis(name, "2025-05-05T00:00:00Z", "2025-05-06T00:00:00Z", 9, 8, estimate, estimate, estimate,
                          None, None, None)
            for name in names
        ),
        tuple(VersionPair(name, names[0], claim, claim) for name in names[1:]),
        ("With 54 trades nothing can be told of &#60;b&#62;.", *names),
    )  # fmt: skip


def test_money_is_shown_where_there_are_sizes_and_nowhere_else() -> None:
    bare = Reader(render_report(metrics(), trades(30), {}, None)).text
    assert "In money" not in bare
    assert "also holds" not in bare
    sums = {
        "trades": 3, "traded_value": "9000", "gross_pnl": "90", "net_pnl": "45", "net_won": "60", "net_lost": "-15",
        "value_won": "6000", "max_drawdown": "15", "current_drawdown": "0",
    }  # fmt: skip
    figures = {"money": compose_money(sums, 1_000.0), "net_holds": {"spread": 3, "maker_fee": 1}}
    page = Reader(render_report(metrics() | figures, trades(30), {}, None)).text
    assert "After fees also holds: spread (3 trades), maker fee (1 trade)." in page
    for words in ("traded value 9,000.00", "costs 45.00", "net P&L 45.00", "weighted net P&L 0.50 %", "return 4.50 %"):
        assert words in page


def hostile_page() -> str:
    tenths = {name: [Tenth(30, 20, 75.0)] for name in HOSTILE}
    return render_report(metrics(HOSTILE, version=HOSTILE[0]), trades(300), tenths, analysis(HOSTILE))


def test_nothing_is_fetched() -> None:
    page = Reader(hostile_page())
    assert {tag for tag, _ in page.elements} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "div", "span", "b", "section",
        "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "details", "summary",
        "svg", "g", "path", "line", "rect", "circle", "text",
    }  # fmt: skip
    for tag, attrs in page.elements:
        assert not attrs.keys() & {"src", "href", "srcset", "action", "data", "poster", "background"}, (tag, attrs)
        assert not any(name.startswith("on") for name in attrs)


def test_no_script_is_there_and_none_may_run() -> None:
    page = Reader(hostile_page())
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert not any("style" in attrs for _, attrs in page.elements)


def test_names_of_strangers_are_shown_as_they_are_and_do_nothing() -> None:
    page = Reader(hostile_page())
    for name in HOSTILE[:-1]:
        assert name in page.text
    assert "\\u202eeman\\x00\\u2028" in page.text
    assert "told of <b>." in page.text


def test_a_chart_shows_a_name_on_its_bar_to_the_mouse_and_in_its_table() -> None:
    page = Reader(hostile_page())
    attribution = next(rows for rows in page.charts if rows[0][1].startswith("% (sum"))
    assert [row[0] for row in attribution[1:]] == [*HOSTILE[:-1], "\\u202eeman\\x00\\u2028"]
    assert page.words.count(HOSTILE[0]) >= 2
    assert any(words.startswith(f"{HOSTILE[0]}: 3.0000 % (sum over decisions), 95 %") for words in page.words)


def test_every_chart_has_its_data_and_says_how_many_it_is_of() -> None:
    page = Reader(hostile_page())
    assert len(page.charts) == len(page.pictures) == 5 + len(HOSTILE) + 2
    assert all(len(row) == len(rows[0]) for rows in page.charts for row in rows)
    assert "n = 300 closed trades" in page.text
    assert "n = 30 calls with a confidence" in page.text


def test_without_trades_the_page_says_so() -> None:
    page = Reader(render_report(metrics(), trades(0), {}, None))
    assert "No trade has closed yet" in page.text
    assert "No agent's call has met its horizon yet" in page.text
    assert "Not analysed yet" in page.text
    assert page.charts == []
    assert page.pictures == []
    assert "n/a" in page.text


@pytest.mark.parametrize("n", [1, 2, 19, 20])
def test_with_few_trades_the_page_draws_what_can_be_drawn(n: int) -> None:
    page = Reader(render_report(metrics(), trades(n), {}, None))
    rolling = f"Needs 20 closed trades; there are {n}."
    assert (rolling in page.text) == (n < 20)
    assert ("mostly luck" in page.text) == (n < 20)
    assert len(page.charts) == len(page.pictures) == (4 if n < 20 else 5)


def test_trades_that_are_all_alike_can_be_drawn() -> None:
    same = np.zeros(30)
    page = Reader(render_report(metrics(), Trades(same, same + 60, same, same, same, same), {}, None))
    assert len(page.charts) == 5


def test_an_analysis_of_too_little_draws_bars_without_intervals() -> None:
    page = Reader(render_report(metrics(), trades(30), {}, analysis(("a", "b"), interval=None)))
    bars = [rows[1:] for rows in page.charts if rows[0][2:4] == ["95 % from", "to"] and rows[0][0] == "name"]
    assert [[row[2:4] for row in rows] for rows in bars] == [[["n/a", "n/a"]] * 2, [["n/a", "n/a"]] * 3]
    assert not any("whisker" in str(attrs.get("class")) for _, attrs in page.elements)
    assert "n/a" in page.text


def test_more_points_than_can_be_seen_are_thinned_and_the_page_says_so() -> None:
    page = Reader(render_report(metrics(), trades(30_000), {}, None))
    assert "drawn from fewer: of each stretch the ends, the highest and the lowest" in page.text
    assert "5,000 of them are drawn" in page.text
    equity, rate, _, cloud, _ = (len(rows) - 1 for rows in page.charts)
    assert 4_000 < equity <= 16_000  # two lines and how far each is under its peak: each with points of its own
    assert 3_000 < rate <= 4_000
    assert cloud == 5_000
    assert sum(tag == "rect" for tag, _ in page.elements) < 2_000


def test_the_same_rows_give_the_same_bytes() -> None:
    assert hostile_page() == hostile_page()


@pytest.mark.parametrize("version", ["../../etc/passwd", "v1", "v 1", "v_1", "ü" * 300, "", "."])
def test_a_version_names_a_file_within_the_folder_and_no_other_versions(version: str) -> None:
    name = report_name(version)
    assert re.fullmatch(r"report-[A-Za-z0-9._-]{0,70}\.html", name)
    assert name != report_name(None)
    assert name != report_name(version + "x")

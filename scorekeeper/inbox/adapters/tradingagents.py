"""TradingAgents: the state of a run, `TradingAgentsStrategy_logs/full_states_log_DATE.json`, or its reports.

The decision is a rating within prose. Research manager, trader and portfolio manager each have one of their own. Read:
TauricResearch/TradingAgents, tradingagents/graph/trading_graph.py, tradingagents/agents/utils/rating.py at commit
893a64002c9a66154af06433a1a4d67d697921d9, and eval_results/ there and in forks, such as GC=F and LHX at commit
d702cb3e1ac01bdbe439f221ab7ebfbe78e6bae6, and results/ there, such as VST/2026-03-23/reports/final_trade_decision.md at
commit f1f487b6d3ea908d71c2eaa5e562af30aeb0dbb8.
"""

import re
from collections.abc import Iterator
from typing import Any

from scorekeeper.inbox.adapters.base import Found, Lost, Part, given, number_above_zero, text_of
from scorekeeper.inbox.adapters.ratings import find_labelled, find_rating

# The word of a decision without a rating that can be read, as the system itself calls it.
NO_RATING = "REVIEW"
# Who says what, in which part of the state. An analyst's report is a call only if it proposes something by a label.
_MANAGERS = {
    "ResearchManager": ("investment_plan",), "Trader": ("trader_investment_decision", "trader_investment_plan"),
    "PortfolioManager": ("final_trade_decision",),
}  # fmt: skip
_ANALYSTS = {
    "MarketAnalyst": "market_report", "SentimentAnalyst": "sentiment_report", "NewsAnalyst": "news_report",
    "FundamentalsAnalyst": "fundamentals_report",
}  # fmt: skip
_PRICE = re.compile(
    r"^[\s*_>-]*Current Price[*_]*\s*[:：]\s*[*_]*\s*\$?\s*(?P<price>[0-9][0-9,]*(?:\.[0-9]+)?)", re.MULTILINE
)


class TradingAgents:
    """See Adapter."""

    name = "tradingagents"
    system = "TradingAgents"
    dated_by_file = False

    def recognises(self, document: object) -> bool:
        """See Adapter. A state, or an object of states by their dates."""
        return _is_state(document) or (
            isinstance(document, dict) and bool(document) and all(map(_is_state, document.values()))
        )

    def read(self, document: Any) -> Iterator[Part]:
        """See Adapter."""
        if _is_state(document):
            yield _read_state(document, None)
            return
        for date, state in document.items():
            yield _read_state(state, date)


def _is_state(document: object) -> bool:
    return isinstance(document, dict) and "company_of_interest" in document and "final_trade_decision" in document


def _read_state(state: dict[str, Any], date: str | None) -> Part:
    symbol = state["company_of_interest"]
    if not isinstance(symbol, str) or not symbol.strip():
        return Lost("a state without a ticker", "what it is about is not said")
    final = state["final_trade_decision"]
    agents = {}
    for agent, names in _MANAGERS.items():
        prose = next((state[name] for name in names if state.get(name)), None)
        if prose is None and agent == "ResearchManager":
            debate = state.get("investment_debate_state")
            prose = debate.get("judge_decision") if isinstance(debate, dict) else None
        if prose is not None:
            agents[agent] = {"signal": find_rating(prose)}
    for agent, name in _ANALYSTS.items():
        if word := find_labelled(state.get(name)):
            agents[agent] = {"signal": word}
    day = state.get("trade_date") or date
    return Found(
        given(
            {
                "symbol": symbol.strip(),
                "type": find_rating(final) or NO_RATING,
                "price": _find_price(final),
                "timestamp": str(day) if day else None,
                "reason": text_of(final),
                "agent_analyses": agents,
            }
        )
    )


def _find_price(prose: object) -> float | None:
    """The price that later versions state beside the rating."""
    found = _PRICE.search(prose) if isinstance(prose, str) else None
    price = number_above_zero(found["price"].replace(",", "")) if found else None
    return None if price is None else float(price)

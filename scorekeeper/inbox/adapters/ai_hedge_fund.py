"""ai-hedge-fund: the result of a run (`decisions` with `analyst_signals`), and the ledger of a fund's cycle.

Read: virattt/ai-hedge-fund, src/main.py and src/agents/portfolio_manager.py (a run's result, also as its forks save it
under `result`), and hedge_fund/fixtures/ledger/valid_cycle.json at commit 1aafc8441abfa2a226000bede2d3dc14d4bae7c7.
"""

from collections.abc import Iterator
from typing import Any

from scorekeeper.inbox.adapters.base import NOT_ENTERED, Found, Lost, Part, given, number_above_zero, text_of

_WRAPPERS = ("result", "data", "output")
_TIMES = ("timestamp", "as_of", "trade_date", "date", "end_date", "run_at", "generated_at", "created_at")
# A portfolio manager sells what it holds, and goes short by another word.
_MEANS = {"sell": "EXIT_LONG", "short": "SHORT", "cover": "COVER", "buy": "BUY", "hold": "HOLD"}
_RISK = "risk_management_agent"


class AiHedgeFund:
    """See Adapter."""

    name = "ai-hedge-fund"
    system = "ai-hedge-fund"
    dated_by_file = True

    def recognises(self, document: object) -> bool:
        """See Adapter."""
        return _is_ledger(document) or _find_result(document) is not None

    def read(self, document: Any) -> Iterator[Part]:
        """See Adapter."""
        if _is_ledger(document):
            yield from _read_ledger(document)
            return
        result = _find_result(document)
        assert result is not None
        times = (one.get(name) for one in (result, document) for name in _TIMES)
        time = next((said for said in times if isinstance(said, str)), None)
        for ticker, decision in result["decisions"].items():
            if isinstance(decision, dict) and isinstance(decision.get("action"), str):
                yield _read_decision(ticker, decision, result, time)
            else:
                yield Lost(f"decision on {ticker}", "it names no action")


def _is_ledger(document: object) -> bool:
    return isinstance(document, dict) and {"as_of", "marks", "final_weights", "orders"} <= document.keys()


def _find_result(document: object) -> dict[str, Any] | None:
    """The part of a document that holds decisions by ticker, beside the analysts' signals."""
    if not isinstance(document, dict):
        return None
    for one in (document, *(document.get(name) for name in _WRAPPERS)):
        if isinstance(one, dict) and isinstance(one.get("decisions"), dict) and "analyst_signals" in one:
            return one
    return None


def _read_decision(ticker: str, decision: dict[str, Any], result: dict[str, Any], time: object) -> Found:
    signals = result["analyst_signals"] if isinstance(result["analyst_signals"], dict) else {}
    action, quantity = decision["action"].strip().lower(), decision.get("quantity")
    kind = _MEANS.get(action, decision["action"])
    intended = None
    if action in ("buy", "short") and str(quantity) in ("0", "0.0"):
        kind, intended = NOT_ENTERED, action
    return Found(
        given(
            {
                "symbol": ticker,
                "type": kind,
                "price": _price_of(ticker, decision, result, signals),
                "timestamp": time,
                "confidence": decision.get("confidence"),
                "reason": text_of(decision.get("reasoning")),
                "position_size": number_above_zero(quantity),
                "agent_analyses": _read_agents(ticker, signals) or None,
                "intended": intended,
            }
        )
    )


def _price_of(ticker: str, decision: dict[str, Any], result: dict[str, Any], signals: dict[str, Any]) -> object:
    """The price that the run knew: of the decision, of the run, or of its risk manager."""
    listed = result.get("current_prices")
    risk = (said.get(ticker) for agent, said in signals.items() if agent.startswith(_RISK) and isinstance(said, dict))
    places = [decision.get("price"), listed.get(ticker) if isinstance(listed, dict) else None]
    places += [one.get("current_price") for one in risk if isinstance(one, dict)]
    return next((price for one in places if (price := number_above_zero(one))), None)


def _read_agents(ticker: str, signals: dict[str, Any]) -> dict[str, Any]:
    """What each analyst said of a ticker, by agent and then ticker, or the other way round.

    The risk manager sets limits, and says nothing up or down.
    """
    agents = {}
    of_ticker = signals.get(ticker)
    turned = of_ticker if isinstance(of_ticker, dict) and "signal" not in of_ticker else {}
    for agent, by_ticker in (signals | turned).items():
        said = by_ticker.get(ticker) if isinstance(by_ticker, dict) and agent not in turned else by_ticker
        if isinstance(said, dict) and "signal" in said:
            kept = {"signal": said["signal"], "confidence": said.get("confidence"), "reasoning": said.get("reasoning")}
            agents[agent] = given(kept) | {"signal": said["signal"]}
    return agents


def _read_ledger(document: dict[str, Any]) -> Iterator[Part]:
    marks, weights, after = document["marks"], document["final_weights"], document.get("positions")
    after = after if isinstance(after, dict) else {}
    bought = _sum_orders(document.get("fills") or document["orders"])
    universe = document.get("universe") or weights
    for ticker in filter(lambda one: isinstance(one, str), universe if isinstance(universe, list | dict) else []):
        now = _quantity(after.get(ticker))
        before = now - bought.get(ticker, 0)
        price = number_above_zero(marks.get(ticker)) if isinstance(marks, dict) else None
        for kind in _kinds(before, now):
            yield Found(
                given(
                    {
                        "symbol": ticker,
                        "type": kind,
                        "price": price,
                        "timestamp": document["as_of"],
                        "position_size": number_above_zero(abs(bought.get(ticker, 0))),
                        "agent_analyses": _read_strategies(ticker, document.get("strategies")) or None,
                        "fund": document.get("fund"),
                        "weight": weights.get(ticker) if isinstance(weights, dict) else None,
                    }
                )
            )
        if 0 < abs(now) < abs(before) and now * before > 0:
            yield Lost("an order that makes a position smaller", "a trade closes as a whole")


def _kinds(before: float, now: float) -> list[str]:
    """The words for what orders did to a position: an exit of the old side, and an entry on the new one."""
    kinds = []
    if before > 0 >= now:
        kinds.append("EXIT_LONG")
    if before < 0 <= now:
        kinds.append("COVER")
    if now > max(before, 0):
        kinds.append("BUY")
    if now < min(before, 0):
        kinds.append("SHORT")
    return kinds or ["HOLD"]


def _sum_orders(orders: object) -> dict[str, float]:
    """Shares bought less shares sold, by ticker."""
    total: dict[str, float] = {}
    for order in orders if isinstance(orders, list) else []:
        if isinstance(order, dict) and isinstance(order.get("ticker"), str):
            sign = -1 if str(order.get("side")).lower() == "sell" else 1
            total[order["ticker"]] = total.get(order["ticker"], 0) + sign * _quantity(order.get("quantity"))
    return total


def _quantity(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _read_strategies(ticker: str, strategies: object) -> dict[str, Any]:
    """Each strategy as an agent: its conviction from -1 to 1 is a direction, and a confidence in percent."""
    agents = {}
    for strategy in strategies if isinstance(strategies, list) else []:
        convictions = strategy.get("convictions") if isinstance(strategy, dict) else None
        said = convictions.get(ticker) if isinstance(convictions, dict) else None
        if isinstance(said, int | float) and not isinstance(said, bool) and isinstance(strategy.get("name"), str):
            word = "BULLISH" if said > 0 else "BEARISH" if said < 0 else "NEUTRAL"
            agents[strategy["name"]] = {"signal": word, "confidence": round(100 * min(abs(said), 1), 6)}
    return agents

"""Adapters: the files that other systems write anyway, read as decisions. base.py says what an adapter is."""

from scorekeeper.inbox.adapters.agentrader import AGENtrader
from scorekeeper.inbox.adapters.ai_hedge_fund import AiHedgeFund
from scorekeeper.inbox.adapters.base import Adapter
from scorekeeper.inbox.adapters.freqtrade import Freqtrade
from scorekeeper.inbox.adapters.nofx import Nofx
from scorekeeper.inbox.adapters.tradingagents import TradingAgents

# The systems whose files are read. The first that recognises a document reads it.
ADAPTERS: tuple[Adapter, ...] = (TradingAgents(), AiHedgeFund(), Nofx(), Freqtrade(), AGENtrader())
BY_NAME: dict[str, Adapter] = {adapter.name: adapter for adapter in ADAPTERS}


def recognise(document: object) -> Adapter | None:
    """The adapter of a parsed document; None if it is of none of these systems."""
    return next((adapter for adapter in ADAPTERS if adapter.recognises(document)), None)

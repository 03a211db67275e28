"""Writes the state of a run as TradingAgents does. There, `TradingAgentsGraph(...).propagate(...)` does it."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

day = sys.argv[1] if len(sys.argv) > 1 else f"{datetime.now(UTC):%Y-%m-%d}"
state = {
    "company_of_interest": "NVDA",
    "trade_date": day,
    "market_report": "Above its 50-day average.\n\nFINAL TRANSACTION PROPOSAL: **HOLD**",
    "sentiment_report": "Mixed.",
    "news_report": "Quiet.",
    "fundamentals_report": "Growing.",
    "investment_debate_state": {"bull_history": "…", "bear_history": "…", "judge_decision": "…"},
    "trader_investment_decision": "**Action**: Buy\n\nFINAL TRANSACTION PROPOSAL: **BUY**",
    "risk_debate_state": {"judge_decision": "…"},
    "investment_plan": "**Recommendation**: Overweight",
    "final_trade_decision": "**Rating**: Overweight\n\n**Executive Summary**: build the position in two steps.",
}
path = Path(f"eval_results/NVDA/TradingAgentsStrategy_logs/full_states_log_{day}.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({day: state}, indent=4))

"""Files in the form of other systems, of our own making, and what they say. Where a form was read stands beside it."""

import json
from typing import Any, NamedTuple

# NoFxAiOS/nofx, decision_logs/binance_111168e1-.../decision_20251109_030521_cycle41.json at commit
# e07796b7c00d89f680cf3c5891694c75507fefd9, and logger/decision_logger.go at 0012325e22c355cf30eae9b528c673448ba65849.
NOFX: dict[str, Any] = {
    "timestamp": "2025-11-09T03:05:21.824862165+08:00", "cycle_number": 41, "system_prompt": "…", "cot_trace": "…",
    "input_prompt": (
        "时间: 2025-11-09 03:04:57\n\n## 候选币种\n\n### 1. BTCUSDT\n\ncurrent_price = 102095.80, current_ema20 = 1\n\n"
        "### 2. HYPEUSDT\n\ncurrent_price = 40.8350, current_ema20 = 40.657\n"
    ),
    "decision_json": json.dumps(
        [
            {"symbol": "BTCUSDT", "action": "open_short", "leverage": 5, "position_size_usd": 1618, "stop_loss": 104000,
             "take_profit": 96000, "confidence": 85, "risk_usd": 30, "reasoning": "下跌趋势"},
            {"symbol": "HYPEUSDT", "action": "open_long", "leverage": 3, "position_size_usd": 300, "stop_loss": 39,
             "take_profit": 46, "confidence": 80, "risk_usd": 5, "reasoning": "突破"},
            {"symbol": "ETHUSDT", "action": "close_long", "reasoning": "止盈离场"},
            {"symbol": "HYPEUSDT", "action": "hold", "reasoning": "继续持有"},
            {"symbol": "SOLUSDT", "action": "update_stop_loss", "new_stop_loss": 150},
            {"symbol": "ALL", "action": "wait", "reasoning": "等待"},
        ],
        indent=2,
    ),
    "account_state": {"total_balance": 323.6}, "positions": None, "candidate_coins": ["BTCUSDT", "HYPEUSDT"],
    "decisions": [
        {"action": "open_short", "symbol": "BTCUSDT", "quantity": 0.0158, "leverage": 5, "price": 102090.1,
         "order_id": 7, "timestamp": "2025-11-09T03:05:20.823987804+08:00", "success": True, "error": ""},
        {"action": "open_long", "symbol": "HYPEUSDT", "quantity": 0, "leverage": 3, "price": 0, "order_id": 0,
         "timestamp": "2025-11-09T03:05:20.9+08:00", "success": False, "error": "insufficient margin"},
        {"action": "close_long", "symbol": "ETHUSDT", "quantity": 0.5, "leverage": 0, "price": 3402.3, "order_id": 8,
         "timestamp": "2025-11-09T03:05:21.1+08:00", "success": True, "error": ""},
        {"action": "hold", "symbol": "HYPEUSDT", "quantity": 0, "leverage": 0, "price": 0, "order_id": 0,
         "timestamp": "2025-11-09T03:05:21.2+08:00", "success": True, "error": ""},
    ],
    "execution_log": ["…"], "success": True, "error_message": "",
}  # fmt: skip

# TauricResearch/TradingAgents, eval_results/LHX/TradingAgentsStrategy_logs/full_states_log_2026-03-23.json at commit
# d702cb3e1ac01bdbe439f221ab7ebfbe78e6bae6; the price line of tradingagents/agents/schemas.py at
# 0151a3a965e9cc9e4178a3a0c1c66dac88cd8833.
TRADING_AGENTS: dict[str, Any] = {
    "2026-03-23": {
        "company_of_interest": "LHX", "trade_date": "2026-03-23",
        "market_report": "Near the 50 SMA.\n\nFINAL TRANSACTION PROPOSAL: **HOLD**", "sentiment_report": "Bullish.",
        "news_report": "Quiet.", "fundamentals_report": "Buyers and sellers agree.",
        "investment_debate_state": {"bull_history": "Buy!", "bear_history": "Sell!", "judge_decision": "…"},
        "trader_investment_decision": "**Action**: Buy\n\nFINAL TRANSACTION PROPOSAL: **BUY**",
        "risk_debate_state": {"aggressive_history": "Buy", "conservative_history": "Sell", "neutral_history": "Hold"},
        "investment_plan": "RECOMMENDATION: BUY (moderate conviction). The bears say sell.",
        "final_trade_decision": "**Rating**: Overweight\n\n**Current Price**: $1,352.85\n\nA Sell would be early.",
    },
    "2026-03-24": {
        "company_of_interest": "GC=F", "trade_date": "2026-03-24", "market_report": "", "sentiment_report": "",
        "news_report": "", "fundamentals_report": "", "investment_debate_state": {}, "risk_debate_state": {},
        "trader_investment_decision": "Perhaps buy, perhaps sell.", "investment_plan": "SELL/UNDERWEIGHT. Bears win.",
        "final_trade_decision": "Buyers argue, and a Hold competes with a Sell.",
    },
}  # fmt: skip

# virattt/ai-hedge-fund: the result of run_hedge_fund (src/main.py), with the limits of its risk manager
# (src/agents/risk_manager.py); the ledger of hedge_fund/fixtures/ledger/valid_cycle.json at commit
# 1aafc8441abfa2a226000bede2d3dc14d4bae7c7.
HEDGE_FUND: dict[str, Any] = {
    "decisions": {
        "AAPL": {"action": "short", "quantity": 91, "confidence": 85.0, "reasoning": "Burry is bearish"},
        "MSFT": {"action": "sell", "quantity": 10, "confidence": 60.0, "reasoning": "take profits"},
        "NVDA": {"action": "buy", "quantity": 0, "confidence": 70.0, "reasoning": "no cash"},
    },
    "analyst_signals": {
        "warren_buffett_agent": {
            "AAPL": {"signal": "bearish", "confidence": 80, "reasoning": "price"},
            "MSFT": {"signal": "neutral", "confidence": 50, "reasoning": "fair"},
        },
        "technical_analyst_agent": {"AAPL": {"signal": "bullish", "confidence": 22, "reasoning": {"rsi_14": 17.7}}},
        "risk_management_agent": {
            "AAPL": {"remaining_position_limit": 15000.0, "current_price": 212.5, "reasoning": {}},
            "MSFT": {"remaining_position_limit": 9000.0, "current_price": 430.0, "reasoning": {}},
        },
    },
}
LEDGER: dict[str, Any] = {
    "fund": "alpha-one", "as_of": "2024-06-03", "universe": ["AAPL", "MSFT", "KO"],
    "marks": {"AAPL": 200.0, "MSFT": 400.0, "KO": 60.0},
    "strategies": [{"name": "solo", "slice": 1.0, "signals": [], "convictions": {"AAPL": 1.0, "MSFT": -0.55}}],
    "target_weights": {"AAPL": 0.2, "MSFT": -0.1}, "clamps": [], "final_weights": {"AAPL": 0.2, "MSFT": -0.1},
    "orders": [
        {"ticker": "AAPL", "side": "buy", "quantity": 100, "price": 200.0},
        {"ticker": "MSFT", "side": "sell", "quantity": 30, "price": 400.0},
        {"ticker": "KO", "side": "sell", "quantity": 10, "price": 60.0},
    ],
    "fills": [
        {"ticker": "AAPL", "side": "buy", "quantity": 100, "price": 200.0},
        {"ticker": "MSFT", "side": "sell", "quantity": 30, "price": 400.0},
        {"ticker": "KO", "side": "sell", "quantity": 10, "price": 60.0},
    ],
    "positions": {"AAPL": 100, "MSFT": -25, "KO": 40}, "cash": 90000.0, "nav": 100000.0,
}  # fmt: skip

# freqtrade/freqtrade, tests/testdata/backtest_results/backtest-result_new.json at commit
# 4254d8665861df31fe757f5b957d1194dd7562fb.
FREQTRADE: dict[str, Any] = {
    "strategy": {
        "MyStrategy": {
            "trades": [
                {"pair": "ETH/BTC", "stake_amount": 0.001, "amount": 0.0106, "open_date": "2018-01-10 07:35:00+00:00",
                 "close_date": "2018-01-10 08:35:00+00:00", "open_rate": 0.0943, "close_rate": 0.09477,
                 "fee_open": 0.0025, "trade_duration": 60, "profit_ratio": 0.0, "exit_reason": "roi",
                 "initial_stop_loss_abs": 0.08487, "stop_loss_abs": 0.08487, "min_rate": 0.09, "max_rate": 0.095,
                 "is_open": False, "is_short": False, "enter_tag": "dip", "open_timestamp": 1515569700000.0,
                 "close_timestamp": 1515573300000.0},
                {"pair": "XRP/USDT:USDT", "amount": 30.0, "open_date": "2018-01-11 07:35:00+00:00", "open_rate": 2.0,
                 "close_date": "2018-01-11 08:35:00+00:00", "close_rate": 1.9, "min_rate": 1.8, "max_rate": 2.1,
                 "is_open": False, "is_short": True, "leverage": 3.0, "initial_stop_loss_abs": 2.2,
                 "open_timestamp": 1515656100000, "close_timestamp": 1515659700000},
            ],
            "timeframe": "5m",
        }
    },
    "strategy_comparison": [{"key": "MyStrategy", "trades": 2}],
}  # fmt: skip

# ProjectTradeAI/aGENtrader_0.2.0 at commit 5bf6625c040719d53406e67119bc08afa4548507, archive/aGENtrader_v2/:
# trades/trade_log.jsonl, logs/rejected_trades.jsonl, trades/closed_trades.jsonl; and datasets/, where the file
# decision_log_dataset_v2.1.0.jsonl is.
AGENTRADER_OPEN: dict[str, Any] = {
    "trade_id": "7accad44", "pair": "BTC/USDT", "action": "BUY", "entry_price": 85000, "take_profit": 89250.0,
    "stop_loss": 82450.0, "position_size": 1000, "timestamp": "2025-04-18T19:02:41.624262", "confidence": 70,
    "source": "live",
}  # fmt: skip
AGENTRADER_END: dict[str, Any] = {
    "type": "trade_close", "trade_id": "7accad44", "timestamp": "2025-04-18T21:02:41.624313", "exit_price": 85904.19,
    "reason": "timeout", "pnl_percentage": 1.06,
}  # fmt: skip
AGENTRADER_REJECTED: dict[str, Any] = {
    "timestamp": "2025-04-20T11:02:46.571654", "pair": "BTC/USDT", "action": "BUY", "confidence": 55,
    "position_size": 0.0, "risk_metrics": {}, "rejection_reason": "Confidence (55%) below threshold (65.0%)",
}  # fmt: skip
AGENTRADER_REBALANCE: dict[str, Any] = {
    "timestamp": "2025-04-24T14:48:33Z", "agent": "PortfolioManagerAgent", "action": "REBALANCE", "confidence": 95,
    "reason": "Quarterly rebalancing", "additional_data": {},
}  # fmt: skip
AGENTRADER_CLOSED: dict[str, Any] = {
    "trade_id": "746ac67c", "pair": "SOL/USDT", "action": "SELL", "entry_price": 150, "take_profit": 142.5,
    "stop_loss": 154.5, "position_size": 1000, "timestamp": "2025-04-18T07:02:41.624415", "confidence": 79,
    "status": "closed", "exit_price": 150.45, "exit_timestamp": "2025-04-20T10:53:29.863647",
    "close_reason": "timeout", "pnl_percentage": -0.3, "trade_duration_hours": 51.8,
}  # fmt: skip


class Example(NamedTuple):
    """A document, its adapter, and what it says: symbol, type, price and time as written of each decision; how much is
    lost; and how many of the trades bring an exit.
    """

    adapter: str
    document: Any
    decisions: list[tuple[str, str, float | None, str | None]]
    lost: int = 0
    exits: int = 0

    @property
    def is_of_days(self) -> bool:
        """Whether its decisions say a day without a time, which the inbox refuses."""
        return any(len(time or "") == len("2026-01-05") for *_, time in self.decisions)


EXAMPLES = {
    "nofx cycle": Example(
        "nofx", NOFX,
        [
            ("BTCUSDT", "open_short", 102090.1, "2025-11-09T03:05:20.823987804+08:00"),
            ("HYPEUSDT", "NO_ENTRY", 40.835, "2025-11-09T03:05:20.9+08:00"),
            ("ETHUSDT", "close_long", 3402.3, "2025-11-09T03:05:21.1+08:00"),
            ("HYPEUSDT", "hold", 40.835, "2025-11-09T03:05:21.2+08:00"),
        ],
        lost=2,
    ),
    "nofx waits": Example(
        "nofx", NOFX | {"decision_json": '[{"symbol": "ALL", "action": "wait"}]', "decisions": []}, [], lost=1
    ),
    "nofx failed": Example(
        "nofx", NOFX | {"decision_json": "", "decisions": None, "error_message": "the model timed out"}, [], lost=1
    ),
    "TradingAgents": Example(
        "tradingagents", TRADING_AGENTS,
        [("LHX", "OVERWEIGHT", 1352.85, "2026-03-23"), ("GC=F", "REVIEW", None, "2026-03-24")],
    ),
    "TradingAgents state": Example(
        "tradingagents", TRADING_AGENTS["2026-03-23"], [("LHX", "OVERWEIGHT", 1352.85, "2026-03-23")]
    ),
    "ai-hedge-fund": Example(
        "ai-hedge-fund", HEDGE_FUND,
        [("AAPL", "SHORT", 212.5, None), ("MSFT", "EXIT_LONG", 430.0, None), ("NVDA", "NO_ENTRY", None, None)],
    ),
    "ai-hedge-fund saved": Example(
        "ai-hedge-fund", {"status": "completed", "date": "2026-01-05", "result": HEDGE_FUND},
        [
            ("AAPL", "SHORT", 212.5, "2026-01-05"), ("MSFT", "EXIT_LONG", 430.0, "2026-01-05"),
            ("NVDA", "NO_ENTRY", None, "2026-01-05"),
        ],
    ),
    "ai-hedge-fund ledger": Example(
        "ai-hedge-fund", LEDGER,
        [
            ("AAPL", "BUY", 200.0, "2024-06-03"), ("MSFT", "EXIT_LONG", 400.0, "2024-06-03"),
            ("MSFT", "SHORT", 400.0, "2024-06-03"), ("KO", "HOLD", 60.0, "2024-06-03"),
        ],
        lost=1,
    ),
    "freqtrade backtest": Example(
        "freqtrade", FREQTRADE,
        [
            ("ETH/BTC", "BUY", 0.0943, "2018-01-10T07:35:00+00:00"),
            ("XRP/USDT:USDT", "SHORT", 2.0, "2018-01-11T07:35:00+00:00"),
        ],
        exits=2,
    ),
    "freqtrade open": Example(
        "freqtrade",
        {"trades": [FREQTRADE["strategy"]["MyStrategy"]["trades"][0] | {"is_open": True, "close_rate": None}],
         "trades_count": 1},
        [("ETH/BTC", "BUY", 0.0943, "2018-01-10T07:35:00+00:00")],
    ),
    "aGENtrader open": Example(
        "agentrader", AGENTRADER_OPEN, [("BTC/USDT", "BUY", 85000, "2025-04-18T19:02:41.624262")]
    ),
    "aGENtrader end": Example("agentrader", AGENTRADER_END, [], exits=1),
    "aGENtrader rejected": Example(
        "agentrader", AGENTRADER_REJECTED, [("BTC/USDT", "NO_ENTRY", None, "2025-04-20T11:02:46.571654")]
    ),
    "aGENtrader rebalance": Example("agentrader", AGENTRADER_REBALANCE, [], lost=1),
    "aGENtrader closed": Example(
        "agentrader", AGENTRADER_CLOSED, [("SOL/USDT", "SELL", 150, "2025-04-18T07:02:41.624415")], exits=1
    ),
}  # fmt: skip

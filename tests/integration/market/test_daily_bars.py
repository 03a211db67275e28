"""Stocks by the day, as people have them: a split, an earnings gap through a stop, a half day, a halted day."""

import asyncio
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pandas as pd
import pytest
from sqlalchemy import text

from dashboard.data.filters import Filters
from dashboard.data.trade import read_trade
from dashboard.story import held_costs
from scorekeeper.decisions.costs import CostRules
from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import store_decisions
from scorekeeper.market import Bars, CandleFileError
from scorekeeper.market.splits import UNADJUSTED, read_splits
from scorekeeper.metrics import score_update
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.trades import check_trades
from tests.dashboard.serving import serve

NOW = datetime(2025, 6, 1, tzinfo=UTC)
CONTEXT = DecisionContext(NOW, "v1", 60, ZoneInfo("UTC"), None)
# The split is four for one on Wednesday the 27th; Friday the 29th closes at 13:00 in New York. On the 26th it was
# halted. Adjusted prices, as a download of December gives them.
DAYS: dict[str, tuple[float, ...]] = {
    "2024-11-21": (99.0, 101.0, 98.0, 100.0),
    "2024-11-22": (100.0, 106.0, 99.0, 105.0),
    "2024-11-25": (105.0, 107.0, 104.0, 106.0),
    "2024-11-27": (90.0, 92.0, 88.0, 91.0),
    "2024-11-29": (91.0, 93.0, 90.5, 92.5),
    "2024-12-02": (92.5, 99.0, 92.0, 98.0),
}
SPLIT_DAY, RATIO = "2024-11-27", 4


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=UTC)


def write(folder: Path, days: dict[str, tuple[float, ...]], *, adjusted: bool, until: str = "2099") -> None:
    """Yahoo's file of the symbol, adjusted for the split or as it was traded."""
    rows = ["Date,Open,High,Low,Close,Adj Close,Volume\n"]
    for day, prices in days.items():
        times = 1 if adjusted or day >= SPLIT_DAY else RATIO
        o, h, low, c = (price * times for price in prices)
        rows += [f"{day},{o},{h},{low},{c},{c},1000\n"] * (day <= until)
    path = folder / "NVDA.csv"
    path.write_text("".join(rows))
    os.utime(path, (NOW.timestamp(),) * 2)


def declare(folder: Path, adjusted_on: str) -> None:
    (folder / "SPLITS.csv").write_text(f"symbol,date,ratio,adjusted_on\nNVDA,{SPLIT_DAY},{RATIO},{adjusted_on}\n")


@pytest.fixture
def stocks(tmp_path: Path) -> Settings:
    return load_settings(
        market=f"replay:{tmp_path}", scorekeeper_home=tmp_path / "home", candle_length="1d", calendar="XNYS",
        replay_layout="yahoo",
    )  # fmt: skip


def decide(db: Database, *decisions: dict[str, Any]) -> None:
    whole = [{"symbol": "NVDA", "type": "BUY", "max_hold_minutes": 20_000} | one for one in decisions]
    with db.begin() as connection:
        store_decisions.record(
            connection, [parse_decision(one, context=CONTEXT) for one in whole], source_name="test", source_sha256=None,
            received_at=NOW, fee_bps=0,
        )  # fmt: skip


def track(db: Database, settings: Settings, as_of: datetime) -> fetch.Prices:
    prices = asyncio.run(fetch.fetch_prices(db, settings, as_of, now=NOW, tell=lambda *_: None))
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5))
    return prices


def rows(db: Database) -> dict[str, Any]:
    query = """
    SELECT d.trade_id, d.reference_price, d.price_suspect, d.price_scale, d.horizon_price, d.horizon_return_pct,
        t.entry_price, t.stop_loss, t.exit_time, t.exit_price, t.exit_reason, t.pnl_pct, t.price_age_seconds
    FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
    """
    with db.begin() as connection:
        assert list(check_trades(connection)) == []
        assert connection.execute(statement("verify/select_row_faults")).all() == []
        return {row.trade_id: row for row in connection.execute(text(query))}


# Decided on Friday evening, before the split, in the units that were traded then.
BEFORE = "2024-11-22T22:00:00Z"
DECISIONS: list[dict[str, Any]] = [
    {"trade_id": "stopped in the night", "timestamp": BEFORE, "price": 420.0, "stop_loss": 390.0, "take_profit": 480.0},
    {"trade_id": "target after", "timestamp": BEFORE, "price": 420.0, "type": "SELL", "take_profit": 360.0},
    {"trade_id": "half day", "timestamp": BEFORE, "price": 420.0, "max_hold_minutes": 9_840},  # Friday, 18:00 UTC
    {"trade_id": "halted", "timestamp": BEFORE, "price": 420.0, "max_hold_minutes": 5_700},  # Tuesday, 21:00 UTC
    # New York's evening before the split's day, where a nightly run decides: already the 27th in UTC.
    {"trade_id": "evening before", "timestamp": "2024-11-27T00:30:00Z", "price": 424.0, "max_hold_minutes": 1_230},
    {"trade_id": "after the split", "timestamp": "2024-11-27T15:00:00Z", "price": 106.0, "max_hold_minutes": 360},
]


def judge(found: dict[str, Any]) -> None:
    """What the decisions of before and after the split earned, whatever units the series has."""
    scale = found["half day"].entry_price / 105.0
    gap, target = found["stopped in the night"], found["target after"]
    # The open of the 27th lies beyond the stop: filled there, at the candle's end.
    assert (gap.exit_reason, gap.exit_price / scale, gap.exit_time) == ("stop_loss", 90.0, at("2024-11-27 21:00"))
    assert (gap.entry_price / scale, gap.stop_loss / scale) == (105.0, 97.5)
    assert gap.pnl_pct == pytest.approx((90 - 105) / 105 * 100)
    assert (target.exit_reason, target.exit_price / scale) == ("take_profit", 90.0)
    half, halted = found["half day"], found["halted"]
    assert (half.exit_reason, half.exit_price / scale, half.price_age_seconds) == ("expired", 92.5, 0)
    assert half.horizon_return_pct == pytest.approx((92.5 - 105) / 105 * 100)
    # Nothing was traded on the 26th: the close of the 25th, a day old.
    assert (halted.exit_price / scale, halted.price_age_seconds) == (106.0, 86_400)
    evening = found["evening before"]
    assert (evening.entry_price / scale, evening.exit_price / scale) == (106.0, 91.0)
    assert not any(one.price_suspect for one in found.values())
    late = found["after the split"]
    assert (late.reference_price / scale, late.entry_price / scale) == (106.0, 106.0)
    assert late.exit_time == at("2024-11-27 21:00")
    assert late.exit_price / scale == 91.0


@pytest.mark.parametrize("adjusted", [True, False], ids=["adjusted", "as traded"])
def test_decisions_are_compared_in_the_units_of_the_series(
    db: Database, stocks: Settings, tmp_path: Path, adjusted: bool
) -> None:
    write(tmp_path, DAYS, adjusted=adjusted)
    declare(tmp_path, "2024-12-02" if adjusted else "")
    decide(db, *DECISIONS)
    track(db, stocks, at("2024-12-03 00:00"))
    found = rows(db)
    judge(found)
    assert found["half day"].price_scale == (0.25 if adjusted else None)
    assert found["after the split"].price_scale == (None if adjusted else 4.0)
    for other, says in (
        ({"candle_length": "1h"}, "by CANDLE_LENGTH=1d, not by CANDLE_LENGTH=1h"), ({"calendar": ""}, "CALENDAR=XNYS"),
    ):  # fmt: skip
        with pytest.raises(ScorekeeperError, match=says):
            track(db, stocks.model_copy(update=other), at("2024-12-03 00:00"))
    with db.begin() as connection:
        connection.execute(statement("operations/unbind_market"))  # a switch does not make other candles of the stored
    with pytest.raises(ScorekeeperError, match="holds candles of CANDLE_LENGTH=1d"):
        track(db, stocks.model_copy(update={"candle_length": "1h"}), at("2024-12-03 00:00"))


def test_a_day_with_stop_and_target_is_ambiguous_and_pages_show_days_and_money(
    db: Database, stocks: Settings, tmp_path: Path
) -> None:
    write(tmp_path, {day: prices for day, prices in DAYS.items() if day < SPLIT_DAY}, adjusted=True)
    context = DecisionContext(NOW, "v1", 60, ZoneInfo("UTC"), None, costs=CostRules(size="units"))
    night: dict[str, Any] = {
        "symbol": "NVDA", "timestamp": "2024-11-21T22:00:00Z", "price": 100.0, "spread_bps": 8, "position_size": 5,
        "max_hold_minutes": 1_380,
    }  # fmt: skip
    both = night | {"trade_id": "both", "type": "BUY", "stop_loss": 99.5, "take_profit": 104}
    beyond = night | {"trade_id": "beyond", "type": "BUY", "price": 99.8, "stop_loss": 99.3, "take_profit": 99.9}
    hold = night | {"trade_id": "none", "type": "HOLD"}
    with db.begin() as connection:
        store_decisions.record(
            connection, [parse_decision(one, context=context) for one in (both, beyond, hold)], source_name="test",
            source_sha256=None, received_at=NOW, fee_bps=10,
        )  # fmt: skip
    track(db, stocks, at("2024-11-23 00:00"))
    db.transact(lambda connection: score_update.update_score(connection, at("2024-11-23 00:00")))
    with db.begin() as connection:
        assert list(check_trades(connection)) == []
        query = "SELECT trade_id, exit_reason, exit_price, exit_time, ambiguous_exit FROM scorekeeper.trade"
        found = {name: tuple(rest) for name, *rest in connection.execute(text(query))}
        story = read_trade(connection, Filters(), "both")
    assert found["both"] == ("stop_loss", 99.5, at("2024-11-22 21:00"), True)
    assert found["beyond"] == ("take_profit", 99.9, at("2024-11-22 21:00"), True)
    assert story is not None
    assert (story.step_minutes, story.candles[-1].high) == (1_440, 106.0)
    assert held_costs(story) == ["spread 8.00 bps"]
    with serve(db) as served:
        page = httpx.get(f"{served.address}/trade?id=both", timeout=60).text
        overview = httpx.get(served.address, timeout=60, follow_redirects=True).text
    assert "spread 8.00 bps" in page
    assert "stop and target in one candle" in page
    assert "-2.50" in page.replace("\N{MINUS SIGN}", "-")
    assert "After fees also holds: spread (2 trades)." in overview
    assert "In money" in overview


def test_a_series_that_is_downloaded_again_after_the_split_goes_on_in_its_units(
    db: Database, stocks: Settings, tmp_path: Path
) -> None:
    decide(db, *DECISIONS[:5])
    for day in ("2024-11-22", "2024-11-25"):
        write(tmp_path, DAYS, adjusted=False, until=day)
        prices = track(db, stocks, at(f"{day} 22:00"))
        assert prices.failed == prices.ends == []
    open_now = rows(db)
    assert open_now["half day"].entry_price == 420.0
    assert open_now["half day"].exit_time is None
    # During the day of the split: the day before had no candle, and is said to lack.
    assert track(db, stocks, at("2024-11-27 15:00")).ends != []
    write(tmp_path, DAYS, adjusted=True)
    declare(tmp_path, "2024-12-02")
    decide(db, DECISIONS[5])
    track(db, stocks, at("2024-12-03 00:00"))
    found = rows(db)
    judge(found)
    assert found["half day"].entry_price == 420.0
    assert found["after the split"].entry_price == 424.0
    with db.begin() as connection:
        kept = dict(connection.execute(text("SELECT minute_at, close FROM scorekeeper.candle")).tuples().all())
    closes = [RATIO * prices[3] for day, prices in DAYS.items() if day >= "2024-11-22"]
    assert [kept[moment] for moment in sorted(kept)] == closes


def test_prices_of_any_units_are_those_of_the_basis(tmp_path: Path) -> None:
    (tmp_path / "SPLITS.csv").write_text(
        "symbol,date,ratio,adjusted_on\n"
        "A,2024-11-27,4,2024-11-28\nA,2024-11-29,3:2,2024-11-28\nA,2024-12-02,1:10,2024-11-28\n"
    )
    own = read_splits(tmp_path, Bars.of("1d", "XNYS"))["A"]
    worth = {"2024-11-26": 120, "2024-11-27": 30, "2024-11-29": 20, "2024-12-02": 200}
    bases = {UNADJUSTED: 120, date(2024, 11, 27): 30, date(2024, 11, 29): 20, date(2025, 1, 1): 200}
    for basis, price in bases.items():
        assert {worth[day] * own.scale(at(f"{day} 15:00"), basis) for day in worth} == {price}
    # The file is adjusted for the first of the three.
    series = pd.DataFrame(
        {"minute_at": pd.to_datetime([f"{day} 14:30" for day in worth], utc=True), "volume": 1.0}
        | {name: [30.0, 30.0, 20.0, 200.0] for name in ("open", "high", "low", "close")}
    )
    assert list(own.convert(series, date(2024, 11, 29))["close"]) == pytest.approx([20.0] * 4)
    assert own.convert(series, date(2024, 11, 28))["close"].iloc[0] == 30.0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("A,2024-11-28,4,2024-11-30", "2024-11-28 is no session of CALENDAR=XNYS"),
        ("A,2024-11-27,0,2024-11-30", "'0' is no ratio"),
        ("A,2024-11-27,4:0,2024-11-30", "write a line such as"),
        ("A,27.11.2024,4,", "Invalid isoformat string"),
        ("A,2024-11-27,4", "write a line such as"),
        ("A,2024-11-27,4,\nA,2024-11-29,2,2024-11-30", "A has another adjusted_on before"),
        ("A,2024-11-27,4,\nA,2024-11-27,2,", "or this split already"),
    ],
)
def test_a_line_of_splits_that_cannot_be_is_refused(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "SPLITS.csv").write_text(f"symbol,date,ratio,adjusted_on\n{line}\n")
    with pytest.raises(CandleFileError, match=rf"SPLITS\.csv: line \d: .*{says}"):
        read_splits(tmp_path, Bars.of("1d", "XNYS"))

"""The loop backtested: each vote by what was known, whatever came later, and figures that follow from the rows."""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.inbox.ingest import Period
from scorekeeper.operations.backtest import BacktestResult, replay
from scorekeeper.operations.backtest_weights import POLICIES
from scorekeeper.operations.sample import START, write_sample
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=3)
HOLD = timedelta(hours=1)
TURN = START + timedelta(days=2)
VOTES = """
SELECT
    v.trade_id, v.opened_at, v.direction, v.equal_direction, v.score, v.scale_pct, v.move_pct, v.p_up,
    d.direction AS done, d.horizon_return_pct AS h, coalesce(t.fee_bps, 10) AS fee_bps
FROM scorekeeper.learned_vote AS v
JOIN scorekeeper.decision AS d USING (trade_id)
LEFT JOIN scorekeeper.trade AS t USING (trade_id)
ORDER BY v.opened_at, v.trade_id
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    write_sample(tmp_path / "log", tmp_path / "market")
    return load_settings()


def backtest(db: Database, settings: Settings, until: datetime) -> BacktestResult:
    return replay(
        db, settings, Period(START, until), now=NOW, paths=[Path("log")], with_weights=True, tell=lambda *_: None
    )


def votes(db: Database) -> list[Any]:
    with db.begin() as connection:
        return list(connection.execute(text(VOTES)))


def turn_market(folder: Path) -> None:
    """From TURN on, every price moves the other way."""
    for path in folder.iterdir():
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        with opened(path, "wt", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(turned(rows))


def turned(rows: list[list[str]]) -> Iterator[list[str]]:
    last = None
    for row in rows:
        try:
            at = datetime.fromtimestamp(int(row[0]) / 1000, UTC)
        except ValueError:
            yield row
            continue
        if at < TURN:
            last = float(row[4])
            yield row
        else:
            assert last is not None
            prices = [last * last / float(price) for price in row[1:5]]
            yield [row[0], repr(prices[0]), repr(prices[2]), repr(prices[1]), repr(prices[3]), *row[5:]]


def check_figures(found: dict[str, Any], rows: list[Any]) -> None:
    """The means follow from the rows: what each vote earns at the horizon, and after the fees of both sides."""
    scored = [one for one in rows if one.h is not None and one.opened_at + HOLD <= END]

    def followed(name: str, one: Any) -> int:
        worth = one.move_pct is not None and abs(2 * one.p_up - 1) * one.move_pct > 2 * one.fee_bps / 100
        sides: dict[str, int] = {
            "done": one.done, "equal_vote": one.equal_direction, "learned_vote": one.direction,
            "vote_in_use": one.equal_direction, "learned_vote_worth_trading": one.direction if worth else 0,
        }  # fmt: skip
        return sides[name]

    def earned(name: str, one: Any, fees: bool) -> float:
        side = followed(name, one)
        return float(side * one.h - fees * abs(side) * one.fee_bps / 100 * (2 + one.h / 100))

    assert (found["decisions"], found["adopted_decisions"]) == (len(scored), 0)
    assert list(found["policies"]) == list(POLICIES)
    for name, one in found["policies"].items():
        assert one["traded"] == sum(followed(name, row) != 0 for row in scored) > 20
        for figure, fees in (("gross_pct", False), ("net_pct", True)):
            assert one[figure]["mean"] == pytest.approx(fmean(earned(name, row, fees) for row in scored), abs=1e-12)
    for pair in found["paired"]:
        for figure, fees in (("gross_pct", False), ("net_pct", True)):
            less = [earned(pair["one"], row, fees) - earned(pair["other"], row, fees) for row in scored]
            assert pair[figure]["mean"] == pytest.approx(fmean(less), abs=1e-12)
            low, high = pair[figure]["ci95_robust"]
            assert low < pair[figure]["mean"] < high


def test_a_vote_knows_nothing_of_what_came_later(db: Database, other_db: Database, settings: Settings) -> None:
    result = backtest(db, settings, END)
    as_it_was = votes(db)
    assert result.votes is not None
    check_figures(result.votes, as_it_was)
    turn_market(Path("market"))
    other = backtest(other_db, settings, END)
    turned_over = votes(other_db)
    before = [one[:8] for one in as_it_was if one.opened_at <= TURN]
    assert before == [one[:8] for one in turned_over if one.opened_at <= TURN]
    assert len(before) > 200
    # After the turn the votes did learn of it.
    assert [one[:8] for one in as_it_was] != [one[:8] for one in turned_over]
    assert other.votes != result.votes

"""`scorekeeper metrics` says what it allows, before it looks for a database, and names the parts it shows."""

import re
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cli.commands.metrics import read_period, read_symbol
from cli.main import app
from cli.output.score_tables import print_breakdown
from scorekeeper.metrics.breakdown import Breakdown, label_group
from scorekeeper.metrics.formulas import compose_system


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--by", "colour"], "'symbol', 'interval', 'side', 'exit_reason', 'version', 'confidence', 'weekday', 'hour'"),
        (["--since", "yesterday"], "--since: 'yesterday' is no ISO 8601 time, such as 2025-05-01T12:00Z"),
        (["--until", "32.5.2025"], "--until: '32.5.2025' is no ISO 8601 time, such as 2025-05-01T12:00Z"),
        (["--since", "2025-06-01", "--until", "2025-05-01"], "--since: does not lie before --until"),
        (["--since", "2025-06-01", "--until", "2025-06-01T00:00Z"], "--since: does not lie before --until"),
        (["--symbol", "B T C"], "--symbol: 'B T C' is not a symbol; write it like BTC/USDT"),
    ],
)
def test_a_value_that_is_not_allowed_is_told_what_is(options: list[str], complaint: str) -> None:
    answer = CliRunner().invoke(app, ["metrics", *options])
    assert answer.exit_code == 2
    assert complaint in re.sub(r"\s+", " ", answer.output)


def test_a_period_may_be_open_at_either_end_and_is_utc() -> None:
    assert read_period(None, None) == (None, None)
    assert read_period("2025-05-01", None) == (datetime(2025, 5, 1, tzinfo=UTC), None)
    assert read_period(None, "2025-05-01T02:00+02:00") == (None, datetime(2025, 5, 1, tzinfo=UTC))


def test_a_symbol_may_be_spelled_as_traders_do() -> None:
    assert [read_symbol(word) for word in ("btc-usdt", "币安人生/USDT")] == ["BTC-USDT", "币安人生/USDT"]


@pytest.mark.parametrize(
    ("by", "part", "label"),
    [
        (Breakdown.CONFIDENCE, "0", "[0, 10)"),
        (Breakdown.CONFIDENCE, "9", "[90, 100]"),
        (Breakdown.WEEKDAY, "7", "Sunday"),
        (Breakdown.HOUR, "05", "05:00"),
        (Breakdown.SIDE, "long", "long"),
        (Breakdown.INTERVAL, None, None),
    ],
)
def test_parts_bear_names_that_readers_know(by: Breakdown, part: str | None, label: str | None) -> None:
    assert label_group(by, part) == label


def test_a_strangers_word_and_a_missing_one_are_shown_as_they_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    figures = compose_system([])
    groups = [
        {"interval": name, **figures, "net": figures, "agent_performance": None} for name in ("[red]1h\x1b[0m", None)
    ]
    print_breakdown({"by": "interval", "groups": groups})
    shown = capsys.readouterr().out
    assert "[red]1h" in shown
    assert "\x1b" not in shown
    assert "none given" in shown
    assert "n/a" in shown

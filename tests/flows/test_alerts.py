"""What the flows tell automations, and the automations that hear it."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL
from sqlalchemy import text

from flows.ingest import ingest
from flows.learn import learn
from flows.track import track
from flows.verify_score import verify
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.alerts import measure_drawdown
from scorekeeper.operations.sample import write_sample
from scorekeeper.store.database import Database
from tasks import alert_events
from tests.deciding import decide, insert_decisions, track_until
from tests.flows.test_command import scorekeeper
from tests.flows.test_flows import artifacts, run
from tests.flows.test_watching import api
from tests.waiting import wait_until


class Heard:
    """The events of one name since the test began."""

    def __init__(self, name: str) -> None:
        self._name, self._before = name, 0
        self._before = len(self.all())

    def all(self) -> list[dict[str, Any]]:
        found = api("POST", "/events/filter", {"filter": {"event": {"name": [self._name]}}, "limit": 50})["events"]
        return [event["payload"] for event in reversed(found)][self._before :]

    def becomes(self, number: int) -> bool:
        """Whether there are soon `number` of them: the server stores them a moment later."""
        return wait_until(lambda: len(self.all()) >= number, 20) and len(self.all()) == number


def test_stale_prices_are_told_once_for_all_symbols_of_a_run(home: Path) -> None:
    heard = Heard(alert_events.PRICE_STALE)
    as_of = write_sample(home / "inbox", home / "market")
    (home / "market" / "ETH-USDT.csv").unlink()
    run(ingest())
    run(track(as_of - timedelta(hours=1)))
    run(track(as_of))
    assert heard.becomes(1)
    (payload,) = heard.all()
    assert (payload["symbols"], payload["named"]) == (1, ["ETH/USDT"])


def test_a_drawdown_alert_comes_at_the_limit_and_again_only_after_it_was_left(
    home: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard(alert_events.DRAWDOWN_BREACHED)
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    hours = iter(range(60, 0, -1))
    fallen: float | None = None
    while not fallen:
        minute = as_of - timedelta(hours=next(hours))
        run(track(minute))
        with db.begin() as connection:
            fallen = measure_drawdown(connection)
    assert heard.all() == []  # no limit is set
    for limit in (fallen, fallen / 2, fallen * 2, fallen / 2):
        monkeypatch.setenv("DRAWDOWN_ALERT_PCT", repr(limit))
        run(track(minute))
    assert heard.becomes(2)
    assert heard.all()[0] == {"drawdown_pct": fallen, "limit_pct": fallen}


def test_ingest_alerts_of_a_late_track_and_again_until_the_server_takes_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard(alert_events.TRACK_LATE)
    write_sample(home / "inbox", home / "market")
    run(ingest())
    monkeypatch.setattr("scorekeeper.operations.health.database.LATE", timedelta(seconds=-1))

    async def away(*_: Any) -> None:
        raise ScorekeeperError("the server is away")

    with monkeypatch.context() as outage:
        outage.setattr(alert_events, "post_event", away)
        run(ingest())
    for _ in range(2):
        run(ingest())
    assert heard.becomes(1)


def test_a_difference_makes_verify_red_names_it_inert_and_is_told_once(home: Path, db: Database) -> None:
    heard = Heard(alert_events.VERIFY_FAILED)
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    run(track(as_of))
    assert run(verify()) == 0
    with db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.trade SET pnl_pct = pnl_pct + 1 WHERE exit_reason = 'stop_loss'"))
    for _ in range(2):
        with pytest.raises(ScorekeeperError, match=r"[0-9]+ differences"):
            run(verify())
    rows = json.loads(artifacts("differences")[0])
    assert any("pnl&#95;pct" in row["difference"] for row in rows)
    with db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.trade SET pnl_pct = pnl_pct - 1 WHERE exit_reason = 'stop_loss'"))
    assert heard.becomes(1)
    assert heard.all()[0]["differences"] >= len(rows) > 0


def test_a_failed_learn_is_told_once_and_again_after_a_success(home: Path, db: Database) -> None:
    heard = Heard(alert_events.LEARN_FAILED)
    decisions = decide(8, 40)
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, decisions[-1].opened_at + timedelta(hours=4))
    for number in range(2):
        for _ in range(2):
            (home / "datasets").write_text("a file where the folder of agent_weights.json belongs")
            with pytest.raises(OSError, match="datasets"):
                run(learn())
        (home / "datasets").unlink()
        run(learn())
        (home / "datasets").rename(home / f"datasets-{number}")
    assert heard.becomes(2)
    assert heard.all()[0] == {"error": "NotADirectoryError"}
    with db.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM scorekeeper.alert")).scalar() == 0


@pytest.fixture
def clean_automations() -> Iterator[None]:
    yield
    for one in ours().values():
        api("DELETE", f"/automations/{one['id']}")


def ours() -> dict[str, dict[str, Any]]:
    found = [one for one in api("POST", "/automations/filter", {}) if one["name"].startswith("scorekeeper")]
    assert len(found) == len({one["name"] for one in found})
    return {one["name"]: one for one in found}


@pytest.mark.usefixtures("clean_automations")
def test_automations_are_made_once_kept_as_they_were_switched_and_can_notify(home: Path) -> None:
    def command(*words: str) -> Any:
        return scorekeeper(home, "automations", *words, PREFECT_API_URL=str(PREFECT_API_URL.value()))

    assert command().returncode == 0
    made = ours()
    told = {
        alert_events.FILE_QUARANTINED,
        alert_events.PRICE_STALE,
        alert_events.DRAWDOWN_BREACHED,
        alert_events.TRACK_LATE,
        alert_events.LEARN_FAILED,
        alert_events.VERIFY_FAILED,
    }
    assert set(made) >= told
    assert len(made) == len(told) + 4
    (end,) = made["scorekeeper: end zombie runs"]["actions"]
    assert (end["type"], end["state"], end["force"]) == ("change-flow-run-state", "CRASHED", False)
    assert made["scorekeeper: drop late runs"]["actions"][0]["type"] == "cancel-flow-run"
    assert made["scorekeeper: end runs that never began"]["actions"] == [end | {"message": "it never started"}]
    api("PATCH", f"/automations/{made[alert_events.TRACK_LATE]['id']}", {"enabled": False})

    wrong = command("--notify", "slack-webhook/no-such")
    assert (wrong.returncode, "no block 'slack-webhook/no-such'" in wrong.stderr) == (1, True)
    block = make_block()
    assert command("--notify", block).returncode == 0
    again = ours()
    assert {name: one["id"] for name, one in again.items()} == {name: one["id"] for name, one in made.items()}
    assert not again[alert_events.TRACK_LATE]["enabled"]
    assert all(again[name]["actions"][0]["type"] == "send-notification" for name in told)
    assert again["scorekeeper: drop late runs"]["actions"] == made["scorekeeper: drop late runs"]["actions"]


def make_block() -> str:
    """A notification block whose address nobody ever calls, as type/name."""
    from prefect.blocks.notifications import SlackWebhook
    from pydantic import SecretStr

    SlackWebhook(url=SecretStr("https://127.0.0.1:1/x")).save("alerts", overwrite=True)
    return "slack-webhook/alerts"


def test_no_server_to_make_them_on_is_said(home: Path) -> None:
    done = scorekeeper(home, "automations", DATABASE_URL=os.environ["DATABASE_URL"])
    assert (done.returncode, "set PREFECT_API_URL" in done.stderr) == (1, True)

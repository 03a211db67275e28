"""agent_weights.json holds what the rows say, is replaced whole, is known to verify, and is read by a host program."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from analytics.performance_tracker import PerformanceTracker
from cli.output.learned import print_learned
from scorekeeper.errors import ScorekeeperError
from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.run import learn
from scorekeeper.learning.sentences import write_sentences
from scorekeeper.learning.words import render_weights
from scorekeeper.publish.weights_file import weights_path, write_weights_file
from scorekeeper.report import build_report
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify.run import verify
from scorekeeper.verify.weights_file import check_weights_file, find_waiting_file
from tasks.learned_artifacts import TABLES, learning_markdown
from tests.conftest import fresh_database
from tests.deciding import decide, insert_decisions, track_until
from tests.learned_rows import insert_learned
from tests.plain_learning import PlainDecision, PlainLearning
from tests.unit.report.test_report_page import Reader

HOUR = timedelta(hours=1)
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "read_weights.py"
COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
FEE_PCT = 0.2
Lived = tuple[Database, Settings, list[PlainDecision], datetime]


@pytest.fixture(scope="module")
def lived(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Decisions of skilled agents, learned; every test leaves the rows as they were."""
    folder = tmp_path_factory.mktemp("lived")
    settings = load_settings(scorekeeper_home=folder / "home", datasets_dir=folder / "datasets")
    decisions = decide(2, 700, agents=4, skill=0.45)
    end = decisions[-1].opened_at + 3 * HOUR
    with fresh_database(cluster) as url, open_database(url, folder) as db:
        with db.begin() as connection:
            insert_decisions(connection, decisions)
            track_until(connection, end)
        learn(db, end)
        yield db, settings, decisions, end


def sentences_of(db: Database, settings: Settings) -> tuple[list[str], list[str]]:
    with db.begin() as connection:
        return list(check_weights_file(connection, settings)), list(find_waiting_file(connection, settings))


def test_the_file_equals_plain_loops_over_the_decisions_at_any_moment(lived: Lived) -> None:
    db, settings, decisions, end = lived
    plain = PlainLearning(decisions)
    verdicts = set()
    for share in (0.05, 0.3, 0.6, 1.0):
        moment = decisions[0].opened_at + share * (end - decisions[0].opened_at)
        with db.begin() as connection:
            learned = read_learned(connection, fee_bps=settings.fee_bps, at=moment)
        assert learned is not None
        file: dict[str, Any] = json.loads(render_weights(learned))
        at = moment.replace(minute=0, second=0, microsecond=0)
        assert (file["as_of"], file["version"]) == (at.isoformat().replace("+00:00", "Z"), "v1")
        meant = plain.weights(at)
        assert {agent: one["weight"] for agent, one in file["agents"].items()} == {
            agent: pytest.approx(one.weight, abs=1e-9) for agent, one in meant.items()
        }
        adopted = plain.adopted(at)
        assert {one["weight_in_use"] == 1.0 for one in file["agents"].values()} == {not adopted}
        assert file["probability"]["beta"] == pytest.approx(plain.beta(at), abs=1e-9)
        blocks = plain.blocks(at)
        turns = [i for i, one in enumerate(blocks) if one.e_value >= 20]
        assert file["verdict"] == ("adopted" if adopted else "lapsed" if turns else "not_adopted")
        assert file["evidence"]["e_value"] == pytest.approx(
            blocks[turns[-1]].e_value if adopted else blocks[-1].e_value, abs=1e-9
        )
        verdicts.add(file["verdict"])
        known = list(plain.known(at))
        votes = {one.trade_id: plain.vote(one) for one in known}
        more = math.fsum((votes[one.trade_id].direction - votes[one.trade_id].equal_direction) * (one.h or 0)
                         for one in known)  # fmt: skip
        assert file["evidence"]["advantage_bps"] == pytest.approx(100 * more / len(known), abs=1e-9)
        last = sorted(known, key=lambda one: (one.expires_at, one.trade_id))[-1000:]
        worth = [
            one for one in last
            if (votes[one.trade_id].move_pct or 0) * abs(2 * votes[one.trade_id].p_up - 1) > FEE_PCT
        ]  # fmt: skip
        assert file["fees"]["share_worth_trading"] == pytest.approx(len(worth) / len(last), abs=1e-12)
        assert learned.fees.net.n == len(worth)
        if worth:
            net = [votes[one.trade_id].direction * (one.h or 0) - FEE_PCT for one in worth]
            assert learned.fees.net.mean == pytest.approx(math.fsum(net) / len(net), abs=1e-9)
    assert verdicts == {"adopted", "not_adopted"}


def test_a_file_is_replaced_whole_and_left_alone_where_nothing_changed(lived: Lived) -> None:
    db, settings, *_ = lived
    path = weights_path(settings)
    path.unlink(missing_ok=True)
    assert sentences_of(db, settings) == ([], ["agent_weights.json waits for the next learn"])
    assert write_weights_file(db, settings) == path
    first, inode = path.read_bytes(), path.stat().st_ino
    assert write_weights_file(db, settings) == path
    assert (path.read_bytes(), path.stat().st_ino) == (first, inode)
    with path.open("rb") as reader:
        path.write_bytes(b"{}")  # as an editor does; the reader sees that
        write_weights_file(db, settings)
        assert reader.read() == b"{}"
    assert path.read_bytes() == first
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0


def test_verify_names_a_file_that_differs_and_knows_one_that_is_older(lived: Lived) -> None:
    db, settings, decisions, _ = lived
    path = weights_path(settings)
    write_weights_file(db, settings)
    whole = path.read_bytes()
    assert sentences_of(db, settings) == ([], [])
    path.write_bytes(re.sub(rb'"weight": -?[0-9.]+', b'"weight": 3.5', whole, count=1))
    assert "is not what was learned by" in sentences_of(db, settings)[0][0]
    assert any(f"{path}: is not what was learned by" in one for one in verify(db, settings))
    path.write_bytes(whole.replace(b'"format"', b'"shape"'))
    assert "does not hold published weights" in sentences_of(db, settings)[0][0]
    path.write_bytes(re.sub(rb'"version": "v1"', b'"version": "v7"', whole))
    assert "has learned nothing of its version" in sentences_of(db, settings)[0][0]
    with db.begin() as connection:
        earlier = read_learned(connection, fee_bps=settings.fee_bps, at=decisions[300].opened_at)
    assert earlier is not None
    path.write_bytes(render_weights(earlier))
    assert sentences_of(db, settings) == ([], [])
    with db.begin() as connection:
        later = read_learned(connection, fee_bps=2.0)
    assert later is not None
    path.write_bytes(render_weights(later))
    assert "(FEE_BPS has changed)" in sentences_of(db, settings)[0][0]
    with db.begin() as connection:
        connection.execute(text("INSERT INTO scorekeeper.stale_learning VALUES ('v1', '2025-05-02T00:00:00Z')"))
    assert sentences_of(db, settings) == ([], [])
    with db.begin() as connection:
        connection.execute(text("DELETE FROM scorekeeper.stale_learning"))


def test_the_command_says_what_the_file_holds_now_and_then(lived: Lived, tmp_path: Path) -> None:
    db, settings, decisions, _ = lived

    def weights(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "DATABASE_URL": db.engine.url.render_as_string(hide_password=False), "PATH": "/usr/bin:/bin", "HOME": "/tmp"
        }  # fmt: skip
        return subprocess.run(
            [COMMAND, "weights", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    write_weights_file(db, settings)
    assert weights("--json").stdout == weights_path(settings).read_text()
    moment = decisions[300].opened_at
    with db.begin() as connection:
        then = read_learned(connection, fee_bps=settings.fee_bps, at=moment)
    assert then is not None
    assert weights("--json", "--as-of", moment.isoformat()).stdout == render_weights(then).decode()
    words = weights().stdout
    assert "What was learned of version v1 by" in words
    assert "Learned weights have been adopted since" in words
    for agent in (one.agent for one in then.agents):
        assert agent in words
    assert "Equal weights are in use until the next learn." in words  # it is of last year
    assert "until the next learn" not in weights("--as-of", moment.isoformat()).stdout
    unknown = weights("--version", "v\x1b[31m")
    assert unknown.returncode == 2
    assert "versions: v1" in " ".join(unknown.stderr.replace("│", " ").split())
    early = weights("--as-of", "2020-01-01")
    assert (early.returncode, early.stderr) == (1, "error: nothing was learned by then\n")


def test_artifacts_and_terminal_hold_no_live_markup(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = ("<img src=x onerror=alert(1)>", "[a](javascript:x) | `b`", "=1+1 \x1b[31m https://evil.example")
    with db.begin() as connection:
        insert_learned(connection, version=hostile[0], agents=hostile, excess=0.6)
        learned = read_learned(connection, fee_bps=10)
    assert learned is not None
    rows = [row for make, _ in TABLES.values() for row in make(learned)]
    assert len(rows) > 30
    for said in (learning_markdown(learned), *(cell for row in rows for cell in row.values())):
        for live in ("<img", "](java", "\x1b", "https://", "`b`"):
            assert live not in said
    for key in TABLES:
        assert f"(/artifacts/key/{key})" in learning_markdown(learned)
    print_learned(learned)
    assert "\x1b" not in capsys.readouterr().out


def test_the_report_says_and_draws_what_was_learned_and_holds_no_live_markup(db: Database) -> None:
    assert "Nothing yet." in build_report(db)
    with db.begin() as connection:
        insert_learned(connection, version="v7", excess=0.6)
        learned = read_learned(connection, fee_bps=10)
    assert learned is not None
    markup = build_report(db)
    page = Reader(markup)
    for sentence in write_sentences(learned, str):
        assert sentence in page.text
    rows = {row[0]: row for rows in page.charts for row in rows}
    assert {"time (UTC)", "block ends (UTC)", "confidence as stated, %", "chance predicted, %"} <= rows.keys()
    assert build_report(db) == markup
    assert "Nothing yet." in build_report(db, version="other")
    with db.begin() as connection:
        insert_learned(connection, version="<b>v8</b>", agents=("<img src=x onerror=alert(1)>", "\u202e"), prefix="h",
                       begin=datetime(2025, 6, 1, tzinfo=UTC))  # fmt: skip
    markup = build_report(db)
    assert "version &lt;b&gt;v8" in markup
    assert "<img" not in markup
    assert "\u202e" not in markup


def test_a_host_program_reads_the_file_also_when_it_is_stale_or_missing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    path = weights_path(settings)

    def example() -> list[str]:
        run = subprocess.run([sys.executable, "-I", EXAMPLE, path], capture_output=True, text=True, check=True)
        return run.stdout.splitlines()

    calls = {
        "TechnicalAnalystAgent": {"signal": "SELL", "confidence": 40}, "SentimentAnalystAgent": "BUY",
        "ContrarianAgent": {"signal": "SELL", "confidence": 90}, "Newcomer": {"signal": "perhaps", "confidence": "?"},
    }  # fmt: skip
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with PerformanceTracker() as tracker, open_database(database_url, tmp_path) as db:
        assert write_weights_file(db, settings) is None
        assert example() == ["equal weights: FileNotFoundError of agent_weights.json", "BUY"]
        assert tracker.get_agent_weights() is None
        missing = tracker.vote(calls)
        assert (missing["state"], missing["direction"], missing["learned"]) == ("missing", -1, None)

        with db.begin() as connection:
            insert_learned(connection, excess=0.6, begin=now - timedelta(days=6))
            insert_learned(connection, version="old", excess=0.6, begin=now - timedelta(days=60), prefix="old")
        write_weights_file(db, settings)
        found = tracker.get_agent_weights()
        assert found is not None
        assert found == json.loads(path.read_text()) | {"stale": False}
        assert example() == [found["sentence"], "BUY"]
        fresh = tracker.vote(calls)
        assert (fresh["state"], fresh["in_use"], fresh["version"]) == ("fresh", "learned", "v1")
        assert fresh["unknown_agents"] == ["Newcomer"]
        weigh = {agent: one["weight_in_use"] for agent, one in found["agents"].items()}
        total = -40 * weigh["TechnicalAnalystAgent"] + 50 * weigh["SentimentAnalystAgent"]
        total -= 90 * weigh["ContrarianAgent"]
        assert fresh["learned"]["score"] == pytest.approx(total / 100 / 4)
        assert fresh["equal"] == {"direction": -1, "action": "SELL", "score": pytest.approx(-0.8 / 4)}

        old = tracker.vote(calls, version="old")
        assert (old["state"], old["in_use"], old["direction"]) == ("stale", "equal", -1)
        stale = tracker.get_agent_weights(version="old")
        assert stale is not None
        assert stale["stale"]
        path.write_text(json.dumps(stale))
        assert example() == [f"equal weights: what was learned was valid until {stale['valid_until']}", "BUY"]
        path.write_text(path.read_text()[:-40])
        assert example()[0] == "equal weights: JSONDecodeError of agent_weights.json"
        path.write_text(json.dumps(stale | {"format": 2}))
        assert example()[0] == "equal weights: format 2 is not known here"
    with pytest.raises(ScorekeeperError, match="was closed"):
        tracker.vote(calls)

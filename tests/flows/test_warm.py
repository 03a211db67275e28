"""Runs that a warm process executes are the deployments' own, and those that it cannot execute are left to a worker."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import Flow, flow, runtime
from prefect.client.orchestration import PrefectClient, get_client
from prefect.states import Cancelling

from cli.prefect_server.runs import Executor, clear_runs
from flows.ingest import ingest
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import load_settings
from tasks import warm_runs as warm
from tasks.inbox_watcher import is_at_work, watch_inbox
from tasks.prefect_server import one_client
from tasks.warm_runs import WarmRunner
from tests.flows.test_deployments import prefect
from tests.flows.test_watching import api
from tests.waiting import busy

Deployed = dict[str, dict[str, Any]]


def fail_then_run(work: Flow[[], Any]) -> None:
    """Let a runner that knows `work` as the ingest fail to run it once, and run it then."""
    runner = WarmRunner({"ingest": work}, print)

    async def twice() -> None:
        with pytest.raises(ScorekeeperError):
            await runner.run_now("ingest")
        assert await runner.run_now("ingest")

    asyncio.run(twice())


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """Each deployment by its name, without schedules of its own; no worker is at work."""
    prefect("work-pool", "create", "scorekeeper", "--type", "process", "--overwrite")
    prefect("deploy", "--all")
    found = {one["name"]: one for one in api("POST", "/deployments/filter", {})}
    for one in found.values():
        for schedule in one["schedules"]:
            api("DELETE", f"/deployments/{one['id']}/schedules/{schedule['id']}")
    yield found
    prefect("deployment", "delete", "--all")


@pytest.fixture(autouse=True)
def nothing_is_left(deployed: Deployed) -> Iterator[None]:
    yield
    for one in api("POST", "/flow_runs/filter", {}):
        api("DELETE", f"/flow_runs/{one['id']}")


def runs_of(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api(
        "POST", "/flow_runs/filter", {"flow_runs": {"deployment_id": {"any_": [deployment["id"]]}}}
    )
    return found


def schedule(deployment: dict[str, Any], due: datetime) -> dict[str, Any]:
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    made: dict[str, Any] = api("POST", f"/deployments/{deployment['id']}/create_flow_run", {"state": state})
    return made


def follow(runner: WarmRunner, name: str, seconds: float) -> None:
    async def until_then() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(runner.follow_schedules(name), seconds * busy())

    asyncio.run(until_then())


def start_of(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["start_time"].replace("Z", "+00:00"))


def test_files_are_taken_by_a_run_of_the_deployment_at_once(home: Path, deployed: Deployed) -> None:
    write_sample(home / "inbox", home / "market")
    said: list[str] = []
    assert asyncio.run(WarmRunner({"ingest": ingest}, said.append).run_now("ingest"))
    (run,) = runs_of(deployed["ingest"])
    assert run["state"]["type"] == "COMPLETED"
    assert run["name"].startswith("ingest 420 decisions from ")
    assert set(run["tags"]) == {"scorekeeper", "warm"}
    assert not list((home / "inbox").glob("*.json"))
    assert said == []
    # The slot is free again.
    assert asyncio.run(WarmRunner({"ingest": ingest}, said.append).run_now("ingest"))
    assert [one["state"]["type"] for one in runs_of(deployed["ingest"])] == ["COMPLETED"] * 2


def test_a_paused_deployment_and_one_that_is_not_there_are_left_alone(deployed: Deployed) -> None:
    runner = WarmRunner({"ingest": ingest}, print)
    api("POST", f"/deployments/{deployed['ingest']['id']}/pause_deployment")
    try:
        assert not asyncio.run(runner.run_now("ingest"))
        assert not asyncio.run(runner.run_now("no-such-deployment"))
        assert runs_of(deployed["ingest"]) == []
    finally:
        api("POST", f"/deployments/{deployed['ingest']['id']}/resume_deployment")


def test_a_run_that_finds_the_slot_taken_is_cancelled_and_not_executed(deployed: Deployed) -> None:
    other = schedule(deployed["ingest"], datetime.now(UTC))
    api("POST", f"/flow_runs/{other['id']}/set_state", {"state": {"type": "PENDING"}})

    @flow
    async def never() -> None:
        raise AssertionError

    assert asyncio.run(WarmRunner({"ingest": never}, print).run_now("ingest"))
    assert sorted(one["state"]["type"] for one in runs_of(deployed["ingest"])) == ["CANCELLED", "PENDING"]


def test_a_run_that_no_worker_comes_for_keeps_no_file_waiting(home: Path, deployed: Deployed) -> None:
    """The watcher trusts in a run that waits for a worker only where it cannot take the files itself."""
    write_sample(home / "inbox", home / "market")
    waiting: list[dict[str, Any]] = []

    async def until_taken() -> bool:
        """Whether the inbox is empty, and the run that took the files has ended, in time."""
        began = time.monotonic()
        while time.monotonic() < began + 20 * busy():
            if not list((home / "inbox").glob("*.json*")) and not await is_at_work(or_due=False):
                return True
            await asyncio.sleep(0.2)
        return False

    async def watch() -> None:
        stop, runner = asyncio.Event(), WarmRunner({"ingest": ingest}, print)
        settings = load_settings(inbox_dir=home / "inbox")
        watch = asyncio.create_task(watch_inbox(settings, stop, print, lambda: runner.run_now("ingest")))
        assert await until_taken()
        waiting.append(await asyncio.to_thread(schedule, deployed["ingest"], datetime.now(UTC)))
        assert await is_at_work()
        assert not await is_at_work(or_due=False)
        (home / "inbox" / "later.json").write_text('{"symbol": "BTC/USDT", "type": "HOLD"}')
        assert await until_taken()
        stop.set()
        await watch

    asyncio.run(watch())
    assert api("GET", f"/flow_runs/{waiting[0]['id']}")["state"]["type"] == "SCHEDULED"


def test_a_scheduled_run_is_executed_when_it_is_due_and_no_moment_before(deployed: Deployed) -> None:
    @flow
    async def quick() -> str:
        return "done"

    due = datetime.now(UTC) + timedelta(seconds=4)
    run = schedule(deployed["track"], due)
    follow(WarmRunner({"track": quick}, print), "track", 7)
    after = api("GET", f"/flow_runs/{run['id']}")
    assert after["state"]["type"] == "COMPLETED"
    assert "warm" in after["tags"]
    assert timedelta(0) <= start_of(after) - due < timedelta(seconds=busy())


def test_after_many_runs_it_gives_way_to_a_new_process(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_RUNS", 2)

    @flow
    async def quick() -> None:
        return

    runner = WarmRunner({"ingest": quick, "track": quick}, print)
    assert asyncio.run(runner.run_now("ingest"))
    run = schedule(deployed["track"], datetime.now(UTC) + timedelta(seconds=3))
    asyncio.run(asyncio.wait_for(runner.follow_schedules("track"), 10 * busy()))
    assert api("GET", f"/flow_runs/{run['id']}")["state"]["type"] == "COMPLETED"


def test_claimed_and_overdue_runs_are_left_to_the_worker(deployed: Deployed) -> None:
    @flow
    async def never() -> None:
        raise AssertionError

    overdue = schedule(deployed["track"], datetime.now(UTC) - timedelta(seconds=1))
    claimed = schedule(deployed["track"], datetime.now(UTC) + timedelta(seconds=3))
    api("POST", f"/flow_runs/{claimed['id']}/set_state", {"state": {"type": "PENDING"}})
    follow(WarmRunner({"track": never}, print), "track", 5)
    assert api("GET", f"/flow_runs/{overdue['id']}")["state"]["type"] == "SCHEDULED"
    assert api("GET", f"/flow_runs/{claimed['id']}")["state"]["type"] == "PENDING"


def test_a_run_that_fails_is_failed_and_the_next_one_runs(deployed: Deployed) -> None:
    tries: list[int] = []

    @flow
    async def unlucky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("on purpose")

    first, second = (schedule(deployed["track"], datetime.now(UTC) + timedelta(seconds=s)) for s in (3, 6))
    follow(WarmRunner({"track": unlucky}, print), "track", 9)
    states = [api("GET", f"/flow_runs/{one['id']}")["state"]["type"] for one in (first, second)]
    assert states == ["FAILED", "COMPLETED"]


def test_a_run_whose_last_state_the_server_did_not_take_frees_its_slot(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PrefectClient.set_flow_run_state

    async def lose_last(self: PrefectClient, run_id: Any, state: Any, **more: Any) -> Any:
        """What the first run tells of its end meets a server that cannot store it."""
        if state.is_final() and not more.get("force") and {run_id, *lost} == {run_id}:
            lost.append(run_id)
            request = httpx.Request("POST", "http://server")
            raise httpx.HTTPStatusError("500", request=request, response=httpx.Response(500, request=request))
        return await real(self, run_id, state, **more)

    @flow
    async def quick() -> None:
        return

    lost: list[Any] = []
    said: list[str] = []
    monkeypatch.setattr(PrefectClient, "set_flow_run_state", lose_last)
    runner = WarmRunner({"ingest": quick}, said.append)

    async def twice() -> None:
        await runner.run_now("ingest")
        await runner.run_now("ingest")

    asyncio.run(twice())
    assert len(said) == 1
    assert len(lost) > 1
    assert sorted(one["state"]["type"] for one in runs_of(deployed["ingest"])) == ["COMPLETED", "CRASHED"]


def test_a_cancelled_run_whose_end_was_not_taken_does_not_stay_cancelling(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "CANCEL_SECONDS", 0.2)
    real = PrefectClient.set_flow_run_state

    async def lose_end(self: PrefectClient, run_id: Any, state: Any, **more: Any) -> Any:
        if [run_id] == cancelled and state.is_final() and state.message != warm._LOST:
            request = httpx.Request("POST", "http://server")
            raise httpx.HTTPStatusError("500", request=request, response=httpx.Response(500, request=request))
        return await real(self, run_id, state, **more)

    @flow
    async def slow() -> None:
        if not cancelled:
            cancelled.append(UUID(str(runtime.flow_run.id)))
            async with get_client() as client:
                await client.set_flow_run_state(cancelled[0], Cancelling(), force=True)
            await asyncio.sleep(30)

    cancelled: list[UUID] = []
    monkeypatch.setattr(PrefectClient, "set_flow_run_state", lose_end)
    fail_then_run(slow)
    assert sorted(one["state"]["type"] for one in runs_of(deployed["ingest"])) == ["COMPLETED", "CRASHED"]


def test_a_claim_that_the_server_noted_without_an_answer_frees_its_slot(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PrefectClient.set_flow_run_state

    async def lose_answer(self: PrefectClient, run_id: Any, state: Any, **more: Any) -> Any:
        answer = await real(self, run_id, state, **more)
        if not lost:
            lost.append(run_id)
            raise httpx.ReadError("the server is gone")
        return answer

    @flow
    async def quick() -> None:
        return

    lost: list[Any] = []
    monkeypatch.setattr(PrefectClient, "set_flow_run_state", lose_answer)
    fail_then_run(quick)
    assert api("GET", f"/flow_runs/{lost[0]}")["state"]["type"] == "CRASHED"
    assert sorted(one["state"]["type"] for one in runs_of(deployed["ingest"])) == ["COMPLETED", "CRASHED"]


def test_a_claim_that_is_asked_again_since_its_answer_was_lost_is_a_claim(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PrefectClient.set_flow_run_state

    async def ask_twice(self: PrefectClient, run_id: Any, state: Any, **more: Any) -> Any:
        """As Prefect's client does by itself."""
        if state.is_pending():
            await real(self, run_id, state, **more)
        return await real(self, run_id, state, **more)

    @flow
    async def quick() -> None:
        return

    monkeypatch.setattr(PrefectClient, "set_flow_run_state", ask_twice)
    assert asyncio.run(WarmRunner({"ingest": quick}, print).run_now("ingest"))
    assert [one["state"]["type"] for one in runs_of(deployed["ingest"])] == ["COMPLETED"]


def test_an_arrival_waits_a_moment_for_what_is_at_work_here_and_no_longer(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "PATIENCE_SECONDS", 0.5)

    @flow
    async def slow() -> None:
        await asyncio.sleep(2)

    async def both() -> list[bool]:
        runner = WarmRunner({"ingest": slow}, print)
        first = asyncio.create_task(runner.run_now("ingest"))
        await asyncio.sleep(0.5)
        return [await runner.run_now("ingest"), await first]

    began = time.monotonic()
    assert asyncio.run(both()) == [False, True]
    assert time.monotonic() - began < 10 * busy()
    assert len(runs_of(deployed["ingest"])) == 1


def test_an_arrival_does_not_wait_for_a_track_and_neither_ends_the_other(deployed: Deployed) -> None:
    at_once: list[set[str]] = []
    at_work: set[str] = set()

    @flow
    async def noting() -> None:
        name = str(runtime.deployment.name)
        at_work.add(name)
        for _ in range(100 * int(busy())):
            at_once.append(set(at_work))
            if len(at_work) == 2:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        at_work.discard(name)

    async def both() -> list[bool]:
        runner = WarmRunner({"track": noting, "ingest": noting}, print)
        first = asyncio.create_task(runner.run_now("track"))
        while not at_work:
            await asyncio.sleep(0.1)
        return [await runner.run_now("ingest"), await first]

    assert asyncio.run(both()) == [True, True]
    assert {"track", "ingest"} in at_once
    ended = [run["state"]["type"] for name in ("track", "ingest") for run in runs_of(deployed[name])]
    assert ended == ["COMPLETED", "COMPLETED"]


def test_a_run_that_stays_takes_what_comes_and_publishes_it_meanwhile(home: Path, deployed: Deployed) -> None:
    """Ten files, one after the other, are one run. One that is refused is told at once."""
    inbox, dataset = home / "inbox", load_settings().dataset_path
    assert isinstance(dataset, Path)
    write_sample(inbox, home / "market")
    runner = WarmRunner({"ingest": ingest}, print)
    seen: list[int] = []

    async def drop() -> None:
        for number in range(10):
            moment = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
            (home / "next").write_text(f'{{"symbol": "BTC/USDT", "type": "HOLD", "timestamp": "{moment}"}}')
            (home / "next").rename(inbox / f"later-{number}.json")
            while list(inbox.glob("later-*.json")):
                await asyncio.sleep(0.05)
            seen.append(dataset.read_text().count("\n") if dataset.exists() else 0)
        while dataset.read_text().count("\n") < 430:  # the last of them comes within a second of the one before
            await asyncio.sleep(0.05)
        (inbox / "broken.json").write_text('{"symbol": "BTC/USDT", "type": "BUY"}')

    async def both() -> None:
        # It would stay for a minute after the last file, if that were good.
        await asyncio.gather(runner.run_now("ingest", {"stay_seconds": 60.0 * busy()}), drop())

    began = time.monotonic()
    asyncio.run(both())
    assert time.monotonic() - began < 60 * busy()
    (run,) = runs_of(deployed["ingest"])
    assert run["name"] == "ingest 430 decisions from 33 files, 1 rejected"
    assert run["state"]["type"] == "COMPLETED"
    assert seen[-1] > 0  # the first of them may come before the run stays


def test_a_run_at_work_when_the_process_ends_is_stored_as_crashed_before_its_client_closes(deployed: Deployed) -> None:
    began = asyncio.Event()

    @flow
    async def slow() -> None:
        began.set()
        try:
            await asyncio.sleep(60 * busy())
        finally:
            await asyncio.sleep(0.5)  # its transaction ends

    async def ended() -> None:
        async with one_client(), asyncio.TaskGroup() as group:
            group.create_task(WarmRunner({"ingest": slow}, print).run_now("ingest"))
            await began.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:  # as asyncio.run does, before the group does
                task.cancel()
            await asyncio.sleep(0.1)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ended())
    assert [run["state"]["type"] for run in runs_of(deployed["ingest"])] == ["CRASHED"]


def test_a_claimed_run_that_is_not_tagged_yet_is_the_warm_process_s_to_clear(deployed: Deployed) -> None:
    run = schedule(deployed["track"], datetime.now(UTC))
    api("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "PENDING", "message": warm.CLAIMED}})
    assert asyncio.run(clear_runs(Executor.WORKER)) == (0, 0)
    assert asyncio.run(clear_runs(Executor.WARM)) == (1, 0)


def test_dead_runs_are_cleared_by_whoever_ran_them(deployed: Deployed) -> None:
    async def begin(name: str, tags: list[str]) -> str:
        async with get_client() as client:
            run = await client.create_flow_run_from_deployment(deployed[name]["id"], tags=tags)
            return str(run.id)

    here, there = asyncio.run(begin("ingest", [warm.TAG])), asyncio.run(begin("track", []))
    for one in (here, there):
        api("POST", f"/flow_runs/{one}/set_state", {"state": {"type": "PENDING"}})
    assert asyncio.run(clear_runs(Executor.WARM)) == (1, 0)
    assert [api("GET", f"/flow_runs/{one}")["state"]["type"] for one in (here, there)] == ["CRASHED", "PENDING"]
    assert asyncio.run(clear_runs(Executor.WORKER)) == (1, 0)
    assert api("GET", f"/flow_runs/{there}")["state"]["type"] == "CRASHED"


def test_a_process_that_has_grown_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_GROWTH", 64 << 20)
    monkeypatch.setattr(warm, "MOST_FIRST_RUNS", 1)
    runner = WarmRunner({}, print)
    assert not runner._is_worn()
    runner._executed = 1
    assert not runner._is_worn()
    held = bytearray(b"x") * (128 << 20)
    asyncio.run(asyncio.wait_for(runner.follow_schedules("track"), 30))
    assert len(held) == 128 << 20

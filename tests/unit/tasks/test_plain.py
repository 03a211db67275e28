"""Tasks without Prefect's engine are repeated as its tasks are."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from scorekeeper.errors import ContendedError, ScorekeeperError
from tasks import plain


def fail_first(*failures: Exception) -> tuple[Any, list[int]]:
    """A task that fails with each of these in turn, and its attempts."""
    attempts: list[int] = []

    @plain.task(name="some work", retries=2, retry_delay_seconds=[0, 0])
    async def work(number: int) -> int:
        attempts.append(number)
        if len(attempts) <= len(failures):
            raise failures[len(attempts) - 1]
        return number

    return work, attempts


AWAY = OperationalError("SELECT", {}, Exception("the server went away"))


@pytest.mark.parametrize("failures", [(), (AWAY,), (AWAY, ContendedError("others hold the rows"))])
def test_a_failure_that_may_pass_is_tried_again(failures: tuple[Exception, ...]) -> None:
    work, attempts = fail_first(*failures)
    assert asyncio.run(work(7)) == 7
    assert attempts == [7] * (len(failures) + 1)


def test_a_failure_that_stays_is_raised_after_the_last_attempt() -> None:
    work, attempts = fail_first(AWAY, AWAY, AWAY)
    with pytest.raises(OperationalError):
        asyncio.run(work(7))
    assert len(attempts) == 3


@pytest.mark.parametrize("failure", [ScorekeeperError("wrong"), ValueError("wrong")])
def test_another_failure_is_raised_at_once(failure: Exception) -> None:
    work, attempts = fail_first(failure)
    with pytest.raises(type(failure)):
        asyncio.run(work(7))
    assert len(attempts) == 1


def test_a_flow_is_its_function_and_its_log_reaches_no_console(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> int:
        plain.get_run_logger().warning("seen as progress only")
        return 3

    assert plain.flow(name="some work", flow_run_name="work {number}")(work) is work
    assert asyncio.run(work()) == 3
    assert capsys.readouterr() == ("", "")

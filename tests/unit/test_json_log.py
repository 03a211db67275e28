"""LOG_FORMAT=json: whatever is logged or printed is one line of ASCII JSON, without a secret."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.json_log import JsonFormatter, JsonLines, dump, find_secrets, wrap_line

SECRET = "canary-9c1f-of-a-password"
HOSTILE = 'BUY"}\n{"time": "now", "level": "INFO", "logger": "x", "message": "forged"}\r\x1b[2J\u202e\u2028</script>'


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    info: Any = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("prefect.flow_runs", logging.WARNING, __file__, 1, message, arguments, info)


@given(st.text())
def test_a_record_is_one_line_of_ascii_that_says_what_was_logged(words: str) -> None:
    line = JsonFormatter().format(record("%s", words))
    assert line.isascii()
    assert line.isprintable()
    known = json.loads(line)
    assert known["message"] == words or "://" in words or "password=" in words.lower()
    assert (known["level"], known["logger"]) == ("WARNING", "prefect.flow_runs")


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=30))
def test_printed_text_becomes_a_line_a_line_however_it_is_cut(lines: list[str], rest: str) -> None:
    whole = "\n".join([*lines, rest])
    out = io.StringIO()
    printed = JsonLines(out, "INFO", "worker")
    for start in range(0, len(whole), 7):
        printed.write(whole[start : start + 7])
    printed.finish()
    said = [json.loads(line)["message"] for line in out.getvalue().splitlines()]
    wanted = [line.rstrip("\r") for line in whole.split("\n") if line.strip()]
    assert said == wanted or "://" in whole or "{" in whole or "password=" in whole.lower()


def test_hostile_text_makes_no_second_line_and_keeps_no_control_character() -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        line = JsonFormatter().format(record("refused: %s", HOSTILE, error=error))
    assert line.isascii()
    assert "\n" not in line
    known = json.loads(line)
    assert known["message"] == f"refused: {HOSTILE}"
    assert known["exception"]["type"] == "ValueError"
    assert "test_json_log.py" in known["exception"]["traceback"]


def test_a_record_keeps_its_fields_where_it_is_printed_once_more() -> None:
    one = JsonFormatter().format(record("ready"))
    assert json.loads(wrap_line(one, "INFO", "worker")) == json.loads(one)
    half = wrap_line('{"time": 1}', "INFO", "worker")
    assert json.loads(half)["message"] == '{"time": 1}'


def test_secrets_are_masked_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", SECRET)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", f"scorekeeper:{SECRET}-2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-3")
    monkeypatch.setenv("PGPASSWORD", f"{SECRET}-4")
    addresses = "postgresql://me:hunter2@host/db, postgresql://host/db?password=hunter2&sslmode=require, https://a:b@c"
    logged = record(f"%s, {addresses}", f"{SECRET} {SECRET}-2 {SECRET}-3 {SECRET}-4")
    line = JsonFormatter().format(logged)
    assert SECRET not in line
    assert "hunter2" not in line
    masked = "postgresql://me:***@host/db, postgresql://host/db?password=***&sslmode=require, https://a:***@c"
    assert json.loads(line)["message"] == f"*** *** *** ***, {masked}"
    nested = dump({"exception": {"message": SECRET, "more": [SECRET]}}, find_secrets({"A_TOKEN": SECRET}))
    assert SECRET not in nested


CHILD = """
import json, sys
print("plain")
print(json.dumps({"time": "t", "level": "ERROR", "logger": "prefect.flow_runs", "message": "a record"}), flush=True)
sys.stdout.buffer.write(b"\\xff\\x1b[2J\\n"); sys.stdout.flush()
raise ValueError("the child's end")
"""
PARENT = """
import subprocess, sys
from cli.logs import begin_lines, begin_logs
from scorekeeper.settings import load_settings
settings = load_settings()
begin_logs(settings, "parent")
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
thread = begin_lines(settings, child, "worker")
child.wait()
thread.join()
"""
PROGRAM = """
import logging, sys
from cli.logs import begin_logs
from scorekeeper.settings import load_settings
begin_logs(load_settings(), "part")
from prefect.logging import get_logger
import prefect
print("printed", flush=True)
get_logger("prefect.workers.process").warning("of Prefect: %s", "a\\nb")
logging.getLogger("uvicorn.error").error("of uvicorn")
logging.getLogger("sqlalchemy").warning("of a library")
raise RuntimeError("the end\\nof it")
"""


def printed(home: Path, code: int, *program: str) -> list[dict[str, Any]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    given_env = {**kept, "LOG_FORMAT": "json", "PREFECT_HOME": str(home), "PREFECT_SERVER_LOGGING_LEVEL": "WARNING"}
    done = subprocess.run(
        [sys.executable, "-c", *program], cwd=Path(__file__).parents[2], env=given_env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]


def test_a_worker_and_its_runs_print_nothing_but_json_through_their_part(tmp_path: Path) -> None:
    lines = printed(tmp_path, 0, PARENT, CHILD)
    assert lines[1] == {"time": "t", "level": "ERROR", "logger": "prefect.flow_runs", "message": "a record"}
    messages = [line["message"] for line in lines]
    assert (messages[0], messages[2]) == ("plain", "\ufffd\x1b[2J")
    assert messages[-1] == "ValueError: the child's end"
    assert {line["logger"] for line in lines if line is not lines[1]} == {"worker"}


def test_a_process_prints_nothing_but_json_prefects_loggers_and_its_own_end(tmp_path: Path) -> None:
    lines = printed(tmp_path, 1, PROGRAM)
    said = {(line["logger"], line["level"]): line for line in lines}
    assert said["part", "INFO"]["message"] == "printed"
    assert said["prefect.workers.process", "WARNING"]["message"] == "of Prefect: a\nb"
    assert said["uvicorn.error", "ERROR"]["message"] == "of uvicorn"
    assert said["sqlalchemy", "WARNING"]["message"] == "of a library"
    assert said["scorekeeper", "CRITICAL"]["exception"]["message"] == "the end\nof it"
    assert len(said) == len(lines) == 5

"""Which server a command speaks to, and with which password."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.prefect_server.client_settings import _is_same, prepare
from cli.prefect_server.password import CLIENTS, SERVERS

URL = "PREFECT_API_URL"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = dict(os.environ)
    for name in (URL, "PREFECT_HOME", SERVERS, CLIENTS):
        os.environ.pop(name, None)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "home"
    os.environ.clear()
    os.environ.update(before)


def test_the_server_of_one_command_has_a_password_that_only_the_command_knows(home: Path) -> None:
    prepare(home)
    assert os.environ[SERVERS] == os.environ[CLIENTS]
    assert len(os.environ[SERVERS]) > 40


def test_a_password_that_is_meant_for_up_opens_the_server_of_one_command_too(home: Path) -> None:
    os.environ |= {SERVERS: "admin:secret", CLIENTS: "of:another"}
    prepare(home)
    assert os.environ[CLIENTS] == "admin:secret"


def test_a_server_that_a_env_file_names_for_prefect_is_sent_no_password_but_its_own(home: Path) -> None:
    Path(".env").write_text(f"{URL}=http://prefect.example/api\n")
    prepare(home)
    assert os.environ[URL] == "http://prefect.example/api"
    assert CLIENTS not in os.environ
    Path(".env").write_text(f"{URL}=http://other.example/api\n{CLIENTS}=admin:secret\n")
    del os.environ[URL]
    prepare(home)
    assert (os.environ[URL], os.environ[CLIENTS]) == ("http://other.example/api", "admin:secret")


def test_the_environment_comes_before_a_env_file(home: Path) -> None:
    Path(".env").write_text(f"{URL}=http://prefect.example/api\n{CLIENTS}=admin:secret\n")
    os.environ[URL] = "http://mine.example/api"
    prepare(home)
    assert os.environ[URL] == "http://mine.example/api"
    assert CLIENTS not in os.environ


@pytest.mark.parametrize("named", ["http://localhost:4200/api", "http://127.0.0.1:4200/api/"])
def test_the_server_of_up_is_known_by_its_other_spellings(named: str) -> None:
    assert _is_same(named, "http://127.0.0.1:4200/api")


@pytest.mark.parametrize("named", ["http://localhost:4201/api", "http://localhost.evil:4200/api", "http://x/api"])
def test_no_other_server_is_taken_for_that_of_up(named: str) -> None:
    assert not _is_same(named, "http://127.0.0.1:4200/api")

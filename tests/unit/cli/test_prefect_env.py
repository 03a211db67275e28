"""Which server a command speaks to, and with which password."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from cli.folders import address_file
from cli.prefect_server.client_settings import _is_same, find_server, prepare
from cli.prefect_server.password import CLIENTS, DOOR, SERVERS, choose_password, prove
from scorekeeper.errors import ScorekeeperError

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


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port on which one request gets this answer."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(10_000)
            self.request.sendall(answer)

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        yield server.server_address[1]


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


def test_a_command_has_no_server_to_tell_where_none_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not find_server(home)
    os.environ[URL] = ""
    assert not find_server(home)
    assert capsys.readouterr().err == ""


def test_a_server_that_is_named_and_away_is_named_without_its_password(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    os.environ[URL] = f"http://user:canary-5e1f@127.0.0.1:{port}/api"
    assert not find_server(home)
    said = capsys.readouterr().err
    assert said.startswith(f"no Prefect server at http://127.0.0.1:{port}/api: the work is done without it")
    assert (said.count("\n"), "canary" in said) == (1, False)


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("http://", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("http://user:canary-5e1f@", b"HTTP/1.1 401 Unauthorized\r\n\r\n"),
        ("http://", b"HTTP/1.1 503 Service Unavailable\r\n\r\n"),
        ("http://", b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n"),
        ("https://", b"HTTP/1.1 400 Bad Request\r\n\r\n"),  # no TLS that Python trusts; Prefect may
    ],
)
def test_a_server_that_answers_anything_is_there(
    home: Path, scheme: str, answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(answer) as port:
        os.environ[URL] = f"{scheme}127.0.0.1:{port}/api"
        assert find_server(home)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>"],
)
def test_what_is_no_server_of_prefect_is_said_with_what_to_do(home: Path, answer: bytes) -> None:
    with answering(answer) as port:
        os.environ[URL] = f"http://user:canary-5e1f@127.0.0.1:{port}/api"
        with pytest.raises(ScorekeeperError, match=r"Prefect server: set PREFECT_API_URL to its API") as caught:
            find_server(home)
    assert "canary" not in str(caught.value)


def test_a_login_page_that_a_proxy_sends_the_question_on_to_says_nothing(home: Path) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>") as login:
        to = f"Location: http://127.0.0.1:{login}/login"
        with answering(f"HTTP/1.1 302 Found\r\n{to}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
            os.environ[URL] = f"http://127.0.0.1:{port}/api"
            assert find_server(home)


@pytest.mark.parametrize(
    "named",
    ["garbage", "prefect.example:4200/api", "http://", "http://x:port/api", "http://a..b/api", "ftp://x/api"],
)
def test_what_is_no_address_is_said_before_it_is_asked(home: Path, named: str) -> None:
    os.environ[URL] = named
    for ask in (find_server, prepare):
        with pytest.raises(ScorekeeperError, match=r"^PREFECT_API_URL is not the address of a server: set"):
            ask(home)


def test_the_server_of_up_is_asked_once(home: Path) -> None:
    address_file(home).parent.mkdir(parents=True)
    password = choose_password(home)
    asked = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(urlsplit(self.path).path)
            proof = prove(password, parse_qs(urlsplit(self.path).query)["nonce"][0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(proof)))
            self.end_headers()
            self.wfile.write(proof)

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address_file(home).write_text(json.dumps({"api_url": f"http://127.0.0.1:{server.server_address[1]}/api"}))
        assert find_server(home)
        server.shutdown()
    assert asked == [f"{DOOR}/proof"]
    assert os.environ[CLIENTS] == password


def test_a_server_that_takes_too_long_is_taken_as_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.prefect_server.client_settings.PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        os.environ[URL] = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        assert find_server(home)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("prefect.toml", '[api]\nurl = "http://prefect.example/api"\n'),
        ("pyproject.toml", '[tool.prefect.api]\nurl = "http://prefect.example/api"\n'),
        ("home/prefect/profiles.toml", 'active = "ours"\n[profiles.ours]\nPREFECT_API_URL = "http://prefect.example/api"\n'),
    ],
)
def test_a_server_that_a_file_names_for_prefect_is_there(home: Path, file: str, words: str) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(words.replace("url", "other").replace("URL", "KEY"))
    assert not find_server(home)
    Path(file).write_text(words)
    assert find_server(home)
    os.environ["PREFECT_HOME"] = "elsewhere"
    assert find_server(home) == ("profiles" not in file)

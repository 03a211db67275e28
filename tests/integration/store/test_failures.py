"""Each way in which a database refuses is said by its own cause, with the next step, and without the password."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
from typer.testing import CliRunner

from cli.main import app
from scorekeeper.errors import AwayError, DatabaseError, ScorekeeperError
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.connections import check_version, read_address
from scorekeeper.store.database import open_database
from scorekeeper.store.migrate import newest_version
from scorekeeper.store.sql import raw
from tests.faults.proxy import open_proxy
from tests.faults.test_network import socket_of
from tests.servers import PASSWORD, Server, free_port, open_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for all: passwords over TCP, with databases for the different states of a schema and of rights."""
    hba = (
        "host rejected all 127.0.0.1/32 reject\nhostssl tls_only all 127.0.0.1/32 scram-sha-256\n"
        "host postgres,empty,ready,ungranted,no_such all 127.0.0.1/32 scram-sha-256\n"
    )
    with open_server(hba=hba) as one:
        one.execute(*(f"CREATE DATABASE {name}" for name in ("empty", "ready", "ungranted", "rejected", "tls_only")))
        one.execute(
            f"CREATE ROLE nobody LOGIN PASSWORD '{PASSWORD}'", "CREATE ROLE sleeper NOLOGIN",
            f"CREATE ROLE only_one LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0",
        )  # fmt: skip
        open_database(one.url(name="ungranted"), Path()).close()  # before there are roles that it could grant to
        for name in ("ready", "empty"):
            one.execute(raw("store/roles") + raw("store/grants"), name=name)
        for role in ("owner", "writer", "reader"):
            one.execute(f"ALTER ROLE scorekeeper_{role} PASSWORD '{PASSWORD}'")
        open_database(one.url("scorekeeper_owner", name="ready"), Path()).close()
        yield one


Case = tuple[Callable[[Server], str], str]
UNREACHABLE: dict[str, Case] = {
    "unknown database": (lambda s: s.url(name="no_such"), "no database no_such on this server: make it there"),
    "wrong password": (lambda s: s.url(password="wrong"), "password of user owner is wrong, .*correct DATABASE_URL"),
    "unknown user": (lambda s: s.url("stranger"), "password of user stranger is wrong, or there is no such user"),
    "no password": (lambda s: s.url(password=None), "asks user owner for a password, and there is none"),
    "not to log in": (lambda s: s.url("sleeper"), "password of user sleeper is wrong|may not log in"),
    "unresolved host": (
        lambda s: f"postgresql://owner:{PASSWORD}@no-such-host.invalid/postgres",
        "there is no host no-such-host.invalid|cannot be looked up now",
    ),
    "refused": (lambda s: s.url().replace(str(s.port), "1"), "no server listens at 127.0.0.1, port 1: start Postgres"),
    "no port": (
        lambda s: s.url().replace(str(s.port), "99999"),
        "part of the address is wrong .*99999.*: correct DATABASE",
    ),
    "no option": (
        lambda s: s.url(more="?unheard=of"),
        'part of the address is wrong .*"unheard".*: correct DATABASE_URL',
    ),
    "no socket": (
        lambda s: f"postgresql:///postgres?host=/nowhere&password={PASSWORD}",
        "there is no socket of a Postgres at /nowhere, port 5432: start Postgres there",
    ),
    "no TLS": (lambda s: s.url(more="?sslmode=require"), "the server offers no TLS, .*: switch ssl on"),
    "rejected": (lambda s: s.url(name="rejected"), "pg_hba.conf does not let user owner into rejected .*: add a line"),
    "TLS only": (lambda s: s.url(name="tls_only"), "not let user owner into tls_only .*without TLS.*sslmode=require"),
    "too many": (lambda s: s.url("only_one"), "takes no more connections: end what holds them"),
    "no rights at all": (lambda s: s.url("nobody", name="ready"), "may not connect to the database ready: run: score"),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_a_connection_that_is_not_made_says_why_and_what_to_do(server: Server, tmp_path: Path, name: str) -> None:
    address, wanted = UNREACHABLE[name]
    said = refusal(address(server), tmp_path)
    assert re.search(wanted, said), said


def refusal(url: str, home: Path) -> str:
    with pytest.raises(ScorekeeperError) as refused:
        open_database(url, home).close()
    said = str(refused.value)
    assert "canary" not in said
    assert "\n" not in said
    return said


RIGHTS: dict[str, Case] = {
    "unmigrated": (
        lambda s: s.url("scorekeeper_writer", name="empty"),
        "has no schema yet, and user scorekeeper_writer may not make one: run scorekeeper migrate with .* owner",
    ),
    "reader": (
        lambda s: s.url("scorekeeper_reader", name="ready"),
        "user scorekeeper_reader may only read the views report_.*: let DATABASE_URL name the writer",
    ),
    "not granted": (
        lambda s: s.url("scorekeeper_writer", name="ungranted"),
        "user scorekeeper_writer has no rights in the database .*: run: scorekeeper roles | psql",
    ),
}


@pytest.mark.parametrize("name", RIGHTS)
@pytest.mark.parametrize("command", ["status", "doctor", "verify"])
def test_a_right_that_is_missing_is_named_by_every_command(
    server: Server, tmp_path: Path, name: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, wanted = RIGHTS[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    monkeypatch.setenv("DATABASE_URL", address(server))
    if command != "doctor":
        done = CliRunner().invoke(app, [command])
        assert isinstance(done.exception, DatabaseError)
        assert re.search(wanted, str(done.exception)), done.exception
        return
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert isinstance(done.exception, ScorekeeperError)
    red = {check["name"]: check for check in json.loads(done.stdout)["checks"] if check["state"] == "red"}
    if name == "unmigrated":  # doctor migrates nothing, and needs no right to say so
        assert "no schema yet" in red["migrations"]["says"]
        assert "scorekeeper migrate" in red["migrations"]["do"]
    else:
        assert re.search(wanted, f"{red['database']['says']}: {red['database']['do']}"), red


def test_an_older_schema_that_the_writer_may_not_change_is_named(server: Server, tmp_path: Path) -> None:
    newest = newest_version()
    server.execute("UPDATE public.scorekeeper_version SET version_num = '0006'", name="ready")
    try:
        said = refusal(server.url("scorekeeper_writer", name="ready"), tmp_path)
    finally:
        server.execute(f"UPDATE public.scorekeeper_version SET version_num = '{newest}'", name="ready")
    wanted = f"has schema 0006, .* works with {newest}, and user scorekeeper_writer may not change it: run scorekeeper"
    assert re.search(wanted, said), said


def test_a_right_that_is_missing_later_is_named_too(server: Server, tmp_path: Path) -> None:
    with open_database(server.url("scorekeeper_writer", name="ready"), tmp_path) as db:
        with (
            pytest.raises(DatabaseError, match=r"user scorekeeper_writer lacks a right .*scorekeeper roles"),
            db.begin() as connection,
        ):
            connection.exec_driver_sql("DELETE FROM scorekeeper.equity")
        with db.begin() as connection:  # and the database goes on
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@pytest.mark.parametrize("password", ["p@ss", "p@@ss", "p@ss/word", "p@ss:word", "p@ss?word", "@", "ss@", "p@ss/w@rd"])
def test_an_at_sign_in_the_password_is_named_and_no_piece_of_it_shown(
    password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://user:{password}@127.0.0.1:1/name")
    for command in ("status", "doctor"):
        done = CliRunner().invoke(app, [command])
        said = f"{done.exception} {done.output}"
        assert "%40" in said
        assert not {"ss", "word", "w@rd"} & set(re.split(r"[^a-z@]+", said)), said


@pytest.mark.parametrize("password", ["p%40ss", "a%2Fb", "a/b", "100%", "a%25b", "a:b", "a#b"])
def test_a_password_with_other_signs_in_it_is_read(password: str) -> None:
    url = read_address(f"postgresql://user:{password}@127.0.0.1:1/name?connect_timeout=1")
    assert (url.password, url.host, url.database) == (unquote(password), "127.0.0.1", "name")


@contextmanager
def silent_listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_who_does_not_answer_is_named_in_time(tmp_path: Path) -> None:
    with silent_listener() as port:
        said = refusal(f"postgresql://owner:{PASSWORD}@127.0.0.1:{port}/postgres?connect_timeout=2", tmp_path)
    assert re.search(f"no answer from 127.0.0.1, port {port}: check that it runs", said), said


def test_a_port_of_something_else_is_no_postgres(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                client.close()

        threading.Thread(target=answer, daemon=True).start()
        said = refusal(f"postgresql://o:{PASSWORD}@127.0.0.1:{listening.getsockname()[1]}/postgres", tmp_path)
    assert re.search("is no Postgres|ended the connection before it was made", said), said


def test_a_standby_and_a_server_that_stops_are_named(tmp_path: Path) -> None:
    """A real standby: of nobody, since it only has to be one."""
    with open_server() as server:
        open_database(server.url(), tmp_path).close()
        server.stop("fast", "-w")
        server.write("data/standby.signal", "")
        server.start()
        with open_database(server.url(), tmp_path) as db:
            with pytest.raises(DatabaseError, match=r"takes no writes .*: let DATABASE_URL name the primary"):
                db.transact(lambda c: c.exec_driver_sql("INSERT INTO scorekeeper.stale_day VALUES ('agent', now())"))
            server.stop("smart", "-W")  # it waits for the one who is connected, and takes nobody else
            said = refusal(server.url(), tmp_path)
            assert re.search("the server is starting, stopping or recovering: wait a moment", said), said


def test_an_old_postgres_is_refused_at_the_first_connection_with_both_versions(
    cluster: embedded.Lease, tmp_path: Path
) -> None:
    """By the wire: a proxy lets the server say that it is a 14."""
    with psycopg.connect(host=str(cluster.socket_folder), user=embedded.ROLE, dbname="postgres") as connection:
        version = (connection.pgconn.parameter_status(b"server_version") or b"").decode()
    older = "14.99".ljust(len(version), "0")[: len(version)]
    with open_proxy(socket_of(cluster), say=(version.encode(), older.encode())) as proxy:
        url = f"postgresql://{embedded.ROLE}@127.0.0.1:{proxy.port}/postgres?gssencmode=disable&sslmode=disable"
        said = refusal(url, tmp_path)
    assert re.search(r"is Postgres 14\.\d+; Scorekeeper needs 15 or later: upgrade it", said), said


@pytest.mark.parametrize(
    ("found", "shown"), [(140_023, "14.23"), (100_001, "10.1"), (90_624, "9.6"), (150_000, None), (180_001, None)]
)
def test_versions_are_told_apart(found: int, shown: str | None) -> None:
    url = read_address("postgresql://user@host/name")
    if shown is None:
        check_version(url, found)
        return
    with pytest.raises(DatabaseError, match=rf"is Postgres {re.escape(shown)}; Scorekeeper needs 15"):
        check_version(url, found)


def test_a_database_that_is_away_may_come_back_and_one_that_refuses_does_not(tmp_path: Path) -> None:
    for url, kind in (("@127.0.0.1:1/x", AwayError), ("@no-such-host.invalid/x?sslmode=disable", ScorekeeperError)):
        with pytest.raises(kind):
            open_database(f"postgresql://user:x{url}", tmp_path)


def test_the_settings_hide_the_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://user:{PASSWORD}@127.0.0.1:{free_port()}/x")
    settings = load_settings()
    assert PASSWORD not in repr(settings)
    with pytest.raises(AwayError) as refused:
        open_database(settings.database_url, tmp_path)
    assert PASSWORD not in repr(refused.value)
    assert isinstance(refused.value, ScorekeeperError)

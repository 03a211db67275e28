"""TLS to the database: a certificate is checked against an authority of one's own, and each fault is named."""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.operations.sample import write_sample
from scorekeeper.store.database import Database, open_database
from tests.integration.store.test_failures import refusal
from tests.integration.store.test_roles import work
from tests.servers import PASSWORD, Server, find_oldest, give_away, open_pooler, open_server

ONLY_TLS = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n"
BY_CERTIFICATE = "hostssl all certified 127.0.0.1/32 cert\nhostssl all certified ::1/128 cert\n"


@dataclass
class Guarded:
    """A server that takes nothing without TLS, and the folder of the certificates."""

    server: Server
    folder: Path

    def url(self, mode: str, authority: str, host: str = "localhost", more: str = "", user: str | None = None) -> str:
        who = user or f"owner:{PASSWORD}"
        trusted = f"sslmode={mode}&sslrootcert={self.folder / authority}"
        return f"postgresql://{who}@{host}:{self.server.port}/postgres?{trusted}{more}"


def make(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)


def make_authority(folder: Path, name: str) -> None:
    make(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
    )  # fmt: skip


def certify(folder: Path, name: str, subject: str, *more: str) -> None:
    """A certificate that `ours` signs, for the name `subject`."""
    make(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
        "-out", f"{name}.csr", "-subj", f"/CN={subject}",
    )  # fmt: skip
    (folder / "names").write_text(f"subjectAltName=DNS:{subject}\n")
    make(
        folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial",
        "-out", f"{name}.pem", "-extfile", "names", *(more or ("-days", "2")),
    )  # fmt: skip


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with open_server(binaries=find_oldest()) as server:  # the embedded one knows no TLS
        server.execute("CREATE ROLE certified LOGIN")
        folder = server.folder
        for name in ("ours", "theirs"):
            make_authority(folder, name)
        certify(folder, "server", "localhost")
        certify(folder, "expired", "localhost", "-days", "-1")
        certify(folder, "certified", "certified")
        for name in ("server", "expired"):
            (folder / f"{name}.key").chmod(0o600)
            give_away(folder / f"{name}.key")
        (folder / "certified.key").chmod(0o600)
        (folder / "open.key").write_bytes((folder / "certified.key").read_bytes())
        (folder / "open.key").chmod(0o644)
        (folder / "mine.key").write_bytes((folder / "server.key").read_bytes())
        (folder / "mine.key").chmod(0o600)
        tell(server, "server")
        server.write("data/pg_hba.conf", BY_CERTIFICATE + ONLY_TLS)
        server.stop("fast")
        server.start()
        yield Guarded(server, folder)


def tell(server: Server, certificate: str) -> None:
    """Let the server show this certificate from now on."""
    settings = {
        "ssl": "on", "ssl_cert_file": str(server.folder / f"{certificate}.pem"),
        "ssl_key_file": str(server.folder / f"{certificate}.key"), "ssl_ca_file": str(server.folder / "ours.pem"),
    }  # fmt: skip
    server.stop("fast")
    server.settings = settings
    server.start()


def test_the_whole_job_works_over_tls_to_the_server_and_to_a_pooler(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    as_of = write_sample(tmp_path / "inbox", tmp_path / "market")
    with open_database(guarded.url("verify-full", "ours.pem", more="&channel_binding=require"), tmp_path) as db:
        asyncio.run(work(db, as_of))
        assert is_encrypted(db)
    keys = {"client_tls_cert_file": "server.pem", "client_tls_key_file": "server.key", "server_tls_ca_file": "ours.pem"}
    settings = {name: str(guarded.folder / file) for name, file in keys.items()}
    settings |= {"client_tls_sslmode": "require", "server_tls_sslmode": "verify-ca"}
    with open_pooler(guarded.server, "transaction", ("owner",), **settings) as port:
        through = replace(guarded, server=replace(guarded.server, port=port))
        with open_database(through.url("verify-full", "ours.pem"), tmp_path) as db:
            assert is_encrypted(db)
        assert "has expired, or no authority" in refusal(through.url("verify-full", "theirs.pem"), tmp_path)


def is_encrypted(db: Database) -> bool:
    """Whether the server's session is."""
    with db.begin() as connection:
        asked = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return bool(connection.execute(asked).scalar_one())


def test_a_client_certificate_lets_its_user_in(guarded: Guarded, tmp_path: Path) -> None:
    guarded.server.execute("CREATE DATABASE certified OWNER certified")
    own = f"&sslcert={guarded.folder / 'certified.pem'}&sslkey={guarded.folder / 'certified.key'}"
    url = guarded.url("verify-full", "ours.pem", user="certified", more=own).replace("/postgres?", "/certified?")
    with open_database(url, tmp_path) as db:
        assert is_encrypted(db)


FAULTS: dict[str, tuple[Callable[[Guarded], str], str]] = {
    "another authority": (lambda g: g.url("verify-full", "theirs.pem"), "has expired, or no authority in sslrootcert"),
    "another name": (lambda g: g.url("verify-full", "ours.pem", "127.0.0.1"), "another name than 127.0.0.1: write"),
    "no file": (lambda g: g.url("verify-full", "none.pem"), "file of sslrootcert cannot be used .*none.pem.*: let"),
    "no certificate": (lambda g: g.url("verify-full", "server.key"), "file of sslrootcert cannot be used"),
    "no TLS": (lambda g: g.url("disable", "ours.pem"), "without TLS, or not at all.*add [?]sslmode=require"),
    "no client certificate": (
        lambda g: g.url("verify-full", "ours.pem", user="certified"), "asks user certified for a certificate .*sslcert",
    ),
    "an open key": (
        lambda g: g.url(
            "verify-full", "ours.pem", user="certified",
            more=f"&sslcert={g.folder / 'certified.pem'}&sslkey={g.folder / 'open.key'}",
        ),
        "file of sslcert or sslkey cannot be used .*access.*mode 0600",
    ),
    "another's certificate": (
        lambda g: g.url(
            "verify-full", "ours.pem", user="certified",
            more=f"&sslcert={g.folder / 'server.pem'}&sslkey={g.folder / 'mine.key'}",
        ),
        "asks user certified for a certificate of that name",
    ),
}  # fmt: skip


def test_each_fault_of_a_certificate_is_named(guarded: Guarded, tmp_path: Path) -> None:
    for name, (address, wanted) in FAULTS.items():
        said = refusal(address(guarded), tmp_path)
        assert re.search(wanted, said), (name, said)
    tell(guarded.server, "expired")
    assert "certificate has expired" in refusal(guarded.url("verify-full", "ours.pem"), tmp_path)
    tell(guarded.server, "server")

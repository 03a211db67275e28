"""`scorekeeper dashboard`: the score in a browser, on any database; it is a part of `up`, too."""

import contextlib
import ctypes
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import typer
from pydantic import SecretStr

from cli.folders import UP_FOLDER
from cli.logs import begin_logs
from cli.ports import hold_port
from cli.prefect_server.password import CLIENTS
from cli.prefect_server.run_counts import RunCounter
from dashboard.security import Access, check_token, is_loopback
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.places.choose import count_waiting
from scorekeeper.private_files import check_owner, write_private
from scorekeeper.settings import Settings
from scorekeeper.store import cluster_folder
from scorekeeper.store.database import Database, describe_database, open_database
from scorekeeper.store.migrate import check_schema
from scorekeeper.store.sql import statement

ANY = ("0.0.0.0", "::")  # noqa: S104 - to be told apart from a name that a browser can call
GRACE_SECONDS = 3  # more than a beat of a stream, after which it ends


def run_dashboard(settings: Settings, host: str, port: int, *, show: bool) -> None:
    """Serve until a signal ends it; `show`: and open it in the browser. Raises ScorekeeperError, StopError."""
    check_tokens(settings, host)
    begin_logs(settings, "dashboard")
    with open_scores(settings) as (db, as_reader):
        try:
            listening = [hold_port(port, host.strip("[]"), listening=True)]
        except OSError as refused:
            raise ScorekeeperError(f"cannot listen at {host}, port {port} ({refused.strerror}): see --port") from None
        port = listening[0].getsockname()[1]
        shown = "127.0.0.1" if host in (*ANY, "localhost") else host
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
        access = make_access(settings, host, port)
        typer.echo(f"Dashboard: {address}  (Ctrl-C ends it)")
        typer.echo(f"  {describe_database(settings.database_url, settings.scorekeeper_home)}")
        typer.echo(f"  {say_who(settings, port)}")
        if show:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        serve(db, settings, access, listening, as_reader=as_reader)


def check_tokens(settings: Settings, host: str) -> None:
    """Refuse tokens that can be guessed, and an address that others reach without one. Raises ScorekeeperError."""
    check_token(_plain(settings.dashboard_token), host, _plain(settings.metrics_token))


def _plain(token: SecretStr | None) -> str | None:
    return None if token is None else token.get_secret_value()


def make_access(settings: Settings, host: str, port: int) -> Access:
    """Who may look. Without DASHBOARD_TOKEN: this system user, and users with the token that the home keeps."""
    names = (*settings.dashboard_host_names, *(() if is_loopback(host) or host in ANY else (host,)))
    scraper = _plain(settings.metrics_token)
    if settings.dashboard_token:
        return Access(settings.dashboard_token.get_secret_value(), names, peers=False, scraper=scraper)
    token = secrets.token_urlsafe(32)
    check_owner(settings.scorekeeper_home)
    write_private(token_file(settings.scorekeeper_home, port), token)
    return Access(token, names, scraper=scraper)


def token_file(home: Path, port: int) -> Path:
    """Where the token of a dashboard lies that made its own: a new one at each start."""
    return home / UP_FOLDER / f"dashboard-{port}.token"


def say_who(settings: Settings, port: int) -> str:
    """One line about who gets in."""
    if settings.dashboard_token:
        return "it asks for DASHBOARD_TOKEN"
    return f"lets this system user in; others need the token in {token_file(settings.scorekeeper_home, port)}"


@contextmanager
def open_scores(settings: Settings) -> Iterator[tuple[Database, bool]]:
    """The database as it is, and whether its user can become the reader. Nothing is made or migrated.

    Raises ScorekeeperError for a home without a database, and for another schema than this Scorekeeper's.
    """
    home = settings.scorekeeper_home
    if settings.database_url is None and not cluster_folder.has_cluster(home):
        raise ScorekeeperError(
            f"there is no database in {home} yet: run scorekeeper up or demo first, or name another home with --home"
        )
    with open_database(settings.database_url, home, migrate=False, system=settings.system) as db:
        with db.engine.connect() as connection:
            found = connection.execute(statement("store/select_access")).one()
            if not found.reads_views:
                check_schema(connection)  # says what is there, and who may do what
                raise ScorekeeperError(f"user {found.name} has no rights in the database: see scorekeeper roles")
            if found.reads_rows:
                check_schema(connection)
            elif not connection.execute(statement("dashboard/select_is_ours")).scalar():
                raise ScorekeeperError("the database has an older schema: run scorekeeper migrate with its owner")
            as_reader = bool(connection.execute(statement("dashboard/select_may_be_reader")).scalar())
        yield db, as_reader


def serve(db: Database, settings: Settings, access: Access, listening: list[socket.socket], *, as_reader: bool) -> None:
    """Answer on these sockets until a signal ends it."""
    import uvicorn

    from dashboard.app import create_app

    with contextlib.suppress(AttributeError):  # glibc alone has it
        # Few threads that do little need no memory pools of their own: some megabytes less. -8: M_ARENA_MAX
        ctypes.CDLL(None).mallopt(-8, 1)
    api = os.environ.get("PREFECT_API_URL", "")
    prefect = api.removesuffix("/api") or None
    app = create_app(
        db.engine, access, prefect=prefect, reports=settings.reports_dir, fee_bps=settings.fee_bps,
        account_equity=settings.account_equity, as_reader=as_reader,
        system=settings.system,
        inbox=partial(count_waiting, settings),
        runs=RunCounter(api, os.environ.get(CLIENTS)) if api else None,
    )  # fmt: skip
    config = uvicorn.Config(
        app, log_level="warning", proxy_headers=False, server_header=False, lifespan="off", ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.end()
            super().handle_exit(sig, frame)

    Server(config).run(sockets=listening)

"""`scorekeeper dashboard`: the score in a browser, on any database; it is a part of `up`, too."""

import contextlib
import os
import secrets
import socket
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import typer
from starlette.applications import Starlette

from cli.dashboard_tokens import check_tokens, plain
from cli.folders import UP_FOLDER
from cli.logs import begin_logs, web_server_logs
from cli.ports import hold_port
from cli.prefect_server.password import CLIENTS
from cli.prefect_server.run_counts import RunCounter
from dashboard.app import Dashboard, make_pages
from dashboard.data.monitored import read_monitored_systems
from dashboard.data.systems import Standing, read_systems
from dashboard.metrics.families import Look
from dashboard.metrics.scrape import AWAY, VERSION, SystemsMonitor
from dashboard.security import Access, is_loopback
from dashboard.systems import Systems, SystemsDashboard
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.inbox.places.choose import count_waiting
from scorekeeper.memory import use_one_pool
from scorekeeper.private_files import check_owner, write_private
from scorekeeper.settings import Settings, list_systems, load_settings, settings_of_all
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
    with open_all_scores(settings) as make:
        try:
            listening = [hold_port(port, host.strip("[]"), listening=True)]
        except OSError as refused:
            raise ScorekeeperError(f"cannot listen at {host}, port {port} ({refused.strerror}): see --port") from None
        port = listening[0].getsockname()[1]
        shown = "127.0.0.1" if host in (*ANY, "localhost") else host
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
        access = make_access(settings, host, port)
        typer.echo(f"Dashboard: {address}  (Ctrl-C ends it)")
        typer.echo(f"  {describe_database(settings.scores_url, settings.scorekeeper_home)}")
        typer.echo(f"  {say_who(settings, port)}")
        if show:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        serve(make(access), listening)


def make_access(settings: Settings, host: str, port: int, own: str | None = None) -> Access:
    """Who may look. Without DASHBOARD_TOKEN: this system user, and users with the token that the home keeps.

    `own`: the token that was made for the home before; None makes one.
    """
    names = (*settings.dashboard_host_names, *(() if is_loopback(host) or host in ANY else (host,)))
    scraper = plain(settings.metrics_token)
    if settings.dashboard_token:
        return Access(settings.dashboard_token.get_secret_value(), names, peers=False, scraper=scraper)
    if own is not None:
        return Access(own, names, scraper=scraper)
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
    if settings.scores_url is None and not cluster_folder.has_cluster(home):
        raise ScorekeeperError(
            f"there is no database in {home} yet: run scorekeeper up or demo first, or name another home with --home"
        )
    with _open_readable(settings) as db:
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


def _open_readable(settings: Settings) -> Database:
    """The database that is read: of several servers a standby, if there is one. Raises ScorekeeperError."""
    try:
        return open_database(
            settings.scores_url, settings.scorekeeper_home, migrate=False, wants="prefer-standby",
            system=settings.system,
        )  # fmt: skip
    except DatabaseError as refused:
        if settings.dashboard_database_url is None:
            raise
        name = "DASHBOARD_DATABASE_URL"
        raise type(refused)(refused.says, refused.do.replace("DATABASE_URL", name)) from None


@contextmanager
def open_all_scores(settings: Settings) -> Iterator[Callable[[Access], Dashboard | SystemsDashboard]]:
    """What makes the dashboard of the one system, or of each of SYSTEMS_DIR, for those who may look.

    Raises ScorekeeperError.
    """
    if settings.systems_dir is not None and not settings.system:
        with open_systems(settings) as systems:
            yield lambda access: systems.dashboard(access)
    else:
        with open_scores(settings) as (db, as_reader):
            yield lambda access: Dashboard(make_system_pages(db, settings, access, as_reader=as_reader), access)


def make_system_pages(
    db: Database, settings: Settings, access: Access, *, as_reader: bool, systems: Callable[[], list[str]] = list
) -> Starlette:
    """The pages of one system; `systems` gives the names of all where there are several."""
    prefect = os.environ.get("PREFECT_API_URL", "").removesuffix("/api") or None
    return make_pages(
        db.engine, access, prefect=prefect, reports=settings.reports_dir,
        fee_bps=settings.fee_bps, account_equity=settings.account_equity, as_reader=as_reader, system=settings.system,
        systems=systems, inbox=partial(count_waiting, settings, often=True),
        runs=make_counter(),
    )  # fmt: skip


def make_counter() -> RunCounter | None:
    """What counts the runs of Prefect's server for /metrics; None where no server is known."""
    api = os.environ.get("PREFECT_API_URL", "")
    return RunCounter(api, os.environ.get(CLIENTS)) if api else None


class _Systems:
    """The databases of several systems' pages, opened when they are asked for."""

    def __init__(self, settings: Settings, folder: Path, held: contextlib.ExitStack) -> None:
        self._settings, self._folder, self._held = settings, folder, held
        self._databases: dict[str, Database] = {}
        self._opening = threading.Lock()

    def names(self) -> list[str]:
        """The systems that there are. Raises ScorekeeperError."""
        return list_systems(self._folder)

    def read(self) -> list[Standing]:
        """Where each stands, over one connection for each database.

        A database that cannot be read says so of its systems, but is raised if there is no other: ScorekeeperError.
        """
        found, troubles = self._load()
        rows = [Standing(name, trouble=trouble) for name, trouble in troubles.items()]
        for systems in found.values():
            names = [one.system for one in systems]
            try:
                with self._database(systems[0]).begin() as connection:
                    rows += read_systems(connection, names)
            except AWAY as refused:
                if len(found) == 1:
                    raise
                why = str(refused) if isinstance(refused, ScorekeeperError) else type(refused).__name__
                rows += [Standing(name, trouble=why) for name in names]
        return sorted(rows, key=lambda row: row.name)

    def look(self) -> dict[str, Look]:
        """What monitoring shows of each. A database that is away says so of its systems alone."""
        found, troubles = self._load()
        looks = {name: Look(VERSION, None, 0.0) for name in troubles}
        for systems in found.values():
            began = time.monotonic()
            names = [one.system for one in systems]
            try:
                with self._database(systems[0]).begin() as connection:
                    seen = read_monitored_systems(connection, names)
            except AWAY:
                seen = dict.fromkeys(names)
            seconds = (time.monotonic() - began) / len(names)
            for one in systems:
                # A listing for each of many systems is too much to ask of an object store.
                inbox = count_waiting(one, often=True) if isinstance(one.inbox, Path) else None
                looks[one.system] = Look(VERSION, seen[one.system], seconds, inbox)
        return dict(sorted(looks.items()))

    def _load(self) -> tuple[dict[str, list[Settings]], dict[str, str]]:
        """The systems by the address of their database (empty: the embedded one), and why others cannot be read."""
        systems, troubles = settings_of_all(self._settings)
        found: dict[str, list[Settings]] = {}
        for one in systems:
            found.setdefault(plain(one.scores_url) or "", []).append(one)
        return found, troubles

    def _database(self, one: Settings) -> Database:
        """The database of a system, opened when it is first asked for."""
        address = plain(one.scores_url) or ""
        with self._opening:
            if address not in self._databases:
                of_none = one.model_copy(update={"system": ""})  # each schema is named by who asks
                self._databases[address] = self._held.enter_context(_open_readable(of_none))
            return self._databases[address]

    def dashboard(self, access: Access) -> SystemsDashboard:
        """All of them, for those who may look."""

        def open_pages(name: str) -> tuple[Starlette, Callable[[], None]]:
            one = load_settings(system=name)
            held = contextlib.ExitStack()
            db, as_reader = held.enter_context(open_scores(one))
            return make_system_pages(db, one, access, as_reader=as_reader, systems=self.names), held.close

        systems = Systems(self.names, open_pages, self.read, SystemsMonitor(self.names, self.look, make_counter()))
        self._held.callback(systems.close)
        return SystemsDashboard(systems, access)


@contextmanager
def open_systems(settings: Settings) -> Iterator[_Systems]:
    """The systems of SYSTEMS_DIR, of which none is opened yet. Raises ScorekeeperError."""
    assert settings.systems_dir is not None
    list_systems(settings.systems_dir)
    with contextlib.ExitStack() as held:
        yield _Systems(settings, settings.systems_dir, held)


def serve(
    app: Dashboard | SystemsDashboard, listening: list[socket.socket], *, quiet_seconds: float = float("inf")
) -> None:
    """Answer on these sockets until a signal ends it, or nobody has been connected for so long."""
    import uvicorn

    use_one_pool()
    config = uvicorn.Config(
        app, log_level="warning", log_config=web_server_logs(), proxy_headers=False, server_header=False,
        lifespan="off", ws="none", timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip

    last_seen, seen = 0.0, 0

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.end()
            super().handle_exit(sig, frame)

        async def on_tick(self, counter: int) -> bool:
            nonlocal last_seen, seen
            is_over, now = await super().on_tick(counter), time.monotonic()
            if counter == 0 or self.server_state.connections or self.server_state.total_requests != seen:
                last_seen, seen = now, self.server_state.total_requests
            return is_over or now - last_seen > quiet_seconds

    Server(config).run(sockets=listening)

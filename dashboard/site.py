"""What one running dashboard holds: its database, templates, files, cache, and who may look."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection, Engine, text
from starlette.requests import Request
from starlette.responses import Response

from dashboard.cache import PageCache
from dashboard.data.once import keep_answers
from dashboard.data.token import begin_read
from dashboard.files import StaticFiles, squeeze
from dashboard.shown import FILTERS
from scorekeeper.locations import Location

if TYPE_CHECKING:
    from dashboard.live import Live

HERE = Path(__file__).parent
# The style of the charts lies beside the charts, as the report has them too.
CHARTS = HERE.parent / "scorekeeper" / "charts" / "charts.css"
READER = "scorekeeper_reader"
NAV = (
    ("", "Overview"), ("trades", "Trades"), ("open", "Open"), ("decisions", "Decisions"), ("agents", "Agents"),
    ("learning", "Learning"), ("breakdown", "Breakdown"), ("calendar", "Calendar"), ("versions", "Versions"),
    ("health", "Health"),
)  # fmt: skip
# Pages that no link of the navigation leads to, by the one that they belong to.
NAV_OF = (("trades", "trade"), ("agents", "agent"), ("versions", "compare"))


class Page:
    """What every page needs: templates and files. The page over several systems has nothing else."""

    def __init__(self) -> None:
        self.templates = open_templates()
        self.static = StaticFiles(HERE / "static", CHARTS)

    def write(self, template: str, context: dict[str, Any]) -> bytes:
        """A page."""
        return self.templates.get_template(template).render(context).encode()

    def answer(self, request: Request, body: bytes, kind: str, headers: dict[str, str], status: int = 200) -> Response:
        """A response, compressed if the browser takes that."""
        headers = {**headers, "Vary": "Accept-Encoding"}
        if len(body) > 1_000 and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers = squeeze(body), {**headers, "Content-Encoding": "gzip"}
        return Response(body, status, headers=headers, media_type=kind)


@dataclass
class Site(Page):
    """One dashboard. `prefect`: the address of Prefect's UI, `reports`: the folder of reports; both None if unknown.

    `fee_bps`: the fee of one side. `account_equity`: what the account held before the first trade, if known.
    `system`: whose pages they are, and `systems` gives the names of
    all; without a name there is one alone.
    """

    engine: Engine
    prefect: str | None = None
    reports: Location | None = None
    fee_bps: float = 10.0
    account_equity: float | None = None
    system: str = ""
    systems: Callable[[], list[str]] = list
    as_reader: bool = False  # the user may become the reader, and does so in every transaction
    nav: tuple[tuple[str, str], ...] = NAV
    nav_of: tuple[tuple[str, str], ...] = NAV_OF
    build: str = field(default_factory=lambda: version("scorekeeper"))
    cache: PageCache = field(default_factory=PageCache)
    static: StaticFiles = field(default_factory=lambda: StaticFiles(HERE / "static", CHARTS))
    templates: Environment = field(default_factory=lambda: open_templates())
    live: "Live" = field(init=False)

    def __post_init__(self) -> None:
        from dashboard.live import Live

        self.live = Live(self)
        self.build = hashlib.sha256(f"{self.build}{self.static.build}{_stamp()}".encode()).hexdigest()[:12]

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that only reads, as the reader where that is possible. Raises ScorekeeperError."""
        with self.engine.connect() as connection, connection.begin():
            begin_read(connection)
            if self.as_reader:
                connection.execute(text(f"SET LOCAL ROLE {READER}"))
            keep_answers(connection)
            yield connection


def site_of(request: Request) -> Site:
    """The dashboard that answers this request."""
    site: Site = request.app.state.site
    return site


def open_templates() -> Environment:
    """Templates in which every word is escaped, and an unknown name is an error."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters.update(FILTERS)
    return found


def _stamp() -> str:
    """What the templates are: a browser that has a page of another release asks for it again."""
    return "".join(f"{path.name}{path.stat().st_mtime_ns}" for path in sorted((HERE / "templates").rglob("*.html")))

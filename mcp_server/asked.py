"""What a call asks for: filters, versions and agents, each as they are named in an answer."""

from sqlalchemy import Connection

from dashboard.data.filters import FilterError, Filters
from dashboard.data.overview import MOST_OFFERED, read_scope
from mcp_server.quoted import find_name, quote
from scorekeeper.decisions.symbols import unify_symbol


def read_filters(**given: str | None) -> Filters:
    """Filters, each read as an address's would be. Raises FilterError."""
    symbol = given.get("symbol")
    if symbol:
        try:
            given["symbol"] = unify_symbol(symbol)
        except ValueError as wrong:
            raise FilterError("symbol", symbol, f"a symbol; this is {wrong}") from None
    return Filters.read({name: value for name, value in given.items() if value is not None})


def read_selection(
    connection: Connection, version: str | None, symbol: str | None, since: str | None, until: str | None,
    as_of: str | None, **more: str | None,
) -> Filters:  # fmt: skip
    """The selection of a call. Raises FilterError, also for a version that is not known."""
    filters = read_filters(version=version, symbol=symbol, since=since, until=until, as_of=as_of, **more)
    return filters.changed(version=find_version(connection, filters))


def find_version(connection: Connection, filters: Filters) -> str | None:
    """The version that the filters name. Raises FilterError for one that is not known."""
    if filters.version is None:
        return None
    known = read_scope(connection).versions
    return filters.version if len(known) >= MOST_OFFERED else find_known("version", filters.version, known)


def find_agent(connection: Connection, agent: str | None) -> str | None:
    """The agent's name as it is stored; None for none. Raises FilterError for one that is not known."""
    if agent is None:
        return None
    from scorekeeper.learning.read_feedback import list_every_agent  # SciPy takes a third of a second to import

    return find_known("agent", agent, list_every_agent(connection))


def find_known(kind: str, given: str, known: list[str]) -> str:
    """One of the known names, given as it is or as an answer shows it. Raises FilterError."""
    name = find_name(given, known)
    if name is None:
        raise FilterError(kind, given, f"one of {name_known(known)}")
    return name


def name_known(known: list[str]) -> str:
    """Some of the known names, quoted."""
    return ", ".join(quote(one, 60) or "" for one in known[:20]) or "none, as nothing is scored yet"


def check_text(name: str, value: str) -> str:
    """Text that Postgres takes. Raises FilterError."""
    if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise FilterError(name, value.encode("unicode_escape").decode(), "text without NUL and half characters")
    return value


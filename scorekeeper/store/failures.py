"""What a failure of the database means: its cause in words, and the next step.

Failures are recognised by SQLSTATE. A failure to connect has none in libpq, and is recognised by the server's message,
which is English unless the server's lc_messages is set. An unknown failure is shown in the server's words.
"""

import re
from dataclasses import dataclass

import psycopg
from sqlalchemy import URL

from scorekeeper.errors import AwayError, CancelledByReplayError, DatabaseError
from scorekeeper.store.systems import in_system

ESCAPES = "write an @ of the password as %40, a / as %2F, a : as %3A, a % as %25"
POOLER = "a pooler before the database allows no transactions (PgBouncer's pool_mode = statement)"
POOLER_DO = "set pool_mode = transaction for this database in the pooler, or let DATABASE_URL name the server itself"
ROLES_DO = "run: scorekeeper roles | psql postgresql://superuser@host/name, after the migration"
_REPLAYED = "conflict with recovery"  # its SQLSTATE is that of a conflict between transactions


@dataclass(frozen=True)
class _Case:
    """A failure to connect: the pattern of its message, what it means, what helps, whether it may pass by itself."""

    pattern: str
    says: str
    do: str
    away: bool = False
    absent: bool = False  # no server replied


# The first match counts. {host}, {port}, {user} and {name} come from the address; {words}: the message's first line.
_UNCONNECTED = [
    _Case("invalid (port number|connection option|sslmode value|[a-z_]+ value)|bad value for|invalid integer value",
          "a part of the address is wrong ({words})", f"correct DATABASE_URL ({ESCAPES})"),
    _Case("server login fail|pgbouncer cannot connect|server_login_retry",
          "the pooler there cannot reach its server",
          "its log says why; the pooler's own configuration has the server's address, user and password", away=True),
    _Case("server does not support SSL", "the server offers no TLS, which sslmode asks for",
          "switch ssl on in its postgresql.conf, or take sslmode out of DATABASE_URL"),
    _Case("root certificate file", "the file of sslrootcert cannot be used ({words})",
          "let sslrootcert in DATABASE_URL name the certificate of the authority that signed the server's"),
    _Case("does not match host name", "the server's certificate is for another name than {host}",
          "write the name in the certificate as the host of DATABASE_URL"),
    _Case("certificate verify failed|certificate.*(expired|unknown)",
          "the server's certificate has expired, or no authority in sslrootcert signed it",
          "let sslrootcert in DATABASE_URL name the authority's certificate, or renew the server's"),
    _Case("requires a valid client certificate|certificate authentication failed",
          "the server asks user {user} for a certificate of that name",
          "set sslcert and sslkey in DATABASE_URL"),
    _Case("private key file|could not (read|load) certificate",
          "the file of sslcert or sslkey cannot be used ({words})", "correct it in DATABASE_URL; a key has mode 0600"),
    _Case("Temporary failure in name resolution", "the name {host} cannot be looked up now",
          "check this machine's network and name server", away=True),
    _Case("failed to resolve host|could not translate host name|Name or service not known|nodename nor servname",
          "there is no host {host}", f"correct the host in DATABASE_URL ({ESCAPES})"),
    _Case("no password supplied", "the server asks user {user} for a password, and there is none in the address",
          "write postgresql://user:password@host/name, or keep it in ~/.pgpass"),
    _Case("password authentication failed|no such user|auth failed|SASL authentication failed",
          "the password of user {user} is wrong, or there is no such user", f"correct DATABASE_URL ({ESCAPES})"),
    _Case("pg_hba.conf rejects|no pg_hba.conf entry.*no encryption",
          "the server's pg_hba.conf does not let user {user} into {name} from this machine without TLS, or not at all",
          "add a line for it there and reload; where it has a hostssl line, add ?sslmode=require to DATABASE_URL"),
    _Case("no pg_hba.conf entry", "the server's pg_hba.conf does not let user {user} into {name} from this machine",
          "add a line for it there and reload"),
    _Case("(Peer|Ident) authentication failed",
          "the server lets user {user} in for the system user of that name only (peer)",
          "run as that one, or let DATABASE_URL name a host and a password"),
    _Case("is not permitted to log in", "user {user} may not log in",
          "ALTER ROLE {user} LOGIN, or let DATABASE_URL name another user"),
    _Case("permission denied for database", "user {user} may not connect to the database {name}", ROLES_DO),
    _Case('database "[^"]*" does not exist|no such database', "there is no database {name} on this server",
          "make it there (CREATE DATABASE), or correct the name at the end of DATABASE_URL"),
    _Case('role "[^"]*" does not exist', "there is no user {user} on this server",
          "scorekeeper roles makes three users; or correct DATABASE_URL"),
    _Case("remaining connection slots|too many (clients|connections)|no more connections allowed",
          "the server takes no more connections", "end what holds them, or raise its max_connections", away=True),
    _Case("session is read-only|server is in hot standby mode", "none of its servers takes writes now ({host})",
          "promote a standby; if one was promoted, its log says why", away=True),
    _Case("server is not in hot standby mode|session is not read-only", "none of its servers is a standby ({host})",
          "correct the hosts, or take target_session_attrs out of the address"),
    _Case("not (yet )?accepting connections|starting up|shutting down|recovery mode|terminating connection|"
          "crash of another server process",
          "the server is starting, stopping or recovering", "wait a moment; if it stays so, its log says why",
          away=True, absent=True),
    _Case("Connection refused", "no server listens at {host}, port {port}",
          "start Postgres there, or correct host and port in DATABASE_URL", away=True, absent=True),
    _Case("No such file or directory", "there is no socket of a Postgres at {host}, port {port}",
          "start Postgres there, or correct DATABASE_URL", away=True, absent=True),
    _Case("timeout expired|timed out|query_wait_timeout", "no answer from {host}, port {port}",
          "check that it runs, and that no firewall blocks this machine", away=True),
    _Case("Network is unreachable|No route to host", "there is no route to {host}", "check this machine's network",
          away=True),
    _Case("invalid response to SSL negotiation|expected authentication request|unsupported frontend protocol",
          "what listens at {host}, port {port} is no Postgres", "correct host and port in DATABASE_URL"),
    _Case("transaction blocks not allowed in statement pooling mode", POOLER, POOLER_DO),
    _Case("server closed the connection|connection has been closed|Connection reset|Broken pipe|EOF detected",
          "{host}, port {port}, ended the connection before it was made",
          "check that it is a Postgres, and is not stopping; its log says why", away=True, absent=True),
]  # fmt: skip

# By SQLSTATE: why a statement was refused. {user}: the connected user; {words}: the server's first line.
_REFUSED = {
    "42501": (
        "user {user} lacks a right ({words})",
        f"let DATABASE_URL name the writer, scorekeeper_writer; if it does, {ROLES_DO}",
    ),
    "3F000": ("the database does not have the schema of this Scorekeeper ({words})", "run scorekeeper migrate"),
    "42P01": ("the database does not have the schema of this Scorekeeper ({words})", "run scorekeeper migrate"),
    "42703": ("the database does not have the schema of this Scorekeeper ({words})", "run scorekeeper migrate"),
    "42883": ("the database does not have the schema of this Scorekeeper ({words})", "run scorekeeper migrate"),
    "25006": (
        "the database takes no writes ({words}): it is a standby, or default_transaction_read_only is on",
        "let DATABASE_URL name the primary, or switch that off",
    ),
    "53200": ("the database server is out of memory ({words})", "give it more, or lower its work_mem"),
    "57014": (
        "the server cancelled the work ({words})",
        "raise statement_timeout for user {user}, or find what cancels it",
    ),
    "55P03": ("other sessions held a lock for too long ({words})", "try again; pg_stat_activity shows which session"),
    "25P03": (
        "the server ended an idle transaction ({words})",
        "raise idle_in_transaction_session_timeout for user {user}",
    ),
}


def show_address(url: URL) -> str:
    """Host and name only: the address or its query may contain a password."""
    host = _host(url)
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def explain_unconnected(url: URL, exc: BaseException) -> DatabaseError:
    """The error for a connection that could not be made; without the password."""
    case = _find(exc)
    if case is None:
        return DatabaseError(
            f"cannot reach the database at {show_address(url)}: {_first_line(url, exc)}",
            "the server's log may say more; or correct DATABASE_URL",
        )
    known = {
        "host": _host(url), "port": url.port or url.query.get("port") or 5432,
        "user": url.username or url.query.get("user") or "of this system",
        "name": url.database or url.query.get("dbname") or "of that name", "words": _first_line(url, exc),
    }  # fmt: skip
    kind = AwayError if case.away else DatabaseError
    says = f"cannot reach the database at {show_address(url)}: {case.says.format(**known)}"
    return kind(says, case.do.format(**known))


def is_absent(exc: BaseException) -> bool:
    """Whether a connection could not be made because no server replies."""
    case = _find(exc)
    return case is not None and case.absent


def roles_do(system: str) -> str:
    """How the rights of a system are given."""
    return ROLES_DO.replace("roles", f"roles --system {system}", 1) if system else ROLES_DO


def explain_refused(url: URL, exc: BaseException, system: str = "") -> DatabaseError | None:
    """The error for a statement that the server refused; None if a user cannot do anything about it.

    `system`: whose schema was asked for.
    """
    words = _first_line(url, exc)
    state = getattr(exc, "sqlstate", None) or ""
    if _REPLAYED in words:
        return CancelledByReplayError(
            "the standby cancelled the read, to apply a change of its primary",
            "try again; if it happens often, set hot_standby_feedback = on there, or raise max_standby_streaming_delay",
        )
    if state not in _REFUSED or (state == "42P01" and "scorekeeper" not in words):  # a temporary table of ours
        return None
    says, do = _REFUSED[state]
    user = url.username or url.query.get("user") or "of this system"
    do = in_system(do, system).replace(ROLES_DO, roles_do(system))
    return DatabaseError(says.format(words=words, user=user), do.format(user=user))


def explain_lost(exc: BaseException, url: URL | None = None) -> AwayError:
    """The error for a connection (to `url`, if known) that ended in the middle of the work."""
    where = f" at {show_address(url)}" if url else ""
    return AwayError(
        f"the connection to the database{where} was lost ({_first_line(url, exc)})",
        "run it again; what is stored by now is not stored twice",
    )


def is_lost(exc: BaseException) -> bool:
    """Whether the server, or the network, has ended the connection."""
    state = getattr(exc, "sqlstate", None)
    if state is None:  # libpq's own error: there is no reply, or it cannot be read
        return isinstance(exc, psycopg.OperationalError) or type(exc) is psycopg.DatabaseError
    return bool(state.startswith(("08", "57P")))


def _find(exc: BaseException) -> _Case | None:
    words = str(exc)
    return next((case for case in _UNCONNECTED if re.search(case.pattern, words)), None)


def _host(url: URL) -> str:
    given = url.host or url.query.get("host") or "a socket"
    return given.replace(",", " or ") if isinstance(given, str) else " or ".join(given)


def _first_line(url: URL | None, exc: BaseException) -> str:
    words = str(exc).strip()
    reason = words.splitlines()[0] if words else "no answer"
    if url is None:
        return reason
    for secret in (url.password, *(value for name, value in url.query.items() if "pass" in name)):
        reason = reason.replace(str(secret), "***") if secret else reason
    return reason

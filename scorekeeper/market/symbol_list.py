"""The symbols that spellings mean: the market's list says it once, before a decision is published.

A decision whose spelling may mean several symbols waits until then: it is held.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from scorekeeper.decisions.symbols import is_certain, spell, unify_symbol
from scorekeeper.locks import Lock, lock
from scorekeeper.store.sql import json_rows, statement


def select_spellings(connection: Connection) -> list[str]:
    """The spellings, as written, of the decisions that wait for the market's list."""
    return list(connection.execute(statement("market/select_held_spellings")).scalars())


def release_decisions(connection: Connection, spellings: Iterable[str], listed: Mapping[str, str]) -> int:
    """Give the held decisions with one of `spellings` their symbols; how many decisions.

    `listed`: the market's symbols, by the spelling as spell() returns it. A spelling that is not listed stays as it is.
    """
    words = {raw: spell(raw) for raw in spellings}
    rows = [{"raw_symbol": raw, "symbol": listed.get(word, word)} for raw, word in words.items()]
    # Settlements and scores write the same decisions, trades and days, each in another order.
    lock(connection, Lock.SETTLE, Lock.SCORE)
    known = [{"spelled": word, "symbol": listed[word]} for word in sorted({*words.values()} & listed.keys())]
    connection.execute(statement("market/insert_symbol_readings"), {"rows": json_rows(known)})
    return int(connection.execute(statement("market/release_held_decisions"), {"rows": json_rows(rows)}).scalar_one())


def find_symbol(connection: Connection, words: str) -> str:
    """The symbol that a spelling of it means. Raises ValueError for what cannot be a symbol."""
    if is_certain(words):
        return unify_symbol(words)
    given = {"spelled": spell(words), "custom": unify_symbol(words)}
    return str(connection.execute(statement("market/select_symbol"), given).scalar_one())

"""The columns of a stored decision, in one list.

Every field of `Decision` is a column of the same name in the table `decision`, with the exceptions below. Statements
write `__decision_columns__` where the list belongs (see store/sql.py): a new field needs no change to them. They name
the symbol beside it, since the market's list may say what a spelling means.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.decisions.costs import Costs
from scorekeeper.decisions.decision import Decision

# These fields are rows of the tables agent_signal and exit_request, and columns of the table trade.
ELSEWHERE = ("signals", "exit_side", "closes", "given_id", "costs")
# The rules of a reading are a row of the table reading, which many decisions share.
READING = "reading_id"


def to_json(value: object) -> str | None:
    """A value as the database takes JSON. What is empty is null there."""
    return msgspec.json.encode(value).decode() if value else None


_FIELDS = tuple(name for name in Decision.__struct_fields__ if name not in (*ELSEWHERE, "symbol"))
_AS_JSON = ("extra", "notes")

# What a decision says. The table's other columns say where it was read, and what became of it.
DECISION_COLUMNS = tuple(READING if name == "reading" else name for name in _FIELDS)
SIGNAL_COLUMNS = AgentSignal.__struct_fields__
COST_COLUMNS = Costs.__struct_fields__
# What the settings of that day decide too: its defaults, its time zone, and the rules of its reading.
_DEPENDENT = ("trade_id", "opened_at", "expires_at", "version", "understood", READING)
# The columns that a document alone decides, and whose values can be compared as they are.
DOCUMENT_COLUMNS = tuple(name for name in DECISION_COLUMNS if name not in (*_DEPENDENT, *_AS_JSON))

COLUMN_LISTS: dict[str, tuple[str, ...]] = {
    "decision_columns": DECISION_COLUMNS, "signal_columns": SIGNAL_COLUMNS, "cost_columns": COST_COLUMNS,
}  # fmt: skip

# Whether a decision counts for what is learned: in time, at a price that was judged good, and not voided.
COUNTS = "{0}voided_at IS NULL AND {0}reference_price IS NOT NULL AND {0}price_suspect IS FALSE AND NOT {0}late"

_read_fields: Callable[[Decision], tuple[Any, ...]] = attrgetter(*_FIELDS)
_JSON_AT = [_FIELDS.index(name) for name in _AS_JSON]
_READING_AT = _FIELDS.index("reading")
_read_costs: Callable[[Costs], tuple[Any, ...]] = attrgetter(*COST_COLUMNS)


def decision_values(decision: Decision) -> list[Any]:
    """The values of DECISION_COLUMNS, in their order, as the database takes them."""
    values = list(_read_fields(decision))
    for at in _JSON_AT:
        values[at] = to_json(values[at])
    values[_READING_AT] = values[_READING_AT].id
    return values


def cost_values(costs: Costs) -> tuple[Any, ...]:
    """The values of COST_COLUMNS, in their order."""
    return _read_costs(costs)

"""Stored analyses: each shows the figures that it found, and the last one can be made again from its input."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection

from scorekeeper.analysis.build import build_analyses
from scorekeeper.analysis.document import Analysis, figures
from scorekeeper.analysis.run import read_input
from scorekeeper.metrics.market_days import read_series_days
from scorekeeper.store.sql import statement

ANALYSES_AT_ONCE = 100


def check_analyses(connection: Connection) -> Iterator[str]:
    """One line per difference.

    The last analysis is made again, unless something from before its `as_of` became known later.
    """
    rows = connection.execute(statement("verify/select_analyses").execution_options(yield_per=ANALYSES_AT_ONCE))
    for as_of, version, document in rows:
        shown = document.pop("figures", None)
        if shown != _as_json(figures(msgspec.convert(document, Analysis))):
            yield f"analysis {version} at {as_of}: shows other figures than it found"
    last = connection.execute(statement("verify/select_analyses_to_verify")).all()
    if last:
        as_of = last[0].as_of
        analyses = build_analyses(read_input(connection, as_of), as_of, read_series_days(connection))
        again = {one.version: _as_json(one) for one in analyses}
        for as_of, version, document in last:
            del document["figures"]
            if document != again.get(version):
                yield f"analysis {version} at {as_of}: made again, it finds something else"


def _as_json(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))

"""The published weights, compared with what the rows of their own moment say."""

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from scorekeeper.learning.document import Learned, WeightsFile
from scorekeeper.learning.learned import read_learned, read_versions
from scorekeeper.learning.words import render_weights
from scorekeeper.publish.outputs import has_output, read_output
from scorekeeper.publish.weights_file import weights_path
from scorekeeper.settings import Settings

_REPAIR = "scorekeeper learn writes it again"


def check_weights_file(connection: Connection, settings: Settings) -> Iterator[str]:
    """One sentence for each way in which the file is wrong. One that was never published is not wrong.

    A file may be older than the rows: it is compared with what they say of its own version and moment. While a change
    of the past waits to be learned, it is compared with nothing.
    """
    path = weights_path(settings)
    try:
        content = read_output(path)
    except OSError as exc:
        yield f"{path}: cannot be read: {exc.strerror}; {_REPAIR}"
        return
    if content is None:
        return
    try:
        file = msgspec.json.decode(content, type=WeightsFile)
        at = datetime.fromisoformat(file.as_of)
    except (msgspec.DecodeError, ValueError):
        yield f"{path}: does not hold published weights; {_REPAIR}"
        return
    learned = _learned_then(connection, settings, file.version, at)
    if learned is None or learned.as_of != at:
        yield f"{path}: the database has learned nothing of its version at {file.as_of}; {_REPAIR}"
    elif learned.stale_from is None and render_weights(learned) != content:
        yield f"{path}: is not what was learned by {file.as_of}{_fee_hint(content, learned)}; {_REPAIR}"


def find_waiting_file(connection: Connection, settings: Settings) -> Iterator[str]:
    """A sentence if the next `learn` is to write the file, which is not wrong."""
    path = weights_path(settings)
    if not has_output(path) and read_versions(connection):
        yield f"{path.name} waits for the next learn"


def _learned_then(connection: Connection, settings: Settings, version: str, at: datetime) -> Learned | None:
    return read_learned(connection, fee_bps=settings.fee_bps, version=version, at=at)


def _fee_hint(content: bytes, learned: Learned) -> str:
    """Whether the difference is the fee alone: FEE_BPS has changed since."""

    def without_fees(words: bytes) -> bytes:
        return re.sub(rb'"(edge_after_fees|share_worth_trading|sentence)": [^\n]*', b"", words)

    return " (FEE_BPS has changed)" if without_fees(render_weights(learned)) == without_fees(content) else ""

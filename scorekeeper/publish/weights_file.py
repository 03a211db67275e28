"""Publishes `agent_weights.json`: what was learned, for programs that do not ask the database."""

from typing import cast

from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.words import render_weights
from scorekeeper.locations import PathOrAddress
from scorekeeper.locks import Lock, lock
from scorekeeper.publish.outputs import read_output, replace_output
from scorekeeper.publish.target import make_absolute
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database

NAME = "agent_weights.json"


def weights_path(settings: Settings) -> PathOrAddress:
    """Where the file is published."""
    return cast(PathOrAddress, make_absolute(settings.datasets) / NAME)


def write_weights_file(db: Database, settings: Settings) -> PathOrAddress | None:
    """Write the file of the version with the newest decision, and return its path; None if nothing was learned.

    Written beside its name and renamed: a reader sees the old one or the new one, whole. The same rows give the same
    bytes, and a file that has them already is left alone. Raises OSError, ScorekeeperError.
    """
    path = weights_path(settings)
    with db.begin() as connection:
        lock(connection, Lock.PUBLISH)  # else a slower process could put back an older file
        learned = read_learned(connection, fee_bps=settings.fee_bps)
        if learned is None:
            return None
        content = render_weights(learned)
        if read_output(path) != content:
            replace_output(path, content)
    return path

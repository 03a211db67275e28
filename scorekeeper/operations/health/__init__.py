"""Checks of an installation: home, disks, database, clocks, track, prices, inbox, quarantine. They change nothing.

An embedded Postgres that is stopped is started for the checks, as any command does.
"""

from scorekeeper.inbox.places.choose import count_waiting
from scorekeeper.operations.health.all import check_all
from scorekeeper.operations.health.check import CLOCK_RED, LATE, STALE, Check
from scorekeeper.operations.health.database import (
    check_database,
    compare_clocks,
    judge_learning,
    judge_track,
    read_offsets,
)
from scorekeeper.operations.health.home import check_disk, check_home, check_left_over
from scorekeeper.operations.health.inbox import check_inbox
from scorekeeper.operations.health.prices import (
    explain_prices,
    judge_prices,
    price_patience,
    read_patience,
    read_sealed,
    stale_symbols,
)

__all__ = [
    "CLOCK_RED",
    "LATE",
    "STALE",
    "Check",
    "check_all",
    "check_database",
    "check_disk",
    "check_home",
    "check_inbox",
    "check_left_over",
    "compare_clocks",
    "count_waiting",
    "explain_prices",
    "judge_learning",
    "judge_prices",
    "judge_track",
    "price_patience",
    "read_offsets",
    "read_patience",
    "read_sealed",
    "stale_symbols",
]

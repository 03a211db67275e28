"""The result of one check, and the limits from which a check warns or is red."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

State = Literal["ok", "warning", "red"]
UNFINISHED = timedelta(minutes=1)  # since the last write to a line without its end: a writer in pieces takes less
LATE = timedelta(minutes=10)  # two sweeps of the inbox, or ten tracks
STALE = timedelta(minutes=15)  # age of the newest price; a candle's default grace is five minutes
UNLEARNED = timedelta(hours=24)  # as long as agent_weights.json is valid
CLOCK_WARNING, CLOCK_RED = timedelta(seconds=2), timedelta(seconds=30)
DISK_WARNING, DISK_RED = 5 << 30, 1 << 30
FEWEST_INODES = 10_000
MOST_LOOKED_AT = 20_000
MOST_NAMED = 5


@dataclass(frozen=True)
class Check:
    """The result of one check: its name and state, what was found, and, unless the state is ok, what to do."""

    name: str
    state: State
    says: str
    do: str = ""

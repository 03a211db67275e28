"""What was learned as the file, its bytes, and the answer of the tracker and the command. Pure."""

from datetime import datetime
from typing import Any

import msgspec

from scorekeeper.learning.document import Learned, WeightsFile, build_file, render_file
from scorekeeper.learning.sentences import fees_sentence, verdict_sentence
from scorekeeper.learning.vote import is_stale


def weights_file(learned: Learned) -> WeightsFile:
    """The file, with the verdict and what it earns after fees in words."""
    return build_file(learned, f"{verdict_sentence(learned)} {fees_sentence(learned.fees)}")


def render_weights(learned: Learned) -> bytes:
    """The bytes of the file: the same for the same rows."""
    return render_file(weights_file(learned))


def tell_weights(learned: Learned, now: datetime) -> dict[str, Any]:
    """The file as a dictionary, and `stale`: whether it is too old to be used."""
    told: dict[str, Any] = msgspec.to_builtins(weights_file(learned))
    return told | {"stale": is_stale(learned, now)}

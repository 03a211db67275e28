"""The rules by which decisions are read: what words mean, and the scale of confidences. The settings give them.

A decision is stored with its rules. `verify` reads it by the same rules, whatever the settings say by then.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from scorekeeper.decisions.fields import finite
from scorekeeper.decisions.words import KNOWN, Meaning, clean_word

Scale = Literal["percent", "fraction"]
DEFAULT, SYSTEM = "default", "system"


class Reading(msgspec.Struct, frozen=True):
    """A set of rules.

    `known`: meaning by cleaned word. `scales`: scale of confidences by agent; DEFAULT for agents not named, SYSTEM for
    the decision's own. `all_percent`: whether no scale is another. `rules`: words and scales as JSON. `id`: the first 8
    bytes of the hash of `rules`, as Postgres' bigint.
    """

    id: int
    rules: str
    known: dict[str, Meaning]
    scales: dict[str, Scale]
    all_percent: bool

    def scale(self, agent: str | None) -> Scale:
        """The scale of an agent's confidences; None: the decision's own."""
        whose = SYSTEM if agent is None else agent if agent not in (DEFAULT, SYSTEM) else DEFAULT
        return self.scales.get(whose) or self.scales[DEFAULT]

    def confidence(self, name: str, value: object, agent: str | None = None) -> float:
        """A confidence as 0 to 100; `agent` None: the decision's own. Raises DecisionError if it is not on its scale.

        >>> make_reading({}, {"default": "fraction"}).confidence("confidence", 0.29)
        29.0
        """
        if self.all_percent or self.scale(agent) == "percent":
            if (type(value) is float or type(value) is int) and 0 <= value <= 100:
                return float(value)
            return finite(name, value, low=0, high=100)
        # As written, moved by two digits: 0.29 is 29, and not 28.999999999999996.
        return float(Decimal(repr(finite(name, value, low=0, high=1))) * 100)


def make_reading(words: Mapping[str, Meaning], scales: Mapping[str, Scale]) -> Reading:
    """The rules of the word lists and the settings. `words` override the lists; a scale not named is percent."""
    known = {**KNOWN, **{clean_word(word): meaning for word, meaning in words.items()}}
    return _reading(known, {DEFAULT: "percent", **scales})


def read_rules(rules: str) -> Reading:
    """The set of rules that `rules` (JSON) says."""
    said = msgspec.json.decode(rules, type=_Rules)
    return _reading({word: meaning for meaning, words in said.words.items() for word in words}, said.confidence_scale)


def read_scales(given: str) -> dict[str, Scale]:
    """The scales of CONFIDENCE_SCALE, by agent. Raises ValueError.

    >>> read_scales("fraction")
    {'default': 'fraction'}
    >>> read_scales('{"default": "percent", "NewsAgent": "fraction"}')
    {'default': 'percent', 'NewsAgent': 'fraction'}
    """
    scales: object = given.strip()
    if str(scales).startswith("{"):
        try:
            scales = json.loads(given)
        except ValueError:
            scales = None
    else:
        scales = {DEFAULT: scales}
    if not isinstance(scales, dict) or not all(one in get_args(Scale) for one in scales.values()):
        raise ValueError(
            'write percent, fraction, or JSON by agent, such as {"default": "percent", "NewsAgent": "fraction"}'
        )
    return scales


class _Rules(msgspec.Struct):
    words: dict[Meaning, list[str]]
    confidence_scale: dict[str, Scale]


def _reading(known: dict[str, Meaning], scales: dict[str, Scale]) -> Reading:
    words: dict[Meaning, list[str]] = {}
    for word, meaning in sorted(known.items()):
        words.setdefault(meaning, []).append(word)
    rules = msgspec.json.encode(_Rules(words, scales), order="sorted").decode()
    number = int.from_bytes(hashlib.sha256(rules.encode()).digest()[:8], "big", signed=True)
    return Reading(number, rules, known, scales, {*scales.values()} == {"percent"})


STANDARD = make_reading({}, {})

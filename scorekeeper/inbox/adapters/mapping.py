"""A mapping file (TOML): which of another system's fields is which of ours, for systems without an adapter."""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from scorekeeper.decisions.parse import FIELDS
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.adapters.base import Exit, Found, Lost, Part

_SECTIONS = {"decisions", "key", "fields", "constants", "words", "scale", "agents", "exit"}
_OF_AGENTS = {"from", "name", "signal", "confidence", "reason"}
_OF_EXIT = {"price", "time"}
_TEXT = {"symbol", "type", "action", "interval", "version", "trade_id", "closes"}


class MappingFile:
    """An Adapter by a mapping file. Raises ScorekeeperError for one that cannot be used, and says what is wrong in it.

    `text`: the file. A path such as `call.side` goes inwards, through lists by number. `decisions` says where they
    stand in a document: a list, or an object whose keys go to the field `key`. Without it each document is a decision.
    """

    name = "mapping"
    system = "mapping"
    dated_by_file = False

    def __init__(self, text: str) -> None:
        try:
            said = tomllib.loads(text)
        except tomllib.TOMLDecodeError as exc:
            raise ScorekeeperError(f"the mapping is no TOML: {exc}") from None
        if unknown := sorted(said.keys() - _SECTIONS):
            raise ScorekeeperError(f"the mapping has {unknown[0]!r}; there are {', '.join(sorted(_SECTIONS))}")
        self._fields = _paths(said, "fields", FIELDS)
        self._constants = _table(said, "constants")
        self._words = {name: _table(_table(said, "words"), name) for name in _table(said, "words")}
        self._scale = {name: _factor(name, one) for name, one in _table(said, "scale").items()}
        agents = dict(_table(said, "agents"))
        self._scale["agents"] = _factor("agents", agents.pop("scale", 1))
        self._agents = _paths({"agents": agents}, "agents", _OF_AGENTS)
        self._exit = _paths(said, "exit", _OF_EXIT)
        self._decisions, self._key = _path(said, "decisions"), said.get("key")
        named = {*self._fields, *self._constants, self._key}
        if "symbol" not in named or not named & {"type", "action"}:
            raise ScorekeeperError("the mapping says no symbol or no type: name them under [fields] or [constants]")
        if wrong := sorted({*self._constants, *self._words, *self._scale} - FIELDS - {"signal", "agents"}):
            raise ScorekeeperError(f"the mapping names {wrong[0]!r}, which is no field of a decision")

    def recognises(self, document: object) -> bool:
        """See Adapter. Who names a mapping says that it fits."""
        return isinstance(document, dict | list)

    def read(self, document: Any) -> Iterator[Part]:
        """See Adapter."""
        inner = document if self._decisions is None else _follow(document, self._decisions)
        if isinstance(inner, list):
            found = [(None, one) for one in inner]
        elif isinstance(inner, dict) and self._key:
            found = list(inner.items())
        else:
            found = [(None, inner)]
        for key, one in found:
            if not isinstance(one, dict):
                yield Lost("an entry that is no object", f"nothing stands at {self._decisions or 'its place'}")
                continue
            yield Found(self._read_fields(key, one), self._read_exit(one))

    def _read_fields(self, key: str | None, one: dict[str, Any]) -> dict[str, Any]:
        used = {path.split(".")[0] for path in (*self._fields.values(), *self._agents.values(), *self._exit.values())}
        decision = {name: value for name, value in one.items() if name not in used and name not in FIELDS}
        decision |= self._constants
        if self._key and key is not None:
            decision[self._key] = key
        for name, path in self._fields.items():
            if (value := _follow(one, path)) is not None:
                value = self._translate(name, value)
                is_code = name in _TEXT and isinstance(value, int) and not isinstance(value, bool)
                decision[name] = str(value) if is_code else value  # a ticker of digits, or an id
        if agents := self._read_agents(one):
            decision["agent_analyses"] = agents
        return decision

    def _read_agents(self, one: dict[str, Any]) -> dict[str, Any]:
        said = _follow(one, self._agents["from"]) if "from" in self._agents else None
        if isinstance(said, list):
            named = [(str(_follow(vote, self._agents.get("name", "name"))), vote) for vote in said]
        else:
            named = list(said.items()) if isinstance(said, dict) else []
        agents = {}
        for agent, vote in named:
            if not isinstance(vote, dict):
                agents[agent] = {"signal": self._translate("signal", vote)}
                continue
            parts = {part: self._agents.get(part, part) for part in ("signal", "confidence", "reason")}
            values = {part: _follow(vote, path) for part, path in parts.items()}
            agents[agent] = {
                part: self._translate("agents" if part == "confidence" else part, one)
                for part, one in values.items()
                if one is not None
            }
        return agents

    def _read_exit(self, one: dict[str, Any]) -> Exit | None:
        price, time = (_follow(one, self._exit[name]) if name in self._exit else None for name in ("price", "time"))
        return None if price is None or time is None else Exit(price, time)

    def _translate(self, name: str, value: object) -> object:
        """A value by the mapping's words and scale. A number is looked up as it is written."""
        words = self._words.get(name, {})
        if not isinstance(value, dict | list) and str(value) in words:
            return words[str(value)]
        if self._scale.get(name, 1) != 1 and isinstance(value, int | float) and not isinstance(value, bool):
            return float(Decimal(repr(value)) * self._scale[name])
        return value


def _table(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = said.get(name, {})
    if not isinstance(value, dict):
        raise ScorekeeperError(f"the mapping's {name} is no table: write it under [{name}]")
    return value


def _path(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ScorekeeperError(f"the mapping's {name} is no path such as call.side")
    return value


def _paths(said: Mapping[str, Any], section: str, known: set[str] | frozenset[str]) -> dict[str, str]:
    """The paths of a section by our names. Raises ScorekeeperError for a name that is none of ours."""
    table = _table(said, section)
    for name in table:
        if name not in known:
            raise ScorekeeperError(f"the mapping's [{section}] has {name!r}; it may have {', '.join(sorted(known))}")
        _path(table, name)
    return table


def _factor(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScorekeeperError(f"the mapping's [scale] {name} is no number")
    return Decimal(repr(value))


def _follow(value: object, path: str) -> Any:
    """What stands at a path; None if nothing does.

    >>> _follow({"calls": [{"side": "BUY"}]}, "calls.0.side")
    'BUY'
    """
    if isinstance(value, dict) and path in value:  # a name that holds a dot
        return value[path]
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value

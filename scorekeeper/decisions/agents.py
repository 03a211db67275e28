"""What a decision's agents said: a word each, and a confidence."""

from collections.abc import Mapping
from typing import Any

import msgspec

from scorekeeper.decisions.fields import Note, check_text, lenient
from scorekeeper.decisions.reading_rules import Reading
from scorekeeper.decisions.strict_json import DecisionError
from scorekeeper.decisions.words import DIRECTIONS, LONGEST_WORD, meaning_of

MOST_AGENTS = 200
# The fields that may hold an agent's word. The first one that is there counts.
WORD_FIELDS = ("signal", "action", "recommendation")
_NAMES = ("agent_analyses", "agent_contributions")
_SAID = {"signal", "confidence"}
_ABSTAINS = "NEUTRAL"
# What agents said with a short word and a number, and nothing else: the same few words and numbers come again and
# again. By the reading, the agent, its place, the word and the number. Emptied when it is full.
_said_before: dict[tuple[int, str, int, str, float], "AgentSignal"] = {}
_MOST_KEPT = 4_096
_SHORT = 60


class AgentSignal(msgspec.Struct, frozen=True, gc=False):
    """What one agent said. Its fields are the columns of the table agent_signal; see columns.py.

    `ordinal`: its place in the document, from 0. `direction`: +1, 0 or -1. `confidence`: 0 to 100, or None.
    `understood`: whether the word lists hold the word.
    """

    agent: str
    ordinal: int
    signal: str
    direction: int
    confidence: float | None
    extra: dict[str, Any] | None
    understood: bool | None = True


def read_agents(document: Mapping[str, Any], reading: Reading, notes: list[Note]) -> tuple[AgentSignal, ...]:
    """What the agents of a decision said, in the document's order. One that cannot be read is left out, with a note.

    Raises DecisionError for more than MOST_AGENTS.
    """
    name, other = _NAMES
    value = document.get(name)
    if value is None:
        name, value = other, document.get(other)
    elif document.get(other) not in (None, value):
        notes.append(Note(other, f"says something else than {name}: both are left out"))
        return ()
    if not value:
        return ()
    if not isinstance(value, dict):
        notes.append(Note(name, "not an object of agents: left out"))
        return ()
    if len(value) > MOST_AGENTS:
        raise DecisionError(name, f"{len(value)} agents; at most {MOST_AGENTS} are taken")
    found = []
    for ordinal, (agent, said) in enumerate(value.items()):
        key = _key_of(said, agent, ordinal, reading)
        if key is not None and (known := _said_before.get(key)) is not None:
            found.append(known)
            continue
        noted = len(notes)
        try:
            signal = _read_agent(name, ordinal, agent, said, reading, notes)
        except DecisionError as exc:
            notes.append(Note(exc.field or name, f"{exc.reason}: left out"))
            continue
        found.append(signal)
        if key is not None and len(notes) == noted:
            if len(_said_before) >= _MOST_KEPT:
                _said_before.clear()
            _said_before[key] = signal
    return tuple(found)


def _key_of(said: object, agent: str, ordinal: int, reading: Reading) -> tuple[int, str, int, str, float] | None:
    """What decides how an agent is read, if that is a word and a number; None: it says something else, or more."""
    if type(said) is not dict or len(said) != 2:
        return None
    word, number = said.get("signal"), said.get("confidence")
    if type(word) is not str or not (type(number) is int or type(number) is float):
        return None
    # 0 and -0 are equal, but not the same.
    return (reading.id, agent, ordinal, word, number) if number and len(word) + len(agent) <= _SHORT else None


def _read_agent(name: str, ordinal: int, agent: str, said: object, reading: Reading, notes: list[Note]) -> AgentSignal:
    if not agent.strip() or len(agent) > 200 or not agent.isprintable():
        _check_name(name, agent)
    if not isinstance(said, dict):
        if isinstance(said, list):
            raise DecisionError(_where(name, agent), "not an object with signal and confidence")
        said = {"signal": said}
    word = said.get("signal")
    if word is None:
        word = _other_word(name, agent, said, notes)
    if not isinstance(word, str):
        word = msgspec.json.encode(word).decode()  # a number, for instance: the setting WORDS may give it a meaning
    if len(word) > LONGEST_WORD:
        where = f"{_where(name, agent)}.signal"
        notes.append(Note(where, f"{len(word)} characters: the first {LONGEST_WORD} are kept"))
        word = word[:LONGEST_WORD] + "…"
    if not word.isprintable():
        check_text(f"{_where(name, agent)}.signal", word)
    meaning = meaning_of(word, reading.known)
    confidence = said.get("confidence")
    if type(confidence) is int and reading.all_percent and 0 <= confidence <= 100:
        confidence = float(confidence)  # the common case
    elif confidence is not None:
        confidence = lenient(notes, reading.confidence, f"{_where(name, agent)}.confidence", confidence, agent)
    return AgentSignal(
        agent=agent,
        ordinal=ordinal,
        signal=word,
        direction=DIRECTIONS[meaning] if meaning else 0,
        confidence=confidence,
        extra=None if said.keys() <= _SAID else {k: v for k, v in said.items() if k not in _SAID},
        understood=meaning is not None,
    )


def _where(name: str, agent: str) -> str:
    return f"{name}.{agent[:100]}"


def _check_name(name: str, agent: str) -> None:
    where = _where(name, agent)
    if not agent.strip() or len(agent) > 200:
        raise DecisionError(where, "an agent's name has 1 to 200 characters")
    check_text(where, agent)


def _other_word(name: str, agent: str, said: Mapping[str, Any], notes: list[Note]) -> object:
    """The word of an agent without `signal`: that of another field; without one the agent abstains."""
    for field in WORD_FIELDS:
        if (word := said.get(field)) is not None:
            return word
    if said and "signal" not in said:
        wanted = f"{', '.join(WORD_FIELDS[:-1])} or {WORD_FIELDS[-1]}"
        notes.append(Note(_where(name, agent), f"has no {wanted}: it abstains"))
    return _ABSTAINS

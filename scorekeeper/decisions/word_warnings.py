"""Sentences for the user about words in no list and suspicious confidences, and what to do about them."""

from collections.abc import Iterable, Mapping

from scorekeeper.phrases import counted, name_some
from scorekeeper.safe_text import escape_controls

SYSTEM = ""  # in place of an agent's name: the decision itself
MOST_NAMED = 10
LONGEST_SHOWN = 40
FEWEST_STATED = 20
ADD_WORDS = 'the setting WORDS gives words a meaning, such as {"MOON": "up"}'
SET_SCALE = (
    "if they are fractions, set CONFIDENCE_SCALE=fraction, or for some alone "
    'CONFIDENCE_SCALE={"AGENT": "fraction", "system": "fraction"}; what is stored stays as it is'
)


def tell_words(idle: Mapping[str, int], unread: Mapping[str, Mapping[str, int]], *, opened: int) -> list[str]:
    """Lines about an ingest: why it opened no trade, and which words are in no list.

    `opened`: how many decisions opened a trade. `idle`: the words of the others, with counts. `unread`: words in no
    list with counts, by agent or SYSTEM.
    """
    lines = tell_unread(unread)
    if idle and not opened:
        why = f"no trade opened: {_decisions(sum(idle.values()))} of words that open no trade"
        if idle == unread.get(SYSTEM):
            lines[0] = f"{why}, in no list: {_list(idle)}"
        else:
            lines.insert(0, f"{why}: {_list(idle)}")
    return lines


def tell_unread(unread: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for the decisions' words in no list and one for the agents' words; none if there are none.

    >>> tell_unread({"": {"MOON": 2}})
    ['2 decisions of words in no list, which open no trade: MOON (2)']
    """
    lines = []
    if system := unread.get(SYSTEM):
        lines.append(f"{_decisions(sum(system.values()))} of words in no list, which open no trade: {_list(system)}")
    said = {f"{_cut(agent)}: {_cut(word)}": n for agent, words in unread.items() if agent for word, n in words.items()}
    if said:
        lines.append(f"{counted(sum(said.values()), 'signal')} of words in no list, read as abstentions: {_list(said)}")
    return lines


def tell_small(who: Iterable[str]) -> str:
    """A line about agents (SYSTEM: the decisions) whose confidences never exceed 1; empty if there are none."""
    names = ["the decisions themselves" if one == SYSTEM else _cut(one) for one in who]
    named = name_some(names, MOST_NAMED)
    return f"confidences that never exceed 1 percent, over {FEWEST_STATED} and more: {named}" if names else ""


def _list(counts: Mapping[str, int]) -> str:
    most_first = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return name_some([f"{_cut(word)} ({n:,})" for word, n in most_first], MOST_NAMED)


def _cut(word: str) -> str:
    line = escape_controls(word[: 2 * LONGEST_SHOWN])
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"


def _decisions(n: int) -> str:
    return counted(n, "decision")

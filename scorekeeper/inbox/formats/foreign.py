"""Documents of other systems within a file of JSON: recognised by what they hold, and read by their adapters."""

import re

import msgspec

from scorekeeper.decisions.strict_json import DecisionError, load_json
from scorekeeper.inbox.adapters import recognise
from scorekeeper.inbox.adapters.base import Closing, Found, Lost
from scorekeeper.inbox.formats.base import Entry

NO_TIME_OF_DAY = "a decision of a day without a time: scorekeeper convert --from {name} --time 16:00 gives it one"
_DAY = re.compile(r"\s*\d{4}-\d{2}-\d{2}\s*")
OWN_EXITS = "trades that bring their own exits: scorekeeper import takes them, with the prices that they ended at"


def is_plain(text: bytes) -> bool:
    """Whether a text is no other system's: a decision names its symbol, and so does nofx, beside a word of its own."""
    return b'"symbol"' in text and b'"decision_json"' not in text


def read_foreign_text(text: bytes, number: int, end: int | None) -> list[Entry] | None:
    """What a line, or an element of an array, holds; None if it is of no other system, or does not parse."""
    if is_plain(text):
        return None
    try:
        document = load_json(text)
    except DecisionError:
        return None
    found = read_foreign(document, number, end)
    return found if found is None or end is None else [one._replace(number=number) for one in found]


def read_foreign(document: object, number: int, end: int | None) -> list[Entry] | None:
    """The decisions of another system's document, numbered from `number` on; None if no adapter recognises it.

    Only the last of them has the offset `end`: what is read is committed for all of them or for none.
    """
    if isinstance(document, dict) and "symbol" in document:
        return None
    adapter = recognise(document)
    if adapter is None:
        return None
    entries: list[Entry] = []
    for place, part in enumerate(adapter.read(document), number):
        match part:
            case Found({"timestamp": str(day)}, exit=None) if _DAY.fullmatch(day):
                # Midnight would let the bars before the decision count for its trade.
                says = f"{adapter.system}: {NO_TIME_OF_DAY.format(name=adapter.name)}"
                entries.append(Entry(place, None, msgspec.json.encode(part.decision), error=says))
            case Found(_, exit=None):
                text = msgspec.json.encode(part.decision)
                entries.append(Entry(place, None, text, part.decision, dated_by_file=adapter.dated_by_file))
            case Found() | Closing():
                return [Entry(number, end, b"{}", error=f"{adapter.system}: {OWN_EXITS}")]
            case Lost():
                why = f"{adapter.system}: {part.what}: {part.why}"
                entries.append(Entry(place, None, part.what.encode("utf-8", "replace"), skipped=why[:200]))
    if not entries:
        entries.append(Entry(number, None, b"{}", skipped=f"{adapter.system}: a document without a decision"))
    entries[-1] = entries[-1]._replace(end_offset=end)
    return entries

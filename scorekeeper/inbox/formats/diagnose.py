"""Why a file does not hold what its name says: the cause, once for the whole file, and what to do.

A parser only names the first character that it cannot take, for every line. The usual cause is a wrong name.
"""

import json
import re
from collections.abc import Callable

HEAD_BYTES = 64 << 10
MOST_LINES = 50
_ONE_A_LINE = "write one object a line: json.dumps(decision), without indent"
_BOM = "\ufeff"
_YAML = re.compile(r"(?:---\s*$|-?\s*[A-Za-z_][\w .-]*:(?:\s|$))")
_BARE_KEY = re.compile(r"[{,]\s*[A-Za-z_]\w*\s*:")
_SINGLE = re.compile(r"[\[{,:]\s*'|:\s*(?:True|False|None)\b")
_TRAILING = re.compile(r",\s*[}\]]")
_STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_FRAGMENT = re.compile(r'[{\[]|[}\]]+,?|"(?:[^"\\]|\\.)*"\s*:.*', re.DOTALL)
_COMMENT = re.compile(r"^\s*(?://|#|/\*)", re.MULTILINE)


def explain_file(head: bytes, *, lines: bool) -> str | None:
    """Why a file cannot be read whose first HEAD_BYTES are `head`; None if it can, or if the cause is not known.

    `lines`: whether it should hold one decision a line, or else one JSON document.

    >>> explain_file(b"symbol,type\\nBTC/USDT,BUY\\n", lines=True)
    'the file is CSV: name it .csv'
    """
    if encoding := _encoding(head):
        return f"the text is {encoding}: write UTF-8"
    try:
        words = head.decode()
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 4:  # the head may end within a character
            return None
        words = head[: exc.start].decode()
    words = words.removeprefix(_BOM).lstrip()
    some = [line.strip() for line in words.splitlines() if line.strip()][:MOST_LINES]
    if not some:
        return None
    if why := _pretty(words, some, lines):  # first, since a line of an array may be a complete object
        return why
    if lines and any(map(_is_object, some)):
        return None
    return next((why for look in _CAUSES if (why := look(words, some, lines))), None)


def explain_line(line: bytes) -> str | None:
    """Why a line is no JSON object, in a file whose other lines are; None if the cause is not known."""
    words = line[:HEAD_BYTES].decode("utf-8", "replace").strip()
    if not words:
        return None
    return next((why for look in (_fence, _fragment, _notation, _several) if (why := look(words, [words], True))), None)


def _encoding(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32"
    start = head[:400]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(start) > 3 and start.count(b"\0") * 3 > len(start)):
        return "UTF-16"
    return None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _markup(words: str, some: list[str], lines: bool) -> str | None:
    if words.startswith("<"):
        kind = "XML" if words.startswith("<?xml") else "HTML"
        return f"the file is {kind}, perhaps a server's error page: no decisions"
    return None


def _fence(words: str, some: list[str], lines: bool) -> str | None:
    if any(line.startswith(("```", "~~~")) for line in some):
        return "the JSON stands within a Markdown code fence (```): write what is inside it alone"
    return None


def _pretty(words: str, some: list[str], lines: bool) -> str | None:
    """One JSON value over many lines, in place of one a line."""
    if not lines or words[0] not in "{[":
        return None
    first = some[0]
    try:
        _, end = json.JSONDecoder().raw_decode(words)
        spread = "\n" in words[:end].rstrip()
    except (ValueError, RecursionError):
        whole = first[0] == "{" and first.rstrip(",").endswith("}")  # an object a line, wrong in another way
        spread = first in ("{", "[") or (len(some) > 1 and first[-1] in "{[," and not whole)
    if not spread:
        return None
    if words[0] == "[":
        return f"the file holds a JSON array over many lines: name it .json, or {_ONE_A_LINE}"
    return f"the file holds JSON objects over many lines each (pretty-printed): {_ONE_A_LINE}"


def _several(words: str, some: list[str], lines: bool) -> str | None:
    """Complete objects one after the other, in place of one."""
    if words[0] not in "{[":
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(words)
    except (ValueError, RecursionError):
        return None
    rest = words[end:].lstrip()
    if not isinstance(value, dict) or not rest:
        return None
    if rest.startswith("{"):
        what = "JSON objects without a line end between them" if lines else "more than one JSON object"
        return f"{what}: " + (_ONE_A_LINE if lines else "name the file .jsonl, one object a line, or make it an array")
    if rest.startswith(","):
        return "objects with commas between them: leave the commas out, one object a line" + (
            "" if lines else ", in a .jsonl; or make it an array"
        )
    return None


def _fragment(words: str, some: list[str], lines: bool) -> str | None:
    """One line of an object that is printed over many lines."""
    if _FRAGMENT.fullmatch(words):
        return f"a part of a JSON object that stands over many lines (pretty-printed): {_ONE_A_LINE}"
    return None


def _notation(words: str, some: list[str], lines: bool) -> str | None:
    """A notation like JSON: that of Python or JavaScript, or JSON with commas or comments too many."""
    if words[0] not in "{[":
        return None
    # The content of strings does not count, nor does what follows a string without an end.
    bare = _STRINGS.sub("0", words).partition('"')[0]
    if _SINGLE.search(bare):
        return "Python's own notation (single quotes, None, True) is no JSON: write json.dumps(decision)"
    if _TRAILING.search(bare):
        return "a comma stands before a closing bracket, which JSON does not take: leave it out"
    if _BARE_KEY.search(bare):
        return "names of fields stand without double quotes, as in JavaScript: write JSON"
    if _COMMENT.search(bare):
        return "comments are no part of JSON: leave them out"
    return None


def _csv(words: str, some: list[str], lines: bool) -> str | None:
    if words[0] in "{[" or len(some) < 2:
        return None
    for mark, name in ((",", "CSV"), (";", "CSV"), ("\t", "a table with tabs")):
        if some[0].count(mark) >= 1 and all(line.count(mark) >= some[0].count(mark) for line in some[1:5]):
            return f"the file is {name}: name it .csv"
    return None


def _yaml(words: str, some: list[str], lines: bool) -> str | None:
    if words[0] not in "{[" and _YAML.match(some[0]):
        return "the file is YAML: write JSON, one object a line in a .jsonl"
    return None


_CAUSES: tuple[Callable[[str, list[str], bool], str | None], ...] = (
    _markup, _fence, _several, _notation, _csv, _yaml,
)  # fmt: skip

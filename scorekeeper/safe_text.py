"""Text from decisions and files, made harmless where it is shown."""

import re

# As HTML entities: markdown and HTML show the character, and neither takes it for syntax.
_CHANGED = str.maketrans({c: f"&#{ord(c)};" for c in "<>&`*_[]()!|~#\\\"'"})
# What viewers make a link of by themselves, some of them after entities have been read: an address or a mail address.
_ADDRESS = re.compile(r"(?<=[a-z]):(?=//)|(?<=www)\.|(?<=[\w.+-])@(?=[\w-])", re.IGNORECASE)


def escape_controls(words: str) -> str:
    """One printable line: control, bidi and line-separating characters become escapes such as \\u202e."""
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def escape_markdown(words: str, longest: int = 200) -> str:
    """Inert in markdown, HTML and tables: one line, cut to `longest` characters, no address, no syntax."""
    line = escape_controls(words)
    line = escape_links(line if len(line) <= longest else line[: longest - 1] + "…")
    if line[:1] in ("=", "+", "-", "@") and not _is_number(line):
        line = "'" + line  # a spreadsheet would take it for a formula
    return line.translate(_CHANGED)


def escape_links(words: str) -> str:
    """One printable line in which addresses are broken, as in https[:]//: no viewer makes a link of them."""
    return _ADDRESS.sub(r"[\g<0>]", escape_controls(words))


def _is_number(line: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9.]+", line) is not None

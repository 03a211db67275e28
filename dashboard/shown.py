"""How figures, times and text from decisions look on a page: the templates' filters and globals, all pure."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from scorekeeper.safe_text import escape_controls

MINUS = "\u2212"  # a true minus is as wide as a plus, so that columns of figures line up
NO_VALUE = "n/a"


def number(value: float | int | None, digits: int = 2) -> str:
    """A figure with thousands separated: 1,234.50; what is undefined is n/a, never 0."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NO_VALUE
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    words = f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"
    if words.startswith("-"):
        words = words[1:] if float(words.replace(",", "")) == 0 else MINUS + words[1:]
    return words


def signed(value: float | None, digits: int = 2) -> str:
    """A gain or a loss with its sign: +1.20, −0.30, 0.00."""
    words = number(value, digits)
    return f"+{words}" if value is not None and value > 0 and words.strip("0.,") else words


def price(value: float | None) -> str:
    """A price in as many digits as it needs: 96,512.1 and 0.00001234."""
    if value is None:
        return NO_VALUE
    if not math.isfinite(value) or value == 0:
        return number(value)
    digits = max(2, 5 - math.floor(math.log10(abs(value))) - 1) if abs(value) < 10_000 else 2
    whole, dot, rest = f"{value:,.{min(digits, 12)}f}".partition(".")
    return f"{whole}{dot}{rest.rstrip('0').ljust(2, '0')}".replace("-", MINUS)


def tone(value: float | None, digits: int = 12) -> str:
    """The class of a gain or a loss, as so many digits show it. Colour is never alone: the sign stands beside it."""
    if value is None or math.isnan(value) or (math.isfinite(value) and round(value, digits) == 0):
        return "flat"
    return "gain" if value > 0 else "loss"


def iso(moment: datetime) -> str:
    """A time for machines: 2025-05-01T12:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def plain(value: object) -> Any:
    """A value as JSON knows it: times in ISO 8601 and UTC, what is not finite is null, as in metrics --json."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def when(moment: datetime | None, form: str = "minute") -> Markup | str:
    """A time element that reads as UTC; `form`: minute, second, day. The page's script shows local times if asked."""
    if moment is None:
        return NO_VALUE
    forms = {"minute": "%Y-%m-%d %H:%M", "second": "%Y-%m-%d %H:%M:%S", "day": "%Y-%m-%d"}
    words = moment.astimezone(UTC).strftime(forms[form])
    zone = "" if form == "day" else " UTC"
    return Markup('<time datetime="{}" data-form="{}">{}{}</time>').format(iso(moment), form, words, zone)


def moment(words: str | datetime | None, form: str = "minute") -> Markup | str:
    """A time that JSON holds as ISO 8601, shown as `when` does."""
    return when(datetime.fromisoformat(words) if isinstance(words, str) else words, form)


def duration(span: timedelta | float | None) -> str:
    """How long, in its two largest units: 2 d 3 h, 5 min, 12 s; `span`: a timedelta or seconds."""
    if span is None:
        return NO_VALUE
    seconds = round(span.total_seconds() if isinstance(span, timedelta) else span)
    sign, seconds = (MINUS if seconds < 0 else ""), abs(seconds)
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return sign + " ".join(parts[:2])


def said(words: Any, longest: int = 240) -> Markup:
    """Text from decisions: one inert line in its own direction, controls escaped, long text cut with "show all"."""
    line = escape_controls(str(words))
    if len(line) <= longest:
        return Markup("<bdi>{}</bdi>").format(line)
    return Markup(
        '<details class="cut"><summary><bdi>{}…</bdi> <span class="more">show all</span></summary>'
        "<bdi>{}</bdi></details>"
    ).format(line[:longest], line[longest:])


def brief(words: str, longest: int = 24) -> str:
    """Text from decisions on a label: one inert line, cut."""
    line = escape_controls(words)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its word: 1 trade, 1,204 trades."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


FILTERS = {
    "number": number, "signed": signed, "price": price, "tone": tone, "when": when, "duration": duration,
    "moment": moment, "said": said, "brief": brief, "iso": iso, "count": count,
}  # fmt: skip

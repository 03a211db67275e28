"""The rating in a text of prose: the word after a label, at its beginning, or the only one there is."""

import re
import unicodedata
from collections.abc import Iterator

from scorekeeper.decisions.words import DIRECTIONS, meaning_of

# The five tiers with their like, and what forks in Chinese write for them.
RATINGS = (
    "strong buy", "strong sell", "buy", "overweight", "hold", "underweight", "sell", "neutral", "accumulate", "reduce",
    "outperform", "underperform",
    "强烈买入", "强烈卖出", "买入", "买进", "增持", "持有", "减持", "卖出", "观望", "買入", "賣出", "減持",
)  # fmt: skip
LONGEST_PROSE = 200_000
_WORD = "|".join(word.replace(" ", r"[\s_-]+") for word in sorted(RATINGS, key=len, reverse=True))
_SAID = rf"(?P<word>{_WORD}|review)(?![A-Za-z])"
_BETWEEN = r"[\s*_`]*[:：—–-][\s*_`\"“「【]*"
_PLAIN_LABELS = (
    r"recommendation|(?:trade\s+)?decision|verdict|action|stance"
    r"|最终交易建议|最終交易建議|最终决策|投资建议|投資建議|建议|建議|决策"
)
# In the order in which they count: "**1. Rating**: Buy"; "FINAL TRANSACTION PROPOSAL: **BUY**"; a line that begins with
# "### My Recommendation: SELL (Strategically)"; "the definitive recommendation is to Buy", "we are taking a **Buy**".
_LABELLED = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"(?:\brating(?:\s+after\s+claim\s+check)?|评级|評級){_BETWEEN}{_SAID}",
        rf"\bfinal\s+transaction\s+proposal{_BETWEEN}{_SAID}",
        rf"^[\W\d_]*(?:(?:my|our|final|overall|refined)\s+)*(?:{_PLAIN_LABELS}){_BETWEEN}{_SAID}",
        rf"(?:(?:{_PLAIN_LABELS})[\s*_`]*(?:[:：]|\bis\b)|\bwe\s+are\s+taking)[\s*_`\"“]*(?:to\s+|an?\s+)?[\s*_`]*{_SAID}",
    )
)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_SCALE = re.compile(r"(?:rating|recommendation)s?\s*(?:scale|options|legend)", re.IGNORECASE)
_ANY = re.compile(rf"(?<![A-Za-z])(?P<word>{_WORD})(?![A-Za-z]|[-‐‑–][A-Za-z])", re.IGNORECASE)
_LEADING = re.compile(rf"[\s#*_>`]*(?P<word>{_WORD})(?![A-Za-z])\s*(?:[.:;,!*(/—–]|$)", re.IGNORECASE | re.MULTILINE)

# "BUY/HOLD/SELL" is a choice, as a prompt offers it, and "Buy → Hold" a change.
_CHOICE = re.compile(
    rf"[\s*_`\"”\])]*(?:[/|→]|[-=]>|\b(?:or|to)\b)[\s*_`\"“\[(]*(?P<word>{_WORD})(?![A-Za-z])", re.IGNORECASE
)
# Before a label, or a word: the rating is an older one, or that of others.
_OTHERS = (
    r"\b(?:prior|previous|former|earlier|original|old|last|consensus|analysts?|street|bull|bear|bullish|bearish"
    r"|aggressive|conservative|neutral|risky|safe)\b"
)
_LABEL_OF_OTHERS = re.compile(rf"{_OTHERS}(?:['’]s?)?[\s*_`]*(?:\w+[\s*_`]+)?$", re.IGNORECASE)
_DENIED = re.compile(
    rf"(?:\b(?:not|no|never|cannot|without|avoid|avoiding|against|neither|nor|than|instead|from|bulls|bears)\b|n['’]t\b"
    rf"|不|勿|避免|没有|沒有|{_OTHERS})",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?;。！？；\n]")
_MARKS = "*_`\"“「'‘#>|:：[("


def find_rating(prose: object) -> str | None:
    """The rating that a text gives; None if it gives none, or several of which none is marked as its own.

    The last of the labelled ones counts, since a text weighs the alternatives first; a label of REVIEW means none. Else
    the word that the text begins with counts; else the one rating in it that is written as one, if there is only one. A
    word is never chosen among several. An older rating, one of others, and prose that rejects a Buy are no rating.

    >>> find_rating("**Rating**: Overweight. A Sell would be wrong."), find_rating("UNDERWEIGHT. Sell half.")
    ('OVERWEIGHT', 'UNDERWEIGHT')
    >>> find_rating("The bulls say buy, the bears say sell."), find_rating("Do not Buy before the sell-off ends.")
    (None, None)
    """
    text = _normalise(prose)
    for word in _find_labels(text):
        return None if word.lower() == "review" else _spell(word)
    leading = _LEADING.match(text)
    if leading and not _is_choice(text, leading):
        return _spell(leading["word"])
    marked = [found for found in _ANY.finditer(text) if _is_marked(text, found)]
    named = {_spell(found["word"]) for found in marked}
    return named.pop() if len(named) == 1 and not any(_is_choice(text, found) for found in marked) else None


def find_labelled(prose: object) -> str | None:
    """The rating that stands behind a label; None if there is none.

    >>> find_labelled("FINAL TRANSACTION PROPOSAL: **HOLD**"), find_labelled("HOLD is best")
    ('HOLD', None)
    """
    word = next(_find_labels(_normalise(prose)), None)
    return None if word is None or word.lower() == "review" else _spell(word)


def _normalise(prose: object) -> str:
    """The text with letters of full width as plain ones, without a model's thoughts and lines that present a scale."""
    text = unicodedata.normalize("NFKC", prose[:LONGEST_PROSE]) if isinstance(prose, str) else ""
    text = _THOUGHT.sub("", text)
    return "\n".join(line for line in text.splitlines() if not _SCALE.search(line))


def _find_labels(text: str) -> Iterator[str]:
    """The last labelled word of each kind of label, in the order in which the kinds count.

    Of the last kind, words within a sentence, only one that does not contradict another.
    """
    for kind in _LABELLED:
        words = [found["word"] for found in kind.finditer(text) if _is_own(text, found)]
        if words and (kind is not _LABELLED[-1] or len({word.lower() for word in words}) == 1):
            yield words[-1]


def _is_own(text: str, label: re.Match[str]) -> bool:
    """Whether a labelled word is the text's own rating: neither another's nor one of a choice."""
    return not _is_choice(text, label) and not _LABEL_OF_OTHERS.search(_sentence_before(text, label.start()))


def _is_choice(text: str, found: re.Match[str]) -> bool:
    """Whether a word of another direction stands beside a word: SELL/UNDERWEIGHT is one rating, SELL/HOLD is none."""
    other = _CHOICE.match(text, found.end("word"))
    return other is not None and _direction(other["word"]) != _direction(found["word"])


def _is_marked(text: str, found: re.Match[str]) -> bool:
    """Whether a word is written as a rating is, and not as a verb, and the sentence does not deny it."""
    word, before = found["word"], _sentence_before(text, found.start())
    if _DENIED.search(before):
        return False
    begun = before.strip(_MARKS + " \t-")
    alone = not begun and not text[found.end() :].partition("\n")[0].strip(_MARKS + " \t.])")
    return not word.isascii() or word.isupper() or alone or before[-1:] in tuple("*_`\"“「'‘") or (
        word[0].isupper() and bool(begun)
    )


def _sentence_before(text: str, place: int) -> str:
    return _SENTENCE_END.split(text[max(0, place - 200) : place])[-1]


def _direction(word: str) -> int:
    return DIRECTIONS[meaning_of(_spell(word)) or "neutral"]


def _spell(word: str) -> str:
    return re.sub(r"[\s_-]+", "_", word.strip().upper()) if word.isascii() else word

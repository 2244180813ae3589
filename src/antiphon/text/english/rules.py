"""What the rules of every kind share: their form, numbers as written, the variety, and what stands around."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from antiphon.text.english import tables
from antiphon.text.numerals import cardinal, decimal, ordinal, year

Match = re.Match[str]
Rule = tuple[re.Pattern[str], Callable[[Match], str]]

NUM = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}|[0-9]+)(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)"
LEFT = r"(?<![\w.,])"

# Words that may follow a quantity, and are no noun that it describes.
NO_NOUNS = frozenset(
    "a about after an and are as at be before been both but by can could down each ever every for from had has have he "
    "i if in into is it its less more no not of off on onto or out over per she since so than that the then there they "
    "this through to too under until up upon was we were when where which while who will with would you".split()
)
_ARTICLE = re.compile(r"(?:^|[^\w'])(?:an?|another)[ -](?:[a-z]+-[a-z]+, )?(?:[0-9.,]+(?: [a-z]+)? to )?$", re.I)
_THE = re.compile(r"(?:^|[^\w'])(?:the|this|that|his|her|my|our|their|your|its|each|every)[ -]$", re.I)
_NO_SINGULAR = frozenset(
    "between within remaining left total weighs costs long wide deep tall high worth apart away".split()
)
# A capital begins a sentence, unless it is a quarter of a town ("3rd St. NW").
_NEW_SENTENCE = re.compile(r"\s*$|\s+(?![NS][EW]?\b|[EW]\b)[^\W\d_a-z]")
_IN_COMPOUND = re.compile(r"-(?:an?|per)-[a-z]")
_THINGS = re.compile(rf"[ -](?:[a-z]+(?:ed|ing|ic|al|ary) )?(?:{tables.MEASURED_THINGS})s?\b")
_NOUN = re.compile(r"[ -]([a-z]+)(?:-[a-z]+)*\b")


def rule(pattern: str, words: Callable[[Match], str], flags: int = 0) -> Rule:
    """A pattern, and the words that take the place of what it finds."""
    return re.compile(pattern, flags), words


def put(words: str) -> Callable[[Match], str]:
    """The same words whatever was found."""
    return lambda _: words


def alternatives(written: Iterable[str]) -> str:
    """A pattern for any of `written`, longest first."""
    return "|".join(sorted(map(re.escape, written), key=len, reverse=True))


class Variety:
    """American or British English."""

    def __init__(self, *, british: bool) -> None:
        self.british = british

    def number(self, text: str) -> str:
        """A whole or decimal number as written."""
        return decimal(text, british=self.british)

    def cardinal(self, number: int) -> str:
        return cardinal(number, british=self.british)

    def ordinal(self, number: int) -> str:
        return ordinal(number, british=self.british)

    def year(self, number: int) -> str:
        return year(number, british=self.british)


def describes(found: Match) -> bool:
    """Whether a quantity stands between an article and a noun: "a $5 bill" is a five dollar bill."""
    before = found.string[max(0, found.start() - 40) : found.start()]
    if _IN_COMPOUND.match(found.string, found.end()):
        return True
    noun = _NOUN.match(found.string, found.end())
    if not noun or noun[1] in NO_NOUNS:
        return False
    if _ARTICLE.search(before):
        return True
    plural = noun[1].endswith("s") and not noun[1].endswith(("us", "ss", "is"))
    singular = not plural and not noun[1].endswith("ed") and noun[1] not in _NO_SINGULAR
    return bool(_THE.search(before)) and singular


def sizes(found: Match) -> bool:
    """Whether a measure says how large the thing after it is: a 5 kg bag, two 12 V batteries."""
    return bool(_THINGS.match(found.string, found.end()))


def stop(found: Match) -> str:
    """The dot of an abbreviation that also ends the sentence."""
    return "." if _NEW_SENTENCE.match(found.string, found.end()) else ""


def count(number: int, one: str, many: str = "") -> str:
    """1, "second" -> "one second"."""
    return f"{cardinal(number)} {one if number == 1 else many or one + 's'}"


def quoted(found: Match) -> bool:
    """Whether a quotation is open where `found` begins, so that its `"` may close it."""
    before = found.string[max(0, found.start() - 400) : found.start()].rpartition("\n\n")[2]
    return len(re.findall(r'(?<![0-9])"|"(?=\w)', before)) % 2 == 1

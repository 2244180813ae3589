"""Roman numerals: rulers, chapters, wars, years. Never a lone "I" that may be the speaker."""

from __future__ import annotations

import re

from antiphon.text.english import tables
from antiphon.text.english.rules import Match, Rule, Variety, rule
from antiphon.text.numerals import cardinal, ordinal, roman

_RANKS = re.compile(r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Saint|Sultan|Shah)(?: [A-Z][a-z]+)? $")


def rules(english: Variety) -> tuple[Rule, ...]:
    def of_year(found: Match) -> str:
        number = roman(found[1])
        return english.year(number) if number is not None and 1000 <= number < 2100 else found[0]

    return (
        rule(r"(?<![\w.])(MC?[DMCLXVI]{2,14})(?!\w)", of_year),
        rule(r"(?<![\w.])([IVX]{1,6})(?:th|st|nd|rd)? (?=[Cc]entur(?:y|ies)\b)", _century),
        rule(r"\b([^\W\d_]+) ([IVXLC]+)\b(?!['-](?!s\b)\w|\.\w)", _numbered),
        rule(
            rf"\b({'|'.join(sorted(tables.NUMBERED_THINGS))}|"
            rf"{'|'.join(sorted(one.capitalize() for one in tables.NUMBERED_THINGS))}) "
            rf"([ivxl]{{1,6}})\b(?!['-]\w)",
            _small,
        ),
        rule(
            r"(?<=[a-z] )\(([ivx]{1,5})\)", lambda m: f"({cardinal(value)})" if (value := roman(m[1].upper())) else m[0]
        ),
    )


def _century(found: Match) -> str:
    number = roman(found[1])
    return f"{ordinal(number)} " if number else found[0]


def _small(found: Match) -> str:
    number = roman(found[2].upper())
    return f"{found[1]} {cardinal(number)}" if number else found[0]


def _numbered(found: Match) -> str:
    name, number = found[1], roman(found[2])
    if number is None:
        return found[0]
    if name.lower() in tables.NUMBERED_THINGS:
        return f"{name} {cardinal(number)}"
    ranked = _RANKS.search(found.string[max(0, found.start() - 32) : found.start()])
    if (name in tables.RULERS and (len(found[2]) > 1 or found[2] in "VX")) or (ranked and name[0].isupper()):
        return f"{name} the {ordinal(number)}"
    proper = name[0].isupper() and name[1:].islower() and name.lower() not in tables.NO_NAMES
    if proper and len(found[2]) > 1 and not set(found[2]) - set("IVX"):
        return f"{name} {cardinal(number)}"
    return found[0]

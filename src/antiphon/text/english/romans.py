"""Roman numerals: rulers, chapters, wars, years. Never a lone "I" that may be the speaker."""

from __future__ import annotations

import re

from antiphon.text.english import tables
from antiphon.text.english.rules import Match, Rule, Variety, rule
from antiphon.text.numerals import cardinal, ordinal, roman

_REIGNED = (
    "was|is|of|died|reigned|ruled|became|and|who|made|took|built|came|sent|signed|granted|succeeded|married|founded"
)
_RANKS = re.compile(r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Saint|Sultan|Shah)(?: [A-Z][a-z]+)? $")


def rules(english: Variety) -> tuple[Rule, ...]:
    def of_year(found: Match) -> str:
        number = roman(found[1])
        return english.year(number) if number is not None and 1000 <= number < 2100 else found[0]

    return (
        rule(r"(?<![\w.])(MC?[DMCLXVI]{2,14})(?!\w)", of_year),
        rule(r"(?<![\w.])([IVX]{1,6})(?:th|st|nd|rd)? (?=[Cc]entur(?:y|ies)\b)", _century),
        rule(
            r"(?<![\w.])([IVX]{2,6}) (?=Olympi|Summer Olympi|Winter Olympi|Corps\b|Congress\b|Summit\b|Legion\b)",
            _century,
        ),
        rule(
            rf"\b((?i:{'|'.join(sorted(tables.NUMBERED_THINGS))})e?s) ([IVXL]+(?:, [IVXL]+)*)(,? and | to |-|, "
            rf"or | or | & )([IVXL]+)\b",
            _several,
        ),
        rule(
            r"\b([Pp]ages?|[Cc]hapters?|[Bb]ooks?|[Vv]olumes?|[Ss]cenes?) ([ivxl]{1,7})(-| and | to )([ivxl]{1,7})\b",
            _small_span,
        ),
        rule(r"(?<![\w.])(I(?:, [IVX]+)*)(,? and |,? or )([IVX]{2,5})\b(?!')", _several_alone),
        rule(
            rf"\b({'|'.join(sorted(tables.RULERS))}) I(?=$|[.,;:)!?]|'s| (?:{_REIGNED})\b)",
            lambda m: f"{m[1]} the first",
        ),
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


def _several(found: Match) -> str:
    first, last = [roman(one) for one in found[2].split(", ")], roman(found[4])
    if last is None or None in first:
        return found[0]
    joined = " to " if found[3] == "-" else found[3]
    return f"{found[1]} {', '.join(cardinal(one or 0) for one in first)}{joined}{cardinal(last)}"


def _small_span(found: Match) -> str:
    first, last = roman(found[2].upper()), roman(found[4].upper())
    if not (first and last):
        return found[0]
    joined = " to " if found[3] == "-" else found[3]
    return f"{found[1]} {cardinal(first)}{joined}{cardinal(last)}"


def _several_alone(found: Match) -> str:
    first, last = [roman(one) for one in found[1].split(", ")], roman(found[3])
    if last is None or None in first or last > 12:
        return found[0]
    return f"{', '.join(cardinal(one or 0) for one in first)}{found[2]}{cardinal(last)}"


def _century(found: Match) -> str:
    number = roman(found[1])
    return f"{ordinal(number)} " if number else found[0]


def _small(found: Match) -> str:
    number = roman(found[2].upper())
    return f"{found[1]} {cardinal(number)}" if number else found[0]


def _numbered(found: Match) -> str:
    name, number = found[1], roman(found[2])
    if number is None or found[2] in {"C", "D", "L", "M"}:
        return found[0]
    if found[2] == "I" and name.islower() and re.match(r" [a-z]", found.string[found.end() : found.end() + 2]):
        return found[0]  # "the chapter I wrote"
    if name.lower() in tables.NUMBERED_THINGS:
        return f"{name} {cardinal(number)}"
    ranked = _RANKS.search(found.string[max(0, found.start() - 32) : found.start()])
    if (name in tables.RULERS and (len(found[2]) > 1 or found[2] in "VX")) or (ranked and name[0].isupper()):
        return f"{name} the {ordinal(number)}"
    proper = name[0].isupper() and name[1:].islower() and name.lower() not in tables.NO_NAMES
    if proper and len(found[2]) > 1 and not set(found[2]) - set("IVX"):
        return f"{name} {cardinal(number)}"
    return found[0]

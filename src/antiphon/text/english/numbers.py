"""Spans, scores, signs, percentages, ordinals, and every number that is left."""

from __future__ import annotations

import re

from antiphon.text.english.measures import UNIT
from antiphon.text.english.rules import LEFT, NUM, Match, Rule, Variety, put, rule
from antiphon.text.numerals import cardinal, digits, ordinal

_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion", "bn": "billion", "mn": "million"}
_PLURAL = re.compile(r"(?:-[a-z]+)? ([a-z]{3,}s|people|men|women|children|feet|sheep|fish|[a-z]{3,} [a-z]{3,}s)\b")
_SINGULAR_S = frozenset("was has this is as his its us thus plus perhaps across always less".split())


def spans(english: Variety) -> tuple[Rule, ...]:
    """Before bare numbers: what joins two of them, and what stands before one."""
    return (
        rule(
            r"(?<![\w/.,])([0-9]{1,3})/([0-9]{1,4})(?:st|nd|rd|th)(s?)\b",
            lambda m: f"{cardinal(int(m[1]))} {ordinal(int(m[2]))}{'s' if m[3] or m[1] != '1' else ''}",
        ),
        rule(r"\bA-([ZF])(?![\w-])(?! converter)", lambda m: f"A to {m[1]}"),
        rule(
            r"(?<![\w-])([A-F]|AB|O)-(?=$|[.,;:!?)]| (?:in|on|for|from|is|was|blood|grade|student|average|donor|"
            r"patient)\b)",
            lambda m: f"{m[1]} minus",
        ),
        rule(r"\bNo (?=[0-9]{1,3}\b(?! [a-z]+s\b| people| one\b|[.,][0-9]))", put("number ")),
        rule(r"(?<=[a-z] )([0-9]{1,2}) - ([0-9]{1,2})(?= [A-Z])", lambda m: f"{m[1]} to {m[2]}"),
        rule(r"(?<![\w-])(50-50|24-7|20-20|60-40|80-20|10-4)(?![\w-])", lambda m: re.sub("[-x]", " ", m[1])),
        rule(r"(?<![\w)\].,-])-(?=\.?[0-9])", put("minus ")),
        rule(
            r"(?<![\w.,:/+-])(?<![0-9] )([1-9][0-9]{0,2}(?:(?: [0-9]{3}){2,5}| 000))(?![\w]| [0-9]|[.,][0-9])",
            lambda m: english.number(m[1].replace(" ", "")),
        ),
        rule(r"(?<![\w:.,])([0-9]{1,4}):([0-9]{1,3}(?:,[0-9]{3})+)(?![\w:]|[.,][0-9])", lambda m: f"{m[1]} to {m[2]}"),
        rule(r"(?<![\w:.,])([0-9]{1,4}):([0-9]{1,4})(?![\w:]|[.,][0-9])", lambda m: f"{m[1]} to {m[2]}"),
        rule(
            rf"{LEFT}({NUM}%?) ?(?:-|\.\.\.?) ?({NUM})(?=[ ]?(?:%|(?:{UNIT})\b|[.,;:!?()\s\"']|$|"
            rf"[-]?[a-z]))(?<![0-9] - [0-9])",
            _span,
        ),
        rule(
            rf"{LEFT}([0-9]{{1,3}}(?:,[0-9]{{3}})*|[0-9]{{1,15}})(?:st|nd|rd|th|ST|ND|RD|TH|º|ª)(?!\w)",
            lambda m: english.ordinal(int(m[1].replace(",", ""))),
        ),
        rule(r"\b([A-Z])([0-9]{1,2}) ?- ?\1([0-9]{1,2})\b", lambda m: f"{m[1]} {m[2]} to {m[1]} {m[3]}"),
        rule(
            rf"{LEFT}(?<![A-Za-z0-9]-)(?![48]K|[0-9]+[kK] (?:run|race|fun|walk|video|monitor|TV|display|screen|"
            rf"resolution))({NUM})([kK]|bn|mn|M)\b(?!-)",
            lambda m: f"{english.number(m[1])} {_SCALES[m[2]]}",
        ),
        rule(r"(?<![\w.,-])([1-9][0-9])ers\b", lambda m: f"{cardinal(int(m[1])).removesuffix('e')}ers"),
        rule(rf"{LEFT}({NUM})B\b(?= [a-z])", lambda m: f"{english.number(m[1])} billion"),
    )


def numbers(english: Variety) -> tuple[Rule, ...]:
    """Signs beside numbers, then the numbers themselves: after this no digit is left."""
    spaced = r"(?<=[^\W\d_])(?=[0-9])|(?<=[0-9])(?=[^\W\d_])"

    def bare_year(found: Match) -> str:
        number = int(found[1])
        return f" {english.year(number) if _reads_as_year(found, number) else english.number(found[1])} "

    return (
        rule(r"(?<=[0-9]) ?%", put(" percent")),
        rule(r"(?<=[0-9]) ?‰", put(" per mille")),
        rule(rf"(?<=[0-9]) - (?={NUM})", put(" minus ")),
        rule(r"(?<![\w)\].,-])-(?=\.?[0-9])", put("minus ")),
        rule(r"(?<=[^\W\d_])-(?=[0-9])|(?<=[0-9])-(?=\w)", put(" ")),
        rule(r"(?<![0-9.,])([12][0-9]{3})(?![0-9]|[.,][0-9])", bare_year),
        rule(spaced, put(" ")),
        rule(r"(?<![0-9])\.([0-9]+)", lambda m: f" point {digits(m[1])}"),
        rule(rf"({NUM})('s\b)?", lambda m: f" {english.number(m[1])}{m[2] or ''} "),
    )


def _span(found: Match) -> str:
    if " - " in found[0]:  # with spaces it is a subtraction
        return found[0]
    return f"{found[1]} to {found[2]}"


def _reads_as_year(found: Match, number: int) -> bool:
    """1100 to 2099 are years, unless they count what follows them."""
    if not 1100 <= number < 2100:
        return False
    following = _PLURAL.match(found.string, found.end())
    counted = following is not None and following[1].split()[0] not in _SINGULAR_S
    return not counted or (number % 100 == 0 and number < 2000)

"""Numbers with units: metric, imperial, primes, compass, temperatures, sizes, fractions of a unit."""

from __future__ import annotations

import re

from antiphon.text.english import units
from antiphon.text.english.codes import spoken_pairs
from antiphon.text.english.rules import (
    LEFT,
    NO_NOUNS,
    NUM,
    Match,
    Rule,
    Variety,
    alternatives,
    count,
    describes,
    put,
    quoted,
    rule,
)
from antiphon.text.numerals import cardinal, ordinal, plural

UNIT = alternatives(sign for sign in units.UNITS if sign not in units.DOUBTFUL)
_ANY_UNIT = alternatives(units.UNITS)
_POINTS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_EXTENTS = frozenset("wide long tall deep thick high across apart away below above".split())
_OPEN_QUOTE = re.compile(r"(?<!\w)'")
_THING = re.compile(r" ([a-z]{3,})\b")
_PAIRS = ((24, 7), (9, 11), (50, 50), (20, 20), (80, 20), (60, 40), (70, 30), (90, 10))
_NOT_AFTER = r"(?![\w²³/°^]|'\w)"
_AFTER_SCORE = re.compile(
    r"(?:\b(?:rated?|scored?|scores|got|gave|give|gets?|rating|score)\b(?: (?:it|of|a|an|this|the))*) $", re.I
)


def rules(english: Variety) -> tuple[Rule, ...]:
    grammar = _Measures(english)
    return (
        rule(
            r"\b((?:two|three|four|five|six|seven|eight|nine|ten|all|some|several|many|of|those|these|few|double|the) )"
            r"([0-9])s\b(?! \w*(?:time|delay|pause|interval))",
            lambda m: f"{m[1]}{plural(cardinal(int(m[2])))}",
            re.I,
        ),
        rule(rf"(?<=[0-9])([%°]) ?- ?(?={NUM} ?\1)", lambda m: f"{m[1]} to "),
        rule(r"(?<![\w)\].,-])-(?=\.?[0-9])", put("minus ")),
        *_primes(english, grammar),
        *_sizes(english),
        *_inches(english, grammar),
        *_quantities(english, grammar),
    )


def _primes(english: Variety, grammar: _Measures) -> tuple[Rule, ...]:
    long = f"{units.LENGTH_WORDS}|[a-z]+ (?:ceiling|fence|ladder|boat)"
    return (
        rule(r"\b[Nn][º°]\.? ?(?=[0-9])", put("number ")),
        rule(
            r"(?<![\w.])([0-9]{1,3})° ?([0-9]{1,2})'(?: ?([0-9]{1,2}(?:\.[0-9]+)?)\")?(?: ?([NSEW])\b)?", grammar.angle
        ),
        rule(r"(?<![\w/.])([0-9]{1,2})' ?([0-9]{1,2}(?:\.[0-9]+)?)\"", grammar.feet),
        rule(r"(?<![\w/.])([3-8])'([0-9]{1,2})(?![\w'\"]|[.,][0-9])", grammar.feet),
        rule(rf"{LEFT}({NUM}) ?° ?([NSEW])\b", lambda m: f"{english.number(m[1])} degrees {_POINTS[m[2]]}"),
        rule(r"(?<=[0-9]) ?° ?(?=[CF]\b)", put("°")),
        rule(
            rf"{LEFT}([0-9]{{1,3}})'(?![\w'])",
            lambda m: (
                m[0]
                if _OPEN_QUOTE.search(m.string[max(0, m.start() - 200) : m.start()])
                else f"{english.number(m[1])} {'foot' if m[1] == '1' or describes(m) else 'feet'}"
            ),
        ),
        rule(
            rf"{LEFT}({NUM})'(?= ?(?:x\b|by\b|{long}))",
            lambda m: f"{english.number(m[1])} {'foot' if m[1] == '1' or describes(m) else 'feet'}",
        ),
    )


def _sizes(english: Variety) -> tuple[Rule, ...]:
    lines = "720|1080|1200|1366|1440|1536|1600|1920|2160|2560|3840"
    return (
        rule(
            r"(?<![\w.,])([0-9]{1,2})x([0-9]{1,2})s\b",
            lambda m: f"{cardinal(int(m[1]))} by {plural(cardinal(int(m[2])))}",
        ),
        rule(
            rf"{LEFT}([0-9]+\.[0-9]+)/(5|10|100)(?![\w/]|[.,][0-9])", lambda m: f"{english.number(m[1])} out of {m[2]}"
        ),
        rule(rf"(?<=[0-9]) ?[x×] ?(?={NUM} ?(?:[x×] ?{NUM} ?)?=)", put(" times ")),
        rule(rf"\b({lines}) ?[x×] ?({lines})\b", lambda m: f"{spoken_pairs(m[1])} by {spoken_pairs(m[2])}"),
        rule(
            rf"(?<=[0-9]) × (?={NUM}(?!\w| ?(?:{UNIT})\b| ?[x×]| (?!is\b|equals\b|makes\b|gives\b|was\b)[a-z]))",
            put(" times "),
        ),
        rule(rf"(?P<a>(?<![\w.,]){NUM}(?: ?(?:{UNIT}))?[\"']?) ?[x×] ?(?={NUM})", lambda m: f"{m['a']} by "),
        rule(r"(?<=[a-z]) [x×] (?=[a-z]+ [0-9]|[0-9]|(?:seven|ten|twelve|nineteen|twenty|fourteen) )", put(" by ")),
        rule(rf"{LEFT}({NUM}) ?[x×](?![\w])", lambda m: f"{english.number(m[1])} times"),
        rule(r"\b([0-9]{3,4})([pi])(?=[0-9]{2}\b|\b)", lambda m: f"{spoken_pairs(m[1])} {m[2]} "),
    )


def _inches(english: Variety, grammar: _Measures) -> tuple[Rule, ...]:
    fraction = r"[0-9]{1,2}/[0-9]{1,2}"
    return (
        rule(rf"{LEFT}({NUM}|[0-9]+ {fraction}|{fraction})-?\"(?!\w)", grammar.inches),
        rule(
            rf"{LEFT}({NUM})[- ]?in(?:\.(?= [a-z(]|,|$)|(?= (?:{units.LENGTH_WORDS})\b)|(?=[.,]? ?(?:x|×|by) ?[0-9]))",
            grammar.inches,
        ),
        rule(
            rf"\b(feet|foot|ft\.?|yards?|x|×|by) ?({NUM}) in\b(?:\.(?=[ ,)]|$))?(?! the\b| an?\b| [A-Z])",
            lambda m: f"{m[1]} {english.number(m[2])} {'inch' if m[2] == '1' else 'inches'}",
        ),
    )


def _quantities(english: Variety, grammar: _Measures) -> tuple[Rule, ...]:
    number = rf"(?P<number>{NUM})"
    per = rf"(?:/(?P<per>{_ANY_UNIT}|{alternatives(units.PERIODS)}))?"
    dot = r"(?:\.(?=\s+[a-z0-9(]|[,;:)]))?"
    return (
        rule(
            r"(?<![\w/.])(?:([0-9]+)[ -])?([0-9]{1,3})/([0-9]{1,4})"
            rf"(?:(?:[ -]| of an? )?(?P<unit>{UNIT})\b\.?(?=\s|$|[,;:)]))?(?![\w/]|[.,][0-9])",
            grammar.fraction,
        ),
        rule(rf"{LEFT}({NUM})(?: ?(?:{UNIT}))? ?-(?= ?{NUM} ?(?:{UNIT}){_NOT_AFTER})", lambda m: f"{m[1]} to "),
        rule(rf"{LEFT}({NUM}) ?[Ll]/100 ?km\b", lambda m: f"{english.number(m[1])} liters per hundred kilometers"),
        rule(rf"{LEFT}{number}(?P<joined>-)?[ ]?(?P<unit>{UNIT}){per}{dot}{_NOT_AFTER}", grammar.measure),
        rule(
            rf"{LEFT}{number}(?P<joined>-)?[ ](?P<unit>[AFN]|ac|bar|MP|pts?|st|kt|mo|"
            rf"AU){per}{dot}{_NOT_AFTER}(?! [A-Z])",
            grammar.measure,
        ),
        rule(rf"{LEFT}{number}(?P<joined>)(?P<unit>[AN]|MP|kb|bit|bar){per}{_NOT_AFTER}", grammar.measure),
        rule(
            rf"(?<=[a-z]s)/({UNIT}|{alternatives(units.PERIODS)})(?![\w/²³^])",
            lambda m: f" per {units.PERIODS.get(m[1]) or units.UNITS[m[1]][0]}",
        ),
        rule(rf"{LEFT}({NUM}) K\b", lambda m: f"{english.number(m[1])} kelvin"),
    )


class _Measures:
    def __init__(self, english: Variety) -> None:
        self._english = english

    def feet(self, found: Match) -> str:
        if quoted(found) and found[0].endswith('"'):
            return found[0].replace("'", " feet ")
        inches = self._english.number(found[2])
        feet = count(int(found[1]), "foot", "foot" if describes(found) else "feet")
        return f"{feet} {inches} {'inch' if found[2] == '1' or describes(found) else 'inches'}"

    def angle(self, found: Match) -> str:
        said = f"{count(int(found[1]), 'degree')} {count(int(found[2]), 'minute')}"
        if found[3]:
            said += f" {self._english.number(found[3])} {'second' if found[3] == '1' else 'seconds'}"
        return f"{said} {_POINTS[found[4]]}" if found[4] else said

    def inches(self, found: Match) -> str:
        if found[0].endswith('"') and quoted(found):
            return found[0]
        number = self._english.number(found[1]) if "/" not in found[1] else f"{found[1]} "
        single = found[1] == "1" or "-" in found[0] or ("/" in found[1] and " " not in found[1])
        single = single or describes(found) or _names(found)
        return f"{number} {'inch' if single else 'inches'}"

    def measure(self, found: Match) -> str:
        one, many = units.UNITS[found["unit"]]
        single = found["number"] == "1" or found["joined"] or describes(found)
        said = f"{self._english.number(found['number'])} {one if single else many}"
        per = found["per"]
        return f"{said} per {units.PERIODS.get(per) or units.UNITS[per][0]}" if per else said

    def fraction(self, found: Match) -> str:
        whole, above, below = found[1], int(found[2]), int(found[3])
        before = f"{whole} " if whole else ""
        unit = found["unit"]
        after = f" {units.UNITS[unit][1 if whole else 0]}" if unit else ""
        if (above, below) in _PAIRS:
            return f"{before}{cardinal(above)} {cardinal(below)}{after}"
        if below in {5, 10, 100} and _out_of(found):
            return f"{cardinal(above)} out of {cardinal(below)}{after}"
        if not 0 < above < below or (below > 100 and below != 1000):
            after = f" {units.UNITS[unit][1]}" if unit else ""
            return f"{before}{self._english.number(found[2])} over {self._english.number(found[3])}{after}"
        part = {2: "half", 4: "quarter"}.get(below, ordinal(below))
        if whole:
            before = f"{self._english.number(whole)} and "
        if above == 1:
            return before + (f"a {part}" if whole else f"one {part}") + after
        return f"{before}{cardinal(above)} {'halves' if below == 2 else plural(part)}{after}"


def _names(found: Match) -> bool:
    """Whether inches by their sign say which kind a thing is: `6" nails`."""
    noun = _THING.match(found.string, found.end())
    return found[0].endswith('"') and noun is not None and noun[1] not in NO_NOUNS | _EXTENTS


def _out_of(found: Match) -> bool:
    before = found.string[max(0, found.start() - 30) : found.start()]
    equal = found[2] == found[3]
    return bool(_AFTER_SCORE.search(before)) or equal or found.string.startswith((" stars", " points"), found.end())

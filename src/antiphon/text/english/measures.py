"""Numbers with units: metric, imperial, primes, compass, temperatures, sizes, fractions of a unit."""

from __future__ import annotations

import re

from antiphon.text.english import tables, units
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
    sizes,
)
from antiphon.text.numerals import cardinal, ordinal, plural

UNIT = alternatives(sign for sign in units.UNITS if sign not in units.DOUBTFUL)
_ANY_UNIT = alternatives(units.UNITS)
_POINTS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_EXTENTS = frozenset("wide long tall deep thick high across apart away below above".split())
_OPEN_QUOTE = re.compile(r"(?<!\w)'")
_THING = re.compile(r" ([a-z]{3,}|TVs?|LED|LCD|OLED|HDTV)\b")
_BESIDE = re.compile(r" ?[x×] ?[0-9./ ]+\" (?!is\b|and\b|or\b|wide|long|deep|high|tall)[a-z]{3,}")
_SCORER = re.compile(r"\([^()]*[A-Z][\w.'-]+ (?:[0-9]{1,3}(?:\+[0-9])?', ?)*$")
_PAIRS = ((24, 7), (9, 11), (50, 50), (20, 20), (80, 20), (60, 40), (70, 30), (90, 10))
_NOT_AFTER = r"(?![\w²³/°^]|'\w)"
_SCALE_NAMES = {"F": "Fahrenheit", "C": "Celsius", "K": "Kelvin"}
_RATED = "km²|km2|m²|m2|cm²|m³|cm³|kg|km|mL|ml|µL|L|min|kWh|GB|s"
_ROUND = {
    "10": "tens", "100": "hundreds", "1000": "thousands", "10000": "tens of thousands",
    "100000": "hundreds of thousands",
}  # fmt: skip
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
        rule(r"(?<![\w.,])([0-9]*[02-9]|[0-9]*11)st\b\.?(?!\w)", lambda m: f"{english.number(m[1])} stone"),
        rule(r"(?<![\w.,])(-?[0-9]{1,3})C \((-?[0-9]{1,3})F\)", lambda m: f"{m[1]}°C ({m[2]}°F)"),
        rule(
            r"(?<![\w.,])([0-9]{1,3})([mhdw])(?= ago\b)",
            lambda m: count(int(m[1]), {"m": "minute", "h": "hour", "d": "day", "w": "week"}[m[2]]),
        ),
        # Figures in the plural, before their s looks like seconds.
        rule(
            r"(?<![\w.,-])(1(?:,?0{3}|0,?0{3}|00,?0{3})|100?(?=s of\b)|(?<=the )100?)s\b",
            lambda m: _ROUND[m[1].replace(",", "")],
        ),
        rule(r"\b([A-Za-z]+-?)([0-9]{1,3})s\b(?![/'])", lambda m: f"{m[1].rstrip('-')} {plural(spoken_pairs(m[2]))}"),
        rule(r"\b(7[0-9]7)s\b", lambda m: plural(spoken_pairs(m[1]))),
        rule(r"\b([Ss]ize )([0-9]{1,2})s\b", lambda m: f"{m[1]}{plural(cardinal(int(m[2])))}"),
        rule(r"(?<=[0-9] )(sq|cu|fl)\. ?(?=(?:ft|in|yd|mi|m|km|cm|oz)\b)", lambda m: f"{m[1]} "),
        rule(
            r"(?<![\w.])\.([0-9]{2})(?=[- ](?:cal|rifle|pistol|handgun|revolver|round|bullet|magnum|gun))",
            lambda m: cardinal(int(m[1])),
        ),
        rule(
            r"(?<=(?:at|to|of|is) )(-?[0-9]{1,3})([FC])\b|\b([1-9][0-9]{2})F\b(?!-)",
            lambda m: f"{m[1] or m[3]}°{m[2] or 'F'}",
        ),
        rule(
            rf"{LEFT}([0-9]+ [0-9]/[0-9]|[0-9]/[0-9]|{NUM}) c\.(?= [a-z])",
            lambda m: f"{m[1]} {'cup' if m[1] == '1' or re.fullmatch('[0-9]/[0-9]', m[1]) else 'cups'}",
        ),
        rule(r"(?<![\w.])([0-9]{1,2}) ?(?:k|K|kt|ct)(?=[- ]gold\b)", lambda m: f"{cardinal(int(m[1]))} karat"),
        rule(rf"{LEFT}({NUM})m(?= (?:{tables.COUNTED_BY_MILLIONS})\b)", lambda m: f"{english.number(m[1])} million"),
        rule(
            r"(?<![\w/])(km/h|m/s|km/s|mg/dL|kg/m³|m/s²|Mbit/s|MB/s|GB/s)(?![\w/])",
            lambda m: m[0] if m.string[: m.start()].rstrip()[-1:].isdigit() else units.UNITS.get(m[1], ("", m[1]))[1],
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
        rule(r"(?<![\w/.])([0-9]{1,2})' ?-?([0-9]{1,2}(?:\.[0-9]+)?)\"", grammar.feet),
        rule(r"(?<![\w/.])([3-8])'([0-9]{1,2})(?![\w'\"]|[.,][0-9])", grammar.feet),
        rule(rf"{LEFT}({NUM}) ?° ?([NSEW])\b", lambda m: f"{english.number(m[1])} degrees {_POINTS[m[2]]}"),
        rule(r"(?<=[0-9]) ?° ?(?=[CF]\b)", put("°")),
        rule(
            r"(?<![\w.+])([0-9]{1,3})'(?=[,;)])",
            lambda m: (
                f"{ordinal(int(m[1]))} minute"
                if _SCORER.search(m.string[max(0, m.start() - 120) : m.start()])
                else m[0]
            ),
        ),
        rule(r"(?<![\w.])([35])'(?=[ -](?:UTR|end|cap|exon)\b)", lambda m: f"{cardinal(int(m[1]))} prime"),
        rule(
            rf"{LEFT}([0-9]{{1,3}})'(?![\w'])",
            lambda m: (
                m[0]
                if _OPEN_QUOTE.search(m.string[max(0, m.start() - 200) : m.start()])
                else f"{english.number(m[1])} {'foot' if m[1] == '1' or describes(m) or sizes(m) else 'feet'}"
            ),
        ),
        rule(
            rf"{LEFT}({NUM})'(?= ?(?:[x×] ?[0-9]|x\b|by\b|{long}))",
            lambda m: f"{english.number(m[1])} {'foot' if m[1] == '1' or describes(m) or sizes(m) else 'feet'}",
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
        rule(
            rf"(?P<a>(?:(?<![\w.,])|(?<=[0-9][x×])){NUM}(?: ?(?:{UNIT}))?[\"']?) ?[x×] ?(?={NUM})",
            lambda m: f"{m['a']} by ",
        ),
        rule(r"(?<=[a-z]) [x×] (?=[a-z]+ [0-9]|[0-9]|(?:seven|ten|twelve|nineteen|twenty|fourteen) )", put(" by ")),
        rule(rf"{LEFT}({NUM}) ?[x×](?![\w]| ?[-+=*/^²³]|[)])", lambda m: f"{english.number(m[1])} times"),
        rule(r"\b([0-9]{3,4})([pi])(?=[0-9]{2}\b|\b)", lambda m: f"{spoken_pairs(m[1])} {m[2]} "),
    )


def _inches(english: Variety, grammar: _Measures) -> tuple[Rule, ...]:
    fraction = r"[0-9]{1,2}/[0-9]{1,2}"
    return (
        rule(rf"{LEFT}({NUM}|[0-9]+ {fraction}|{fraction})-?\"(?!\w)", grammar.inches),
        rule(
            rf"{LEFT}(?<!/)({NUM}|[0-9]+ {fraction}|{fraction})[- ]?in(?:\.(?= [a-z(]|,|$)|(?= "
            rf"(?:{units.LENGTH_WORDS})\b)|(?=[.,]? ?(?:x|×|by) ?[0-9]))",
            grammar.inches,
        ),
        rule(
            rf"(?<![a-zA-Z])(feet|foot|ft\.?|yards?|x|×|by) ?({NUM}) ?in\b(?:\.(?=[ ,)]|$))?(?! the\b| an?\b| [A-Z])",
            lambda m: f"{m[1]} {english.number(m[2])} {'inch' if m[2] == '1' else 'inches'}",
        ),
    )


def _quantities(english: Variety, grammar: _Measures) -> tuple[Rule, ...]:
    number = rf"(?P<number>{NUM})"
    per = rf"(?:/(?P<per>{_ANY_UNIT}|{alternatives(units.PERIODS)}))?"
    dot = r"(?:\.(?=\s+[a-z0-9(]|[,;:)]))?"
    return (
        rule(
            r"(?<![\w/.,])1/([1-9][0-9]{1,3}) ?s(?:ec)?\b\.?", lambda m: f"one {english.ordinal(int(m[1]))} of a second"
        ),
        rule(
            r"(?<![\w/.])(?:([0-9]+)[ -])?([0-9]{1,3})/([0-9]{1,4})"
            rf"(?:(?:[ -]| of an? )?(?P<unit>{UNIT})\b\.?(?=\s|$|[,;:)]))?(?![\w/]|[.,][0-9])",
            grammar.fraction,
        ),
        rule(
            rf"{LEFT}({NUM})(?: ?({UNIT}))? ?-(?= ?{NUM} ?({UNIT}){_NOT_AFTER})",
            lambda m: f"{m[1]} {m[2]} to " if m[2] and m[2] != m[3] else f"{m[1]} to ",
        ),
        rule(
            r"(?<![\w.,])([0-9]{1,3})[ -]?pt(?= (?:font|type|text|bold|italic|Arial|Times|Helvetica))",
            lambda m: f"{cardinal(int(m[1]))} point",
        ),
        rule(r"(?<=[0-9] )(degrees?) ([FCK])\b", lambda m: f"{m[1]} {_SCALE_NAMES[m[2]]}"),
        rule(rf"{LEFT}({NUM}) ?[Ll]/100 ?km\b", lambda m: f"{english.number(m[1])} liters per hundred kilometers"),
        rule(rf"{LEFT}{number}(?P<joined>-)?[ ]?(?P<unit>{UNIT}){per}{dot}{_NOT_AFTER}", grammar.measure),
        rule(
            rf"{LEFT}(?<![A-Z]-){number}(?P<joined>-)?[ ](?P<unit>[AFNt]|ac|bar|MP|pts?|st|kt|mo|rad|"
            rf"AU){per}{dot}{_NOT_AFTER}(?! [A-Z])",
            grammar.measure,
        ),
        rule(rf"{LEFT}{number}(?P<joined>)(?P<unit>[AN]|MP|kb|bit|bar){per}{_NOT_AFTER}", grammar.measure),
        rule(
            rf"(?<=[a-z]s)/({UNIT}|{alternatives(units.PERIODS)})(?![\w/²³^])",
            lambda m: f" per {units.PERIODS.get(m[1]) or units.UNITS[m[1]][0]}",
        ),
        rule(
            rf"\b(to the power of (?:minus )?[a-z-]+) ({UNIT}){_NOT_AFTER}", lambda m: f"{m[1]} {units.UNITS[m[2]][1]}"
        ),
        rule(rf"{LEFT}({NUM})T(?= (?:{tables.COUNTED_BY_MILLIONS})\b)", lambda m: f"{english.number(m[1])} trillion"),
        rule(
            rf"\b(hundred|thousand|million|billion|trillion) ({UNIT}){_NOT_AFTER}",
            lambda m: f"{m[1]} {units.UNITS[m[2]][1]}" if len(m[2]) > 1 else m[0],
        ),
        rule(
            rf"(?<=[0-9]) ?/ ?({_RATED}|{alternatives(units.PERIODS)})(?![\w/²³^]|[.][0-9])",
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
        single = (
            found[1] == "1"
            or "-" in found[0]
            or bool(_BESIDE.match(found.string, found.end()))
            or ("/" in found[1] and " " not in found[1])
        )
        single = single or describes(found) or _names(found)
        return f"{number} {'inch' if single else 'inches'}"

    def measure(self, found: Match) -> str:
        one, many = units.UNITS[found["unit"]]
        single = found["number"] == "1" or found["joined"] or describes(found) or sizes(found)
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
        if joined := _neither_part(found):
            return f"{cardinal(above)} {joined} {cardinal(below)}"
        if unit in {"Hz", "V"} and above > 9:
            return f"{cardinal(above)} slash {cardinal(below)} {units.UNITS[unit][1]}"
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


def _neither_part(found: Match) -> str:
    """What joins two numbers that are no fraction: pages of many, odds, scores; "" for a fraction."""
    before = found.string[max(0, found.start() - 10) : found.start()]
    above, below = int(found[2]), int(found[3])
    if re.search(r"\b[Pp]age $", before):
        return "of"
    if re.search(r"\bodds(?: of| at)? $|\bat $", before) and above > below and below < 10:
        return "to"
    return "out of" if below in {5, 10, 100} and not found["unit"] and _out_of(found) else ""


def _out_of(found: Match) -> bool:
    before = found.string[max(0, found.start() - 30) : found.start()]
    equal = found[2] == found[3]
    many = found[3] == "10" and re.match(r" [a-z]{3,}s\b(?! of\b)", found.string[found.end() : found.end() + 24])
    score = (
        found[3] == "10" and found[2] > "3" and not re.match(r" ?[a-z]", found.string[found.end() : found.end() + 2])
    )
    return (
        bool(_AFTER_SCORE.search(before))
        or equal
        or bool(many)
        or bool(score)
        or found.string.startswith((" stars", " points"), found.end())
    )

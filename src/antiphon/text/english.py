"""How written English is spoken: an ordered list of rewriting rules.

Each rule is a pattern and the words that replace it. Order carries meaning: an address is taken before its dots look
like decimals, a date before its dashes look like ranges, money and units before bare numbers.
"""

# Written English has dashes and fractions of many looks.

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from antiphon.text import english_tables as tables
from antiphon.text.characters import collapse
from antiphon.text.numerals import MAX_DIGITS, cardinal, decimal, digits, ordinal, plural, roman, year

Match = re.Match[str]
Rule = tuple[re.Pattern[str], Callable[[Match], str]]

_NUM = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_LEFT = r"(?<![\w.,])"
_RIGHT = r"(?![\w]|[.,][0-9])"
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b(?:\.(?= ?[0-9a-z,]))?"
)
_YEAR = r"(?P<year>[12][0-9]{3})"
_UNIT = "|".join(sorted(map(re.escape, tables.UNITS), key=len, reverse=True))
_MONEY = "|".join(sorted(map(re.escape, tables.CURRENCIES), key=len, reverse=True))
_SAID_AS_PAIR = ((24, 7), (9, 11))
_SCALE = "|".join(sorted(tables.SCALES, key=len, reverse=True))


def speak(text: str, *, british: bool = False) -> str:
    """One pass of all rules over text that `characters.clean` has made plain."""
    for pattern, words in _rules(british):
        text = pattern.sub(words, text)
    return collapse(text)


@cache
def _rules(british: bool) -> tuple[Rule, ...]:
    grammar = _Grammar(british)
    return (
        # Nothing below has to meet a run of digits longer than a number, or search it again and again.
        _rule(rf"[0-9]{{{MAX_DIGITS + 1},}}", lambda m: f" {digits(m[0])} "),
        *grammar.addresses(),
        *grammar.dates(),
        *grammar.times(),
        *grammar.money(),
        *grammar.short_words(),
        *grammar.quantities(),
        *grammar.romans(),
        *grammar.numbers(),
        *grammar.symbols(),
    )


def _rule(pattern: str, words: Callable[[Match], str], flags: int = 0) -> Rule:
    return re.compile(pattern, flags), words


def _put(words: str) -> Callable[[Match], str]:
    return lambda _: words


class _Grammar:
    """The rules of one variety of English."""

    def __init__(self, british: bool) -> None:
        self._british = british

    def _cardinal(self, text: str) -> str:
        return decimal(text, british=self._british)

    def _ordinal(self, number: int) -> str:
        return ordinal(number, british=self._british)

    def _year(self, text: str) -> str:
        return year(int(text), british=self._british)

    # Addresses ------------------------------------------------------------------------------------------------------

    def addresses(self) -> tuple[Rule, ...]:
        tail = r"[^\s<>\"(),;]*[^\s<>\"(),;.!?:']"
        return (
            _rule(r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+\b", lambda m: _address(m[0])),
            _rule(rf"\b(?:https?|ftp)://({tail})", lambda m: _address(m[1]), re.I),
            _rule(
                rf"(?<![\w@.])((?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{tables.TOP_DOMAINS})(?:/(?:{tail})?)?)(?![\w-]|\.\w)",
                lambda m: _address(m[1]),
                re.I,
            ),
            _rule(r"(?<![\w@])@(\w+)", lambda m: f"at {m[1]}"),
            _rule(r"(?<![\w#])#(?=[0-9])", _put("number ")),
            _rule(r"(?<![\w#])#(?=[^\W\d_])", _put("hashtag ")),
        )

    # Dates and times ------------------------------------------------------------------------------------------------

    def dates(self) -> tuple[Rule, ...]:
        day = r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
        return (
            _rule(r"(?<![\w-])([12][0-9]{3})-([01][0-9])-([0-3][0-9])(?![\w-])", self._iso_date),
            _rule(r"(?<![\w/])([0-3]?[0-9])/([0-3]?[0-9])/([12][0-9]{3}|[0-9]{2})(?![\w/])", self._slashed_date),
            _rule(rf"\b{_MONTH} {day}(?:,? {_YEAR})?(?![\w:%]|[.,:/-][0-9])", self._month_first),
            _rule(rf"(?<![\w.,:/-])(?P<the>the )?{day}(?: of)? {_MONTH}(?:,? {_YEAR})?(?![\w])", self._day_first),
            _rule(rf"\b{_MONTH} {_YEAR}(?![\w])", lambda m: f"{_month(m)} {self._year(m['year'])}"),
            _rule(r"(?<![\w])([12][0-9]{2}0)'?s\b", lambda m: plural(self._year(m[1]))),
            _rule(r"(?<![\w])'?([2-9]0)'?s\b", lambda m: plural(cardinal(int(m[1])))),
        )

    def _date(self, month: int, day: int, of_year: str, written: str) -> str:
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return written
        name = list(tables.MONTHS.values())[month - 1]
        return f"{name} {self._ordinal(day)}, {self._year(of_year)}"

    def _iso_date(self, found: Match) -> str:
        return self._date(int(found[2]), int(found[3]), found[1], found[0])

    def _slashed_date(self, found: Match) -> str:
        first, second = int(found[1]), int(found[2])
        # The variety says which comes first, unless only the other can be a month.
        month, day = (second, first) if (self._british and second <= 12) or first > 12 else (first, second)
        century = "" if len(found[3]) == 4 else "19" if found[3] >= "70" else "20"
        return self._date(month, day, century + found[3], found[0])

    def _month_first(self, found: Match) -> str:
        if not 1 <= int(found["day"]) <= 31:
            return found[0]
        of_year = f", {self._year(found['year'])}" if found["year"] else ""
        return f"{_month(found)} {self._ordinal(int(found['day']))}{of_year}"

    def _day_first(self, found: Match) -> str:
        if not 1 <= int(found["day"]) <= 31:
            return found[0]
        of_year = f", {self._year(found['year'])}" if found["year"] else ""
        return f"{found['the'] or 'the '}{self._ordinal(int(found['day']))} of {_month(found)}{of_year}"

    def times(self) -> tuple[Rule, ...]:
        half = r"(?P<half>[ap])(?:\.m\.|m\b)"
        return (
            _rule(rf"{_LEFT}(?P<hour>[01]?[0-9]):(?P<minute>[0-5][0-9])(?::[0-5][0-9])? ?{half}", self._half_day, re.I),
            _rule(rf"{_LEFT}(?P<hour>[01]?[0-9])(?P<minute>)(?![0-9]) ?{half}", self._half_day, re.I),
            _rule(r"(?<![\w:.,])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?![\w:]|[.,][0-9])", self._clock),
        )

    def _half_day(self, found: Match) -> str:
        minutes = _minutes(found["minute"])
        # The last dot of "p.m." may end the sentence too.
        after = found.string[found.end() :]
        stop = "." if found[0].endswith(".") and re.match(r"\s*$|\s+[^\W\d_a-z]", after) else ""
        return f"{self._cardinal(str(int(found['hour'])))}{minutes} {found['half'].upper()}M{stop}"

    def _clock(self, found: Match) -> str:
        hour = int(found[1])
        spoken = cardinal(hour)
        if found[3]:
            return f"{spoken}{_minutes(found[2]) or ' zero zero'} and {_count(int(found[3]), 'second')}"
        if found[2] == "00":
            return f"{spoken} o'clock" if 1 <= hour <= 12 else f"{spoken} hundred hours"
        return f"{spoken}{_minutes(found[2])}"

    # Money ----------------------------------------------------------------------------------------------------------

    def money(self) -> tuple[Rule, ...]:
        return (
            _rule(rf"(?<![\w])({_MONEY})({_NUM})-(?:{_MONEY})?({_NUM})(?![\w])", lambda m: f"{m[2]} to {m[1]}{m[3]}"),
            _rule(
                rf"(?<![\w])(?P<minus>-)?(?P<sign>{_MONEY}) ?(?P<number>{_NUM}|\.[0-9]{{2}})"
                rf"(?:[ -]?(?P<scale>{_SCALE})\b)?(?![\w])",
                self._amount,
            ),
            _rule(
                rf"{_LEFT}(?P<minus>-)?(?P<number>{_NUM}) ?(?:(?P<scale>{_SCALE})\b ?)?(?P<sign>{_MONEY})(?![\w])",
                self._amount,
            ),
            _rule(rf"{_LEFT}({_NUM}) ?¢", lambda m: f"{self._cardinal(m[1])} {'cent' if m[1] == '1' else 'cents'}"),
        )

    def _amount(self, found: Match) -> str:
        one, many, coin, coins = tables.CURRENCIES[found["sign"]]
        whole, _, part = found["number"].replace(",", "").partition(".")
        minus = "minus " if found["minus"] else ""
        if found["scale"]:
            return f"{minus}{self._cardinal(found['number'])} {tables.SCALES[found['scale']]} {many}"
        if len(part) != 2 or not coin:
            return f"{minus}{self._cardinal(found['number'])} {one if found['number'] == '1' else many}"
        hundredths = int(part)
        spoken = f"{self._cardinal(whole)} {one if whole == '1' else many}"
        small = f"{cardinal(hundredths)} {coin if hundredths == 1 else coins}"
        if not hundredths:
            return minus + spoken
        return minus + (small if whole.strip("0") == "" else f"{spoken} and {small}")

    # Abbreviations --------------------------------------------------------------------------------------------------

    def short_words(self) -> tuple[Rule, ...]:
        titles, shorts, numbered = (
            "|".join(sorted(map(re.escape, table), key=len, reverse=True))
            for table in (tables.TITLES, tables.SHORT_WORDS, tables.NUMBERED)
        )
        return (
            _rule(r"\bDr\. ?(?=[^\W\d_a-z])", _put("Doctor ")),
            _rule(r"\b([A-Z][a-z]+) Dr\.", lambda m: f"{m[1]} Drive{_stop(m)}"),
            _rule(r"\bSt\. ?(?=[^\W\d_a-z][a-z])", _put("Saint ")),
            _rule(r"\b([A-Z][a-z]+|[0-9](?:st|nd|rd|th)) St\.", lambda m: f"{m[1]} Street{_stop(m)}"),
            _rule(rf"\b({titles})\. ?(?=[^\W\d_])", lambda m: tables.TITLES[m[1]] + " "),
            _rule(rf"(?<![\w.])({numbered})\. ?(?=[0-9])", lambda m: tables.NUMBERED[m[1]] + " "),
            _rule(rf"(?<![\w.])({shorts})\.(?!\w)", self._short_word),
            _rule(r"\bvs\b", _put("versus")),
            _rule(r"(?<![\w/])w/o\b", _put("without")),
            _rule(r"(?<![\w/])w/ ?(?=\w)", _put("with ")),
        )

    def _short_word(self, found: Match) -> str:
        ends = "" if found[1] in tables.NEVER_LAST else _stop(found)
        return tables.SHORT_WORDS[found[1]] + ends

    # Numbers with something beside them -----------------------------------------------------------------------------

    def quantities(self) -> tuple[Rule, ...]:
        count = rf"(?P<number>{_NUM})"
        return (
            _rule(r"(?<![\w)\].,-])-(?=\.?[0-9])", _put("minus ")),
            _rule(r"\bv(?=[0-9]+\.)", _put("version ")),
            _rule(
                r"(?<![\w-])((?:\+[0-9]{1,3}[ .-]?|1[ .-])?(?:\([0-9]{2,4}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4})"
                r"(?![\w-])",
                _phone,
            ),
            _rule(r"(?<![\w-])([0-9]{3}-[0-9]{4}|[0-9]{1,18}(?:-[0-9]{1,18}){2,6})(?![\w-])", _phone),
            _rule(r"(?<![\w:.,])([0-9]{1,4}):([0-9]{1,4})(?![\w:]|[.,][0-9])", self._range),
            _rule(r"(?<![\w])(\+[0-9]{1,3}(?:[ -][0-9]{2,4}){2,5}|\+[0-9]{7,15})(?![\w-])", _phone),
            _rule(
                r"(?<![0-9.])([0-9]+(?:\.[0-9]+){2,7})(?![\w])",
                lambda m: " point ".join(map(self._cardinal, m[1].split("."))),
            ),
            _rule(rf"{_LEFT}({_NUM})-({_NUM})(?=[ ]?(?:%|(?:{_UNIT})\b|[.,;:!?)\s]|$))", self._range),
            _rule(
                r"(?<![\w/.])([0-9]{1,2})'([0-9]{1,2})\"",
                lambda m: f"{_count(int(m[1]), 'foot', 'feet')} {_count(int(m[2]), 'inch', 'inches')}",
            ),
            _rule(rf"{_LEFT}{count}(?P<joined>-)?[ ]?(?P<unit>{_UNIT})(?![\w²³/°]|'\w)", self._measure),
            _rule(r"(?<![\w/])(?:([0-9]+) )?([0-9]{1,3})/([0-9]{1,4})(?![\w/]|[.,][0-9])", self._fraction),
            _rule(
                rf"{_LEFT}([0-9]{{1,3}}(?:,[0-9]{{3}})*|[0-9]{{1,15}})(?:st|nd|rd|th)\b",
                lambda m: self._ordinal(int(m[1].replace(",", ""))),
            ),
            _rule(rf"{_LEFT}(?![48]K)({_NUM})([kK]|bn)\b", lambda m: f"{self._cardinal(m[1])} {tables.SCALES[m[2]]}"),
            _rule(
                rf"({_NUM}) ?\^ ?(-?[0-9]{{1,4}})",
                lambda m: f"{self._cardinal(m[1])} to the power of {cardinal(int(m[2]))}",
            ),
        )

    def _range(self, found: Match) -> str:
        return f"{found[1]} to {found[2]}"

    def _measure(self, found: Match) -> str:
        one, many = tables.UNITS[found["unit"]]
        return f"{self._cardinal(found['number'])} {one if found['number'] == '1' or found['joined'] else many}"

    def _fraction(self, found: Match) -> str:
        whole, above, below = found[1], int(found[2]), int(found[3])
        before = f"{whole} " if whole else ""
        if (above, below) in _SAID_AS_PAIR:
            return f"{before}{cardinal(above)} {cardinal(below)}"
        if not 0 < above < below or (below > 100 and below != 1000):
            return f"{before}{self._cardinal(found[2])} over {self._cardinal(found[3])}"
        part = {2: "half", 4: "quarter"}.get(below, ordinal(below))
        if whole:
            before = f"{self._cardinal(whole)} and "
        if above == 1:
            return before + (f"a {part}" if whole else f"one {part}")
        return f"{before}{cardinal(above)} {'halves' if below == 2 else plural(part)}"

    # Roman numerals -------------------------------------------------------------------------------------------------

    def romans(self) -> tuple[Rule, ...]:
        return (_rule(r"\b([^\W\d_]+) ([IVXLC]+)\b(?![.'\w-]\w)", self._roman),)

    def _roman(self, found: Match) -> str:
        name, number = found[1], roman(found[2])
        if number is None:
            return found[0]
        if name.lower() in tables.NUMBERED_THINGS:
            return f"{name} {cardinal(number)}"
        if name in tables.RULERS and (len(found[2]) > 1 or found[2] in "VX"):
            return f"{name} the {ordinal(number)}"
        proper = name[0].isupper() and name[1:].islower() and name.lower() not in tables.NO_NAMES
        if proper and len(found[2]) > 1 and not set(found[2]) - set("IVX"):
            return f"{name} {cardinal(number)}"
        return found[0]

    # Bare numbers and signs -----------------------------------------------------------------------------------------

    def numbers(self) -> tuple[Rule, ...]:
        spaced = r"(?<=[^\W\d_])(?=[0-9])|(?<=[0-9])(?=[^\W\d_])"
        return (
            _rule(r"(?<=[0-9]) ?%", _put(" percent")),
            _rule(rf"(?<=[0-9]) - (?={_NUM})", _put(" minus ")),
            _rule(r"(?<![\w)\].,-])-(?=\.?[0-9])", _put("minus ")),
            _rule(r"~ ?(?=[0-9])", _put("about ")),
            _rule(spaced, _put(" ")),
            _rule(r"(?<=[^\W\d_])-(?=[0-9])|(?<=[0-9])-(?=\w)", _put(" ")),
            _rule(r"(?<![0-9.,])([12][0-9]{3})(?![0-9]|[.,][0-9])", self._bare_year),
            _rule(r"(?<![0-9])\.([0-9]+)", lambda m: f" point {digits(m[1])}"),
            _rule(_NUM, lambda m: f" {self._cardinal(m[0])} "),
        )

    def _bare_year(self, found: Match) -> str:
        number = int(found[1])
        return f" {self._year(found[1]) if 1100 <= number < 2100 else self._cardinal(found[1])} "

    def symbols(self) -> tuple[Rule, ...]:
        signs = "".join(map(re.escape, tables.SYMBOLS))
        return (
            _rule(r"°C\b", _put(" degrees Celsius ")),
            _rule(r"°F\b", _put(" degrees Fahrenheit ")),
            _rule(r"\bC#", _put("C sharp")),
            _rule(r"([²³¹⁴])", lambda m: f" {tables.SUPERSCRIPTS[m[1]]} "),
            _rule(r"(?<=\w) ?/ ?(?=\w)", _put(" slash ")),
            _rule(r"(?<! )[<>](?![ =]?[0-9])|<(?=[/a-z])", _put(" ")),
            _rule(rf"[{signs}]", lambda m: f" {tables.SYMBOLS[m[0]]} "),
            _rule(rf"[{re.escape(tables.UNSPOKEN)}]", _put(" ")),
            _rule(r"(?<!\w)/|/(?!\w)", _put(" ")),
        )


def _address(written: str) -> str:
    """An address as it is told to somebody: every sign named, groups of digits one by one."""
    spoken = re.sub(r"[0-9]+", lambda m: f" {digits(m[0])} ", written.rstrip("/"))
    return collapse(re.sub(r"[^\w\s]|_", lambda m: f" {tables.ADDRESS_SIGNS.get(m[0], '')} ", spoken))


def _phone(found: Match) -> str:
    groups = [digits(group) for group in re.findall(r"[0-9]+", found[1])]
    return ("plus " if found[1].startswith("+") else "") + ", ".join(groups)


def _month(found: Match) -> str:
    return tables.MONTHS[found["month"][:3].lower()]


def _minutes(written: str) -> str:
    if not written or written == "00":
        return ""
    return f" oh {cardinal(int(written))}" if written[0] == "0" else f" {cardinal(int(written))}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{cardinal(number)} {one if number == 1 else many or one + 's'}"


def _stop(found: Match) -> str:
    """The dot of an abbreviation that also ends the sentence."""
    return "." if re.match(r"\s*$|\s+[^\W\d_a-z]", found.string[found.end() :][:64]) else ""

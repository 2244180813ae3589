"""Dates in every order, years, decades, spans of months and days of the week."""

from __future__ import annotations

import re

from antiphon.text.english import tables
from antiphon.text.english.rules import Match, Rule, Variety, put, rule, stop
from antiphon.text.numerals import cardinal, ordinal, plural

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
MONTH = rf"(?P<month>{_MONTH})\b(?:\.(?= ?[0-9a-z,]))?"
_SHORT_MONTH = r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
_OTHER_CASE = "january|february|april|june|july|august|september|october|november|december|jan|feb|apr|jun|jul|"
"aug|sept?|oct|nov|dec"
_YEAR = r"(?P<year>[12][0-9]{3}|'[0-9]{2}\b)"
_DAY = r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
_WEEKDAY = r"(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"
_FULL_DAYS = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"


def rules(english: Variety) -> tuple[Rule, ...]:
    grammar = _Dates(english)
    return (*_week(), *_month_spans(), *_in_figures(grammar), *_by_name(grammar), *_years(grammar))


def _week() -> tuple[Rule, ...]:
    """Days of the week, their spans and lists."""
    return (
        rule(
            rf"\b{_WEEKDAY} ([0-3]?[0-9]) ?- ?(?={_WEEKDAY} [0-3]?[0-9]\b)",
            lambda m: f"{_weekday(m[1])} {m[2]} to ",
        ),
        rule(r"\bWeds\b(?:\.(?= [a-z]))?", put("Wednesday")),
        rule(r"\bM/W/F\b", put("Monday, Wednesday, Friday")),
        rule(r"\bT/Th\b", put("Tuesday, Thursday")),
        rule(r"\bM-F(?=,? [0-9])", put("Monday to Friday")),
        rule(
            rf"\b{_WEEKDAY}\.? ?(&|and|,|or) ?{_WEEKDAY}\b\.?(?! down| on )",
            lambda m: f"{_weekday(m[1])} {m[2]} {_weekday(m[3])}" + (stop(m) if m[0].endswith(".") else ""),
        ),
        rule(
            rf"\b{_WEEKDAY}((?:/{_WEEKDAY})+)\b",
            lambda m: ", ".join(_weekday(one) for one in m[0].split("/")),
        ),
        rule(rf"\b{_WEEKDAY}\.? ?- ?{_WEEKDAY}\b\.?", lambda m: f"{_weekday(m[1])} to {_weekday(m[2])}"),
        rule(rf"\b({_FULL_DAYS}|{_MONTH}) ?- ?({_FULL_DAYS}|{_MONTH})\b(?! [0-9])", _span),
        rule(
            rf"\b{_WEEKDAY}\b\.?(?=,? (?:{_MONTH}\b|[0-3]?[0-9](?:st|nd|rd|th)?\b)|[/&] ?{_WEEKDAY}|, {_WEEKDAY}\b)",
            lambda m: _weekday(m[1]),
        ),
        rule(rf"(?<=day)([/,&] ?| and ){_WEEKDAY}\b\.?", lambda m: f"{m[1].replace('/', ', ')}{_weekday(m[2])}"),
        rule(r"\b(Mon|Tues?|Wed|Thurs?|Thu|Fri)\.(?= [a-z0-9]|,)", lambda m: _weekday(m[1])),
        rule(r"\b(Tues|Thurs)\.$", lambda m: f"{_weekday(m[1])}."),
        rule(
            rf"\b((?:[Oo]n|[Nn]ext|[Ll]ast|[Ee]very|[Bb]y|[Uu]ntil|[Tt]his) ){_WEEKDAY}\b\.?(?!\w)",
            lambda m: m[1] + _weekday(m[2]) + (stop(m) if m[0].endswith(".") else ""),
        ),
    )


def _month_spans() -> tuple[Rule, ...]:
    """Months in any letters, and what leads from one to another."""
    return (
        # Months in small letters or capitals, beside a day or before a year.
        rule(rf"\b({_OTHER_CASE})(?=\.? [0-3]?[0-9](?:st|nd|rd|th)?\b(?![:%]|[.,][0-9]))", _capital, re.I),
        rule(rf"(?<=[0-9] )({_OTHER_CASE})\b|(?<=[0-9](?:st|nd|rd|th) )({_OTHER_CASE}|may|march)\b", _capital, re.I),
        rule(rf"\b({_OTHER_CASE}|may|march)(?= [0-3]?[0-9](?:st|nd|rd|th)\b|,? [12][0-9]{{3}}\b)", _capital, re.I),
        rule(rf"\b({_SHORT_MONTH})-([0-3]?[0-9])-([12][0-9]{{3}})(?![\w-])", lambda m: f"{m[1]} {m[2]}, {m[3]}"),
        # From one month to another.
        rule(rf"(?<=[0-9]) ?- ?(?={_MONTH}\b(?!-[0-9]))", put(" to ")),
        rule(
            rf"([0-9](?:st|nd|rd|th)? {_MONTH}\.?) ?- ?(?=[0-3]?[0-9](?:st|nd|rd|th)? {_MONTH}\b)",
            lambda m: f"{m[1]} to ",
        ),
        rule(
            rf"\b{_SHORT_MONTH}-([0-9]{{2}})(?![\w-])",
            lambda m: f"{tables.MONTHS[m[0][:3].lower()]} {_short_year(m[1])}",
        ),
        rule(r"(?<=[0-9](?:st|nd|rd|th) )c\.(?= |$|[,;)])", put("century")),
        rule(
            r"(?<![\w.])(b|d|fl|m)\. ?(?=(?:ca?\. ?)?(?:[0-3]?[0-9] [A-Z][a-z]+\.? |[A-Z][a-z]+\.? [0-3]?[0-9], )?"
            r"[12][0-9]{3}\b)",
            lambda m: {"b": "born ", "d": "died ", "fl": "flourished ", "m": "married "}[m[1]],
        ),
    )


def _in_figures(grammar: _Dates) -> tuple[Rule, ...]:
    """Dates in figures alone."""
    year4 = r"([12][0-9]{3})"
    return (
        rule(
            rf"(?<![\w-]){year4}-([01][0-9])-([0-3][0-9])(?:T(?=[0-2][0-9])| (?=[0-2][0-9]:)|(?![0-9T-]))", grammar.iso
        ),
        rule(rf"(?<![\w/.]){year4}([/.])([01]?[0-9])\2([0-3]?[0-9])(?![\w/]|\.[0-9])", grammar.year_first),
        rule(r"(?<![\w/])([0-3]?[0-9])/([0-3]?[0-9])/([12][0-9]{3}|[0-9]{2})(?![\w/])", grammar.slashed),
        rule(rf"(?<![\w.-])([0-3]?[0-9])([.-])([0-3]?[0-9])\2{year4}(?![\w-]|\.[0-9])", grammar.dotted),
        rule(r"(?<![\w.])([0-3][0-9])\.([01][0-9])\.([0-9]{2})(?![\w]|\.[0-9])", grammar.dotted_short),
        rule(
            r"(?<![\w/.,])(0?[1-9]|1[0-2])/(1[3-57-9]|2[1-36-9]|31)(?![\w/]|[.,][0-9]| ?(?:%|of\b|inch|cup|mile))",
            grammar.month_and_day,
        ),
        rule(
            r"\b((?:[Oo]n|[Ss]ince|[Uu]ntil|[Dd]ue|[Dd]ated|[Bb]y|[Ff]rom) )([0-3]?[0-9])/([0-3]?[0-9])(?![\w/]|"
            r"\.[0-9]| ?%| of\b)",
            grammar.unyeared,
        ),
        rule(rf"(?<![\w/.])(0?[1-9]|1[0-2])/{year4}(?![\w/])", lambda m: f"{_named(int(m[1]))} {grammar.year(m[2])}"),
    )


def _by_name(grammar: _Dates) -> tuple[Rule, ...]:
    """A month by its name, with a day or a year."""
    return (
        rule(
            rf"\b{MONTH} {_DAY} ?- ?(?P<to>[0-3]?[0-9])(?:st|nd|rd|th)?(?:,? {_YEAR})?(?![\w:%]|[.,:/-][0-9])",
            grammar.days_of_month,
        ),
        rule(
            rf"(?<![\w.,:/-]){_DAY} ?- ?(?P<to>[0-3]?[0-9])(?:st|nd|rd|th)? {MONTH}(?:,? {_YEAR})?(?!\w)",
            grammar.days_before_month,
        ),
        rule(rf"\b{MONTH} {_DAY}(?:,? {_YEAR})?(?![\w:%]|[.,:/-][0-9]|-[a-z])", grammar.month_first),
        rule(
            rf"(?<![\w.,:/-])(?P<the>[Tt]he )?{_DAY}(?:-| of )?[ ]?{MONTH}(?:,? {_YEAR}|"
            rf"-(?P<tail>[12][0-9]{{3}}))?(?![\w])",
            grammar.day_first,
        ),
        rule(rf"\b{MONTH}(?:,? of|,)? {_YEAR}(?![\w])", lambda m: f"{month(m)} {grammar.year(m['year'])}"),
        rule(rf"\b{MONTH}-(?P<year>[12][0-9]{{3}})\b", lambda m: f"{month(m)} {grammar.year(m['year'])}"),
        rule(rf"\b(?P<month>{_SHORT_MONTH})\.(?!\w)", grammar.month_alone),
    )


def _years(grammar: _Dates) -> tuple[Rule, ...]:
    """Decades and years."""
    return (
        rule(r"(?<!\w)([0-9]{1,2})(st|nd|rd|th)? ?- ?(?=[0-9]{1,2}(?:st|nd|rd|th)\b)", _ordinal_span),
        rule(r"\b(?:c|ca)\. ?(?=[1-9][0-9]{2,3}\b)", put("circa ")),
        rule(r"(?<=\bthe )'00s\b", put("two thousands")),
        rule(r"(?<![\w.,-])([12][0-9]{3}) ?- ?(present|today|now|date)\b", lambda m: f"{grammar.year(m[1])} to {m[2]}"),
        rule(
            r"(?<!\w)([12][0-9]{2}0)'?s ?- ?(?:([12][0-9])(?=[0-9]0))?'?([0-9]0)'?s\b",
            lambda m: (
                f"{_decade(grammar, m[1])} to "
                f"{_decade(grammar, m[2] + m[3]) if m[2] and m[1][:2] != m[2] else plural(cardinal(int(m[3])))}"
            ),
        ),
        rule(r"(?<![\w])([12][0-9]{2}0)'?s\b", lambda m: _decade(grammar, m[1])),
        rule(r"(?<![\w])'?([2-9]0)'?s\b(?! ?\w*/)", _some_decade),
        rule(r"(?<![\w'])'([0-9]{2})(?![\w']|[.,][0-9])(?! ?[\"'])", lambda m: _short_year(m[1])),
        rule(r"(?<![\w.,:/-])(1[0-9]{3}|20[0-9]{2}) ?[-/] ?([0-9]{2})(?![\w/:-]|[.,][0-9])", grammar.span_of_years),
        rule(
            rf"\b((?:[Ii]n|[Ss]ince|[Uu]ntil|[Bb]y|[Ff]rom|[Bb]efore|[Aa]fter|[Aa]round|[Cc]irca|[Yy]ear|AD|"
            rf"A\.D\.|[Dd]uring|[Tt]ill?) )"
            rf"(1[0-9]{{3}}|20[0-9]{{2}})(?![\w]|[.,:/-][0-9]| ?- ?[0-9]| ?{tables.NO_YEAR_BEFORE})",
            lambda m: f"{m[1]}{grammar.year(m[2])}",
        ),
        rule(
            r"(?<![\w.,])([1-9][0-9]{2,3}) (?=(?:BC|AD|B\.C\.|A\.D\.|BCE|CE)\b)", lambda m: f"{grammar.old_year(m[1])} "
        ),
        rule(r"\b(AD |A\.D\. )([1-9][0-9]{2})\b(?![.,][0-9])", lambda m: f"{m[1]}{grammar.old_year(m[2])}"),
    )


class _Dates:
    def __init__(self, english: Variety) -> None:
        self._english = english

    def year(self, written: str) -> str:
        if written.startswith("'"):
            return _short_year(written[1:])
        return self._english.year(int(written))

    def old_year(self, written: str) -> str:
        """Hundreds of years as pairs: 476 -> four seventy-six."""
        number = int(written)
        if number >= 1000 or number % 100 == 0:
            return self._english.year(number)
        rest = number % 100
        return f"{cardinal(number // 100)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"

    def date(self, month_number: int, day: int, of_year: str, written: str) -> str:
        if not (1 <= month_number <= 12 and 1 <= day <= 31):
            return written
        said = f"{_named(month_number)} {self._english.ordinal(day)}"
        return f"{said}, {self.year(of_year)}" if of_year else said

    def iso(self, found: Match) -> str:
        said = self.date(int(found[2]), int(found[3]), found[1], found[0])
        return f"{said}, " if found[0][-1] in "T " and said != found[0] else said

    def year_first(self, found: Match) -> str:
        return self.date(int(found[3]), int(found[4]), found[1], found[0])

    def slashed(self, found: Match) -> str:
        month_number, day = self._order(int(found[1]), int(found[2]))
        century = "" if len(found[3]) == 4 else "19" if found[3] >= "70" else "20"
        return self.date(month_number, day, century + found[3], found[0])

    def unyeared(self, found: Match) -> str:
        month_number, day = self._order(int(found[2]), int(found[3]))
        return found[1] + self.date(month_number, day, "", f"{found[2]}/{found[3]}")

    def month_and_day(self, found: Match) -> str:
        """`3/14`: nobody divides by fourteen."""
        return self.date(int(found[1]), int(found[2]), "", found[0])

    def _order(self, first: int, second: int) -> tuple[int, int]:
        """(month, day). The variety says which comes first, unless only the other can be a month."""
        day_first = (self._english.british and second <= 12) or first > 12
        return (second, first) if day_first else (first, second)

    def dotted(self, found: Match) -> str:
        # With dots the day comes first, everywhere; with dashes it does unless it cannot.
        first, second = int(found[1]), int(found[3])
        month_number, day = (second, first) if found[2] == "." and second <= 12 else self._order(first, second)
        return self.date(month_number, day, found[4], found[0])

    def dotted_short(self, found: Match) -> str:
        century = "19" if found[3] >= "70" else "20"
        return self.date(int(found[2]), int(found[1]), century + found[3], found[0])

    def month_first(self, found: Match) -> str:
        day = int(found["day"])
        if not 1 <= day <= 31:
            return found[0]
        return f"{month(found)} {self._english.ordinal(day)}{self._of_year(found)}"

    def day_first(self, found: Match) -> str:
        day = int(found["day"])
        if not 1 <= day <= 31:
            return found[0]
        of_year = found["year"] or found["tail"]
        said = f"{found['the'] or 'the '}{self._english.ordinal(day)} of {month(found)}"
        return f"{said}, {self.year(of_year)}" if of_year else said

    def days_of_month(self, found: Match) -> str:
        first, last = int(found["day"]), int(found["to"])
        if not 1 <= first < last <= 31:
            return found[0]
        return f"{month(found)} {self._english.ordinal(first)} to {self._english.ordinal(last)}{self._of_year(found)}"

    def days_before_month(self, found: Match) -> str:
        first, last = int(found["day"]), int(found["to"])
        if not 1 <= first < last <= 31:
            return found[0]
        days = f"the {self._english.ordinal(first)} to the {self._english.ordinal(last)}"
        return f"{days} of {month(found)}{self._of_year(found)}"

    def month_alone(self, found: Match) -> str:
        after = found.string[found.end() : found.end() + 32]
        return month(found) + ("." if re.match(r"\s*$|\s+[^\W\d_a-z]", after) else "")

    def span_of_years(self, found: Match) -> str:
        first, last = int(found[1]), int(found[2])
        if last <= first % 100:
            return found[0]
        return f"{self._english.year(first)} to {cardinal(last)}"

    def _of_year(self, found: Match) -> str:
        return f", {self.year(found['year'])}" if found["year"] else ""


def month(found: Match) -> str:
    """The full name of the month in a match."""
    return tables.MONTHS[found["month"][:3].lower()]


def _ordinal_span(found: Match) -> str:
    return f"{ordinal(int(found[1]))} to "


def _capital(found: Match) -> str:
    return found[0].capitalize()


def _named(number: int) -> str:
    return list(tables.MONTHS.values())[number - 1]


def _weekday(written: str) -> str:
    return tables.WEEKDAYS[written[:3].lower()]


def _span(found: Match) -> str:
    first, last = (
        tables.MONTHS.get(one[:3].lower(), one) if not one.endswith("day") else one for one in (found[1], found[2])
    )
    return f"{first} to {last}"


_LASTING = re.compile(
    r"(?:\b[0-9]{1,3} ?(?:h|m|min|mins) |\b(?:after|for|in|within|every|wait|waits|waited|took|takes|lasts?|"
    r"lasted|first|another|about|just|only) )$",
    re.I,
)


def _some_decade(found: Match) -> str:
    """`the 30s` are years, but who waits for 30s waits for seconds."""
    before = found.string[max(0, found.start() - 12) : found.start()]
    if "'" not in found[0] and _LASTING.search(before):
        return found[0]
    return plural(cardinal(int(found[1])))


def _decade(grammar: _Dates, written: str) -> str:
    return plural(grammar.year(written))


def _short_year(written: str) -> str:
    return f"oh {cardinal(int(written))}" if written[0] == "0" else cardinal(int(written))

"""Dates in figures and with names of months, days of the week, times of day."""

from __future__ import annotations

import re

from antiphon.text.languages.figures import Figures, Match, Rule, rule
from antiphon.text.languages.grammar import Language, word_before

# What is numbered within a year: `Ley 7/2022` is no month.
_LAWS = frozenset(
    "ley decreto n nº núm número orden directiva loi no numéro arrêté legge sentenza nr nummer sentencia".split()
)


# The sea and the game: days of the week only inside a sentence.
_WORDS_TOO = frozenset(("mar", "mer", "jeu"))
_BEFORE_DAYS = frozenset("le du au dès el del al día il dal am vom zum bis seit lundi jueves".split())


# What a number with points follows that is no date, with at most one word between.
_VERSION = re.compile(
    r"\b(?:versione?s?|versión|v|release|firmware|kernel|noyau|build|update|mise à jour|python|android|ios|ipados|"
    r"linux|php|java|node|django|macos|ubuntu|debian|postgresql|mysql|firefox|chrome|windows|libreoffice|protocole|"
    r"chapitre|section|paragraphe|abschnitt|kapitel|ziffer|punkt|sección|apartado|capitolo|sezione|paragrafo|§|"
    r"ip|serveur|server|hôte|adresse)(?: [\w.]+)?[ :]*$",
    re.I,
)


class Calendar(Figures):
    """The rules of dates and times."""

    def dates(self) -> tuple[Rule, ...]:
        months = "|".join(sorted(map(re.escape, self.language.months), key=len, reverse=True))
        return (
            *self._scripture(),
            *self._short_weekdays(months),
            *self._dates_in_figures(),
            *(self._months_beside_figures(months) if months else ()),
            *(self._named_months(months) if months else ()),
        )

    def _short_weekdays(self, months: str) -> tuple[Rule, ...]:
        """Days of the week in short, before a date or an hour."""
        days = "|".join(self.language.weekdays)
        short = rule(
            rf"(?<![\w.–-])({days})\.(?=,? (?:\w{{2,3}} )?[0-3]?[0-9]"
            rf"(?:\.? ?[01]?[0-9]\.|/[01]?[0-9]\b|\.? (?:de |d')?(?:{months})\b))",
            lambda m: self.language.weekdays[m[1].lower()],
            re.I,
        )
        hour = rule(
            rf"(?<![\w.–-])({days})\.?(?= [0-9]{{1,2}}(?:h|:[0-9]{{2}}| h\b))",
            lambda m: self.language.weekdays[m[1].lower()],
            re.I,
        )
        return (
            *((hour,) if days and not self.language.capital_months else ()),
            *((short,) if days and months else ()),
        )

    def _dates_in_figures(self) -> tuple[Rule, ...]:
        year = r"([12][0-9]{3}|[0-9]{2})"
        return (
            rule(
                r"(?<![\w-])([12][0-9]{3})-([01][0-9])-([0-3][0-9])(?:T(?=[0-2][0-9]:)|(?![\w-]))",
                lambda m: self._date(m, int(m[3]), int(m[2]), m[1]) + (", " if m[0][-1] == "T" else ""),
            ),
            rule(
                rf"(?<![\w/.-])([0-3]?[0-9])([./-])([01]?[0-9])\2{year}(?![\w/-]|[.,][0-9])",
                self._numeric,
            ),
        )

    def _months_beside_figures(self, months: str) -> tuple[Rule, ...]:
        """A month between dashes, spans of months, days and months without a year."""
        rules = []
        rules.append(
            rule(
                rf"(?<![\w-])([0-3]?[0-9])-({months})-([12][0-9]{{3}})(?![\w-])",
                lambda m: self._date(m, int(m[1]), self.language.months[_key(m[2])], m[3]),
                re.I,
            )
        )
        if self.language.to:
            rules.append(
                rule(
                    rf"(?<![\w-])({months})\.? ?[-–] ?(?=({months})(?!\w)(?!-))",
                    lambda m: f"{self._month(m[1])} {self.language.to} ",
                    re.I,
                )
            )
        rules.append(rule(r"(?<![\w/.,-])([0-3]?[0-9])/(0?[1-9]|1[0-2])(?![\w/-]|[.,][0-9]| ?[%€$£])", self._unyeared))
        rules.append(rule(r"(?<![\w/.,-])(0?[1-9]|1[0-2])/([12][0-9]{3})(?![\w/-]|[.,][0-9])", self._month_of_year))
        return tuple(rules)

    def _named_months(self, months: str) -> tuple[Rule, ...]:
        mark = r"(?:\.|er|º|°|ª)?"
        return (
            rule(
                rf"(?<![\w.,:/-])([0-3]?[0-9]){mark} ?[-–] ?([0-3]?[0-9]){mark} (?:de |"
                rf"d')?(?P<month>{months})\b\.?",
                lambda m: (
                    f"{self.language.span_day(int(m[1]), word_before(m))} {self.language.to} "
                    f"{m[0][m[0].index(m[2], len(m[1])) :]}"
                    if self.language.to
                    else m[0]
                ),
                re.I,
            ),
            rule(
                rf"(?<![\w.,:/-])([0-3]?[0-9]){mark} (?:de |d')?(?P<month>{months})\b(?:\.(?= |,|$))?"
                r"(?:,? (?:de |del )?(?P<year>[12][0-9]{3})(?![\w]|[.,][0-9]))?",
                lambda m: self._date(m, int(m[1]), self.language.months[_key(m["month"])], m["year"]),
                re.I,
            ),
            rule(
                rf"\b(?P<month>{months})\b\.?(?P<of> (?:de |del )?)(?P<year>[12][0-9]{{3}})(?![\w]|[.,][0-9])",
                lambda m: f"{self._month(m['month'])}{m['of']}{self.language.year(int(m['year']))}",
                re.I,
            ),
        )

    def _scripture(self) -> tuple[Rule, ...]:
        language = self.language
        if not language.books:
            return ()
        books = "|".join(sorted(map(re.escape, language.books), key=len, reverse=True))

        def said(found: Match) -> str:
            nth = f"{language.ordinal(int(found[1]), 'er' if language.code == 'de' else 'm')} " if found[1] else ""
            last = f" {language.to} {language.cardinal(int(found[5]))}" if found[5] else ""
            place = f"{language.cardinal(int(found[3]))}, {language.cardinal(int(found[4]))}{last}"
            return f"{nth}{language.books[found[2]]} {place}"

        return (
            rule(
                rf"(?<![\w.])(?:([1-5])\.? ?)?({books})\.? ([0-9]{{1,3}})[,:.] ?([0-9]{{1,3}})(?: ?[-–] "
                rf"?([0-9]{{1,3}}))?(?![\w])",
                said,
            ),
        )

    def _date(self, found: Match, day: int, month: int, year: str | None) -> str:
        if month > 12 >= day:
            day, month = month, day
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return found[0]
        if year and len(year) == 2:
            year = ("19" if year >= "70" else "20") + year
        said = self.language.date(day, month, int(year) if year else None, word_before(found))
        if said is None:
            said = _babel_date(day, month, year, self.language)
        return said or found[0]

    def _numeric(self, found: Match) -> str:
        """`24.12.2024`, but no version `1.4.12`: with points and a year of two figures both others have two as well.

        Only Germans write such dates without the zeros.
        """
        day, sign, month, year = found.groups()
        before = found.string[max(0, found.start() - 32) : found.start()]
        short = len(day) < 2 or len(month) < 2
        dated = self.language.code == "de" or word_before(found) in _BEFORE_DAYS
        if sign == "." and (_VERSION.search(before) or (len(year) == 2 and short and not dated)):
            return found[0]
        return self._date(found, int(day), int(month), year)

    def _unyeared(self, found: Match) -> str:
        """`15/08` is a day; `15/8` only after a word that days follow, for it may be a fraction."""
        day, month = int(found[1]), int(found[2])
        sure = found[2][0] == "0" and found[1] != "0"
        likely = day > month and word_before(found) in _BEFORE_DAYS
        if not (sure or likely) or not self.language.percent:
            return found[0]
        return self._date(found, day, month, None)

    def _month_of_year(self, found: Match) -> str:
        if word_before(found) in _LAWS:
            return found[0]
        return f"{self._named(int(found[1]))}{self.language.month_of}{self.language.year(int(found[2]))}"

    def _month(self, written: str) -> str:
        return self._named(self.language.months[_key(written)])

    def _named(self, number: int) -> str:
        name = next(name for name, value in self.language.months.items() if value == number)
        return name.capitalize() if self.language.capital_months else name

    def weekdays(self) -> list[Rule]:
        days, to = self.language.weekdays, self.language.to
        names = "|".join(days)
        # With their dot they are days, but some are other words too: then only beside a word that days follow.
        beside = self.language.before_days
        before = rf"(?:(?<!\w)(?:{beside}) )" if beside else "(?<![\\w.])"
        return [
            rule(
                rf"(?<![\w.])({names})\.? ?[-–] ?({names})(?!\w)\.?",
                lambda m: f"{days[m[1].lower()]} {to} {days[m[2].lower()]}",
                re.I,
            ),
            rule(
                rf"({before})({names})\.(?!\w)",
                self._weekday,
                re.I,
            ),
        ]

    def _weekday(self, found: Match) -> str:
        after = found.string[found.end() : found.end() + 8]
        ends = re.match(r"\s*$", after)
        if found[2].lower() in _WORDS_TOO and re.match(r"\s*$|\s+[A-ZÀ-Þ]", after):
            return found[0]
        return found[1] + self.language.weekdays[found[2].lower()] + ("." if ends else "")

    def times(self) -> tuple[Rule, ...]:
        after = r"(?![\w:]|[.,][0-9])"
        return (
            rule(
                r"(?<![\w:.,])([01]?[0-9]|2[0-4])(?:[:.h]([0-5][0-9]))? ?(?:-|–|bis|à|a) ?(?=(?:[01]?[0-9]|"
                r"2[0-4])[:.h][0-5][0-9](?![\w:]))",
                lambda m: (
                    f"{m[0].rstrip('-– ')} {self.language.to} "
                    if self.language.to and m[0][-1] in "-– " and m[0].rstrip()[-1] in "-–"
                    else m[0]
                ),
            ),
            rule(rf"(?<![\w:.,])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?{after}", self._clock),
        )

    def _clock(self, found: Match) -> str:
        said = self.language.clock(int(found[1]), int(found[2]), int(found[3] or 0), word_before(found))
        return said or found[0]


def _key(month: str) -> str:
    return month.lower().rstrip(".")


def _babel_date(day: int, month: int, year: str | None, language: Language) -> str:
    """The long form of CLDR, whose numbers the later rules say; only for a date with its year."""
    import datetime

    from babel.dates import format_date

    if not year:
        return ""
    try:
        return str(format_date(datetime.date(int(year), month, day), "long", locale=language.locale))
    except ValueError:
        return ""

"""The rules that all languages share: patterns of figures and signs; the words come from the language."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache

from antiphon.text.characters import collapse
from antiphon.text.english.tables import SPELLED_ENDINGS, SPOKEN_ENDINGS, TOP_DOMAINS
from antiphon.text.languages.grammar import MAX_DIGITS, Language, word_before
from antiphon.text.languages.signs import CURRENCIES, DOUBTFUL, UNITS
from antiphon.text.numerals import roman

Match = re.Match[str]
Rule = tuple[re.Pattern[str], Callable[[Match], str]]

_MONEY = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_SAID_AS_PAIR = ((24, 7), (50, 50))
_FILE = "|".join(sorted((*SPOKEN_ENDINGS, *SPELLED_ENDINGS), key=len, reverse=True))


def speak(text: str, language: Language) -> str:
    """One pass of all rules."""
    for pattern, words in _rules(language):
        text = pattern.sub(words, text)
    return collapse(text)


def rule(pattern: str, words: Callable[[Match], str], flags: int = 0) -> Rule:
    return re.compile(pattern, flags), words


@cache
def _rules(language: Language) -> tuple[Rule, ...]:
    shared = _Shared(language)
    own = language.address_signs
    return (
        *(shared.addresses() if own else ()),
        *shared.dates(),
        *shared.own(),
        *shared.times(),
        *shared.telephones(),
        *shared.money(),
        *shared.short_words(),
        *shared.measures(),
        *shared.spans(),
        *shared.numbers(),
        *shared.symbols(),
    )


class _Shared:
    def __init__(self, language: Language) -> None:
        self._language = language
        mark, groups = re.escape(language.mark), "." if language.mark == "," else ","
        # One pattern may hold several numbers, so groups have no names here.
        self._number = (
            rf"(?:[0-9]{{1,3}}(?:[{re.escape(groups)}'][0-9]{{3}})+(?![0-9])|[0-9]{{1,3}}(?: "
            rf"[0-9]{{3}})+(?![0-9])|[0-9]+)"
            rf"(?:{mark}[0-9]+)?"
        )
        beside = r"\w" if language.spaced else r"[A-Za-z0-9_]"
        self._left = rf"(?<!{beside})(?<![0-9][.,:/'-])(?<![.,:/+-])"
        self._right = rf"(?!{beside}|[.,:/'][0-9]|-[0-9])"
        self._short = {key.replace(" ", ""): words for key, words in language.abbreviations.items()}
        self._units = {**UNITS, **{sign: f"own-{sign}" for sign in language.own_units}}
        self._unit = "|".join(sorted(map(re.escape, self._units), key=len, reverse=True))
        self._groups = re.compile(rf"[{re.escape(groups)}' ]")

    def _split(self, written: str) -> tuple[str, str]:
        """Whole and decimal figures of a number as written."""
        whole, _, part = written.partition(self._language.mark)
        return self._groups.sub("", whole), part

    def _said(self, written: str, gender: str = "") -> str:
        whole, part = self._split(written)
        if len(whole) > MAX_DIGITS:
            return self._language.digits(whole)
        return self._language.decimal(whole, part, gender)

    def _value(self, written: str) -> Decimal:
        whole, part = self._split(written)
        return Decimal(f"{whole[:MAX_DIGITS] or 0}.{part[:6] or 0}").normalize() + 0

    # Kinds ------------------------------------------------------------------------------------------------------------

    def addresses(self) -> tuple[Rule, ...]:
        tail = r"[^\s<>\"(),;]*[^\s<>\"(),;.!?:']"
        return (
            rule(r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+\b", lambda m: self._address(m[0])),
            rule(rf"\b(?:https?|ftp)://({tail})", lambda m: self._address(m[1]), re.I),
            rule(
                rf"(?<![\w@.])((?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{TOP_DOMAINS})(?:/(?:{tail})?)?)(?![\w-]|\.\w)",
                lambda m: self._address(m[1]),
                re.I,
            ),
            rule(
                rf"(?<![\w.@/-])([\w-]{{1,80}}(?:\.[\w-]{{1,40}}){{0,3}}\.(?:{_FILE}))(?![\w-]|\.\w)",
                lambda m: self._address(m[1]),
            ),
            rule(r"(?<![\w@])@(\w+)", lambda m: f"{self._language.address_signs['@']} {m[1]}"),
            rule(r"(?<!\w)#(\w+)", lambda m: f"{self._language.signs['#']} {m[1]}"),
            rule(r"(?<![0-9.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![\w.])", lambda m: self._address(m[1])),
        )

    def _address(self, written: str) -> str:
        if written in self._short or f"{written}." in self._short:
            return written
        spoken = re.sub(r"^www\.", "w w w.", written.rstrip("/"), flags=re.I)
        spoken = re.sub(r"[0-9]+", lambda m: f" {self._language.digits(m[0])} ", spoken)
        signs = self._language.address_signs
        return collapse(re.sub(r"[^\w\s]|_", lambda m: f" {signs.get(m[0], '')} ", spoken))

    def dates(self) -> tuple[Rule, ...]:
        year = r"([12][0-9]{3}|[0-9]{2})"
        months = "|".join(sorted(map(re.escape, self._language.months), key=len, reverse=True))
        rules = [
            rule(
                r"(?<![\w-])([12][0-9]{3})-([01][0-9])-([0-3][0-9])(?![\w-])",
                lambda m: self._date(m, int(m[3]), int(m[2]), m[1]),
            ),
            rule(
                rf"(?<![\w/.-])([0-3]?[0-9])([./-])([01]?[0-9])\2{year}(?![\w/-]|[.,][0-9])",
                lambda m: self._date(m, int(m[1]), int(m[3]), m[4]),
            ),
        ]
        if months:
            mark = r"(?:\.|er|º|°|ª)?"
            rules += [
                rule(
                    rf"(?<![\w.,:/-])([0-3]?[0-9]){mark} ?[-–] ?([0-3]?[0-9]){mark} (?:de |"
                    rf"d')?(?P<month>{months})\b\.?",
                    lambda m: (
                        f"{self._language.span_day(int(m[1]), word_before(m))} {self._language.to} "
                        f"{m[0][m[0].index(m[2], len(m[1])) :]}"
                        if self._language.to
                        else m[0]
                    ),
                    re.I,
                ),
                rule(
                    rf"(?<![\w.,:/-])([0-3]?[0-9]){mark} (?:de |d')?(?P<month>{months})\b(?:\.(?= |,|$))?"
                    r"(?:,? (?:de |del )?(?P<year>[12][0-9]{3})(?![\w]|[.,][0-9]))?",
                    lambda m: self._date(m, int(m[1]), self._language.months[_key(m["month"])], m["year"]),
                    re.I,
                ),
                rule(
                    rf"\b(?P<month>{months})\b\.?(?P<of> (?:de |del )?)(?P<year>[12][0-9]{{3}})(?![\w]|[.,][0-9])",
                    lambda m: f"{self._month(m['month'])}{m['of']}{self._language.year(int(m['year']))}",
                    re.I,
                ),
            ]
        return tuple(rules)

    def _date(self, found: Match, day: int, month: int, year: str | None) -> str:
        if month > 12 >= day:
            day, month = month, day
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return found[0]
        if year and len(year) == 2:
            year = ("19" if year >= "70" else "20") + year
        said = self._language.date(day, month, int(year) if year else None, word_before(found))
        if said is None:
            said = _babel_date(day, month, year, self._language)
        return said or found[0]

    def _month(self, written: str) -> str:
        number = self._language.months[_key(written)]
        return next(name for name, value in self._language.months.items() if value == number)

    def times(self) -> tuple[Rule, ...]:
        after = r"(?![\w:]|[.,][0-9])"
        return (
            rule(
                r"(?<![\w:.,])([01]?[0-9]|2[0-4])(?:[:.h]([0-5][0-9]))? ?(?:-|–|bis|à|a) ?(?=(?:[01]?[0-9]|"
                r"2[0-4])[:.h][0-5][0-9](?![\w:]))",
                lambda m: (
                    f"{m[0].rstrip('-– ')} {self._language.to} "
                    if self._language.to and m[0][-1] in "-– " and m[0].rstrip()[-1] in "-–"
                    else m[0]
                ),
            ),
            rule(rf"(?<![\w:.,])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?{after}", self._clock),
        )

    def _clock(self, found: Match) -> str:
        said = self._language.clock(int(found[1]), int(found[2]), int(found[3] or 0), word_before(found))
        return said or found[0]

    def telephones(self) -> tuple[Rule, ...]:
        return (
            rule(
                r"(?<![\w-])(\+[0-9]{1,3}(?:[ ./-]?\(?[0-9]{1,8}\)?){2,7}|\+[0-9]{7,15})(?![\w-]|[.,][0-9])",
                self._phone,
            ),
            rule(
                r"(?<![\w.,:/-])(\(?0[0-9]{1,5}\)?(?:[ ./-]{1,3}[0-9]{2,8}){1,5})(?![\w-]|[.,:][0-9])", self._national
            ),
            rule(r"(?<![\w.,:/-])(0[0-9]{8,11})(?![\w-]|[.,:][0-9])", self._phone),
            rule(rf"(?<![\w.,:/-])({self._language.mobile})(?![\w-]| [0-9]|[.,:][0-9])", self._phone),
            rule(r"(?<![\w-])([0-9]{1,18}(?:-[0-9]{1,18}){3,6}(?:-?[Xx])?)(?![\w-])", self._phone),
        )

    def _national(self, found: Match) -> str:
        return self._phone(found) if 8 <= len(re.sub(r"[^0-9]", "", found[1])) <= 13 else found[0]

    def _phone(self, found: Match) -> str:
        groups = re.findall(r"[0-9]+", found[1])
        if self._language.pair_wise_phones:
            said = [self._pair(group) for group in groups]
        else:
            said = [self._language.digits(group) for group in groups]
        plus = f"{self._language.signs.get('+', '+')} " if found[1].startswith("+") else ""
        return plus + ", ".join(said)

    def _pair(self, group: str) -> str:
        if len(group) <= 3 and group[0] != "0":
            return self._language.cardinal(int(group))
        if len(group) == 2:
            return self._language.digits(group)
        pairs = [group[n : n + 2] for n in range(0, len(group), 2)]
        return " ".join(self._pair(pair) if pair != group else self._language.digits(pair) for pair in pairs)

    def money(self) -> tuple[Rule, ...]:
        scale = "|".join(sorted(map(re.escape, self._language.scales), key=len, reverse=True)) or "(?!)"
        number, left = self._number, self._left
        per = r"(?: ?/ ?(?P<per>[a-zA-ZäöüÄÖÜéèµ²³]{1,10}))?"
        dash = r"(?:,-|,–|,--)?"
        span = self._language.to
        rules = []
        if span:
            rules.append(
                rule(rf"(?<!\w)(?:{_MONEY}) ?({number}) ?- ?(?=(?:{_MONEY}) ?{number})", lambda m: f"{m[1]} {span} ")
            )
            rules.append(
                rule(
                    rf"{left}({number}) ?[-–] ?(?={number} ?(?:{_MONEY})(?!\w))",
                    lambda m: f"{self._said(m[1])} {span} ",
                )
            )
        return (
            *rules,
            rule(
                rf"(?<![\w.,])(?P<minus>-)?(?P<sign>{_MONEY}) ?(?P<number>{number})(?: "
                rf"?(?P<scale>{scale})(?!\w))?{dash}{per}{self._right}",
                self._amount,
            ),
            rule(
                rf"(?<![\w.,])(?P<minus>-)?(?P<number>{number}){dash} ?(?:(?P<scale>{scale}) ?)?(?:d'|de |di "
                rf")?(?P<sign>{_MONEY})(?![\w]){per}",
                self._amount,
            ),
            rule(rf"{left}(?P<number>{number}) ?(?P<scale>{scale})(?!\w)", self._scaled),
        )

    def _amount(self, found: Match) -> str:
        language = self._language
        code = CURRENCIES[found["sign"]]
        whole, part = self._split(found["number"])
        value = self._value(found["number"])
        minus = f"{language.minus} " if found["minus"] and language.minus else found["minus"] or ""
        per = self._per(found["per"])
        if found["scale"]:
            return f"{minus}{self._scale(found)}{language.currency(code, Decimal(5))}{per}".replace(
                " de e", " d'e" if language.code == "fr" else " de e"
            )
        name = language.currency(code, Decimal(1) if value == 1 else value)
        gender = language.gender(language.currency(code, Decimal(1)).split()[0])
        if len(part) != 2:
            return f"{minus}{language.join(self._said(found['number'], gender), name)}{per}"
        units = int(whole or "0")
        said = language.join(language.cardinal(units, gender), language.currency(code, Decimal(units))) if units else ""
        if int(part):
            said = language.small_money(int(part), code, said)
        return f"{minus}{said or language.join(language.cardinal(0), name)}{per}"

    def _per(self, sign: str | None) -> str:
        if not sign or not self._language.per:
            return f"/{sign}" if sign else ""
        if sign in self._units:
            return f" {self._language.per} {self._language.unit(self._units[sign], Decimal(1), '').strip()}"
        return f" {self._language.per} {sign}"

    def _scaled(self, found: Match) -> str:
        return self._scale(found).removesuffix("d'").removesuffix("de ").removesuffix("di ").rstrip()

    def _scale(self, found: Match) -> str:
        one, many, joiner = self._language.scales[found["scale"]]
        single = self._language.single(self._value(found["number"]))
        said = self._said(found["number"], self._language.gender(one))
        return f"{said} {one if single else many} {joiner}".rstrip(" ") + ("" if joiner.endswith("'") else " ")

    def short_words(self) -> tuple[Rule, ...]:
        language, rules = self._language, []
        if language.weekdays:
            rules += self._weekdays()
        if language.numbered:
            numbered = "|".join(sorted(map(re.escape, language.numbered), key=len, reverse=True))
            rules.append(rule(rf"(?<![\w.])({numbered}) ?(?=[0-9]|[IVX]+\b)", lambda m: language.numbered[m[1]] + " "))
        if language.abbreviations:
            keys = (re.escape(key).replace(r"\ ", " ?") for key in language.abbreviations)
            pattern = "|".join(sorted(keys, key=len, reverse=True))
            rules.append(rule(rf"(?<![\w.])(?:{pattern})(?!\w)", self._short_word))
        return tuple(rules)

    def _short_word(self, found: Match) -> str:
        counted = found.string[max(0, found.start() - 2) : found.start()].strip()[-1:].isdigit()
        if counted and (found[0] in self._units or found[0].rstrip(".") in self._units):
            return found[0]  # a unit, which the measures say
        said = self._short[found[0].replace(" ", "")]
        ends = found[0].endswith(".") and re.match(r"\s*$", found.string[found.end() :]) and not said.endswith(" ")
        return said + ("." if ends else "")

    def _weekdays(self) -> list[Rule]:
        days, to = self._language.weekdays, self._language.to
        names = "|".join(days)
        # With their dot they are days, but some are other words too: then only beside a word that days follow.
        beside = self._language.before_days
        before = rf"(?:(?<!\w)(?:{beside}) )" if beside else "(?<![\\w.])"
        return [
            rule(
                rf"(?<![\w.])({names})\.? ?[-–] ?({names})(?!\w)\.?",
                lambda m: f"{days[m[1].lower()]} {to} {days[m[2].lower()]}",
                re.I,
            ),
            rule(
                rf"({before})({names})\.(?!\w)",
                lambda m: m[1] + days[m[2].lower()] + ("." if re.match(r"\s*$", m.string[m.end() :]) else ""),
                re.I,
            ),
        ]

    def measures(self) -> tuple[Rule, ...]:
        number = self._number
        doubtful = "|".join(map(re.escape, DOUBTFUL))
        unit = rf"(?P<unit>(?!(?:{doubtful})(?!\w|/)){self._unit}|(?<= )(?:{doubtful}))"
        rules = [
            rule(r"(?<=[0-9]) ?° ?(?=[CF]\b)", lambda _: " °"),
            rule(rf"(?<![\w.,])(?P<minus>-)?(?P<number>{number})[- ]?{unit}(?![\w²³/]|\.\w)", self._measure),
        ]
        if self._language.to:
            rules.insert(
                1,
                rule(
                    rf"{self._left}({number})(?: ?(?:{self._unit}))? ?[-–] ?(?={number} ?(?:{self._unit}|%)(?!\w))",
                    lambda m: f"{m[1]} {self._language.to} ",
                ),
            )
        return tuple(rules)

    def _measure(self, found: Match) -> str:
        unit = self._units[found["unit"]]
        minus = f"{self._language.minus} " if found["minus"] and self._language.minus else found["minus"] or ""
        gender = self._language.unit_gender(unit)
        value = self._value(found["number"])
        return minus + self._language.unit(unit, value, self._said(found["number"], gender))

    def own(self) -> tuple[Rule, ...]:
        return tuple(rule(pattern, words) for pattern, words in self._language.own_rules())

    def spans(self) -> tuple[Rule, ...]:
        language = self._language
        if not language.to:
            return ()
        years = r"(?:1[0-9]{3}|20[0-9]{2})"
        return (
            rule(
                rf"(?<![\w.,/-])({years})[-–/]({years})(?![\w/-]|[.,][0-9])",
                lambda m: f"{language.year(int(m[1]))} {language.to} {language.year(int(m[2]))}",
            ),
            rule(
                rf"(?<![\w.,/-])({years})[-–/]([0-9]{{2}})(?![\w/-]|[.,][0-9])",
                lambda m: f"{language.year(int(m[1]))} {language.to} {self._said(m[2])}",
            ),
            rule(
                rf"{self._left}({self._number}) ?[-–] ?({self._number})(?=[ ]?(?:%|[.,;:!?)\s]|$))(?<![0-9] - [0-9])",
                lambda m: f"{m[1]} {language.to} {m[2]}",
            ),
        )

    def numbers(self) -> tuple[Rule, ...]:
        language, number = self._language, self._number
        rules = []
        if language.percent:
            rules += [
                rule(r"(?<=[0-9]) ?%", lambda _: f" {language.percent}"),
                rule(r"(?<=[0-9]) ?‰", lambda _: f" {language.signs['‰']}"),
                rule(r"(?<![\w)\].,/:-])-(?=[0-9])", lambda _: f"{language.minus} "),
                rule(rf"(?<=[0-9]) - (?={number})", lambda _: f" {language.minus} "),
                rule(r"(?<=[0-9]) ?[x×*] ?(?=[0-9])", lambda _: f" {language.signs['×']} "),
                rule(r"(?<=[0-9])/(?=[0-9])", lambda _: "/"),
                rule(r"(?<![0-9.,])([0-9]{1,4})\.([0-9]{1,2})(?![\w]|[.,][0-9])", self._pointed),
                rule(r"(?<=[\w)]) ?\^ ?(?=-?\w)", lambda _: f" {language.signs['^']} "),
                rule(r"\bv(?=[0-9]+\.)", lambda _: f"{language.signs['v']} "),
                rule(
                    r"(?<![0-9.,])([0-9]{1,3}(?:\.[0-9]{3}){2,5})(?![0-9.,])",
                    lambda m: self._said(m[1].replace(".", "")) if language.mark == "," else m[0],
                ),
                rule(
                    r"(?<![0-9.,])([0-9]{1,3}(?:\.[0-9]{1,3}){2,5})(?![\w.,])",
                    lambda m: f" {language.address_signs['.']} ".join(self._said(one) for one in m[1].split(".")),
                ),
                rule(r"(?<![\w/.,])(?:([0-9]+) )?([0-9]{1,2})/([0-9]{1,3})(?![\w/]|[.,][0-9])", self._fraction),
                rule(
                    r"(?<![\w.,:/-])([0-9]{1,4}):([0-9]{1,4})(?![\w:]|[.,][0-9])",
                    lambda m: f"{m[1]} {language.signs[':']} {m[2]}",
                ),
                rule(r"(?<=[^\W\d_])-?(?=[0-9])(?<![A-Za-z]\.)|(?<=[0-9])-?(?=[^\W\d_])", lambda _: " "),
            ]
        else:
            rules.append(rule(r"(?<=[0-9])%", lambda _: " %"))
        if language.year_words:
            rules.append(
                rule(
                    rf"((?<!\w)(?:{language.year_words}) )(1[0-9]{{3}}|20[0-9]{{2}})(?![\w]|[.,:/-][0-9])",
                    lambda m: m[1] + language.year(int(m[2])),
                    re.I,
                )
            )
            rules.append(
                rule(r"(?<![\w.,:/-])(1[1-9][0-9]{2})(?![\w]|[.,:/-][0-9])", lambda m: language.year(int(m[1])))
            )
        return (
            *rules,
            rule(rf"{self._left}({number}){self._right}", self._bare),
            *((rule(r"[0-9]+", lambda m: f" {self._bare(m)} "),) if language.percent else ()),
        )

    def _pointed(self, found: Match) -> str:
        """`2.0` where a comma would part decimals: a version, or another country's number."""
        if self._language.mark != ",":
            return found[0]
        return f"{self._said(found[1])} {self._language.address_signs['.']} {self._said(found[2])}"

    def _fraction(self, found: Match) -> str:
        above, below = int(found[2]), int(found[3])
        if (above, below) in _SAID_AS_PAIR:
            return f"{found[1] or ''} {above} {below}".strip()
        said = self._language.vulgar(above, below, found[1])
        if said:
            return said
        return f"{found[1] + ' ' if found[1] else ''}{above} {self._language.signs['over']} {below}"

    def _bare(self, found: Match) -> str:
        written = found[0]
        whole, _ = self._split(written)
        if len(whole) > 1 and whole.startswith("0"):
            return self._language.digits(whole) if self._language.percent else written
        if len(whole) > MAX_DIGITS and not self._language.percent:
            return written
        following = re.match(r" ([^\W\d_]+)", found.string[found.end() : found.end() + 32])
        return self._said(written, self._language.counted_gender(following[1]) if following else "")

    def symbols(self) -> tuple[Rule, ...]:
        signs = {sign: words for sign, words in self._language.signs.items() if len(sign) == 1 and sign not in "v:-/x*"}
        if not signs:
            return ()
        return (
            rule(
                r"\b(und|et|y|e|ou|o|i|og|och|en|ja|a|și|и)/(oder|ou|o|och|of|tai|lub|sau|или|eller)\b",
                lambda m: f"{m[1]} {m[2]}",
            ),
            rule(r"(?<=\w) ?/ ?(?=\w)", lambda _: f" {self._language.signs['/']} "),
            rule(rf"[{re.escape(''.join(signs))}]", lambda m: f" {signs[m[0]]} "),
            rule(r"[*_|\\^`~\[\]{}<>]", lambda _: " "),
        )


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


_ROMAN = r"[IVXLC]+"


def roman_value(written: str) -> int | None:
    """For the languages' own rules of ordinals."""
    return roman(written.upper())

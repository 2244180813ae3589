"""What a language is to the rules: its numbers, names of units and currencies, dates, times and signs.

The base class knows what num2words and Babel know. A language with a grammar of its own overrides the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import ClassVar

# BCP 47 family -> code of num2words (0.5.14), of Babel, word of the decimal mark ("" leaves decimals to num2words).
_KNOWN = {
    "pt": ("pt", "pt_PT", "vírgula"),
    "nl": ("nl", "nl", "komma"),
    "sv": ("sv", "sv", "komma"),
    "da": ("da", "da", "komma"),
    "no": ("no", "nb", "komma"),
    "nb": ("no", "nb", "komma"),
    "fi": ("fi", "fi", "pilkku"),
    "pl": ("pl", "pl", "przecinek"),
    "cs": ("cs", "cs", "celá"),
    "sk": ("sk", "sk", "celá"),
    "sl": ("sl", "sl", "celih"),
    "ru": ("ru", "ru", "запятая"),
    "uk": ("uk", "uk", "кома"),
    "be": ("be", "be", "коска"),
    "sr": ("sr", "sr_Latn", "zapeta"),
    "tr": ("tr", "tr", "virgül"),
    "az": ("az", "az", "vergül"),
    "ro": ("ro", "ro", "virgulă"),
    "hu": ("hu", "hu", "egész"),
    "id": ("id", "id", "koma"),
    "ca": ("ca", "ca", "coma"),
    "cy": ("cy", "cy", "pwynt"),
    "is": ("is", "is", "komma"),
    "lt": ("lt", "lt", "kablelis"),
    "lv": ("lv", "lv", "komats"),
    "eo": ("eo", "eo", "komo"),
    "vi": ("vi", "vi", "phẩy"),
    "ja": ("ja", "ja", "点"),
    "ko": ("ko", "ko", "점"),
    "kn": ("kn", "kn", "ಬಿಂದು"),
    "te": ("te", "te", "బిందువు"),
}
_WORD_BEFORE = re.compile(r"(\w+)[^\w]{1,2}$")
_UNSPACED = frozenset(("ja", "zh", "yue", "th", "my"))
_OTHER_NAMES = {"cmn": "zh", "hak": "zh", "nb": "no"}

MAX_DIGITS = 15


def known(family: str, region: str) -> tuple[str, str, str] | None:
    """The arguments of `Language` for a family, or None where the libraries do not know it."""
    if (family, region) == ("pt", "br"):
        return "pt_BR", "pt_BR", "vírgula"
    family = _OTHER_NAMES.get(family, family)
    return _KNOWN.get(family) or _of_babel(family)


def _of_babel(family: str) -> tuple[str, str, str] | None:
    """A language whose numbers stay figures, which its engine reads; months, units and currencies have names."""
    from babel import Locale, UnknownLocaleError

    try:
        return ("", str(Locale.parse(family)), "") if family else None
    except (UnknownLocaleError, ValueError):
        return None


class Language:
    """The grammar of one language. Genders are "m", "f", "n", or "" where a number stands alone."""

    to: ClassVar[str] = ""
    """Between the ends of a span; "" leaves the dash."""
    minus: ClassVar[str] = ""
    percent: ClassVar[str] = ""
    per: ClassVar[str] = ""
    money_and: ClassVar[str] = ""
    """Between whole and small money; "": nothing, and the small money is not named there."""
    coins: ClassVar[dict[str, tuple[str, str]]] = {}
    """ISO code of a currency -> its hundredth and hundredths; without one they are only counted."""
    currency_names: ClassVar[dict[str, tuple[str, str]]] = {}
    """Shorter names than the official ones."""
    scales: ClassVar[dict[str, tuple[str, str, str]]] = {}
    """`Mio.` -> (one, many, what joins it with a noun)."""
    months: ClassVar[dict[str, int]] = {}
    own_units: ClassVar[dict[str, tuple[str, str]]] = {}
    """Signs of units that CLDR does not know: (one, many)."""
    before_days: ClassVar[str] = ""
    """A pattern of words that a short day follows, where it is another word too."""
    weekdays: ClassVar[dict[str, str]] = {}
    numbered: ClassVar[dict[str, str]] = {}
    """Abbreviations that are meant only before a number."""
    abbreviations: ClassVar[dict[str, str]] = {}
    signs: ClassVar[dict[str, str]] = {}
    address_signs: ClassVar[dict[str, str]] = {}
    unit_names: ClassVar[dict[str, tuple[str, str]]] = {}
    halves: ClassVar[dict[str, str]] = {}
    """A half before a noun of each gender."""
    part_of: ClassVar[str] = ""
    """Between other fractions and a unit."""
    pair_wise_phones: ClassVar[bool] = False
    mobile: ClassVar[str] = "(?!)"
    """A pattern of telephone numbers without a zero in front."""
    year_words: ClassVar[str] = ""
    """A pattern of words that a year follows."""
    currency_words: ClassVar[dict[str, str]] = {}
    """Currencies written out: `Euro` -> EUR."""
    keys: ClassVar[tuple[str, str]] = ("", "")
    """The star and the other key of a telephone."""
    key_words: ClassVar[str] = "(?!)"
    """A pattern of words that a key of a telephone follows."""
    menu_words: ClassVar[str] = "(?!)"
    """A pattern of words that a path through menus follows, or begins with."""
    then: ClassVar[str] = ""
    """Between the steps of such a path."""
    periods: ClassVar[str] = ""
    """A pattern of what a rate may be for, after a slash: `3 Mal/Woche`."""
    labels: ClassVar[str] = ""
    """A pattern of words whose number names one of them, and counts nothing: `Zimmer 1`."""
    either: ClassVar[str] = ""
    """What joins the two words of `pairs`, written with a slash."""
    pairs: ClassVar[str] = ""
    following: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Marks after a page that mean those that follow: (pattern, words)."""
    by: ClassVar[str] = ""
    """Between the sides of a thing."""
    capital_months: ClassVar[bool] = False
    single_is_one: ClassVar[bool] = True
    """Whether only a whole 1 takes the singular: 1,0 is many."""
    books: ClassVar[dict[str, str]] = {}
    """Books of scripture by their short and full names."""
    inches: ClassVar[str] = ""
    month_of: ClassVar[str] = " "
    """Between a month and its year."""
    greek: ClassVar[dict[str, str]] = {}
    """Greek letters whose names differ from the English ones."""

    def __init__(self, code: str, locale: str, point: str) -> None:
        from babel import Locale

        self.code, self.locale, self.point = code, locale, point
        symbols = Locale.parse(locale).number_symbols.get("latn", {})
        self.mark: str = symbols.get("decimal", ".")
        group = str(symbols.get("group", ","))
        self.group = " " if group.isspace() else group.replace("’", "'")
        self.spaced = locale.partition("_")[0] not in _UNSPACED

    # Numbers ----------------------------------------------------------------------------------------------------------

    def cardinal(self, number: int, gender: str = "") -> str:  # noqa: ARG002  most languages here do not inflect
        """A whole number; with a `gender` it stands before a noun."""
        return number_words(number, self.code) if self.code else str(number)

    def ordinal(self, number: int, gender: str = "") -> str:  # noqa: ARG002
        return number_words(number, self.code, "ordinal")

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def fraction(self, part: str) -> str:
        """The digits after a decimal mark."""
        return self.join(*(self.cardinal(int(digit)) for digit in part))

    def decimal(self, whole: str, part: str, gender: str = "") -> str:
        """A number with its decimals (`part` may be empty)."""
        if part and not self.code:
            return f"{whole or 0}{self.mark}{part}"
        if not part:
            return self.cardinal(int(whole or "0"), gender)
        return self.join(self.cardinal(int(whole or "0")), self.point, self.fraction(part))

    def digits(self, text: str) -> str:
        """Figures one by one."""
        if not self.code:
            return " ".join(text)
        return self.join(*(self.cardinal(int(digit)) for digit in text))

    def join(self, *words: str) -> str:
        return (" " if self.spaced else "").join(word for word in words if word)

    # Nouns ------------------------------------------------------------------------------------------------------------

    def gender(self, noun: str) -> str:  # noqa: ARG002
        """Of a unit, currency or scale in the singular."""
        return "m"

    def counted_gender(self, word: str) -> str:  # noqa: ARG002
        """Of a word after a bare number, "" where it does not matter or nobody knows."""
        return ""

    def label(self, said: str) -> str:
        """A number in words that names one of many things, and counts none."""
        return said

    def single(self, number: Decimal) -> bool:
        """Whether a noun after `number` is in the singular."""
        return abs(number) == 1

    def span_day(self, day: int, before: str) -> str:  # noqa: ARG002
        """The first day of a span of days."""
        return self.cardinal(day)

    def currency(self, code: str, number: Decimal) -> str:
        """The name of a currency after `number`."""
        if code in self.currency_names:
            one, many = self.currency_names[code]
            return one if self.single(number) else many
        return currency_name(code, number, self.locale)

    def unit(self, unit: str, number: Decimal, spoken: str) -> str:
        """`spoken` with the unit (an identifier of CLDR) around it."""
        names = self.unit_names.get(unit) or self.own_units.get(unit.removeprefix("own-"))
        if names:
            one, many = names
            return self.join(spoken, one if self.single(number) else many)
        before, after = unit_pattern(unit, number, self.locale)
        return self.join(before, spoken, after)

    def unit_gender(self, unit: str) -> str:
        """The gender of a unit's head noun."""
        names = self.unit_names.get(unit) or self.own_units.get(unit.removeprefix("own-"))
        name = names[0] if names else unit_pattern(unit, Decimal(1), self.locale)[1]
        return self.gender(name.split()[0] if name else "")

    def vulgar(self, above: int, below: int, whole: str | None) -> str:  # noqa: ARG002
        """A fraction in words, "" for one that is only divided."""
        return ""

    def first_rules(self) -> tuple[tuple[str, Callable[[re.Match[str]], str]], ...]:
        """Rules of this language alone that come before dates."""
        return ()

    def own_rules(self) -> tuple[tuple[str, Callable[[re.Match[str]], str]], ...]:
        """Rules of this language alone: ordinals, rulers, hours by letters."""
        return ()

    def rate(self, name: str) -> str:
        """`name` as what a price or rate is for."""
        return f"{self.per} {name}"

    def repeated(self, number: int) -> str:  # noqa: ARG002
        """How often: `3x`; "" where nobody knows."""
        return ""

    def half(self, gender: str, found: re.Match[str]) -> str:  # noqa: ARG002  what stands before may decide
        """A half before a noun of `gender`, which `halves` has."""
        return self.halves[gender]

    def half_more(self, whole: int, noun: str) -> str:  # noqa: ARG002
        """A half beyond `whole` of a counted noun: two cups and a half; "" where it goes before the noun."""
        return ""

    def before_noun(self, said: str, noun: str) -> str:
        """A number in words as it stands before `noun`, whose sound may change it."""
        return f"{said} {noun}"

    # Dates and times --------------------------------------------------------------------------------------------------

    def date(self, day: int, month: int, year: int | None, before: str) -> str | None:  # noqa: ARG002
        """A date in words; `before` is the word before it. None leaves it as it is."""
        return None

    def clock(self, hour: int, minute: int, second: int, before: str) -> str | None:  # noqa: ARG002
        """A time of day; None leaves it."""
        return None

    def small_money(self, number: int, code: str, whole: str) -> str:
        """Hundredths after `whole`, the amount so far ("" if there is none); named unless they follow it directly."""
        named = not whole or self.money_and
        if named and code in self.coins:
            one, many = self.coins[code]
            said = f"{self.cardinal(number, self.gender(one))} {one if number == 1 else many}"
        else:
            said = self.cardinal(number)
        return self.join(whole, self.money_and, said) if whole else said


@lru_cache(maxsize=4096)
def number_words(number: int, code: str, form: str = "cardinal") -> str:
    """What num2words says."""
    from num2words import num2words  # type: ignore[import-untyped]

    return str(num2words(number, lang=code, to=form))


@lru_cache(maxsize=4096)
def currency_name(code: str, number: Decimal, locale: str) -> str:
    """What Babel calls a currency after `number`."""
    from babel.numbers import get_currency_name

    return str(get_currency_name(code, count=number, locale=locale))


@lru_cache(maxsize=4096)
def unit_pattern(unit: str, number: Decimal, locale: str) -> tuple[str, str]:
    """What Babel says before and after `number` of a unit."""
    from babel.numbers import format_decimal
    from babel.units import format_unit

    text = str(format_unit(number, unit, length="long", locale=locale)).replace("\u00a0", " ").replace("\u202f", " ")
    written = str(format_decimal(number, locale=locale)).replace("\u00a0", " ").replace("\u202f", " ")
    before, found, after = text.partition(written)
    return (before.strip(), after.strip()) if found else ("", text)


def word_before(found: re.Match[str]) -> str:
    """The word before a match, in small letters."""
    before = _WORD_BEFORE.search(found.string[max(0, found.start() - 32) : found.start()])
    return before[1].lower() if before else ""

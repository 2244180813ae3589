"""The rules that all languages share, in their order; the words come from the language."""

from __future__ import annotations

from functools import cache

from antiphon.text.characters import collapse
from antiphon.text.english.marks import drawn
from antiphon.text.languages.calendar import Calendar
from antiphon.text.languages.contacts import Contacts
from antiphon.text.languages.figures import Rule, rule
from antiphon.text.languages.grammar import Language
from antiphon.text.languages.hints import Hints
from antiphon.text.languages.numbers import Numbers
from antiphon.text.languages.quantities import Quantities
from antiphon.text.rewriting import Rewriter


def speak(text: str, language: Language) -> str:
    """One pass of all rules."""
    return collapse(_rules(language)(text))


@cache
def _rules(language: Language) -> Rewriter:
    calendar, contacts = Calendar(language), Contacts(language)
    quantities, numbers = Quantities(language), Numbers(language)
    about = language.signs.get("≈")
    ordered: tuple[Rule, ...] = (
        *Hints(language).rules(),
        *(drawn() if language.address_signs else ()),
        *((rule(r"(?<![/~.])~ ?(?=[$€£]?[0-9])", lambda _: f"{about} "),) if about else ()),
        *(contacts.addresses() if language.address_signs else ()),
        *(rule(pattern, words) for pattern, words in language.first_rules()),
        *calendar.dates(),
        *(rule(pattern, words) for pattern, words in language.own_rules()),
        *calendar.times(),
        *contacts.telephones(),
        *quantities.rates(),
        *quantities.money(),
        *(calendar.weekdays() if language.weekdays else ()),
        *contacts.short_words(),
        *quantities.measures(),
        *numbers.spans(),
        *numbers.numbers(),
        *numbers.symbols(),
    )
    return Rewriter(ordered)

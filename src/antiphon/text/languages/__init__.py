"""How other languages say what is written short: one set of rules, filled by each language's tables and grammar.

German, French, Spanish and Italian have their own grammar. Other languages say what num2words (numbers; LGPL, used as
a library) and Babel (Unicode CLDR: months, units, currencies) know of them; for the rest engines have their own rules.
"""

from __future__ import annotations

from functools import cache

from antiphon.text.languages import rules
from antiphon.text.languages.french import French
from antiphon.text.languages.german import German
from antiphon.text.languages.grammar import Language, known
from antiphon.text.languages.italian import Italian
from antiphon.text.languages.spanish import Spanish

__all__ = ["FULL", "NONE", "PARTLY", "coverage", "group_of", "speak"]

FULL, PARTLY, NONE = "full", "partly", "none"
_OWN: dict[str, type[German | Spanish | Italian]] = {"de": German, "es": Spanish, "it": Italian}
_LONGEST_NUMBER = 15


def coverage(family: str) -> str:
    """How much of what is written in a language (`de`) is put into words here: `FULL`, `PARTLY` or `NONE`."""
    if family in {"en", "fr"} or family in _OWN:
        return FULL
    return PARTLY if _language(family, "") is not None else NONE


def group_of(family: str, region: str) -> str:
    """The sign between thousands, "" for a language that nothing is known of."""
    language = _language(family, region)
    return language.group if language is not None else ""


def speak(text: str, family: str, region: str = "") -> str:
    """One pass over text that `characters.clean` has made plain; text of an unknown language stays as it is."""
    language = _language(family, region)
    return text if language is None else rules.speak(text, language)


@cache
def _language(family: str, region: str) -> Language | None:
    if family == "fr":
        return French(region)
    if family in _OWN:
        return _OWN[family]()
    found = known(family, region)
    return Language(*found) if found else None

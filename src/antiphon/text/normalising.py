"""What is written, as it is spoken."""

from __future__ import annotations

import re
import unicodedata

from antiphon.text import english, languages
from antiphon.text.characters import clean

_PASSES = 8
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")


def normalise(text: str, language: str = "en-us") -> str:
    """`text` in words: numbers, money, dates, times, units, abbreviations, addresses and symbols spelled out.

    English (`en`, `en-us`, `en-gb`), German, French, Spanish and Italian in full. Other languages (BCP 47) get clean
    characters and, where libraries know them, numbers, money, dates and measures; the rest is left to the engine,
    which knows its language (`languages.coverage` tells). Never raises, never drops a word, and changes nothing that it
    has already normalised.
    """
    family, _, region = language.lower().replace("_", "-").partition("-")
    for _ in range(_PASSES):
        # Words put in place of a sign may meet their neighbours and form something written again.
        spoken = _once(text, family, region)
        if spoken == text:
            break
        text = spoken
    return text


def _once(text: str, family: str, region: str) -> str:
    if family == "en":
        plain = clean(text)
        plain = _FOREIGN_DIGIT.sub(lambda found: str(unicodedata.digit(found[0])), plain)
        return clean(english.speak(plain, british=region == "gb"))
    group = languages.group_of(family, region) or " "
    return clean(languages.speak(clean(text, group), family, region), group)

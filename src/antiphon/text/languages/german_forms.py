"""The gender of German nouns, and the endings that articles and prepositions want."""

from __future__ import annotations

import re

from antiphon.text.languages import german_words
from antiphon.text.languages.grammar import word_before

Match = re.Match[str]


def gender_of(noun: str) -> str:
    word = noun.lower()
    if word in german_words.NEUTER:
        return "n"
    return "f" if word in german_words.FEMININE or word.endswith("stufe") else "m"


def strong_ending(before: str, noun: str) -> str:
    """The ending of an ordinal that stands before `noun`, as the word before it governs."""
    gender = gender_of(noun)
    stem = re.sub(r"(?:e[nmrs]?)$", "", before)
    if before in german_words.DATIVE or (stem in german_words.ARTICLES and before != stem and before[-1] in "nmrs"):
        return "en"
    if before in german_words.NOMINATIVE or (stem in german_words.ARTICLES and before == stem + "e"):
        return "e"
    if before in german_words.ALONE_DATIVE:
        return "er" if gender == "f" else "em"
    return {"m": "er", "f": "e", "n": "es"}[gender]


def ending_after(found: Match) -> str:
    """The ending of an ordinal after an article, as the article and what governs it want."""
    article = found[1].strip().lower()
    return (
        "en"
        if article in german_words.DATIVE or (article == "der" and word_before(found) in german_words.WITH_DATIVE)
        else "e"
    )

"""Numbers as a language writes them, for the rules of every kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from antiphon.text.languages.grammar import MAX_DIGITS, Language
from antiphon.text.languages.signs import UNITS

Match = re.Match[str]
Rule = tuple[re.Pattern[str], Callable[[Match], str]]


def rule(pattern: str, words: Callable[[Match], str], flags: int = 0) -> Rule:
    return re.compile(pattern, flags), words


_NAMES = frozenset(("max.", "min."))  # with a capital something else


def _capitalised(table: dict[str, str]) -> dict[str, str]:
    """Abbreviations as they begin a sentence."""
    short = {key: words for key, words in table.items() if key[0].islower() and len(key) > 2 and key not in _NAMES}
    return {key[0].upper() + key[1:]: words[0].upper() + words[1:] for key, words in short.items() if "." in key}


class Figures:
    """One language's patterns of numbers and units, and what they say."""

    def __init__(self, language: Language) -> None:
        self.language = language
        mark, groups = re.escape(language.mark), "." if language.mark == "," else ","
        self.grouping = groups
        self._label = re.compile(rf"(?<!\w)(?:{language.labels}) $", re.I)
        # One pattern may hold several numbers, so groups have no names here.
        self.number = (
            rf"(?:[0-9]{{1,3}}(?:[{re.escape(groups)}'][0-9]{{3}})+(?![0-9])|[0-9]{{1,3}}(?: "
            rf"[0-9]{{3}})+(?![0-9])|[0-9]+)"
            rf"(?:{mark}[0-9]+)?"
        )
        beside = r"\w" if language.spaced else r"[A-Za-z0-9_]"
        self.left = rf"(?<!{beside})(?<![0-9][.,:/'-])(?<![.,:/+-])"
        self.right = rf"(?!{beside}|[.,:/'][0-9]|-[0-9])"
        self.abbreviations = _capitalised(language.abbreviations) | language.abbreviations
        self.numbered = _capitalised(language.numbered) | language.numbered
        self.short = {key.replace(" ", ""): words for key, words in self.abbreviations.items()}
        self.units = {**UNITS, **{sign: f"own-{sign}" for sign in language.own_units}}
        self.unit = "|".join(sorted(map(re.escape, self.units), key=len, reverse=True))
        self._groups = re.compile(rf"[{re.escape(groups)}' ]")

    def split(self, written: str) -> tuple[str, str]:
        """Whole and decimal figures of a number as written."""
        whole, _, part = written.partition(self.language.mark)
        return self._groups.sub("", whole), part

    def said(self, written: str, gender: str = "") -> str:
        whole, part = self.split(written)
        if len(whole) > MAX_DIGITS:
            return self.language.digits(whole)
        return self.language.decimal(whole, part, gender)

    def value(self, written: str) -> Decimal:
        whole, part = self.split(written)
        return Decimal(f"{whole[:MAX_DIGITS] or 0}.{part[:6] or 0}").normalize() + 0

"""How written English is spoken: an ordered list of rewriting rules, one module for each kind of writing.

Each rule is a pattern and the words that replace it. Order carries meaning: an address is taken before its dots look
like decimals, a date before its dashes look like spans, money and units before bare numbers.
"""

from __future__ import annotations

from functools import cache

from antiphon.text.characters import collapse
from antiphon.text.english import (
    abbreviations,
    addresses,
    codes,
    dates,
    formulas,
    marks,
    measures,
    money,
    numbers,
    references,
    romans,
    symbols,
    times,
)
from antiphon.text.english.rules import Rule, Variety, put, rule
from antiphon.text.numerals import MAX_DIGITS, digits

__all__ = ["speak"]


def speak(text: str, *, british: bool = False) -> str:
    """One pass of all rules over text that `characters.clean` has made plain."""
    for pattern, words in _rules(british):
        text = pattern.sub(words, text)
    return collapse(text)


@cache
def _rules(british: bool) -> tuple[Rule, ...]:
    english = Variety(british=british)
    return (
        # Nothing below has to meet a run of digits longer than a number, or search it again and again.
        rule(rf"[0-9]{{{MAX_DIGITS + 1},}}", lambda m: f" {digits(m[0])} "),
        *marks.rules(),
        *addresses.rules(),
        rule(r"(?<![/~.])~ ?(?=[$€£¥]?\.?[0-9])", put("about ")),
        *references.rules(),
        *dates.rules(english),
        *times.rules(),
        *codes.rules(english),
        *money.rules(english),
        *abbreviations.rules(),
        *formulas.figures(english),
        *measures.rules(english),
        *formulas.rules(english),
        *numbers.spans(english),
        *romans.rules(english),
        *numbers.numbers(english),
        *symbols.rules(),
    )

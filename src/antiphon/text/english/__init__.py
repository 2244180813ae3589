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
from antiphon.text.rewriting import Rewriter

__all__ = ["speak"]


def speak(text: str, *, british: bool = False) -> str:
    """One pass of all rules over text that `characters.clean` has made plain."""
    return collapse(_rules(british)(text))


@cache
def _rules(british: bool) -> Rewriter:
    english = Variety(british=british)
    ordered: tuple[Rule, ...] = (
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
    return Rewriter(ordered)

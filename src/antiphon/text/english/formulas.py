"""Formulas: powers, chemistry, exponents of ten, comparisons, Greek letters, moves of chess."""

from __future__ import annotations

import re

from antiphon.text.english import signs
from antiphon.text.english.rules import LEFT, NUM, Match, Rule, Variety, put, rule
from antiphon.text.numerals import cardinal

_ELEMENTS = "H|He|Li|B|C|N|O|F|Ne|Na|Mg|Al|Si|P|S|Cl|Ar|K|Ca|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|Br|Ag|Sn|I|Ba|Au|Hg|Pb|U"
_PIECES = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_FUNCTIONS = {"sin": "sine", "cos": "cosine", "tan": "tangent", "log": "log", "ln": "natural log"}
_COMPARISON = "<=|>=|!=|[≤≥⩽⩾<>≈≠≡]"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")


def figures(english: Variety) -> tuple[Rule, ...]:
    """Before measures: what is no unit although it looks like one."""
    return (
        # Powers.
        rule(r"(?<=[²³])-(?=[0-9a-z(])", put(" minus ")),
        rule(
            rf"{LEFT}({NUM}) ?(?:[x×*]|times) ?10(?:\^|\*\*) ?\(?([-−]?[0-9]{{1,4}})\)?",
            lambda m: f"{english.number(m[1])} times ten to the power of {_signed(m[2])}",
        ),
        rule(
            rf"{LEFT}({NUM}) ?(?:[x×*]|times) ?10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)",
            lambda m: f"{english.number(m[1])} times ten to the power of {_signed(m[2].translate(_RAISED))}",
        ),
        # Chess, before its letters and figures are parted.
        rule(r"\b([KQRBN])([a-h]?[1-8]?)(x?)([a-h][1-8])([+#]?)(?!\w)", _move),
        rule(
            r"(?<!\w)([a-h])x([a-h][1-8])(?:=([QRBN]))?([+#]?)(?!\w)",
            lambda m: f"{m[1].upper()} takes {_square(m[2])}{_promoted(m[3])}{_check(m[4])}",
        ),
        rule(r"\b([a-h][18])=([QRBN])([+#]?)(?!\w)", lambda m: f"{_square(m[1])}{_promoted(m[2])}{_check(m[3])}"),
        rule(r"(?<!\w)[O0]-[O0]-[O0](?!\w)", put("castles queenside")),
        rule(r"(?<!\w)O-O(?!\w)", put("castles kingside")),
        # Chemistry.
        rule(rf"(?<!\w)((?:(?:{_ELEMENTS})[0-9]{{0,2}}){{2,8}})(?![\w-])", _compound),
    )


def rules(english: Variety) -> tuple[Rule, ...]:
    """After measures, whose units have powers too."""
    return (
        rule(
            rf"{LEFT}({NUM})[eE]([-+]?[0-9]{{1,3}})\b",
            lambda m: f"{english.number(m[1])} times ten to the power of {_signed(m[2].lstrip('+'))}",
        ),
        rule(
            rf"({NUM}|\b[A-Za-z]{{1,3}}|\)) ?\^ ?\(?(-?[0-9]{{1,4}}|-?[a-zA-Z])\)?",
            lambda m: _power(english, m[1], m[2]),
        ),
        rule(rf"({NUM}|[A-Za-z)])([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+)", lambda m: _power(english, m[1], m[2].translate(_RAISED))),
        rule(r"\blog_?([0-9]{1,2}) ?\(?([a-z0-9]+)\)?", lambda m: f"log base {m[1]} of {m[2]}"),
        rule(r"\b(sin|cos|tan)(?: ?(?=[xyθαβφ]\b)|(?<=sin|cos|tan) (?=[0-9]))", lambda m: f"{_FUNCTIONS[m[1]]} "),
        rule(r"(?<![\w|])\|([a-zA-Z0-9+ -]{1,12})\|(?![\w|])", lambda m: f"the absolute value of {m[1]}"),
        rule(r"\b([0-9]{1,3}|n)!(?= ?[=+×/*-])", lambda m: f"{m[1]} factorial"),
        rule(rf"(?<=[0-9])-(?={NUM} ?=)", put(" minus ")),
        rule(r"(?<=[(=+*/<>] )-(?=[a-z(√π]\b)|(?<=[(=])-(?=[a-z]\b)", put("minus ")),
        rule(r"(?<=\b[a-z]) - (?=[0-9a-z]\b)|(?<=[0-9][a-z]) - (?=[0-9a-z]\b)", put(" minus ")),
        rule(r"(?<=[²³)])/(?=[0-9a-z(])|(?<=[0-9])/(?=[a-z](?:[²³^)]|\b(?!\w)))", put(" over ")),
        rule(r"(?<=[0-9a-z]) ?== ?(?=[0-9a-z])", put(" equals equals ")),
        rule(r"\b([fgh])\(([a-z])\)", lambda m: f"{m[1]} of {m[2]}"),
        rule(
            r"\b(sin|cos|tan|log|ln)\(([a-z0-9]+)\)",
            lambda m: f"{_FUNCTIONS[m[1]]} of {m[2]}",
        ),
        rule(r"\bsqrt\(([^()]{1,20})\)", lambda m: f"the square root of {m[1]}"),
        rule(r"\bf/(?=[0-9])", put("f ")),
        rule(r"∛ ?", put("the cube root of ")),
        rule(r"(?<=[0-9a-z]) ?\* ?(?=[0-9])|(?<=[0-9]) ?\* ?(?=[a-z]\b)", put(" times ")),
        rule(r"(?<=[0-9]) ?[×] ?(?=[0-9a-z])", put(" times ")),
        rule(r"(?<=[0-9)]) / (?=[0-9(])", put(" divided by ")),
        rule(rf"(?<=[0-9])/(?={NUM} ?=)", put(" divided by ")),
        # Comparisons: with something on their left they are verbs.
        # Without spaces only beside figures: "<b>" is a tag.
        rule(rf"(?<=[\w)%]) ({_COMPARISON}) (?=[-−\w(π$€£])", _compared),
        rule(rf"(?<=[\w)%]) ?({_COMPARISON}) ?(?=[-−(π$€£]?\.?[0-9])", _compared),
        rule(r"(<=|>=|≤|≥|<|>|≈) ?(?=[-−$€£]?\.?[0-9])", lambda m: f" {signs.COMPARISONS[m[1]].removeprefix('is ')} "),
        rule(r"(?<=[0-9a-zA-Z) ])(?:->|=>)(?=[ 0-9a-zA-Z(])", put(" to ")),
        rule(r"(?<![\w])[+]/-|\+-(?=[0-9])", put("plus or minus ")),
        rule(
            rf"(?<![^\W\d_])([{''.join(signs.GREEK)}])(?![\u0370-\u03ff])",
            lambda m: (
                f" {signs.GREEK[m[1]]} " if m.string[m.end() : m.end() + 1].isalnum() else f" {signs.GREEK[m[1]]}"
            ),
        ),
        rule(r"\bpH(?= ?[0-9])", put("P H ")),
    )


def _signed(written: str) -> str:
    written = written.replace("−", "-")
    if written.lstrip("-").isdigit():
        return f"minus {cardinal(int(written[1:]))}" if written.startswith("-") else cardinal(int(written))
    return f"minus {written[1:]}" if written.startswith("-") else written


def _power(english: Variety, base: str, exponent: str) -> str:
    if base == ")":
        said = ")"
    elif base[0].isdigit():
        said = english.number(base)
    else:
        said = " ".join(base)  # letters beside each other are factors
    if exponent in {"2", "3"}:
        return f"{said} {'squared' if exponent == '2' else 'cubed'}"
    return f"{said} to the power of {_signed(exponent)}"


def _compared(found: Match) -> str:
    # "x < 5" and "2 < 3" are statements; "for temperatures < 5" is a bound.
    before = re.search(r"(?:^|[^\w])(\w+|[)%])$", found.string[max(0, found.start() - 24) : found.start()])
    word = before[1] if before else ""
    said = signs.COMPARISONS[found[1]]
    mathematical = len(word) <= 2 or not word.isalpha() or word in {"squared", "cubed"}
    return f" {said if mathematical else said.removeprefix('is ')} "


def _compound(found: Match) -> str:
    """Letters of a formula one by one, if it has a figure and is no word."""
    if not re.search(r"[0-9]", found[1]) or re.fullmatch(r"[A-Z][0-9]+|[A-Z]{2,3}[0-9]{2}", found[1]):
        return found[0]
    parts = re.findall(r"[A-Z][a-z]?|[0-9]+", found[1])
    return " ".join(
        cardinal(int(part)) if part.isdigit() else part.upper() if len(part) == 1 else " ".join(part.upper())
        for part in parts
    )


def _move(found: Match) -> str:
    start = f" {' '.join(cardinal(int(one)) if one.isdigit() else one.upper() for one in found[2])}" if found[2] else ""
    return f"{_PIECES[found[1]]}{start}{' takes' if found[3] else ''} {_square(found[4])}{_check(found[5])}"


def _square(written: str) -> str:
    return f"{written[0].upper()} {cardinal(int(written[1]))}"


def _promoted(piece: str | None) -> str:
    return f" promotes to {_PIECES[piece]}" if piece else ""


def _check(mark: str) -> str:
    return {"+": " check", "#": " checkmate"}.get(mark, "")

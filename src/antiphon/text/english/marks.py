"""What is drawn and not said: emphasis, smileys, arrows; and codes of machines whose signs would be misread."""

from __future__ import annotations

import re

from antiphon.text.english.rules import Match, Rule, count, put, rule
from antiphon.text.numerals import digits

_SMILEY = r"(?:[:;=8]['-]?[)(DPpO3/\\|*]+|[xX]D+|<3+|\^_*\^|-_-|[oO]_[oO]|¯\\_\(ツ\)_/¯)"
_DURATION = re.compile(
    r"P(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,4})D)?"
    r"(?:T(?:([0-9]{1,4})H)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})S)?)?"
)
_CHARGES = {"": "", "¹": "one ", "²": "two ", "³": "three ", "⁴": "four ", "⁵": "five ", "⁶": "six "}
_DURATION_NAMES = ("year", "month", "week", "day", "hour", "minute", "second")


def rules() -> tuple[Rule, ...]:
    """Before all others."""
    return (
        rule(r"(?<=\bI )<3(?= [A-Za-z])|(?<=\b[Ww]e )<3(?= [A-Za-z])", put("love")),
        rule(
            (r"\b((?i:press|dial|tap|hit|key|enter|type)\b[^.!?\n]{0,40} )\*(?=[ .,;!?]|$)"),
            lambda m: f"{m[1]}star",
        ),
        rule(
            r"(?<![\w*])\*([0-9]{1,4}(?:\*[0-9]{1,16}){0,4})#",
            lambda m: f"star {' star '.join(map(digits, m[1].split('*')))} hash",
        ),
        rule(
            r"(?<=[A-Za-z0-9)])([¹²³⁴⁵⁶]?)([⁺⁻])(?![\w⁰¹²³⁴⁵⁶⁷⁸⁹])",
            lambda m: f" {_CHARGES[m[1]]}{'plus' if m[2] == '⁺' else 'minus'}",
        ),
        rule(
            r"(?<!\w)(Li|Na|Mg|Ca|Ba|Al|Fe|Cu|Zn|Mn|Ag|Pb)([234]?)\+(?![\w/])",
            lambda m: f"{m[1]} {m[2]}{' ' if m[2] else ''}plus",
        ),
        rule(
            (r"\b(on|On)/off(?=[ -](?:switch|button|toggle|key|valve|control|state|relay))"),
            lambda m: f"{m[1]} off",
        ),
        *drawn(),
        rule(r"\([cC]\) ?(?=[12][0-9]{3})", put("copyright ")),
        rule(r"(?<!\w)P(?=[0-9]|T[0-9])[0-9YMWDTHS]{2,24}(?!\w)", _duration),
        rule(r"(?<!\w)0x([0-9A-Fa-f]{1,16})(?!\w)", lambda m: f"zero x {_spelt(m[1])}"),
        rule(r"(?<!\w)0b([01]{1,64})(?!\w)", lambda m: f"zero b {digits(m[1])}"),
        rule(
            r"(?<!\w)#(?=[0-9A-Fa-f]*[A-Fa-f])(?=[0-9A-Fa-f]*[0-9])([0-9A-Fa-f]{6})(?!\w)",
            lambda m: f"hash {_spelt(m[1])}",
        ),
        rule(r"(?<!\w)↑ ?(?=[$€£]?[0-9])", put("up ")),
        rule(r"(?<!\w)↓ ?(?=[$€£]?[0-9])", put("down ")),
        rule(r" ?⇒ ?", put(" implies ")),
        rule(r" ?(?:⇔|↔) ?", put(" if and only if ")),
        rule(r"[↑↓←↗↘†‡]", put(" ")),
        rule(r"(?<=[0-9]) ?★", put(" stars ")),
        rule(r"★", put(" ")),
        rule(r" ?∶ ?", put(" to ")),
    )


def drawn() -> tuple[Rule, ...]:
    """Marks around words and faces between them, in every language."""
    return (
        rule(r"(?<![\w*])\*{1,3}(?=[^\s*])([^*\n]{1,200}?)(?<=[^\s*])\*{1,3}(?![\w*])", lambda m: m[1]),
        rule(r"(?<![\w_])_{1,2}(?=[^\s_])([^_\n]{1,200}?)(?<=[^\s_])_{1,2}(?![\w_])", lambda m: m[1]),
        rule(
            rf"(?<=[^\W\d_]{{2}}) {_SMILEY}(?=\s|$|[.!?])|(?<=[^\W\d_]{{2}})[:;]['-]?[)(D](?=\s|$)|(?<=[.!?…)] )"
            rf"{_SMILEY}(?=\s|$)|^{_SMILEY}(?=\s|$)",
            put(" "),
        ),
    )


def _spelt(written: str) -> str:
    return " ".join(digits(one) if one.isdigit() else one.upper() for one in written)


def _duration(found: Match) -> str:
    """ISO 8601: `PT1H30M` is one hour thirty minutes."""
    parts = _DURATION.fullmatch(found[0])
    if not parts:
        return found[0]
    named = zip(parts.groups(), _DURATION_NAMES, strict=True)
    return " ".join(count(int(number), name) for number, name in named if number)

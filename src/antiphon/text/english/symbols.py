"""Signs that are left when numbers are words."""

from __future__ import annotations

import re

from antiphon.text.english import signs
from antiphon.text.english.rules import Rule, put, rule


def rules() -> tuple[Rule, ...]:
    symbols = "".join(map(re.escape, signs.SYMBOLS))
    return (
        rule(r"°C\b", put(" degrees Celsius ")),
        rule(r"°F\b", put(" degrees Fahrenheit ")),
        rule(r"(?<=[A-Za-z0-9]{2})_(?=[A-Za-z0-9])", put(" underscore ")),
        rule(r"\b([A-G])♯", lambda m: f"{m[1]} sharp"),
        rule(r"\b([A-G])♭", lambda m: f"{m[1]} flat"),
        rule(r"[♭♯]", put(" ")),
        rule(r"(?<!\w)\.(?=NET\b)", put("dot ")),
        rule(r"\b([CFGDA])#", lambda m: f"{m[1]} sharp"),
        rule(r"([²³¹⁴])", lambda m: f" {signs.SUPERSCRIPTS[m[1]]} "),
        rule(r"\b([A-Z]{1,5})/([A-Z]{1,5})\b", lambda m: f"{m[1]} {m[2]}"),
        rule(r"(?<=\w) ?/ ?(?=\w)", put(" slash ")),
        rule(r"(?<! )[<>](?![ =]?[0-9])|<(?=[/a-z])", put(" ")),
        rule(rf"[{symbols}]", lambda m: f" {signs.SYMBOLS[m[0]]} "),
        rule(rf"[{re.escape(signs.UNSPOKEN)}]", put(" ")),
        rule(r"(?<!\w)/|/(?!\w)", put(" ")),
    )

"""Signs that only what stands around them explains: keys of a telephone, paths through menus, charges of ions."""

from __future__ import annotations

import re

from antiphon.text.languages.figures import Figures, Match, Rule, rule
from antiphon.text.languages.grammar import Language

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_CHARGES = str.maketrans("¹²³⁴⁵⁶", "123456")
_IONS = "H|Li|Na|K|Mg|Ca|Ba|Al|Fe|Cu|Zn|Mn|Ag|Pb|NH4"


class Hints(Figures):
    """Before all others, for those would take the signs for emphasis, a hashtag, a power."""

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        self._press = re.compile(rf"\b(?:{language.key_words})\b", re.I)
        self._menu = re.compile(rf"\b(?:{language.menu_words})\b", re.I)

    def rules(self) -> tuple[Rule, ...]:
        language = self.language
        if not language.keys[0]:
            return ()
        return (
            rule(r"(?<![\w*])\*([0-9]{1,4}(?:\*[0-9]{1,16}){0,4})#", self._service),
            rule(r"(?<![\w*])(?<![0-9a-z)] )\*(?![\w*])|(?<=[^\W\d_]{3} )\*(?=[ .,;!?]|$)", self._star),
            rule(r"(?<![\w#])#(?![\w#])", lambda _: language.keys[1]),
            rule(r"(?<=[\w.\"]) ?(?:→|->|>) ?(?=\"?[^\W\d_])", self._step),
            rule(r"(?<=[A-Za-z0-9)])([¹²³⁴⁵⁶]?)([⁺⁻])(?![\w⁰¹²³⁴⁵⁶⁷⁸⁹])", self._charge),
            rule(r"(?<![\w⁰¹²³⁴⁵⁶⁷⁸⁹])([¹²³⁴⁵⁶⁷⁸⁹][⁰¹²³⁴⁵⁶⁷⁸⁹]{0,2})([A-Z][a-z]?)(?![\w])", self._isotope),
            rule(r"\+ ?/ ?[-−](?= ?\S)", lambda _: "±"),
            rule(r"([ΔΩΣδ])(?=[a-zA-Z]\b)", lambda m: f"{m[1]} "),
            rule(rf"(?<!\w)({_IONS})([234]?)\+(?!\w)", lambda m: f"{m[1]} {self._charged(m[2], '+')}"),
        )

    def _service(self, found: Match) -> str:
        """`*123#`: what opens a service of the telephone."""
        star, pound = self.language.keys
        parts = (self.language.digits(one) for one in found[1].split("*"))
        return f"{star} {f' {star} '.join(parts)} {pound}"

    def _star(self, found: Match) -> str:
        return self.language.keys[0] if self._press.search(found.string, 0, found.start()) else found[0]

    def _step(self, found: Match) -> str:
        path = self._menu.search(found.string, max(0, found.start() - 80), found.start())
        return f" {self.language.then} " if path else found[0]

    def _charge(self, found: Match) -> str:
        return f" {self._charged(found[1].translate(_CHARGES), found[2])} "

    def _isotope(self, found: Match) -> str:
        return f"{found[2]} {self.language.cardinal(int(found[1].translate(_RAISED)))}"

    def _charged(self, number: str, sign: str) -> str:
        said = self.language.signs["+"] if sign in "+⁺" else self.language.minus
        return f"{self.language.cardinal(int(number))} {said}" if number else said

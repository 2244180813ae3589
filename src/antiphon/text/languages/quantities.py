"""Money and measures."""

from __future__ import annotations

import re
from decimal import Decimal

from antiphon.text.languages.figures import Figures, Match, Rule, rule
from antiphon.text.languages.signs import CURRENCIES, DOUBTFUL

_MONEY = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))


class Quantities(Figures):
    """The rules of amounts."""

    def money(self) -> tuple[Rule, ...]:
        scale = "|".join(sorted(map(re.escape, self.language.scales), key=len, reverse=True)) or "(?!)"
        number, left = self.number, self.left
        per = r"(?: ?/ ?(?P<per>[a-zA-ZäöüÄÖÜéèµ²³]{1,10}))?"
        dash = r"(?:,-|,–|,--)?"
        span = self.language.to
        rules = []
        if span:
            rules.append(
                rule(rf"(?<!\w)(?:{_MONEY}) ?({number}) ?- ?(?=(?:{_MONEY}) ?{number})", lambda m: f"{m[1]} {span} ")
            )
            rules.append(
                rule(
                    rf"{left}({number}) ?[-–] ?(?={number} ?(?:{_MONEY})(?!\w))",
                    lambda m: f"{self.said(m[1])} {span} ",
                )
            )
        return (
            *rules,
            rule(
                rf"(?<![\w.,])(?P<minus>-)?(?P<sign>{_MONEY}) ?(?P<number>{number})(?: "
                rf"?(?P<scale>{scale})(?!\w))?{dash}{per}{self.right}",
                self._amount,
            ),
            rule(
                rf"(?<![\w.,])(?P<minus>-)?(?P<number>{number}){dash} ?(?:(?P<scale>{scale}) ?)?(?:d'|de |di "
                rf")?(?P<sign>{_MONEY})(?![\w]){per}",
                self._amount,
            ),
            rule(rf"{left}(?P<number>{number}) ?(?P<scale>{scale})(?!\w)", self._scaled),
        )

    def _amount(self, found: Match) -> str:
        language = self.language
        code = CURRENCIES[found["sign"]]
        whole, part = self.split(found["number"])
        value = self.value(found["number"])
        minus = f"{language.minus} " if found["minus"] and language.minus else found["minus"] or ""
        per = self._per(found["per"])
        if found["scale"]:
            return f"{minus}{self._scale(found)}{language.currency(code, Decimal(5))}{per}".replace(
                " de e", " d'e" if language.code == "fr" else " de e"
            )
        name = language.currency(code, Decimal(1) if value == 1 else value)
        gender = language.gender(language.currency(code, Decimal(1)).split()[0])
        if len(part) != 2:
            return f"{minus}{language.join(self.said(found['number'], gender), name)}{per}"
        units = int(whole or "0")
        said = language.join(language.cardinal(units, gender), language.currency(code, Decimal(units))) if units else ""
        if int(part):
            said = language.small_money(int(part), code, said)
        return f"{minus}{said or language.join(language.cardinal(0), name)}{per}"

    def _per(self, sign: str | None) -> str:
        if not sign or not self.language.per:
            return f"/{sign}" if sign else ""
        if sign in self.units:
            return f" {self.language.per} {self.language.unit(self.units[sign], Decimal(1), '').strip()}"
        return f" {self.language.per} {sign}"

    def _scaled(self, found: Match) -> str:
        return self._scale(found).removesuffix("d'").removesuffix("de ").removesuffix("di ").rstrip()

    def _scale(self, found: Match) -> str:
        one, many, joiner = self.language.scales[found["scale"]]
        single = self.language.single(self.value(found["number"]))
        said = self.said(found["number"], self.language.gender(one))
        return f"{said} {one if single else many} {joiner}".rstrip(" ") + ("" if joiner.endswith("'") else " ")

    def measures(self) -> tuple[Rule, ...]:
        number = self.number
        doubtful = "|".join(map(re.escape, DOUBTFUL))
        unit = rf"(?P<unit>(?!(?:{doubtful})(?!\w|/)){self.unit}|(?<= )(?:{doubtful}))"
        per = rf"(?:/(?P<per>{self.unit}|[^\W\d_]{{3,10}}))?"
        rules = [
            rule(r"(?<=[0-9]) ?° ?(?=[CF]\b)", lambda _: " °"),
            rule(
                rf"(?<![\w/.,])(?:(?P<whole>[0-9]+) )?(?P<above>[0-9]{{1,2}})/(?P<below>[0-9]{{1,3}})[- ]?{unit}"
                r"(?![\w²³/]|\.\w)",
                self._part,
            ),
            rule(rf"(?<![\w.,])(?P<minus>-)?(?P<number>{number})[- ]?{unit}{per}(?![\w²³/]|\.\w)", self._measure),
        ]
        if self.language.to:
            rules.insert(
                1,
                rule(
                    rf"{self.left}({number})(?: ?(?:{self.unit}))? ?[-–] ?(?={number} ?(?:{self.unit}|%)(?!\w))",
                    lambda m: f"{m[1]} {self.language.to} ",
                ),
            )
        return tuple(rules)

    def _measure(self, found: Match) -> str:
        unit = self.units[found["unit"]]
        minus = f"{self.language.minus} " if found["minus"] and self.language.minus else found["minus"] or ""
        gender = self.language.unit_gender(unit)
        value = self.value(found["number"])
        return minus + self.language.unit(unit, value, self.said(found["number"], gender)) + self._per(found["per"])

    def _part(self, found: Match) -> str:
        """A fraction of a unit: half a litre, three quarters of a litre, two and a half litres."""
        language, unit = self.language, self.units[found["unit"]]
        above, below, whole = int(found["above"]), int(found["below"]), found["whole"]
        one, many = (language.unit(unit, Decimal(number), "").strip() for number in (1, 2))
        gender = language.unit_gender(unit)
        if (above, below) == (1, 2) and not whole and gender in language.halves:
            return f"{language.halves[gender]} {one}"
        said = language.vulgar(above, below, whole)
        if not said:
            return found[0]
        if whole:
            return f"{said} {many}"
        of = "d'" if language.part_of == "de " and language.code.startswith("fr") and one[0] in "aeéhio" else ""
        return f"{said} {of or language.part_of}{one}"

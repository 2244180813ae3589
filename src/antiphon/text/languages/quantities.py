"""Money and measures."""

from __future__ import annotations

import re
from decimal import Decimal

from antiphon.text.english.rules import quoted
from antiphon.text.languages.figures import Figures, Match, Rule, rule
from antiphon.text.languages.signs import CURRENCIES, DOUBTFUL

_AMERICAN = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{2}|[0-9]+\.[0-9]{2}")
_MONEY = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))


class Quantities(Figures):
    """The rules of amounts."""

    def rates(self) -> tuple[Rule, ...]:
        """Before money: what is written in another country's way, and how often."""
        return (*self._written_elsewhere(), *self._per_something()) if self.language.percent else ()

    def _written_elsewhere(self) -> tuple[Rule, ...]:
        language, number = self.language, self.number
        many = r"(?=$|[.,;:!?)]|-?[^\W\d_]{2,}| [a-zà-ÿ]{2,})"
        return (
            rule(r"(?<=[0-9])[,.](?:-|--)(?= |$)", lambda _: ""),
            rule(
                r"(?<![\w.,])([0-9]{1,5}) ?([€$£]) ?([0-9]{2})(?![\w.,%])",
                lambda m: f"{m[1]}{language.mark}{m[3]} {m[2]}",
            ),
            rule(r"(?<=[0-9]) ?([kMGT])(?:bps|b/s|bit/s)(?!\w)", lambda m: f" {m[1]}bit/s"),
            rule(rf"(?<=[0-9]) ?[x×] ?(?={number} ?(?:[x×] ?{number} ?)?=)", lambda _: f" {language.signs['×']} "),
            rule(rf"{self.left}({number} ?(?:{self.unit})) ?[x×] ?(?=[0-9])", lambda m: f"{m[1]} {language.by} "),
            rule(
                rf"(?<=[0-9]) ?[x×] ?(?={number} ?(?:[x×] ?{number} ?)?(?:{self.unit}))", lambda _: f" {language.by} "
            ),
            rule(
                rf"(?<![\w.,])([1-9][0-9]{{0,2}}) ?[x×]{many}",
                lambda m: language.repeated(int(m[1])) or m[0],
            ),
            rule(
                r"(?<![\w/.])(km/h|m/s|km/s)(?![\w/²])",
                lambda m: m[0] if m.string[: m.start()].rstrip()[-1:].isdigit() else self._many(m[1]),
            ),
        )

    def _per_something(self) -> tuple[Rule, ...]:
        """Prices for a unit or a period, amounts with the currency's word, inches."""
        language, number = self.language, self.number
        rules = [
            rule(
                rf"(?<![\w,.])(?<![0-9] )([€$£])/({self.unit}|{language.periods or '(?!)'})(?![\w²³])",
                lambda m: f"{language.signs[m[1]]}{self._per(m[2])}",
            )
        ]
        if language.currency_words:
            words = "|".join(language.currency_words)
            rules.append(
                rule(
                    rf"{self.left}({number})(?<=[0-9]{re.escape(language.mark)}[0-9][0-9]) (?:{words})(?!\w)",
                    lambda m: f"{m[1]} {language.currency_words[m[0].rpartition(' ')[2]]}",
                )
            )
        if language.inches:
            rules.append(
                rule(
                    r"(?<=[0-9])\"(?=[ ,.;:)-]|$)",
                    lambda m: m[0] if quoted(m) else f" {language.inches} ",
                )
            )
        long = "|".join(sorted((re.escape(one) for one in self.units if len(one) > 1), key=len, reverse=True))
        rules.append(
            rule(
                rf"(?<=\b{language.per} )({long})(?![\w²³/])",
                lambda m: language.unit(self.units[m[1]], Decimal(1), "").strip(),
            )
        )
        if language.periods:
            rules.append(rule(rf"(?<=[^\W\d_])/({language.periods})(?!\w)", lambda m: f" {language.rate(m[1])}"))
        return tuple(rules)

    def _many(self, sign: str) -> str:
        """A unit alone, in the plural; one over another where they have no name together."""
        if sign not in self.units:
            above, _, below = sign.partition("/")
            return self._many(above) + self._per(below)
        return self.language.unit(self.units[sign], Decimal(5), "").strip()

    def money(self) -> tuple[Rule, ...]:
        scale = "|".join(sorted(map(re.escape, self.language.scales), key=len, reverse=True)) or "(?!)"
        number, left = self.number, self.left
        if self.language.mark == ",":
            # An American amount among our own.
            number = rf"(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+\.[0-9]{{2}}(?![0-9])|[0-9]+\.[0-9]{{2}}(?![0-9])|{number})"
        per = r"(?: ?/ ?(?P<per>(?:Std|Min|Sek|[Pp]ers)\.|[^\W\d_]{1,10}[²³]?))?"
        dash = r"(?:,-|,–|,--)?"
        more = rf"(?: ?(?:{scale})(?!\w))?"
        code = r"(?: (?P<code>[A-Z]{3})(?!\w))?"
        span = self.language.to
        rules = []
        if span:
            rules.append(
                rule(rf"(?<!\w)(?:{_MONEY}) ?({number}) ?- ?(?=(?:{_MONEY}) ?{number})", lambda m: f"{m[1]} {span} ")
            )
            rules.append(
                rule(
                    rf"{left}({self.number}) ?[-–] ?(?={self.number}{more} ?(?:{_MONEY})(?!\w))",
                    lambda m: f"{self.said(m[1])} {span} ",
                )
            )
        return (
            *rules,
            rule(
                rf"(?<![\w.,])(?P<minus>-)?(?P<sign>{_MONEY}) ?(?P<number>{number})(?: "
                rf"?(?P<scale>{scale})(?!\w))?{dash}{code}{per}{self.right}",
                self._amount,
            ),
            rule(
                rf"(?<![\w.,])(?P<minus>-)?(?P<number>{number}){dash} ?(?:(?P<scale>{scale}) ?)?(?:d'|de |di "
                rf")?(?P<sign>{_MONEY})(?P<code>)(?![\w]){per}",
                self._amount,
            ),
            rule(rf"{left}(?![248]K\b)(?P<number>{self.number}) ?(?P<scale>{scale})(?!\w)", self._scaled),
        )

    def _amount(self, found: Match) -> str:
        language = self.language
        code = CURRENCIES[found["sign"]]
        after = ""
        if found["code"]:
            code, after = (found["code"], "") if found["code"] in CURRENCIES.values() else (code, f" {found['code']}")
        number = found["number"]
        if language.mark == "," and _AMERICAN.fullmatch(number):
            number = number.replace(",", "").replace(".", ",")
        whole, part = self.split(number)
        value = self.value(number)
        minus = f"{language.minus} " if found["minus"] and language.minus else found["minus"] or ""
        per = self._per(found["per"])
        if found["scale"]:
            return f"{minus}{self._scale(found)}{language.currency(code, Decimal(5))}{per}{after}".replace(
                " de e", " d'e" if language.code == "fr" else " de e"
            )
        name = language.currency(code, Decimal(1) if value == 1 else value)
        gender = language.gender(language.currency(code, Decimal(1)).split()[0])
        if len(part) != 2:
            return f"{minus}{language.join(self.said(number, gender), name)}{per}{after}"
        units = int(whole or "0")
        said = language.join(language.cardinal(units, gender), language.currency(code, Decimal(units))) if units else ""
        if int(part):
            said = language.small_money(int(part), code, said)
        return f"{minus}{said or language.join(language.cardinal(0), name)}{per}{after}"

    def _per(self, sign: str | None) -> str:
        if not sign or not self.language.per:
            return f"/{sign}" if sign else ""
        if sign in self.units:
            return f" {self.language.rate(self.language.unit(self.units[sign], Decimal(1), '').strip())}"
        return f" {self.language.rate(sign)}"

    def _scaled(self, found: Match) -> str:
        joiner = self.language.scales[found["scale"]][2]
        return (
            self._scale(found).rstrip().removesuffix(joiner.rstrip()).rstrip()
            if joiner
            else self._scale(found).rstrip()
        )

    def _scale(self, found: Match) -> str:
        one, many, joiner = self.language.scales[found["scale"]]
        single = self.language.single(self.value(found["number"]))
        if self.language.mark in found["number"] and self.language.single_is_one:
            single = False
        said = self.said(found["number"], self.language.gender(one))
        if one == "mille":  # no plural before it
            said = re.sub(r"(cent|vingt)s$", r"\1", said)
        return f"{said} {one if single else many} {joiner}".rstrip(" ") + ("" if joiner.endswith("'") else " ")

    def measures(self) -> tuple[Rule, ...]:
        number = self.number
        doubtful = "|".join(map(re.escape, DOUBTFUL))
        unit = rf"(?P<unit>(?!(?:{doubtful})(?![\w/.]))(?:{self.unit})|(?<= )(?:{doubtful}))"
        per = rf"(?:/(?P<per>{self.unit}|[^\W\d_]{{3,10}}))?"
        rules = [
            rule(r"(?<=[0-9]) ?° ?(?=[CF]\b)", lambda _: " °"),
            rule(
                rf"(?<![\w/.,])(?:(?P<whole>[0-9]+) )?(?P<above>[0-9]{{1,2}})/(?P<below>[0-9]{{1,3}})[- ]?{unit}"
                r"(?![\w²³/]|\.\w)",
                self._part,
            ),
            rule(
                rf"(10[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,3}}) ?(?P<unit>{self.unit}){per}(?![\w²³/]|\.\w)",
                lambda m: f"{m[1]} {self._many(m['unit'])}{self._per(m['per'])}",
            ),
            rule(rf"(?<![\w.,])(?P<minus>-)?(?P<number>{number})[- ]?{unit}{per}(?![\w²³/]|\.\w)", self._measure),
        ]
        if self.language.percent:
            rules.append(
                rule(
                    r"(?<=[a-zà-ÿ]{3})/(km²|m²|m³|kg|km|l|h|min|s)(?![\w²³/])",
                    lambda m: f" {self.language.rate(self.language.unit(self.units[m[1]], Decimal(1), '').strip())}",
                )
            )
        many = "|".join(one for one in self.language.scales if len(one) > 3 and one.isalpha())
        if many and self.language.percent:
            rules += [
                rule(
                    rf"(?<!\w)((?:{many}) (?:d[ei] )?)({self.unit})(?![\w²³/]|\.\w)",
                    lambda m: f"{m[1]}{self._many(m[2])}" if len(m[2]) > 1 or m[2] in "tglWV" else m[0],
                ),
                rule(
                    r"(?<=[0-9]) ?/ ?(km²|m²|cm²|m³|kg|km|ml|µl|l|L|min|kWh|GB|s|h)(?![\w/²³]|\.[0-9])",
                    lambda m: f" {self.language.rate(self.language.unit(self.units[m[1]], Decimal(1), '').strip())}",
                ),
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
            return f"{language.half(gender, found)} {one}"
        if (
            whole
            and (above, below) == (1, 2)
            and (said := language.half_more(int(whole), one if whole == "1" else many))
        ):
            return said
        said = language.vulgar(above, below, whole)
        if not said:
            return found[0]
        if whole:
            return f"{said} {many}"
        of = "d'" if language.part_of == "de " and language.code.startswith("fr") and one[0] in "aeéhio" else ""
        return f"{said} {of or language.part_of}{one}"

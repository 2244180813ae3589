"""Money: signs and codes on either side, cents, scales, spans, prices per unit."""

from __future__ import annotations

import re

from antiphon.text.english import currencies, units
from antiphon.text.english.rules import LEFT, NUM, Match, Rule, Variety, alternatives, describes, put, rule
from antiphon.text.numerals import cardinal

_SIGN = alternatives(currencies.CURRENCIES)
_AFTER_SIGN = rf"(?!Rs\b)(?:{_SIGN})|(?<= )Rs\b"
_SCALE = alternatives(currencies.SCALES)
# Twenty-seven fifty as Europe writes it, besides our own way.
_AMOUNT = rf"(?:[0-9]{{1,3}}(?:\.[0-9]{{3}})*,[0-9]{{2}}(?!,?[0-9])|{NUM}|\.[0-9]{{2}})"
_PER = rf"(?: ?/ ?(?P<per>{alternatives((*units.UNITS, *units.PERIODS))})\b)?"
_EUROPEAN = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})*,[0-9]{2}")
_AFTER = r"(?![\w]|[.,][0-9])"


def rules(english: Variety) -> tuple[Rule, ...]:
    money = _Money(english)
    scale = rf"(?:[ -]?(?P<scale>{_SCALE})\b)?"
    return (
        rule(r"\b(US|AU|NZ|HK|CA) (?=\$ ?[0-9])", lambda m: m[1]),
        rule(r"\$(?=USD ?[0-9])", put("")),
        rule(
            r"(?<!\w)R ?(?=[0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+(?:\.[0-9]+)? ?(?:million|billion|bn|m)\b|"
            r"[0-9]+\.[0-9]{2}\b)",
            put("ZAR "),
        ),
        rule(
            rf"(?<=\bper )({alternatives(one for one in units.UNITS if len(one) > 1)})(?![\w/²³])",
            lambda m: units.UNITS[m[1]][0],
        ),
        rule(rf"(?<!\w)((?:{_SIGN}) ?({NUM})(?: ?({_SCALE}))?) ?- ?({_SIGN})?(?={NUM}(?: ?({_SCALE})\b)?)", money.span),
        rule(
            rf"(?<!\w)(?P<minus>[-+])?(?P<sign>{_SIGN}) ?(?P<minus2>-)?(?P<number>{_AMOUNT}){scale}"
            rf"(?: (?P<code>{currencies.CODES})\b)?(?:/-|,-)?{_PER}{_AFTER}",
            money.amount,
        ),
        rule(
            rf"{LEFT}(?P<minus>[-+])?(?P<minus2>)(?P<number>{_AMOUNT}) ?(?:(?P<scale>{_SCALE})\b ?)"
            rf"?(?P<sign>{_AFTER_SIGN})"
            rf"(?P<code>){_PER}(?!\w)",
            money.amount,
        ),
        rule(rf"{LEFT}({NUM})-?[ ]?¢{_PER}", lambda m: money.coins(m, "cent", "cents")),
        rule(rf"{LEFT}([0-9]{{1,2}})p\b{_PER}(?!\w)", lambda m: money.coins(m, "penny", "pence")),
    )


class _Money:
    def __init__(self, english: Variety) -> None:
        self._english = english

    def span(self, found: Match) -> str:
        """`$5-10`: the first amount without its currency, which the second one names."""
        sign = re.match(_SIGN, found[0])
        assert sign is not None
        first = found[1] if (found[3] and found[3] != found[5]) or re.search(r"\.[0-9]{2}$", found[2]) else found[2]
        first = first.removesuffix(".00")
        return f"{first} to {sign[0]}"

    def amount(self, found: Match) -> str:
        sign = found["sign"]
        if found["code"] and found["code"] in currencies.CURRENCIES:
            sign = found["code"]
        one, many, coin, coins = currencies.CURRENCIES[sign]
        minus = {"-": "minus ", "+": "plus "}.get(found["minus"] or found["minus2"] or "", "")
        number = found["number"]
        if _EUROPEAN.fullmatch(number) or (sign == "€" and re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+", number)):
            number = number.replace(".", "").replace(",", ".")
        number = number.replace(",", "")
        if describes(found):
            many, coins = one, coin
        per = _per(found["per"])
        if found["scale"]:
            return f"{minus}{self._english.number(number)} {currencies.SCALES[found['scale']]} {many}{per}"
        return minus + self._said(number, one, many, coin, coins) + per

    def _said(self, number: str, one: str, many: str, coin: str, coins: str) -> str:
        whole, _, part = number.partition(".")
        if len(part) != 2 or not coin:
            return f"{self._english.number(number)} {one if number == '1' else many}"
        hundredths = int(part)
        spoken = f"{self._english.number(whole or '0')} {one if whole == '1' else many}"
        small = f"{cardinal(hundredths)} {coin if hundredths == 1 else coins}"
        if not hundredths:
            return spoken
        return small if not whole.strip("0") else f"{spoken} and {small}"

    def coins(self, found: Match, one: str, many: str) -> str:
        single = found[1] == "1" or describes(found)
        return f"{self._english.number(found[1])} {one if single else many}{_per(found['per'])}"


def _per(unit: str | None) -> str:
    if not unit:
        return ""
    return f" per {units.PERIODS.get(unit) or units.UNITS[unit][0]}"

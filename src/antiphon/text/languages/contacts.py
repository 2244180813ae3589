"""Addresses of the net, files, telephone numbers, abbreviations."""

from __future__ import annotations

import re

from antiphon.text.characters import collapse
from antiphon.text.english.signs import SPELLED_ENDINGS, SPOKEN_ENDINGS, TOP_DOMAINS
from antiphon.text.languages.figures import Figures, Match, Rule, rule

_FILE = "|".join(sorted((*SPOKEN_ENDINGS, *SPELLED_ENDINGS), key=len, reverse=True))


class Contacts(Figures):
    """The rules of what is not counted."""

    def addresses(self) -> tuple[Rule, ...]:
        tail = r"[^\s<>\"(),;]*[^\s<>\"(),;.!?:']"
        return (
            rule(r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+\b", lambda m: self._address(m[0])),
            rule(rf"\b(?:https?|ftp)://({tail})", lambda m: self._address(m[1]), re.I),
            rule(
                rf"(?<![\w@.])((?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{TOP_DOMAINS})(?:/(?:{tail})?)?)(?![\w-]|\.\w)",
                lambda m: self._address(m[1]),
                re.I,
            ),
            rule(
                rf"(?<![\w.@/-])([\w-]{{1,80}}(?:\.[\w-]{{1,40}}){{0,3}}\.(?:{_FILE}))(?![\w-]|\.\w)",
                lambda m: self._address(m[1]),
            ),
            rule(r"(?<![\w:\\])([A-Za-z]:\\[\w\\.-]*\w|\\\\\w[\w\\.-]*\w)", lambda m: self._address(m[1])),
            rule(
                r"(?<![\w/.~])((?:~|\.{1,2})?/(?:[\w.+-]{1,64}/){1,16}(?:[\w.+-]*\w)?|(?:~|\.{1,2})/[\w.+-]*\w)",
                lambda m: self._address(m[1]),
            ),
            rule(r"(?<![\w@])@(\w+)", lambda m: f"{self.language.address_signs['@']} {m[1]}"),
            rule(r"(?<!\w)#(\w+)", self._hashtag),
            rule(r"(?<![\w.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?!\w|\.\w)", lambda m: self._of_net(m[1])),
        )

    def _address(self, written: str) -> str:
        if written in self.short or f"{written}." in self.short:
            return written
        spoken = re.sub(r"^www\.", "w w w.", written.rstrip("/"), flags=re.I)
        spoken = re.sub(r"[0-9]+", lambda m: f" {self.language.digits(m[0])} ", spoken)
        signs = self.language.address_signs
        return collapse(re.sub(r"[^\w\s]|_", lambda m: f" {signs.get(m[0], '')} ", spoken))

    def _of_net(self, written: str) -> str:
        """An address of four numbers: short ones as numbers, others by figures where the language does so."""
        language = self.language
        said = (
            language.cardinal(int(one)) if len(one) < 3 or language.pair_wise_phones else language.digits(one)
            for one in written.split(".")
        )
        return f" {language.address_signs['.']} ".join(said)

    def _hashtag(self, found: Match) -> str:
        spaced = re.sub(r"[0-9]+", lambda m: f" {self.said(m[0])} ", found[1]).replace("_", " ")
        return collapse(f"{self.language.signs['#']} {spaced} ") + " "

    def telephones(self) -> tuple[Rule, ...]:
        return (
            rule(
                r"(?<!\w)([A-Z]{2})([0-9]{2})((?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?)(?!\w)",
                lambda m: f"{m[1][0]} {m[1][1]} {self.language.digits(m[2])}, {self._spelt(m[3])}",
            ),
            rule(
                r"(?<![\w-])(\+[0-9]{1,3}(?:[ ./-]?\(?[0-9]{1,8}\)?){2,7}|\+[0-9]{7,15})(?![\w-]|[.,][0-9])",
                self._phone,
            ),
            rule(
                r"(?<![\w.,:/-])(00[1-9][0-9]{1,2} ?\(?[0-9]{1,5}\)?(?:[ /-][0-9]{2,8}){1,4})(?![\w-]|[.,:][0-9])",
                self._phone,
            ),
            rule(
                r"(?<![\w.,:/-])(\(?0[0-9]{1,5}\)?(?:[ ./-]{1,3}[0-9]{2,8}){1,5}(?:-[0-9]{1,2})?)(?![\w-]|[.,:][0-9])",
                self._national,
            ),
            rule(r"(?<![\w.,:/-])(0[0-9]{8,11})(?![\w-]|[.,:][0-9])", self._phone),
            rule(rf"(?<![\w.,:/-])({self.language.mobile})(?![\w-]| [0-9]|[.,:][0-9])", self._phone),
            rule(r"(?<![\w-])([0-9]{4}(?: [0-9]{4}){2,4})(?![\w-]| [0-9])", self._phone),
            rule(r"(?<![\w.,:/-])([0-9]{3,8}-0[0-9]{2,6})(?![\w-]|[.,][0-9])", self._phone),
            rule(r"(?<![\w-])([0-9]{1,18}(?:-[0-9]{1,18}){3,6}(?:-?[Xx])?)(?![\w-])", self._phone),
        )

    def _spelt(self, written: str) -> str:
        parts = (self.language.digits(one) if one.isdigit() else one for one in written if one != " ")
        return " ".join(parts)

    def _national(self, found: Match) -> str:
        return self._phone(found) if 8 <= len(re.sub(r"[^0-9]", "", found[1])) <= 13 else found[0]

    def _phone(self, found: Match) -> str:
        groups = re.findall(r"[0-9]+", found[1])
        if self.language.pair_wise_phones:
            said = [self._pair(group) for group in groups]
        else:
            said = [self.language.digits(group) for group in groups]
        plus = f"{self.language.signs.get('+', '+')} " if found[1].startswith("+") else ""
        return plus + ", ".join(said)

    def _pair(self, group: str) -> str:
        if len(group) <= 3 and group[0] != "0":
            return self.language.cardinal(int(group))
        if len(group) == 2:
            return self.language.digits(group)
        pairs = [group[n : n + 2] for n in range(0, len(group), 2)]
        return " ".join(self._pair(pair) if pair != group else self.language.digits(pair) for pair in pairs)

    def short_words(self) -> tuple[Rule, ...]:
        language, rules = self.language, []
        if language.numbered:
            numbered = "|".join(sorted(map(re.escape, self.numbered), key=len, reverse=True))
            rules.append(rule(rf"(?<![\w.])({numbered}) ?(?=[0-9]|[IVX]+\b)", lambda m: self.numbered[m[1]] + " "))
        if language.abbreviations:
            keys = (re.escape(key).replace(r"\ ", " ?") for key in self.abbreviations)
            pattern = "|".join(sorted(keys, key=len, reverse=True))
            rules.append(rule(rf"(?<![\w.])(?:{pattern})(?!\w)", self._short_word))
        return tuple(rules)

    def _short_word(self, found: Match) -> str:
        counted = found.string[max(0, found.start() - 2) : found.start()].strip()[-1:].isdigit()
        if counted and (found[0] in self.units or found[0].rstrip(".") in self.units):
            return found[0]  # a unit, which the measures say
        said = self.short[found[0].replace(" ", "")]
        ends = found[0].endswith(".") and re.match(r"\s*$", found.string[found.end() :]) and not said.endswith(" ")
        return said + ("." if ends else "")

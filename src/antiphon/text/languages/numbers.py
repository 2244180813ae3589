"""Spans, fractions, and every number and sign that is left."""

from __future__ import annotations

import re

from antiphon.text.english.signs import GREEK
from antiphon.text.languages.figures import Figures, Match, Rule, rule
from antiphon.text.languages.grammar import MAX_DIGITS

_SAID_AS_PAIR = ((24, 7), (50, 50))
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")


class Numbers(Figures):
    """The rules of bare numbers."""

    def spans(self) -> tuple[Rule, ...]:
        language = self.language
        if not language.to:
            return ()
        years = r"(?:1[0-9]{3}|20[0-9]{2})"
        return (
            rule(
                rf"(?<![\w.,/-])({years})[-–/]({years})(?![\w/-]|[.,][0-9])",
                lambda m: f"{language.year(int(m[1]))} {language.to} {language.year(int(m[2]))}",
            ),
            rule(
                rf"(?<![\w.,/-])({years})[-–/]([0-9]{{2}})(?![\w/-]|[.,][0-9])",
                lambda m: f"{language.year(int(m[1]))} {language.to} {self.said(m[2])}",
            ),
            rule(
                rf"{self.left}({self.number}) ?[-–] ?({self.number})(?=[ ]?(?:%|[.,;:!?)\s]|$))(?<![0-9] - [0-9])",
                lambda m: f"{m[1]} {language.to} {m[2]}",
            ),
        )

    def numbers(self) -> tuple[Rule, ...]:
        language, number = self.language, self.number
        if language.percent:
            signs = (*self._signs(), *self._powers(), *self._products(), *self._figures_in_groups())
        else:
            signs = (rule(r"(?<=[0-9])%", lambda _: " %"),)
        return (
            *signs,
            *self._years(),
            rule(rf"{self.left}({number}){self.right}", self._bare),
            *((rule(r"[0-9]+", lambda m: f" {self._bare(m)} "),) if language.percent else ()),
        )

    def _signs(self) -> tuple[Rule, ...]:
        """Percent, plus, minus, division."""
        language, number = self.language, self.number
        return (
            rule(r"\+ ?/ ?-(?= ?[0-9])", lambda _: f"{language.signs['±']} "),
            rule(r"(?<!\S)- (?=[0-9]+(?:[.,][0-9]+)? ?°)", lambda _: f"{language.minus} "),
            rule(r"(?<=[0-9]) ?%", lambda _: f" {language.percent}"),
            rule(r"(?<=[0-9]) ?‰", lambda _: f" {language.signs['‰']}"),
            rule(r"(?<![\w)\].,/:-])-(?=[0-9])", lambda _: f"{language.minus} "),
            rule(r"(?<![\w)\].,/:+-])\+ ?(?=[0-9])", lambda _: f"{language.signs['+']} "),
            rule(
                r"(?<=[^\W\d_]{2} )([0-9]{1,2}) - ([0-9]{1,2})(?= [A-ZÀ-Þ])",
                lambda m: f"{self.said(m[1])} {language.signs[':']} {self.said(m[2])}",
            ),
            rule(rf"(?<=[0-9]) - (?={number})", lambda _: f" {language.minus} "),
            rule(r"(?<=[0-9][a-z²³)]) ?- ?(?=[0-9a-z(])|(?<=\b[a-z]) - (?=[0-9a-z]\b)", self._less),
            rule(rf"(?<=[0-9]) ∶ (?={number} ?=)|(?<=[0-9)]) / (?=[0-9(])", lambda _: f" {language.signs['÷']} "),
            rule(r" ?∶ ?", lambda _: f" {language.signs[':']} "),
            rule(rf"(?<=[0-9])-(?={number} ?=)", lambda _: f" {language.minus} "),
        )

    def _powers(self) -> tuple[Rule, ...]:
        """Powers of ten, raised figures, versions, `ff.`, stars."""
        language, number = self.language, self.number
        return (
            rule(
                rf"{self.left}({number})[eE]([-+]?)([0-9]{{1,3}})(?!\w)",
                lambda m: (
                    f"{m[1]} {language.signs['×']} 10 {language.signs['^']} "
                    f"{language.minus + ' ' if m[2] == '-' else ''}{m[3]}"
                ),
            ),
            rule(r"(?<=[\w)])([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}|ⁿ)", self._raised),
            rule(r"\bv(?=[0-9]+\.)", lambda _: f"{language.signs['v']} "),
            rule(
                rf"(?<=[0-9]) ?({'|'.join(mark for mark, _ in language.following) or '(?!)'})(?!\w)",
                self._following,
            ),
            rule(r"(?<=[0-9]) ?★", lambda _: f" {language.signs.get('★', '')}"),
        )

    def _products(self) -> tuple[Rule, ...]:
        """Products, figures with one point, powers with `^`."""
        language = self.language
        return (
            rule(r"(?<=[0-9]) ?[x×*] ?(?=[0-9])", lambda _: f" {language.signs['×']} "),
            rule(r"(?<=[0-9])/(?=[0-9])", lambda _: "/"),
            rule(r"(?<![0-9.,])([0-9]{1,4})\.([0-9]{1,2})(?![\w]|[.,][0-9])", self._pointed),
            rule(r"(?<=[\w)]) ?\^ ?(?=-?\w)", lambda _: f" {language.signs['^']} "),
        )

    def _figures_in_groups(self) -> tuple[Rule, ...]:
        """Figures in groups, fractions, ratios, figures beside letters."""
        language = self.language
        return (
            rule(
                r"(?<![0-9.,])([0-9]{1,3}(?:\.[0-9]{3}){2,5})(?![0-9]|[.,][0-9])",
                lambda m: self.said(m[1].replace(".", "")) if language.mark == "," else m[0],
            ),
            rule(
                r"(?<![0-9.,])([0-9]{1,4}(?:\.[0-9]{1,4}){2,5})(?!\w|[.,][0-9])",
                lambda m: f" {language.address_signs['.']} ".join(self.said(one) for one in m[1].split(".")),
            ),
            rule(
                r"(?<![\w/.,])([0-9]{1,2}) 1/2 ([a-zà-ÿ]{3,})(?!\w)",
                lambda m: language.half_more(int(m[1]), m[2]) or m[0],
            ),
            rule(r"(?<![\w/.,])(?:([0-9]+) )?([0-9]{1,2})/([0-9]{1,3}|1000)(?![\w/]|[.,][0-9])", self._fraction),
            rule(
                rf"(?<![\w.,:/-])([0-9]{{1,4}}):([0-9]{{1,3}}(?:{re.escape(self.grouping)}[0-9]{{3}})+|"
                rf"[0-9]{{1,4}})(?![\w:]|[.,][0-9])",
                lambda m: f"{self.said(m[1])} {language.signs[':']} {self.said(m[2])}",
            ),
            rule(r"(?<=[^\W\d_])-?(?=[0-9])(?<![A-Za-z]\.)|(?<=[0-9])-?(?=[^\W\d_])", lambda _: " "),
        )

    def _years(self) -> tuple[Rule, ...]:
        language = self.language
        if not language.year_words:
            return ()
        return (
            rule(
                rf"((?<!\w)(?:{language.year_words}) )(1[0-9]{{3}}|20[0-9]{{2}})(?![\w]|[.,:/-][0-9])",
                lambda m: m[1] + language.year(int(m[2])),
                re.I,
            ),
            rule(
                r"(?<![\w.,:/-])(1[1-9][0-9]{2})(?![\w]|[.,:/-][0-9]| [A-ZÄÖÜ][a-zäöüß]{2,})",
                lambda m: language.year(int(m[1])),
            ),
        )

    def _less(self, found: Match) -> str:
        """A minus between letters, in an equation."""
        around = found.string[max(0, found.start() - 24) : found.end() + 24]
        return f" {self.language.minus} " if "=" in around else found[0]

    def _pointed(self, found: Match) -> str:
        """`2.0` where a comma would part decimals: a version, or another country's number."""
        if self.language.mark != ",":
            return found[0]
        return f"{self.said(found[1])} {self.language.address_signs['.']} {self._bare_part(found[2])}"

    def _bare_part(self, part: str) -> str:
        return self.language.digits(part) if part.startswith("0") and len(part) > 1 else self.said(part)

    def _fraction(self, found: Match) -> str:
        above, below = int(found[2]), int(found[3])
        if (above, below) in _SAID_AS_PAIR:
            return f"{found[1] or ''} {above} {below}".strip()
        following = re.match(r" ([^\W\d_]+)", found.string[found.end() : found.end() + 32])
        if (above, below) == (1, 2) and not found[1] and following:
            gender = self.language.counted_gender(following[1])
            if gender in self.language.halves:
                return self.language.half(gender, found)
        said = self.language.vulgar(above, below, found[1])
        if said:
            return said
        return f"{found[1] + ' ' if found[1] else ''}{above} {self.language.signs['over']} {below}"

    def _bare(self, found: Match) -> str:
        written = found[0]
        whole, _ = self.split(written)
        if len(whole) > 1 and whole.startswith("0"):
            return self.language.digits(whole) if self.language.percent else written
        if len(whole) > MAX_DIGITS and not self.language.percent:
            return written
        following = re.match(r" ([^\W\d_]+)", found.string[found.end() : found.end() + 32])
        if self.language.labels and self._label.search(found.string[max(0, found.start() - 24) : found.start()]):
            return self.language.label(self.said(written))
        if not following:
            return self.said(written)
        said = self.said(written, self.language.counted_gender(following[1]))
        return self.language.before_noun(said, following[1]).removesuffix(following[1]).rstrip()

    def _raised(self, found: Match) -> str:
        language, written = self.language, found[1].translate(_RAISED)
        if written in {"2", "3"}:
            return f" {language.signs['²' if written == '2' else '³']} "
        return f" {language.signs['^']} {written.replace('-', language.minus + ' ').replace('+', '')} "

    def _following(self, found: Match) -> str:
        return " " + next(words for mark, words in self.language.following if re.fullmatch(mark, found[1]))

    def symbols(self) -> tuple[Rule, ...]:
        signs = {sign: words for sign, words in self.language.signs.items() if len(sign) == 1 and sign not in "v:-/x*"}
        if not signs:
            return ()
        return (
            rule(
                r"\b(und|et|y|e|ou|o|i|og|och|en|ja|a|și|и)/(oder|ou|o|och|of|tai|lub|sau|или|eller)\b",
                lambda m: f"{m[1]} {m[2]}",
            ),
            rule(
                rf"(?<![^\W\d_])([{''.join(GREEK)}])(?![^\W\d_])",
                lambda m: f" {self.language.greek.get(m[1]) or self.language.signs.get(m[1]) or GREEK[m[1]]} ",
            ),
            rule(r"\b([CF])[#♯](?!\w)", lambda m: f"{m[1]} sharp"),
            rule(r"\b([A-ZÄÖÜ]{1,5})/([A-ZÄÖÜ]{1,5})\b", lambda m: f"{m[1]} {m[2]}"),
            *(
                (rule(rf"\b({self.language.pairs})\b", lambda m: m[0].replace("/", f" {self.language.either} "), re.I),)
                if self.language.pairs
                else ()
            ),
            rule(r"(?<=[^\W\d_]{2})/(?=(?:innen|in|r|n|e[rsnm]?|as?|os?|ne|le)\b)", lambda _: " "),
            rule(r"(?<=\w) ?/ ?(?=\w)", lambda _: f" {self.language.signs['/']} "),
            rule(rf"[{re.escape(''.join(signs))}]", lambda m: f" {signs[m[0]]} "),
            rule(r"[*_|\\^`~\[\]{}<>]", lambda _: " "),
        )

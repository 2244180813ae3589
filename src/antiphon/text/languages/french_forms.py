"""Forms that only French has: months that are numbers too, elisions, agreement, abbreviations by their place."""

from __future__ import annotations

import re
from collections.abc import Callable

from antiphon.text.languages import french_notation
from antiphon.text.languages.grammar import Language
from antiphon.text.numerals import roman

Match = re.Match[str]
Rule = tuple[str, Callable[[Match], str]]

_PLURAL = re.compile(
    r"\b(?:les|des|ces|ses|nos|vos|leurs|aux|plusieurs|sont|soient|étaient|restent|deux|trois)\b", re.I
)
_DETERMINED = re.compile(
    r"\b(la|une|cette|sa|ma|ta|toute|le|un|ce|cet|son|mon|du|au|tout|"
    r"les|des|ces|ses|aux|leurs?|notre|chaque|de|l'|d')"
    r" ?([^\W\d_]{3,})",
    re.I,
)
_FEMININE_BEFORE = frozenset("la une cette sa ma ta toute".split())
_MASCULINE_BEFORE = frozenset("le un ce cet du au tout".split())
_VERBS = frozenset("est sont soit soient reste restent être était étaient devient demeure strictement".split())
_NAMED = {
    "p": "pages",
    "art": "articles",
    "fig": "figures",
    "chap": "chapitres",
    "vol": "volumes",
    "al": "alinéas",
    "n°": "numéros",
    "no": "numéros",
    "tabl": "tableaux",
    "tab": "tableaux",
    "t": "tomes",
    "ex": "exemples",
    "éq": "équations",
    "sect": "sections",
    "§": "paragraphes",
    "par": "paragraphes",
    "av": "avenues",
}
_SET = r"[0-7]/[0-7](?: ?\([0-9]{1,2}[/-][0-9]{1,2}\))?"
_PERIODS = {"j": "jour", "sem": "semaine"}
_CALLS = (
    r"(?i:appele[rz]|appelle|compose[rz]?|faites|faire|tape[rz]|"
    r"joindre|joignable|contacte[rz]?|téléphone[rz]?)"
)


def first(french: Language) -> tuple[Rule, ...]:
    """Before dates."""
    return (
        *french_notation.rules(french),
        *_months(),
        *_spoons(),
        *_durations(french),
        *_references(),
        *_numbers(french),
    )


def _months() -> tuple[Rule, ...]:
    """`sept.` is a month beside its day or year or after what months follow; else a number that ends a sentence."""
    return (
        (
            r"\b((?i:en|début|fin|mi-|mi|courant|depuis|dès|de|d'ici|jusqu'en|avant|après) ?)sept\.(?= [a-z0-9(])",
            lambda m: f"{m[1]}septembre",
        ),
        (r"(?<![\w-])[Ss]ept\.(?= (?:19|20)[0-9]{2}\b)", lambda m: f"{m[0][0]}eptembre"),
        (r"(?<![\w-])([Ss])ept\. ?[-–/] ?(?=oct|nov|déc|janv)", lambda m: f"{m[1]}eptembre à "),
    )


def _spoons() -> tuple[Rule, ...]:
    spoon = r"(?<![\w.])(?:c|cuill?|cuillè?res?|cuillers?)\.? ?"
    return (
        (
            rf"([0-9½¼¾]|une|deux|trois|quelques) ?{spoon}(?:à )(soupe|café|thé|dessert)\b",
            lambda m: f"{m[1]} {'cuillère' if _one(m) else 'cuillères'} à {m[2]}",
        ),
        (rf"{spoon}à\.? ?s\.?(?=[ ,;)]|$)", lambda m: _stop(m, "cuillère à soupe")),
        (rf"{spoon}à\.? ?c\.?(?=[ ,;)]|$)", lambda m: _stop(m, "cuillère à café")),
    )


def _one(found: Match) -> bool:
    before = found.string[max(0, found.start() - 2) : found.start() + 1]
    return found[1] in {"½", "¼", "¾", "une"} or (found[1] == "1" and not before[:-1].strip().isdigit())


def _stop(found: Match, said: str) -> str:
    ends = found[0].endswith(".") and not found.string[found.end() :].strip()
    return said + ("." if ends else "")


def _durations(french: Language) -> tuple[Rule, ...]:
    def lasting(found: Match) -> str:
        units = (("heure", found[1]), ("minute", found[2]), ("seconde", found[3]))
        return " ".join(
            f"{french.cardinal(int(n), 'f')} {name}{'s' if int(n) > 1 else ''}" for name, n in units if n
        ) + (f" {french.cardinal(int(found[4]))}" if found.lastindex and found.lastindex > 3 and found[4] else "")

    return (
        (
            (
                r"(?<![\w.,:])([0-9]{1,3}) ?h(?:eures?)? ?([0-5]?[0-9]) ?(?:min|"
                r"mn|m|') ?([0-5]?[0-9]) ?(?:s|sec|'')(?![\w'])"
            ),
            lasting,
        ),
        (
            (
                r"(?<![\w.,:])()([0-9]{1,3}) ?(?:'|min|mn) ?([0-5]?[0-9])"
                r" ?(?:\"|''|s|sec)([0-9]{1,2})?(?![\w'])"
            ),
            lasting,
        ),
        (r"(?<![\w.,:])()()([0-9]{1,2})(?:\"|'')([0-9]{1,3})(?![\w'])", lasting),
        (r"(?<![\w.,:])()([0-9]{1,2}):([0-5][0-9])[.,]([0-9]{1,3})(?![\w'])", lasting),
        (
            r"(?<![\w.,:'])([0-9]{1,3})'(?=$|[ .,;)])(?! [0-9]+\")",
            lambda m: f"{french.cardinal(int(m[1]), 'f')} {'minute' if m[1] == '1' else 'minutes'}",
        ),
        (
            r"(?<![\w.,:'])([0-9]{1,3})(?:''|\")(?=\)|$)(?=.*)(?<=[0-9]'')",
            lambda m: f"{french.cardinal(int(m[1]), 'f')} secondes",
        ),
    )


def _references() -> tuple[Rule, ...]:
    """Plural articles before an abbreviation, and spans of pages."""
    names = "|".join(sorted(map(re.escape, _NAMED), key=len, reverse=True))
    return (
        (
            (
                rf"\b((?i:les|des|aux|ces|ses|nos|vos|leurs)"
                rf" )({names})\.? ?(?=[0-9IVXLRD])"
            ),
            lambda m: f"{m[1]}{_NAMED[m[2]]} ",
        ),
        (r"(?<![\w.])([Pp])\. ?(?=[0-9]{1,4} ?(?:[-–]|à|et) ?[0-9])", lambda m: f"{m[1]}ages "),
        (r"(?<![\w.])([Aa])rt\. ?(?=[0-9]{1,4} ?(?:à|et) ?[0-9])", lambda m: f"{m[1]}rticles "),
        (r"(?<![\w.])([Cc])hap\. ?(?=[0-9]{1,3} ?(?:[-–]|à|et) ?[0-9])", lambda m: f"{m[1]}hapitres "),
        (r"(?<![\w.])([Ff])ig\. ?(?=[0-9]{1,3} ?(?:[-–]|à|et) ?[0-9])", lambda m: f"{m[1]}igures "),
        (r"§§ ?(?=[0-9])", lambda _: "paragraphes "),
        (r"\bn°s? ?(?=[0-9]+ (?:et|à) n°)", lambda _: "numéro "),
        (
            (
                r"\b([vV])\. (?=(?:p|pp|art|fig|chap|tabl|n°|§)"
                r"\.? ?[0-9]|aussi\b|infra\b|supra\b|ci-)"
            ),
            lambda m: f"{m[1]}oir ",
        ),
        (r"\b(le|du|au|les|lieutenant-)col\. (?=[A-ZÀ-Þ])", lambda m: f"{m[1]} colonel "),
        (r"\bMr\.? (?=[A-ZÀ-Þ])", lambda _: "monsieur "),
        (r"\bMt (?=[A-ZÀ-Þ][a-z])", lambda _: "mont "),
        (r"\bN\.-D\.", lambda _: "Notre-Dame"),
        (r"\b([nN])° ?(?=[^\W\d_])(?!s\b)", lambda m: f"{m[1]}uméro "),
        (
            r"\b(SIRET|SIREN)((?: n°)? ?:? ?)([0-9]{3}(?: [0-9]{3}){2}(?: [0-9]{5})?)\b",
            lambda m: f"{m[1]}{m[2]}{m[3].replace(' ', ', ')}",
        ),
        (r"\bM\.? (?=et (?:Mme|Mlle|[A-ZÀ-Þ]))", lambda _: "monsieur "),
        (r"\bMM (?=[A-ZÀ-Þ][a-zà-ÿ])", lambda _: "messieurs "),
        (r"\b(?:Ets|Éts|Etts)\.? (?=[A-ZÀ-Þ])", lambda _: "établissements "),
        (r"\b(av|apr|ap)\.? J\.?[- ]?C\b\.?", lambda m: f"{'avant' if m[1] == 'av' else 'après'} Jésus-Christ"),
        (r"(?<=[0-9]) ?F ?CFA\b", lambda _: " francs CFA"),
        (r"\b(du|le|au|rue) Mal (?=[A-ZÀ-Þ])", lambda m: f"{m[1]} maréchal "),
        (r"\bApt\.? (?=[0-9])", lambda _: "appartement "),
        (r"\b(Renault|la|une|ma|sa|en) 4L\b", lambda m: f"{m[1]} quatre L"),
        (r"\b([JH]) ?[-−] ?([0-9]{1,3})\b(?![.,]?[0-9])", lambda m: f"{m[1]} moins {m[2]}"),
        (r"(?<!\w)\(s\)(?!\w)", lambda _: ""),
    )


def _numbers(french: Language) -> tuple[Rule, ...]:
    return (
        (
            r"\b([Dd]e|[Qq]ue|[Jj]usque) 1(?= ?(?:€|\$|%|[^\W\d_]))(?! (?:à|et|ou|sur|pour)\b)(?! ?[eè])",
            lambda m: f"{m[1][:-1]}'1",
        ),
        (r"\b(un|une) (?=[½] |1/2 )", lambda _: ""),
        (r"(?<![\w.,])1 ?k(?!\w)", lambda _: "mille"),
        (r"(?<![\w.,])([0-9]{1,3}(?: [0-9]{3})+)(?:e|ème)(?!\w)", lambda m: french.ordinal(int(m[1].replace(" ", "")))),
        (r"(?<![\w.,])([0-9]) ?[x×] ?(?=(?:[1-9]0{1,3}|1 ?500) ?m\b)", lambda m: f"{m[1]} fois "),
        (
            (
                r"(?:^|(?<=\()|(?<=[:;,] ))([<>])"
                r" ?(?=[0-9][0-9 .,]*(?:[a-zà-ÿ]|€|\$))"
            ),
            lambda m: "moins de " if m[1] == "<" else "plus de ",
        ),
        (r"(?<!\S)[-−] de (?=[0-9])", lambda _: "moins de "),
        (r"\b(M(?:in|ax))\. ?(?=[-−]?[0-9])", lambda m: f"{m[1]}imum "),
        (r"\b([Ll]'an) ([IVX]+)\b", lambda m: f"{m[1]} {french.cardinal(n)}" if (n := roman(m[2])) else m[0]),
        (r"(?<![\w/.,])([0-9]{1,2})/([0-9]{1,2})(?= ?°)", lambda m: f"{m[1]} à {m[2]}"),
        (rf"(?<![\w/.,]){_SET}(?:(?:, ?| et | ){_SET}){{1,4}}(?![\w/])", lambda m: m[0].replace("/", "-")),
        (
            r"(?<![\w.,])([0-9]*1)((?: bis| ter)?,?) (?=(?:place|pl\.|Pl\.) (?:de|du|des|d'|[A-ZÀ-Þ]))",
            lambda m: f"{french.cardinal(int(m[1]))}{m[2]} ",
        ),
        (r"(?<=[0-9])[.·×x] ?(?=10(?:\^|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]))", lambda _: " × "),
        (r"(?<![\w/.,])([0-9]{2,3})/([0-9]{2,3})(?= ?mmHg)", lambda m: f"{m[1]} sur {m[2]}"),
        (r"(?<=[0-9]) ?[x×] ?/ ?(?=j(?:our)?\b|sem|mois|an\b)", lambda _: " fois/"),
        (r"[x×] ?([0-9])/(?=j\b)", lambda m: f"{m[1]} fois/"),
        (r"(?<=[^\W\d_]{2}) ?/ ?(j|sem)\b\.?(?![./])", lambda m: f" par {_PERIODS[m[1]]}"),
        (r"\b4 ?[x×] ?4\b(?! ?(?:=|[cm]?m))", lambda _: "quatre-quatre"),
        (
            (
                rf"\b({_CALLS}(?: (?:le|au|directement|vite|donc|par téléphone|"
                rf"nous))*) ([1-9][0-9])([0-9]{{2}})\b(?![.,]?[0-9])"
            ),
            lambda m: (
                f"{m[1]} {french.cardinal(int(m[2]))} "
                f"{french.digits(m[3]) if m[3][0] == '0' else french.cardinal(int(m[3]))}"
            ),
        ),
        (r"\b([Ll]'an) ([0-9]{3,4})\b(?![.,][0-9])", lambda m: f"{m[1]} {french.year(int(m[2]))}"),
        (
            r"(?<=[\w)%²³°]) ?(<=|>=|[<>≤≥]) ?(?=[-−]?[0-9])|(?<=[\w)]) (<=|>=|[<>≤≥]) (?=[-−(a-zπ€$√])",
            lambda m: _compared(m, french),
        ),
    )


def _compared(found: Match, french: Language) -> str:
    """Signs of comparison agree with what is compared."""
    sign = (found[1] or found[2]).replace("<=", "≤").replace(">=", "≥")
    clause = re.split(r"[.;:!?()] |, ", found.string[: found.start()])[-1][-70:]
    feminine, plural = _subject(clause, french)
    ending = ("e" if feminine else "") + ("s" if plural else "")
    size = ("inférieur" if sign in "<≤" else "supérieur") + ending
    if sign in "≤≥":
        size += " ou " + ("égaux" if ending == "s" else f"égal{ending}")
    return f" {size} à "


def _subject(clause: str, french: Language) -> tuple[bool, bool]:
    """Gender and number of what a clause is about: whether feminine, whether plural."""
    last = re.search(r"(\w+)\)?$", clause)
    if last and (len(last[1]) < 3 or last[1].isdigit()):
        return False, False  # a variable
    plural = bool(_PLURAL.search(clause))
    found = [one for one in _DETERMINED.finditer(clause) if one[2].lower() not in _VERBS]
    if found and found[0][1].lower() in _FEMININE_BEFORE:
        return True, plural
    if found and found[0][1].lower() in _MASCULINE_BEFORE:
        return False, plural
    words = [one for one in re.findall(r"[^\W\d_]{3,}", clause) if one.lower() not in _VERBS]
    noun = found[0][2] if found else words[0] if words else ""
    return bool(noun) and french.counted_gender(noun.lower()) == "f", plural

"""German."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from antiphon.text.languages.grammar import Language, number_words, word_before
from antiphon.text.numerals import roman

Match = re.Match[str]

_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_SHORT = "jan feb mär apr mai jun jul aug sep okt nov dez".split()
_DATIVE = frozenset(
    "am vom zum beim dem den im des seit ab bis diesem jedem jeden nächsten letzten kommenden ihrem seinem".split()
)
_NOMINATIVE = frozenset("der die das dieser diese dieses jeder jede jedes".split())
_NEUTER = frozenset("jahrhundert jahrtausend mal kapitel semester quartal lebensjahr stockwerk tor spiel".split())
_FEMININE = frozenset("auflage etage klasse woche minute runde liga reihe strophe person ausgabe".split())
_MASCULINE = frozenset(
    "stock platz geburtstag tag versuch gang satz spieltag bezirk teil band weltkrieg juni juli".split()
)
_COUNTED = "|".join(sorted(_NEUTER | _FEMININE | _MASCULINE))


_WITH_DATIVE = frozenset(
    "in an auf mit von zu bei aus nach unter über vor hinter seit während trotz wegen neben zwischen".split()
)


def _ending_after(found: Match) -> str:
    """The ending of an ordinal after an article, as the article and what governs it want."""
    article = found[1].strip().lower()
    return "en" if article in _DATIVE or (article == "der" and word_before(found) in _WITH_DATIVE) else "e"


class German(Language):
    to, minus, percent, per = "bis", "minus", "Prozent", "pro"
    money_and = ""
    coins: ClassVar[dict[str, tuple[str, str]]] = {
        "EUR": ("Cent", "Cent"), "USD": ("Cent", "Cent"), "GBP": ("Penny", "Pence"), "CHF": ("Rappen", "Rappen"),
    }  # fmt: skip
    currency_names: ClassVar[dict[str, tuple[str, str]]] = {
        "USD": ("Dollar", "Dollar"), "GBP": ("Pfund", "Pfund"), "JPY": ("Yen", "Yen"), "CNY": ("Yuan", "Yuan"),
        "INR": ("Rupie", "Rupien"), "RUB": ("Rubel", "Rubel"), "CHF": ("Franken", "Franken"),
    }  # fmt: skip
    scales: ClassVar[dict[str, tuple[str, str, str]]] = {
        **dict.fromkeys(("Mio.", "Mio", "Mill."), ("Million", "Millionen", "")),
        **dict.fromkeys(("Mrd.", "Mrd", "Mia."), ("Milliarde", "Milliarden", "")),
        **dict.fromkeys(("Tsd.", "Tsd"), ("Tausend", "Tausend", "")), "Million": ("Million", "Millionen", ""),
        "Millionen": ("Million", "Millionen", ""), "Milliarde": ("Milliarde", "Milliarden", ""),
        "Milliarden": ("Milliarde", "Milliarden", ""),
    }  # fmt: skip
    months: ClassVar[dict[str, int]] = {
        **{name.lower(): number for number, name in enumerate(_MONTHS, 1)},
        **{name: number for number, name in enumerate(_SHORT, 1)}, "jänner": 1, "mrz": 3, "sept": 9,
    }  # fmt: skip
    abbreviations: ClassVar[dict[str, str]] = {
        "z. B.": "zum Beispiel", "d. h.": "das heißt", "u. a.": "unter anderem", "usw.": "und so weiter",
        "u. s. w.": "und so weiter", "etc.": "et cetera", "bzw.": "beziehungsweise", "ca.": "circa",
        "evtl.": "eventuell", "ggf.": "gegebenenfalls", "inkl.": "inklusive", "exkl.": "exklusive",
        "vgl.": "vergleiche", "Str.": "Straße", "str.": "straße", "Dr.": "Doktor", "Prof.": "Professor",
        "Hr.": "Herr", "Hrn.": "Herrn", "Fr.": "Frau", "St.": "Sankt", "Tel.": "Telefon", "Jh.": "Jahrhundert",
        "Jhd.": "Jahrhundert", "v. Chr.": "vor Christus", "n. Chr.": "nach Christus", "u. U.": "unter Umständen",
        "o. Ä.": "oder Ähnliches", "u. Ä.": "und Ähnliches", "i. d. R.": "in der Regel", "z. T.": "zum Teil",
        "z. Z.": "zur Zeit", "zzgl.": "zuzüglich", "abzgl.": "abzüglich", "max.": "maximal", "min.": "minimal",
        "mind.": "mindestens", "geb.": "geboren", "gest.": "gestorben", "Ing.": "Ingenieur", "Dipl.": "Diplom",
        "bspw.": "beispielsweise", "sog.": "sogenannte", "insb.": "insbesondere", "vs.": "versus",
        "Hbf.": "Hauptbahnhof", "Hbf": "Hauptbahnhof", "a. M.": "am Main", "i. A.": "im Auftrag",
        "MwSt.": "Mehrwertsteuer", "GmbH & Co. KG": "GmbH und Co KG", "Co.": "Co", "Jan.": "Januar",
        "Feb.": "Februar", "Apr.": "April", "Aug.": "August", "Sept.": "September", "Okt.": "Oktober",
        "gem.": "gemäß", "bzgl.": "bezüglich", "z. Hd.": "zu Händen", "s. o.": "siehe oben", "s. u.": "siehe unten",
        "lt.": "laut", "einschl.": "einschließlich", "ausschl.": "ausschließlich", "ehem.": "ehemals",
        "urspr.": "ursprünglich", "wg.": "wegen", "u. v. m.": "und vieles mehr", "i. H. v.": "in Höhe von",
        "a. D.": "außer Dienst", "m. E.": "meines Erachtens", "zzt.": "zurzeit", "tägl.": "täglich",
        "Nov.": "November", "Dez.": "Dezember", "p. a.": "pro anno", "St. Pauli": "Sankt Pauli",
    }  # fmt: skip
    own_units: ClassVar[dict[str, tuple[str, str]]] = {
        "TL": ("Teelöffel", "Teelöffel"), "EL": ("Esslöffel", "Esslöffel"), "Pck.": ("Päckchen", "Päckchen"),
        "Pkg.": ("Packung", "Packungen"), "Stk.": ("Stück", "Stück"), "Pfd.": ("Pfund", "Pfund"),
        "Ztr.": ("Zentner", "Zentner"),
    }  # fmt: skip
    halves: ClassVar[dict[str, str]] = {"m": "ein halber", "f": "eine halbe", "n": "ein halbes"}
    before_days = "am|bis|ab|vom|jeden|und|oder|nächsten|letzten|diesen|seit"
    numbered: ClassVar[dict[str, str]] = {
        "Nr.": "Nummer", "Nrn.": "Nummern", "Abs.": "Absatz", "Art.": "Artikel", "Bd.": "Band", "Kap.": "Kapitel",
        "S.": "Seite", "Abb.": "Abbildung", "Tab.": "Tabelle", "Z.": "Zeile", "H.": "Heft", "Jg.": "Jahrgang",
    }  # fmt: skip
    weekdays: ClassVar[dict[str, str]] = {
        "mo": "Montag", "di": "Dienstag", "mi": "Mittwoch", "do": "Donnerstag", "fr": "Freitag", "sa": "Samstag",
        "so": "Sonntag",
    }  # fmt: skip
    signs: ClassVar[dict[str, str]] = {
        "^": "hoch", "&": "und", "+": "plus", "=": "gleich", "×": "mal", "÷": "geteilt durch", "±": "plus minus",
        "≈": "ungefähr", "≠": "ungleich", "≤": "kleiner oder gleich", "≥": "größer oder gleich", "<": "kleiner als",
        ">": "größer als", "@": "at", "#": "Hashtag", "§": "Paragraf", "°": "Grad", "%": "Prozent", "‰": "Promille",
        "€": "Euro", "$": "Dollar", "£": "Pfund", "²": "Quadrat", "³": "hoch drei", "√": "Wurzel aus", "π": "Pi",
        "∞": "unendlich", "→": "nach", "/": "Schrägstrich", ":": "zu", "over": "durch", "v": "Version",
        "©": "Copyright",
    }  # fmt: skip
    address_signs: ClassVar[dict[str, str]] = {
        ".": "Punkt", "/": "Schrägstrich", "-": "Bindestrich", "_": "Unterstrich", "@": "at", ":": "Doppelpunkt",
        "?": "Fragezeichen", "=": "gleich", "&": "und", "#": "Raute", "%": "Prozent", "+": "plus", "~": "Tilde",
    }  # fmt: skip
    year_words = "jahr|jahre|jahres|seit|um|ab|bis|von|anno|und|märz|sommer|winter|herbst|frühling|in"

    def __init__(self) -> None:
        super().__init__("de", "de", "Komma")

    def gender(self, noun: str) -> str:
        if noun.endswith(("gramm", "Pfund", "Stück", "Päckchen", "Watt", "Volt", "Bit", "Byte", "Grad")):
            return "n"
        return "f" if noun.endswith(("e", "ion")) and noun not in {"Yen"} else "m"

    def cardinal(self, number: int, gender: str = "") -> str:
        if number == 1 and gender:
            return "eine" if gender == "f" else "ein"
        return number_words(number, "de")

    def counted_gender(self, word: str) -> str:
        if not word[0].isupper():
            return ""
        return "f" if word.endswith(("e", "ung", "heit", "keit", "ion", "tät")) else "m"

    def span_day(self, day: int, before: str) -> str:
        return self.ordinal(day, "en" if before in _DATIVE else "er")

    def ordinal(self, number: int, gender: str = "e") -> str:
        """`gender` is the ending: e, en, er, es."""
        stem = number_words(number, "de", "ordinal").removesuffix("e").replace("million", "Million")
        if number % 100 == 1 and number > 1:
            stem = number_words(number - 1, "de") + "erst"
        return stem + (gender if gender in {"e", "en", "er", "es", "em"} else "e")

    def year(self, number: int) -> str:
        if 1100 <= number < 2000:
            century, rest = divmod(number, 100)
            return f"{number_words(century, 'de')}hundert{number_words(rest, 'de') if rest else ''}"
        return number_words(number, "de")

    def date(self, day: int, month: int, year: int | None, before: str) -> str | None:
        ending = "en" if before in _DATIVE else "e" if before in _NOMINATIVE else "er"
        said = f"{self.ordinal(day, ending)} {_MONTHS[month - 1]}"
        return f"{said} {self.year(year)}" if year else said

    def clock(self, hour: int, minute: int, second: int, before: str) -> str | None:  # noqa: ARG002
        said = f"{self.cardinal(hour, 'n')} Uhr"
        if minute:
            said += f" {self.cardinal(minute)}"
        if second:
            said += f" und {self.cardinal(second, 'f')} {'Sekunde' if second == 1 else 'Sekunden'}"
        return said

    def small_money(self, number: int, code: str, whole: str) -> str:
        if whole:
            return f"{whole} {self.cardinal(number)}"
        return super().small_money(number, code, whole)

    def vulgar(self, above: int, below: int, whole: str | None) -> str:
        if not 0 < above < below or below > 20:
            return ""
        if (above, below) == (1, 2):
            return f"{self.cardinal(int(whole), 'n')}einhalb" if whole else "ein halb"
        part = {2: "halbe", 3: "drittel", 7: "siebtel"}.get(below) or number_words(below, "de") + (
            "tel" if below < 20 else "stel"
        )
        part = part.replace("acht", "ach") if below == 8 else part
        said = f"{self.cardinal(above, 'n')} {part.capitalize()}"
        return f"{self.cardinal(int(whole))} {said}" if whole else said

    def own_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        month = "|".join(_MONTHS)
        before = "|".join(_DATIVE | _NOMINATIVE)
        return (
            (
                (
                    r"(?<![\w.,:])([01]?[0-9]|2[0-4])(?:[:.]([0-5][0-9]))? ?[-–] ?(?=(?:[01]?[0-9]|"
                    r"2[0-4])(?:[:.][0-5][0-9])? ?Uhr)"
                ),
                lambda m: f"{self.clock(int(m[1]), int(m[2]), 0, '') if m[2] else self.cardinal(int(m[1]))} bis ",
            ),
            (
                r"(?<![\w.,:])([01]?[0-9]|2[0-4])[:.]([0-5][0-9])(?::([0-5][0-9]))? ?Uhr\b",
                lambda m: self.clock(int(m[1]), int(m[2]), int(m[3] or 0), "") or "",
            ),
            (
                r"(?<![\w.,:])([01]?[0-9]|2[0-4]) ?Uhr ([0-5]?[0-9])(?![\w.,:])",
                lambda m: self.clock(int(m[1]), int(m[2]), 0, "") or "",
            ),
            (
                r"(?<![\w.,:/-])([0-3]?[0-9])\.([01]?[0-9])\.(?![0-9])(?= |$|[,;)])",
                lambda m: (
                    self.date(int(m[1]), int(m[2]), None, word_before(m)) or ""
                    if 1 <= int(m[2]) <= 12 and 1 <= int(m[1]) <= 31
                    else m[0]
                ),
            ),
            (r"(?<![\w.,:])1 Uhr\b", lambda _: "ein Uhr"),
            (r"\b([A-ZÄÖÜ]\w+)str\.", lambda m: f"{m[1]}straße"),
            (r"\b(PLZ:? |D-)([0-9]{5})\b", lambda m: f"{m[1]}{self.digits(m[2])}"),
            (r"(?<=[0-9a-z], )([0-9]{5})(?= [A-ZÄÖÜ][a-zäöüß])", lambda m: self.digits(m[1])),
            (r"(?<![\w.])([sS])\. ?(?=(?:S|Abb|Kap|Tab|Bd|Nr|Art)\. ?[0-9])", lambda m: f"{m[1]}iehe "),
            (r"§§ ?", lambda _: "Paragrafen "),
            (r"§ ?", lambda _: "Paragraf "),
            (
                rf"\b((?i:{before}) )([0-9]{{1,3}})\. (?=\w)",
                lambda m: f"{m[1]}{self.ordinal(int(m[2]), _ending_after(m))} ",
            ),
            (
                r"\b(des|im|am|vom|zum|seit dem|dem|den|der|die|das) ([0-9]{1,2})\.(?= ?(?:und|bis|oder|-))",
                lambda m: f"{m[1]} {self.ordinal(int(m[2]), 'en' if m[1] not in ('der', 'die', 'das') else 'e')}",
            ),
            (
                rf"(?<![\w.,:/-])([0-9]{{1,3}})\. (?=(?i:{_COUNTED})\b)",
                lambda m: f"{self.ordinal(int(m[1]), self._ending(m))} ",
            ),
            (rf"(?<![\w.,:/-])([0-3]?[0-9])\. (?=(?:{month})\b)", lambda m: f"{self.ordinal(int(m[1]), 'er')} "),
            (r"\b([A-ZÄÖÜ][a-zäöüß]+) ([IVX]+)\.?(?= |,|$|[;:!?)])", self._ruler),
            (r"\b([0-9]{2,4})er\b", lambda m: f"{self.year(int(m[1]))}er"),
            (
                r"(?<![\w.,])([0-9]{1,3})-?(?=(?:jährig|fach|mal|stündig|tägig|köpfig|prozentig|teilig|minütig|stöckig)\w*)",
                lambda m: self.cardinal(int(m[1]), "n"),
            ),
        )

    def _ending(self, found: Match) -> str:
        noun = re.match(r"\w+", found.string[found.end() :])
        word = noun[0].lower() if noun else ""
        return "es" if word in _NEUTER else "e" if word in _FEMININE else "er"

    def _ruler(self, found: Match) -> str:
        number = roman(found[2])
        name = found[1]
        if number is None or (found[2] in {"I", "X"} and not found[0].endswith(".")):
            return found[0]
        if name in {"Kapitel", "Teil", "Band", "Akt", "Artikel", "Abschnitt", "Klasse", "Stufe", "Typ"}:
            return f"{name} {self.cardinal(number)}"
        if found[0].endswith("."):
            return f"{name} der {self.ordinal(number, 'e')}"
        return f"{name} {self.cardinal(number)}"

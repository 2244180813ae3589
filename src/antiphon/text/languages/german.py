"""German."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from antiphon.text.languages import german_forms, german_notation, german_words
from antiphon.text.languages.grammar import Language, number_words, word_before
from antiphon.text.numerals import roman

Match = re.Match[str]

_BEFORE_DATIVE = re.compile(
    r"\b(?:von|mit|bei|unter|nach|zu|seit|aus|vor|gegenüber)(?: (?:dem|der|Kaiser|König|Königin|Papst|Zar|Zarin|"
    r"Kaiserin))*"
    r"(?: [A-ZÄÖÜ]\w+)? $"
)
_BEFORE_ACCUSATIVE = re.compile(
    r"\b(?:durch|für|gegen|ohne|um)(?: (?:Kaiser|"
    r"König|Papst|Zar))?(?: [A-ZÄÖÜ]\w+)? $"
)


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
        **dict.fromkeys(("Tsd.", "Tsd"), ("Tausend", "Tausend", "")),
        **dict.fromkeys(("Bio.", "Bio", "Billion", "Billionen"), ("Billion", "Billionen", "")),
        "Million": ("Million", "Millionen", ""),
        "Millionen": ("Million", "Millionen", ""), "Milliarde": ("Milliarde", "Milliarden", ""),
        "Milliarden": ("Milliarde", "Milliarden", ""),
    }  # fmt: skip
    months: ClassVar[dict[str, int]] = {
        **{name.lower(): number for number, name in enumerate(german_words.MONTHS, 1)},
        **{name: number for number, name in enumerate(german_words.SHORT, 1)}, "jänner": 1, "mrz": 3, "sept": 9,
    }  # fmt: skip
    abbreviations: ClassVar[dict[str, str]] = german_words.ABBREVIATIONS
    own_units: ClassVar[dict[str, tuple[str, str]]] = german_words.OWN_UNITS
    unit_names: ClassVar[dict[str, tuple[str, str]]] = {
        "consumption-liter-per-100-kilometer": ("Liter pro hundert Kilometer", "Liter pro hundert Kilometer"),
        "power-horsepower": ("PS", "PS"),
    }
    halves: ClassVar[dict[str, str]] = {"m": "ein halber", "f": "eine halbe", "n": "ein halbes"}
    before_days = "am|bis|ab|vom|jeden|und|oder|nächsten|letzten|diesen|seit"
    numbered: ClassVar[dict[str, str]] = german_words.NUMBERED
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
        "©": "Copyright", "★": "Sterne", "♯": "Kreuz", "♭": "be",
    }  # fmt: skip
    address_signs: ClassVar[dict[str, str]] = {
        ".": "Punkt", "/": "Schrägstrich", "-": "Bindestrich", "_": "Unterstrich", "@": "at", ":": "Doppelpunkt",
        "?": "Fragezeichen", "=": "gleich", "&": "und", "#": "Raute", "%": "Prozent", "+": "plus", "\\": "Backslash",
        "~": "Tilde",
    }  # fmt: skip
    currency_words: ClassVar[dict[str, str]] = {"Euro": "EUR", "Dollar": "USD", "Franken": "CHF", "Pfund": "GBP"}
    periods = "Tag|Woche|Monat|Jahr|Stunde|Minute|Sekunde|Person|Stück|Nacht|Kopf|Spiel|Liter|Kilo|Tasse|Portion"
    labels = (
        "Zimmer|Raum|Gleis|Linie|Bus|Platz|Nummer|Absatz|Satz|Artikel|Paragraf|Kapitel|Seite|Formel|Klasse|Band|Teil|"
        "Version|Punkt|Stufe|Stock|Haus|Tor|Halle|Bahnsteig|Ziffer|Abbildung|Tabelle|Typ|Kanal|Phase|Gruppe|"
        "Runde|Spieler"
    )
    keys = ("Stern", "Raute")
    key_words = "tasten?|wähl\\w+|drück\\w+|tipp\\w+|gefolgt von"
    menu_words = (
        "datei|menüs?|öffnen|klick\\w*|einstellungen|bearbeiten|ansicht|extras|gehen sie|wähl\\w+|system|start|optionen"
    )
    then = "dann"
    either = "oder"
    pairs = (
        "er/sie|sie/er|ihm/ihr|ihn/sie|seine?/ihre?|ja/nein|an/aus|ein/aus|herr/frau|mann/frau|und/oder|der/die|die/der"
    )
    following = (("ff\\.?", "fortfolgende"), ("f\\.", "folgende"))
    by, inches = "mal", "Zoll"
    books: ClassVar[dict[str, str]] = german_words.BOOKS
    capital_months = True
    year_words = "jahr|jahre|jahres|seit|um|ab|bis|von|anno|und|märz|sommer|winter|herbst|frühling|in"

    def __init__(self) -> None:
        super().__init__("de", "de", "Komma")

    def gender(self, noun: str) -> str:
        if noun.lower().endswith(
            ("gramm", "pfund", "stück", "päckchen", "watt", "volt", "bit", "byte", "grad", "bund")
        ):
            return "n"
        return "f" if noun.endswith(("e", "ion")) and noun not in {"Yen"} else "m"

    def cardinal(self, number: int, gender: str = "") -> str:
        if number == 1 and gender:
            return "eine" if gender == "f" else "ein"
        return number_words(number, "de")

    def counted_gender(self, word: str) -> str:
        if not (word[0].isupper() and word[1:].islower()):
            return ""
        lower = word.lower()
        if lower in german_words.NEUTER_WORDS or lower.endswith(("chen", "lein")):
            return "n"
        feminine = lower.endswith(("e", "ung", "heit", "keit", "ion", "tät", "schaft", "rin", "ie", "ik"))
        return (
            "f"
            if lower in german_words.FEMININE_WORDS or (feminine and lower not in german_words.NOT_FEMININE)
            else "m"
        )

    def half(self, gender: str, found: Match) -> str:
        governed = gender == "m" and german_words.WITH_ACCUSATIVE.search(found.string, 0, found.start())
        return "einen halben" if governed else super().half(gender, found)

    def repeated(self, number: int) -> str:
        return f"{self.cardinal(number, 'n')}mal"

    def span_day(self, day: int, before: str) -> str:
        return self.ordinal(day, "en" if before in german_words.DATIVE else "er")

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
        ending = "en" if before in german_words.DATIVE else "e" if before in german_words.NOMINATIVE else "er"
        said = f"{self.ordinal(day, ending)} {german_words.MONTHS[month - 1]}"
        return f"{said} {self.year(year)}" if year else said

    def clock(self, hour: int, minute: int, second: int, before: str) -> str | None:  # noqa: ARG002
        said = f"{self.cardinal(hour, 'n')} Uhr"
        if minute:
            said += f" {self.cardinal(minute)}"
        if second:
            said += f" und {self.cardinal(second, 'f')} {'Sekunde' if second == 1 else 'Sekunden'}"
        return said

    def vulgar(self, above: int, below: int, whole: str | None) -> str:
        if not 0 < above < below or (below > 100 and below != 1000):
            return ""
        if (above, below) == (1, 2):
            return f"{self.cardinal(int(whole), 'n')}einhalb" if whole else "ein halb"
        named = {2: "halbe", 3: "drittel", 7: "siebtel", 100: "hundertstel", 1000: "tausendstel"}
        part = named.get(below) or number_words(below, "de") + ("tel" if below < 20 else "stel")
        part = part.replace("acht", "ach") if below == 8 else part
        said = f"{self.cardinal(above, 'n')} {part.capitalize()}"
        return f"{self.cardinal(int(whole))} {said}" if whole else said

    def first_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        return german_notation.rules(self)

    def own_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        return (*self._hours(), *self._places(), *self._ordinals())

    def _hours(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        """Hours and days by their marks."""
        return (
            (
                (
                    r"(?<![\w.,:])([01]?[0-9]|2[0-4])(?:[:.]([0-5][0-9]))? ?[-–] ?(?=(?:[01]?[0-9]|"
                    r"2[0-4])(?:[:.][0-5][0-9])? ?Uhr)"
                ),
                lambda m: f"{self.clock(int(m[1]), int(m[2]), 0, '') if m[2] else self.cardinal(int(m[1]))} bis ",
            ),
            (
                r"(?<![\w.,:])([01]?[0-9]|2[0-4])[:.]([0-5][0-9])(?::([0-5][0-9]))? ?(?:Uhr|h)\b",
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
            (
                r"\b((?i:um|gegen|ab|bis|von|seit)) ([01]?[0-9]|2[0-4]) ?h\b",
                lambda m: f"{m[1]} {self.cardinal(int(m[2]), 'n')} Uhr",
            ),
        )

    def _places(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        """Streets, postcodes, sections of laws and books."""
        return (
            (
                (
                    r"\b((?i:notruf|wählen? sie|wählt?e?|rufen sie|rufnummer|"
                    r"polizeiruf)(?: die| den)?) (11[0-9]|19222)\b"
                ),
                lambda m: f"{m[1]} {self.digits(m[2])}",
            ),
            (
                r"(?<![\w.,:/-])([0-9]{1,3})\., (?=(?:[a-zäöüß]+\.? ){1,3}(?:Auflage|Aufl\.|Ausgabe|Fassung))",
                lambda m: f"{self.ordinal(int(m[1]), 'e')}, ",
            ),
            (r"\b([A-ZÄÖÜ]\w+)str\.", lambda m: f"{m[1]}straße"),
            (r"\b([A-ZÄÖÜ][^\W\d_A-Z]{2,}-?)([Pp])l\.", lambda m: f"{m[1]}{m[2]}latz"),
            (r"\b([A-ZÄÖÜ][^\W\d_A-Z]{2,}-?)([Gg])asse?\.", lambda m: f"{m[1]}{m[2]}asse"),
            (r"\b([A-ZÄÖÜ][^\W\d_A-Z]{2,})(bhf|bf)\.", lambda m: f"{m[1]}bahnhof"),
            (r"\b(PLZ:? |D-)([0-9]{5})\b", lambda m: f"{m[1]}{self.digits(m[2])}"),
            (r"(?<=[0-9a-z], )([0-9]{5})(?= [A-ZÄÖÜ][a-zäöüß])", lambda m: self.digits(m[1])),
            (r"\b(A-|CH-)([0-9]{4})(?= [A-ZÄÖÜ])", lambda m: f"{m[1][:-1]} {self.digits(m[2])}"),
            (r"^([0-9]{5})(?<!00)(?= [A-ZÄÖÜ][a-zäöüß]{2,}(?:$|[,.;(]| [A-Z]))", lambda m: self.digits(m[1])),
            (r"(?<![\w.])([sS])\. ?(?=(?:S|Abb|Kap|Tab|Bd|Nr|Art)\. ?[0-9])", lambda m: f"{m[1]}iehe "),
            (r"§§ ?", lambda _: "Paragrafen "),
            (r"§ ?", lambda _: "Paragraf "),
        )

    def _ordinals(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        """Ordinals as their article wants them, rulers, compounds with figures."""
        month = "|".join(german_words.MONTHS)
        before = "|".join(german_words.DATIVE | german_words.NOMINATIVE)
        return (
            (
                rf"\b((?i:{before}) )([0-9]{{1,3}})\. (?=\w)(?!(?:{german_words.BEGINNINGS})\b)",
                lambda m: f"{m[1]}{self.ordinal(int(m[2]), german_forms.ending_after(m))} ",
            ),
            (
                r"\b(des|im|am|vom|zum|seit dem|dem|den|der|die|das) ([0-9]{1,2})\.(?= ?(?:und|bis|oder|-))",
                lambda m: f"{m[1]} {self.ordinal(int(m[2]), 'en' if m[1] not in ('der', 'die', 'das') else 'e')}",
            ),
            (
                rf"(?<![\w.,:/-])([0-9]{{1,3}})\. (?=(?i:{german_words.COUNTED})\b)",
                lambda m: f"{self.ordinal(int(m[1]), self._ending(m))} ",
            ),
            (rf"(?<![\w.,:/-])([0-3]?[0-9])\. (?=(?:{month})\b)", lambda m: f"{self.ordinal(int(m[1]), 'er')} "),
            (r"\b([A-ZÄÖÜ][a-zäöüß]+) ([IVX]+)\.?(?= |,|$|[;:!?)])", self._ruler),
            (
                r"\b((?:wurden?|wird|werden|[Aa]ls) )([0-9]{1,3})\.(?= [a-zäöüß]|[,;)])",
                lambda m: f"{m[1]}{self.ordinal(int(m[2]), 'er').capitalize()}",
            ),
            (r"\b([0-9]{2,4})er\b", lambda m: f"{self.year(int(m[1]))}er"),
            (
                (
                    r"(?<![\w.,])([0-9]{1,3})-?(?=(?:jährig|fach|mal|stündig|"
                    r"tägig|köpfig|prozentig|teilig|minütig|"
                    r"stöckig)\w*)"
                ),
                lambda m: self.cardinal(int(m[1]), "n"),
            ),
        )

    def _ending(self, found: Match) -> str:
        noun = re.match(r"\w+", found.string[found.end() :])
        return german_forms.strong_ending(word_before(found), noun[0] if noun else "")

    def _ruler(self, found: Match) -> str:
        number = roman(found[2])
        name = found[1]
        if number is None or (found[2] in {"I", "X"} and not found[0].endswith(".")):
            return found[0]
        if name in {"Kapitel", "Teil", "Band", "Akt", "Artikel", "Abschnitt", "Klasse", "Stufe", "Typ"}:
            return f"{name} {self.cardinal(number)}"
        if found[0].endswith("."):
            return self._titled(name, number, found.string[max(0, found.start() - 40) : found.start()])
        return f"{name} {self.cardinal(number)}"

    def _titled(self, name: str, number: int, before: str) -> str:
        """A ruler with the number in the case that the words before him want."""
        feminine = name in german_words.FEMININE_RULERS
        if name.removesuffix("s") in german_words.RULERS and name.endswith("s"):
            return (
                f"{name} {'der' if name[:-1] in german_words.FEMININE_RULERS else 'des'} {self.ordinal(number, 'en')}"
            )
        if _BEFORE_DATIVE.search(before):
            return f"{name} {'der' if feminine else 'dem'} {self.ordinal(number, 'en')}"
        if _BEFORE_ACCUSATIVE.search(before):
            return f"{name} {'die' if feminine else 'den'} {self.ordinal(number, 'e' if feminine else 'en')}"
        return f"{name} {'die' if feminine else 'der'} {self.ordinal(number, 'e')}"

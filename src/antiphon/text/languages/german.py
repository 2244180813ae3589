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
_NEUTER = frozenset(
    "jahrhundert jahrtausend mal kapitel semester quartal lebensjahr stockwerk tor spiel jahr halbjahr drittel viertel "
    "gebot kind buch bild obergeschoss untergeschoss album treffen rennen trimester jubiläum schuljahr og ug "
    "jh jhd jhdt".split()
)
_FEMININE = frozenset(
    "auflage aufl etage klasse woche minute runde liga bundesliga reihe strophe person ausgabe sinfonie symphonie "
    "halbzeit stunde staffel folge generation etappe welle phase stufe seite sitzung saison fassung dimension hälfte "
    "lesung mannschaft kammer abteilung legislaturperiode hauptversammlung tagung jahrestagung impfung dosis "
    "schwangerschaftswoche kalenderwoche rate ebene stelle änderung".split()
)
_MASCULINE = frozenset(
    "stock platz geburtstag tag versuch gang satz spieltag bezirk teil band weltkrieg rang akt sieg titel monat advent "
    "jahrgang punkt schritt artikel absatz lauf zug senat kongress parteitag hochzeitstag todestag jahrestag präsident "
    "kandidat januar jänner februar märz april mai juni juli august september oktober november dezember fc sc sv tsv "
    "streich aufstieg kreis grad versuchstag arbeitstag weihnachtsfeiertag weihnachtstag feiertag sonntag montag "
    "dienstag mittwoch donnerstag freitag samstag finger durchgang".split()
)
_COUNTED = "|".join(sorted(_NEUTER | _FEMININE | _MASCULINE, key=len, reverse=True))
_FEMININE_WORDS = frozenset(
    "frau person zwiebel stadt nacht hand wand tür uhr zahl wahl art tochter mutter schwester gabel kartoffel nummer "
    "feder butter insel regel schüssel tafel bank bahn fahrt prüfung maus gans kuh nuss frucht wurst".split()
)
_NEUTER_WORDS = frozenset(
    "jahr kilo dutzend pfund glas brot blatt prozent stück ei haus kind buch mal bier wasser hähnchen "
    "jahrhundert kilogramm "
    "gramm zimmer semester quartal dorf land tier auto spiel tor wort bild".split()
)
_NOT_FEMININE = frozenset("name junge kunde käse gedanke buchstabe kollege auge ende gebäude gemüse geschenke".split())
_FEMININE_RULERS = frozenset(
    "Elisabeth Elizabeth Katharina Maria Margarethe Margrethe Isabella Christina Anna Victoria Viktoria Beatrix "
    "Johanna".split()
)
_RULERS = (
    "Ludwig Heinrich Friedrich Wilhelm Karl Otto Philipp Napoleon Leopold Ferdinand Peter Alexander Georg Paul "
    "Benedikt "
    "Gregor Eduard Rudolf Konrad Elisabeth Katharina Maximilian Sigismund Gustav Christian Jakob Richard Charles Iwan"
).split()
_BEFORE_DATIVE = re.compile(
    r"\b(?:von|mit|bei|unter|nach|zu|seit|aus|vor|gegenüber)(?: (?:dem|der|Kaiser|König|Königin|Papst|Zar|Zarin|"
    r"Kaiserin))*"
    r"(?: [A-ZÄÖÜ]\w+)? $"
)
_BEFORE_ACCUSATIVE = re.compile(r"\b(?:durch|für|gegen|ohne|um)(?: (?:Kaiser|König|Papst|Zar))?(?: [A-ZÄÖÜ]\w+)? $")
_NOTES = {"2": "Halbe", "4": "Viertel", "8": "Achtel", "16": "Sechzehntel"}
_HOURS = frozenset(("Std", "Min", "Sek", "stunde", "minute", "sekunde", "woche"))
_ACCUSATIVE = frozenset(
    "Euro Tag Monat Liter Meter Kilometer Platz Punkt Hund Mann Sohn Bruder Fehler Apfel Teelöffel Esslöffel Dollar "
    "Franken Becher Kopf Schritt Schlag Sieg Titel Stein Stuhl Tisch Kuchen Kaffee Tee".split()
)
_ARTICLES = frozenset("ein mein dein sein ihr unser euer kein".split())


_WITH_DATIVE = frozenset(
    "in an auf mit von zu bei aus nach unter über vor hinter seit während trotz wegen neben zwischen".split()
)
_ALONE_DATIVE = frozenset("in an auf mit von zu bei aus nach unter vor seit ab".split())


def _gender_of(noun: str) -> str:
    word = noun.lower()
    if word in _NEUTER:
        return "n"
    return "f" if word in _FEMININE or word.endswith("stufe") else "m"


def _strong_ending(before: str, noun: str) -> str:
    """The ending of an ordinal that stands before `noun`, as the word before it governs."""
    gender = _gender_of(noun)
    stem = re.sub(r"(?:e[nmrs]?)$", "", before)
    if before in _DATIVE or (stem in _ARTICLES and before != stem and before[-1] in "nmrs"):
        return "en"
    if before in _NOMINATIVE or (stem in _ARTICLES and before == stem + "e"):
        return "e"
    if before in _ALONE_DATIVE:
        return "er" if gender == "f" else "em"
    return {"m": "er", "f": "e", "n": "es"}[gender]


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
        **dict.fromkeys(("Tsd.", "Tsd"), ("Tausend", "Tausend", "")),
        **dict.fromkeys(("Bio.", "Bio", "Billion", "Billionen"), ("Billion", "Billionen", "")),
        "Million": ("Million", "Millionen", ""),
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
        "Frl.": "Fräulein", "Fa.": "Firma", "Abt.": "Abteilung", "Bhf.": "Bahnhof", "Pl.": "Platz",
        "Mwst.": "Mehrwertsteuer", "MwSt": "Mehrwertsteuer", "Mwst": "Mehrwertsteuer", "USt.": "Umsatzsteuer",
        "Hrsg.": "Herausgeber", "hrsg.": "herausgegeben", "Aufl.": "Auflage", "ebd.": "ebenda",
        "a. a. O.": "am angegebenen Ort", "h. c.": "honoris causa", "med.": "medizinae", "o. g.": "oben genannt",
        "o. ä.": "oder ähnliches", "u. ä.": "und ähnliches", "z. Zt.": "zur Zeit", "v. a.": "vor allem",
        "e. V.": "eingetragener Verein", "i. V.": "in Vertretung", "gez.": "gezeichnet", "Inh.": "Inhaber",
        "Anm.": "Anmerkung", "Jhs.": "Jahrhunderts", "Jhdt.": "Jahrhundert", "MfG": "Mit freundlichen Grüßen",
        "Mfg": "Mit freundlichen Grüßen",
        "zB": "zum Beispiel", "dh": "das heißt", "bzw": "beziehungsweise", "usw": "und so weiter",
        "ggf": "gegebenenfalls",
        "inkl": "inklusive", "zzgl": "zuzüglich", "evtl": "eventuell", "ca": "circa", "vgl": "vergleiche",
        "u. dgl.": "und dergleichen", "usf.": "und so fort", "s. a.": "siehe auch", "u. s. w": "und so weiter",
        "verh.": "verheiratet", "kath.": "katholisch", "ev.": "evangelisch", "dt.": "deutsch", "engl.": "englisch",
        "franz.": "französisch", "lat.": "lateinisch", "griech.": "griechisch", "bes.": "besonders",
        "allg.": "allgemein", "entspr.": "entsprechend", "jew.": "jeweils", "mtl.": "monatlich", "jährl.": "jährlich",
        "wöchentl.": "wöchentlich", "ugs.": "umgangssprachlich", "svw.": "so viel wie", "Tel": "Telefon",
        "Telefonnr.": "Telefonnummer", "Tel.-Nr.": "Telefonnummer", "Hausnr.": "Hausnummer", "Kto.": "Konto",
        "Ztg.": "Zeitung", "Verf.": "Verfasser", "Übers.": "Übersetzer", "Mitgl.": "Mitglied",
        "Präs.": "Präsident", "Gen.": "General", "Hptm.": "Hauptmann", "Lt.": "Leutnant",
        "Univ.": "Universität", "Inst.": "Institut", "Fam.": "Familie", "Bev.": "Bevölkerung", "Einw.": "Einwohner",
        "Erw.": "Erwachsene", "Pers.": "Personen", "Whg.": "Wohnung", "Zi.": "Zimmer", "Kl.": "Klasse",
        "m. a. W.": "mit anderen Worten", "i. Allg.": "im Allgemeinen", "u. v. a.": "und viele andere",
        "u. E.": "unseres Erachtens", "o. B.": "ohne Befund", "k. A.": "keine Angabe", "n. a.": "nicht anwendbar",
        "s. S.": "siehe Seite", "i. e. S.": "im engeren Sinne", "v. l. n. r.": "von links nach rechts",
        "z. K.": "zur Kenntnis", "u. A. w. g.": "um Antwort wird gebeten", "b. w.": "bitte wenden",
        "n. Br.": "nördlicher Breite", "ö. L.": "östlicher Länge", "d. J.": "dieses Jahres", "d. M.": "dieses Monats",
        "Std.": "Stunde", "Min.": "Minute", "Sek.": "Sekunde", "i. S. d.": "im Sinne des", "i. S. v.": "im Sinne von",
        "Urt.": "Urteil", "Beschl.": "Beschluss", "Kfm.": "Kaufmann",
        "Kffr.": "Kauffrau",
        "n. V.": "nach Verlängerung", "i. E.": "im Elfmeterschießen", "m. M. n.": "meiner Meinung nach",
        "bearb.": "bearbeitete", "erw.": "erweiterte", "überarb.": "überarbeitete",
        "verb.": "verbesserte", "Best.": "Bestell", "Rechn.": "Rechnung", "Ü.": "über", "ü.": "über",
        "NN": "Normalnull",
        "i. R.": "im Ruhestand", "Nachf.": "Nachfolger", "Gebr.": "Gebrüder", "r.": "rechts", "Hl.": "Heilige",
        "hl.": "heilige", "vorm.": "vormittags",
        "nachm.": "nachmittags", "Eing.": "Eingang", "Ausg.": "Ausgabe", "Bsp.": "Beispiel", "zw.": "zwischen",
    }  # fmt: skip
    own_units: ClassVar[dict[str, tuple[str, str]]] = {
        "TL": ("Teelöffel", "Teelöffel"), "EL": ("Esslöffel", "Esslöffel"), "Pck.": ("Päckchen", "Päckchen"),
        "Pkg.": ("Packung", "Packungen"), "Stk.": ("Stück", "Stück"), "Pfd.": ("Pfund", "Pfund"),
        "Ztr.": ("Zentner", "Zentner"), "ct": ("Cent", "Cent"), "mAh": ("Milliamperestunde", "Milliamperestunden"),
        "MWh": ("Megawattstunde", "Megawattstunden"), "GWh": ("Gigawattstunde", "Gigawattstunden"),
        "TWh": ("Terawattstunde", "Terawattstunden"), "Wh": ("Wattstunde", "Wattstunden"),
        "dag": ("Dekagramm", "Dekagramm"), "dkg": ("Dekagramm", "Dekagramm"), "Rp.": ("Rappen", "Rappen"),
        "Ct.": ("Cent", "Cent"), "Tg.": ("Tag", "Tage"),
        "Wo.": ("Woche", "Wochen"), "Mon.": ("Monat", "Monate"), "J.": ("Jahr", "Jahre"), "Msp.": ("Messerspitze",
        "Messerspitzen"),
        "Bd.": ("Bund", "Bund"), "Ds.": ("Dose", "Dosen"), "Pkt.": ("Punkt", "Punkte"), "St.": ("Stück", "Stück"),
        "Tr.": ("Tropfen", "Tropfen"), "Jr.": ("Jahr", "Jahre"), "U/min": ("Umdrehung pro Minute",
        "Umdrehungen pro Minute"), "Zi.": ("Zimmer", "Zimmer"),
        "rpm": ("Umdrehung pro Minute", "Umdrehungen pro Minute"), "ccm": ("Kubikzentimeter", "Kubikzentimeter"),
        "cbm": ("Kubikmeter", "Kubikmeter"), "qkm": ("Quadratkilometer", "Quadratkilometer"),
    }  # fmt: skip
    unit_names: ClassVar[dict[str, tuple[str, str]]] = {
        "consumption-liter-per-100-kilometer": ("Liter pro hundert Kilometer", "Liter pro hundert Kilometer"),
        "power-horsepower": ("PS", "PS"),
    }
    halves: ClassVar[dict[str, str]] = {"m": "ein halber", "f": "eine halbe", "n": "ein halbes"}
    before_days = "am|bis|ab|vom|jeden|und|oder|nächsten|letzten|diesen|seit"
    numbered: ClassVar[dict[str, str]] = {
        "Nr.": "Nummer", "Nrn.": "Nummern", "Abs.": "Absatz", "Art.": "Artikel", "Bd.": "Band", "Kap.": "Kapitel",
        "S.": "Seite", "Nr": "Nummer", "Ps.": "Psalm", "Anm.": "Anmerkung", "Rn.": "Randnummer", "Rz.": "Randziffer",
        "Ziff.": "Ziffer",
        "Lit.": "Litera", "lit.": "litera", "Aufl.": "Auflage", "Gl.": "Gleichung", "Fn.": "Fußnote", "Kl.": "Klasse",
        "Vers.": "Version", "Pos.": "Position", "Abschn.": "Abschnitt", "Bsp.": "Beispiel", "Op.": "Opus",
        "op.": "Opus",
        "Abb.": "Abbildung", "Tab.": "Tabelle", "Z.": "Zeile", "H.": "Heft", "Jg.": "Jahrgang",
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
    either = "oder"
    pairs = (
        "er/sie|sie/er|ihm/ihr|ihn/sie|seine?/ihre?|ja/nein|an/aus|ein/aus|herr/frau|mann/frau|und/oder|der/die|die/der"
    )
    following = (("ff\\.?", "fortfolgende"), ("f\\.", "folgende"))
    by, inches = "mal", "Zoll"
    books: ClassVar[dict[str, str]] = {
        "Gen": "Genesis", "Ex": "Exodus", "Ps": "Psalm", "Spr": "Sprüche", "Jes": "Jesaja", "Jer": "Jeremia",
        "Mt": "Matthäus", "Mk": "Markus", "Lk": "Lukas", "Joh": "Johannes", "Apg": "Apostelgeschichte",
        "Röm": "Römer", "Kor": "Korinther", "Gal": "Galater", "Eph": "Epheser", "Phil": "Philipper", "Kol": "Kolosser",
        "Hebr": "Hebräer", "Jak": "Jakobus", "Petr": "Petrus", "Offb": "Offenbarung", "Mos": "Mose",
        **{
            name: name
            for name in "Genesis Exodus Mose Psalm Sprüche Jesaja Matthäus Markus Lukas Johannes Römer "
            "Korinther Galater "
            "Epheser Philipper Hebräer Jakobus Petrus Offenbarung".split()
        },
    }  # fmt: skip
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
        if lower in _NEUTER_WORDS or lower.endswith(("chen", "lein")):
            return "n"
        feminine = lower.endswith(("e", "ung", "heit", "keit", "ion", "tät", "schaft", "rin", "ie", "ik"))
        return "f" if lower in _FEMININE_WORDS or (feminine and lower not in _NOT_FEMININE) else "m"

    def repeated(self, number: int) -> str:
        return f"{self.cardinal(number, 'n')}mal"

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
        before = "|".join(sorted(_DATIVE | _NOMINATIVE | _ALONE_DATIVE, key=len, reverse=True))
        owned = "|".join(f"{stem}(?:e[nmrs]?)?" for stem in sorted(_ARTICLES))
        small = "jahre?s?|monate?n?|woche|tag|stunde|minute|sekunde|euro|cent"
        day = "|".join(name.capitalize() for name in self.weekdays)
        return (
            (
                rf"(?<![\w.–-])(?:{day})\b\.?(?:(?:/|, | und | u\. | & |\+)(?:{day})\b\.?(?! ?[-–]))+(?!\w)",
                lambda m: re.sub(
                    rf"({day})\b\.?", lambda d: self.weekdays[d[1].lower()], re.sub(r"/|\+| & | u\. ", " und ", m[0])
                ),
            ),
            (
                rf"(?<![\w.–-])({day})\b\.?(?= (?:[0-9]{{1,2}}(?:[-–:.][0-9]| ?Uhr)|geschlossen|Ruhetag|ab [0-9]))",
                lambda m: self.weekdays[m[1].lower()],
            ),
            (
                rf"\b([Vv]on) ({day})\.? bis ({day})\b\.?",
                lambda m: f"{m[1]} {self.weekdays[m[2].lower()]} bis {self.weekdays[m[3].lower()]}",
            ),
            (
                r"(?<![\w.,:/-])([0-3]?[0-9])\.( ?[-–] ?|/)(?=[0-3]?[0-9]\.[01]?[0-9]\.)",
                lambda m: f"{self.span_day(int(m[1]), word_before(m))}{' ' if m[2] == '/' else ' bis '}",
            ),
            (r"(?<=[0-9]) ?Rp\.", lambda _: " Rappen"),
            (r"(?<=[0-9])-Std\.-", lambda _: " Stunden-"),
            (
                r"(?<![\w/])([2-9]|12)/([248]|16)-?(?=[Tt]akt)",
                lambda m: f"{self.cardinal(int(m[1]))} {_NOTES[m[2]]}",
            ),
            (
                r"(?<!\w)([*†]) ?(?=(?:um |ca\. )?(?:[0-3]?[0-9]\. ?(?:[^\W\d_]+|[01]?[0-9]\.) ?)?[0-9]{3,4}\b)",
                self._life,
            ),
            (
                (
                    r"(?<![\w.–-])(Mo|Di|Mi|Do|Fr|Sa|So)\.(?= [0-9]{1,2}(?:[-–:.][0-9]{1,2}| ?Uhr| bis |h\b)| und "
                    r"(?:Mo|Di|Mi|Do|Fr|Sa|So)\.)|"
                    r"(?<=\()(Mo|Di|Mi|Do|Fr|Sa|So)\.(?=\))"
                ),
                lambda m: self.weekdays[m[0][:2].lower()],
            ),
            (r"(?<![\w.])v\. (?!Chr)(?=(?:[A-ZÄÖÜ]\. )?[A-ZÄÖÜ][a-zäöüß])", lambda _: "von "),
            (r"(?<![\w.])v\. (?=[0-3]?[0-9]\. ?[0-9A-Z])", lambda _: "vom "),
            (r"\b((?:u\.|und|Hr\.|Herr) )Fr\. (?=[A-ZÄÖÜ][a-zäöüß]+)", lambda m: f"{m[1]}Frau "),
            (r"(?<=[\w.] )u\. (?=[A-ZÄÖÜa-zäöüß0-9])(?!u\. (?:a|ä|Ä|U|v|s|E|A|dgl)\b)", lambda _: "und "),
            (
                r"\b((?:ZR|StR|ZB|AZR|BvR|BvF|BvL|SR|Drs\.|Az\.:?|Nr\.) ?)([0-9]{1,5})/([0-9]{2,5})(?!\w)",
                lambda m: f"{m[1]}{m[2]} Schrägstrich {m[3]}",
            ),
            (r"(?<![\w/])08/15\b", lambda _: "null acht fünfzehn"),
            (
                r"(?<![\w/.,])([0-9]{1,2}) 1/2-?(?=fach|stündig|jährig|mal)",
                lambda m: f"{self.cardinal(int(m[1]), 'n')}einhalb",
            ),
            (
                (
                    r"(?<![\w.,:/-])(?<!Seite )(?<!Seiten )1 ?[-–] ?([2-9]|10)(?= [A-ZÄÖÜ][a-zäöüß]| ?(?:kg|g|l|ml|"
                    r"cm|m|km|EL|TL|h|Std|Min|%|€))"
                ),
                lambda m: f"ein bis {m[1]}",
            ),
            (
                (
                    rf"\b((?i:am|vom|zum|bis|ab) (?:{'|'.join(self.weekdays.values())}), )([0-3]?[0-9])\. "
                    rf"(?={'|'.join(_MONTHS)})"
                ),
                lambda m: f"{m[1]}{self.ordinal(int(m[2]), 'en')} ",
            ),
            (r"(?<!\w)Fr\. ?(?=[0-9]{1,4}(?:\.[0-9]{3})*(?:\.(?:[0-9]{2}(?![0-9])|-)|,-))", lambda _: "CHF "),
            (r"(?<=[0-9]) ?T€", lambda _: " Tsd. €"),
            (r"(?<=[0-9])-?([€$£])-(?=[A-ZÄÖÜ])", lambda m: f" {self.signs[m[1]]} "),
            (
                r"(?<!\w)([IVX]{1,6})\. (?=Weltkrieg|Jahrhundert|Jh|Quartal|Kapitel|Reich|Vatikan|Akt\b|Korps|Armee)",
                lambda m: f"{n}. " if (n := roman(m[1])) else m[0],
            ),
            (r"\b((?:Abs\.|Absatz) ?[0-9]{1,2}[a-z]? )S\. ?(?=[0-9])", lambda m: f"{m[1]}Satz "),
            (r"\b(des [0-9]{1,2}\. )(?:Jh|Jhd|Jhdt)\.", lambda m: f"{m[1]}Jahrhunderts"),
            (r"(?<=[0-9]\. )(?:Jh|Jhd|Jhdt)\.(?= [vn]\.| [a-zäöü(]|[,;:)])", lambda _: "Jahrhundert"),
            (r"(?<=[0-9]\. )(?:Jh|Jhd|Jhdt)\.$", lambda _: "Jahrhundert."),
            (
                (
                    rf"\b((?i:{before}|{owned}) )([0-9]{{1,3}})\.(/|, | und | oder | bis | bis zum |[-–])([0-9]{{1,"
                    rf"3}})\. (?=[^\W\d])"
                ),
                self._two_ordinals,
            ),
            (
                (
                    r"(?<![\w.,:/-])([0-9]{1,2})\.(/| und | oder )([0-9]{1,2})\. (?=(Jahrhundert|Jh|Klasse|Stock|"
                    r"Etage)\w*)"
                ),
                lambda m: f"{self.ordinal(int(m[1]), _strong_ending('', m[4]))} {m[2].strip(' /')} {m[3]}. ",
            ),
            (
                r"(?<![\w.,:])([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))? ?(?:Std\.|Stunden\b)",
                lambda m: self._lasting(int(m[1]), int(m[2]), int(m[3] or 0)),
            ),
            (
                r"(?<![\w.,:])([0-9]{1,3}):([0-5][0-9]) ?(?:Min\.|Minuten\b)",
                lambda m: self._lasting(0, int(m[1]), int(m[2])),
            ),
            (
                (
                    rf"\b((?i:mit|von|nach|seit|aus|bei|zu|vor|in|ab|unter|binnen|innerhalb von)) 1 (?=({small}|"
                    rf"[A-ZÄÖÜ][a-zäöüß]+)\b|€)"
                ),
                lambda m: (
                    f"{m[1]} {'einer' if m[2] and (self.counted_gender(m[2]) == 'f' or m[2] in _HOURS) else 'einem'} "
                ),
            ),
            (
                (
                    r"\b((?i:für|ohne|gegen|durch|kostet|kosten|zahlte|zahlt|bezahlte|hat|habe|haben|hatte|nimm|"
                    r"brauche|"
                    r"braucht|gibt|pro|um|je|über)) 1 (?=([A-ZÄÖÜ][a-zäöüß]+)\b|€)"
                ),
                lambda m: f"{m[1]} einen " if not m[2] or m[2] in _ACCUSATIVE else m[0],
            ),
        )

    def _two_ordinals(self, found: Match) -> str:
        before, joined = found[1].strip().lower(), found[3]
        noun = re.match(r"\w+", found.string[found.end() :])
        ending = (
            _ending_after(found) if before in _DATIVE | _NOMINATIVE else _strong_ending(before, noun[0] if noun else "")
        )
        joined = {"/": " ", "-": " bis ", "–": " bis "}.get(joined, joined)
        return f"{found[1]}{self.ordinal(int(found[2]), ending)}{joined}{self.ordinal(int(found[4]), ending)} "

    def _lasting(self, hours: int, minutes: int, seconds: int) -> str:
        counted = ((hours, "Stunde"), (minutes, "Minute"), (seconds, "Sekunde"))
        return " ".join(
            f"{self.cardinal(number, 'f')} {name}{'' if number == 1 else 'n'}" for number, name in counted if number
        )

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
            (
                r"\b((?i:notruf|wählen? sie|wählt?e?|rufen sie|rufnummer|polizeiruf)(?: die| den)?) (11[0-9]|19222)\b",
                lambda m: f"{m[1]} {self.digits(m[2])}",
            ),
            (
                r"(?<![\w.,:/-])([0-9]{1,3})\., (?=(?:[a-zäöüß]+\.? ){1,3}(?:Auflage|Aufl\.|Ausgabe|Fassung))",
                lambda m: f"{self.ordinal(int(m[1]), 'e')}, ",
            ),
            (r"\b([A-ZÄÖÜ]\w+)str\.", lambda m: f"{m[1]}straße"),
            (r"\b(PLZ:? |D-)([0-9]{5})\b", lambda m: f"{m[1]}{self.digits(m[2])}"),
            (r"(?<=[0-9a-z], )([0-9]{5})(?= [A-ZÄÖÜ][a-zäöüß])", lambda m: self.digits(m[1])),
            (r"\b(A-|CH-)([0-9]{4})(?= [A-ZÄÖÜ])", lambda m: f"{m[1][:-1]} {self.digits(m[2])}"),
            (r"^([0-9]{5})(?<!00)(?= [A-ZÄÖÜ][a-zäöüß]{2,}(?:$|[,.;(]| [A-Z]))", lambda m: self.digits(m[1])),
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
                (
                    r"(?<![\w.,])([0-9]{1,3})-?(?=(?:jährig|fach|mal|stündig|tägig|köpfig|prozentig|teilig|minütig|"
                    r"stöckig)\w*)"
                ),
                lambda m: self.cardinal(int(m[1]), "n"),
            ),
        )

    def _ending(self, found: Match) -> str:
        noun = re.match(r"\w+", found.string[found.end() :])
        return _strong_ending(word_before(found), noun[0] if noun else "")

    def _life(self, found: Match) -> str:
        return "geboren " if found[1] == "*" else "gestorben "

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
        feminine = name in _FEMININE_RULERS
        if name.removesuffix("s") in _RULERS and name.endswith("s"):
            return f"{name} {'der' if name[:-1] in _FEMININE_RULERS else 'des'} {self.ordinal(number, 'en')}"
        if _BEFORE_DATIVE.search(before):
            return f"{name} {'der' if feminine else 'dem'} {self.ordinal(number, 'en')}"
        if _BEFORE_ACCUSATIVE.search(before):
            return f"{name} {'die' if feminine else 'den'} {self.ordinal(number, 'e' if feminine else 'en')}"
        return f"{name} {'die' if feminine else 'der'} {self.ordinal(number, 'e')}"

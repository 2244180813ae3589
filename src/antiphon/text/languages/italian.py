"""Italian."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar

from antiphon.text.languages.grammar import Language, number_words
from antiphon.text.numerals import roman

Match = re.Match[str]

_MONTHS = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split()
_FEMININE_IN_E = frozenset(
    "notte classe parte chiave mano moglie madre legge rete luce voce croce neve nave estate arte morte gente "
    "carne pelle "
    "pace radice base fase frase serie specie superficie torre fonte siepe immagine origine stampante "
    "televisione".split()
)
_FEMININE_PLURALS = frozenset(
    "ore tazze settimane libbre once miglia pagine porzioni volte giornate fette mele".split()
)
_FEMININE_NAMES = frozenset("Elisabetta Vittoria Caterina Maria Margherita Giovanna Isabella Cristina".split())


class Italian(Language):
    to, minus, percent, per = "a", "meno", "per cento", "al"
    money_and = "e"
    coins: ClassVar[dict[str, tuple[str, str]]] = {
        "EUR": ("centesimo", "centesimi"), "USD": ("centesimo", "centesimi"), "GBP": ("penny", "pence"),
        "CHF": ("centesimo", "centesimi"),
    }  # fmt: skip
    currency_names: ClassVar[dict[str, tuple[str, str]]] = {
        "EUR": ("euro", "euro"), "USD": ("dollaro", "dollari"), "GBP": ("sterlina", "sterline"),
        "JPY": ("yen", "yen"), "CNY": ("yuan", "yuan"), "INR": ("rupia", "rupie"), "RUB": ("rublo", "rubli"),
        "CHF": ("franco svizzero", "franchi svizzeri"),
    }  # fmt: skip
    scales: ClassVar[dict[str, tuple[str, str, str]]] = {
        **dict.fromkeys(("mln", "Mln", "M", "mil.", "milione", "milioni"), ("milione", "milioni", "di ")),
        **dict.fromkeys(("mld", "Mld", "mrd", "miliardo", "miliardi"), ("miliardo", "miliardi", "di ")),
        **dict.fromkeys(("k", "K"), ("mila", "mila", "")),
    }
    months: ClassVar[dict[str, int]] = {
        **{name: number for number, name in enumerate(_MONTHS, 1)}, "gen": 1, "feb": 2, "mar": 3, "apr": 4, "mag": 5,
        "giu": 6, "lug": 7, "ago": 8, "set": 9, "sett": 9, "ott": 10, "nov": 11, "dic": 12,
    }  # fmt: skip
    weekdays: ClassVar[dict[str, str]] = {
        "lun": "lunedì", "mar": "martedì", "mer": "mercoledì", "gio": "giovedì", "ven": "venerdì", "sab": "sabato",
        "dom": "domenica",
    }  # fmt: skip
    abbreviations: ClassVar[dict[str, str]] = {
        "Sig.": "signor", "Sig.ra": "signora", "Sig.na": "signorina", "Sigg.": "signori", "sig.": "signor",
        "sig.ra": "signora", "Dott.": "dottor", "dott.": "dottor", "Dott.ssa": "dottoressa", "dott.ssa": "dottoressa",
        "Dr.": "dottor", "Prof.": "professor", "prof.": "professor", "Prof.ssa": "professoressa",
        "prof.ssa": "professoressa", "Ing.": "ingegner", "ing.": "ingegner", "Avv.": "avvocato", "avv.": "avvocato",
        "Geom.": "geometra", "Arch.": "architetto", "On.": "onorevole", "ecc.": "eccetera", "etc.": "eccetera",
        "es.": "esempio", "p. es.": "per esempio", "ad es.": "ad esempio", "a.C.": "avanti Cristo",
        "d.C.": "dopo Cristo", "a. C.": "avanti Cristo", "d. C.": "dopo Cristo", "V.le": "viale", "P.zza": "piazza",
        "P.za": "piazza", "C.so": "corso", "tel.": "telefono", "Tel.": "telefono", "ca.": "circa", "c.ca": "circa",
        "cfr.": "confronta", "max.": "massimo", "min.": "minimo", "S.p.A.": "società per azioni",
        "S.r.l.": "società a responsabilità limitata", "F.lli": "fratelli", "Gent.mo": "gentilissimo",
        "Gent.ma": "gentilissima", "Spett.le": "spettabile", "Egr.": "egregio", "gen.": "gennaio", "feb.": "febbraio",
        "apr.": "aprile", "ott.": "ottobre", "nov.": "novembre", "dic.": "dicembre", "ab.": "abitanti",
        "vs.": "versus", "vs": "versus", "q.b.": "quanto basta", "Srl": "società a responsabilità limitata",
        "SpA": "società per azioni", "sec.": "secolo", "secc.": "secoli", "Fam.": "famiglia", "fam.": "famiglia",
        "P.S.": "post scriptum", "N.B.": "nota bene", "lett.": "lettera", "Lett.": "lettera", "i.e.": "cioè",
        "p.zza": "piazza", "v.le": "viale",
        "L.go": "largo", "Str.": "strada", "Rag.": "ragionier", "Cav.": "cavalier", "Col.": "colonnello",
        "Cap.": "capitano", "Ten.": "tenente", "Mons.": "monsignor", "Ill.mo": "illustrissimo",
        "Preg.mo": "pregiatissimo",
        "c.a.": "alla cortese attenzione", "ed.": "edizione", "trad.": "traduzione", "aut.": "autore",
        "ibid.": "ibidem",
        "et al.": "e altri", "op. cit.": "opera citata", "ndr": "nota del redattore", "N.d.R.": "nota del redattore",
        "c.d.": "cosiddetto", "cd.": "cosiddetto", "prov.": "provincia", "Prov.": "provincia", "rif.": "riferimento",
        "Rif.": "riferimento", "S.Ten.": "sottotenente", "xké": "perché",
        "cmq": "comunque", "dip.": "dipartimento", "Dip.": "dipartimento", "sig.na": "signorina", "p.za": "piazza",
        "nn": "non", "xò": "però", "tvb": "ti voglio bene", "p.v.": "prossimo venturo",
        "u.s.": "ultimo scorso", "c.m.": "corrente mese", "gg.": "giorni", "lunedì-venerdì": "lunedì a venerdì",
        "S.S.": "Sua Santità", "sigg.": "signori", "Dr.ssa": "dottoressa", "Sig.re": "signore",
        "geom.": "geometra", "arch.": "architetto", "c/o": "presso", "s.n.c.": "società in nome collettivo",
        "snc": "senza numero civico", "T.A.R.": "TAR", "d.lgs.": "decreto legislativo", "D.Lgs.": "decreto legislativo",
        "D.L.": "decreto legge", "D.P.R.": "decreto del presidente della Repubblica",
        "c.c.": "codice civile", "c.p.": "codice penale", "c.p.c.": "codice di procedura civile",
        "Cost.": "Costituzione",
    }  # fmt: skip
    own_units: ClassVar[dict[str, tuple[str, str]]] = {
        "hg": ("ettogrammo", "ettogrammi"), "q": ("quintale", "quintali"), "pz.": ("pezzo", "pezzi"),
        "gg": ("giorno", "giorni"), "pers.": ("persona", "persone"), "mq": ("metro quadrato", "metri quadrati"),
        "mc": ("metro cubo", "metri cubi"),
        "gr": ("grammo", "grammi"), "gr.": ("grammo", "grammi"), "kmq": ("chilometro quadrato", "chilometri quadrati"),
        "pz": ("pezzo", "pezzi"), "lt": ("litro", "litri"), "lt.": ("litro", "litri"), "cc": ("centimetro cubo",
        "centimetri cubi"),
        "min.": ("minuto", "minuti"), "giri/min": ("giro al minuto", "giri al minuto"), "mt.": ("metro", "metri"),
        "cts": ("centesimo", "centesimi"), "mAh": ("milliamperora", "milliamperora"),
        "MWh": ("megawattora", "megawattora"), "GWh": ("gigawattora", "gigawattora"), "Wh": ("wattora", "wattora"),
        "cent.": ("centesimo", "centesimi"), "sett.": ("settimana", "settimane"),
    }  # fmt: skip
    unit_names: ClassVar[dict[str, tuple[str, str]]] = {
        "consumption-liter-per-100-kilometer": ("litro per cento chilometri", "litri per cento chilometri"),
    }
    halves: ClassVar[dict[str, str]] = {"m": "mezzo", "f": "mezza"}
    part_of = "di "
    numbered: ClassVar[dict[str, str]] = {
        "n.": "numero", "N.": "numero", "n°": "numero", "N°": "numero", "nº": "numero", "nr.": "numero",
        "nn.": "numeri", "p.": "pagina", "pag.": "pagina", "pp.": "pagine", "pagg.": "pagine", "vol.": "volume",
        "cap.": "capitolo", "art.": "articolo", "artt.": "articoli", "fig.": "figura", "c.": "comma",
        "int.": "interno", "sc.": "scala", "p.no": "piano", "lotto n.": "lotto numero",
        "par.": "paragrafo", "t.": "tomo", "op.": "opus", "Op.": "opus", "L.": "legge",
    }  # fmt: skip
    signs: ClassVar[dict[str, str]] = {
        "^": "alla", "&": "e", "+": "più", "=": "uguale", "×": "per", "★": "stelle", "♯": "diesis", "♭": "bemolle",
        "÷": "diviso", "±": "più o meno", "≈": "circa",
        "≠": "diverso da", "≤": "minore o uguale a", "≥": "maggiore o uguale a", "<": "minore di", ">": "maggiore di",
        "@": "chiocciola", "#": "hashtag", "§": "paragrafo", "°": "gradi", "%": "per cento", "‰": "per mille",
        "€": "euro", "$": "dollari", "£": "sterline", "²": "al quadrato", "³": "al cubo", "√": "radice quadrata di",
        "π": "pi greco", "∞": "infinito", "→": "a", "/": "barra", ":": "a", "over": "fratto", "v": "versione",
        "©": "copyright",
    }  # fmt: skip
    address_signs: ClassVar[dict[str, str]] = {
        ".": "punto", "/": "barra", "-": "trattino", "_": "trattino basso", "@": "chiocciola", ":": "due punti",
        "?": "punto interrogativo", "=": "uguale", "&": "e", "#": "cancelletto", "%": "per cento", "+": "più",
        "\\": "barra rovesciata", "~": "tilde",
    }  # fmt: skip

    mobile = r"800[ .-]?[0-9]{3}[ .-]?[0-9]{3}|3[0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3,4}"

    currency_words: ClassVar[dict[str, str]] = {"euro": "EUR", "dollari": "USD", "sterline": "GBP", "franchi": "CHF"}
    periods = "giorno|settimana|mese|anno|ora|minuto|secondo|persona|notte|pezzo|chilo|litro|abitante|testa"
    labels = (
        "articolo|comma|capitolo|pagina|tomo|volume|numero|camera|stanza|sala|linea|binario|porta|autobus|versione|"
        "livello|fase|gruppo|figura|tabella|classe|categoria|tipo|paragrafo|atto|scena|parte|punto|sezione|via|"
        "piano|serie"
    )
    keys = ("asterisco", "cancelletto")
    key_words = "tast[oi]|prem\\w+|digit\\w+|componi|comporre|schiaccia\\w*"
    menu_words = (
        "file|menu|menù|apr\\w+|vai|vada|andare|clic|impostazioni|modifica|visualizza|strumenti|preferenze|selezion\\w+|"
        "scegli\\w*|opzioni"
    )
    then = "poi"
    either = "o"
    pairs = "lui/lei|lei/lui|sì/no|il/la|un/una|vero/falso|uomo/donna|suo/sua"
    following = (("(?:e )?(?:ss|sgg|segg)\\.", "e seguenti"),)
    by, inches = "per", "pollici"
    greek: ClassVar[dict[str, str]] = {"α": "alfa", "φ": "fi", "ρ": "rho", "θ": "theta", "μ": "mi", "ν": "ni"}
    books: ClassVar[dict[str, str]] = {
        "Gen": "Genesi", "Gn": "Genesi", "Es": "Esodo", "Sal": "Salmo", "Is": "Isaia", "Mt": "Matteo", "Mc": "Marco",
        "Lc": "Luca", "Gv": "Giovanni", "At": "Atti", "Rm": "Romani", "Cor": "Corinzi", "Ap": "Apocalisse",
        **{name: name for name in "Genesi Esodo Salmo Isaia Matteo Marco Luca Giovanni Atti Romani Corinzi".split()},
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__("it", "it", "virgola")

    def rate(self, name: str) -> str:
        if name in {"persona", "notte", "testa", "settimana"}:
            return f"a {name}"
        if name[0] in "aeiouh":
            return f"all'{name}"
        return f"{'alla' if self.gender(name.split(maxsplit=1)[0]) == 'f' else 'al'} {name}"

    def repeated(self, number: int) -> str:
        return "una volta" if number == 1 else f"{self.cardinal(number)} volte"

    def half_more(self, whole: int, noun: str) -> str:
        feminine = noun.endswith("a") or noun in _FEMININE_PLURALS
        one = ("una" if feminine else "un") if whole == 1 else self.cardinal(whole)
        return f"{one} {noun} e {'mezza' if feminine else 'mezzo'}"

    def before_noun(self, said: str, noun: str) -> str:
        if said == "un" and re.match(r"(?:s[^aeiou]|z|gn|ps|x|y)", noun):
            said = "uno"
        if said == "una" and noun[0] in "aeiou":
            said = "un'"
        return f"{said} {noun}"

    def gender(self, noun: str) -> str:
        return "f" if noun.endswith("a") else "m"

    def cardinal(self, number: int, gender: str = "") -> str:
        if number == 1 and gender:
            return "una" if gender == "f" else "un"
        said = re.sub(r"(?<=\w)tre\b", "tré", number_words(number, "it"))
        return said.replace("milioni e ", "milioni ").replace("milione e ", "milione ")

    def counted_gender(self, word: str) -> str:
        if not word[0].islower() or len(word) < 3:
            return ""
        if word in _FEMININE_IN_E or word.endswith(("zione", "sione", "gione", "tà", "tù", "trice")):
            return "f"
        return "f" if word.endswith("a") else "m" if word.endswith(("o", "e")) else ""

    def ordinal(self, number: int, gender: str = "m") -> str:
        said = number_words(number, "it", "ordinal")
        return said[:-1] + "a" if gender == "f" else said

    def unit(self, unit: str, number: Decimal, spoken: str) -> str:
        return super().unit(unit, number, spoken).replace("una o", "un'o")

    def fraction(self, part: str) -> str:
        if part.startswith("0") or len(part) > 2:
            return self.digits(part)
        return self.cardinal(int(part))

    def date(self, day: int, month: int, year: int | None, before: str) -> str | None:  # noqa: ARG002
        said = f"{'primo' if day == 1 else self.cardinal(day)} {_MONTHS[month - 1]}"
        return f"{said} {self.year(year)}" if year else said

    def clock(self, hour: int, minute: int, second: int, before: str) -> str | None:
        said = "una" if hour == 1 else "zero" if hour == 0 else self.cardinal(hour)
        if not minute and not second:
            return said if before in {"alle", "le", "ore", "dalle", "all", "l", "ora"} else f"ore {said}"
        if minute:
            said += f" e {self.cardinal(minute)}"
        if second:
            said += f" e {self.cardinal(second)} {'secondo' if second == 1 else 'secondi'}"
        return said

    def vulgar(self, above: int, below: int, whole: str | None) -> str:
        if not 0 < above < below or (below > 100 and below != 1000):
            return ""
        if below == 2:
            return f"{self.cardinal(int(whole))} e mezzo" if whole else "un mezzo"
        part = self.ordinal(below)
        said = f"{self.cardinal(above, 'm')} {part if above == 1 else part[:-1] + 'i'}"
        return f"{self.cardinal(int(whole))} e {said}" if whole else said

    def first_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        def both(found: Match) -> str:
            first, last = roman(found[1]), roman(found[3])
            if not (first and last):
                return found[0]
            joined = {"-": " - ", "–": " - "}.get(found[2], found[2])
            return f"{self.ordinal(first)}{joined}{self.ordinal(last)} secolo"

        return (
            (r"\bSS\. (?=[A-Z][a-z])", lambda _: "Santi "),
            (r"(?<=[a-z] e )1/2\b", lambda _: "mezzo"),
            (r"\bh (?=[0-2]?[0-9][.:][0-5][0-9])", lambda _: "ore "),
            (r"\bCAP:? ([0-9]{5})\b", lambda m: f"CAP {self.digits(m[1])}"),
            (r"\b([Aa]l )([0-9]{1,3})'(?!\w)", lambda m: f"{m[1]}{self.ordinal(int(m[2]))} minuto"),
            (r"(?<![\w.,'])([0-9]{1,3})'(?=$|[ .,;)])", lambda m: f"{m[1]} {'minuto' if m[1] == '1' else 'minuti'}"),
            (
                (
                    r"\b((?:n\.|nn\.|L\.|[Ll]egge|[Dd]ecreto|DL|D\.L\.|D\.Lgs\.|[Rr]egolamento) ?)([0-9]{1,4})"
                    r"/([12][0-9]{3})\b"
                ),
                lambda m: f"{m[1]}{m[2]} del {m[3]}",
            ),
            (
                r"\bsecc\. ([IVXL]+)(-|–| e | o )([IVXL]+)\b",
                lambda m: f"secoli {both(m).removesuffix(' secolo')}",
            ),
            (
                r"(?<![\w.,])([0-9]{1,2}) sett\.(?! ?[12][0-9]{3})",
                lambda m: f"{m[1]} settimane" if m[1] != "1" else "1 settimana",
            ),
            (r"\b([IVXL]+)(-|–| e | o )([IVXL]+) sec(?:olo|oli|\.)", both),
            (r"(?<!\w)sec\. ([IVXL]+)\b", lambda m: f"secolo {self.ordinal(n)}" if (n := roman(m[1])) else m[0]),
            (
                (
                    r"\b([IVXL]+) (?=sec\.|[Mm]illennio|[Dd]inastia|[Ee]dizione|[Cc]ongresso|[Cc]onferenza|"
                    r"[Ll]egislatura|[Rr]epubblica|[Aa]nniversario|[Cc]oncorso|"
                    r"[Tt]orneo|[Ff]estival|[Pp]remio|[Vv]ertice|[Tt]rofeo)"
                ),
                self._nth_thing,
            ),
            (
                (
                    r"(?<![\w.,/-])(?<!versione )(?<!art\. )(?<!par\. )(?<!fig\. )([01]?[0-9]|2[0-3])\.([0-5][05])"
                    r"(?![\w]|[.,/-][0-9]| ?[€$£%]|(?: euro| mila))"
                ),
                lambda m: self.clock(int(m[1]), int(m[2]), 0, "ore") or m[0],
            ),
        )

    def _nth_thing(self, found: Match) -> str:
        number, thing = roman(found[1]), found.string[found.end() :].lower()
        feminine = thing.startswith(("dinastia", "edizione", "conferenza", "legislatura", "repubblica"))
        return f"{self.ordinal(number, 'f' if feminine else 'm')} " if number else found[0]

    def own_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        return (*self._hours_and_marks(), *self._romans())

    def _hours_and_marks(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        return (
            (
                (
                    r"(?<![\w.,:])([01]?[0-9]|2[0-4])\.([0-5][0-9]) ?[-–] ?([01]?[0-9]|"
                    r"2[0-4])\.([0-5][0-9])(?![\w€%]|[.,][0-9])"
                    r"(?! ?(?:€|euro\b|%))"
                ),
                lambda m: (
                    f"{self.clock(int(m[1]), int(m[2]), 0, 'ore')} a {self.clock(int(m[3]), int(m[4]), 0, 'ore')}"
                ),
            ),
            (r"(?<!\w)([A-Z]{1,3})-?1(?= [a-z])", lambda m: f"{m[1]} uno"),
            (r"(?<!\w)([A-Z]{1,3})-?([2-9])1(?= [a-z])", lambda m: f"{m[1]} {self.cardinal(int(m[2] + '1'))}"),
            (r"(?<![\w.])S\. (?=([A-Z][a-zàèéìòù]+)\b)", lambda m: _saint(m[1])),
            (
                (
                    r"\b((?i:ore|alle|dalle|delle|nelle|sulle|le|all'ora|orario:?|"
                    r"ora:?)) ([01]?[0-9]|2[0-4])\.([0-5][0-9])"
                    r"(?![\w]|[.,][0-9]| ?(?:€|euro\b|%|[kmc]?[mg]\b))"
                ),
                lambda m: f"{m[1]} {self.clock(int(m[2]), int(m[3]), 0, m[1].lower())}",
            ),
            (
                r"(?<![\w.,])([0-9]{1,4})[º°°](?! ?[CFNSEW]\b)(?!\w)",
                lambda m: (
                    self.ordinal(int(m[1]))
                    if re.match(r" ?[a-zA-Z]", m.string[m.end() :]) or int(m[1]) < (32 if "º" in m[0] else 13)
                    else f"{m[1]} gradi"
                ),
            ),
            (r"(?<![\w.,])([0-9]{1,4})ª(?!\w)", lambda m: self.ordinal(int(m[1]), "f")),
        )

    def _romans(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        """Centuries, parts of books, rulers, wars."""
        name = r"[A-ZÀ-Þ][^\W\d_A-Z]+"
        return (
            (r"\b([IVXL]+) (?=[Ss]ecol[oi]\b)", lambda m: f"{self.ordinal(n)} " if (n := roman(m[1])) else m[0]),
            (r"\b([Ss]ecolo) ([IVXL]+)\b", lambda m: f"{m[1]} {self.ordinal(n)}" if (n := roman(m[2])) else m[0]),
            (
                (
                    r"\b([Cc]apitolo|[Tt]omo|[Aa]tto|[Ll]ibro|[Vv]olume|[Cc]anto|"
                    r"[Tt]itolo|[Ll]ivello|[Tt]ipo) ([IVXL]+)\b"
                ),
                lambda m: f"{m[1]} {self.ordinal(n)}" if (n := roman(m[2])) else m[0],
            ),
            (
                r"\b([Ss]cena|[Pp]arte) ([IVXL]+)\b",
                lambda m: f"{m[1]} {self.ordinal(n, 'f')}" if (n := roman(m[2])) else m[0],
            ),
            (rf"\b({name}) ([IVX]{{2,6}}|V|X)(?![\w'.-]\w)(?!\w)", self._ruler),
            (
                (
                    rf"\b((?:[Rr]e|[Rr]egina|[Pp]apa|[Ii]mperatore|Umberto|Carlo|Francesco|Elisabetta|Federico|"
                    rf"Napoleone|Ferdinando) ?(?:{name})?) I(?!\w)"
                ),
                lambda m: f"{m[1]} {'prima' if 'Elisabetta' in m[1] or 'egina' in m[1] else 'primo'}",
            ),
            (r"\b([IVX]+) (?=[Gg]uerra)", lambda m: f"{self.ordinal(n, 'f')} " if (n := roman(m[1])) else m[0]),
            (r"(?<![\w.])[Ii]l '?([0-9]{2})(?= )", lambda m: m[0]),
        )

    def _ruler(self, found: Match) -> str:
        number = roman(found[2])
        if number is None:
            return found[0]
        return f"{found[1]} {self.ordinal(number, 'f' if found[1] in _FEMININE_NAMES else 'm')}"


def _saint(name: str) -> str:
    """San, Santa, Santo or Sant', as the name wants it."""
    if name[0] in "AEIOU":
        return "Sant'"
    if name.endswith("a") and name not in {"Nicola", "Luca", "Mattia", "Barnaba"}:
        return "Santa "
    return "Santo " if name.startswith(("St", "Sp", "Z")) else "San "

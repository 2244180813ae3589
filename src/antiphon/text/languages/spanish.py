"""Spanish."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from antiphon.text.languages.grammar import Language, number_words
from antiphon.text.numerals import roman

Match = re.Match[str]

_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
_MASCULINE_IN_A = frozenset(
    "día problema tema sistema programa idioma clima poema planeta cometa poeta atleta dálmata mapa dilema drama lema "
    "síntoma diploma esquema fantasma pirata tranvía sofá papa guardia policía gramo".split()
)
_FEMININE_WORDS = frozenset(
    "mujer vez ciudad noche calle clase parte llave nave red ley flor voz luz sal mano foto moto radio tarde "
    "nube fuente "
    "serie especie base frase sangre muerte suerte gente leche carne tos cruz raíz nariz señal catedral cárcel "
    "miel piel "
    "imagen orden torre".split()
)
_NUMBERED_FEMININE = (
    "guerra mundial|edición|feria|república|cumbre|internacional|jornadas?|legión|asamblea|legislatura|"
    "conferencia|copa|"
    "semana|dinastía|reunión|olimpiada|bienal"
)
_NUMBERED_MASCULINE = (
    "congreso|festival|aniversario|concilio|juegos|premio|concurso|encuentro|curso|maratón|torneo|milenio|"
    "reich|imperio|"
    "trofeo|simposio|certamen|plan|foro"
)
_DAYS = {"L": "lunes", "M": "martes", "X": "miércoles", "J": "jueves", "V": "viernes", "S": "sábado", "D": "domingo"}
_FEMININE_ENDS = re.compile(r"(?:ci[oó]n|si[oó]n|ciones|siones|dad|dades|tud|tudes|umbres?)$")
_UNITS = ("", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo")
_TEENS = {
    11: "undécimo", 12: "duodécimo", 13: "decimotercero", 14: "decimocuarto", 15: "decimoquinto", 16: "decimosexto",
    17: "decimoséptimo", 18: "decimoctavo", 19: "decimonoveno",
}  # fmt: skip


def _parts_of(words: str) -> str:
    """doce -> doceavo, treinta -> treintavo, veintiuno -> veintiunavo."""
    joined = words.replace(" y ", "i").replace("é", "e").replace("ú", "u").replace("ó", "o")
    return f"{joined.removesuffix('o').removesuffix('a') if joined[-1] in 'ao' and joined[-2:] != 'co' else joined}avo"


class Spanish(Language):
    to, minus, percent, per = "a", "menos", "por ciento", "por"
    money_and = "con"
    coins: ClassVar[dict[str, tuple[str, str]]] = {
        "EUR": ("céntimo", "céntimos"), "USD": ("centavo", "centavos"), "GBP": ("penique", "peniques"),
        "MXN": ("centavo", "centavos"),
    }  # fmt: skip
    currency_names: ClassVar[dict[str, tuple[str, str]]] = {
        "USD": ("dólar", "dólares"), "GBP": ("libra", "libras"), "JPY": ("yen", "yenes"), "CNY": ("yuan", "yuanes"),
        "INR": ("rupia", "rupias"), "RUB": ("rublo", "rublos"), "CHF": ("franco suizo", "francos suizos"),
        "MXN": ("peso mexicano", "pesos mexicanos"),
    }  # fmt: skip
    scales: ClassVar[dict[str, tuple[str, str, str]]] = {
        **dict.fromkeys(("M", "millón", "millones", "mill."), ("millón", "millones", "de ")),
        **dict.fromkeys(("mil M", "mil millones"), ("mil millones", "mil millones", "de ")),
        **dict.fromkeys(("billón", "billones"), ("billón", "billones", "de ")),
        **dict.fromkeys(("k", "K", "mil"), ("mil", "mil", "")),
    }
    months: ClassVar[dict[str, int]] = {
        **{name: number for number, name in enumerate(_MONTHS, 1)}, "ene": 1, "feb": 2, "mar": 3, "abr": 4, "may": 5,
        "jun": 6, "jul": 7, "ago": 8, "sep": 9, "sept": 9, "setiembre": 9, "oct": 10, "nov": 11, "dic": 12,
    }  # fmt: skip
    weekdays: ClassVar[dict[str, str]] = {
        "lun": "lunes", "mar": "martes", "mié": "miércoles", "jue": "jueves", "vie": "viernes", "sáb": "sábado",
        "dom": "domingo",
    }  # fmt: skip
    abbreviations: ClassVar[dict[str, str]] = {
        "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Sras.": "señoras",
        "Dr.": "doctor", "Dra.": "doctora", "Prof.": "profesor", "Profa.": "profesora", "D.": "don", "Dña.": "doña",
        "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "Vds.": "ustedes", "etc.": "etcétera",
        "p. ej.": "por ejemplo", "EE. UU.": "Estados Unidos", "EE.UU.": "Estados Unidos", "a. C.": "antes de Cristo",
        "d. C.": "después de Cristo", "a. de C.": "antes de Cristo", "d. de C.": "después de Cristo",
        "Avda.": "avenida", "Av.": "avenida", "C/": "calle ", "c/": "calle ", "Pza.": "plaza", "Pl.": "plaza",
        "Sto.": "santo", "Sta.": "santa", "Tel.": "teléfono", "tel.": "teléfono", "Tfno.": "teléfono",
        "aprox.": "aproximadamente", "máx.": "máximo", "mín.": "mínimo", "Ing.": "ingeniero", "Lic.": "licenciado",
        "Gral.": "general", "Cía.": "compañía", "izq.": "izquierda", "dcha.": "derecha", "vs.": "versus",
        "ene.": "enero", "feb.": "febrero", "abr.": "abril", "ago.": "agosto", "sept.": "septiembre",
        "oct.": "octubre", "nov.": "noviembre", "dic.": "diciembre", "S. A.": "sociedad anónima",
        "S.A.": "sociedad anónima", "JJ. OO.": "Juegos Olímpicos", "RR. HH.": "recursos humanos",
        "FF. AA.": "Fuerzas Armadas", "hab.": "habitantes", "D.ª": "doña", "D.ª.": "doña", "EEUU": "Estados Unidos",
        "S. L.": "sociedad limitada", "S.L.": "sociedad limitada", "Ctra.": "carretera", "ctra.": "carretera",
        "Pº": "paseo ", "P.º": "paseo ", "Bº": "barrio ", "Urb.": "urbanización", "C.P.": "código postal",
        "Apdo.": "apartado", "Hno.": "hermano", "Hnos.": "hermanos", "Gta.": "glorieta", "Edif.": "edificio",
        "esq.": "esquina", "s/n": "sin número", "Tte.": "teniente", "Cap.": "capitán", "Cnel.": "coronel",
        "Sgto.": "sargento", "Mons.": "monseñor", "Fr.": "fray", "P. D.": "posdata", "P.D.": "posdata",
        "i.e.": "es decir", "e.g.": "por ejemplo", "ej.": "ejemplo", "Ej.": "ejemplo", "cf.": "confróntese",
        "cfr.": "confróntese", "ib.": "ibídem", "ibíd.": "ibídem", "N. B.": "nota bene", "S. M.": "su majestad",
        "SS. MM.": "sus majestades", "SS.MM.": "sus majestades", "cda.": "cucharada",
        "cdas.": "cucharadas", "cdta.": "cucharadita",
        "cdtas.": "cucharaditas", "habs.": "habitantes", "c/u": "cada uno",
        "dpto.": "departamento", "Dpto.": "departamento", "Depto.": "departamento", "admón.": "administración",
        "Admón.": "administración", "ref.": "referencia", "Ref.": "referencia", "teléf.": "teléfono",
        "Teléf.": "teléfono", "tfno.": "teléfono", "Rte.": "remitente", "Excmo.": "excelentísimo",
        "Ilmo.": "ilustrísimo", "Arq.": "arquitecto", "Abg.": "abogado", "Mtro.": "maestro", "Prov.": "provincia",
        "prov.": "provincia", "gob.": "gobierno", "Gob.": "gobierno", "pdte.": "presidente", "Pdte.": "presidente",
        "vol.": "volumen", "ed.": "edición", "Ed.": "edición", "coord.": "coordinador", "trad.": "traducción",
        "et al.": "y otros", "q. e. p. d.": "que en paz descanse", "Bco.": "banco", "entlo.": "entresuelo",
        "ppal.": "principal", "xq": "porque", "tb": "también", "CC. AA.": "comunidades autónomas",
        "CC.AA.": "comunidades autónomas", "CC. OO.": "Comisiones Obreras", "RR.HH.": "recursos humanos",
        "JJ.OO.": "Juegos Olímpicos", "Sto": "santo", "Sta": "santa", "dto.": "descuento", "máx": "máximo",
        "mín": "mínimo",
    }  # fmt: skip
    own_units: ClassVar[dict[str, tuple[str, str]]] = {
        "cda.": ("cucharada", "cucharadas"), "cdas.": ("cucharada", "cucharadas"),
        "cdta.": ("cucharadita", "cucharaditas"), "cdtas.": ("cucharadita", "cucharaditas"),
        "uds.": ("unidad", "unidades"), "ud.": ("unidad", "unidades"), "cts.": ("céntimo", "céntimos"),
        "mAh": ("miliamperio hora", "miliamperios hora"),
        "MWh": ("megavatio hora", "megavatios hora"), "GWh": ("gigavatio hora", "gigavatios hora"),
        "Wh": ("vatio hora", "vatios hora"),
        "pers.": ("persona", "personas"),
        "cts": ("céntimo", "céntimos"), "cént.": ("céntimo", "céntimos"), "cc": ("centímetro cúbico",
        "centímetros cúbicos"),
        "rpm": ("revolución por minuto", "revoluciones por minuto"), "hs.": ("hora", "horas"), "hs": ("hora", "horas"),
        "grs.": ("gramo", "gramos"), "gr.": ("gramo", "gramos"), "gr": ("gramo", "gramos"), "mts.": ("metro", "metros"),
        "mts": ("metro", "metros"), "kms": ("kilómetro", "kilómetros"), "kms.": ("kilómetro", "kilómetros"),
        "lts.": ("litro", "litros"), "sem.": ("semana", "semanas"),
    }  # fmt: skip
    unit_names: ClassVar[dict[str, tuple[str, str]]] = {
        "consumption-liter-per-100-kilometer": ("litro por cien kilómetros", "litros por cien kilómetros"),
    }
    halves: ClassVar[dict[str, str]] = {"m": "medio", "f": "media"}
    part_of = "de "
    numbered: ClassVar[dict[str, str]] = {
        "n.º": "número", "N.º": "número", "nº": "número", "Nº": "número", "n°": "número", "N°": "número",
        "núm.": "número", "núms.": "números", "arts.": "artículos", "n.os": "números", "n.ºs": "números",
        "min.": "minuto", "caps.": "capítulos",
        "figs.": "figuras",
        "vols.": "volúmenes",
        "apdo.": "apartado", "ap.": "apartado", "párr.": "párrafo", "t.": "tomo", "ed.": "edición", "op.": "opus",
        "Op.": "opus", "ley n.º": "ley número", "disp.": "disposición", "pág": "página", "num.": "número",
        "secc.": "sección", "inc.": "inciso", "No.": "número", "pág.": "página", "págs.": "páginas", "p.": "página",
        "pp.": "páginas", "vol.": "volumen", "cap.": "capítulo", "art.": "artículo", "fig.": "figura",
        "km.": "kilómetro",
    }  # fmt: skip
    signs: ClassVar[dict[str, str]] = {
        "^": "elevado a", "&": "y", "+": "más", "=": "igual a", "×": "por", "★": "estrellas", "♯": "sostenido",
        "♭": "bemol", "÷": "entre", "±": "más menos",
        "≈": "aproximadamente", "≠": "distinto de", "≤": "menor o igual que", "≥": "mayor o igual que",
        "<": "menor que", ">": "mayor que", "@": "arroba", "#": "hashtag", "§": "párrafo", "°": "grados",
        "%": "por ciento", "‰": "por mil", "€": "euros", "$": "dólares", "£": "libras", "²": "al cuadrado",
        "³": "al cubo", "√": "raíz cuadrada de", "π": "pi", "∞": "infinito", "→": "a", "/": "barra", ":": "a",
        "over": "partido por", "v": "versión", "©": "copyright",
    }  # fmt: skip
    address_signs: ClassVar[dict[str, str]] = {
        ".": "punto", "/": "barra", "-": "guion", "_": "guion bajo", "@": "arroba", ":": "dos puntos",
        "?": "interrogación", "=": "igual", "&": "y", "#": "almohadilla", "%": "por ciento", "+": "más",
        "\\": "barra invertida", "~": "tilde",
    }  # fmt: skip

    mobile = r"[6789][0-9]{2}[ -][0-9]{3}[ -][0-9]{3}|[69][0-9]{2}(?: [0-9]{2}){3}|[89][0-9] [0-9]{3} [0-9]{2} [0-9]{2}"

    currency_words: ClassVar[dict[str, str]] = {"euros": "EUR", "dólares": "USD", "libras": "GBP"}
    periods = "día|semana|mes|año|hora|minuto|segundo|persona|noche|unidad|kilo|litro|habitante|vez"
    labels = (
        "artículo|apartado|capítulo|página|tomo|volumen|número|habitación|sala|línea|andén|vía|puerta|autobús|versión|"
        "nivel|fase|grupo|figura|tabla|clase|categoría|tipo|párrafo|acto|escena|parte|punto|sección|calle|piso"
    )
    keys = ("asterisco", "almohadilla")
    key_words = "teclas?|pulse|pulsar|pulsa|presion\\w+|marque|marca|marcar|oprima|apriete|teclee"
    menu_words = (
        "archivo|menús?|abr[aeir]+|vaya|ve|clic|ajustes|configuración|edición|ver|herramientas|preferencias|"
        "seleccion\\w+|elija|elige|opciones|inicio"
    )
    then = "luego"
    either = "o"
    pairs = "él/ella|ella/él|ellos/ellas|sí/no|el/la|los/las|un/una|verdadero/falso|hombre/mujer|su/sus"
    following = (("(?:y )?ss\\.", "y siguientes"),)
    by, inches, month_of = "por", "pulgadas", " de "
    greek: ClassVar[dict[str, str]] = {"α": "alfa", "φ": "fi", "χ": "ji", "ρ": "ro", "ε": "épsilon", "υ": "ípsilon",
                                       "κ": "kappa", "ο": "ómicron", "λ": "lambda"}  # fmt: skip
    books: ClassVar[dict[str, str]] = {
        "Gn": "Génesis", "Ex": "Éxodo", "Sal": "Salmo", "Is": "Isaías", "Mt": "Mateo", "Mc": "Marcos", "Lc": "Lucas",
        "Jn": "Juan", "Hch": "Hechos", "Rom": "Romanos", "Cor": "Corintios", "Gál": "Gálatas", "Ap": "Apocalipsis",
        **{name: name for name in "Génesis Éxodo Salmo Isaías Mateo Marcos Lucas Juan Hechos Romanos "
        "Corintios".split()},
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__("es", "es", "coma")

    def rate(self, name: str) -> str:
        if name in {"mes", "año", "día"}:
            return f"al {name}"
        return f"a la {name}" if name == "semana" else super().rate(name)

    def repeated(self, number: int) -> str:
        return "una vez" if number == 1 else f"{self.cardinal(number, 'f')} veces"

    def half_more(self, whole: int, noun: str) -> str:
        gender = self.counted_gender(noun) or self.gender(noun)
        return f"{self.cardinal(whole, gender)} {noun} y {'media' if gender == 'f' else 'medio'}"

    def gender(self, noun: str) -> str:
        return "f" if noun.endswith("a") and noun not in _MASCULINE_IN_A else "m"

    def cardinal(self, number: int, gender: str = "") -> str:
        said = number_words(number, "es").replace("veintiuno mil", "veintiún mil").replace("uno mil", "un mil")
        if gender == "f":
            said = re.sub(r"cientos\b", "cientas", said).replace("quinientos", "quinientas")
        if said.endswith("uno") and gender:
            if gender == "f":
                return said[:-1] + "a"
            return said[:-3] + ("ún" if said.endswith("veintiuno") else "un")
        return said

    def counted_gender(self, word: str) -> str:
        if not word[0].islower() or word in {"o", "a", "para", "como", "cada", "hasta", "no", "pero", "contra"}:
            return ""
        stem = word.removesuffix("s")
        if stem.removesuffix("e") in _FEMININE_WORDS or stem in _FEMININE_WORDS or _FEMININE_ENDS.search(word):
            return "f"
        if stem in _MASCULINE_IN_A or stem.endswith("ista") or word.endswith(("o", "os", "es")):
            return "m"
        return "f" if word.endswith(("a", "as")) else ""

    def ordinal(self, number: int, gender: str = "m") -> str:
        if number <= 10:
            said = _UNITS[number] if number else "cero"
        else:
            said = _TEENS.get(number) or number_words(number, "es", "ordinal")
        if gender == "f":
            said = re.sub(r"o\b", "a", said)
        return said

    def fraction(self, part: str) -> str:
        if len(part) > 2:
            return self.digits(part)
        zeros = len(part) - len(part.lstrip("0"))
        if zeros:
            return self.digits(part)
        return self.cardinal(int(part))

    def date(self, day: int, month: int, year: int | None, before: str) -> str | None:  # noqa: ARG002
        said = f"{self.cardinal(day)} de {_MONTHS[month - 1]}"
        return f"{said} de {self.year(year)}" if year else said

    def clock(self, hour: int, minute: int, second: int, before: str) -> str | None:
        named = before in {"las", "la"}
        said = self.cardinal(hour, "f")
        if minute:
            said += f" {self.cardinal(minute)}"
        elif not named and not second:
            said += " hora" if hour == 1 else " horas"
        if second:
            said += f" y {self.cardinal(second)} {'segundo' if second == 1 else 'segundos'}"
        return said

    def vulgar(self, above: int, below: int, whole: str | None) -> str:
        if not 0 < above < below or (below > 100 and below != 1000):
            return ""
        if below == 2:
            return f"{self.cardinal(int(whole))} y medio" if whole else "un medio"
        part = {3: "tercio"}.get(below) or (
            self.ordinal(below) if below <= 10 or below >= 100 else _parts_of(self.cardinal(below))
        )
        said = f"{self.cardinal(above, 'm')} {part}{'s' if above > 1 else ''}"
        return f"{self.cardinal(int(whole))} y {said}" if whole else said

    def first_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        def both(found: Match) -> str:
            first, last = roman(found[2]), roman(found[4])
            if not (first and last):
                return found[0]
            joined = {"-": " a ", "–": " a "}.get(found[3], found[3])
            return f"siglos {self.cardinal(first)}{joined}{self.cardinal(last)}"

        return (
            (r"\b(L)-([JVSD])(?=$|[ :,.])", lambda m: f"{_DAYS[m[1]]} a {_DAYS[m[2]]}"),
            (
                r"\b((?:finales|mediados|principios|comienzos|fines) del) ([IVX]+)\b",
                lambda m: f"{m[1]} {self.cardinal(n)}" if (n := roman(m[2])) else m[0],
            ),
            (
                r"\b([Ll]as?|[Ll]a) ([01]?[0-9]|2[0-3])\.([0-5][0-9])(?![\w]|[.,][0-9])",
                lambda m: f"{m[1]} {self.clock(int(m[2]), int(m[3]), 0, 'las')}",
            ),
            (r"(?<![\w.,'])([0-9]{1,3})'(?=$|[ .,;)])", lambda m: f"{m[1]} {'minuto' if m[1] == '1' else 'minutos'}"),
            (r"(?<!\w)([Ss]iglos|ss?\.) ([IVXL]+)(-|–| y | al? | o )([IVXL]+)\b", both),
            (r"(?<!\w)[sS]\. ([IVXL]+)\b", lambda m: f"siglo {self.cardinal(n)}" if (n := roman(m[1])) else m[0]),
            (
                r"(?<![\w.,:])([0-9]{1,3}(?:,[0-9]+)?) ?[º°](?= ?[NSEO]\b)",
                lambda m: f"{self.said_number(m[1])} grados",
            ),
            (
                (
                    r"((?:\b(?:a|de|unos|hasta|con|hace|hacen|entre|sobre|y|bajo|ángulo) |-))([0-9]{1,3}) "
                    r"?[º°](?![\w.]| ?[CF]\b| [a-z]+[oa]\b)"
                ),
                lambda m: f"{m[1]}{m[2]} grados",
            ),
            (
                r"(?<![\w.])([0-9]{1,3},[0-9]+|3[2-9]|[4-9][0-9]|[1-3][0-9]{2}) ?[º°](?![\w.]| ?[CF]\b| [a-záéíóú])",
                lambda m: f"{m[1]} grados",
            ),
        )

    def said_number(self, written: str) -> str:
        """A number as written, with its comma."""
        whole, _, part = written.partition(",")
        return self.decimal(whole, part)

    def own_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        name = r"[A-ZÀ-Þ][^\W\d_A-Z]+"
        return (
            (
                r"(?<![\w.,:])([01]?[0-9]|2[0-4])[:.]([0-5][0-9]) ?(?:h|hs|hrs|horas)\b\.?",
                lambda m: f"{self.clock(int(m[1]), int(m[2]), 0, '')} horas".replace("horas horas", "horas"),
            ),
            (r"(?<![\w/.,])([1-9])/([3-9]|10) (?=partes?\b)", self._parts),
            (
                r"(?<![\w.,:])([01]?[0-9]):([0-5][0-9]) ?([ap])\.? ?m\b\.?",
                lambda m: f"{self.clock(int(m[1]), int(m[2]), 0, 'las')} {m[3]} m",
            ),
            (r"\b([ap])\. ?m\.", lambda m: f"{m[1]} m"),
            (
                r"(?<![\w.,])([0-9]{1,2})\.?(os|as)(?!\w)",
                lambda m: f"{self.ordinal(int(m[1]), 'f' if m[2] == 'as' else 'm')}s",
            ),
            (r"\b([A-Z])-([IVX]{1,4})\b", lambda m: f"{m[1]} {self.cardinal(n)}" if (n := roman(m[2])) else m[0]),
            (r"(?<![\w.,])([0-9]{1,3}) ?°(?=$|[.,;:!?)])", lambda m: f"{m[1]} grados"),
            (r"(?<![\w.,])([0-9]{1,3})\.?[º°o](?![\w])", lambda m: self.ordinal(int(m[1]))),
            (r"(?<![\w.,])([0-9]{1,3})\.?ª(?!\w)", lambda m: self.ordinal(int(m[1]), "f")),
            (r"(?<![\w.,])([0-9]{1,2})\.?er(?!\w)", lambda m: self.ordinal(int(m[1])).removesuffix("o")),
            (r"\b([Ss]iglos?) ([IVXL]+)\b", lambda m: f"{m[1]} {self.cardinal(n)}" if (n := roman(m[2])) else m[0]),
            (
                (
                    r"\b([Cc]apítulo|[Tt]omo|[Aa]cto|[Ll]ibro|[Ee]scena|[Pp]arte|[Vv]olumen|[Ff]ase|[Tt]ipo|"
                    r"[Tt]ítulo|[Nn]ivel|Guerra Mundial) ([IVXL]+)\b"
                ),
                lambda m: f"{m[1]} {self.cardinal(n)}" if (n := roman(m[2])) else m[0],
            ),
            (rf"\b({name}) ([IVX]{{2,6}}|V|X)(?![\w'.-]\w)(?!\w)", self._ruler),
            (
                (
                    rf"\b((?:[Rr]ey|[Rr]eina|[Pp]apa|Carlos|Felipe|Isabel|Juan Carlos|Fernando|Alfonso|Francisco|"
                    rf"Jaime|Pedro) ?(?:{name})?) I(?!\w)"
                ),
                lambda m: f"{m[1]} {'primera' if 'Isabel' in m[1] or 'eina' in m[1] else 'primero'}",
            ),
            (
                rf"\b([IVX]+) (?=(?i:{_NUMBERED_FEMININE}|{_NUMBERED_MASCULINE})\b)",
                self._nth_thing,
            ),
        )

    def _nth_thing(self, found: Match) -> str:
        number = roman(found[1])
        feminine = re.match(rf"(?i:{_NUMBERED_FEMININE})\b", found.string[found.end() :])
        return f"{self._before(number, 'f' if feminine else 'm')} " if number else found[0]

    def _before(self, number: int, gender: str) -> str:
        """An ordinal before its noun: tercer congreso."""
        said = self.ordinal(number, gender)
        return said.removesuffix("o") if gender == "m" and number % 10 in {1, 3} and number < 10 else said

    def _parts(self, found: Match) -> str:
        above, below = int(found[1]), int(found[2])
        part = "tercera" if below == 3 else self.ordinal(below, "f")
        return f"{self.cardinal(above, 'f')} {part}{'s' if above > 1 else ''} "

    def _ruler(self, found: Match) -> str:
        number = roman(found[2])
        if number is None:
            return found[0]
        if number > 10:
            return f"{found[1]} {self.cardinal(number)}"
        return f"{found[1]} {self.ordinal(number, 'f' if found[1].endswith(('a', 'Isabel')) else 'm')}"

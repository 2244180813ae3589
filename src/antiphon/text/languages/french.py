"""French, of France."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar

from antiphon.text.languages import french_forms, french_words
from antiphon.text.languages.grammar import Language, number_words
from antiphon.text.numerals import roman

Match = re.Match[str]

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_STREETS = frozenset("rue avenue impasse allée route ruelle chaussée cité esplanade promenade venelle".split())


class French(Language):
    to, minus, percent, per = "à", "moins", "pour cent", "par"
    money_and = ""
    coins: ClassVar[dict[str, tuple[str, str]]] = {
        "EUR": ("centime", "centimes"), "USD": ("cent", "cents"), "GBP": ("penny", "pence"),
        "CHF": ("centime", "centimes"), "CAD": ("cent", "cents"),
    }  # fmt: skip
    currency_names: ClassVar[dict[str, tuple[str, str]]] = {
        "USD": ("dollar", "dollars"), "GBP": ("livre", "livres"), "JPY": ("yen", "yens"), "CNY": ("yuan", "yuans"),
        "INR": ("roupie", "roupies"), "RUB": ("rouble", "roubles"), "CHF": ("franc suisse", "francs suisses"),
    }  # fmt: skip
    scales: ClassVar[dict[str, tuple[str, str, str]]] = {
        **dict.fromkeys(("M", "Mio", "million", "millions"), ("million", "millions", "de ")),
        **dict.fromkeys(("Md", "Mds", "Mrd", "milliard", "milliards"), ("milliard", "milliards", "de ")),
        **dict.fromkeys(("billion", "billions"), ("billion", "billions", "de ")),
        **dict.fromkeys(("k", "K"), ("mille", "mille", "")),
    }
    months: ClassVar[dict[str, int]] = {
        **{name: number for number, name in enumerate(_MONTHS, 1)}, "janv": 1, "févr": 2, "fév": 2, "avr": 4,
        "juil": 7, "juill": 7, "sept": 9, "oct": 10, "nov": 11, "déc": 12,
    }  # fmt: skip
    weekdays: ClassVar[dict[str, str]] = {
        "lun": "lundi", "mar": "mardi", "mer": "mercredi", "jeu": "jeudi", "ven": "vendredi", "sam": "samedi",
        "dim": "dimanche",
    }  # fmt: skip
    abbreviations: ClassVar[dict[str, str]] = {
        "M.": "monsieur", "MM.": "messieurs", "Mme": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle",
        "Dr": "docteur", "Dr.": "docteur", "Pr": "professeur", "Pr.": "professeur", "Me": "maître",
        "etc.": "et cetera", "p. ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "cf.": "confer", "env.": "environ",
        "av.": "avenue", "Av.": "avenue", "bd": "boulevard", "Bd": "boulevard", "bd.": "boulevard", "St": "saint",
        "Ste": "sainte", "av. J.-C.": "avant Jésus-Christ", "apr. J.-C.": "après Jésus-Christ",
        "ap. J.-C.": "après Jésus-Christ", "tél.": "téléphone", "Tél.": "téléphone", "s.v.p.": "s'il vous plaît",
        "svp": "s'il vous plaît", "S.V.P.": "s'il vous plaît", "RDV": "rendez-vous", "rdv": "rendez-vous",
        "qqn": "quelqu'un", "qqch": "quelque chose", "max.": "maximum", "min.": "minimum", "vs": "versus",
        "vs.": "versus", "Cie": "compagnie", "dép.": "département", "hab.": "habitants", "janv.": "janvier",
        "févr.": "février", "avr.": "avril", "juil.": "juillet", "juill.": "juillet", "oct.": "octobre",
        "nov.": "novembre", "déc.": "décembre", "apr.": "après", "éd.": "édition", "pl.": "place", "bcp": "beaucoup",
        "tjs": "toujours", "arr.": "arrondissement", "stp": "s'il te plaît", "c-à-d": "c'est-à-dire",
        "càd": "c'est-à-dire", "i.e.": "c'est-à-dire", "N.B.": "nota bene", "c. à s.": "cuillère à soupe",
        "c. à c.": "cuillère à café", "art.": "article", "Art.": "article", "Sts": "saints", "ad.": "adultes",
        "enf.": "enfants", "e.g.": "par exemple", "qd": "quand", "P.S.": "post-scriptum",
        "approx.": "approximativement", "PS :": "post-scriptum :", "Stes": "saintes", "NB": "nota bene",
        "id.": "idem", "ibid.": "ibidem", "sqq.": "et suivantes", "dir.": "direction", "coll.": "collection",
        "trad.": "traduction", "env": "environ", "hab": "habitants", "qté": "quantité", "réf.": "référence",
        "Réf.": "référence", "rép.": "réponse", "Gal": "général", "Cdt": "commandant", "Cne": "capitaine",
        "Mgr": "monseigneur", "Mlles": "mesdemoiselles", "Drs": "docteurs", "Vve": "veuve", "Cies": "compagnies",
        "Éts": "établissements", "ch.": "chemin", "rte": "route", "bât.": "bâtiment", "Bât.": "bâtiment",
        "apt.": "appartement", "ét.": "étage", "rdc": "rez-de-chaussée", "RDC": "rez-de-chaussée",
        "BP": "boîte postale", "ttc": "toutes taxes comprises", "TTC": "toutes taxes comprises", "HT": "hors taxes",
        "p.j.": "pièce jointe", "P.-S.": "post-scriptum", "J.-C.": "Jésus-Christ", "É.-U.": "États-Unis",
        "É-U": "États-Unis", "resp.": "respectivement", "chap.": "chapitre", "par ex.": "par exemple",
        "Par ex.": "par exemple", "c/o": "aux bons soins de", "Sté": "société", "arrdt": "arrondissement",
        "arrdt.": "arrondissement", "arrt": "arrondissement", "op. cit.": "opere citato", "voit.": "voiture",
        "Lat.": "latitude", "Long.": "longitude",
        "pdt": "pendant", "doc.": "document", "Dest.": "destinataire", "Obj.": "objet", "Exp.": "expéditeur",
        "Rdv": "rendez-vous",
        "Mme.": "madame", "Mlle.": "mademoiselle", "Mmes.": "mesdames", "tt": "tout", "msg": "message",
        "slt": "salut", "tkt": "t'inquiète", "mtn": "maintenant", "pb": "problème", "pbs": "problèmes",
        "Stp": "s'il te plaît", "Svp": "s'il vous plaît", "SVP": "s'il vous plaît", "boul.": "boulevard",
        "Boul.": "boulevard", "Bld": "boulevard", "bld": "boulevard", "Blvd": "boulevard", "blvd": "boulevard",
        "Pl.": "place", "Rte": "route", "imp.": "impasse", "Imp.": "impasse", "all.": "allée", "All.": "allée",
        "chem.": "chemin", "Chem.": "chemin", "Ch.": "chemin", "fbg": "faubourg", "Fbg": "faubourg",
        "rés.": "résidence", "Rés.": "résidence", "esc.": "escalier", "appt": "appartement", "Appt": "appartement",
        "app.": "appartement", "gén.": "général", "Gén.": "général", "Lt": "lieutenant", "Cap.": "capitaine",
        "Col.": "colonel", "Prof.": "professeur", "prof.": "professeur", "Vte": "vicomte", "Cte": "comte",
        "Ctesse": "comtesse", "auj.": "aujourd'hui", "bibliogr.": "bibliographie", "biblio.": "bibliographie",
        "prép.": "préposition", "adj.": "adjectif", "adv.": "adverbe", "sing.": "singulier", "plur.": "pluriel",
        "masc.": "masculin", "fém.": "féminin", "inv.": "invariable", "syn.": "synonyme", "litt.": "littéralement",
        "fam.": "familier", "qqun": "quelqu'un", "qqs": "quelques", "qq": "quelque", "pcq": "parce que", "ds": "dans",
        "stp.": "s'il te plaît", "bjr": "bonjour", "bsr": "bonsoir", "dsl": "désolé", "jtm": "je t'aime",
        "tél": "téléphone", "Tél": "téléphone", "prod.": "production", "admin.": "administration",
        "dept": "département", "dépt": "département", "gouv.": "gouvernement", "univ.": "université",
        "Univ.": "université", "féd.": "fédération", "circ.": "circonscription", "intro.": "introduction",
        "trim.": "trimestre", "hebdo.": "hebdomadaire", "kil.": "kilo",
    }  # fmt: skip
    own_units: ClassVar[dict[str, tuple[str, str]]] = {
        "c. à s.": ("cuillère à soupe", "cuillères à soupe"), "c. à c.": ("cuillère à café", "cuillères à café"),
        "cs": ("cuillère à soupe", "cuillères à soupe"), "cc": ("cuillère à café", "cuillères à café"),
        "j": ("jour", "jours"), "pers.": ("personne", "personnes"), "sem.": ("semaine", "semaines"),
        "jrs": ("jour", "jours"), "gr": ("gramme", "grammes"), "c.à.s.": ("cuillère à soupe", "cuillères à soupe"),
        "c.à.c.": ("cuillère à café", "cuillères à café"), "c.à.s": ("cuillère à soupe", "cuillères à soupe"),
        "c.à.c": ("cuillère à café", "cuillères à café"), "CàS": ("cuillère à soupe", "cuillères à soupe"),
        "CàC": ("cuillère à café", "cuillères à café"), "càs": ("cuillère à soupe", "cuillères à soupe"),
        "càc": ("cuillère à café", "cuillères à café"), "cts": ("centime", "centimes"),
        "mAh": ("milliampère-heure", "milliampères-heures"), "MWh": ("mégawattheure", "mégawattheures"),
        "GWh": ("gigawattheure", "gigawattheures"), "Wh": ("wattheure", "wattheures"), "ct": ("centime", "centimes"),
        "ans": ("an", "ans"), "pces": ("pièce", "pièces"), "rpm": ("tour par minute", "tours par minute"),
        "tr/min": ("tour par minute", "tours par minute"),
        "Mo/s": ("mégaoctet par seconde", "mégaoctets par seconde"), "ko": ("kilooctet", "kilooctets"),
        "Ko": ("kilooctet", "kilooctets"), "dB": ("décibel", "décibels"),
        "bpm": ("battement par minute", "battements par minute"), "atm": ("atmosphère", "atmosphères"),
        "Mpx": ("mégapixel", "mégapixels"), "dpi": ("point par pouce", "points par pouce"),
        "UI": ("unité internationale", "unités internationales"), "kcal": ("kilocalorie", "kilocalories"),
        "mmHg": ("millimètre de mercure", "millimètres de mercure"), "kN": ("kilonewton", "kilonewtons"),
        "MJ": ("mégajoule", "mégajoules"), "TWh": ("térawattheure", "térawattheures"),
        "m³/h": ("mètre cube par heure", "mètres cubes par heure"),
        "L/min": ("litre par minute", "litres par minute"), "img/s": ("image par seconde", "images par seconde"),
        "chx": ("cheval", "chevaux"), "pts": ("point", "points"), "cp": ("comprimé", "comprimés"),
        "hab.": ("habitant", "habitants"), "cpr": ("comprimé", "comprimés"),
        "cps": ("comprimé", "comprimés"),
        "amp.": ("ampoule", "ampoules"), "gttes": ("goutte", "gouttes"), "pt": ("point", "points"),
        "Mb": ("mégabit", "mégabits"), "mn": ("minute", "minutes"), "nd": ("nœud", "nœuds"),
        "ppp": ("point par pouce", "points par pouce"), "km²": ("kilomètre carré", "kilomètres carrés"),
        "tep": ("tonne équivalent pétrole", "tonnes équivalent pétrole"),
    }  # fmt: skip
    unit_names: ClassVar[dict[str, tuple[str, str]]] = {
        "consumption-liter-per-100-kilometer": ("litre aux cent kilomètres", "litres aux cent kilomètres"),
    }
    halves: ClassVar[dict[str, str]] = {"m": "un demi", "f": "une demi"}
    part_of = "de "
    before_days = "du|au|le|ce|chaque|et|ou|dès|jusqu'au"
    numbered: ClassVar[dict[str, str]] = {
        "n°": "numéro", "N°": "numéro", "nº": "numéro", "no": "numéro", "n.": "numéro", "p.": "page", "pp.": "pages",
        "vol.": "volume", "chap.": "chapitre", "art.": "article", "fig.": "figure", "t.": "tome", "al.": "alinéa",
        "nos": "numéros", "th.": "thermostat", "n°s": "numéros", "N°s": "numéros", "ex.": "exemple", "éq.": "équation",
        "tabl.": "tableau", "tab.": "tableau", "sect.": "section", "ann.": "annexe", "Op.": "opus", "op.": "opus",
    }  # fmt: skip
    signs: ClassVar[dict[str, str]] = {
        "^": "puissance", "&": "et", "+": "plus", "=": "égale", "×": "fois", "★": "étoiles", "♯": "dièse",
        "♭": "bémol", "÷": "divisé par", "±": "plus ou moins", "≈": "environ", "≠": "différent de",
        "≤": "inférieur ou égal à", "≥": "supérieur ou égal à", "<": "inférieur à", ">": "supérieur à",
        "@": "arobase", "#": "hashtag", "§": "paragraphe", "°": "degrés", "%": "pour cent", "‰": "pour mille",
        "€": "euros", "$": "dollars", "£": "livres", "²": "au carré", "³": "au cube", "√": "racine carrée de",
        "π": "pi", "∞": "infini", "→": "vers", "/": "slash", ":": "à", "over": "sur", "v": "version",
        "©": "copyright", "∈": "appartient à", "∪": "union", "∩": "inter", "⊂": "inclus dans", "∀": "pour tout",
        "∃": "il existe", "∑": "somme de", "∫": "intégrale de", "⇒": "implique", "⇔": "équivaut à", "∆": "delta",
        "‹": "", "›": "",
    }  # fmt: skip
    address_signs: ClassVar[dict[str, str]] = {
        ".": "point", "/": "slash", "-": "tiret", "_": "tiret bas", "@": "arobase", ":": "deux points",
        "?": "point d'interrogation", "=": "égale", "&": "et", "#": "dièse", "%": "pour cent", "+": "plus",
        "\\": "antislash", "~": "tilde",
    }  # fmt: skip
    pair_wise_phones = True
    mobile = r"0 8[0-9]{2} [0-9]{3} [0-9]{3}"
    currency_words: ClassVar[dict[str, str]] = {"euros": "EUR", "euro": "EUR", "dollars": "USD", "livres": "GBP"}
    periods = "jour|semaine|mois|an|année|heure|minute|seconde|personne|nuit|pièce|kilo|litre|tête|habitant"
    labels = (
        "(?:article|alinéa|chapitre|page|tome|volume|numéro|chambre|salle|ligne|quai|voie|porte|bus|tram|version|niveau|"
        "étape|phase|groupe|figure|tableau|classe|catégorie|type|place|point|paragraphe|acte|scène|partie|"
        "ampoule|exercice|dossier|code|poste|bureau|lot|bâtiment|stand|casier|match|vol|train|modèle|décret|loi|rue|"
        "thermostat|top|résolution|verset|psaume|figure|annexe|étage|niveau|épisode|saison|équipe|zone|département)s?"
    )
    keys = ("étoile", "dièse")
    key_words = "touches?|tape[rz]?|appuye[rz]|appuie|compose[rz]?|presse[rz]?|faites|code|suivie?s? d[eu']|terminez"
    menu_words = (
        "fichier|menus?|ouvre[rz]?|alle[rz]|va|clique[rz]?|réglages|paramètres|édition|affichage|outils|préférences|"
        "sélectionne[rz]|choisi\\w*|accueil|onglet|options|insertion|démarrer|système"
    )
    then = "puis"
    either = "ou"
    pairs = "il/elle|elle/il|lui/elle|son/sa|le/la|un/une|oui/non|vrai/faux|homme/femme|ils/elles|et/ou"
    following = (("sqq?\\.|ss\\.|et s\\.|et suiv\\.", "et suivantes"),)
    by, inches = "par", "pouces"
    single_is_one = False
    greek: ClassVar[dict[str, str]] = {"ε": "epsilon", "υ": "upsilon", "μ": "mu"}
    books: ClassVar[dict[str, str]] = {
        "Gn": "Genèse", "Ex": "Exode", "Lv": "Lévitique", "Dt": "Deutéronome", "Ps": "Psaume", "Is": "Isaïe",
        "Mt": "Matthieu", "Mc": "Marc", "Lc": "Luc", "Jn": "Jean", "Ac": "Actes", "Rm": "Romains", "Co": "Corinthiens",
        "Ga": "Galates", "Ep": "Éphésiens", "He": "Hébreux", "Ap": "Apocalypse", "Pr": "Proverbes",
        **{name: name for name in "Genèse Exode Psaume Isaïe Matthieu Marc Luc Jean Actes Romains Corinthiens".split()},
    }  # fmt: skip

    def __init__(self, region: str = "") -> None:
        # Belgium and Switzerland count septante and nonante.
        super().__init__({"be": "fr_BE", "ch": "fr_CH"}.get(region, "fr"), "fr", "virgule")

    def gender(self, noun: str) -> str:
        return "f" if noun in french_words.FEMININE else "m"

    def cardinal(self, number: int, gender: str = "") -> str:
        said = number_words(number, self.code)
        if gender == "f" and number % 10 == 1 and number % 100 not in {11, 71, 91}:
            return said + "e"
        return said

    def counted_gender(self, word: str) -> str:
        if not word.islower() or word in _STREETS:  # those follow the number of a house
            return ""
        one = word.removesuffix("s")
        feminine = one.endswith(french_words.ENDS) and one not in french_words.NOT_FEMININE
        return "f" if word in french_words.FEMININE or one in french_words.FEMININE or feminine else ""

    def span_day(self, day: int, before: str) -> str:  # noqa: ARG002
        return "premier" if day == 1 else self.cardinal(day)

    def label(self, said: str) -> str:
        # A number that names counts nothing: page quatre-vingt.
        return re.sub(r"(cent|vingt)s$", r"\1", said)

    def single(self, number: Decimal) -> bool:
        return abs(number) < 2

    def repeated(self, number: int) -> str:
        return f"{self.cardinal(number)} fois"

    def half_more(self, whole: int, noun: str) -> str:
        gender = self.gender(noun.removesuffix("s"))
        gender = "f" if self.counted_gender(noun) == "f" else gender
        return f"{self.cardinal(whole, gender)} {noun} et demi{'e' if gender == 'f' else ''}"

    def ordinal(self, number: int, gender: str = "m") -> str:
        if number == 1:
            return "première" if gender == "f" else "premier"
        return number_words(number, self.code, "ordinal").replace("centsième", "centième")

    def fraction(self, part: str) -> str:
        if part.startswith("0") or len(part) > 2:
            return self.digits(part)
        return self.cardinal(int(part))

    def unit(self, unit: str, number: Decimal, spoken: str) -> str:
        return super().unit(unit, number, spoken).replace("livres-masse", "livres").replace("livre-masse", "livre")

    def year(self, number: int) -> str:
        # The number of a year counts nothing, so that it takes no plural.
        return re.sub(r"(cent|vingt)s$", r"\1", self.cardinal(number))

    def date(self, day: int, month: int, year: int | None, before: str) -> str | None:  # noqa: ARG002
        said = f"{'premier' if day == 1 else self.cardinal(day)} {_MONTHS[month - 1]}"
        return f"{said} {self.year(year)}" if year else said

    def clock(self, hour: int, minute: int, second: int, before: str) -> str | None:  # noqa: ARG002
        said = f"{self.cardinal(hour, 'f')} {'heure' if hour < 2 else 'heures'}"
        if minute:
            said += f" {self.cardinal(minute, 'f')}"
        if second:
            said += f" et {self.cardinal(second, 'f')} {'seconde' if second == 1 else 'secondes'}"
        return said

    def vulgar(self, above: int, below: int, whole: str | None) -> str:
        if not 0 < above < below or (below > 100 and below != 1000):
            return ""
        part = {2: "demi", 3: "tiers", 4: "quart"}.get(below) or self.ordinal(below)
        many = part if part.endswith("s") or above == 1 else part + "s"
        if whole:
            said = "demi" if (above, below) == (1, 2) else f"{self.cardinal(above)} {many}"
            return f"{self.cardinal(int(whole))} et {said}"
        return f"{self.cardinal(above)} {many}"

    def first_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        return (
            *french_forms.first(self),
            (r"(?<=[0-9]e )min\.", lambda _: "minute"),
            (r"\b(ans?|mois) 1/2\b", lambda m: f"{m[1]} et demi"),
            (r"\b(heures?) 1/2\b", lambda m: f"{m[1]} et demie"),
            (r"(?<=[0-9]) ?FF?(?= |$|[.,;)])(?! [A-Z0-9])", lambda _: " francs"),
            (r"\bn°(?= d)", lambda _: "numéro"),
            (r"\b(do|ré|mi|fa|sol|la|si)[#♯]", lambda m: f"{m[1]} dièse"),
            (r"(?<![\w.,])([1-9]) ?m ?([0-9]{2})(?![0-9²³\w])", lambda m: f"{m[1]} m {m[2]}"),
            (r"\b([A-ZÀ-Þ][^\W\d_A-Z]+) I(?:re|ère)\b", lambda m: f"{m[1]} première"),
            (r"\b(années? [12]?9?)80\b", lambda m: m[0] if m[1][-1].isdigit() else f"{m[1]}quatre-vingt"),
            (
                r"\b([IVX]{1,6})(?:e|ème|er)?(?: ?- ?| et )(?=[IVX]{1,6}(?:e|ème) si[èe]cles?\b)",
                lambda m: f"{self.ordinal(n)}{' et ' if ' et' in m[0] else ' - '}" if (n := roman(m[1])) else m[0],
            ),
            (r"\b([IVX]{1,6})(?:e|ème) s\.", lambda m: f"{self.ordinal(n)} siècle" if (n := roman(m[1])) else m[0]),
            (r"\bIer (?=siècle|[Ee]mpire|millénaire|arr)", lambda _: "premier "),
            (r"\bI(?:re|ère) (?=[A-Za-z])", lambda _: "première "),
            (r"(?<![\w/.,])1/2 (?=finales?\b)", lambda _: "demi-"),
            (r"(?<![\w/.,])1/4 de (?=finales?\b)", lambda _: "quart de "),
            (r"(?<![\w/.,])1/8 de (?=finales?\b)", lambda _: "huitième de "),
            (r"\b([LRDA])\. ?([0-9]{1,4})-([0-9]{1,4})\b", lambda m: f"{m[1]} {m[2]} tiret {m[3]}"),
            (r"(?<![\w.,])-(?=[0-9]{2} ans)", lambda _: "moins de "),
            (r"(?<![\w.,])\+ de (?=[0-9])", lambda _: "plus de "),
        )

    def own_rules(self) -> tuple[tuple[str, Callable[[Match], str]], ...]:
        return (
            (r"(?<![\w.,])24 ?h(?:eures)? ?(?:/|sur) ?24\b", lambda _: "vingt-quatre heures sur vingt-quatre"),
            (r"(?<![\w.,])7 ?j(?:ours)? ?(?:/|sur) ?7\b", lambda _: "sept jours sur sept"),
            (
                r"(?<![\w.,:])((?:[01]?[0-9]|2[0-4]) ?h ?(?:[0-5][0-9])?) ?[-–] ?(?=(?:[01]?[0-9]|2[0-4]) ?h)",
                lambda m: f"{m[1]} à ",
            ),
            (
                r"(?<![\w.,:])([01]?[0-9]|2[0-4]) ?h(?:eures?)? ?([0-5][0-9])(?: ?min)?(?!\w)",
                lambda m: self.clock(int(m[1]), int(m[2]), 0, "") or "",
            ),
            (r"(?<![\w.,:/])([01]?[0-9]|2[0-4]) ?h(?!\w)", lambda m: self.clock(int(m[1]), 0, 0, "") or ""),
            (r"(?<![\w.,])([0-9]{1,4})(ers?|res?|ères?)(?!\w)", lambda m: self._first(m[1], m[2])),
            (r"(?<![\w.,])([0-9]{1,4})(?:e|ème|es|èmes|nde?|de)(?!\w)", self._nth),
            (r"\b([IVX]{1,6})(?:e|ème)(?= |$|[.,;:)])", lambda m: self.ordinal(n) if (n := roman(m[1])) else m[0]),
            (r"\b([A-ZÉ][^\W\d_A-Z]+) Ier\b", lambda m: f"{m[1]} premier"),
            (
                r"\b([A-ZÀ-Þ][^\W\d_A-Z]+(?:-[A-ZÀ-Þ][^\W\d_A-Z]+)?) ([IVX]{2,6}|V|X)(?![\w'.-]\w)(?!\w)",
                lambda m: f"{m[1]} {self.cardinal(n)}" if (n := roman(m[2])) else m[0],
            ),
            (
                (
                    r"\b([Cc]hapitre|[Tt]ome|[Pp]artie|[Aa]cte|[Ll]ivre|[Ss]cène|[Aa]rticle|[Pp]hase|[Tt]ype|"
                    r"[Nn]iveau|[Tt]itre|[Éé]pisode|[Ss]aison|[Aa]nnexe|[Ss]ection|[Pp]aragraphe|[Ff]igure|[Tt]ableau|[Vv]olume|"
                    r"[Pp]age|[Cc]hant|[Gg]roupe|[Cc]lasse|[Gg]uerre [Mm]ondiale|vol\.|chap\.|t\.|art\.) "
                    r"(?!L\b)([IVXL]+)\b(?![.-] ?[0-9]| [0-9])"
                ),
                lambda m: f"{self.numbered.get(m[1], m[1])} {self.cardinal(n)}" if (n := roman(m[2])) else m[0],
            ),
            (r"\b([nN][°ºo] ?[0-9]{1,4})-(?=[0-9]{1,5}\b)", lambda m: f"{m[1]} tiret "),
            (r"\b(an|années?) ([0-9]{2})\b(?![.,][0-9])", lambda m: f"{m[1]} {self.cardinal(int(m[2]))}"),
        )

    def _first(self, written: str, ending: str) -> str:
        said = self.ordinal(int(written), "f" if ending[0] == "r" or ending.startswith("è") else "m")
        return said + ("s" if ending.endswith("s") else "")

    def _nth(self, found: Match) -> str:
        if found[1] == "2" and "d" in found[0]:
            return "seconde" if found[0].endswith(("de", "nde")) else "second"
        return self.ordinal(int(found[1])) + ("s" if found[0].endswith("s") else "")

"""What German writes short, and what its words are: tables for `german`."""

from __future__ import annotations

import re

MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()

SHORT = "jan feb mär apr mai jun jul aug sep okt nov dez".split()

DATIVE = frozenset(
    "am vom zum beim dem den im des seit ab bis diesem jedem jeden nächsten letzten kommenden ihrem seinem".split()
)

NOMINATIVE = frozenset("der die das dieser diese dieses jeder jede jedes".split())

NEUTER = frozenset(
    "jahrhundert jahrtausend mal kapitel semester quartal lebensjahr stockwerk tor spiel jahr halbjahr drittel viertel "
    "gebot kind buch bild obergeschoss untergeschoss album treffen rennen trimester jubiläum schuljahr og ug "
    "jh jhd jhdt".split()
)

FEMININE = frozenset(
    "auflage aufl etage klasse woche minute runde liga bundesliga reihe strophe person ausgabe sinfonie symphonie "
    "halbzeit stunde staffel folge generation etappe welle phase stufe seite sitzung saison fassung dimension hälfte "
    "lesung mannschaft kammer abteilung legislaturperiode hauptversammlung tagung jahrestagung impfung dosis "
    "schwangerschaftswoche kalenderwoche rate ebene stelle änderung".split()
)

MASCULINE = frozenset(
    "stock platz geburtstag tag versuch gang satz spieltag bezirk teil band weltkrieg rang akt sieg titel monat advent "
    "jahrgang punkt schritt artikel absatz lauf zug senat kongress parteitag hochzeitstag todestag jahrestag präsident "
    "kandidat januar jänner februar märz april mai juni juli august september oktober november dezember fc sc sv tsv "
    "streich aufstieg kreis grad versuchstag arbeitstag weihnachtsfeiertag weihnachtstag feiertag sonntag montag "
    "dienstag mittwoch donnerstag freitag samstag finger durchgang".split()
)

COUNTED = "|".join(sorted(NEUTER | FEMININE | MASCULINE, key=len, reverse=True))

FEMININE_WORDS = frozenset(
    "frau person zwiebel stadt nacht hand wand tür uhr zahl wahl art tochter mutter schwester gabel kartoffel nummer "
    "feder butter insel regel schüssel tafel bank bahn fahrt prüfung maus gans kuh nuss frucht wurst".split()
)

NEUTER_WORDS = frozenset(
    "jahr kilo dutzend pfund glas brot blatt prozent stück ei haus kind buch mal bier wasser hähnchen "
    "jahrhundert kilogramm "
    "gramm zimmer semester quartal dorf land tier auto spiel tor wort bild".split()
)

NOT_FEMININE = frozenset("name junge kunde käse gedanke buchstabe kollege auge ende gebäude gemüse geschenke".split())

FEMININE_RULERS = frozenset(
    "Elisabeth Elizabeth Katharina Maria Margarethe Margrethe Isabella Christina Anna Victoria Viktoria Beatrix "
    "Johanna".split()
)

RULERS = (
    "Ludwig Heinrich Friedrich Wilhelm Karl Otto Philipp Napoleon Leopold Ferdinand Peter Alexander Georg Paul "
    "Benedikt "
    "Gregor Eduard Rudolf Konrad Elisabeth Katharina Maximilian Sigismund Gustav Christian Jakob Richard Charles Iwan"
).split()

NOTES = {"2": "Halbe", "4": "Viertel", "8": "Achtel", "16": "Sechzehntel"}

HOURS = frozenset(("Std", "Min", "Sek", "stunde", "minute", "sekunde", "woche"))

ACCUSATIVE = frozenset(
    "Euro Tag Monat Liter Meter Kilometer Platz Punkt Hund Mann Sohn Bruder Fehler Apfel Teelöffel Esslöffel Dollar "
    "Franken Becher Kopf Schritt Schlag Sieg Titel Stein Stuhl Tisch Kuchen Kaffee Tee".split()
)

# What a half after it stands in the accusative for, within its clause.
WITH_ACCUSATIVE = re.compile(
    r"\b(?:nehmen?|nehmt|nimmt?|brauch\w*|benötig\w*|gebt?|geben|gib|gibt|füg\w*|trink\w*|tr[aä]nk\w*|gieß\w*|kauf\w*|"
    r"habe?n?|hat|hatten?|bestell\w*|misch\w*|verrühr\w*|lauf\w*|lief\w*|wart\w*|dauert\w*|isst|essen?|ess[et]|"
    r"enthält|kostet\w*|zahl\w*|für|um|ohne|pro|je|gegen|durch|über)\b(?:[^.,;!?]|,(?=[0-9]))*$",
    re.I,
)
# A sentence may begin with them, so that the point before them ends one.
BEGINNINGS = (
    "Dann|Danach|Der|Die|Das|Den|Dem|Es|Er|Sie|Wir|Ich|Ihr|Du|Und|Aber|Da|In|Im|Am|An|Auf|Bei|Mit|Von|Vor|Nach|Zu|Zum|"
    "Zur|Ein|Eine|Dies|Diese|Dieser|Dieses|Doch|Auch|Wenn|Wer|Was|Wie|Wo|So|Nun|Jetzt|Heute|Bitte|Für|Seit|Alle|Man|"
    "Ab|Bis|Nur|Noch|Schon|Als|Hier|Dort|Kein|Keine|Mein|Meine|Unser|Unsere|Sein|Seine|Warum|Weil|Später|Morgen"
)

ARTICLES = frozenset("ein mein dein sein ihr unser euer kein".split())

WITH_DATIVE = frozenset(
    "in an auf mit von zu bei aus nach unter über vor hinter seit während trotz wegen neben zwischen".split()
)

ALONE_DATIVE = frozenset("in an auf mit von zu bei aus nach unter vor seit ab".split())

ABBREVIATIONS: dict[str, str] = {
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
    "Präs.": "Präsident", "Hptm.": "Hauptmann", "Lt.": "Leutnant",
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

OWN_UNITS: dict[str, tuple[str, str]] = {
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

NUMBERED: dict[str, str] = {
    "Nr.": "Nummer", "Nrn.": "Nummern", "Abs.": "Absatz", "Art.": "Artikel", "Bd.": "Band", "Kap.": "Kapitel",
    "S.": "Seite", "Nr": "Nummer", "Ps.": "Psalm", "Anm.": "Anmerkung", "Rn.": "Randnummer", "Rz.": "Randziffer",
    "Ziff.": "Ziffer",
    "Lit.": "Litera", "lit.": "litera", "Aufl.": "Auflage", "Gl.": "Gleichung", "Fn.": "Fußnote", "Kl.": "Klasse",
    "Vers.": "Version", "Pos.": "Position", "Abschn.": "Abschnitt", "Bsp.": "Beispiel", "Op.": "Opus",
    "op.": "Opus",
    "Abb.": "Abbildung", "Tab.": "Tabelle", "Z.": "Zeile", "H.": "Heft", "Jg.": "Jahrgang",
}  # fmt: skip

BOOKS: dict[str, str] = {
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

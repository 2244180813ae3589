"""What English writes short: words for titles, places, books, abbreviations."""

from __future__ import annotations

MONTHS = {
    name[:3].lower(): name
    for name in "January February March April May June July August September October November December".split()
}

WEEKDAYS = {name[:3].lower(): name for name in "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()}

NO_YEAR_BEFORE = (
    r"(?:people|men|women|children|[a-z]+ (?:people|years)|years|days|hours|miles|dollars|pounds|meters|metres|feet|"
    r"times|cases|units|items|points|words|%|percent|kg|km|m|cm|mm|MB|GB|Hz|W|mg|g|ml)\b"
)

# Before a name.
TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Prof": "Professor",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Rev": "Reverend",
    "Gov": "Governor",
    "Sen": "Senator",
    "Hon": "Honorable",
    "Rep": "Representative",
    "Pres": "President",
    "Adm": "Admiral",
    "Cmdr": "Commander",
    "Cpl": "Corporal",
    "Pvt": "Private",
    "Supt": "Superintendent",
    "Insp": "Inspector",
    "Amb": "Ambassador",
    "Atty": "Attorney",
    "Sec": "Secretary",
    "Fr": "Father",
    "Br": "Brother",
    "Ft": "Fort",
    "Mt": "Mount",
    "Messrs": "Messieurs",
    "Mme": "Madame",
    "Mlle": "Mademoiselle",
    "Msgr": "Monsignor",
}

# Anywhere, with their dot.
SHORT_WORDS = {
    "e.g": "for example",
    "i.e": "that is",
    "a.k.a": "also known as",
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Bros": "Brothers",
    "Co": "Company",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Hwy": "Highway",
    "Pkwy": "Parkway",
    "Sq": "Square",
    "Messrs": "Messieurs",
    "illus": "illustrated",
    "introd": "introduction",
    "Rte": "Route",
    "abbr": "abbreviation",
    "pron": "pronounced",
    "Cpt": "Captain",
    "Mtn": "Mountain",
    "Mts": "Mountains",
    "Dist": "District",
    "Div": "Division",
    "Hosp": "Hospital",
    "Cmte": "Committee",
    "recd": "received",
    "transl": "translated",
    "Apt": "Apartment",
    "apt": "apartment",
    "Ste": "Suite",
    "Bldg": "Building",
    "Rm": "Room",
    "Dept": "Department",
    "dept": "department",
    "Gov't": "Government",
    "gov't": "government",
    "govt": "government",
    "Govt": "Government",
    "Assn": "Association",
    "assn": "association",
    "Assoc": "Associates",
    "Intl": "International",
    "intl": "international",
    "Natl": "National",
    "natl": "national",
    "Mgr": "Manager",
    "mgr": "manager",
    "Acct": "Account",
    "acct": "account",
    "encl": "enclosed",
    "Encl": "Enclosed",
    "Asst": "Assistant",
    "asst": "assistant",
    "Esq": "Esquire",
    "max": "maximum",
    "avg": "average",
    "tel": "telephone",
    "Tel": "Telephone",
    "misc": "miscellaneous",
    "orig": "originally",
    "temp": "temperature",
    "cont": "continued",
    "ed": "edition",
    "eds": "editors",
    "ibid": "ibidem",
    "viz": "namely",
    "resp": "respectively",
    "attn": "attention",
    "Attn": "Attention",
    "qty": "quantity",
    "Qty": "Quantity",
    "ref": "reference",
    "Ref": "Reference",
    "Capt": "Captain",
    "Calif": "California",
    "Mass": "Massachusetts",
    "Conn": "Connecticut",
    "Penn": "Pennsylvania",
    "Tenn": "Tennessee",
    "Fla": "Florida",
    "Wash": "Washington",
    "Minn": "Minnesota",
    "Mich": "Michigan",
    "Colo": "Colorado",
    "Ariz": "Arizona",
    "Wis": "Wisconsin",
    "Univ": "University",
    "est": "established",
    "incl": "including",
    "excl": "excluding",
    "esp": "especially",
    "cf": "compare",
    "ca": "circa",
    "et al": "and others",
}

# Of those, the ones that no sentence ends with.
NEVER_LAST = frozenset(
    (
        "e.g",
        "i.e",
        "a.k.a",
        "vs",
        "approx",
        "est",
        "incl",
        "excl",
        "esp",
        "cf",
        "ca",
        "avg",
        "viz",
        "Apt",
        "apt",
        "Rm",
        "Bldg",
        "Ste",
        "Hwy",
        "Rte",
    )
)

# Before a number.
NUMBERED = {
    "No": "number",
    "no": "number",
    "Nos": "numbers",
    "nos": "numbers",
    "Vol": "volume",
    "vol": "volume",
    "Fig": "figure",
    "fig": "figure",
    "Eq": "equation",
    "eq": "equation",
    "Ch": "chapter",
    "ch": "chapter",
    "Sec": "section",
    "sec": "section",
    "Art": "article",
    "art": "article",
    "Figs": "figures",
    "figs": "figures",
    "Vols": "volumes",
    "vols": "volumes",
    "chs": "chapters",
    "chap": "chapter",
    "Chap": "Chapter",
    "secs": "sections",
    "para": "paragraph",
    "Para": "paragraph",
    "paras": "paragraphs",
    "cl": "clause",
    "Cl": "clause",
    "App": "appendix",
    "Ex": "example",
    "ex": "example",
    "Tab": "table",
    "Pt": "part",
    "pt": "part",
    "ln": "line",
    "l": "line",
    "ll": "lines",
    "p": "page",
    "Pg": "page",
    "pg": "page",
    "pp": "pages",
    "Op": "opus",
    "op": "opus",
    "Pub": "publication",
    "Prop": "proposition",
    "Ver": "version",
    "ver": "version",
    "v": "version",
}

# What counts in Roman numerals, and whose holders do.
NUMBERED_THINGS = frozenset(
    "chapter part book volume act scene section article war phase type class level appendix title episode stage "
    "grade unit figure table page canto century bowl olympiad lesson verse tome".split()
)
RULERS = frozenset(
    "Henry Louis George Edward Charles William James Richard John Philip Elizabeth Mary Catherine Alexander Nicholas "
    "Frederick Wilhelm Ivan Peter Paul Pius Benedict Gregory Leo Innocent Urban Clement Julius Ferdinand Francis "
    "Napoleon Ramses Rameses Thutmose Ptolemy Constantine Christian Gustav Carl Haakon Harald Olaf Margaret Margrethe "
    "Leopold Albert Baldwin Otto Sancho Alfonso Pedro Juan Carlos Felipe Umberto Victor Emmanuel Boniface Sixtus "
    "Celestine Darius Xerxes Antiochus Mehmed Murad Selim Robert Kenneth David Akbar Tutankhamun".split()
)
STREETS = {
    "St": "Street",
    "Dr": "Drive",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Ct": "Court",
    "Pl": "Place",
    "Sq": "Square",
    "Hwy": "Highway",
    "Pkwy": "Parkway",
    "Expy": "Expressway",
    "Cir": "Circle",
    "Trl": "Trail",
    "Tpke": "Turnpike",
    "Cres": "Crescent",
    "Gdns": "Gardens",
    "Ter": "Terrace",
}
SLASHED = {
    "y/y": "year over year",
    "m/m": "month over month",
    "q/q": "quarter over quarter",
    "p/m": "per month",
    "p/w": "per week",
    "p/h": "per hour",
    "p/a": "per annum",
    "p/p": "per person",
    "p/kg": "per kilogram",
    "t/a": "trading as",
    "d/b/a": "doing business as",
    "h/t": "hat tip",
}
CHAT = {
    "gr8": "great",
    "l8r": "later",
    "l8": "late",
    "m8": "mate",
    "w8": "wait",
    "str8": "straight",
    "2moro": "tomorrow",
    "2morrow": "tomorrow",
    "2nite": "tonight",
    "2day": "today",
    "4ever": "forever",
    "any1": "anyone",
    "some1": "someone",
    "every1": "everyone",
}
PAIRED = (
    "he/she",
    "she/he",
    "his/her",
    "him/her",
    "his/hers",
    "yes/no",
    "on/off",
    "true/false",
    "pass/fail",
    "win/lose",
)

# What may follow a letter that ends a sentence ("Plan B. Then ...").
STARTERS = frozenset(
    "the a an he she it we they you i this that these those there here but and or so if when while after before "
    "in on at as for to from with what why how who where his her its our their my your no not now then yet however "
    "meanwhile although because since".split()
)

BOOKS = (
    (
        "Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|"
        "Esther|Job|"
        "Psalms?|Proverbs|Ecclesiastes|Song of Songs|Song of Solomon|Isaiah|Jeremiah|Lamentations|Ezekiel|"
        "Daniel|Hosea|Joel|"
        "Amos|Obadiah|Jonah|Micah|Nahum|Habakkuk|Zephaniah|Haggai|Zechariah|Malachi|Matthew|Mark|Luke|John|Acts|Romans|"
        "Corinthians|Galatians|Ephesians|Philippians|Colossians|Thessalonians|Timothy|Titus|Philemon|Hebrews|"
        "James|Peter|"
        "Jude|Revelation|Maccabees|Quran|Qur'an|Koran|Surah|Sura|Nephi|Alma"
    )
    .replace("Psalms?", "Psalm|Psalms")
    .split("|")
)
NUMBERED_BOOKS = tuple("Samuel|Kings|Chronicles|Corinthians|Thessalonians|Timothy|Peter|Maccabees|Nephi".split("|"))
SHORT_BOOKS = dict(
    pair.split("=")
    for pair in (
        "Gen=Genesis Ex=Exodus Exod=Exodus Lev=Leviticus Num=Numbers Deut=Deuteronomy Josh=Joshua Judg=Judges "
        "Sam=Samuel Kgs=Kings Chr=Chronicles Chron=Chronicles Neh=Nehemiah Esth=Esther Ps=Psalm Pss=Psalms "
        "Prov=Proverbs Eccl=Ecclesiastes Isa=Isaiah Jer=Jeremiah Lam=Lamentations Ezek=Ezekiel Dan=Daniel Hos=Hosea "
        "Mic=Micah Hab=Habakkuk Zech=Zechariah Mal=Malachi Matt=Matthew Mt=Matthew Mk=Mark Lk=Luke Jn=John "
        "Rom=Romans Cor=Corinthians Gal=Galatians Eph=Ephesians Phil=Philippians Col=Colossians "
        "Thess=Thessalonians Tim=Timothy Tit=Titus Heb=Hebrews Jas=James Pet=Peter Rev=Revelation"
    ).split()
)

NO_NAMES = frozenset("the a an my your his her its our their this that i an and or in on at of to for".split())

# What comes in sizes, so that its measure stays in the singular.
MEASURED_THINGS = (
    "battery|batterie|bulb|charger|adapter|adaptor|lens|lense|camera|sensor|motor|engine|monitor|display|screen|drive|"
    "disk|stick|race|dash|sprint|relay|freestyle|hurdles|butterfly|bag|box|boxe|bottle|can|jar|tin|packet|pack|steak|"
    "burger|glass|pipe|hose|rope|cable|wire|fence|wall|pool|ladder|tank|jug|bowl|pan|nail|bolt|rifle|pistol|bullet|"
    "telescope|film|tape|plate|limit|zone|radius|angle|turn|rotation|flight|trip|ride|hike|delay|gap|window|meeting|"
    "video|clip|movie|session|warranty|contract|lease|mortgage|loan|sentence|ban|deal|bond|parcel|package|turkey|baby|"
    "dumbbell|weight plate|sack|tub|carton|barrel|keg|cylinder|tower|hill|yacht|boat|trailer|truck|speaker|amplifier|"
    "ceiling|board|plank|pole|laser|outlet|socket|supply|panel|heater|oven|fan|resistor|capacitor|connection|"
    "router|card|memory card|chip|"
    "processor|module|phone|tablet|laptop|ruler|border|margin|gauge|wrench|socket wrench|drill|screw|bar|portion|"
    "SSD|HDD|TV|serving|slice|section|stretch|course|putt|shot|kick|free kick|penalty|jump|throw|climb|drop|"
    "wave|swell|depth"
)

# What is counted in millions: "5m users" are no meters.
COUNTED_BY_MILLIONS = (
    "people|users|copies|downloads|views|customers|followers|subscribers|jobs|homes|households|barrels|tonnes|tons|"
    "visitors|passengers|voters|votes|children|adults|workers|employees|deaths|cases|doses|records|members|students|"
    "refugees|residents|citizens|families|vehicles|cars|units|shares|accounts|messages|players|fans|viewers|listeners|"
    "readers|books|tickets|songs|streams|hits|parameters|tokens|tourists|inhabitants|citizens|patients|signatures|"
    "albums|devices|phones|computers|transactions|orders|meals|trees|animals|birds|species|americans|britons|euros|"
    "dollars|pounds|years"
)

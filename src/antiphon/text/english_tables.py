"""What English writes short: words for units, money, abbreviations, symbols."""

from __future__ import annotations

MONTHS = {
    name[:3].lower(): name
    for name in "January February March April May June July August September October November December".split()
}

# unit -> (one, many). Case matters: "Mb" is no "mb".
UNITS: dict[str, tuple[str, str]] = {
    sign: (one, many or one + "s")
    for signs, one, many in (
        ("mm", "millimeter", ""),
        ("cm", "centimeter", ""),
        ("dm", "decimeter", ""),
        ("m", "meter", ""),
        ("km", "kilometer", ""),
        ("nm", "nanometer", ""),
        ("µm μm", "micrometer", ""),
        ("mm² mm2", "square millimeter", ""),
        ("cm² cm2", "square centimeter", ""),
        ("m² m2", "square meter", ""),
        ("km² km2", "square kilometer", ""),
        ("cm³ cm3", "cubic centimeter", ""),
        ("m³ m3", "cubic meter", ""),
        ("sq.ft sqft", "square foot", "square feet"),
        ("ft", "foot", "feet"),
        ("yd yds", "yard", ""),
        ("mi", "mile", ""),
        ("km/h kph kmh", "kilometer per hour", "kilometers per hour"),
        ("m/s", "meter per second", "meters per second"),
        ("mph", "mile per hour", "miles per hour"),
        ("mg", "milligram", ""),
        ("µg μg mcg", "microgram", ""),
        ("g", "gram", ""),
        ("kg", "kilogram", ""),
        ("lb lbs", "pound", ""),
        ("oz", "ounce", ""),
        ("ml mL", "milliliter", ""),
        ("cl cL", "centiliter", ""),
        ("l L", "liter", ""),
        ("gal", "gallon", ""),
        ("ns", "nanosecond", ""),
        ("µs μs", "microsecond", ""),
        ("ms", "millisecond", ""),
        ("s sec secs", "second", ""),
        ("min mins", "minute", ""),
        ("h hr hrs", "hour", ""),
        ("kB KB", "kilobyte", ""),
        ("MB", "megabyte", ""),
        ("GB", "gigabyte", ""),
        ("TB", "terabyte", ""),
        ("PB", "petabyte", ""),
        ("KiB", "kibibyte", ""),
        ("MiB", "mebibyte", ""),
        ("GiB", "gibibyte", ""),
        ("kbps kbit/s kb/s", "kilobit per second", "kilobits per second"),
        ("Mbps Mbit/s Mb/s", "megabit per second", "megabits per second"),
        ("Gbps Gbit/s Gb/s", "gigabit per second", "gigabits per second"),
        ("MB/s", "megabyte per second", "megabytes per second"),
        ("GB/s", "gigabyte per second", "gigabytes per second"),
        ("Hz", "hertz", "hertz"),
        ("kHz", "kilohertz", "kilohertz"),
        ("MHz", "megahertz", "megahertz"),
        ("GHz", "gigahertz", "gigahertz"),
        ("dB", "decibel", ""),
        ("mW", "milliwatt", ""),
        ("W", "watt", ""),
        ("kW", "kilowatt", ""),
        ("MW", "megawatt", ""),
        ("GW", "gigawatt", ""),
        ("kWh", "kilowatt hour", ""),
        ("MWh", "megawatt hour", ""),
        ("V", "volt", ""),
        ("kV", "kilovolt", ""),
        ("mV", "millivolt", ""),
        ("mA", "milliamp", ""),
        ("mAh", "milliamp hour", ""),
        ("kJ", "kilojoule", ""),
        ("J", "joule", ""),
        ("kcal", "kilocalorie", ""),
        ("cal", "calorie", ""),
        ("hPa", "hectopascal", ""),
        ("kPa", "kilopascal", ""),
        ("Pa", "pascal", ""),
        ("psi", "pound per square inch", "pounds per square inch"),
        ("rpm", "revolution per minute", "revolutions per minute"),
        ("fps", "frame per second", "frames per second"),
        ("bpm", "beat per minute", "beats per minute"),
        ("dpi", "dot per inch", "dots per inch"),
        ("px", "pixel", ""),
        ("ha", "hectare", ""),
        ("hp", "horsepower", "horsepower"),
        ("°C ℃", "degree Celsius", "degrees Celsius"),
        ("°F ℉", "degree Fahrenheit", "degrees Fahrenheit"),
        ("°", "degree", ""),
    )
    for sign in signs.split()
}

# sign or code -> (one, many, one hundredth, hundredths)
CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
    "JPY": ("yen", "yen", "", ""),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "INR": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "", ""),
    "KRW": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "kopek", "kopeks"),
    "₿": ("bitcoin", "bitcoins", "", ""),
    "BTC": ("bitcoin", "bitcoins", "", ""),
}

SCALES = {
    "hundred": "hundred",
    "thousand": "thousand",
    "million": "million",
    "billion": "billion",
    "trillion": "trillion",
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "T": "trillion",
    "tn": "trillion",
}

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
    "Mt": "Mount",
    "Messrs": "Messieurs",
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
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Dept": "Department",
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
NEVER_LAST = frozenset(("e.g", "i.e", "a.k.a", "vs", "approx", "est", "incl", "excl", "esp", "cf", "ca"))

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
    "p": "page",
    "pp": "pages",
    "Op": "opus",
    "op": "opus",
    "Ver": "version",
    "ver": "version",
    "v": "version",
}

# What counts in Roman numerals, and whose holders do.
NUMBERED_THINGS = frozenset(
    "chapter part book volume act scene section article war phase type class level appendix title episode stage "
    "grade unit figure table canto century bowl olympiad lesson verse tome".split()
)
RULERS = frozenset(
    "Henry Louis George Edward Charles William James Richard John Philip Elizabeth Mary Catherine Alexander Nicholas "
    "Frederick Wilhelm Ivan Peter Paul Pius Benedict Gregory Leo Innocent Urban Clement Julius Ferdinand Francis "
    "Napoleon Ramses Rameses Thutmose Ptolemy Constantine Christian Gustav Carl Haakon Harald Olaf Margaret Margrethe "
    "Leopold Albert Baldwin Otto Sancho Alfonso Pedro Juan Carlos Felipe Umberto Victor Emmanuel Boniface Sixtus "
    "Celestine Darius Xerxes Antiochus Mehmed Murad Selim Robert Kenneth David Akbar Tutankhamun".split()
)
NO_NAMES = frozenset("the a an my your his her its our their this that i an and or in on at of to for".split())

SYMBOLS = {
    "&": "and",
    "@": "at",
    "#": "hash",
    "+": "plus",
    "=": "equals",
    "%": "percent",
    "‰": "per mille",
    "°": "degrees",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "≈": "approximately",
    "≠": "is not equal to",
    "≤": "is at most",
    "≥": "is at least",
    "<": "is less than",
    ">": "is greater than",
    "→": "to",
    "√": "the square root of",
    "∞": "infinity",
    "π": "pi",
    "©": "copyright",
    "§": "section",
    "¶": "paragraph",
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "¥": "yen",
    "¢": "cent",
    "₹": "rupee",
    "₩": "won",
    "₽": "ruble",
    "₿": "bitcoin",
}
SUPERSCRIPTS = {"²": "squared", "³": "cubed", "¹": "one", "⁴": "to the fourth"}
UNSPOKEN = "*_|\\^`~[]{}"

ADDRESS_SIGNS = {
    ".": "dot",
    "/": "slash",
    "-": "dash",
    "_": "underscore",
    "@": "at",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "+": "plus",
    "~": "tilde",
}
TOP_DOMAINS = "com|org|net|edu|gov|io|ai|dev|app|co|info|biz|uk|de|fr|jp|cn|eu|us|ca|au|ch|nl|es|it|me|tv|xyz"

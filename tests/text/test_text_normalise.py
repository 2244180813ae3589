"""What is written becomes what is spoken."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.text import normalise
from antiphon.text.languages import coverage

SPOKEN = {
    # numbers
    "I have 5 apples": "I have five apples",
    "1,234,567 grapes": "one million two hundred thirty-four thousand five hundred sixty-seven grapes",
    "3.14159": "three point one four one five nine",
    "0.5 or .5": "zero point five or point five",
    "-7 and −7": "minus seven and minus seven",
    "007": "zero zero seven",
    "747": "seven hundred forty-seven",
    "12345678901234567890": "one two three four five six seven eight nine zero one two three four five six seven eight "
    "nine zero",
    "١٢٣": "one hundred twenty-three",
    "1st, 22nd, 3rd, 11th and 100th": "first, twenty-second, third, eleventh and one hundredth",
    "1/2, 3/4, 2 1/2, ½ and 1¾": "one half, three quarters, two and a half, one half and one and three quarters",
    "5/3": "five over three",
    "24/7": "twenty-four seven",
    "5%, 12.5 % and 5-10%": "five percent, twelve point five percent and five to ten percent",
    "10K followers": "ten thousand followers",
    "10^6": "ten to the power of six",
    "v2.3.1": "version two point three point one",
    # money
    "$5, $1 and $1,000": "five dollars, one dollar and one thousand dollars",
    "$3.50": "three dollars and fifty cents",
    "$0.99 or £1.01": "ninety-nine cents or one pound and one penny",
    "$3.5 million": "three point five million dollars",
    "€20, 20€, 20 EUR": "twenty euros, twenty euros, twenty euros",
    "GBP 3.20": "three pounds and twenty pence",
    "¥500 or JPY 1000": "five hundred yen or one thousand yen",
    "50¢": "fifty cents",
    "-$5": "minus five dollars",
    # dates and years
    "2026-11-21": "November twenty-first, twenty twenty-six",
    "11/21/2026": "November twenty-first, twenty twenty-six",
    "21 Nov 2026": "the twenty-first of November, twenty twenty-six",
    "the 3rd of May": "the third of May",
    "Nov. 21st": "November twenty-first",
    "Nov. 21, 2026": "November twenty-first, twenty twenty-six",
    "in November 2026": "in November twenty twenty-six",
    "1999, 2007 and 1905": "nineteen ninety-nine, two thousand seven and nineteen oh five",
    "the 1800s, 1990s and '90s": "the eighteen hundreds, nineteen nineties and nineties",
    "1990–1995": "nineteen ninety to nineteen ninety-five",
    "24.12.2024 and 12/2024": "December twenty-fourth, twenty twenty-four and December twenty twenty-four",
    "1914-18, class of '99": "nineteen fourteen to eighteen, class of ninety-nine",
    "476 AD, c. 1850": "four seventy-six AD, circa eighteen fifty",
    "1234 apples in 1984": "one thousand two hundred thirty-four apples in nineteen eighty-four",
    # times
    "00:05": "twelve oh five AM",
    "Mon-Fri 9am-5:30pm": "Monday to Friday nine AM to five thirty PM",
    "9–11 a.m., 2h30, 0600 hours": "nine to eleven AM, two hours thirty minutes, oh six hundred hours",
    # references
    "Genesis 1:1-3, 1 Cor. 13:4": "Genesis one, one to three, First Corinthians thirteen, four",
    "§§ 5-7, Roe v. Wade, Art. 5(2)(b)": "sections five to seven, Roe versus Wade, article five two B",
    "3:05pm": "three oh five PM",
    "at 14:30, 09:05 and 3:00": "at fourteen thirty, nine oh five and three o'clock",
    "at 7 a.m. Then": "at seven AM. Then",
    "€27,50, ₹1,50,000 and HK$9": "twenty-seven euros and fifty cents, one hundred fifty thousand rupees and "
    "nine Hong Kong dollars",
    "a $5 bill, $5M, $2/kg": "a five dollar bill, five million dollars, two dollars per kilogram",
    "$5M-$10M, $500K-$1M": "five to ten million dollars, five hundred thousand dollars to one million dollars",
    "5¢, 99p, Rs. 500, €1.500,00": (
        "five cents, ninety-nine pence, five hundred rupees, one thousand five hundred euros"
    ),
    # phones
    "020 7946 0958": "zero two zero, seven nine four six, zero nine five eight",
    "+44 20 7946 0958": "plus four four, two zero, seven nine four six, zero nine five eight",
    "PIN 4821, NY 10001": "PIN four eight two one, NY one zero zero zero one",
    "555-1234": "five five five, one two three four",
    "(555) 123-4567": "five five five, one two three, four five six seven",
    "+1 555 123 4567": "plus one, five five five, one two three, four five six seven",
    "1-800-555-1234": "one, eight zero zero, five five five, one two three four",
    "odds of 3:1": "odds of three to one",
    "$5-10 or $.50": "five to ten dollars or fifty cents",
    "in 4K": "in four K",
    "1/1/99": "January first, nineteen ninety-nine",
    "(-3)": "(minus three)",
    "<b>bold</b>": "b bold b",
    # units
    "5 km, 3.2kg and 1 kg": "five kilometers, three point two kilograms and one kilogram",
    "60 mph, 100 km/h": "sixty miles per hour, one hundred kilometers per hour",
    "-5°C to 20 °F": "minus five degrees Celsius to twenty degrees Fahrenheit",
    "16 GB, 10 m², 5㎏": "sixteen gigabytes, ten square meters, five kilograms",
    "a 10-km run": "a ten kilometer run",
    "5'10\" tall": "five feet ten inches tall",
    "at 5 in the morning": "at five in the morning",
    '6" nails, 2 tbsp': "six inch nails, two tablespoons",
    'it is 6" wide': "it is six inches wide",
    "20 ºC and 40°26′N": "twenty degrees Celsius and forty degrees twenty-six minutes north",
    "9.8 m/s², 5 mg/kg, 1½ tsp": "nine point eight meters per second squared, five milligrams per kilogram, "
    "one and a half teaspoons",
    "1920x1080, 8.5 x 11 in, 10x": "nineteen twenty by ten eighty, eight point five by eleven inches, ten times",
    # formulas
    "E = mc^2, H₂O, 6.02×10^23": (
        "E equals m c squared, H two O, six point zero two times ten to the power of twenty-three"
    ),
    "x ≤ 5, <5%, 2 × 3 = 6": "x is less than or equal to five, less than five percent, two times three equals six",
    "Nf3 Qxd5+ O-O": "knight F three queen takes D five check castles kingside",
    # codes
    "v3.11, 192.168.0.1": "version three point eleven, one nine two dot one six eight dot zero dot one",
    "Flight BA117, Room 101, Boeing 747": "Flight B A one seventeen, Room one oh one, Boeing seven forty-seven",
    "a_b.pdf, ~/x.sh, C:\\a": "a underscore b dot PDF, tilde slash x dot sh, C colon backslash a",
    "#BlackCat @a_b": "hashtag Black Cat at a underscore b",
    # characters of others
    "you’ve 1 234 567; 1’234": "you've one million two hundred thirty-four thousand five hundred sixty-seven; "
    "one thousand two hundred thirty-four",
    "and/or, w/ it, w/o, c/o, he/she": "and or, with it, without, care of, he or she",
    "f*** sh*t": "bleep bleep",
    # abbreviations
    "Dr. Smith, Mr. Jones, Mrs. Hill": "Doctor Smith, Mister Jones, Missus Hill",
    "St. Paul on Main St.": "Saint Paul on Main Street.",
    "e.g. this, i.e. that vs. those": "for example this, that is that versus those",
    "Apples, pears, etc.": "Apples, pears, et cetera.",
    "No. 5 of approx. 10": "number five of approximately ten",
    "He said no. 5 came.": "He said number five came.",
    # acronyms stay for the engine
    "NASA and the URL": "NASA and the URL",
    "MP3, B2B, COVID-19": "MP three, B two B, COVID nineteen",
    # Roman numerals
    "Chapter IV": "Chapter four",
    "Henry VIII and Louis XIV": "Henry the eighth and Louis the fourteenth",
    "World War II": "World War two",
    "I am. Henry I think. The IV drip.": "I am. Henry I think. The IV drip.",
    # addresses
    "https://example.com/a-b": "example dot com slash a dash b",
    "mail john.doe@example.co.uk!": "mail john dot doe at example dot co dot uk!",
    "@ann #1 #win": "at ann number one hashtag win",
    # symbols
    "Tom & Jerry @ home": "Tom and Jerry at home",
    "2 + 2 = 4": "two plus two equals four",
    "5 - 3 = 2": "five minus three equals two",
    "x² > y": "x squared is greater than y",
    "C# and C++": "C sharp and C plus plus",
    # characters
    "Hello 😀 world 👨‍👩‍👧!": "Hello world!",
    "a\x07b\u200bc": "abc",
    "“Curly” — dash…": '"Curly", dash...',
    "ｆｕｌｌ，width。": "full, width.",
    "cafe\u0301": "café",
    "line\r\none\n\n\n\ntwo": "line\none\n\ntwo",
}


@pytest.mark.parametrize(("written", "spoken"), SPOKEN.items())
def test_written_english_becomes_spoken_english(written: str, spoken: str) -> None:
    assert normalise(written) == spoken


def test_british_english_says_and_and_puts_the_day_first() -> None:
    assert normalise("105 on 3/4/2026", "en-gb") == "one hundred and five on April third, twenty twenty-six"
    assert normalise("105 on 3/4/2026", "en-us") == "one hundred five on March fourth, twenty twenty-six"


LANGUAGES_SPOKEN = [
    ("de", "1.234,5 Leute", "eintausendzweihundertvierunddreißig Komma fünf Leute"),
    (
        "de",
        "am 21.11.2026 um 14:30",
        "am einundzwanzigsten November zweitausendsechsundzwanzig um vierzehn Uhr dreißig",
    ),
    ("de", "27,50 € oder 0,99 €", "siebenundzwanzig Euro fünfzig oder neunundneunzig Cent"),
    ("de", "1 kg, 1 h, 20 °C", "ein Kilogramm, eine Stunde, zwanzig Grad Celsius"),
    ("de", "Ludwig XIV. im 17. Jahrhundert", "Ludwig der vierzehnte im siebzehnten Jahrhundert"),
    ("de", "Mo–Fr 9:00–17:30 Uhr", "Montag bis Freitag neun Uhr bis siebzehn Uhr dreißig"),
    ("de", "z. B. Nr. 5, seit 1985", "zum Beispiel Nummer fünf, seit neunzehnhundertfünfundachtzig"),
    ("fr", "80 ans, 3,5 km", "quatre-vingts ans, trois virgule cinq kilomètres"),
    ("fr", "le 1er mai à 14h30", "le premier mai à quatorze heures trente"),
    ("fr", "27,50 € et 5 M€", "vingt-sept euros cinquante et cinq millions d'euros"),
    ("fr", "21 heures, XIXe siècle, Louis XIV", "vingt et une heures, dix-neuvième siècle, Louis quatorze"),
    ("fr", "01 23 45 67 89", "zéro un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf"),
    ("es", "1.000 libros", "mil libros"),
    ("es", "21 años, 200 personas", "veintiún años, doscientas personas"),
    (
        "es",
        "27,50 € el 24/12/2024",
        "veintisiete euros con cincuenta céntimos el veinticuatro de diciembre de dos mil veinticuatro",
    ),
    ("es", "a las 8:00, siglo XIX, Felipe II", "a las ocho, siglo diecinueve, Felipe segundo"),
    ("it", "27,50 € alle 15:45", "ventisette euro e cinquanta centesimi alle quindici e quarantacinque"),
    ("it", "il 1º gennaio 2024, XIX secolo", "il primo gennaio duemilaventiquattro, diciannovesimo secolo"),
    ("it", "un'ora = 1 h, 100 km/h", "un'ora uguale un'ora, cento chilometri orari"),
    ("ja", "3月21日。", "三月二十一日."),
    ("pt-BR", "16 gatos", "dezesseis gatos"),
    ("pl", "5 km", "pięć kilometrów"),
    ("ru", "5 €", "пять евро"),
    ("sv", "24/12/2024", "tjugofyra december tvåtusentjugofyra"),
    ("zh", "我有3本书！5 km, 2024-12-24", "我有3本书! 5公里, 2024年12月24日"),
    ("hi", "5 km, $20", "5 किलोमीटर, 20 यूएस डॉलर"),
    ("fr-be", "90 %", "nonante pour cent"),
]


@pytest.mark.parametrize(("language", "written", "spoken"), LANGUAGES_SPOKEN)
def test_other_languages_say_what_their_rules_or_libraries_know(language: str, written: str, spoken: str) -> None:
    assert normalise(written, language) == spoken


def test_how_much_of_a_language_is_known_is_told() -> None:
    assert [coverage(family) for family in ("en", "de", "it", "pl", "ja", "zh", "xx", "")] == [
        *("full", "full", "full", "partly", "partly", "partly", "none", "none")
    ]


_PIECES = (
    "5 km $ 1/2 3:05 pm . , - Dr. St. No. IV Henry Chapter Nov. 21 2026 % k http://a.com @ # 😀 \u200b ½ ² e.g. etc. "
    "million th A a – — … °C \u0301 ٣ 'x"
).split(" ")
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.text("0123456789.,-/:%$€ aIVXpmkgst'#@&Nov\n°½²()Dr"),
    st.lists(st.sampled_from([*_PIECES, " ", "\n"])).map("".join),
)
LANGUAGES = st.sampled_from(
    ["en-us", "en-gb", "de", "fr", "es", "it", "pt", "pl", "ja", "ko", "ru", "zh", "hi", "vi", "xx", ""]
)


@settings(max_examples=400)
@given(ANY_TEXT, LANGUAGES)
def test_normalising_twice_changes_nothing_and_nothing_raises(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once, language) == once


@settings(max_examples=300)
@given(ANY_TEXT)
def test_no_digit_is_left_to_guess_in_english(text: str) -> None:
    assert not re.search(r"\d", normalise(text))


@settings(max_examples=300)
@given(st.lists(st.one_of(st.from_regex(r"[a-z]{4,9}", fullmatch=True), st.sampled_from(_PIECES)), max_size=12))
def test_no_word_is_dropped_or_moved(pieces: list[str]) -> None:
    words = [piece for piece in pieces if re.fullmatch("[a-z]{4,9}", piece) and piece != "million"]
    spoken = iter(re.findall(r"\w+", normalise(" ".join(pieces))))
    assert all(word in spoken for word in words)


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1,",
        "1.",
        "1/",
        "1:",
        "1 ",
        "#",
        " ",
        "\n ",
        "a@",
        "http://",
        "a.",
        "-1",
        "X",
        "(",
        "😀",
        "$1",
        '1"',
        "a/",
        "A. ",
        "1-",
    ],
)
@pytest.mark.parametrize("language", ["en-us", "de", "ru"])
def test_hostile_repetition_takes_linear_time(unit: str, language: str) -> None:
    def seconds(chars: int) -> float:
        start = time.process_time()
        normalise((unit * chars)[:chars], language)
        return time.process_time() - start

    seconds(1_000)
    assert seconds(10_000) < 10 * seconds(2_500) + 0.5


def test_a_date_at_the_end_keeps_the_full_stop() -> None:
    assert normalise("It was due on the 3rd of May.") == "It was due on the third of May."
    assert normalise("See you on Nov. 3rd.") == "See you on November third."


def test_a_house_number_is_not_a_file_size() -> None:
    assert "byte" not in normalise("Holmes lived at 221B Baker Street.")

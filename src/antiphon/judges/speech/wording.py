"""Text made comparable: what was asked and what was heard, in one spelling, and how far apart they are.

English is folded fully (numbers, contractions, titles, British spellings); other languages minimally (case, width,
punctuation). Word error rate counts as NIST does, except that "ice cream" and "icecream" are the same words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from antiphon.judges.speech.numbers import Reading, spell_numbers

_UNSPACED = ("zh", "ja", "th", "lo", "km", "my", "yue", "cmn")
_SYMBOLS = {"&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "%": " percent ", "°": " degrees "}
_TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "st": "saint", "vs": "versus",
    "etc": "et cetera", "ok": "okay", "no": "no", "jr": "junior", "sr": "senior", "approx": "approximately",
}  # fmt: skip
_CONTRACTIONS = {
    "won't": "will not", "can't": "can not", "cannot": "can not", "shan't": "shall not", "ain't": "is not",
    "let's": "let us", "y'all": "you all", "gonna": "going to", "wanna": "want to", "gotta": "got to",
    "o'clock": "oclock", "it's": "it is", "that's": "that is", "he's": "he is", "she's": "she is", "what's": "what is",
    "there's": "there is", "here's": "here is", "who's": "who is", "where's": "where is", "how's": "how is",
}  # fmt: skip
_ENDINGS = (("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'d", " would"), ("'m", " am"))
_AMERICAN = {
    "centre": "center", "theatre": "theater", "metre": "meter", "litre": "liter", "fibre": "fiber", "grey": "gray",
    "kilometre": "kilometer", "centimetre": "centimeter", "millimetre": "millimeter", "programme": "program",
    "cheque": "check", "tyre": "tire", "defence": "defense", "offence": "offense", "licence": "license",
    "practise": "practice", "aluminium": "aluminum", "jewellery": "jewelry", "sceptical": "skeptical",
    "plough": "plow", "mould": "mold", "storey": "story", "kerb": "curb", "pyjamas": "pajamas", "catalogue": "catalog",
    "dialogue": "dialog", "draught": "draft", "enrol": "enroll", "fulfil": "fulfill", "judgement": "judgment",
    "moustache": "mustache", "whisky": "whiskey", "yoghurt": "yogurt", "towards": "toward", "learnt": "learned",
    "burnt": "burned", "dreamt": "dreamed", "spelt": "spelled", "travelled": "traveled", "travelling": "traveling",
    "traveller": "traveler", "cancelled": "canceled", "cancelling": "canceling", "labelled": "labeled",
    "modelling": "modeling", "marvellous": "marvelous", "woollen": "woolen", "counsellor": "counselor",
}  # fmt: skip
_OUR = re.compile(
    r"\b(arb|ard|arm|behavi|cand|clam|col|end?eav|enam|fav|ferv|fl?av|glam|harb|hon|hum|lab|neighb|od|parl|ranc|rig|"
    r"rum|sav|splend|tum|val|vap|vig)our"
)
_ISE = re.compile(
    r"\b((?:re|dis|un)?(?:agon|apolog|author|capital|categor|character|civil|colon|critic|custom|digit|econom|"
    r"emphas|energ|equal|fertil|final|general|harmon|hospital|ideal|immun|industrial|legal|local|maxim|memor|minim|"
    r"mobil|modern|national|neutral|normal|optim|organ|penal|popular|real|recogn|special|stabil|standard|summar|"
    r"symbol|sympath|util|visual))is(e|es|ed|er|ers|ing|ation|ations)\b"
)
_YSE = re.compile(r"\b(anal|paral|catal)ys(e|es|ed|ing)\b")
_SPOKEN_AND = re.compile(
    r"\b(hundred|thousand|million|billion|dollars?|pounds?|euros?) and\b"
)  # "two hundred and five"
_APOSTROPHES = {0x2018: "'", 0x2019: "'", 0x60: "'"}
_NOON = re.compile(r"(?<=[\d\s])([ap])\.?\s?m\b\.?")
_KEPT = re.compile(r"[^\w\s']|_")


def unspaced(language: str) -> bool:
    """Whether the language writes no spaces between words; then characters are its words."""
    return language.lower().split("-")[0] in _UNSPACED


def normalise(text: str, language: str = "en-us", *, reading: Reading = "year") -> str:
    """Lower-case words divided by single spaces; `reading` says how ambiguous figures are meant."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_APOSTROPHES)
    if language.lower().startswith("en"):
        folded = _english(folded, reading)
    words = _KEPT.sub(" ", folded).replace("'", "").split()
    return " ".join("".join(words)) if unspaced(language) else " ".join(words)


def _english(text: str, reading: Reading) -> str:
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = spell_numbers(_NOON.sub(r"\1m", text), reading)
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    text = _KEPT.sub(" ", text)
    words = []
    for word in text.split():
        whole = _CONTRACTIONS.get(word) or _TITLES.get(word) or _american(word)
        if whole is None:
            whole = word
            for ending, long in _ENDINGS:
                if word.endswith(ending) and len(word) > len(ending):
                    whole = word[: -len(ending)] + long
                    break
        words.append(whole)
    text = _SPOKEN_AND.sub(r"\1", " ".join(words).replace("per cent", "percent"))
    text = _OUR.sub(r"\1or", text)
    return _YSE.sub(r"\1yz\2", _ISE.sub(r"\1iz\2", text))


def _american(word: str) -> str | None:
    if word.endswith("s") and word[:-1] in _AMERICAN:
        return _AMERICAN[word[:-1]] + "s"
    return _AMERICAN.get(word)


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest substitutions, deletions and insertions; two words equal to one joined word are no error."""
    columns = len(heard) + 1
    rows = [list(range(columns))]
    for i, word in enumerate(reference, 1):
        above = rows[-1]
        row = [i] + [0] * (columns - 1)
        joined = reference[i - 2] + word if i > 1 else None
        for j in range(1, columns):
            other = heard[j - 1]
            best = min(above[j - 1] + (word != other), above[j] + 1, row[j - 1] + 1)
            if joined == other:
                best = min(best, rows[-2][j - 1])
            if j > 1 and heard[j - 2] + other == word:
                best = min(best, above[j - 2])
            row[j] = best
        rows.append(row)
    return rows[-1][-1]


def character_errors(reference: str, heard: str) -> int:
    """Levenshtein distance, one machine-word operation per character (Myers 1999, in Hyyro's form)."""
    if not reference:
        return len(heard)
    positions: dict[str, int] = {}
    for index, character in enumerate(reference):
        positions[character] = positions.get(character, 0) | (1 << index)
    full = (1 << len(reference)) - 1
    last = 1 << (len(reference) - 1)
    up, down, distance = full, 0, len(reference)
    for character in heard:
        match = positions.get(character, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        right = down | (full & ~(diagonal | up))
        left = up & diagonal
        distance += bool(right & last) - bool(left & last)
        right = ((right << 1) | 1) & full
        left = (left << 1) & full
        up = left | (full & ~(diagonal | right))
        down = right & diagonal
    return distance


def error_rates(reference: str, heard: str) -> tuple[float, float]:
    """(word error rate, character error rate) of two normalised texts. Above 1 when more was heard than asked."""
    wanted, got = reference.split(), heard.split()
    if not wanted:
        raise ValueError("the reference has no words")
    letters = "".join(wanted)
    return word_errors(wanted, got) / len(wanted), character_errors(letters, "".join(got)) / len(letters)

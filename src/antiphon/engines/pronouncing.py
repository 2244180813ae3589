"""Words whose phonemes are given with a request: `word=IPA; word=IPA`, for engines that read English phonemes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from antiphon.errors import InputError

MAX_CHARS = 8_000

_ALPHABET = frozenset("AIOQSTWYabcdefhijklmnopqrstuvwxyzæçðøŋœɐɑɒɔɕɖəɛɜɟɡɥɨɪɯɲɳɸɹɻɾʁʂʃʈʊʋʌʎʒʔʝʣʤʦʧʰʲˈˌːβθχᵊᵻ")
"""Letters of the engines' readers (`english`), diphthongs as one: A eɪ, I aɪ, O oʊ, Q əʊ, W aʊ, Y ɔɪ."""

_FROM_IPA = (
    *(("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y")),
    *(("oʊ", "O"), ("əʊ", "Q"), ("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("ɫ", "l"), ("g", "ɡ"), ("r", "ɹ"), ("'", "ˈ")),
    *((sign, "") for sign in ".͜͡‿ /[]"),
)


def spelled(words: Mapping[str, str]) -> str:
    """What an engine's option `phonemes` says of words and their IPA."""
    return "; ".join(f"{word}={said}" for word, said in words.items())


def pronunciations(option: str, *, british: bool = False) -> dict[str, str]:
    """Words in small letters and their phonemes in the readers' alphabet. Raises `InputError` with what is no IPA."""
    if len(option) > MAX_CHARS:
        raise InputError(f"The phonemes have {len(option)} characters, more than {MAX_CHARS}", "Give fewer words.")
    found = {}
    for entry in filter(str.strip, option.split(";")):
        word, sign, ipa = (part.strip() for part in entry.partition("="))
        if not sign or not word or not ipa or any(char in word for char in "[]()/"):
            raise InputError(f"{entry.strip()[:60]!r} is no pronunciation", "Write word=IPA, as tomato=təˈmɑːtəʊ.")
        found[word.casefold()] = _reading(ipa, british=british)
    return found


def marked(text: str, words: Mapping[str, str]) -> str:
    """The text with each of the words as `[word](/phonemes/)`, which the reader takes as it is."""
    if not words:
        return text
    longest = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.I)
    return pattern.sub(lambda found: f"[{found[0]}](/{words[found[0].casefold()]}/)", text)


def _reading(ipa: str, *, british: bool) -> str:
    reading = ipa
    for written, read in _FROM_IPA:
        reading = reading.replace(written, read)
    if not british:  # whose vowels have no length
        reading = reading.replace("ː", "")
    unknown = [char for char in reading if char not in _ALPHABET]
    if unknown or not reading:
        raise InputError(f"{ipa[:60]!r} holds {''.join(unknown[:8])!r}, which no English phoneme is", "Write IPA.")
    return reading

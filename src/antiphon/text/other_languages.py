"""Plain numbers in languages other than English, through num2words (LGPL; used as a library)."""

from __future__ import annotations

import re
from functools import cache, lru_cache

# language -> (decimal mark, its word). Checked against num2words 0.5.14; a language missing here is left unchanged.
_MARKS = {
    "de": (",", "Komma"),
    "fr": (",", "virgule"),
    "es": (",", "coma"),
    "it": (",", "virgola"),
    "pt": (",", "vírgula"),
    "nl": (",", "komma"),
    "sv": (",", "komma"),
    "da": (",", "komma"),
    "no": (",", "komma"),
    "fi": (",", "pilkku"),
    "pl": (",", "przecinek"),
    "cs": (",", "celá"),
    "ru": (",", "запятая"),
    "uk": (",", "кома"),
    "tr": (",", "virgül"),
    "ro": (",", "virgulă"),
    "hu": (",", "egész"),
    "id": (",", "koma"),
    "ja": (".", "点"),
    "ko": (".", "점"),
}
_UNSPACED = frozenset(("ja",))
_MAX_DIGITS = 15


def speak_numbers(text: str, family: str, region: str = "") -> str:
    """Whole and decimal numbers of `text` in words. Dates, times, money codes and versions stay as they are."""
    if family not in _MARKS:
        return text
    code = "pt_BR" if (family, region) == ("pt", "br") else family
    mark, word = _MARKS[family]
    groups = "." if mark == "," else ","

    def spoken(found: re.Match[str]) -> str:
        whole = found["whole"].replace(groups, "").replace(" ", "")
        if len(whole) > _MAX_DIGITS or (len(whole) > 1 and whole.startswith("0")):
            return found[0]
        parts = [_words(int(whole), code)]
        if found["part"]:
            parts += [word, *(_words(int(digit), code) for digit in found["part"])]
        return ("" if family in _UNSPACED else " ").join(parts)

    text = re.sub(r"(?<=[0-9])%", " %", text)
    return _pattern(mark, groups, family in _UNSPACED).sub(spoken, text)


@cache
def _pattern(mark: str, groups: str, unspaced: bool) -> re.Pattern[str]:
    # Beside a letter a number is part of a name ("B2B"), except where words are not spaced.
    beside = r"[A-Za-z0-9_]" if unspaced else r"\w"
    sign = r"[.,:/'-]"
    return re.compile(
        rf"(?<!{beside})(?<![0-9]{sign})(?<![-+.,:/])"
        rf"(?P<whole>[0-9]{{1,3}}(?:{re.escape(groups)}[0-9]{{3}})+|[0-9]+)(?:{re.escape(mark)}(?P<part>[0-9]+))?"
        rf"(?!{beside}|{sign}[0-9]|\.(?=\s+[^\W\d_]+ [0-9])|[/:])"
    )


@lru_cache(maxsize=4096)
def _words(number: int, code: str) -> str:
    from num2words import num2words  # type: ignore[import-untyped]

    return str(num2words(number, lang=code))

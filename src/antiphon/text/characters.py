"""Characters made plain: one form of each, typographic signs as ASCII, nothing that has no sound."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = {
    **dict.fromkeys("‘’‚‛ʼ′", "'"),
    **dict.fromkeys("“”„‟«»「」『』〝〞〟｢｣″《》〈〉", '"'),
    **dict.fromkeys("‐‑‒⁃﹣", "-"),
    **dict.fromkeys("—―⸺⸻", ", "),
    "−": "-",
    "…": "...",
    "⁄": "/",
    "。": ". ",
    "｡": ". ",
    "、": ", ",
    "､": ", ",
    "，": ", ",
    "．": ". ",
    "！": "! ",
    "？": "? ",
    "：": ": ",
    "；": "; ",
    "（": " (",
    "）": ") ",
    "【": " (",
    "】": ") ",
    "〔": " (",
    "〕": ") ",
    "〜": "-",
    "～": "-",
    "・": " ",
    "·": " ",
    "•": " ",
    "‣": " ",
    "◦": " ",
    "™": "",
    "®": "",
    "№": "No. ",
    "˚": "°",  # the ring that stands alone
    **dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True)),
}
_ORDINAL_AS_DEGREE = re.compile(r"º(?= ?[CF]\b)")
# Thin and unbreakable spaces, and Swiss apostrophes, between groups of three digits.
_GROUPED = re.compile(
    "(?<![0-9.,+(])(?<![0-9.,+(][\u00a0\u2007\u2008\u2009\u202f' ])[1-9][0-9]{0,2}"
    "([\u00a0\u2007\u2008\u2009\u202f'’])[0-9]{3}(?:\\1[0-9]{3})*(?![0-9]|\\1[0-9])"
)
# Blocks whose characters are only other looks of plain ones: ligatures, full and half width, styled letters, enclosed
# numbers, squared units, Roman numerals, fractions, letterlike signs.
_STYLED = re.compile(
    "[\u02b0-\u02b8\u02e1-\u02e3\u1d2c-\u1d6a\u2100-\u218f\u2460-\u24ff\u2776-\u2793\u3200-\u33ff\ufb00-\ufb06\uff01-\uffef\U0001d400-\U0001d7ff\U0001f100-\U0001f1e5]"
)
# Swiss apostrophes where a point parts the decimals: 1'250.50.
_SWISS = re.compile(r"(?<![\w.,'])[1-9][0-9]{0,2}(?:['’][0-9]{3})+(?=\.[0-9]{2}(?![0-9]))")
_RATIO = re.compile(r"(?<=[0-9]) : (?=[0-9])")  # whose first space would go as before any colon
_POINT_TIMES = re.compile(r"(?<=[0-9]) ?· ?(?=[0-9])")
# A dash between two quantities, days or dates, each with a word of its own: 5 May, dash, 7 June.
_WORDED_SPAN = re.compile(r"(?<=[0-9])(\.? [^\W\d_]{1,9}\.?) – (?=[0-9]{1,4}\.? [^\W\d_]{1,9}\b)")
_VULGAR = re.compile(r"(?<=[0-9])(?=[\u00bc-\u00be\u2150-\u215e])")
_VULGAR_LATIN = re.compile("[\u00bc-\u00be]")
_KEPT_SYMBOLS = frozenset("°©♭♯★")
_JOINERS = frozenset("\u200c\u200d")
_BREAKS = re.compile(r" ?\n[ \n]*")
_SPAN = re.compile(r"(?<=[0-9%]) – (?=[$€£]?[0-9])")
_EN_DASH = re.compile(r" – |–")


def clean(text: str, group: str = ",") -> str:
    """`text` in NFC with plain punctuation; emoji, control, private and unassigned characters gone.

    Runs of white space become one space, one line break, or one blank line. Thin spaces and apostrophes between
    groups of digits become `group`, the language's own sign.
    """
    text = text.replace("\r\n", "\n")
    text = _ORDINAL_AS_DEGREE.sub("°", text)
    text = _SWISS.sub(lambda found: re.sub("['’]", "", found[0]), text)
    text = _RATIO.sub(" ∶ ", text)
    text = _POINT_TIMES.sub(" × ", text)
    text = _GROUPED.sub(lambda found: group.join(re.findall("[0-9]+", found[0])), text)
    text = _VULGAR.sub(" ", text)
    text = "".join(_PLAIN.get(char, char) for char in text)
    text = _STYLED.sub(_unstyled, text)
    text = _VULGAR_LATIN.sub(_unstyled, text)
    text = "".join(_audible(char, text, place) for place, char in enumerate(text))
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"[ \t]+", " ", text)
    text = _EN_DASH.sub(lambda found: ", " if found[0] != "–" else "-", _WORDED_SPAN.sub(r"\1-", _SPAN.sub("-", text)))
    return collapse(text)


def collapse(text: str) -> str:
    """One space between words, none before a comma or full stop, none at the ends."""
    text = re.sub(r"[ \t]+", " ", text)
    text = _BREAKS.sub(lambda found: "\n" if found[0].count("\n") == 1 else "\n\n", text)
    text = re.sub(r" (?=[\"')\]]*[,;:!?.]+[\"')\]]*(?:\s|$))", "", text)
    text = re.sub(r" (?=[)\]])|(?<=[(\[]) ", "", text)
    text = re.sub(r"([,;:])(?:[ ]?[,;:])+(?=\s|$)", r"\1", text)
    return text.strip()


def _unstyled(found: re.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", found[0])
    # What was one sign must not grow into its neighbours.
    return "".join(_PLAIN.get(char, char) for char in plain)


def _audible(char: str, text: str, place: int) -> str:
    if char < "\x7f":
        return char if char >= " " or char == "\n" else " " if char.isspace() else ""
    kind = unicodedata.category(char)
    if char in _JOINERS:
        around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        return char if len(around) == 2 and all(unicodedata.category(one)[0] in "LM" for one in around) else ""
    if kind in ("Zl", "Zp") or char == "\x85":
        return "\n"
    if kind == "Zs" or (kind == "So" and char not in _KEPT_SYMBOLS):
        return " "
    # Variation selectors and the keycap ring belong to emoji; Sk holds skin tones.
    silent = kind in ("Cc", "Cf", "Cs", "Co", "Cn", "Sk", "Me") or "\ufe00" <= char <= "\ufe0f"
    return "" if silent else char

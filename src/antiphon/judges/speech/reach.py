"""How much the multilingual recogniser understands of each language: where words can be judged, and by which bound.

Measured with espeak-ng's voice on one to five sentences each (article 1 of the Universal Declaration of Human Rights,
and those of `scripts/measure_voices.py`): `scripts/measure_languages.py`. Another text of the same language has a
character error rate of .69 and more, so a language whose honest speech lies there cannot be judged by words. Languages
that nobody has measured are not judged either.
"""

from __future__ import annotations

from collections.abc import Mapping

WHISPER_BASE: Mapping[str, float] = {
    "af": 0.64, "ar": 1.0, "az": 0.73, "be": 1.0, "bg": 0.24, "bn": 1.65, "bs": 0.22, "ca": 0.53, "cs": 0.33,
    "cy": 0.49, "da": 0.65, "de": 0.17, "el": 0.41, "es": 0.14, "et": 0.32, "eu": 0.15, "fa": 0.62, "fi": 0.26,
    "fr": 0.67, "gu": 1.56, "hi": 1.8, "hr": 0.14, "hu": 0.19, "hy": 1.0, "id": 0.14, "is": 1.91, "it": 0.23,
    "ja": 4.55, "ka": 1.0, "kk": 0.77, "ko": 0.69, "la": 0.71, "lt": 0.42, "lv": 0.62, "mk": 0.38, "ms": 0.25,
    "nl": 0.33, "no": 0.26, "pl": 0.26, "pt": 0.37, "ro": 0.27, "ru": 0.67, "sk": 0.19, "sl": 0.35, "sq": 0.68,
    "sr": 1.0, "sv": 0.43, "sw": 0.5, "ta": 0.52, "te": 1.0, "tr": 0.31, "uk": 1.39, "ur": 0.6, "vi": 0.37,
    "zh": 0.78,
}  # fmt: skip
"""Median character error rate of honest speech, by the recogniser's own code of the language."""

ALLOWED_CER = 0.7
"""From here on it is another text: those of the same language from .69, one in twenty below .72."""
REACHED_CER = 0.67
"""Where half of honest speech is misheard more than this, words are not judged."""


def reached() -> frozenset[str]:
    """Languages of which the recogniser understands enough."""
    return frozenset(language for language, rate in WHISPER_BASE.items() if rate <= REACHED_CER)

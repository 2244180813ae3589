"""The text stage: phonemes to semantic tokens, one by one or all at once, with the times of words."""

from __future__ import annotations

from antiphon.soundstorm.text.alignment import Sounds, Word, from_attention, learn_sounds, words
from antiphon.soundstorm.text.layout import TextConfig, english_symbols
from antiphon.soundstorm.text.parallel import predict_tokens
from antiphon.soundstorm.text.sampling import SamplingOptions, Spoken, generate, stream
from antiphon.soundstorm.text.serving import TextStage, TextStageResult, load, load_sounds

__all__ = [
    "SamplingOptions",
    "Sounds",
    "Spoken",
    "TextConfig",
    "TextStage",
    "TextStageResult",
    "Word",
    "english_symbols",
    "from_attention",
    "generate",
    "learn_sounds",
    "load",
    "load_sounds",
    "predict_tokens",
    "stream",
    "words",
]

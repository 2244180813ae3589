"""SoundStorm: semantic tokens in, every acoustic token out in a few dozen passes (arXiv:2305.09636)."""

from __future__ import annotations

from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, Result, Trace, generate, task_key
from antiphon.soundstorm.folder import load
from antiphon.soundstorm.inputs import Inputs, Logits, align
from antiphon.soundstorm.layout import GeneratorConfig, Layout, profile
from antiphon.soundstorm.tokenset import Example, InMemoryTokenSet, Joined, Revoiced, TokenSet
from antiphon.soundstorm.windows import Prompt, Turn, WindowOptions, dialogue, long, stream

__all__ = [
    "DecodingInput",
    "DecodingOptions",
    "Example",
    "GeneratorConfig",
    "InMemoryTokenSet",
    "Inputs",
    "Joined",
    "Layout",
    "Logits",
    "Prompt",
    "Result",
    "Revoiced",
    "TokenSet",
    "Trace",
    "Turn",
    "WindowOptions",
    "align",
    "dialogue",
    "generate",
    "load",
    "long",
    "profile",
    "stream",
    "task_key",
]

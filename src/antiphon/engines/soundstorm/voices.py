"""The built-in voices: prompts of 4 s, made of speech that other engines synthesised, so they are nobody's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from antiphon.engines.base import Voice
from antiphon.errors import ModelError
from antiphon.models import tensors
from antiphon.soundstorm import windows

ENGINE = "soundstorm"
FILE = "voices.safetensors"

_ABOUT = {
    "aspen": ("female", "warm and even"),
    "birch": ("male", "low and calm"),
    "cedar": ("male", "clear"),
    "hazel": ("female", "bright"),
    "rowan": ("male", "lively"),
    "willow": ("female", "soft"),
}

VOICES = tuple(
    Voice(name=name, language="en-us", engine=ENGINE, gender=gender, description=about)
    for name, (gender, about) in _ABOUT.items()
)
BY_NAME: Mapping[str, Voice] = {voice.name: voice for voice in VOICES}


def parse(blob: bytes) -> dict[str, windows.Prompt]:
    """Prompts by name from the file that ships. Raises `ModelError` when one is missing."""
    found = tensors.parse(blob)
    try:
        return {
            name: windows.Prompt(
                np.array(found[f"{name}.semantic"], np.uint16), np.array(found[f"{name}.acoustic"], np.uint16)
            )
            for name in BY_NAME
        }
    except KeyError as error:
        raise ModelError(f"The voice {error} of soundstorm is missing", "Reinstall antiphon.") from error


def dump(prompts: Mapping[str, windows.Prompt]) -> bytes:
    """The file that ships, from prompts by name."""
    arrays: dict[str, tensors.Array] = {}
    for name, voice in prompts.items():
        arrays[f"{name}.semantic"], arrays[f"{name}.acoustic"] = voice.semantic, voice.acoustic
    return tensors.dump(arrays, {})

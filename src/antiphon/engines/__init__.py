"""What a processor can run: engines behind one Protocol, found through the entry point group `antiphon.engines`."""

from __future__ import annotations

from antiphon.engines.base import Capabilities, Engine, Voice
from antiphon.engines.registry import all_voices, engine_for, find_voice, load, names, parse_mix, problems

__all__ = [
    "Capabilities",
    "Engine",
    "Voice",
    "all_voices",
    "engine_for",
    "find_voice",
    "load",
    "names",
    "parse_mix",
    "problems",
]

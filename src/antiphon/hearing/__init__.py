"""Hearing: what a signal holds, for whoever makes sound and whoever judges it: features, pauses, speakers, words.

Engines and judges may not know each other; what both need to hear lies here, above the models and below both.
"""

from __future__ import annotations

from antiphon.hearing.activity import active_frames, levels_db
from antiphon.hearing.company import require_one_voice
from antiphon.hearing.features import mono_16k
from antiphon.hearing.pitch import pitch
from antiphon.hearing.recogniser import Heard, Recogniser
from antiphon.hearing.speaker import embed, embed_independent, embed_signal, mean_voice

__all__ = [
    "Heard",
    "Recogniser",
    "active_frames",
    "embed",
    "embed_independent",
    "embed_signal",
    "levels_db",
    "mean_voice",
    "mono_16k",
    "pitch",
    "require_one_voice",
]

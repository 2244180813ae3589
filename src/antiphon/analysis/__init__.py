"""What a signal holds, for whoever needs it: pauses, pitch, words and speakers of speech; tempo, key and form of music.

Engines, judges and pictures may not know each other; what more than one of them looks for in a sound lies here, above
the models and below all three. Nothing here knows a request, a bound or a score.
"""

from __future__ import annotations

from antiphon.analysis.activity import active_frames, levels_db
from antiphon.analysis.features import mono_16k
from antiphon.analysis.pitch import pitch
from antiphon.analysis.recogniser import Recogniser, Transcript
from antiphon.analysis.single_speaker import require_one_voice
from antiphon.analysis.speaker import embed, embed_independent, embed_signal, mean_voice

__all__ = [
    "Recogniser",
    "Transcript",
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

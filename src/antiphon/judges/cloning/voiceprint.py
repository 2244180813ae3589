"""A voice as two encoders hear it, and what built-in voices sound like to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from antiphon.analysis.speaker import embed, embed_independent, mean_voice
from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import InputError
from antiphon.judges.speech.cards import card, independent, voices
from antiphon.services import VoiceProfile

SIZE = 256
LIKE_PEOPLE_MOS = 3.5
"""Built-in voices whose own DistillMOS is above this are compared with a clone: a robot is far from everybody."""


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """Unit vectors `[256]`: `voice` by the d-vector encoder, which cloners may optimise, `other` by resemblyzer."""

    voice: Samples
    other: Samples

    def cosines(self, them: Voiceprint) -> tuple[float, float]:
        """Of `voice` and of `other`."""
        return float(self.voice @ them.voice), float(self.other @ them.other)


def voiceprint(audio: Waveform) -> Voiceprint:
    """Raises `InputError` below 0.8 s of speech."""
    return Voiceprint(embed(audio), embed_independent(audio))


def to_bytes(vector: Samples) -> bytes:
    """As a `VoiceProfile` keeps it: little-endian float32."""
    return np.asarray(vector, dtype="<f4").tobytes()


def from_bytes(blob: bytes, name: str) -> Samples:
    """The unit vector `[256]`. Raises `InputError` when it is none."""
    vector = np.frombuffer(blob, dtype="<f4") if len(blob) == 4 * SIZE else np.zeros(0, dtype=np.float32)
    # Written so that a NaN fails too.
    if not (vector.size == SIZE and abs(float(vector @ vector) - 1) < 0.01):
        raise InputError(f"The voice profile's {name} is no unit vector of {SIZE} numbers")
    return np.asarray(vector, dtype=np.float32)


def own_voice(profile: VoiceProfile) -> Voiceprint:
    """The clone's own voice, as its profile states it. Raises `InputError`."""
    return Voiceprint(from_bytes(profile.own_voice, "own_voice"), from_bytes(profile.own_other, "own_other"))


def reference_voice(profile: VoiceProfile) -> Voiceprint:
    """The reference's voice, as its profile states it. Raises `InputError`."""
    return Voiceprint(
        from_bytes(profile.reference_voice, "reference_voice"), from_bytes(profile.reference_other, "reference_other")
    )


def expected(profile: VoiceProfile, blend: Mapping[str, float]) -> Voiceprint | None:
    """The clone's own voice with built-in ones mixed in by weight; None when one of them has no card."""
    own = own_voice(profile)
    parts = [(own.voice, own.other, 1 - sum(blend.values()))]
    for name, weight in blend.items():
        reference, other = card(name), independent(name)
        if reference is None or reference.embedding is None or other is None:
            return None
        parts.append((reference.embedding, other, weight))
    return Voiceprint(
        mean_voice([np.float32(weight) * voice for voice, _, weight in parts]),
        mean_voice([np.float32(weight) * other for _, other, weight in parts]),
    )


@lru_cache(maxsize=1)
def crowd() -> Samples:
    """Built-in voices that sound like people, as the independent encoder hears them, `[voices, 256]`."""
    others = []
    for name in voices():
        reference, other = card(name), independent(name)
        if reference is not None and other is not None and reference.mos["distillmos"][0] >= LIKE_PEOPLE_MOS:
            others.append(other)
    return np.stack(others)

"""From a reference to a likeness: which mix of voices is nearest, how high it speaks, and in which colour."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.kokoro_voices import BY_NAME
from antiphon.engines.mimic import timbre
from antiphon.engines.mimic.halves import RATE_HZ, Halves
from antiphon.engines.mimic.likeness import PITCH_HZ, USUAL_SPREAD, VERSION, Likeness, weights
from antiphon.engines.mimic.rendering import moved, uncoloured
from antiphon.hearing.company import require_one_voice
from antiphon.hearing.features import mono_16k
from antiphon.hearing.speaker import embed_signal

NEIGHBOURS = 3
"""More voices in the mix are as like their reference, but liker everybody else: of six recorded voices six neighbours
told two from twelve other speakers, two neighbours four."""

TRIAL = "The captain asked the crew to check every rope before the storm."
TRACT = 0.95
"""Kokoro's formants are a little high. Ten recorded voices were 0.684 alike at 1 and 0.695 at 0.94 (second embedder);
choosing among three heights by the first embedder gave 0.694, for three times the work."""

_SHARPNESS = 8.0
_MELODY = (0.7, 1.3)  # the full range of a lively reference cost 0.4 MOS and was no liker
_MAX_THREADS = 2


def enrol(reference: Waveform, halves: Halves) -> Likeness:
    """Raises `InputError` for a reference without enough speech of one person, and for music."""
    height_hz, spread = _pitch_of(require_one_voice(reference).track_hz)
    signal = mono_16k(reference)
    mix = weights(_nearest(embed_signal(signal, threads=_MAX_THREADS)))
    plain = Likeness(
        version=VERSION,
        timbre=mix,
        manner=mix,
        pitch_hz=round(float(np.clip(height_hz, *PITCH_HZ)), 1),
        pitch_range=round(float(np.clip(spread / USUAL_SPREAD, *_MELODY)), 2),
        tract=TRACT,
        colour_db=(0.0,) * timbre.BANDS,
    )
    phonemes = next(english.readings(TRIAL, british=False))[0]
    score = moved(halves.read(phonemes, plain.manner_mix, 1.0), plain.pitch_hz, plain.pitch_range)
    own = uncoloured(halves, score, plain.timbre_mix, TRACT)
    return plain.with_colour(
        timbre.matching(
            timbre.average_spectrum(signal), timbre.average_spectrum(mono_16k(Waveform(own[None], RATE_HZ)))
        )
    )


def _pitch_of(track_hz: Samples) -> tuple[float, float]:
    """Median in Hz and spread in octaves (from the quartiles, which octave errors do not move)."""
    voiced = np.log2(track_hz[track_hz > 0])
    low, middle, high = np.percentile(voiced, [25, 50, 75])
    return float(2**middle), float((high - low) / 1.349)


def _nearest(embedding: Samples) -> dict[str, float]:
    names, table = _voices()
    likeness = table @ embedding
    best = np.argsort(-likeness)[:NEIGHBOURS]
    heat = np.exp(_SHARPNESS * (likeness[best] - likeness[best[0]]))
    return {names[index]: float(weight) for index, weight in zip(best, heat, strict=True)}


@lru_cache(maxsize=1)
def _voices() -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Kokoro's voices that were measured, and their embeddings `[voices, 256]`."""
    from antiphon import models
    from antiphon.models import tensors

    stored = tensors.parse(models.read("voice-cards"))
    names = tuple(name for name in BY_NAME if f"{name}/embedding" in stored)
    table = np.stack([np.asarray(stored[f"{name}/embedding"], np.float32) for name in names])
    return names, table / np.linalg.norm(table, axis=1, keepdims=True)

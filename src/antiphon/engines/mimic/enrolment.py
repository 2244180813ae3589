"""From a reference to a likeness: which mix of voices is nearest, how high it speaks, and in which colour."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.kokoro_voices import BY_NAME
from antiphon.engines.mimic import timbre
from antiphon.engines.mimic.halves import RATE_HZ, Halves, Score
from antiphon.engines.mimic.likeness import PITCH_HZ, RANGE, USUAL_SPREAD, VERSION, Likeness, weights
from antiphon.engines.mimic.rendering import moved, uncoloured
from antiphon.engines.mimic.timbre import Levels
from antiphon.errors import InputError
from antiphon.hearing.features import mono_16k
from antiphon.hearing.pitch import pitch
from antiphon.hearing.speaker import embed_signal

NEIGHBOURS = 6
TRIAL = "The captain asked the crew to check every rope."
TRACTS = (0.91, 0.98, 1.05)
"""Heights of the formants that are tried; ten recorded voices were met best at 0.88 (4), 0.94 (3), 1 (2), 1.06 (1)."""

MIN_VOICED_S = 0.6
_SHARPNESS = 12.0
_USUAL_TRACT, _TRACT_COST = 0.95, 3.0  # a tract far from the usual one must sound much more alike
_MAX_THREADS = 2


def enrol(reference: Waveform, halves: Halves) -> Likeness:
    """Raises `InputError` for a reference without enough voiced speech of one person."""
    signal = mono_16k(reference)
    height_hz, spread = _pitch_of(signal)
    embedding = embed_signal(signal, threads=_MAX_THREADS)
    colour = timbre.average_spectrum(signal)
    mix = weights(_nearest(embedding))
    plain = Likeness(
        version=VERSION,
        timbre=mix,
        manner=mix,
        pitch_hz=round(float(np.clip(height_hz, *PITCH_HZ)), 1),
        pitch_range=round(float(np.clip(spread / USUAL_SPREAD, *RANGE)), 2),
        tract=1.0,
        colour_db=(0.0,) * timbre.BANDS,
    )
    phonemes = next(english.readings(TRIAL, british=False))[0]
    score = moved(halves.read(phonemes, plain.manner_mix, 1.0), plain.pitch_hz, plain.pitch_range)
    tried = [_tried(halves, plain, score, tract, colour, embedding) for tract in TRACTS]
    return max(tried, key=lambda pair: pair[0])[1]


def _tried(
    halves: Halves, plain: Likeness, score: Score, tract: float, colour: Levels, embedding: Samples
) -> tuple[float, Likeness]:
    """How like the reference a tract sounds once it has its colour, and the likeness with both."""
    own = uncoloured(halves, score, plain.timbre_mix, tract)
    gains = timbre.matching(colour, timbre.average_spectrum(mono_16k(Waveform(own[None], RATE_HZ))))
    likeness = plain.with_tract(tract, gains)
    heard = timbre.filtered(own, np.asarray(likeness.colour_db), RATE_HZ)
    alike = float(embed_signal(mono_16k(Waveform(heard[None], RATE_HZ)), threads=_MAX_THREADS) @ embedding)
    return alike - _TRACT_COST * float(np.log(tract / _USUAL_TRACT)) ** 2, likeness


def _pitch_of(signal: Samples) -> tuple[float, float]:
    """Median in Hz and spread in octaves (from the quartiles, which octave errors do not move)."""
    track = pitch(signal)
    voiced = np.log2(track[track > 0])
    if voiced.shape[0] * 0.01 < MIN_VOICED_S:
        raise InputError(
            f"The reference holds only {voiced.shape[0] * 0.01:.1f} s of voiced speech",
            "Record a few sentences of one person, without music.",
        )
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

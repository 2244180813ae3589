"""From a reference to the parameters of a voice: the nearest mix of voices, how high it speaks, and in which colour."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.analysis.features import mono_16k
from antiphon.analysis.single_speaker import require_one_voice
from antiphon.analysis.speaker import embed_signal
from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.kokoro_voices import BY_NAME
from antiphon.engines.mimic import timbre
from antiphon.engines.mimic.rendering import moved, uncoloured
from antiphon.engines.mimic.split_model import RATE_HZ, AcousticFeatures, SplitModel
from antiphon.engines.mimic.timbre import Levels
from antiphon.engines.mimic.voice_parameters import PITCH_HZ, USUAL_SPREAD, VERSION, VoiceParameters, weights

NEIGHBOURS = 6
"""Fewer voices in the mix tell the clone better from others, but sound worse: three cost 0.2 MOS, low voices 0.8."""

TRIAL = "The captain asked the crew to check every rope."
TRACTS = (0.94, 1.03)
"""Heights of the formants that are tried; more of them were no better on average, and each costs half a second."""

_SHARPNESS = 12.0
_MELODY = (0.7, 1.3)  # the full range of a lively reference cost 0.4 MOS and was no liker
_MAX_THREADS = 2


def enrol(reference: Waveform, model: SplitModel) -> VoiceParameters:
    """Raises `InputError` for a reference without enough speech of one person, and for music."""
    height_hz, spread = _pitch_of(require_one_voice(reference).track_hz)
    signal = mono_16k(reference)
    embedding = embed_signal(signal, threads=_MAX_THREADS)
    mix = weights(_nearest(embedding))
    plain = VoiceParameters(
        version=VERSION,
        timbre=mix,
        manner=mix,
        pitch_hz=round(float(np.clip(height_hz, *PITCH_HZ)), 1),
        pitch_range=round(float(np.clip(spread / USUAL_SPREAD, *_MELODY)), 2),
        tract=1.0,
        colour_db=(0.0,) * timbre.BANDS,
    )
    phonemes = next(english.readings(TRIAL, british=False))[0]
    features = moved(model.encode(phonemes, plain.manner_mix, 1.0), plain.pitch_hz, plain.pitch_range)
    colour = timbre.average_spectrum(signal)
    tried = [_tried(model, plain, features, tract, colour, embedding) for tract in TRACTS]
    return max(tried, key=lambda pair: pair[0])[1]


def _tried(
    model: SplitModel,
    plain: VoiceParameters,
    features: AcousticFeatures,
    tract: float,
    colour: Levels,
    embedding: Samples,
) -> tuple[float, VoiceParameters]:
    """How like the reference a tract sounds once it has its colour, and the parameters with both."""
    own = uncoloured(model, features, plain.timbre_mix, tract)
    gains = timbre.matching(colour, timbre.average_spectrum(mono_16k(Waveform(own[None], RATE_HZ))))
    parameters = plain.with_tract(tract, gains)
    heard = timbre.filtered(own, np.asarray(parameters.colour_db), RATE_HZ)
    return float(embed_signal(mono_16k(Waveform(heard[None], RATE_HZ)), threads=_MAX_THREADS) @ embedding), parameters


def _pitch_of(track_hz: Samples) -> tuple[float, float]:
    """Median in Hz and spread in octaves (from the quartiles, which octave errors do not move)."""
    voiced = np.log2(track_hz[track_hz > 0])
    low, middle, high = np.percentile(voiced, [25, 50, 75])
    return float(2**middle), float((high - low) / 1.349)


def _nearest(embedding: Samples) -> dict[str, float]:
    names, table = _voices()
    similarity = table @ embedding
    best = np.argsort(-similarity)[:NEIGHBOURS]
    heat = np.exp(_SHARPNESS * (similarity[best] - similarity[best[0]]))
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

"""Acoustic features in a cloned voice: pitch moved into its range, formants by its tract, colour by its filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from antiphon.audio.waveform import Samples
from antiphon.engines.mimic import timbre
from antiphon.engines.mimic.split_model import RATE_HZ, VOICED_HZ, AcousticFeatures, SplitModel
from antiphon.engines.mimic.voice_parameters import VoiceParameters

HIGHEST_HZ, LOWEST_HZ = 500.0, 50.0


def render(
    model: SplitModel, parameters: VoiceParameters, features: AcousticFeatures, mix: Mapping[str, float] | None = None
) -> Samples:
    """Samples `[600 T]` at 24 kHz. `mix` takes the place of their own timbre."""
    samples = uncoloured(model, features, parameters.timbre_mix if mix is None else mix, parameters.tract)
    return timbre.filtered(samples, np.asarray(parameters.colour_db), RATE_HZ)


def uncoloured(model: SplitModel, features: AcousticFeatures, mix: Mapping[str, float], tract: float) -> Samples:
    """The features in a timbre whose formants are `tract` times as high; pitch and duration stay.

    Playing a recording faster raises formants and pitch and shortens it. The decoder is asked for lower and slower
    speech, which is then played faster, so that only the formants have moved: no vocoder, no artefacts.
    """
    if tract == 1.0:
        return model.decode(features, mix)
    import soxr

    slower = model.decode(_slowed(features, tract), mix)
    faster = soxr.resample(slower, RATE_HZ * tract, RATE_HZ, quality="HQ")
    return _fitted(np.asarray(faster, np.float32), model.samples_of(features))


def moved(features: AcousticFeatures, median_hz: float, spread: float) -> AcousticFeatures:
    """The melody with its median at `median_hz` and its intervals scaled; unvoiced frames stay."""
    voiced = features.pitch_hz > VOICED_HZ
    if not voiced.any():
        return features
    octaves = np.log2(features.pitch_hz[voiced])
    out = features.pitch_hz.copy()
    out[voiced] = np.clip(median_hz * 2 ** (spread * (octaves - np.median(octaves))), LOWEST_HZ, HIGHEST_HZ)
    return replace(features, pitch_hz=out)


def _slowed(features: AcousticFeatures, factor: float) -> AcousticFeatures:
    """`factor` times as long, and as much lower."""
    count = max(1, round(features.content.shape[1] * factor))
    columns = np.minimum(((np.arange(count) + 0.5) / factor).astype(int), features.content.shape[1] - 1)
    half_frames = (np.arange(2 * count) + 0.5) / factor
    nearest = np.minimum(half_frames.astype(int), features.pitch_hz.shape[0] - 1)
    return AcousticFeatures(
        features.content[:, columns],
        np.where(features.pitch_hz[nearest] > VOICED_HZ, features.pitch_hz[nearest] / factor, 0.0).astype(np.float32),
        np.interp(half_frames - 0.5, np.arange(features.energy.shape[0]), features.energy).astype(np.float32),
        features.row,
    )


def _fitted(samples: Samples, count: int) -> Samples:
    return np.pad(samples[:count], (0, max(0, count - samples.shape[0])))

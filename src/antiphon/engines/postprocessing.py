"""The last touch every engine gives its audio: finite, unclipped, silence of a known length, no clicks at the edges."""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import UnavailableError

PEAK = 0.98
"""Loudest sample we let out; leaves room for the rounding of 16-bit PCM and of resamplers."""

SILENCE = 1e-3
"""-60 dBFS: quieter than this is silence, even under soft consonants."""

MARGIN_S = 0.04
"""Kept before the first and after the last audible sample, so that soft onsets and decays survive trimming."""

FADE_S = 0.004


def postprocess(samples: Samples, rate_hz: int, *, pause_s: float) -> Waveform | None:
    """Mono `samples [T]` as a chunk, with its own silence cut to `MARGIN_S` and a pause of `pause_s` before it.

    None when there is nothing but silence. Raises `UnavailableError` when the engine produced NaN or infinity: a bad
    answer must not travel as if it were audio.
    """
    if not np.isfinite(samples).all():
        raise UnavailableError("The engine produced values that are not numbers", "Try again, or use another voice.")
    samples = trimmed(samples, rate_hz)
    if samples.size == 0:
        return None
    peak = float(np.abs(samples).max())
    if peak > PEAK:
        samples = samples * np.float32(PEAK / peak)
    pause = np.zeros(round(max(0.0, pause_s - 2 * MARGIN_S) * rate_hz), np.float32)
    return Waveform(np.concatenate([pause, faded(samples, rate_hz)])[None, :], rate_hz)


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """A view of `samples [T]` without the silence before its first and after its last sound, but for `MARGIN_S`."""
    audible = np.flatnonzero(np.abs(samples) > SILENCE)
    if audible.size == 0:
        return samples[:0]
    margin = round(MARGIN_S * rate_hz)
    return samples[max(int(audible[0]) - margin, 0) : int(audible[-1]) + 1 + margin]


def faded(samples: Samples, rate_hz: int) -> Samples:
    """A copy of `samples [T]` that starts and ends at zero (raised cosine of `FADE_S`)."""
    out = samples.astype(np.float32, copy=True)
    count = min(round(FADE_S * rate_hz), max(1, out.size // 2))
    if count:
        ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count)).astype(np.float32)
        out[:count] *= ramp
        out[-count:] *= ramp[::-1]
    return out

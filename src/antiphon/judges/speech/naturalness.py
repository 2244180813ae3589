"""Naturalness: two independent predictors of the mean opinion score (1-5) people would give.

DistillMOS (Stahl & Gamper 2025, arXiv:2502.05356) tells synthesisers apart; DNSMOS P.835 (Reddy et al. 2022,
arXiv:2110.01763) hears noise and distortion. Of long audio both hear windows spread evenly over it, whose common
offset is drawn from the clip's content: all validators hear the same places, and no place is always left out.
"""

from __future__ import annotations

import hashlib

import numpy as np

from antiphon import models
from antiphon.analysis.features import HOP, compressed_spectrum, framed
from antiphon.audio.waveform import Samples
from antiphon.economy.measurement import Measurement
from antiphon.judges.metric import unmeasured
from antiphon.judges.metrics import DISTILLMOS, DNSMOS, DNSMOS_BAK, DNSMOS_SIG, NOISE
from antiphon.judges.speech.evidence import Evidence, missing_audio, signal_of

MIN_SAMPLES = 1_600
"""0.1 s. Less is heard with silence after it: a crumb of sound is bad work, not work that nobody could judge."""
DISTILLMOS_WINDOWS, DNSMOS_WINDOWS = 2, 1
"""At most 15 s of a clip are heard by DistillMOS; of more than 9 s DNSMOS hears 4.5: who cannot know which cannot spare
the others."""

DISTILLMOS_WINDOW = 122_880  # samples, 7.68 s
DNSMOS_WINDOW = 144_160  # samples, 9.01 s
DNSMOS_SAMPLE = 72_000  # samples, 4.5 s
_COLUMNS = 384
_MARGIN = 16  # frames of silence after the speech, more than the network's receptive field
_SEAM = 48  # frames of the beginning heard again, as in the original, which repeats short clips

# Raw scores to MOS (DNS-Challenge, DNSMOS/dnsmos_local.py)
_OVRL = (-0.06766283, 1.11546468, 0.04602535)
_SIG = (-0.08397278, 1.22083953, 0.0052439)
_BAK = (-0.13166888, 1.60915514, -0.39604546)


def windows(signal: Samples, length: int, most: int, places: bytes = b"") -> list[Samples]:
    """As many windows of `length` samples as fit best, at most `most`; a signal shorter than one is its own.

    Where they lie follows from `places` and the signal: the same for all who judge it.
    """
    total = signal.shape[0]
    if total <= length:
        return [signal]
    count = min(most, round(total / length))
    room = total - count * length
    if room <= 0:
        return [signal[start : start + length] for start in np.linspace(0, total - length, count).astype(int)]
    samples = np.rint(signal * 32768).astype("<i2").tobytes()
    digest = hashlib.blake2b(samples, digest_size=8, key=places).digest()
    offset = int.from_bytes(digest, "little") % (room // count + 1)
    stride = length + room // count
    return [signal[offset + n * stride : offset + n * stride + length] for n in range(count)]


def _heard(evidence: Evidence, length: int, most: int) -> list[Samples]:
    signal = signal_of(evidence)
    return windows(np.pad(signal, (0, max(0, MIN_SAMPLES - signal.shape[0]))), length, most, evidence.places)


class DistillMosMeter:
    """`distillmos`, MOS."""

    name = "naturalness"

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads

    def load(self) -> None:
        models.session("distillmos", threads=self._threads)

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        if reason := missing_audio(evidence):
            return (DISTILLMOS.unmeasured(reason),)
        scores = [self._score(window) for window in _heard(evidence, DISTILLMOS_WINDOW, DISTILLMOS_WINDOWS)]
        return (DISTILLMOS.measured(float(np.mean(scores))),)

    def _score(self, window: Samples) -> float:
        frames = min(DISTILLMOS_WINDOW // HOP, (window.shape[0] // HOP + _MARGIN + 3) // 2 * 2)
        padded = np.zeros(frames * HOP, dtype=np.float32)
        padded[: window.shape[0]] = window[: padded.shape[0]]
        # The last columns see the graph's own zero padding instead of silence; silence's stored ones replace them.
        keep = _COLUMNS if frames * HOP == DISTILLMOS_WINDOW else frames // 2 - 4
        inputs = {"spectrum": compressed_spectrum(padded)[None], "keep": np.array([keep])}
        return float(models.session("distillmos", threads=self._threads).run(None, inputs)[0][0])


class DnsmosMeter:
    """`dnsmos` (overall), `dnsmos_sig` (speech), `dnsmos_bak` (background), MOS."""

    name = "naturalness"

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads

    def load(self) -> None:
        models.session("dnsmos", threads=self._threads)

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        if reason := missing_audio(evidence):
            return unmeasured(NOISE, reason)
        signal = signal_of(evidence)
        length = DNSMOS_WINDOW if signal.shape[0] <= DNSMOS_WINDOW else DNSMOS_SAMPLE
        raw = np.mean([self._score(window) for window in _heard(evidence, length, DNSMOS_WINDOWS)], axis=0)
        sig, bak, overall = (np.polyval(p, value) for p, value in zip((_SIG, _BAK, _OVRL), raw, strict=True))
        return (
            DNSMOS.measured(float(overall)),
            DNSMOS_SIG.measured(float(sig)),
            DNSMOS_BAK.measured(float(bak)),
        )

    def _score(self, window: Samples) -> Samples:
        frames = framed(window, 2 * HOP)
        if window.shape[0] < DNSMOS_WINDOW:
            frames = framed(np.concatenate([window, window[: _SEAM * HOP]]), 2 * HOP)
        session = models.session("dnsmos", threads=self._threads)
        scores: Samples = session.run(None, {"frames": np.ascontiguousarray(frames)[None]})[0][0]
        return scores

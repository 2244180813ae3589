"""Loudness normalisation (EBU R128): a whole file exactly, a stream of unknown length as it goes."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from antiphon.audio.kweighting import KWeighting
from antiphon.audio.limiting import Block, Limiter
from antiphon.audio.loudness import RELATIVE_GATE_LU, bounded, channel_weights, lufs, measure
from antiphon.audio.waveform import Samples, Waveform

SPEECH_LUFS = -16.0
TRUE_PEAK_DBTP = -1.0
"""Targets of the large podcast services; EBU R128 s2 recommends the same range for streaming."""

MUSIC_LUFS = -19.0
"""Within what Sony's ASWG-R001 asks of games (-18 +-2 on portable devices, -24 +-2 at home), and low enough that the
limiter leaves the sound chip's pieces alone: their dynamics stay, and `inspect` reads the registers back."""

SPEECH_EXPECTED_LUFS = -24.0
"""What speech of the built-in voices measures, -27 to -20. A stream begins with the gain that suits it."""

MAX_GAIN_DB = 20.0
FLOOR_LUFS = -50.0
"""Audio below this is noise or silence, and nothing in it is raised."""

WHOLE_TOLERANCE_LU = 0.05
MAX_MAKEUP_DB = 3.0
"""Most that is added in return for what the limiter takes: beyond, peaks and not loudness are the problem."""

HOP_S = 0.05
BLOCK_HOPS = 8  # 400 ms, as the standard's gating blocks
SETTLE_BLOCKS = 40
"""Two seconds of sound, over which what was expected gives way to what is measured."""

SETTLE_DB_S = 12.0
SLOW_DB_S = 1.0
MEMORY_S = 60.0
"""Time constant of the measured loudness: another chapter's voice is followed within a minute."""

DEAD_BAND_LU = 0.3
"""Differences this small move nothing, so that audio which is right already stays as it is."""

_BIN_LU = 0.1
_BINS = 1_000
_MAX_ROUNDS = 5


class Normaliser:
    """Brings audio to `target_lufs` with no true peak above `true_peak_dbtp`. One gain for all channels.

    Raises `ValueError` for a target that is no loudness or a peak above full scale.
    """

    def __init__(
        self,
        target_lufs: float = SPEECH_LUFS,
        true_peak_dbtp: float = TRUE_PEAK_DBTP,
        *,
        max_gain_db: float = MAX_GAIN_DB,
    ) -> None:
        if not FLOOR_LUFS < target_lufs <= 0.0 or not -30.0 <= true_peak_dbtp <= 0.0 or not max_gain_db >= 0.0:
            raise ValueError(f"Cannot normalise to {target_lufs} LUFS, {true_peak_dbtp} dBTP, +{max_gain_db} dB")
        self.target_lufs, self.true_peak_dbtp, self.max_gain_db = target_lufs, true_peak_dbtp, max_gain_db

    def whole(self, waveform: Waveform) -> Waveform:
        """Measure, then one constant gain and the limiter; again if the limiter took loudness away.

        Within .1 LU of the target, unless the audio is quieter than `FLOOR_LUFS` (then nothing is raised), needs more
        than `max_gain_db`, or consists of peaks.
        """
        before = measure(waveform).integrated_lufs
        if before is None or before < FLOOR_LUFS:
            return self._limited(waveform, 0.0)
        gain_db = min(self.target_lufs - before, self.max_gain_db)
        if abs(gain_db) <= WHOLE_TOLERANCE_LU:
            gain_db = 0.0
        wanted = before + gain_db
        added_db = 0.0
        for _ in range(_MAX_ROUNDS):
            out = self._limited(waveform, gain_db + added_db)
            missing = wanted - (measure(out).integrated_lufs or wanted)
            if missing <= WHOLE_TOLERANCE_LU or added_db >= MAX_MAKEUP_DB:
                break
            # A little more than what is missing: the limiter takes its part of what is added.
            added_db = min(MAX_MAKEUP_DB, added_db + 1.3 * missing)
        return out

    def stream(self, rate_hz: int, channels: int = 1, *, expected_lufs: float | None = None) -> NormalisedStream:
        """A stream that begins with the gain for `expected_lufs`; without it, unchanged."""
        return NormalisedStream(self, rate_hz, channels, expected_lufs)

    def _limited(self, waveform: Waveform, gain_db: float) -> Waveform:
        rate_hz = waveform.rate_hz
        limiter = Limiter(rate_hz, waveform.samples.shape[0], self.true_peak_dbtp)
        factor = 10.0 ** (gain_db / 20.0)
        parts = [
            limiter.push(bounded(waveform.samples[:, start : start + rate_hz]) * np.float64(factor))
            for start in range(0, waveform.samples.shape[1], rate_hz)
        ]
        return _waveform([*parts, limiter.finish()], rate_hz)


class NormalisedStream:
    """`push` any number of waveforms, then `finish` once; together as long as what went in, and aligned with it.

    At most `HOP_S` and the limiter's 6 ms are held back. Works on a fixed grid of hops, so that chunking changes
    nothing. Memory does not grow.
    """

    def __init__(self, rule: Normaliser, rate_hz: int, channels: int, expected_lufs: float | None) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._hop = max(1, round(HOP_S * rate_hz))
        self._before = KWeighting(rate_hz, channels, HOP_S)
        self._after = KWeighting(rate_hz, channels, HOP_S)
        self._weights = channel_weights(channels)
        self._limiter = Limiter(rate_hz, channels, rule.true_peak_dbtp)
        self._follower = _Follower(rule, expected_lufs)
        self._rest = np.zeros((channels, 0), dtype=np.float32)

    @property
    def gain_db(self) -> float:
        """The present gain, before the limiter."""
        return self._follower.gain_db

    def push(self, waveform: Waveform) -> Waveform:
        if waveform.rate_hz != self._rate_hz or waveform.samples.shape[0] != self._channels:
            raise ValueError(
                f"This stream takes {self._channels} channels at {self._rate_hz} Hz, "
                f"got {waveform.samples.shape[0]} at {waveform.rate_hz} Hz"
            )
        waiting = np.concatenate([self._rest, bounded(waveform.samples)], axis=1)
        whole = waiting.shape[1] - waiting.shape[1] % self._hop
        self._rest = waiting[:, whole:].copy()
        parts = [self._take(waiting[:, start : start + self._hop]) for start in range(0, whole, self._hop)]
        return _waveform(parts or [np.zeros((self._channels, 0))], self._rate_hz)

    def finish(self) -> Waveform:
        """What still waited. The last hop, if it is not full, keeps the gain that it finds."""
        last = self._limiter.push(_amplified(self._rest, self.gain_db, self.gain_db))
        self._rest = self._rest[:, :0]
        return _waveform([last, self._limiter.finish()], self._rate_hz)

    def _take(self, hop: Samples) -> Block:
        power = float((self._weights @ self._before.push(hop)).sum()) / self._hop
        before = self.gain_db
        self._follower.hear(power)
        out = self._limiter.push(_amplified(hop, before, self.gain_db))
        self._follower.deliver(power, float((self._weights @ self._after.push(out)).sum()) / self._hop)
        return out


class _Follower:
    """Which gain a stream needs, from the power of its hops.

    Keeps a histogram of gating blocks that forgets over `MEMORY_S`: both gates of the standard in constant memory.
    """

    def __init__(self, rule: Normaliser, expected_lufs: float | None) -> None:
        self._target, self._max_gain_db = rule.target_lufs, rule.max_gain_db
        self._expected = rule.target_lufs if expected_lufs is None else expected_lufs
        self.gain_db = self._wanted(self._expected)
        self._recent: deque[float] = deque(maxlen=BLOCK_HOPS)
        self._counts, self._powers = np.zeros(_BINS), np.zeros(_BINS)
        self._blocks = 0
        self._asked, self._delivered = 0.0, 0.0  # power before and after the limiter

    def hear(self, power: float) -> None:
        """Add a hop's K-weighted power; move `gain_db` if the sound so far asks for it. Silence moves nothing."""
        self._recent.append(power)
        block = sum(self._recent) / len(self._recent)
        level = float(lufs(np.array(block)))
        if level <= FLOOR_LUFS:
            return
        self._blocks += 1
        keep = 1.0 - HOP_S / MEMORY_S
        self._counts *= keep
        self._powers *= keep
        place = min(_BINS - 1, int((level - FLOOR_LUFS) / _BIN_LU))
        self._counts[place] += 1.0
        self._powers[place] += block
        self._move()

    def deliver(self, power: float, delivered: float) -> None:
        """The limiter let `delivered` pass of a hop of `power`. Before the gain has settled, that says nothing."""
        if self._settled:
            keep = 1.0 - HOP_S / MEMORY_S
            self._asked = self._asked * keep + power * 10.0 ** (self.gain_db / 10.0)
            self._delivered = self._delivered * keep + delivered

    @property
    def _settled(self) -> bool:
        return self._blocks > SETTLE_BLOCKS

    def _move(self) -> None:
        trust = min(1.0, self._blocks / SETTLE_BLOCKS)
        wanted = self._wanted((1 - trust) * self._expected + trust * self._loudness())
        difference = wanted + self._taken_db() - self.gain_db
        excess = max(0.0, abs(difference) - DEAD_BAND_LU)
        most = HOP_S * (SLOW_DB_S if self._settled else SETTLE_DB_S)
        self.gain_db += float(np.copysign(min(most, excess), difference))

    def _taken_db(self) -> float:
        """What the limiter takes from the loudness, to be given back."""
        if not 0.0 < self._delivered < self._asked:
            return 0.0
        return min(MAX_MAKEUP_DB, 10.0 * math.log10(self._asked / self._delivered))

    def _loudness(self) -> float:
        mean = self._powers.sum() / self._counts.sum()
        gate = float(lufs(np.asarray(mean))) + RELATIVE_GATE_LU
        first = min(_BINS - 1, max(0, int((gate - FLOOR_LUFS) / _BIN_LU)))
        return float(lufs(np.asarray(self._powers[first:].sum() / self._counts[first:].sum())))

    def _wanted(self, loudness: float) -> float:
        return min(self._target - loudness, self._max_gain_db)


def _amplified(samples: Samples, from_db: float, to_db: float) -> Block:
    """float64; the gain moves in a straight line of decibels."""
    if from_db == to_db:
        return samples * np.float64(10.0 ** (to_db / 20.0))
    steps = np.arange(1, samples.shape[1] + 1) / max(1, samples.shape[1])
    return np.asarray(samples * 10.0 ** ((from_db + (to_db - from_db) * steps) / 20.0))


def _waveform(parts: list[Block], rate_hz: int) -> Waveform:
    return Waveform(np.concatenate(parts, axis=1).astype(np.float32), rate_hz)

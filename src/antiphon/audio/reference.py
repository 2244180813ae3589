"""A recording made ready for cloning: its best half minute, without silences, at one level; and what was done.

Whether it is one person's speech is for `antiphon.analysis.require_one_voice`; here only levels are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from antiphon.audio.reading import read_blocks
from antiphon.audio.resampling import resample
from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import InputError
from antiphon.services import MAX_REFERENCE_S, Clip

RATE_HZ = 24_000
MAX_HEARD_S = 60.0
"""Longer recordings are not read further: a minute holds all that a voice profile can use."""

MIN_SPEECH_S = 3.0
LEVEL_DBFS = -23.0
PEAK = 0.95

SILENT_DBFS = -55.0
"""A recording whose loud frames are quieter holds nothing but its own noise."""

MIN_SNR_DB, GOOD_SNR_DB = 8.0, 20.0
MAX_CLIPPED, GOOD_CLIPPED = 0.3, 0.002
"""Shares of the speech frames that touch the ceiling."""

FULL_BAND_HZ, PHONE_BAND_HZ = 7_000.0, 4_500.0
"""Speech has something up to the first; a recording without anything above the second went through a telephone."""

PHONE_BAND_COST = "mimic's copy loses 0.2 MOS of naturalness, soundstorm's 2, and a third of its words"
"""Measured: docs/cloning.md, `scripts/measure_narrow_references.py`."""

_FRAME = RATE_HZ // 100
_MARGIN = 8  # frames of quiet kept before and after speech
_LONGEST_PAUSE = 25  # frames of quiet kept within speech
_DEPTH_DB = 30.0  # speech reaches this far below its loud frames
_FADE = RATE_HZ // 200
_CEILING = 0.985  # of the highest sample
_FLAT, _FLAT_STEP = 3, 0.003  # so many neighbours at the ceiling, so little apart, make a clipped place
_RUMBLE_HZ = 50.0
_BAND_HZ, _BAND_DB = 500.0, 60.0  # a band counts when it is at most so far below the strongest

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a recording, and what of it is used. Nothing is heard above `band_hz`.

    `verdict` is `good` or `usable`; `remarks` say why.
    """

    seconds_in: float
    seconds_used: float
    seconds_silence: float
    pieces: int
    level_dbfs: float
    snr_db: float
    clipped_percent: float
    band_hz: float
    verdict: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Mono `waveform` at 24 kHz, 3 to 30 s of speech, and its report."""

    waveform: Waveform
    report: Report

    @property
    def clip(self) -> Clip:
        """As it travels."""
        return Clip(pcm=self.waveform.to_pcm16(), rate_hz=self.waveform.rate_hz)


def prepare(source: Path | str | BinaryIO) -> Reference:
    """The best speech of a recording in any format that `antiphon.audio.read` knows.

    Raises `InputError` when it cannot be read, is silent, holds less than `MIN_SPEECH_S` of speech, is clipped or noisy
    beyond use.
    """
    samples, clipped, longer, rate_hz = _read(source)
    seconds_in = samples.shape[0] / RATE_HZ
    levels = _levels_db(samples)
    loud = float(np.percentile(levels, 95)) if levels.size else -120.0
    if loud < SILENT_DBFS:
        raise InputError("The reference is silent", "Check the microphone, and record it again.")
    floor = float(np.percentile(levels, 5))
    active = levels > max(loud - _DEPTH_DB, floor + min(6.0, (loud - floor) / 3))
    spans = _spans(active)
    speech_s = sum(stop - start for start, stop in _spans(active, margin=0, pause=2)) * _FRAME / RATE_HZ
    snr_db = _snr_db(levels, active)
    share = float(clipped[active].mean()) if active.any() else 0.0
    _require_usable(snr_db, speech_s, share)
    chosen = _best(spans, levels, clipped)
    waveform = _joined(samples, chosen)
    band_hz = min(_band_hz(waveform.samples[0]), rate_hz / 2)
    remarks = (
        *_remarks(seconds_in, waveform.duration_s, snr_db, share, longer=longer, dropped=len(spans) - len(chosen)),
        *_band_remarks(band_hz),
    )
    report = Report(
        seconds_in=round(seconds_in, 2),
        seconds_used=round(waveform.duration_s, 2),
        seconds_silence=round(seconds_in - sum(stop - start for start, stop in spans) * _FRAME / RATE_HZ, 2),
        pieces=len(chosen),
        level_dbfs=round(float(10 * np.log10(np.mean(10 ** (levels[active] / 10)))), 1),
        snr_db=round(snr_db, 1),
        clipped_percent=round(100 * share, 2),
        band_hz=band_hz,
        verdict="usable"
        if snr_db < GOOD_SNR_DB or share > GOOD_CLIPPED or waveform.duration_s < 6 or band_hz <= PHONE_BAND_HZ
        else "good",
        remarks=remarks,
    )
    return Reference(waveform, report)


def _require_usable(snr_db: float, speech_s: float, clipped_share: float) -> None:
    """Raise `InputError` for what no voice can be taken from."""
    if snr_db < MIN_SNR_DB:
        raise InputError(
            f"The reference is too noisy: its voice is only {max(snr_db, 0):.0f} dB above the rest",
            f"Record it in a quiet place, nearer the microphone ({MIN_SNR_DB:g} dB at least).",
        )
    if speech_s < MIN_SPEECH_S:
        raise InputError(
            f"The reference holds only {speech_s:.1f} s of speech", f"Give at least {MIN_SPEECH_S:g} s, better 10."
        )
    if clipped_share > MAX_CLIPPED:
        raise InputError(
            f"The reference is overdriven: {100 * clipped_share:.0f}% of the speech is clipped",
            "Record it again, less loudly.",
        )


def _read(source: Path | str | BinaryIO) -> tuple[Samples, Mask, bool, int]:
    """Mono at 24 kHz without rumble, at most `MAX_HEARD_S`; which 10 ms frames are clipped; whether there was more;
    the recording's own rate."""
    blocks: list[Samples] = []
    heard_s, rate_hz, longer = 0.0, RATE_HZ, False
    for block in read_blocks(source):
        if heard_s >= MAX_HEARD_S:
            longer = True
            break
        blocks.append(_mono(block.samples))
        heard_s += block.duration_s
        rate_hz = block.rate_hz
    raw = np.concatenate(blocks)
    mono = resample(Waveform(raw[None], rate_hz), RATE_HZ).samples[0]
    spectrum = np.fft.rfft(mono)
    spectrum[: int(_RUMBLE_HZ * mono.shape[0] / RATE_HZ) + 1] = 0
    clean = np.asarray(np.fft.irfft(spectrum, mono.shape[0]), np.float32)
    frames = clean.shape[0] // _FRAME
    return clean, _clipped(raw, rate_hz, frames), longer, rate_hz


def _mono(samples: Samples) -> Samples:
    """The mean of the channels, or the loudest where they cancel each other."""
    mean: Samples = samples.mean(axis=0, dtype=np.float32)
    powers = np.mean(np.square(samples), axis=1)
    if float(np.mean(np.square(mean))) < 0.1 * float(powers.max()):
        loudest: Samples = samples[int(powers.argmax())]
        return loudest
    return mean


def _levels_db(samples: Samples) -> npt.NDArray[np.float64]:
    """RMS in dBFS of 10 ms frames, `[frames]`."""
    count = samples.shape[0] // _FRAME
    power = np.mean(np.square(samples[: count * _FRAME].reshape(count, _FRAME), dtype=np.float64), axis=1)
    return np.asarray(10 * np.log10(power + 1e-12))


def _spans(active: Mask, *, margin: int = _MARGIN, pause: int = _LONGEST_PAUSE) -> list[tuple[int, int]]:
    """Frames of speech as `[start, stop)`, widened by `margin`; pauses up to `pause` do not divide."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    spans: list[tuple[int, int]] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if spans and start - spans[-1][1] <= pause:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    long_enough = [(start, stop) for start, stop in spans if stop - start >= 5]  # shorter ones are clicks
    return [(max(0, start - margin), min(active.shape[0], stop + margin)) for start, stop in long_enough]


def _snr_db(levels: npt.NDArray[np.float64], active: Mask) -> float:
    """Level of the speech over that of the pauses; over the quietest frames where there are hardly any pauses."""
    rest = levels[~active]
    noise = float(np.median(rest)) if rest.shape[0] >= 20 else float(np.percentile(levels, 3))
    voice = 10 * np.log10(np.mean(10 ** (levels[active] / 10))) if active.any() else -120.0
    return float(min(voice - noise, 80.0))


def _band_hz(samples: Samples) -> float:
    """Where the speech ends: the upper edge of the highest band that is at most `_BAND_DB` below the strongest."""
    size = 2 * RATE_HZ // int(_BAND_HZ) * 8
    pieces = samples[: samples.shape[0] // size * size].reshape(-1, size) * np.hanning(size).astype(np.float32)
    power = np.mean(np.abs(np.fft.rfft(pieces, axis=1)) ** 2, axis=0)[:-1].reshape(-1, 16).mean(axis=1)
    heard = np.flatnonzero(power > power.max() * 10 ** (-_BAND_DB / 10))
    return float((heard[-1] + 1) * RATE_HZ / 2 / power.shape[0])


def _band_remarks(band_hz: float) -> tuple[str, ...]:
    if band_hz > FULL_BAND_HZ:
        return ()
    what = f"nothing is heard above {band_hz / 1000:.1f} kHz"
    if band_hz > PHONE_BAND_HZ:
        return (f"{what}: s and f will be a little duller than in the voice",)
    return (f"{what}, as on a telephone: {PHONE_BAND_COST}",)


def _clipped(samples: Samples, rate_hz: int, frames: int) -> Mask:
    """Which of `frames` 10 ms frames hold a flat top at the highest level."""
    top = float(np.abs(samples).max())
    high = np.abs(samples) >= _CEILING * top
    level = np.abs(np.diff(samples, append=0.0)) <= _FLAT_STEP * top
    flat = np.flatnonzero(np.convolve(high & level, np.ones(_FLAT), mode="same") >= _FLAT)
    found = np.zeros(frames, np.bool_)
    found[np.minimum(flat * 100 // rate_hz, frames - 1)] = frames > 0
    return found


def _best(spans: list[tuple[int, int]], levels: npt.NDArray[np.float64], clipped: Mask) -> list[tuple[int, int]]:
    """The spans to use, in their order: all, or those that are least clipped and loudest until there is enough."""
    room = int(MAX_REFERENCE_S * RATE_HZ / _FRAME)
    rated = sorted(spans, key=lambda span: (float(clipped[slice(*span)].mean()), -float(levels[slice(*span)].mean())))
    chosen = []
    for start, stop in rated:
        if room >= 50:  # half a second at least
            chosen.append((start, min(stop, start + room)))
            room -= chosen[-1][1] - start
    return sorted(chosen)


def _joined(samples: Samples, spans: list[tuple[int, int]]) -> Waveform:
    """The spans one after the other, each faded in and out, at `LEVEL_DBFS`."""
    ramp = np.linspace(0.0, 1.0, _FADE, dtype=np.float32)
    parts = []
    for start, stop in spans:
        part = samples[start * _FRAME : stop * _FRAME].copy()
        part[:_FADE] *= ramp
        part[-_FADE:] *= ramp[::-1]
        parts.append(part)
    whole = np.concatenate(parts)
    whole = whole * 10 ** ((LEVEL_DBFS - 10 * np.log10(np.mean(np.square(whole)) + 1e-12)) / 20)
    peak = float(np.abs(whole).max())
    return Waveform(np.asarray(whole * min(1.0, PEAK / peak), np.float32)[None], RATE_HZ)


def _remarks(
    seconds_in: float, used_s: float, snr_db: float, clipped: float, *, longer: bool, dropped: int
) -> tuple[str, ...]:
    remarks = []
    if longer:
        remarks.append(f"only the first {MAX_HEARD_S:g} s were heard")
    if dropped:
        remarks.append(f"the best {used_s:.0f} s of {seconds_in:.0f} s are used")
    if used_s < 6:
        remarks.append("more than 6 s of speech would give a better likeness")
    if snr_db < GOOD_SNR_DB:
        remarks.append(f"noise is {snr_db:.0f} dB below the voice; a quieter room would help")
    if clipped > GOOD_CLIPPED:
        remarks.append("some of it is clipped")
    return tuple(remarks)

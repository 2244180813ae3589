"""A clip as analysis finds it, in one pass over a file of any length: bounded memory, nothing guessed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from antiphon.analysis.features import mono_16k
from antiphon.analysis.key import MIN_S as KEY_MIN_S
from antiphon.analysis.key import keys_of
from antiphon.analysis.sound import Sound
from antiphon.analysis.tempo import MIN_PULSE, pulse_of
from antiphon.analysis.tempo import MIN_S as TEMPO_MIN_S
from antiphon.audio import Meter, Samples, Waveform, read_blocks
from antiphon.genki.data.sidecar import MAX_WORD_CHARS, Measured, clean
from antiphon.judges.fingerprints import fingerprint_signal
from antiphon.pictures.kind import MUSIC, kind_of
from antiphon.pictures.naming import key_name

LISTEN_S = 120.0
"""Tempo, key and kind are those of so much from the beginning; loudness, peak and clipping are those of the whole."""

_FULL_SCALE = 0.98


@dataclass(frozen=True, slots=True)
class Clip:
    """What was found in a file. `tags`: title, genre and licence, as far as the file itself names them."""

    duration_s: float
    rate_hz: int
    bpm: float | None
    key: str | None
    measured: Measured
    fingerprint: bytes
    tags: dict[str, str]


def measure(stream: BinaryIO, *, kind: str | None = None) -> Clip:
    """Measure an audio file, open and seekable. `kind` None decides between speech and music by ear.

    Raises `InputError` for what cannot be read as audio.
    """
    meter: Meter | None = None
    opening: list[Samples] = []
    frames = flat = rate_hz = channels = 0
    for block in read_blocks(stream):
        rate_hz, channels = block.rate_hz, block.channels
        meter = meter or Meter(rate_hz, channels)
        meter.push(block)
        flat += _flat_samples(block.samples)
        if frames < LISTEN_S * rate_hz:
            opening.append(block.samples.mean(axis=0, keepdims=True, dtype=np.float32))
        frames += block.samples.shape[1]
    assert meter is not None  # at least one block comes
    loudness = meter.finish()
    mono = Waveform(np.concatenate(opening, axis=1), rate_hz)
    voice = mono_16k(mono)
    kind = kind or kind_of(voice, 16_000)
    heard = loudness.integrated_lufs is not None
    bpm, key = _tune(mono) if kind == MUSIC and heard else (None, None)
    return Clip(
        duration_s=round(frames / rate_hz, 4),
        rate_hz=rate_hz,
        bpm=bpm,
        key=key,
        measured=Measured(
            kind=kind,
            channels=channels,
            loudness_lufs=round(loudness.integrated_lufs, 2) if loudness.integrated_lufs is not None else None,
            true_peak_dbtp=round(loudness.true_peak_dbtp, 2),
            clipped=round(flat / (frames * channels), 6),
        ),
        fingerprint=fingerprint_signal(voice),
        tags=_tags(stream),
    )


def _tune(mono: Waveform) -> tuple[float | None, str | None]:
    """Tempo and key, each None when the clip is too short for it or none is to be heard."""
    sound = Sound(mono)
    pulse = pulse_of(sound) if sound.seconds >= TEMPO_MIN_S else None
    keys = keys_of(sound) if sound.seconds >= KEY_MIN_S else None
    bpm = round(pulse.best_bpm, 1) if pulse is not None and pulse.clarity >= MIN_PULSE else None
    return bpm, None if keys is None else key_name(keys.best)


def _flat_samples(samples: Samples) -> int:
    """Samples in the middle of three equal ones at full scale, `[channels, samples]`: a wave that was cut off."""
    same = (samples[:, 1:] == samples[:, :-1]) & (np.abs(samples[:, 1:]) >= _FULL_SCALE)
    return int(np.count_nonzero(same[:, 1:] & same[:, :-1]))


def _tags(stream: BinaryIO) -> dict[str, str]:
    import soundfile

    try:
        stream.seek(0, os.SEEK_SET)
        with soundfile.SoundFile(stream) as file:
            found = {"title": file.title, "genre": file.genre, "licence": file.license}
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):
        return {}  # the containers that FFmpeg reads: their tags are left alone
    told = {name: clean(value or "", MAX_WORD_CHARS) for name, value in found.items()}
    return {name: value for name, value in told.items() if any(char.isalpha() for char in value)}

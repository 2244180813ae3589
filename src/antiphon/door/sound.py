"""What an order brings: sound, what validators heard in it, what it cost, and the proof."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from antiphon.audio import AudioWriter, Format, Normaliser, Samples, Tags, Waveform, format_named, format_of
from antiphon.audio.normalising import FLOOR_LUFS
from antiphon.errors import InputError
from antiphon.text.subtitles import TimedWord

Loudness = float | Literal["off"] | None
"""In LUFS. None: -16 for speech, -19 for music. "off": as it was made."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order. Amounts in nano (1 ANT = 1,000,000,000 nano).

    `figures`: medians over validators, by name, such as `WER` and `DistillMOS`; None = inconclusive. `score`: the mean
    of the parts' scores, 0-1; None where no part has one. `receipts`: files of the data folder that prove every
    signature, vote and sum, offline. `notes`: how words were understood, where that has to be told. `seed`: of a piece
    of music, to have the same one again.
    """

    figures: dict[str, float | None]
    score: float | None
    paid_nano: int
    tasks: tuple[str, ...]
    receipts: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """A whole piece of sound as it was made, and what became of its order."""

    audio: Waveform
    outcome: Outcome
    loudness_lufs: float | None = None  # what files of it are brought to by default
    words: tuple[TimedWord, ...] = ()  # when each is heard, where that was asked for

    @property
    def samples(self) -> Samples:
        """float32 [channels, samples] in [-1, 1]."""
        return self.audio.samples

    @property
    def rate_hz(self) -> int:
        return self.audio.rate_hz

    @property
    def duration_s(self) -> float:
        return self.audio.duration_s

    def save(self, path: str | Path, *, loudness: Loudness = None, title: str = "") -> Path:
        """Write it as wav, flac, mp3, opus, ogg, aac or pcm, by the suffix; returns the path. Raises `InputError` for
        an unknown one, `OutputError`.
        """
        with AudioWriter(path, format_of(str(path)), *self._shape, tags=Tags(title)) as writer:
            writer.write(self._levelled(loudness))
        return Path(path)

    def encode(self, format_name: str = "wav", *, loudness: Loudness = None) -> bytes:
        """The same as bytes. Raises `InputError` for an unknown format."""
        form: Format = format_named(format_name)
        stream = io.BytesIO()
        with AudioWriter(stream, form, *self._shape) as writer:
            writer.write(self._levelled(loudness))
        return stream.getvalue()

    @property
    def _shape(self) -> tuple[int, int]:
        return self.audio.rate_hz, self.audio.channels

    def _levelled(self, loudness: Loudness) -> Waveform:
        target = self.loudness_lufs if loudness is None else loudness
        return self.audio if target is None or target == "off" else normaliser(target).whole(self.audio)


def normaliser(loudness: float) -> Normaliser:
    """What brings sound to that many LUFS. Raises `InputError` for what is no loudness."""
    if isinstance(loudness, bool) or not isinstance(loudness, int | float) or not FLOOR_LUFS < loudness <= 0:
        raise InputError(f"The loudness is {loudness!r}", f'Give LUFS, {FLOOR_LUFS:g} to 0, or "off".')
    return Normaliser(loudness)


def joined(pieces: list[Waveform], rate_hz: int, channels: int) -> Waveform:
    """One waveform of all pieces, of the same rate and channels."""
    empty = np.zeros((channels, 0), dtype=np.float32)
    return Waveform(np.concatenate([empty, *(piece.samples for piece in pieces)], axis=1), rate_hz)

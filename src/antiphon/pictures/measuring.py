"""Everything a picture shows, measured in one pass over a file of any length with bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.analysis.features import RATE_HZ as VOICE_HZ
from antiphon.analysis.pitch import pitch
from antiphon.analysis.recogniser import Recogniser
from antiphon.analysis.sound import RATE_HZ as MUSIC_HZ
from antiphon.audio import Loudness, Meter, Resampler, Waveform, read_blocks
from antiphon.audio.waveform import Samples
from antiphon.errors import ModelError
from antiphon.pictures.kind import LOOK_S, MUSIC, SPEECH, kind_of
from antiphon.pictures.outline import Outline, Outliner
from antiphon.pictures.registers import Registers, registers_of
from antiphon.pictures.spectrogram import Spectrogram, Spectrograph
from antiphon.pictures.tune import Tune, tune_of
from antiphon.pictures.words import Word, words_of

WORDS_S = 120.0
"""Longest speech whose words are recognised unless all are asked for: more do not fit into a picture, and it takes a
tenth of the sound's length."""

TUNE_S = 600.0
REGISTERS_S = 60.0
PITCH_HOP_S = 0.01
_PITCH_PIECE_S = 20.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """One file, measured. Words and pitch are speech's, the tune is music's; `notes` tell what was left out and why.

    `pitch_hz` is 0 where unvoiced, one value every `PITCH_HOP_S`.
    """

    name: str
    rate_hz: int
    channels: int
    duration_s: float
    kind: str
    loudness: Loudness
    outline: Outline
    spectrogram: Spectrogram
    pitch_hz: Samples | None = None
    words: tuple[Word, ...] | None = None
    tune: Tune | None = None
    registers: Registers | None = None
    notes: tuple[str, ...] = ()


def inspect(
    path: Path,
    *,
    kind: str | None = None,
    language: str = "en",
    words_s: float = WORDS_S,
    tell: Callable[[str], None] = lambda _: None,
) -> Inspection:
    """Measure a file. `kind` None decides between speech and music by ear; words are recognised in files no longer
    than `words_s`. `tell` is given what takes long, before it does.

    Raises `InputError` for what cannot be read as audio.
    """
    blocks = read_blocks(path)
    first = next(blocks)
    look = _Look(first, _stated_s(path), words_s, kind, tell)
    look.push(first)
    for block in blocks:
        look.push(block)
    return look.finish(path.name, language)


class _Look:
    """All measurements of one stream."""

    def __init__(
        self, first: Waveform, expected_s: float, words_s: float, kind: str | None, tell: Callable[[str], None]
    ) -> None:
        self._rate_hz, self._channels = first.rate_hz, first.samples.shape[0]
        self._samples = 0
        self._words_s = words_s
        self._kind, self._tell = kind, tell
        self._meter = Meter(self._rate_hz, self._channels)
        self._outliner = Outliner(self._rate_hz)
        self._spectrograph = Spectrograph(self._rate_hz, self._channels, expected_s)
        self._voice = _Kept(self._rate_hz, VOICE_HZ, max(LOOK_S, words_s))
        self._music = _Kept(self._rate_hz, MUSIC_HZ, TUNE_S)
        self._opening: list[Samples] = []  # the first `REGISTERS_S` as they are
        self._pitch = _PitchTrack()

    def push(self, block: Waveform) -> None:
        if self._samples < REGISTERS_S * self._rate_hz:
            self._opening.append(block.samples)
        self._samples += block.samples.shape[1]
        self._meter.push(block)
        self._outliner.push(block)
        self._spectrograph.push(block)
        mono = Waveform(block.samples.mean(axis=0, keepdims=True, dtype=np.float32), block.rate_hz)
        self._music.push(mono)
        self._hear(self._voice.push(mono))

    def finish(self, name: str, language: str) -> Inspection:
        self._hear(self._voice.finish())
        self._music.finish()
        self._kind = self._kind or kind_of(self._voice.line(LOOK_S), VOICE_HZ)
        return Inspection(
            name=name,
            rate_hz=self._rate_hz,
            channels=self._channels,
            duration_s=self._samples / self._rate_hz,
            kind=self._kind,
            loudness=self._meter.finish(),
            outline=self._outliner.finish(),
            spectrogram=self._spectrograph.finish(),
            **(self._speech(language) if self._kind == SPEECH else self._tune()),
        )

    def _hear(self, voice: Samples) -> None:
        """Follow the pitch, until it turns out that this is music."""
        if self._kind is None and self._voice.seconds >= LOOK_S:
            self._kind = kind_of(self._voice.line(LOOK_S), VOICE_HZ)
        if self._kind != MUSIC:
            self._pitch.push(voice)

    def _speech(self, language: str) -> dict[str, Any]:
        track = self._pitch.finish()
        if self._words_s <= 0:
            return {"pitch_hz": track}
        if self._samples > self._words_s * self._rate_hz:
            note = f"No words: longer than {self._words_s:g} s. --words recognises all of them."
            return {"pitch_hz": track, "notes": (note,)}
        model = "whisper-tiny-en" if language.lower().split("-")[0] == "en" else "whisper-base"
        self._tell("Recognising the words.")
        try:
            words = words_of(self._voice.line(self._words_s), Recogniser(model), language)
        except ModelError as error:
            return {"pitch_hz": track, "notes": (f"No words: {error}",)}
        return {"pitch_hz": track, "words": words}

    def _tune(self) -> dict[str, Any]:
        notes = []
        if self._samples > TUNE_S * self._rate_hz:
            notes.append(f"Beats and chords are those of the first {TUNE_S:g} s.")
        if self._samples > REGISTERS_S * self._rate_hz:
            notes.append(f"No chip registers: longer than {REGISTERS_S:g} s.")
            registers = None
        else:
            self._tell("Looking for the sound chip's registers: it takes about as long as the piece.")
            registers = registers_of(Waveform(np.concatenate(self._opening, axis=1), self._rate_hz))
        self._tell("Looking for beats and chords.")
        return {"tune": tune_of(self._music.line(TUNE_S)), "registers": registers, "notes": tuple(notes)}


class _Kept:
    """Resamples a mono stream, and keeps its first `most_s`."""

    def __init__(self, from_hz: int, to_hz: int, most_s: float) -> None:
        self._resampler = Resampler(from_hz, to_hz)
        self._rate_hz, self._lack = to_hz, int(most_s * to_hz)
        self._parts: list[Samples] = []

    def push(self, mono: Waveform) -> Samples:
        return self._keep(self._resampler.push(mono).samples[0])

    def finish(self) -> Samples:
        return self._keep(self._resampler.finish().samples[0])

    @property
    def seconds(self) -> float:
        """How much was kept so far."""
        return float(sum(part.shape[0] for part in self._parts) / self._rate_hz)

    def line(self, seconds: float) -> Samples:
        """What was kept, at most so long."""
        kept = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.float32)
        return kept[: int(seconds * self._rate_hz)]

    def _keep(self, line: Samples) -> Samples:
        part = line[: self._lack]
        self._lack -= part.shape[0]
        if part.shape[0]:
            self._parts.append(part.copy())
        return line


class _PitchTrack:
    """Pitch of a stream, piece by piece."""

    def __init__(self) -> None:
        self._waiting: list[Samples] = []
        self._count = 0
        self._tracks: list[Samples] = []

    def push(self, line: Samples) -> None:
        self._waiting.append(line)
        self._count += line.shape[0]
        most = int(_PITCH_PIECE_S * VOICE_HZ)
        while self._count >= most:
            whole = np.concatenate(self._waiting)
            self._tracks.append(pitch(whole[:most], hop_s=PITCH_HOP_S))
            self._waiting, self._count = [whole[most:]], self._count - most

    def finish(self) -> Samples:
        if self._count:
            self._tracks.append(pitch(np.concatenate(self._waiting), hop_s=PITCH_HOP_S))
        return np.concatenate(self._tracks) if self._tracks else np.zeros(0, dtype=np.float32)


def _stated_s(path: Path) -> float:
    """What the header says of the length: only a guess at how finely to look."""
    import soundfile

    try:
        return float(soundfile.info(str(path)).duration)
    except (soundfile.SoundFileError, OSError, ValueError):
        return 10.0

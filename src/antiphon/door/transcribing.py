"""What was said in a recording, word by word with times, or in English: heard on this machine, by the recogniser that
judges use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from antiphon import models
from antiphon.analysis.features import RATE_HZ, mono_16k
from antiphon.analysis.recogniser import Recogniser, languages, split_at_pauses
from antiphon.analysis.translating import translations
from antiphon.audio import read
from antiphon.audio.waveform import Samples
from antiphon.errors import ModelError
from antiphon.pictures.words import Word, words_of
from antiphon.text.subtitles import Caption, TimedWord, captions, srt, webvtt

__all__ = ["Caption", "Heard", "TimedWord", "Transcriber", "Translated", "Word", "srt", "webvtt"]

MAX_S = 1_800.0
ENGLISH, OTHERS = "whisper-tiny-en", "whisper-base"


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said, in which language (ISO 639-1), and how long the recording is."""

    words: tuple[Word, ...]
    language: str
    duration_s: float

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def captions(self) -> tuple[Caption, ...]:
        """The words in pieces that a screen holds."""
        return captions(self.words)


@dataclass(frozen=True, slots=True)
class Translated:
    """What was said, in English, in pieces that a screen holds; and how long the recording is."""

    captions: tuple[Caption, ...]
    duration_s: float

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.captions)


class Transcriber:
    """Recordings to words, one at a time. Thread-safe; a model is loaded when it is first needed."""

    def __init__(self, *, threads: int = 1) -> None:
        self._lock = threading.Lock()
        self._recognisers = {name: Recogniser(name, threads=threads) for name in (ENGLISH, OTHERS)}

    def hear(
        self, sound: BinaryIO, language: str = "", *, going_on: Callable[[], bool] = lambda: True, max_s: float = MAX_S
    ) -> Heard:
        """The words of a recording of at most `max_s`.

        `language` is a BCP 47 tag; empty: as it is heard, where the model of many languages is installed, else English.
        It ends early where `going_on`, asked between two pieces, says no. Raises `InputError` for what is no such
        recording, `ModelError` where the model of its language is not installed.
        """
        signal = mono_16k(read(sound, max_s=max_s))
        with self._lock:
            wanted = language.lower().split("-")[0] or self._language_of(signal)
            recogniser = self._recognisers[ENGLISH if wanted == "en" else OTHERS]
            recogniser.load()
            words: list[Word] = []
            offset = 0
            for piece in split_at_pauses(signal):
                if not going_on():
                    break
                words += _later(words_of(piece, recogniser, wanted), offset / RATE_HZ)
                offset += piece.shape[0]
        return Heard(tuple(words), wanted, signal.shape[0] / RATE_HZ)

    def translate(
        self, sound: BinaryIO, language: str = "", *, going_on: Callable[[], bool] = lambda: True, max_s: float = MAX_S
    ) -> Translated:
        """What is said in a recording of at most `max_s`, in English. `language`, `going_on` and errors as for `hear`,
        but that the model of many languages has to be installed."""
        signal = mono_16k(read(sound, max_s=max_s))
        with self._lock:
            recogniser = self._recognisers[OTHERS]
            spoken = language.lower().split("-")[0] or recogniser.language_of(signal)
            found = translations(signal, recogniser, spoken, going_on=going_on)
            return Translated(tuple(Caption(*one) for one in found), signal.shape[0] / RATE_HZ)

    def close(self) -> None:
        """Let go of the models. What is being heard ends first."""
        with self._lock:
            for recogniser in self._recognisers.values():
                recogniser.unload()

    def languages(self) -> tuple[str, ...]:
        """Codes of the languages whose model is installed here, English first."""
        try:
            known = languages(models.read(OTHERS, "tokenizer.json"))
        except ModelError:
            known = frozenset()
        return ("en", *sorted(known - {"en"}))

    def _language_of(self, signal: Samples) -> str:
        try:
            return self._recognisers[OTHERS].language_of(signal)
        except ModelError:
            return "en"


def _later(words: Sequence[Word], seconds: float) -> list[Word]:
    return [Word(word.text, word.start_s + seconds, word.end_s + seconds, word.probability) for word in words]

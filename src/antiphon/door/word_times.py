"""When each word of an order is heard, found while its sound passes, on this machine: no node is asked."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from antiphon.analysis.features import mono_16k
from antiphon.analysis.forced_alignment import laid, shared_out, spans
from antiphon.audio import Samples, Waveform
from antiphon.client.events import Said, Sound, SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.door.connecting import Session
from antiphon.door.ordering import SoundOrder
from antiphon.engines.espeak import EspeakEngine
from antiphon.errors import AntiphonError, OutputError
from antiphon.text.subtitles import TimedWord, captions, srt, webvtt

_WORD = re.compile(r"\S+")


@dataclass(slots=True)
class WordTimes:
    """Grows with the sound; `words` come sentence by sentence, a moment after it."""

    words: list[TimedWord] = field(default_factory=list)
    _pieces: list[Waveform] = field(default_factory=list)  # since the last sentence
    _begin_s: float = 0.0
    _work: asyncio.Task[None] | None = None

    def sound(self, audio: Waveform) -> None:
        """The next sound."""
        self._pieces.append(audio)

    def said(self, event: Said) -> None:
        """That was a sentence, of all the sound since the last one."""
        pieces, begin_s, before = self._pieces, self._begin_s, self._work
        self._pieces = []
        self._begin_s += sum(piece.duration_s for piece in pieces)
        if pieces:
            self._work = asyncio.create_task(self._find(pieces, begin_s, event, before), name="word times")

    async def finish(self) -> None:
        """All words are known."""
        if self._work is not None:
            await self._work

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if self._work is not None:
            self._work.cancel()

    async def _find(
        self, pieces: list[Waveform], begin_s: float, event: Said, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await before
        samples = np.concatenate([piece.samples for piece in pieces], axis=1)
        sound = Waveform(samples, pieces[0].rate_hz)
        found = await asyncio.to_thread(timed, mono_16k(sound), event.text, event.language)
        self.words += [TimedWord(word, start_s + begin_s, end_s + begin_s) for word, start_s, end_s in found]


def following(order: SoundOrder, times: WordTimes) -> SoundOrder:
    """The same order, whose words are timed."""

    async def produce(session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
        try:
            async with aclosing(order.produce(session, policy)) as events:
                async for event in events:
                    if isinstance(event, Sound):
                        times.sound(event.audio)
                    elif isinstance(event, Said):
                        times.said(event)
                    yield event
            await times.finish()
        finally:
            times.cancel()

    return replace(order, produce=produce)


def timed(signal: Samples, text: str, language: str) -> list[TimedWord]:
    """The words of a sentence, as they stand between spaces, in mono 16 kHz speech of it.

    Where nothing knows the language, each has its share of the sound by its letters.
    """
    words = [(found.start(), found[0]) for found in _WORD.finditer(text) if any(map(str.isalnum, found[0]))]
    if not words or not signal.size:
        return []
    starts_s = _starts_s(signal, text, language, [place for place, _ in words])
    if starts_s is None:
        starts_s = shared_out([len(word) for _, word in words], signal)
    return [
        TimedWord(word, start_s, end_s)
        for (_, word), (start_s, end_s) in zip(words, spans(starts_s, signal), strict=True)
    ]


def write_beside(sound: Path, words: Sequence[TimedWord], kinds: Iterable[str]) -> None:
    """Files of the words of a sound: `srt`, `vtt` and `words` (JSON). Raises `OutputError`."""
    for kind in kinds:
        lines = {"srt": srt, "vtt": webvtt}[kind](captions(words)) if kind != "words" else [_json(words)]
        path = sound.with_suffix(".words.json" if kind == "words" else f".{kind}")
        try:
            with path.open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(lines)
        except OSError as error:
            raise OutputError(f"Cannot write {str(path)!r}: {error.strerror}", "Free some space there.") from error


def _json(words: Sequence[TimedWord]) -> str:
    rows = [{"word": word, "start": round(start_s, 3), "end": round(end_s, 3)} for word, start_s, end_s in words]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


@functools.cache
def _reference() -> EspeakEngine:
    return EspeakEngine()


def _starts_s(signal: Samples, text: str, language: str, places: list[int]) -> list[float] | None:
    try:
        told = _reference().spoken_words(text, language)
    except AntiphonError:
        return None
    if told is None or not told[1]:
        return None
    reference, known = told
    at, heard_s = zip(*known, strict=True)
    # A word that was told with its neighbour begins in its share of that one's time.
    asked_s = np.interp(places, [*at, len(text)], [*heard_s, reference.duration_s])
    return laid(mono_16k(reference), [float(one) for one in asked_s], signal)

"""Speech from text of any length: sentences become requests, audio comes back joined in one stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from antiphon.audio import Joiner, Resampler, Waveform
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.nodes.client import VERIFIED, Client, Job
from antiphon.nodes.events import Audio, Closed, Opened, Stage
from antiphon.services import Service, SpeechRequest
from antiphon.text import Sentence, split_stream

OUTPUT_RATE_HZ = 24_000
FIRST_CHARS = 160
"""The first piece is kept short, so that sound starts early."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Finished audio, in order, at `OUTPUT_RATE_HZ`."""

    audio: Waveform


SpeechEvent: TypeAlias = Opened | Stage | Closed | Sound


@dataclass(frozen=True, slots=True)
class Speech:
    """What to say, and how. `text` comes in blocks of any size; `engine` empty = whoever offers the voice."""

    text: Iterable[str]
    voice: str
    language: str
    engine: str = ""
    speed: float = 1.0
    options: dict[str, str | int | float | bool] = field(default_factory=dict)
    mode: str = VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None

    @property
    def selector(self) -> Selector:
        return Selector(service=str(Service.SPEECH), language=self.language, engine=self.engine, voice=self.voice)

    def request(self, text: str) -> SpeechRequest:
        return SpeechRequest(
            text=text, voice=self.voice, language=self.language, speed=self.speed, options=self.options
        )


async def speak(client: Client, speech: Speech) -> AsyncGenerator[SpeechEvent, None]:
    """Say it through the network. Closing the stream early cancels and refunds. Memory does not grow with the text."""
    pauses: dict[int, float] = {}
    job = Job(
        requests=_requests(speech, pauses),
        selector=speech.selector,
        mode=speech.mode,
        seed=speech.seed,
        max_total_nano=speech.max_total_nano,
    )
    joiner = Joiner(OUTPUT_RATE_HZ)
    resampler: Resampler | None = None
    rate_hz = 0
    async with aclosing(client.run(job)) as events:
        async for event in events:
            if not isinstance(event, Audio):
                yield event
                continue
            pieces: list[Waveform] = []
            if event.audio is not None:
                if resampler is not None and event.audio.rate_hz != rate_hz:  # another node took the sentence over
                    pieces.append(joiner.push(resampler.finish()))
                    resampler = None
                if resampler is None:
                    rate_hz = event.audio.rate_hz
                    resampler = Resampler(rate_hz, OUTPUT_RATE_HZ)
                pieces.append(joiner.push(resampler.push(event.audio)))
            else:
                if resampler is not None:
                    pieces.append(joiner.push(resampler.finish()))
                    resampler = None
                pieces.append(joiner.end_sentence(pauses.pop(event.number, 0.0)))
            for piece in pieces:
                if piece.samples.shape[1]:
                    yield Sound(piece)
    last = joiner.finish()
    if last.samples.shape[1]:
        yield Sound(last)


def _requests(speech: Speech, pauses: dict[int, float]) -> Iterator[SpeechRequest]:
    """One request a sentence. What cannot be spoken (a line of dashes) only lengthens the pause before it."""
    number = 0
    for sentence in _sentences(speech.text):
        if sentence.spoken:
            pauses[number] = sentence.pause_s
            yield speech.request(sentence.text)
            number += 1
        elif number:
            pauses[number - 1] = max(pauses.get(number - 1, 0.0), sentence.pause_s)
    if number == 0:
        raise InputError("The text has nothing that can be spoken", "Give at least one word.")


def _sentences(text: Iterable[str]) -> Iterator[Sentence]:
    return split_stream(text, first=FIRST_CHARS)

"""An OpenAI-compatible speech server as an engine: `openai:http://HOST:PORT/v1`.

What is declared of it was seen when it was opened, not promised by it: the format that it answers in, the rate, what a
second of sound costs, whether sound comes before all is made, and whether a seed, or nothing at all, holds. The pace is
ours: servers differ in which speeds they take, and some take none.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from antiphon.audio.resampling import Resampler
from antiphon.audio.stretching import Stretcher
from antiphon.audio.waveform import Waveform
from antiphon.engines.base import Capabilities, Engine, Voice
from antiphon.engines.checks import read_options, require_language, require_speech, require_voice, require_words
from antiphon.engines.openai.listing import UNLISTED, ListedVoice, model_of, voices_of
from antiphon.engines.openai.server import SpeechServer
from antiphon.engines.openai.sound import sound_of
from antiphon.engines.postprocessing import FADE_S, PEAK
from antiphon.errors import InputError, UnavailableError
from antiphon.protocol import Secret
from antiphon.services import Request, Service, SpeechRequest

FORMATS = ("wav", "pcm", "flac", "mp3")
"""Asked for in this order, until one is answered: what can be played as it comes, then what loses nothing."""

PROBE = "The evening tide is in. Boats rest by the wall."
PROBE_SEED = 7
EARLY = 0.7
"""Sound that begins before this share of the time is heard before all is made."""

BLOCK_S = 0.1
"""The same seed gives the same blocks, whatever the network made of them."""

MAX_VOICES = 256
MAX_NAME_CHARS = 64
MAX_KEY_BYTES = 4_096


def max_seconds(text: str) -> float:
    """Longest answer to a text: a second a character, and half a minute."""
    return 30.0 + len(text)


ANSWER_S = 120.0
"""What an answer may take beside a second a character: a server may load its model first."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server is asked: its model, the format, and whether it takes a seed."""

    model: str
    form: str
    seeds: bool

    def body(self, text: str, voice: str, seed: int, instructions: str = "") -> dict[str, object]:
        """The question. No speed: 1 is what everybody takes."""
        asked: dict[str, object] = {"model": self.model, "input": text, "voice": voice, "response_format": self.form}
        if self.seeds:
            asked["seed"] = seed
        if instructions:
            asked["instructions"] = instructions
        return asked


class OpenAIEngine:
    """A server's voices under names of the node's own. Each call is a connection of its own."""

    name: ClassVar[str]  # of the subclass that `open_server` makes

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`instructions`: how to speak, for models that follow such words."""

        instructions: str = ""

    def __init__(
        self,
        server: SpeechServer,
        manner: Manner,
        voices: dict[str, str],
        capabilities: Capabilities,
        *,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._server, self._manner, self._voices, self._answer_s = server, manner, voices, answer_s
        self.capabilities = capabilities

    def check(self, request: Request) -> None:
        self._read(request)

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        speech, options = self._read(request)
        body = self._manner.body(speech.text, self._voices[speech.voice], seed & 0x7FFFFFFF, options.instructions)
        rate_hz = self.capabilities.rate_hz
        stretcher = Stretcher(rate_hz, speech.speed)
        edges = _Edges(rate_hz)
        with self._server.speech(body, within_s=self._answer_s + len(speech.text)) as answer:
            sound = sound_of(answer, raw=self._manner.form == "pcm", max_s=max_seconds(speech.text))
            with closing(_at_rate(sound, rate_hz)) as blocks:
                for block in blocks:
                    yield from edges.push(stretcher.push(block))
        yield from edges.push(stretcher.finish())
        yield from edges.finish()

    def _read(self, request: Request) -> tuple[SpeechRequest, Options]:
        speech = require_speech(request, self.name)
        require_voice(speech.voice, tuple(self._voices))
        require_language(speech.language, self.capabilities.languages, self.name)
        require_words(speech.text)
        return speech, read_options(self.Options, speech.options, self.name)


class _Edges:
    """Blocks of `BLOCK_S`, however they came; the first begins and the last ends at zero, all are below full scale."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz, self._fade, self._block = rate_hz, round(FADE_S * rate_hz), round(BLOCK_S * rate_hz)
        ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(self._fade) / self._fade)).astype(np.float32)
        self._in, self._out = ramp, ramp[::-1]
        self._held = np.zeros(0, np.float32)
        self._begun = False

    def push(self, block: Waveform) -> Iterator[Waveform]:
        samples = np.concatenate([self._held, block.samples[0]])
        if not np.isfinite(samples).all():
            raise UnavailableError("The speech server sent values that are not numbers", "Ask another node.")
        if not self._begun and samples.size > 2 * self._fade:
            samples[: self._fade] *= self._in
            self._begun = True
        while samples.size >= self._block + self._fade:
            yield self._wave(samples[: self._block])
            samples = samples[self._block :]
        self._held = samples

    def finish(self) -> Iterator[Waveform]:
        if not self._begun:
            raise UnavailableError("The speech server's answer is empty", "Ask another node.")
        self._held[-self._fade :] *= self._out
        yield self._wave(self._held)

    def _wave(self, samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Waveform:
        return Waveform(np.clip(samples, -PEAK, PEAK)[None, :], self._rate_hz)


def _at_rate(blocks: Iterator[Waveform], rate_hz: int) -> Generator[Waveform, None, None]:
    resampler: Resampler | None = None
    for block in blocks:
        resampler = resampler or Resampler(block.rate_hz, rate_hz)
        yield resampler.push(block)
    if resampler is not None:
        yield resampler.finish()


class OpenAIFamily:
    """The servers' door: `openai:URL` opens one. See docs/engines.md, "Servers that people already run"."""

    name: ClassVar[str] = "openai"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`label`: the engine's name in the market; `voices`: which of the server's, with commas; `language`: of voices
        of which the server tells none; `key_file`: holds the API key; `answer_s`: as `ANSWER_S`."""

        model: str = ""
        label: str = ""
        voices: str = ""
        language: str = "en-us"
        format: str = ""
        key_file: str = ""
        licence: str = ""
        answer_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = ANSWER_S

    def open(self, where: str, options: Options) -> Engine:
        """Ask the server what it is. Raises `InputError` and `UnavailableError` with what to do."""
        server = SpeechServer(where, _key(options.key_file))
        listed_model, with_model = model_of(server)
        model = options.model or listed_model
        listed = _chosen(voices_of(server, model) or with_model, options.voices)
        name = options.label or _plain(f"openai-{model.rpartition('/')[2]}")[:32]
        voices = {_plain(f"{name}-{voice.name}")[:MAX_NAME_CHARS]: voice for voice in reversed(listed)}
        seen = _seen(server, model, listed[0].name, options.format)
        offered = tuple(
            Voice(name=own, language=voice.language or options.language.lower(), engine=name, gender=voice.gender)
            for own, voice in reversed(voices.items())
        )
        capabilities = Capabilities(
            service=Service.SPEECH,
            languages=tuple(dict.fromkeys(voice.language for voice in offered)),
            voices=offered,
            rate_hz=seen.rate_hz,
            rtf=seen.rtf,
            streams=seen.streams,
            seeded=seen.seeded,
            licence=options.licence,
        )
        kind = type("OpenAIEngine", (OpenAIEngine,), {"name": name})
        made: Engine = kind(
            server,
            seen.manner,
            {own: voice.name for own, voice in voices.items()},
            capabilities,
            answer_s=options.answer_s,
        )
        return made


def _key(file: str) -> Secret | None:
    if not file:
        return None
    try:
        with Path(file).open("rb") as opened:
            key = opened.read(MAX_KEY_BYTES).strip()
    except OSError as error:
        raise InputError(f"Cannot read the key file {file}: {error.strerror}", "Check key_file.") from None
    if not key or not key.isascii() or any(byte <= 32 for byte in key):
        raise InputError(f"{file} holds no key", "Put the key alone into it.")
    return Secret(key)


def _chosen(listed: tuple[ListedVoice, ...], wanted: str) -> tuple[ListedVoice, ...]:
    """The server's voices that are to be offered; those that were named but not listed are tried all the same."""
    known = {voice.name: voice for voice in listed}
    if names := [name.strip() for name in wanted.split(",") if name.strip()]:
        return tuple(known.get(name, ListedVoice(name)) for name in names)
    if len(listed) > MAX_VOICES:
        raise InputError(f"The server lists {len(listed)} voices", "Choose some: --engine-option voices=NAME,NAME.")
    return listed or tuple(map(ListedVoice, UNLISTED))


def _plain(name: str) -> str:
    """A name that can be written in a mix, a path and an offer."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")


@dataclass(frozen=True, slots=True)
class _Seen:
    manner: Manner
    rate_hz: int
    rtf: float
    streams: bool
    seeded: bool


def _seen(server: SpeechServer, model: str, voice: str, wanted: str) -> _Seen:
    """What two answers to one question show. The second is timed: the first may have loaded the model."""
    if wanted and wanted not in FORMATS:
        raise InputError(f"There is no format {wanted!r} to ask a server for", f"Formats: {', '.join(FORMATS)}.")
    manner, first = _manner(server, model, voice, (wanted,) if wanted else FORMATS)
    began_s = time.monotonic()
    early_s, again = _said(server, manner, voice)
    took_s = max(time.monotonic() - began_s, 1e-6)
    return _Seen(
        manner=manner,
        rate_hz=again.rate_hz,
        rtf=max(took_s / again.duration_s, 1e-4),
        streams=manner.form in {"wav", "pcm"} and (early_s - began_s) / took_s < EARLY,
        seeded=again.rate_hz == first.rate_hz and np.array_equal(first.samples, again.samples),
    )


def _manner(server: SpeechServer, model: str, voice: str, forms: tuple[str, ...]) -> tuple[Manner, Waveform]:
    """The first manner in which the server answers with sound. Raises what it said at last."""
    failed: InputError | UnavailableError | None = None
    for form in forms:
        for seeds in (True, False):
            manner = Manner(model, form, seeds)
            try:
                return manner, _said(server, manner, voice)[1]
            except InputError as error:  # of this format, or of a seed, it may know nothing
                failed = error
    assert failed is not None
    raise failed


def _said(server: SpeechServer, manner: Manner, voice: str) -> tuple[float, Waveform]:
    """When sound began (`time.monotonic`), and all of it. Raises `UnavailableError` for silence."""
    blocks, began_s = [], 0.0
    with server.speech(manner.body(PROBE, voice, PROBE_SEED), within_s=ANSWER_S + len(PROBE)) as answer:
        for block in sound_of(answer, raw=manner.form == "pcm", max_s=max_seconds(PROBE)):
            began_s = began_s or time.monotonic()
            blocks.append(block)
    whole = np.concatenate([block.samples for block in blocks], axis=1) if blocks else np.zeros((1, 0), np.float32)
    if not whole.size or not np.isfinite(whole).all() or float(np.abs(whole).max()) < 0.003:
        raise UnavailableError(f"The speech server at {server.where} makes no sound with {voice}", "Try it by hand.")
    return began_s, Waveform(whole, blocks[0].rate_hz)

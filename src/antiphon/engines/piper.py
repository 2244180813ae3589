"""Piper's voices as engines: `piper:FILE.onnx`, with its `FILE.onnx.json` beside it.

The format is that of rhasspy/piper (VITS, exported to ONNX): phonemes by espeak-ng, one id and one pad for each code
point; scales of noise, length and noise of durations. Voices have licences of their own; none ships here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from antiphon import models
from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines.base import Capabilities, Engine, Voice
from antiphon.engines.checks import read_options, require_language, require_speech, require_voice, require_words
from antiphon.engines.espeak_pool import Pool
from antiphon.engines.lazy import Lazy
from antiphon.engines.postprocessing import postprocess
from antiphon.errors import InputError, ModelError
from antiphon.models.loader import open_session
from antiphon.services import Request, Service, SpeechRequest

MAX_CONFIG_BYTES = 1 << 20
MAX_SPEAKERS = 256
PAUSE_S = 0.25
RTF = 0.1
"""Of a voice of medium size on one core; `antiphon engines check` measures yours."""

_PAD, _BEGIN, _END = "_", "^", "$"
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_CLAUSE = re.compile(r"([,;:.!?…]+)")


class _Audio(msgspec.Struct, frozen=True):
    sample_rate: int


class _Espeak(msgspec.Struct, frozen=True):
    voice: str


class _Language(msgspec.Struct, frozen=True):
    code: str = ""


class _Inference(msgspec.Struct, frozen=True):
    noise_scale: float = 0.667
    length_scale: float = 1.0
    noise_w: float = 0.8


class PiperConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of a voice's JSON; it has more."""

    audio: _Audio
    espeak: _Espeak
    phoneme_id_map: dict[str, list[int]]
    language: _Language = _Language()
    inference: _Inference = _Inference()
    num_speakers: int = 1
    speaker_id_map: dict[str, int] = {}

    @property
    def tag(self) -> str:
        """BCP 47, lower case."""
        return (self.language.code or self.espeak.voice).replace("_", "-").lower()


class PiperEngine:
    """One file: a voice, or several speakers. Sentence by sentence."""

    name: ClassVar[str]

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Piper's voices have no options."""

    def __init__(
        self, file: Path, config: PiperConfig, speakers: dict[str, int], capabilities: Capabilities, *, noise: bool
    ) -> None:
        self.capabilities = capabilities
        self._config, self._speakers, self._noise = config, speakers, noise
        self._session = Lazy(lambda: open_session(file, str(file), threads=1))
        self._espeak = Lazy(lambda: Pool(1))

    def check(self, request: Request) -> None:
        self._read(request)

    def warm_up(self) -> None:
        """Load the voice."""
        self._session()
        self._espeak().warm_up()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002  its noise is the graph's own
        speech = self._read(request)
        begun = False
        for sentence in _SENTENCE.split(speech.text):
            ids = self._ids(sentence)
            if not ids:
                continue
            samples = self._spoken(ids, self._speakers[speech.voice], speech.speed)
            chunk = postprocess(samples, self.capabilities.rate_hz, pause_s=PAUSE_S if begun else 0.0)
            if chunk is not None:
                begun = True
                yield chunk

    def _read(self, request: Request) -> SpeechRequest:
        speech = require_speech(request, self.name)
        require_voice(speech.voice, tuple(self._speakers))
        require_language(speech.language, self.capabilities.languages, self.name)
        require_words(speech.text)
        read_options(self.Options, speech.options, self.name)
        return speech

    def _ids(self, sentence: str) -> list[int]:
        """Ids of a sentence as the model was trained with; empty where there is nothing to say."""
        phonemes = ""
        for piece in _CLAUSE.split(sentence):
            if any(char.isalnum() for char in piece):
                asked = {"voice": self._config.espeak.voice, "text": piece, "ipa": True}
                told = b"".join(said for _, said in self._espeak().ask(asked))
                phonemes += " ".join(told.decode().split("\n")).strip()
            elif phonemes:
                phonemes += piece.strip()[:1] + " "
        return ids_of(phonemes.strip(), self._config.phoneme_id_map)

    def _spoken(self, ids: list[int], speaker: int, speed: float) -> Samples:
        scales = self._config.inference
        noise, noise_w = (scales.noise_scale, scales.noise_w) if self._noise else (0.0, 0.0)
        feeds: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([noise, scales.length_scale / speed, noise_w], np.float32),
        }
        if self._config.num_speakers > 1:
            feeds["sid"] = np.array([speaker], np.int64)
        found = models.run_session(self._session(), feeds, name=self.name, hint="Is it a voice of Piper's?")
        return np.asarray(found[0], np.float32).reshape(-1)


def ids_of(phonemes: str, table: Mapping[str, list[int]]) -> list[int]:
    """`^`, each known code point (decomposed) with a pad after it, `$`; empty where none is known."""
    known = [char for char in unicodedata.normalize("NFD", phonemes) if char in table]
    if not any(char.isalpha() for char in known):
        return []
    ids = list(table.get(_BEGIN, []))
    for char in known:
        ids += [*table[char], *table.get(_PAD, [])]
    return [*ids, *table.get(_END, [])]


class PiperFamily:
    """The door: `piper:FILE.onnx`."""

    name: ClassVar[str] = "piper"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`label`: the engine's name, by default `piper-FILE`. `noise` false: no randomness, so that seeds hold; the
        voice is a little flatter."""

        label: str = ""
        noise: bool = True
        licence: str = ""

    def open(self, argument: str, options: Options) -> Engine:
        """Raises `InputError` for what is no voice. The graph is loaded with the first sentence."""
        file = Path(argument).expanduser()
        config = _config(file)
        name = options.label or "piper-" + re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem)[:40]
        names = config.speaker_id_map if config.num_speakers > 1 else {"": 0}
        if not 0 < len(names) <= MAX_SPEAKERS:
            raise InputError(f"{file} has {len(names)} speakers", f"It may have 1 to {MAX_SPEAKERS}.")
        speakers = {
            re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{one}" if one else name)[:64]: number
            for one, number in names.items()
        }
        capabilities = Capabilities(
            service=Service.SPEECH,
            languages=(config.tag,),
            voices=tuple(Voice(name=one, language=config.tag, engine=name) for one in speakers),
            rate_hz=config.audio.sample_rate,
            rtf=RTF,
            streams=True,
            seeded=not options.noise,
            licence=options.licence,
        )
        kind = type("PiperEngine", (PiperEngine,), {"name": name})
        made: Engine = kind(file, config, speakers, capabilities, noise=options.noise)
        return made


def _config(file: Path) -> PiperConfig:
    beside = file.with_name(f"{file.name}.json")
    if not file.is_file():
        raise InputError(f"There is no voice {file}", "Name the .onnx file; its .onnx.json lies beside it.")
    try:
        with beside.open("rb") as opened:
            config = msgspec.json.decode(opened.read(MAX_CONFIG_BYTES), type=PiperConfig)
    except OSError as error:
        raise InputError(f"Cannot read {beside}: {error.strerror}", "Download it with the voice.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{beside} is no voice of Piper's: {error}", "Download it again.") from error
    if not 8_000 <= config.audio.sample_rate <= 48_000:
        raise ModelError(f"{beside} has a rate of {config.audio.sample_rate} Hz", "Download it again.")
    return config

"""Voices of Meta's Massively Multilingual Speech (VITS, more than a thousand languages): `mms:FOLDER`.

The folder is that of a checkpoint such as facebook/mms-tts-deu. Read by Transformers' own classes, which the extra
`transformers` brings. The checkpoints' licence is CC-BY-NC 4.0: not for those who are paid.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import pretrained
from antiphon.engines.base import Capabilities, Engine, Voice
from antiphon.engines.checks import read_options, require_language, require_speech, require_voice, require_words
from antiphon.engines.lazy import Lazy
from antiphon.engines.postprocessing import postprocess
from antiphon.errors import InputError
from antiphon.services import Request, Service, SpeechRequest
from antiphon.text import normalise, split

EXAMPLE = "facebook/mms-tts-eng"
MAX_SPEAKERS = 256
RTF = 0.2
"""Of the 36 million weights that all its voices have, on one core: a guess by Piper's of the same make;
`antiphon engines check` measures yours."""


class MmsEngine:
    """One language, sentence by sentence. Letters that the checkpoint does not know are refused, never skipped."""

    name: ClassVar[str]

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """These voices have no options."""

    def __init__(
        self, folder: Path, letters: frozenset[str], romanised: bool, capabilities: Capabilities, device: str
    ) -> None:
        self.capabilities = capabilities
        self._letters = letters
        self._roman = Lazy(_romaniser) if romanised else None
        self._speakers = {voice.name: number for number, voice in enumerate(capabilities.voices)}
        self._model = Lazy(lambda: (pretrained.model_of("VitsModel", folder, device), pretrained.tokenizer_of(folder)))

    def check(self, request: Request) -> None:
        self._read(request)

    def warm_up(self) -> None:
        """Load the voice."""
        self._model()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        speech, text = self._read(request)
        begun, pause_s = False, 0.0
        for number, sentence in enumerate(split(text)):
            spoken = self._letters_of(sentence.text) if sentence.spoken else ""
            samples = self._spoken(spoken, speech, seed + number)
            chunk = None if samples is None else postprocess(samples, self.capabilities.rate_hz, pause_s=pause_s)
            if chunk is not None:
                begun = True
                yield chunk
            pause_s = sentence.pause_s if begun else 0.0

    def _spoken(self, text: str, speech: SpeechRequest, seed: int) -> Samples | None:
        model, tokenizer = self._model()
        asked = tokenizer(text, return_tensors="pt")
        if asked["input_ids"].shape[1] == 0:
            return None
        with pretrained.drawing(seed):
            said = model(
                **asked.to(model.device),
                speaker_id=self._speakers[speech.voice],
                speaking_rate=model.config.speaking_rate * speech.speed,
            )
        samples: Samples = said.waveform[0].float().cpu().numpy()
        return samples

    def _read(self, request: Request) -> tuple[SpeechRequest, str]:
        """The request, and its text in words. Raises `InputError` for letters that the checkpoint does not know."""
        speech = require_speech(request, self.name)
        require_voice(speech.voice, tuple(self._speakers))
        require_language(speech.language, self.capabilities.languages, self.name)
        read_options(self.Options, speech.options, self.name)
        require_words(speech.text)
        text = normalise(speech.text, self.capabilities.voices[0].language)
        letters = self._letters_of(text)
        foreign = "".join(dict.fromkeys(char for char in letters if char.isalnum() and char not in self._letters))
        if foreign:
            raise InputError(f"The engine {self.name} cannot read {foreign[:12]!r}", "Choose a voice that can.")
        return speech, text

    def _letters_of(self, text: str) -> str:
        plain = text.lower()
        return plain if self._roman is None else str(self._roman()(plain))


class MmsFamily:
    """The door: `mms:FOLDER`."""

    name: ClassVar[str] = "mms"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`label`: the engine's name, by default `mms-LANGUAGE`. `language`: BCP 47, where the folder tells none."""

        label: str = ""
        language: str = ""
        device: str = "cpu"
        licence: str = "CC-BY-NC-4.0"

    def open(self, argument: str, options: Options) -> Engine:
        """Raises `InputError` for what is no voice, `ModelError` without the extra. Weights are loaded when used."""
        pretrained.require_extra("transformers", "transformers", "torch")
        folder = pretrained.folder_of(argument, EXAMPLE)
        config, reading = pretrained.json_of(folder, "config.json"), pretrained.json_of(folder, "tokenizer_config.json")
        pretrained.require_kind(folder, config, "vits")
        if reading.get("phonemize", True):
            raise InputError(f"{folder} reads phonemes, and not letters as MMS does", "Name a checkpoint of MMS.")
        if reading.get("is_uroman"):
            pretrained.require_extra("transformers", "uroman")
        told = options.language or _tag(reading.get("language"))
        if not told:
            raise InputError(f"{folder} does not tell its language", "Say it: --engine-option language=de.")
        capabilities = _capabilities(config, told.lower(), options)
        name = capabilities.voices[0].engine
        letters = frozenset(pretrained.json_of(folder, "vocab.json"))
        kind = type("MmsEngine", (MmsEngine,), {"name": name})
        made: Engine = kind(folder, letters, bool(reading.get("is_uroman")), capabilities, options.device)
        return made


def _capabilities(config: Mapping[str, Any], language: str, options: MmsFamily.Options) -> Capabilities:
    name = options.label or f"mms-{pretrained.plain_name(language)}"
    speakers, rate_hz = config.get("num_speakers", 1), config.get("sampling_rate", 16_000)
    if not isinstance(speakers, int) or not 0 < speakers <= MAX_SPEAKERS:
        raise InputError(f"The checkpoint has {speakers} speakers", f"It may have 1 to {MAX_SPEAKERS}.")
    if not isinstance(rate_hz, int) or not 8_000 <= rate_hz <= 48_000:
        raise InputError(f"The checkpoint has a rate of {rate_hz} Hz", "Name another folder.")
    names = [f"{name}-{number}" for number in range(speakers)] if speakers > 1 else [name]
    return Capabilities(
        service=Service.SPEECH,
        languages=("en", "en-us") if language == "en" else (language,),
        voices=tuple(Voice(name=one, language=language, engine=name) for one in names),
        rate_hz=rate_hz,
        rtf=RTF,
        streams=True,
        seeded=options.device == "cpu",
        licence=options.licence,
    )


def _tag(told: object) -> str:
    """BCP 47 of the three letters of ISO 639-3 that checkpoints tell."""
    from babel.core import get_global

    return str(get_global("language_aliases").get(told, told)) if isinstance(told, str) else ""


def _romaniser() -> Any:
    return importlib.import_module("uroman").Uroman().romanize_string

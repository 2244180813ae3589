"""Voices of Kyutai's Pocket TTS (100 million weights and fewer, made for CPUs): `pocket:FOLDER`.

The folder is one language of the hub's repository: model.safetensors, the tokenizer, embeddings/VOICE.safetensors. The
package, which the extra `pocket` brings, knows the make of each by the folder's name; config.yaml in it says another.
A voice is a state that somebody computed before: no recording is read, and so nobody is cloned here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from antiphon.audio.stretching import Stretcher
from antiphon.audio.waveform import Waveform
from antiphon.engines import pretrained
from antiphon.engines.base import Capabilities, Engine, Voice
from antiphon.engines.checks import (
    read_options,
    require_language,
    require_latin,
    require_speech,
    require_voice,
    require_words,
)
from antiphon.engines.lazy import Lazy
from antiphon.engines.postprocessing import postprocess
from antiphon.errors import InputError, ModelError
from antiphon.services import Request, Service, SpeechRequest
from antiphon.text import normalise, split

WEIGHTS = "model.safetensors"
VOICES = "embeddings"
MAX_VOICES = 256
RTF = 0.3
"""Of 100 million weights on one core, by what Kyutai tells; `antiphon engines check` measures yours."""

LANGUAGES = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "portuguese": "pt",
    "italian": "it",
    "spanish": "es",
    "dutch": "nl",
}
"""BCP 47 of what the folders' names begin with."""


class PocketEngine:
    """One language, sentence by sentence. Frames are decoded one by one, so that a seed gives the same samples."""

    name: ClassVar[str]

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """These voices have no options."""

    def __init__(self, folder: Path, config: Path, voices: dict[str, Path], capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self._model = Lazy(lambda: _loaded(folder, config))
        self._states = {name: Lazy(partial(self._state, file)) for name, file in voices.items()}

    def check(self, request: Request) -> None:
        self._read(request)

    def warm_up(self) -> None:
        """Load the model, and its first voice."""
        next(iter(self._states.values()))()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        speech, text = self._read(request)
        state, model = self._states[speech.voice](), self._model()
        begun, pause_s = False, 0.0
        for number, sentence in enumerate(split(text)):
            if not sentence.spoken:
                continue
            with pretrained.drawing(seed + number):
                said = model.generate_audio(state, sentence.text)
            chunk = self._paced(said.float().numpy(), speech.speed, pause_s)
            if chunk is not None:
                begun = True
                yield chunk
            pause_s = sentence.pause_s / speech.speed if begun else 0.0

    def _paced(self, samples: np.ndarray[Any, np.dtype[np.float32]], speed: float, pause_s: float) -> Waveform | None:
        rate_hz = self.capabilities.rate_hz
        stretcher = Stretcher(rate_hz, speed)
        parts = stretcher.push(Waveform(samples[None], rate_hz)), stretcher.finish()
        return postprocess(np.concatenate([part.samples[0] for part in parts]), rate_hz, pause_s=pause_s)

    def _read(self, request: Request) -> tuple[SpeechRequest, str]:
        speech = require_speech(request, self.name)
        require_voice(speech.voice, tuple(self._states))
        require_language(speech.language, self.capabilities.languages, self.name)
        read_options(self.Options, speech.options, self.name)
        require_words(speech.text)
        require_latin(speech.text, self.name, "Latin script")
        return speech, normalise(speech.text, self.capabilities.voices[0].language)

    def _state(self, file: Path) -> Any:
        model = self._model()
        try:
            return model.get_state_for_audio_prompt(file)
        except (OSError, RuntimeError, ValueError, KeyError, pretrained.safetensors_error()) as error:
            raise ModelError(f"{file} is no voice: {pretrained.line_of(error)}", "Fetch it again.") from error


class PocketFamily:
    """The door: `pocket:FOLDER`."""

    name: ClassVar[str] = "pocket"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`label`: the engine's name, by default `pocket-LANGUAGE`. `language`: BCP 47, where the folder's name tells
        none."""

        label: str = ""
        language: str = ""
        licence: str = "CC-BY-4.0"

    def open(self, argument: str, options: Options) -> Engine:
        """Raises `InputError` for what is no voice, `ModelError` without the extra. Weights are loaded when used."""
        pretrained.require_extra("pocket", "pocket_tts", "torch")
        folder = Path(argument).expanduser().absolute()
        found = sorted((folder / VOICES).glob("*.safetensors"))
        if not (folder / WEIGHTS).is_file() or not 0 < len(found) <= MAX_VOICES:
            raise InputError(f"{folder} has not both {WEIGHTS} and 1 to {MAX_VOICES} voices in {VOICES}", _FETCH)
        config = _config_of(folder)
        told = (name for prefix, name in LANGUAGES.items() if folder.name.startswith(prefix))
        language = options.language.lower() or next(told, "")
        if not language:
            raise InputError(f"{folder.name} tells no language", "Say it: --engine-option language=en.")
        name = options.label or f"pocket-{pretrained.plain_name(language)}"
        voices = {pretrained.plain_name(f"{name}-{file.stem}")[:64]: file for file in found}
        capabilities = Capabilities(
            service=Service.SPEECH,
            languages=("en", "en-us") if language == "en" else (language,),
            voices=tuple(Voice(name=one, language=language, engine=name) for one in voices),
            rate_hz=_rate_hz(config),
            rtf=RTF,
            streams=True,
            seeded=True,
            licence=options.licence,
        )
        kind = type("PocketEngine", (PocketEngine,), {"name": name})
        made: Engine = kind(folder, config, voices, capabilities)
        return made


_FETCH = (
    "Fetch one, pocket/languages/english: "
    "hf download kyutai/pocket-tts-without-voice-cloning --include 'languages/english/*' --local-dir pocket"
)


def _config_of(folder: Path) -> Path:
    own = folder / "config.yaml"
    spec = importlib.util.find_spec("pocket_tts")
    assert spec is not None
    assert spec.origin is not None
    packaged = Path(spec.origin).parent / "config" / f"{folder.name}.yaml"
    for file in (own, packaged):
        if file.is_file():
            return file
    raise InputError(f"Pocket TTS knows no make called {folder.name}", f"Name the folder as the hub does. {_FETCH}")


def _rate_hz(config: Path) -> int:
    rate_hz = _described(config)["mimi"]["sample_rate"]
    if not 8_000 <= rate_hz <= 48_000:
        raise InputError(f"{config} has a rate of {rate_hz} Hz", "Name another folder.")
    return int(rate_hz)


def _described(config: Path) -> dict[str, Any]:
    """A make, as Pocket TTS's own class reads it. Raises `ModelError`."""
    library, yaml = importlib.import_module("pocket_tts.utils.config"), importlib.import_module("yaml")
    try:
        found: dict[str, Any] = library.Config(**yaml.safe_load(config.read_text("utf-8"))).model_dump(mode="json")
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise ModelError(f"{config} describes no voice: {pretrained.line_of(error)}", "Fetch it again.") from error
    return found


def _loaded(folder: Path, config: Path) -> Any:
    """The model, from the folder's own files and from nowhere else. Raises `ModelError`."""
    make = _described(config)
    table = make["flow_lm"]["lookup_table"]
    tokenizer = folder / Path(table["tokenizer_path"].partition("@")[0]).name
    if not tokenizer.is_file():
        raise ModelError(f"{folder} has no {tokenizer.name}", _FETCH)
    table["tokenizer_path"], make["weights_path"] = str(tokenizer), str(folder / WEIGHTS)
    make["weights_path_without_voice_cloning"] = None
    make["flow_lm"]["weights_path"] = make["mimi"]["weights_path"] = None
    library = importlib.import_module("pocket_tts")
    with tempfile.TemporaryDirectory() as place:
        here = Path(place) / "config.yaml"
        here.write_text(json.dumps(make), "utf-8")  # JSON is YAML
        try:
            model = library.TTSModel.load_model(config=here).eval()
        except (OSError, RuntimeError, ValueError, AssertionError, KeyError, pretrained.safetensors_error()) as error:
            raise ModelError(f"{folder} cannot be loaded: {pretrained.line_of(error)}", "Fetch it again.") from error
    model.max_decoder_frames_per_call = 1
    return model

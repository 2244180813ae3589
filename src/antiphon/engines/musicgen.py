"""MusicGen (Copet et al. 2023, "Simple and Controllable Music Generation"): `musicgen:FOLDER`.

The folder is that of a checkpoint such as facebook/musicgen-small. Read by Transformers' own classes, which the extra
`transformers` brings. The checkpoints' licence is CC-BY-NC 4.0: not for those who are paid.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import pretrained
from antiphon.engines.base import Capabilities, Engine
from antiphon.engines.checks import read_options
from antiphon.engines.lazy import Lazy
from antiphon.engines.pieces import music_request
from antiphon.engines.postprocessing import PEAK, faded
from antiphon.errors import InputError, UnavailableError
from antiphon.services import MAX_WINDOW_S, MusicRequest, Request, Service

EXAMPLE = "facebook/musicgen-small"
KEPT_PIECES = 4
"""Pieces kept, for other windows of the same: 30 s in stereo take 8 MB."""
RTF = 5.0
"""Of the small model on one core, by its arithmetic and not measured: 420 million weights, twice for the guidance,
50 times a second."""


class MusicgenEngine:
    """Pieces of up to `MAX_WINDOW_S` seconds, as long as the model was trained on. Each is whole before it sounds."""

    name: ClassVar[str]

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`guidance`: how closely the prompt is followed."""

        guidance: Annotated[float, msgspec.Meta(ge=1, le=10)] = 3.0

    def __init__(self, folder: Path, capabilities: Capabilities, device: str) -> None:
        self.capabilities = capabilities
        self._model = Lazy(
            lambda: (
                pretrained.model_of("MusicgenForConditionalGeneration", folder, device),
                pretrained.tokenizer_of(folder),
            )
        )
        self._pieces: OrderedDict[bytes, Samples] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, request: Request) -> None:
        self._read(request)

    def warm_up(self) -> None:
        """Load the model."""
        self._model()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002 - the piece has its own
        """The window, in one chunk."""
        asked, options = self._read(request)
        rate_hz = self.capabilities.rate_hz
        piece = self._piece(asked, options)
        yield Waveform(piece[:, round(asked.start_s * rate_hz) : round(asked.stop_s * rate_hz)], rate_hz)

    def _read(self, request: Request) -> tuple[MusicRequest, Options]:
        asked = music_request(request, self.name)
        options = read_options(self.Options, asked.options, self.name)
        if asked.seconds > MAX_WINDOW_S:
            raise InputError(f"The engine {self.name} makes no piece above {MAX_WINDOW_S:g} s", "Ask for less.")
        if asked.loop:
            raise InputError(f"The engine {self.name} makes no loops", "Ask chiptune.")
        return asked, options

    def _piece(self, asked: MusicRequest, options: Options) -> Samples:
        """float32 `[channels, samples]` of the whole piece."""
        key = msgspec.msgpack.encode((asked.prompt, asked.seconds, asked.seed, options))
        with self._lock:
            if key not in self._pieces:
                self._pieces[key] = self._composed(asked, options)
            self._pieces.move_to_end(key)
            while len(self._pieces) > KEPT_PIECES:
                self._pieces.popitem(last=False)
            return self._pieces[key]

    def _composed(self, asked: MusicRequest, options: Options) -> Samples:
        model, tokenizer = self._model()
        codec, books = model.config.audio_encoder, model.config.decoder.num_codebooks
        frames = math.ceil(asked.seconds * codec.frame_rate) + books  # each codebook begins a frame later than the last
        prompt = tokenizer(asked.prompt, return_tensors="pt").to(model.device)
        with pretrained.drawing(asked.seed):
            made = model.generate(
                **prompt, do_sample=True, guidance_scale=options.guidance, max_new_tokens=frames, max_length=None
            )
        samples: Samples = made[0].float().cpu().numpy()
        wanted = round(asked.seconds * self.capabilities.rate_hz)
        if samples.shape[1] < wanted or not np.isfinite(samples).all():
            raise UnavailableError("MusicGen made too little, or what is no sound", "Ask another node.")
        return np.stack([faded(channel, self.capabilities.rate_hz) for channel in _calmed(samples[:, :wanted])])


def _calmed(samples: Samples) -> Samples:
    peak = float(np.abs(samples).max())
    return samples * np.float32(PEAK / peak) if peak > PEAK else samples


class MusicgenFamily:
    """The door: `musicgen:FOLDER`."""

    name: ClassVar[str] = "musicgen"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`label`: the engine's name, by default `musicgen`."""

        label: str = "musicgen"
        device: str = "cpu"
        licence: str = "CC-BY-NC-4.0"

    def open(self, argument: str, options: Options) -> Engine:
        """Raises `InputError` for what is no such model, `ModelError` without the extra. It is loaded when used."""
        pretrained.require_extra("transformers", "transformers", "torch")
        folder = pretrained.folder_of(argument, EXAMPLE)
        config = pretrained.json_of(folder, "config.json")
        pretrained.require_kind(folder, config, "musicgen")
        rate_hz = _number(config, "audio_encoder", "sampling_rate", 24_000, range(8_000, 48_001))
        capabilities = Capabilities(
            service=Service.MUSIC,
            languages=("en",),
            voices=(),
            rate_hz=rate_hz,
            channels=_number(config, "decoder", "audio_channels", 1, range(1, 3)),
            rtf=RTF,
            streams=False,
            seeded=options.device == "cpu",
            licence=options.licence,
        )
        kind = type("MusicgenEngine", (MusicgenEngine,), {"name": options.label})
        made: Engine = kind(folder, capabilities, options.device)
        return made


def _number(config: dict[str, Any], part: str, name: str, default: int, allowed: range) -> int:
    """What the class itself takes where a config is silent."""
    section = config.get(part)
    found = section.get(name, default) if isinstance(section, dict) else default
    if not isinstance(found, int) or found not in allowed:
        raise InputError(f"The model's {part}.{name} is {found!r}", "Name another folder.")
    return found

"""Codecs of other projects behind our contract, for users who have their weights. Nothing here downloads.

The folder holds `encoder_model.onnx` (`input_values [1, 1, samples]` -> `audio_codes [..., levels, frames]`),
`decoder_model.onnx` (`audio_codes` -> `audio_values [..., samples]`) and `codec.json`. `antiphon soundstorm
import-codec` makes it of what EnCodec, AcademiCodec, DAC and HiFi-Codec publish (`antiphon.codecs.checkpoints`). The
weights themselves were never at hand where this was written: names and shapes follow the public code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from antiphon import models
from antiphon.audio import resample
from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid, Tokens, check_grid
from antiphon.errors import InputError, ModelError

ENCODER, DECODER, TOLD = "encoder_model.onnx", "decoder_model.onnx", "codec.json"
MAX_TOLD_BYTES = 1 << 16

MAX_S = 600.0
"""These graphs see a clip whole; longer ones need memory in proportion."""


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """What is published of a model. `codes_ndim` is the rank of its `audio_codes`."""

    name: str
    rate_hz: int
    hop: int
    levels: int
    codes: int
    codes_ndim: int
    hub: str = ""  # where the weights are published
    depth: tuple[int, ...] = ()  # as of `Layout`: the place of each level in its group


ENCODEC_24K = ForeignModel("encodec-24k", 24_000, 320, 8, 1_024, 4, "facebook/encodec_24khz")
"""Défossez et al. 2022, arXiv:2210.13438: 75 Hz, 6 kb/s in 8 levels; MIT code, weights CC-BY-NC 4.0."""

DAC_16K = ForeignModel("dac-16k", 16_000, 320, 12, 1_024, 3, "descript/dac_16khz")
"""Kumar et al. 2023, arXiv:2306.06546: 50 Hz, 6 kb/s in 12 levels; MIT."""

FOREIGN = {model.name: model for model in (ENCODEC_24K, DAC_16K)}


class ForeignCodec:
    """`Codec` over a user's exported graphs. Its decoders see both ways, so a stream gives everything at its end."""

    channels = 1

    def __init__(self, model: ForeignModel, folder: Path, *, threads: int = 1) -> None:
        """Raises `ModelError`, with the command that makes them, when the graphs are not in `folder`."""
        self._model = model
        self.name = model.name
        self.vocabulary = (model.codes,) * model.levels
        self.rate_hz = model.rate_hz
        self.frame_rate_hz = model.rate_hz / model.hop
        self.depth = model.depth
        self._encoder = _session(folder / ENCODER, model, threads)
        self._decoder = _session(folder / DECODER, model, threads)

    def encode(self, wave: Waveform) -> TokenGrid:
        """Tokens of the first `levels` codebooks. Raises `InputError` if empty, not finite or longer than `MAX_S`."""
        if not wave.samples.size or not np.isfinite(wave.samples).all():
            raise InputError("The audio is empty or holds values that are not numbers")
        if wave.duration_s > MAX_S:
            raise InputError(f"The audio has {wave.duration_s:.0f} s, more than {MAX_S:.0f}", "Cut it into pieces.")
        mono = Waveform(wave.samples.mean(axis=0, keepdims=True), wave.rate_hz)
        signal = resample(mono, self.rate_hz).samples
        signal = np.pad(signal, ((0, 0), (0, -signal.shape[1] % self._model.hop)))
        codes = np.asarray(self._encoder.run(["audio_codes"], {"input_values": signal[None]})[0])
        tokens = codes.reshape(-1, codes.shape[-1])
        if tokens.shape[0] < len(self.vocabulary):
            levels = len(self.vocabulary)
            raise ModelError(f"This {self.name} gives {tokens.shape[0]} levels, not {levels}", _how(self._model))
        return TokenGrid(tokens[: len(self.vocabulary)].astype(np.uint16), self.name, self.frame_rate_hz)

    def decode(self, grid: TokenGrid) -> Waveform:
        """Raises `InputError` for tokens of another codec or out of range."""
        check_grid(self, grid)
        if not grid.frames:
            return Waveform(np.zeros((1, 0), np.float32), self.rate_hz)
        shape = (1,) * (self._model.codes_ndim - 2) + grid.tokens.shape
        inputs: dict[str, Any] = {"audio_codes": grid.tokens.astype(np.int64).reshape(shape)}
        if "audio_scales" in {entry.name for entry in self._decoder.get_inputs()}:
            inputs["audio_scales"] = np.ones((1, 1), np.float32)
        audio = np.asarray(self._decoder.run(["audio_values"], inputs)[0], np.float32).reshape(1, -1)
        length = grid.frames * self._model.hop
        audio = np.pad(audio[:, :length], ((0, 0), (0, max(0, length - audio.shape[1]))))  # DAC's ends a little early
        return Waveform(np.clip(audio, -1.0, 1.0), self.rate_hz)

    def decoder(self) -> WholeDecoder:
        return WholeDecoder(self)


class WholeDecoder:
    """Keeps tokens until the end."""

    def __init__(self, codec: ForeignCodec) -> None:
        self._codec = codec
        self._tokens: list[Tokens] = [np.zeros((len(codec.vocabulary), 0), np.uint16)]

    def push(self, tokens: Tokens) -> Waveform:
        self._tokens.append(tokens)
        return Waveform(np.zeros((1, 0), np.float32), self._codec.rate_hz)

    def finish(self) -> Waveform:
        whole = np.concatenate(self._tokens, axis=1)
        return self._codec.decode(TokenGrid(whole, self._codec.name, self._codec.frame_rate_hz))


def _session(path: Path, model: ForeignModel, threads: int) -> Any:
    if not path.is_file():
        raise ModelError(f"{path} is missing: the weights of {model.name} do not ship with us", _how(model))
    return models.open_session(path, str(path), threads=threads)


def write_model(model: ForeignModel, folder: Path) -> None:
    """`codec.json`, which tells what the graphs beside it are of. Raises `OSError`."""
    (folder / TOLD).write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=2) + b"\n")


def told(folder: Path) -> ForeignModel | None:
    """What the folder says it holds; None where it says nothing. Raises `ModelError` when it cannot be understood."""
    path = folder / TOLD
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_TOLD_BYTES:
            raise ModelError(f"{path} is larger than {MAX_TOLD_BYTES} bytes", "Import the codec again.")
        model = msgspec.json.decode(path.read_bytes(), type=ForeignModel)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path} cannot be understood: {error}", "Import the codec again.") from error
    if min(model.rate_hz, model.hop, model.levels, model.codes) < 1:
        raise ModelError(f"{path} tells of a codec without rate, hop, levels or codes", "Import the codec again.")
    return model


def _how(model: ForeignModel) -> str:
    kind = model.name.partition("-")[0]
    command = f"antiphon soundstorm import-codec {kind} CHECKPOINT FOLDER"
    return f"Get its checkpoint (of {model.hub or 'its project'}), run `{command}`, then give FOLDER."

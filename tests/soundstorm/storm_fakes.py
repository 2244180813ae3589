"""A codec and a tokenizer that need no weights, and speech-like sound; importable by other processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from antiphon.audio import Waveform, resample
from antiphon.codecs.base import Codec, StreamDecoder, TokenGrid, Tokens, check_grid
from antiphon.errors import InputError
from antiphon.soundstorm.semantic import SemanticTokenizer, load

HOP, RATE_HZ = 320, 16_000


class LevelCodec:
    """Two levels at 50 Hz: how loud a frame is, and how often it crosses zero. Decodes to tones."""

    name = "levels-2"
    vocabulary = (16, 8)
    frame_rate_hz = 50.0
    rate_hz = RATE_HZ
    channels = 1

    def encode(self, wave: Waveform) -> TokenGrid:
        if not wave.samples.size:
            raise InputError("There is no audio to encode")
        signal = resample(wave.mono(), RATE_HZ).samples[0]
        frames = max(1, -(-signal.shape[0] // HOP))
        rows = np.pad(signal, (0, frames * HOP - signal.shape[0])).reshape(frames, HOP)
        loud = np.clip(np.sqrt((rows**2).mean(1)) * 40, 0, 15)
        crossings = np.clip((np.diff(np.sign(rows), axis=1) != 0).sum(1) / 16, 0, 7)
        return TokenGrid(np.stack([loud, crossings]).astype(np.uint16), self.name, self.frame_rate_hz)

    def decode(self, grid: TokenGrid) -> Waveform:
        check_grid(self, grid)
        time = np.arange(HOP) / RATE_HZ
        pitch = 100 + 200 * grid.tokens[1][:, None]
        made = np.sin(2 * np.pi * pitch * time) * grid.tokens[0][:, None] / 16
        return Waveform(made.reshape(1, -1).astype(np.float32), RATE_HZ)

    def decoder(self) -> StreamDecoder:
        raise NotImplementedError


def codec() -> Codec:
    return LevelCodec()


def semantic(path: Path) -> SemanticTokenizer:
    return load(path)


def shout(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalpha() or char == " ")


def tone(seconds: float, seed: int, rate_hz: int = RATE_HZ) -> Waveform:
    """Something that rises, falls and pauses."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(100, 900, max(2, int(seconds * 5)))
    pitch = np.repeat(steps, -(-int(seconds * rate_hz) // steps.shape[0]))[: int(seconds * rate_hz)]
    signal = np.sin(2 * np.pi * np.cumsum(pitch) / rate_hz) * np.abs(np.sin(np.arange(pitch.shape[0]) / 3_000))
    return Waveform((0.5 * signal)[None].astype(np.float32), rate_hz)


def write(path: Path, wave: Waveform, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave.samples.T, wave.rate_hz, subtype="PCM_16")
    if text:
        path.with_suffix(".txt").write_text(text)
    return path


def numbers(count: int, below: int, seed: int) -> Tokens:
    return np.random.default_rng(seed).integers(0, below, count).astype(np.uint16)


def layer(file: Path, seed: int = 0) -> None:
    """A network of random weights that takes and gives what a layer of HuBERT does: 12 numbers for each 20 ms."""
    import onnx

    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    rng = np.random.default_rng(seed)
    kernel = onnx.numpy_helper.from_array(rng.normal(size=(12, 1, 400)).astype(np.float32), "kernel")
    nodes = [
        helper.make_node("Unsqueeze", ["audio", "one"], ["channelled"]),
        helper.make_node("Conv", ["channelled", "kernel"], ["heard"], strides=[320]),
        helper.make_node("Transpose", ["heard"], ["features"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("audio", kind, [1, "N"])],
        [helper.make_tensor_value_info("features", kind, [1, "S", 12])],
        [kernel, onnx.numpy_helper.from_array(np.array([1]), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    file.write_bytes(model.SerializeToString())


def made_up(name: str, shape: Sequence[int]) -> npt.NDArray[np.float32]:
    """Weights that are the same wherever they are made, by their name."""
    rng = np.random.default_rng(list(name.encode()))
    return np.asarray(0.3 * rng.standard_normal(shape) + (0.7 if name.endswith("norm.weight") else 0.0), np.float32)

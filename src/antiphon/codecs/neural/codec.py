"""The speech codec as the network serves it: NumPy and ONNX Runtime, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon import models
from antiphon.audio import resample
from antiphon.audio.waveform import Samples, Waveform
from antiphon.codecs.base import TokenGrid, Tokens, check_grid
from antiphon.codecs.neural.features import encoder_input
from antiphon.codecs.neural.head import Controls, HeadStream
from antiphon.codecs.neural.layout import CodecConfig
from antiphon.errors import InputError, ModelError
from antiphon.models import tensors

BLOCK = 16
"""Frames the decoder works on at a time (320 ms), however they arrive: so streamed audio equals whole audio exactly."""

WINDOW = 1_500
"""Frames the encoder sees at once (30 s), so that an hour needs no more memory than a minute."""

MARGIN = 50
"""Frames of neighbours on both sides of a window: more than the encoder's reach, and time for the pitch to settle."""

MODEL = "codec-16k"
"""Its name in the catalogue, and the beginning of its files' names."""


class NeuralCodec:
    """`Codec` over an exported pair of graphs. Tokens of group g, residual level l are level `g * levels + l`.

    The name carries the fingerprint of encoder and codebooks: tokens of others mean something else and are refused.
    """

    channels = 1

    def __init__(self, encoder: Any, decoder: Any, weights: Path | None = None) -> None:
        """Two ONNX Runtime sessions, as `training.export` makes them, and its file of weights.

        Raises `ModelError` if they are no pair.
        """
        self._weights = weights
        about, other = (session.get_modelmeta().custom_metadata_map for session in (encoder, decoder))
        if "config" not in about or about != other:
            raise ModelError("Encoder and decoder are not of one codec", "Export them again, or reinstall antiphon.")
        self._encoder, self._decoder = encoder, decoder
        self.config = CodecConfig.from_json(about["config"])
        self.name = f"{self.config.name}-{about['fingerprint']}"
        self.vocabulary = (self.config.codes,) * self.config.streams
        self.depth = self.config.depth
        self.frame_rate_hz = self.config.frame_rate_hz
        self.rate_hz = self.config.rate_hz

    def encode(self, wave: Waveform) -> TokenGrid:
        """`[levels, ceil(samples / hop)]` of any rate and channels. Raises `InputError` if empty or not finite."""
        config = self.config
        if not wave.samples.size:
            raise InputError("There is no audio to encode", "Give at least one sample.")
        if not np.isfinite(wave.samples).all():
            raise InputError("The audio holds values that are not numbers", "Decode it again from its source.")
        mono = Waveform(wave.samples.mean(axis=0, keepdims=True), wave.rate_hz)
        signal = np.clip(resample(mono, config.rate_hz).samples[0], -1.0, 1.0)
        frames = max(1, -(-signal.shape[0] // config.hop))
        signal = np.pad(signal, (0, frames * config.hop - signal.shape[0]))
        pieces = [self._window(signal, start, frames) for start in range(0, frames, WINDOW)]
        return TokenGrid(np.concatenate(pieces, axis=1), self.name, self.frame_rate_hz)

    def _window(self, signal: Samples, start: int, frames: int) -> Tokens:
        first, last = max(0, start - MARGIN), min(frames, start + WINDOW + MARGIN)
        features = encoder_input(signal[first * self.config.hop : last * self.config.hop], self.config)
        tokens = self._encoder.run(None, {"features": features[None]})[0]
        return np.asarray(tokens[:, start - first : min(frames, start + WINDOW) - first], np.uint16)

    def decode(self, grid: TokenGrid) -> Waveform:
        """`[1, frames * hop]`. Raises `InputError` for tokens of another codec or out of range."""
        check_grid(self, grid)
        decoder = self.decoder()
        pieces = [decoder.push(grid.tokens).samples, decoder.finish().samples]
        return Waveform(np.concatenate(pieces, axis=1), self.rate_hz)

    def codebooks(self) -> tuple[npt.NDArray[np.float32], ...]:
        """What the tokens of each level stand for, `[V, D]`. Raises `ModelError` without the file of weights."""
        if self._weights is None or not self._weights.is_file():
            raise ModelError("The codec's weights are not beside its graphs", "Export it again.")
        found = tensors.parse(self._weights.read_bytes())
        levels = range(self.config.streams)
        return tuple(np.array(found[f"quantiser.books.{level}.codes"], np.float32) for level in levels)

    def decoder(self) -> NeuralDecoder:
        return NeuralDecoder(self._decoder, self.config)


class NeuralDecoder:
    """One decoding. Latency: a block, `lookahead` frames and three steps of the head (395 ms by default)."""

    def __init__(self, session: Any, config: CodecConfig) -> None:
        self._session, self._config = session, config
        self._head = HeadStream(config)
        # The code after the last stands for nothing: before the first frame, after the last, a latent of zeros.
        self._waiting = self._nothing(config.lookahead)
        self._state = np.zeros((config.decoder_blocks, config.decoder_dim, 6), np.float32)

    def push(self, tokens: Tokens) -> Waveform:
        """Samples that are final. Raises `InputError` for tokens out of range."""
        config = self._config
        if tokens.ndim != 2 or tokens.shape[0] != config.streams:
            raise InputError(f"Tokens must be [{config.streams}, frames], got {list(tokens.shape)}")
        if tokens.size and int(tokens.max()) >= config.codes:
            raise InputError(f"A token is {int(tokens.max())}, not below {config.codes}")
        self._waiting = np.concatenate([self._waiting, tokens.astype(np.int64)], axis=1)
        pieces = []
        while self._waiting.shape[1] >= BLOCK + 2 * config.lookahead:
            pieces.append(self._head.push(self._block(BLOCK)))
        return self._wave(pieces)

    def finish(self) -> Waveform:
        """The rest. The stream is over."""
        left = self._waiting.shape[1] - self._config.lookahead
        self._waiting = np.concatenate([self._waiting, self._nothing(self._config.lookahead + BLOCK)], axis=1)
        pieces = []
        while left > 0:
            pieces.append(self._head.push(self._block(min(left, BLOCK))))
            left -= BLOCK
        return self._wave([*pieces, self._head.finish()])

    def _block(self, frames: int) -> Controls:
        """Controls of the next `frames` frames; the graph always sees a whole block."""
        config = self._config
        inputs = {"tokens": self._waiting[:, : BLOCK + 2 * config.lookahead], "state": self._state}
        packed, self._state = self._session.run(None, inputs)
        self._waiting = self._waiting[:, BLOCK:]
        return Controls.split(packed[: frames * config.subframes], config)

    def _nothing(self, frames: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.full((self._config.streams, frames), self._config.codes, np.int64)

    def _wave(self, pieces: list[Samples]) -> Waveform:
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        return Waveform(np.clip(samples, -1.0, 1.0)[None], self._config.rate_hz)


def load(folder: Path | None = None, *, threads: int = 1) -> NeuralCodec:
    """The codec that ships with us, or one of your own in `folder`, as `training.export` wrote it.

    Raises `ModelError` when a file is missing, damaged or of another export.
    """
    if folder is not None:
        return _loaded(folder, "", threads)
    return _loaded(models.path(MODEL), f"{MODEL}-", threads)


def _loaded(folder: Path, prefix: str, threads: int) -> NeuralCodec:
    encoder, decoder = (_session(folder / f"{prefix}{name}.onnx", threads) for name in ("encoder", "decoder"))
    return NeuralCodec(encoder, decoder, folder / f"{prefix}weights.safetensors")


def _session(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise ModelError(f"There is no {path}", "Give the folder of an exported codec.")
    return models.open_session(path, str(path), threads=threads)

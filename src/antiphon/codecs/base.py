"""What a codec is: waveforms to grids of integers and back. Generators, data and training know nothing more of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Waveform
from antiphon.errors import InputError

Tokens = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class TokenGrid:
    """uint16 `tokens [levels, frames]` of one codec. `frame_rate_hz` is frames a second of audio."""

    tokens: Tokens  # [K, T]
    codec: str
    frame_rate_hz: float

    def __post_init__(self) -> None:
        if self.tokens.ndim != 2 or self.tokens.dtype != np.uint16:
            raise ValueError(f"TokenGrid needs uint16 [levels, frames], got {self.tokens.dtype} {self.tokens.shape}")
        if self.frame_rate_hz <= 0:
            raise ValueError(f"frame_rate_hz must be positive, got {self.frame_rate_hz}")

    @property
    def levels(self) -> int:
        return int(self.tokens.shape[0])

    @property
    def frames(self) -> int:
        return int(self.tokens.shape[1])

    @property
    def duration_s(self) -> float:
        return self.frames / self.frame_rate_hz


class StreamDecoder(Protocol):
    """One decoding in progress: tokens in by any number of frames, samples out as soon as they are final.

    The pieces of `push` and `finish` concatenated equal `Codec.decode` of all tokens.
    """

    def push(self, tokens: Tokens) -> Waveform: ...  # [K, n] -> [C, samples], possibly none

    def finish(self) -> Waveform: ...


@runtime_checkable
class Codec(Protocol):
    """`vocabulary[k]` is the number of tokens of level k. `rate_hz` and `channels` are those of decoded audio.

    A codec of several stacks of residual levels may also have `depth`: how deep in its stack each level lies.
    """

    name: str
    vocabulary: tuple[int, ...]
    frame_rate_hz: float
    rate_hz: int
    channels: int

    def encode(self, wave: Waveform) -> TokenGrid:
        """Any rate and channels in; raises `InputError` for audio that cannot be encoded (empty, not finite)."""

    def decode(self, grid: TokenGrid) -> Waveform:
        """Raises `InputError` for a foreign grid or tokens out of range (`check_grid`)."""

    def decoder(self) -> StreamDecoder: ...


def depth_of(codec: Codec) -> tuple[int, ...]:
    """How deep in its stack each level lies, 0 the coarsest; empty where each is one deeper than the one before."""
    depth = tuple(getattr(codec, "depth", ()))
    return () if depth == tuple(range(len(depth))) else depth


def check_grid(codec: Codec, grid: TokenGrid) -> None:
    """Raise `InputError` unless `grid` is one of `codec`: its name, its levels, every token in its level's range."""
    if grid.codec != codec.name:
        raise InputError(f"These tokens are of the codec {grid.codec}, not {codec.name}", "Decode them with their own.")
    if grid.levels != len(codec.vocabulary):
        raise InputError(f"The codec {codec.name} has {len(codec.vocabulary)} levels, the tokens have {grid.levels}")
    for level, size in enumerate(codec.vocabulary):
        if grid.frames and int(grid.tokens[level].max()) >= size:
            raise InputError(f"A token of level {level} is {int(grid.tokens[level].max())}, not below {size}")


def stream(codec: Codec, grid: TokenGrid, frames: int) -> Iterator[Waveform]:
    """Decode `grid` by pieces of `frames` frames."""
    check_grid(codec, grid)
    decoder = codec.decoder()
    for start in range(0, grid.frames, frames):
        piece = decoder.push(grid.tokens[:, start : start + frames])
        if piece.samples.shape[1]:
            yield piece
    last = decoder.finish()
    if last.samples.shape[1]:
        yield last

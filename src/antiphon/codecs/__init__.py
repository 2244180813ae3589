"""Codecs: waveforms to grids of tokens and back, by a neural network (speech) or by an exact sound chip (chiptune)."""

from __future__ import annotations

from antiphon.codecs.base import Codec, StreamDecoder, TokenGrid, check_grid, stream

__all__ = ["Codec", "StreamDecoder", "TokenGrid", "check_grid", "stream"]

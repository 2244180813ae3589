"""The neural speech codec: group-residual tokens at 50 Hz, a source-filter head, streamed decoding."""

from __future__ import annotations

from antiphon.codecs.neural.codec import NeuralCodec, NeuralDecoder, load
from antiphon.codecs.neural.foreign import DAC_16K, ENCODEC_24K, FOREIGN, ForeignCodec, ForeignModel, told
from antiphon.codecs.neural.layout import CodecConfig

__all__ = [
    "DAC_16K",
    "ENCODEC_24K",
    "FOREIGN",
    "CodecConfig",
    "ForeignCodec",
    "ForeignModel",
    "NeuralCodec",
    "NeuralDecoder",
    "load",
    "told",
]

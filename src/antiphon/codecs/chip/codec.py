"""The chip behind the codecs' Protocol."""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import StreamDecoder, TokenGrid, Tokens, check_grid
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.encoder import encode
from antiphon.codecs.chip.synth import State, render


class ChipCodec:
    """Sound-chip registers at 60 frames a second, 10 levels, 44.1 kHz stereo (`layout` tells what each token is)."""

    name: str = lay.CODEC
    vocabulary: tuple[int, ...] = lay.VOCABULARY
    frame_rate_hz: float = lay.FRAME_RATE_HZ
    rate_hz: int = lay.RATE_HZ
    channels: int = 2

    def encode(self, wave: Waveform) -> TokenGrid:
        """Registers that sound like `wave`: exactly `canonical(x)` where `wave` is `decode(x)`, else a transcription.

        Raises `InputError` for audio that is empty or not finite.
        """
        return TokenGrid(encode(wave), lay.CODEC, lay.FRAME_RATE_HZ)

    def decode(self, grid: TokenGrid) -> Waveform:
        """[2, 735 T] samples, peak below 1 for any registers."""
        check_grid(self, grid)
        return Waveform(render(State(), grid.tokens)[0], lay.RATE_HZ)

    def decoder(self) -> StreamDecoder:
        """Each frame's samples are final as soon as it is pushed."""
        return _Decoder(self)


class _Decoder:
    def __init__(self, codec: ChipCodec) -> None:
        self._codec, self._state = codec, State()

    def push(self, tokens: Tokens) -> Waveform:
        check_grid(self._codec, TokenGrid(tokens, lay.CODEC, lay.FRAME_RATE_HZ))
        samples, self._state = render(self._state, tokens)
        return Waveform(samples, lay.RATE_HZ)

    def finish(self) -> Waveform:
        return Waveform(np.zeros((2, 0), dtype=np.float32), lay.RATE_HZ)

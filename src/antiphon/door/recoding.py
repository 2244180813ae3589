"""Sound that lies somewhere as 16-bit PCM, in another format, as it comes."""

from __future__ import annotations

from antiphon.audio import Waveform, encoder_for, format_named


class Recoder:
    """Interleaved little-endian 16-bit PCM in, the bytes of a file out. Raises `InputError` for an unknown format."""

    def __init__(self, format_name: str, rate_hz: int, channels: int) -> None:
        self._encoder = encoder_for(format_named(format_name), rate_hz, channels)
        self._rate_hz, self._channels = rate_hz, channels

    def push(self, pcm: bytes) -> bytes:
        """Whole samples of all channels."""
        return self._encoder.encode(Waveform.from_pcm16(pcm, self._rate_hz, self._channels))

    def finish(self) -> bytes:
        return self._encoder.finish()

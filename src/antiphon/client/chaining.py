"""Parts that follow each other without a join: windows of one piece, stretches of one recording."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from antiphon.audio import Resampler, Waveform
from antiphon.client.events import Audio, Closed, Event, Missing, Opened, Sound, SoundEvent, Stage


async def chained(events: AsyncIterator[Event], rate_hz: int, channels: int) -> AsyncGenerator[SoundEvent, None]:
    """The events of a job, its audio as one stream of that rate and number of channels."""
    chain = _Chain(rate_hz, channels)
    ended = 0
    async for event in events:
        if isinstance(event, (Opened, Stage, Missing, Closed)):
            yield event
        elif isinstance(event, Audio):
            if event.audio is None:
                ended = event.number + 1
            for piece in chain.take(event.audio):
                if piece.samples.shape[1]:
                    yield Sound(piece, ended)


class _Chain:
    """Nodes may answer in different rates, each part in one."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._resampler: Resampler | None = None
        self._from_hz = 0

    def take(self, audio: Waveform | None) -> Iterator[Waveform]:
        """What can be played after this piece; None ends a part."""
        if self._resampler is not None and (audio is None or audio.rate_hz != self._from_hz):
            yield self._resampler.finish()
            self._resampler = None
        if audio is None:
            return
        if self._resampler is None:
            self._from_hz = audio.rate_hz
            self._resampler = Resampler(self._from_hz, self._rate_hz, self._channels)
        yield self._resampler.push(self._shaped(audio))

    def _shaped(self, audio: Waveform) -> Waveform:
        if audio.channels == self._channels:
            return audio
        mono = audio.mono()
        return Waveform(mono.samples.repeat(self._channels, axis=0), mono.rate_hz)

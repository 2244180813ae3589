"""Change of sample rate, whole or streamed: the same samples either way (soxr, high quality, linear phase)."""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Waveform


class Resampler:
    """Streams `[channels, samples]` at `from_hz` into `to_hz`. Equal rates pass through untouched."""

    def __init__(self, from_hz: int, to_hz: int, channels: int = 1) -> None:
        self._from_hz, self._to_hz, self._channels = from_hz, to_hz, channels
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")

    def push(self, waveform: Waveform) -> Waveform:
        """What is ready after these samples (possibly nothing yet). A single use ends with `finish`."""
        if waveform.rate_hz != self._from_hz or waveform.samples.shape[0] != self._channels:
            raise ValueError(
                f"Resampler takes {self._channels} channels at {self._from_hz} Hz, "
                f"got {waveform.samples.shape[0]} at {waveform.rate_hz} Hz"
            )
        return waveform if self._stream is None else self._run(waveform, last=False)

    def finish(self) -> Waveform:
        """The samples that still waited for their neighbours."""
        nothing = Waveform(np.zeros((self._channels, 0), dtype=np.float32), self._from_hz)
        return Waveform(nothing.samples, self._to_hz) if self._stream is None else self._run(nothing, last=True)

    def _run(self, waveform: Waveform, *, last: bool) -> Waveform:
        assert self._stream is not None
        out = self._stream.resample_chunk(np.ascontiguousarray(waveform.samples.T), last=last)
        return Waveform(np.ascontiguousarray(out.T, dtype=np.float32), self._to_hz)


def resample(waveform: Waveform, rate_hz: int) -> Waveform:
    """`waveform` at `rate_hz`; the duration is kept to within one sample."""
    resampler = Resampler(waveform.rate_hz, rate_hz, waveform.samples.shape[0])
    body, tail = resampler.push(waveform), resampler.finish()
    return Waveform(np.concatenate([body.samples, tail.samples], axis=1), rate_hz)

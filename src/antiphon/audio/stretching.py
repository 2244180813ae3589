"""Speech made faster or slower without a change of pitch: waveform similarity overlap-add.

Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality time-scale
modification of speech", ICASSP 1993. Each frame is taken near where the new pace asks for it, at the place where it
best continues the frame before.
"""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Samples, Waveform

MIN_STRETCH, MAX_STRETCH = 0.25, 4.0
FRAME_S = 0.03
"""Two periods of the lowest voices; half of it is the step from frame to frame of what comes out."""

SEARCH_S = 0.0075
"""How far a frame may move, each way: one period of the lowest voices in all."""


class Stretcher:
    """Mono audio at `speed` times its pace, piece by piece. The pieces do not show in what comes out.

    Raises `ValueError` for a speed outside `MIN_STRETCH`..`MAX_STRETCH`.
    """

    def __init__(self, rate_hz: int, speed: float) -> None:
        if not MIN_STRETCH <= speed <= MAX_STRETCH:
            raise ValueError(f"speed {speed} is outside {MIN_STRETCH}-{MAX_STRETCH}")
        self._rate_hz, self._speed = rate_hz, speed
        self._hop, self._search = round(FRAME_S * rate_hz / 2), round(SEARCH_S * rate_hz)
        count = 2 * self._hop
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(count) + 0.5) / count)).astype(np.float32)
        # Places are counted from the start of a lead of silence, so that the first frame finds something before it.
        self._lead = self._hop + self._search
        self._held = np.zeros(self._lead, np.float32)
        self._held_from = 0
        self._step = self._taken = self._given = 0
        self._before = 0  # where the last frame was taken
        self._tail = np.zeros(self._hop, np.float32)  # its second half, to be overlapped

    def push(self, wave: Waveform) -> Waveform:
        """What is ready, `[1, T]`, possibly nothing."""
        assert wave.rate_hz == self._rate_hz
        assert wave.samples.shape[0] == 1
        self._taken += wave.samples.shape[1]
        if self._speed == 1.0:
            return wave
        self._held = np.concatenate([self._held, wave.samples[0]])
        return self._ready(self._stepped())

    def finish(self) -> Waveform:
        """The rest: all pieces together are `round(taken / speed)` samples long."""
        if self._speed == 1.0:
            return Waveform(np.zeros((1, 0), np.float32), self._rate_hz)
        missing = round(self._taken / self._speed) - self._given
        frames = -(-max(0, missing) // self._hop) + 1
        silence = round(frames * self._hop * self._speed) + 4 * self._hop + 2 * self._search
        self._held = np.concatenate([self._held, np.zeros(silence, np.float32)])
        return self._ready(self._stepped()[:, : max(0, missing)])

    def _ready(self, samples: Samples) -> Waveform:
        self._given += samples.shape[1]
        return Waveform(samples, self._rate_hz)

    def _stepped(self) -> Samples:
        """Every frame that the held samples allow, overlapped and added, `[1, T]`."""
        hop, done = self._hop, []
        while True:
            place = self._lead - hop + round(self._step * hop * self._speed)
            end = max(place + self._search, self._before + hop) + 2 * hop
            if end > self._held_from + self._held.size:
                break
            at = self._best(place) if self._step else place
            frame = self._window * self._part(at, at + 2 * hop)
            if self._step:  # the first half of the first frame fades in before the beginning
                done.append(self._tail + frame[:hop])
            self._tail, self._before = frame[hop:], at
            self._step += 1
        self._forget()
        return np.concatenate(done)[None] if done else np.zeros((1, 0), np.float32)

    def _best(self, place: int) -> int:
        """Where near `place` the sound is most like what followed the last frame, by normalised correlation."""
        size = 2 * self._hop
        region = self._part(place - self._search, place + self._search + size)
        follows = self._part(self._before + self._hop, self._before + self._hop + size)
        energy = np.cumsum(np.concatenate([[0.0], np.square(region, dtype=np.float64)]))
        alike = np.correlate(region, follows, mode="valid") / np.sqrt(energy[size:] - energy[:-size] + 1e-9)
        return place - self._search + int(np.argmax(alike))

    def _part(self, start: int, stop: int) -> Samples:
        return self._held[start - self._held_from : stop - self._held_from]

    def _forget(self) -> None:
        place = self._lead - self._hop + round(self._step * self._hop * self._speed)
        keep = max(self._held_from, min(place - self._search, self._before + self._hop))
        self._held = self._held[keep - self._held_from :]
        self._held_from = keep


def stretch(wave: Waveform, speed: float) -> Waveform:
    """The whole of a mono `wave` at `speed` times its pace."""
    stretcher = Stretcher(wave.rate_hz, speed)
    pieces = [stretcher.push(wave).samples, stretcher.finish().samples]
    return Waveform(np.concatenate(pieces, axis=1), wave.rate_hz)

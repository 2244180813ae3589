"""Sentences joined into one stretch of speech, without clicks and with natural pauses."""

from __future__ import annotations

from collections import deque

import numpy as np

from antiphon.audio.waveform import Samples, Waveform

FRAME_S = 0.010
"""Silence is decided per frame, counted from the sentence's start, so chunking changes nothing."""

SILENCE_AMPLITUDE = 0.002
"""A frame whose half peak-to-peak is below this (-54 dBFS) is silent. Peak-to-peak, so a constant offset is too."""

LEAD_S = 0.03
"""Silence kept before the first sound, so that breath and soft onsets stay."""

TAIL_S = 0.06
"""Silence kept after the last sound: the room a final fricative needs to die away."""

HOLD_S = 1.0
"""Longest trailing silence that is trimmed. More than this was meant by the speaker, and holding it costs memory."""

FADE_S = 0.005
"""Raised-cosine fade at each cut."""


class Joiner:
    """Joins sentences that arrive in order, chunk by chunk, and gives audio back with at most ~20 ms delay.

    For each sentence: `push` its chunks, then `end_sentence(pause_s)`; after the last one `finish`. From the last
    sound of one sentence to the first of the next is `pause_s` (never less than what was kept of both silences).
    Every method returns what can be played now, possibly nothing; joined these are the whole, the same for any
    chunking.
    """

    def __init__(self, rate_hz: int, channels: int = 1) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._frame = max(1, round(FRAME_S * rate_hz))
        self._fade = min(self._frame, max(1, round(FADE_S * rate_hz)))
        ramp = np.arange(self._fade, dtype=np.float64) + 0.5
        self._rise: Samples = (0.5 - 0.5 * np.cos(np.pi * ramp / self._fade)).astype(np.float32)  # [fade]
        self._lead = max(1, round(LEAD_S / FRAME_S))
        self._tail = max(1, round(TAIL_S / FRAME_S))
        self._hold = max(self._tail + 1, round(HOLD_S / FRAME_S))
        self._gap: int | None = None  # samples of pause still owed before the next sound; None before the first
        self._kept = 0  # samples of silence kept after the last sound, part of that pause
        self._rest = self._nothing()  # less than a frame
        self._quiet: deque[Samples] = deque()  # silent frames whose fate is open
        self._loud: Samples | None = None  # the last frame given to the listener's side, kept back for a fade

    def push(self, chunk: Waveform) -> Waveform:
        """The next samples of the current sentence, in order."""
        if chunk.rate_hz != self._rate_hz or chunk.samples.shape[0] != self._channels:
            raise ValueError(
                f"Joiner takes {self._channels} channels at {self._rate_hz} Hz, "
                f"got {chunk.samples.shape[0]} at {chunk.rate_hz} Hz"
            )
        waiting = np.concatenate([self._rest, np.nan_to_num(chunk.samples)], axis=1)
        whole = waiting.shape[1] - waiting.shape[1] % self._frame
        self._rest = waiting[:, whole:].copy()
        out: list[Samples] = []
        for start in range(0, whole, self._frame):
            self._take(waiting[:, start : start + self._frame], out)
        return self._waveform(out)

    def end_sentence(self, pause_s: float = 0.3) -> Waveform:
        """The sentence is over; `pause_s` of silence belongs between it and the next."""
        out: list[Samples] = []
        if self._rest.shape[1]:
            self._take(self._rest, out)
        tail = list(self._quiet)[: self._tail]
        if self._loud is not None:
            ending = np.concatenate([self._loud, *tail], axis=1)
            fade = min(self._fade, ending.shape[1])
            ending[:, -fade:] *= self._rise[::-1][-fade:]
            out.append(ending)
            self._kept = sum(frame.shape[1] for frame in tail)
            self._gap = 0
        if self._gap is not None:
            self._gap = max(self._gap, round(pause_s * self._rate_hz) - self._kept)
        self._rest, self._loud = self._nothing(), None
        self._quiet.clear()
        return self._waveform(out)

    def finish(self) -> Waveform:
        """The end. A sentence still open is closed; the pause after the last sentence is not played."""
        last = self.end_sentence(0.0)
        self._gap = None
        return last

    def _nothing(self) -> Samples:
        return np.zeros((self._channels, 0), dtype=np.float32)

    def _take(self, frame: Samples, out: list[Samples]) -> None:
        silent = float(np.ptp(frame, axis=1).max(initial=0.0)) / 2 < SILENCE_AMPLITUDE
        if self._loud is None:
            self._before_speech(frame, out, silent=silent)
        elif silent:
            self._quiet.append(frame.copy())
            if len(self._quiet) > self._hold:
                self._release(self._quiet.popleft(), out)
        else:
            while self._quiet:
                self._release(self._quiet.popleft(), out)
            self._release(frame, out)

    def _before_speech(self, frame: Samples, out: list[Samples], *, silent: bool) -> None:
        if silent:
            self._quiet.append(frame.copy())
            if len(self._quiet) > self._lead:
                self._quiet.popleft()
            return
        opening = np.concatenate([*self._quiet, frame], axis=1)
        self._quiet.clear()
        fade = min(self._fade, opening.shape[1])
        opening[:, :fade] *= self._rise[:fade]
        if self._gap is not None:
            owed = max(0, self._gap - (opening.shape[1] - frame.shape[1]))
            out.append(np.zeros((self._channels, owed), dtype=np.float32))
        head = max(0, opening.shape[1] - self._frame)
        out.append(opening[:, :head])
        self._loud = opening[:, head:].copy()

    def _release(self, frame: Samples, out: list[Samples]) -> None:
        assert self._loud is not None
        out.append(self._loud)
        self._loud = frame.copy()

    def _waveform(self, parts: list[Samples]) -> Waveform:
        joined = np.concatenate(parts, axis=1) if parts else self._nothing()
        return Waveform(joined, self._rate_hz)

"""Registers as sound, from any sample to any other: what a long piece is cut into windows by."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Tokens
from antiphon.codecs.chip.layout import FRAME_RATE_HZ, FRAME_SAMPLES, RATE_HZ
from antiphon.codecs.chip.synth import State, render
from antiphon.music.arranger import arrange
from antiphon.music.score import Score

CHUNK_FRAMES = 60
"""Frames of 1/60 s in one chunk of audio."""

KEPT_FRAMES = 10 * 60
"""The chip's state is kept every so many frames, so that a later window need not begin at the beginning."""

TAIL_FRAMES = 5 * 60
"""Longer than any drum sounds: what of a loop's end is played before its beginning."""


class Piece:
    """A piece as registers `[10, F]`, and the chip's state at some of its frames."""

    def __init__(self, tokens: Tokens, seconds: float, loop_from_s: float | None = None) -> None:
        """`loop_from_s`: where it begins again at its end; None: it does not."""
        self._tokens = tokens
        self._length = round(seconds * RATE_HZ)
        self._loop = loop_from_s is not None
        self._again = round((loop_from_s or 0.0) * FRAME_RATE_HZ) * FRAME_SAMPLES
        first = State()
        if self._loop and not self._again:
            # The drums of the end sound on into the beginning.
            _, first = render(first, self._tokens[:, -TAIL_FRAMES:])
        self._states = [first]  # of frames 0, KEPT_FRAMES, ...
        self._lock = threading.Lock()

    def samples(self, start: int, stop: int) -> Iterator[Waveform]:
        """Samples `start` to `stop` in chunks; a loop goes round."""
        while start < stop:
            inside = self._place(start)
            end = min(inside + stop - start, self._length)
            yield from self._once(inside, end)
            if not self._loop:
                return
            start += end - inside

    def _place(self, sample: int) -> int:
        """Where a sample of the order stands in the piece: a loop goes round, after its introduction."""
        if not self._loop or sample < self._length:
            return sample
        return self._again + (sample - self._length) % (self._length - self._again)

    def _once(self, start: int, stop: int) -> Iterator[Waveform]:
        frame, state = self._state_before(start // FRAME_SAMPLES)
        last = -(-stop // FRAME_SAMPLES)
        while frame < last:
            until = min(frame + CHUNK_FRAMES, last)
            sound, state = render(state, self._tokens[:, frame:until])
            begin, end = max(start - frame * FRAME_SAMPLES, 0), min(stop - frame * FRAME_SAMPLES, sound.shape[1])
            if end > begin:
                yield Waveform(np.ascontiguousarray(sound[:, begin:end]), RATE_HZ)
            frame = until

    def _state_before(self, frame: int) -> tuple[int, State]:
        """The nearest kept frame at or before `frame`, and the chip's state before it."""
        with self._lock:
            while len(self._states) <= frame // KEPT_FRAMES:
                begin = (len(self._states) - 1) * KEPT_FRAMES
                _, state = render(self._states[-1], self._tokens[:, begin : begin + KEPT_FRAMES])
                self._states.append(state)
            kept = frame // KEPT_FRAMES
            return kept * KEPT_FRAMES, self._states[kept]


def piece_of(score: Score) -> Piece:
    """A score as the chip plays it."""
    loop_from_s = score.second(score.loop_start) if score.loop else None
    return Piece(arrange(score).tokens, score.seconds, loop_from_s)

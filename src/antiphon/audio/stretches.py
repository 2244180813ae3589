"""A recording cut into stretches where its pauses are, so that they can be worked on apart and put end to end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from antiphon.audio.waveform import Waveform

FRAME_S = 0.02
LEAST_S = 1.0
"""No stretch is shorter than this, unless the whole recording is."""


def stretches(recording: Waveform, longest_s: float) -> Iterator[Waveform]:
    """Pieces of at most `longest_s` that together are the recording, each cut at the quietest place of the second half
    of its time, so that a cut falls into a pause wherever there is one."""
    if longest_s < 2 * LEAST_S:
        raise ValueError(f"stretches of at most {longest_s} s cannot all have {LEAST_S} s")
    start = 0
    total = recording.samples.shape[1]
    longest = int(longest_s * recording.rate_hz)
    least = int(LEAST_S * recording.rate_hz)
    while total - start > longest:
        # Leave enough for the rest to be a stretch of its own.
        stop = min(start + longest, total - least)
        stop = _quietest(recording, max((start + stop) // 2, start + least), stop)
        yield Waveform(recording.samples[:, start:stop], recording.rate_hz)
        start = stop
    yield Waveform(recording.samples[:, start:], recording.rate_hz)


def _quietest(recording: Waveform, first: int, last: int) -> int:
    """The middle of the quietest frame between two samples."""
    frame = max(1, int(FRAME_S * recording.rate_hz))
    count = (last - first) // frame
    if count < 1:
        return last
    piece = recording.samples[:, first : first + count * frame].reshape(recording.channels, count, frame)
    power = np.convolve(np.mean(np.square(piece), axis=(0, 2)), np.ones(3), mode="same")  # a pause is wider than a dip
    return first + int(np.argmin(power)) * frame + frame // 2

"""Which moment of one recording says what each moment of another says: dynamic time warping, one way.

Every frame of the first gets one frame of the second, never going back; in its pauses the second waits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples

_HOLD, _SKIP = 0.2, 0.15
"""Cost of staying on a frame, and of each frame left out, in units of cosine distance."""

_MOST_SKIPPED = 4
_PAUSE_COST = 0.12
"""What a pause of the first costs beside any frame of the second: little, so that it waits there."""


def align(features: Samples, others: Samples, sounding: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """For each of `features [N, D]` the index of its counterpart in `others [M, D]`, not decreasing.

    `sounding [N]` says where the first is not a pause.
    """
    costs = 1.0 - _unit(features) @ _unit(others).T
    costs[~sounding] = _PAUSE_COST
    hold = np.where(sounding, _HOLD, 0.0)
    count, width = costs.shape
    total = np.full(width, np.inf)
    total[: _MOST_SKIPPED + 1] = costs[0, : _MOST_SKIPPED + 1]
    steps = np.zeros((count, width), np.int8)
    for n in range(1, count):
        options = np.full((_MOST_SKIPPED + 2, width), np.inf)
        options[0] = total + hold[n]
        for step in range(1, _MOST_SKIPPED + 2):
            options[step, step:] = total[:-step] + _SKIP * (step - 1)
        steps[n] = options.argmin(axis=0)
        total = options.min(axis=0) + costs[n]
    # The end is the last frame, unless the first is so short that it cannot be reached.
    at = width - 1 if np.isfinite(total[-1]) else int(np.flatnonzero(np.isfinite(total))[-1])
    path = np.zeros(count, np.intp)
    for n in range(count - 1, -1, -1):
        path[n] = at
        at -= int(steps[n, at])
    return path


def _unit(features: Samples) -> Samples:
    centred = features - features.mean(axis=0)
    return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-9), np.float32)

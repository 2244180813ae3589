"""Short sketches of updates that keep their angles: what is remembered of a round to know a copy again.

A count sketch (Charikar, Chen & Farach-Colton, "Finding frequent items in data streams", 2002): each parameter is
added, with a sign, to one of `SLOTS` sums. The cosine of two sketches is that of the updates up to about
1 / sqrt(SLOTS), and exact for equal ones; sketches add up as updates do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.genki.learning import Parameters

SLOTS = 4_096
_BLOCK = 1 << 20

Sketch = npt.NDArray[np.float64]


def sketch(update: Parameters) -> Sketch:
    """`[SLOTS]`. The same places for every update of one architecture."""
    found, place = np.zeros(SLOTS), 0
    for name in sorted(update):
        flat = update[name].ravel()
        for start in range(0, flat.size, _BLOCK):
            part = flat[start : start + _BLOCK]
            mixed = _mixed(np.arange(place, place + part.size, dtype=np.uint64))
            signs = 1.0 - 2.0 * (mixed >> np.uint64(63)).astype(np.float64)
            found += np.bincount((mixed % np.uint64(SLOTS)).astype(np.int64), signs * part, SLOTS)
            place += part.size
    return found


def cosine(first: Sketch, second: Sketch) -> float:
    """0 where one of them is nothing."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else 0.0


def _mixed(places: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser."""
    found = places + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    return found ^ (found >> np.uint64(31))

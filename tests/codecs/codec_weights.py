"""Weights that follow from their names, and a signal: the same on every machine, for vectors of other programs."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def uniform(name: str, count: int) -> Floats:
    """Numbers from -1 to 1 by a generator whose bits NumPy promises."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    raw = np.random.Philox(key=key).random_raw(count)
    return ((raw >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0).astype(np.float32)


def weight(name: str, shape: tuple[int, ...]) -> Floats:
    """Of sizes at which deep networks neither fade nor burst."""
    numbers = uniform(name, int(np.prod(shape, dtype=np.int64))).reshape(shape)
    if name.startswith("decoder.conv2") and "bias" not in name:  # DAC's last, before a tanh
        return np.float32(0.002) * numbers
    if name.endswith(("weight_g", "original0", "alpha")) or ("normalize" in name and name.endswith("weight")):
        return np.float32(1.2) + np.float32(0.3) * numbers
    if "bias" in name:
        return np.float32(0.1) * numbers
    return np.float32(0.4) * numbers


def signal(samples: int) -> Floats:
    t = np.arange(samples, dtype=np.float64) / 16_000
    tone = 0.3 * np.sin(2 * np.pi * (180 + 400 * t) * t) * (1 + np.sin(2 * np.pi * 5 * t)) / 2
    return (tone + 0.05 * uniform("signal", samples)).astype(np.float32)

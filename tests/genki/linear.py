"""A learner that is small and real: multinomial logistic regression by minibatch gradient descent.

Its pieces are rows `(x [D], label)`; a folder holds them as `*.npz` with `x [N, D]` and `y [N]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from antiphon.errors import InputError
from antiphon.genki.learning import Parameters, Piece


class LinearLearner:
    def __init__(self, inputs: int = 12, classes: int = 4, rate: float = 0.3, batch: int = 16) -> None:
        self.name = f"linear-{inputs}x{classes}"
        self._shape, self._rate, self._batch = (inputs, classes), rate, batch

    def initial(self) -> Parameters:
        return {"weight": np.zeros(self._shape, np.float32), "bias": np.zeros(self._shape[1], np.float32)}

    def read(self, folder: Path) -> list[Piece]:
        pieces: list[Piece] = []
        for file in sorted(folder.glob("*.npz")):
            with np.load(file) as held:
                pieces.extend(zip(held["x"], held["y"].tolist(), strict=True))
        if not pieces:
            raise InputError(f"{folder} holds nothing to learn from", "Put *.npz files there.")
        return pieces

    def pack(self, piece: Piece) -> bytes:
        return piece[0].astype("<f4").tobytes() + bytes([piece[1]])

    def unpack(self, raw: bytes) -> Piece:
        if len(raw) != 4 * self._shape[0] + 1:
            raise InputError("This is no row")
        return np.frombuffer(raw[:-1], "<f4").astype(np.float32), raw[-1]

    def learn(self, parameters: Parameters, pieces: Sequence[Piece], *, steps: int, seed: int) -> Parameters:
        x, y = _arrays(pieces)
        weight, bias = parameters["weight"].copy(), parameters["bias"].copy()
        draw = np.random.default_rng(seed)
        for _ in range(steps):
            rows = draw.integers(0, len(y), min(self._batch, len(y)))
            error = _probabilities(x[rows], weight, bias)
            error[np.arange(len(rows)), y[rows]] -= 1
            weight -= np.float32(self._rate / len(rows)) * (x[rows].T @ error)
            bias -= np.float32(self._rate / len(rows)) * error.sum(0)
        return {"weight": weight, "bias": bias}

    def losses(self, parameters: Parameters, pieces: Sequence[Piece]) -> np.ndarray:
        x, y = _arrays(pieces)
        made = _probabilities(x, parameters["weight"], parameters["bias"])
        return -np.log(np.maximum(made[np.arange(len(y)), y], 1e-30)).astype(np.float64)


def _arrays(pieces: Sequence[Piece]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([x for x, _ in pieces]).astype(np.float32), np.array([y for _, y in pieces])


def _probabilities(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    logits = x @ weight + bias
    made = np.exp(logits - logits.max(1, keepdims=True))
    return (made / made.sum(1, keepdims=True)).astype(np.float32)


def pieces_of(seed: int, count: int = 200, *, shift: float = 0.0, inputs: int = 12, classes: int = 4) -> list[Piece]:
    """Rows whose labels follow one hidden linear rule, with noise; `shift` moves the inputs, so that contributors
    differ while the rule is the same."""
    rule = np.random.default_rng(7).standard_normal((inputs, classes))
    draw = np.random.default_rng(seed)
    x = (draw.standard_normal((count, inputs)) + shift * draw.standard_normal(inputs)).astype(np.float32)
    y = (x @ rule + 0.5 * draw.gumbel(size=(count, classes))).argmax(1)
    return list(zip(x, y.tolist(), strict=True))

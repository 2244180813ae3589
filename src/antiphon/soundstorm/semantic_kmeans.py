"""k-means over a stream of features: mini-batches (Sculley, WWW 2010), k-means++ to begin, dead centres revived.

Everything is a function of the seed and the order of the batches, in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError
from antiphon.soundstorm.inputs import Floats, Ints

BATCH = 4_096
"""Frames a step."""

MEMORY = 50.0
"""Batches a centre remembers: it is the mean of about as many, so that the first ones do not weigh for ever."""

REVIVE_EVERY = 20
DEAD = 0.02
"""A centre with less than this share of the mean use since the last look is put elsewhere."""

_CHUNK = 8_192  # rows of a distance matrix held at once


@dataclass(frozen=True, slots=True)
class Clusters:
    """`centres [K, D]` in the standardised space, `counts [K]` frames each got in a last look at all the data.

    `mean`, `std [D]` standardise features; `inertia` is the mean squared distance of a standardised frame.
    """

    centres: Floats
    mean: Floats
    std: Floats
    counts: Ints
    inertia: float

    @property
    def size(self) -> int:
        return int(self.centres.shape[0])

    @property
    def used(self) -> float:
        """The share of centres that any frame is nearest to."""
        return float((self.counts > 0).mean())

    @property
    def perplexity(self) -> float:
        """exp of the entropy of use: how many centres it would be if all were used alike."""
        shares = self.counts[self.counts > 0] / max(1, self.counts.sum())
        return float(np.exp(-(shares * np.log(shares)).sum()))

    def nearest(self, features: Floats) -> Ints:
        """The index of each frame's centre: `[S, D]` to `[S]`."""
        return assign((features - self.mean) / self.std, self.centres)[0]


def assign(points: Floats, centres: Floats) -> tuple[Ints, Floats]:
    """Nearest centre and squared distance of each point: `[N, D]`, `[K, D]` to `[N]`, `[N]`. Ties go to the lower."""
    norms = np.einsum("kd,kd->k", centres, centres)
    nearest = np.empty(points.shape[0], np.int64)
    distance = np.empty(points.shape[0], np.float32)
    for start in range(0, points.shape[0], _CHUNK):
        rows = slice(start, start + _CHUNK)
        part = points[rows]
        scores = norms - 2.0 * (part @ centres.T)
        nearest[rows] = scores.argmin(axis=1)
        best = scores[np.arange(part.shape[0]), nearest[rows]]
        distance[rows] = np.maximum(best + np.einsum("nd,nd->n", part, part), 0.0)
    return nearest, distance


def fit(
    source: Callable[[], Iterable[Floats]],
    clusters: int,
    *,
    seed: int,
    passes: int = 2,
    report: Callable[[dict[str, float]], None] | None = None,
) -> Clusters:
    """Centres of what `source` gives: pieces `[n, D]` of any length, the same ones each time it is called.

    It is called `passes` times to learn and twice to count. Raises `InputError` for fewer frames than clusters, for
    features that are not finite, and for fewer than 2 clusters.
    """
    if clusters < 2:
        raise InputError(f"{clusters} clusters cannot tell anything apart", "Ask for at least 2.")
    mean, std, frames = _statistics(source())
    if frames < clusters:
        raise InputError(f"{frames} frames are too few for {clusters} clusters", "Give more audio or ask for fewer.")
    rng = np.random.default_rng(seed)
    state: _State | None = None
    for turn in range(passes):
        for number, batch in enumerate(_batches(source(), max(BATCH, 4 * clusters), rng)):
            points = (batch - mean) / std
            if state is None:
                state = _State(_plus_plus(points, clusters, rng), rng)
            inertia = state.step(points)
            if report is not None:
                report({"pass": float(turn), "batch": float(number), "inertia": inertia, "revived": state.revived})
    assert state is not None
    return _counted(source(), state.centres, mean, std)


def _statistics(pieces: Iterable[Floats]) -> tuple[Floats, Floats, int]:
    frames = 0
    total: npt.NDArray[np.float64] = np.zeros(1)
    square: npt.NDArray[np.float64] = np.zeros(1)
    for piece in pieces:
        if not np.isfinite(piece).all():
            raise InputError("The features hold values that are not numbers", "Check the model they come from.")
        wide = piece.astype(np.float64)
        total, square, frames = total + wide.sum(0), square + (wide**2).sum(0), frames + piece.shape[0]
    if not frames:
        return np.zeros(1, np.float32), np.ones(1, np.float32), 0
    mean = total / frames
    std = np.sqrt(np.maximum(square / frames - mean**2, 1e-10))
    return mean.astype(np.float32), std.astype(np.float32), frames


def _batches(pieces: Iterable[Floats], size: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Batches from a pool of four: neighbours in time, which are alike, come into different ones."""
    pool: list[Floats] = []
    held = 0
    for piece in pieces:
        pool.append(piece)
        held += piece.shape[0]
        if held >= 4 * size:
            mixed = rng.permutation(np.concatenate(pool))
            yield from (mixed[start : start + size] for start in range(0, held - held % size, size))
            pool, held = [mixed[held - held % size :]], held % size
    if held:
        mixed = rng.permutation(np.concatenate(pool))
        yield from (mixed[start : start + size] for start in range(0, held, size))


def _plus_plus(points: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    """k-means++ (Arthur & Vassilvitskii 2007): each next centre drawn by squared distance from those there are."""
    if points.shape[0] < clusters:
        points = np.concatenate([points] * -(-clusters // points.shape[0]))
    chosen = [int(rng.integers(points.shape[0]))]
    distance = assign(points, points[chosen])[1].astype(np.float64)
    for _ in range(clusters - 1):
        total = distance.sum()
        # No distance left: fewer different points than clusters; the rest will be revived elsewhere or stay unused.
        weights = distance / total if total > 0 else np.full(points.shape[0], 1 / points.shape[0])
        chosen.append(int(rng.choice(points.shape[0], p=weights)))
        distance = np.minimum(distance, assign(points, points[chosen[-1:]])[1])
    return points[chosen].copy()


class _State:
    def __init__(self, centres: Floats, rng: np.random.Generator) -> None:
        self.centres, self._rng = centres, rng
        self._weight = np.zeros(centres.shape[0])
        self._recent = np.zeros(centres.shape[0])
        self._steps = 0
        self.revived = 0.0

    def step(self, points: Floats) -> float:
        nearest, distance = assign(points, self.centres)
        counts = np.bincount(nearest, minlength=self.centres.shape[0]).astype(np.float64)
        sums = np.zeros(self.centres.shape)
        np.add.at(sums, nearest, points)
        hit = counts > 0
        self._weight = self._weight * (1.0 - 1.0 / MEMORY) + counts
        rate = (counts[hit] / self._weight[hit])[:, None]
        means = sums[hit] / counts[hit][:, None]
        self.centres[hit] += (rate * (means - self.centres[hit])).astype(np.float32)
        self._recent += counts
        self._steps += 1
        if self._steps % REVIVE_EVERY == 0:
            self._revive(points, distance)
        return float(distance.mean())

    def _revive(self, points: Floats, distance: Floats) -> None:
        dead = np.flatnonzero(self._recent < DEAD * self._recent.mean())
        dead = dead[: int((distance > 0).sum())]
        if dead.size:
            weights = distance.astype(np.float64)
            chosen = self._rng.choice(points.shape[0], dead.size, replace=False, p=weights / weights.sum())
            self.centres[dead] = points[chosen]
            self._weight[dead] = 0.0
            self.revived += float(dead.size)
        self._recent[:] = 0.0


def _counted(pieces: Iterable[Floats], centres: Floats, mean: Floats, std: Floats) -> Clusters:
    counts = np.zeros(centres.shape[0], np.int64)
    total = 0.0
    for piece in pieces:
        nearest, distance = assign((piece - mean) / std, centres)
        counts += np.bincount(nearest, minlength=centres.shape[0])
        total += float(distance.sum(dtype=np.float64))
    return Clusters(centres, mean, std, counts, total / max(1, int(counts.sum())))

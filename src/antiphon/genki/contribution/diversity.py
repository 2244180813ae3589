"""How far a contributor's music lies from a reference: the Frechet distance of two sets of features.

FAD (Kilgour et al., "Frechet audio distance", 2019) is this distance of embeddings of sound. No learned embedder of
music comes with us, so the features are those of the chip's own registers. It is measured towards one reference that
the federation names, never towards rivals: distance to rivals rewards noise. It is told, and pays nobody: whoever is
far from the reference and useful has a Shapley value already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip.layout import CHANNELS, CODEC, NOISE, SAMPLE, STEPS_PER_SEMITONE
from antiphon.errors import InputError

Features = npt.NDArray[np.float64]

MIN_PIECES = 2
_RIDGE = 1e-6


@dataclass(frozen=True)
class Statistics:
    """All that a contributor need tell of its music: a mean `[features]` and a covariance `[features, features]`."""

    mean: Features
    covariance: Features
    pieces: int


def features(piece: TokenGrid) -> Features:
    """`[features]` of a chip piece: how often each pitch class and each melodic interval comes, how much each channel
    sounds, and how many notes a second it has."""
    if piece.codec != CODEC:
        raise InputError(f"These tokens are of the codec {piece.codec}, not {CODEC}", "Give chip music.")
    tokens = piece.tokens.astype(np.int64)
    classes, intervals, found = np.zeros(12), np.zeros(13), []
    for channel in range(len(CHANNELS)):
        row = tokens[2 * channel]
        struck = row[np.flatnonzero(row if channel == SAMPLE else np.diff(row, prepend=0) * (row > 0))]
        found += [float((row > 0).mean()) if row.size else 0.0, np.log1p(len(struck) / max(piece.duration_s, 1e-9))]
        if channel < NOISE and len(struck):
            semitones = (struck - 1) // STEPS_PER_SEMITONE
            classes += np.bincount(semitones % 12, minlength=12)
            intervals += np.bincount(np.minimum(np.abs(np.diff(semitones)), 12), minlength=13)
    return np.concatenate([classes / max(1.0, classes.sum()), intervals / max(1.0, intervals.sum()), found])


def statistics(pieces: Sequence[TokenGrid]) -> Statistics:
    """Raises `InputError` for fewer than `MIN_PIECES`."""
    if len(pieces) < MIN_PIECES:
        raise InputError(f"A distance needs {MIN_PIECES} pieces at least, not {len(pieces)}", "Add some.")
    rows = np.array([features(piece) for piece in pieces])
    return Statistics(rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False)), len(pieces))


def frechet(first: Statistics, second: Statistics) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) (Dowson & Landau, 1982); 0 for equal ones, in squares of features."""
    ridge = _RIDGE * np.eye(len(first.mean))
    one, other = first.covariance + ridge, second.covariance + ridge
    root = _root(one)
    cross = float(np.trace(_root(root @ other @ root)))
    shift = float(np.square(first.mean - second.mean).sum())
    return max(0.0, shift + float(np.trace(one) + np.trace(other)) - 2 * cross)


def _root(matrix: Features) -> Features:
    """The symmetric square root of a positive matrix."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    found: Features = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return found

"""Volumes and pans of known waveforms: the nearest points of a lattice, not the nearest real numbers."""

from __future__ import annotations

import numpy as np

from antiphon.codecs.chip.atoms import Doubles, how_tokens
from antiphon.codecs.chip.tables import amplitudes

_STATES = 256  # partial solutions kept
_SOLUTIONS = 6


def levels(units: Doubles, target: Doubles, support: list[tuple[int, int]], bound: float) -> list[list[int]]:
    """*How* tokens for each (channel, atom) of `support`, best first; 0 where silence fits best.

    `units` [k, 735] and `target` [2, 735]; solutions whose squared error is over `bound` are not returned. A sphere
    decoder: triangular factors, then channel by channel all 76 levels, keeping the partial sums that stay in bound.
    """
    basis, triangle = np.linalg.qr(units.T)
    wanted = basis.T @ target.T  # [k, 2]
    rest = max(float((target**2).sum() - (wanted**2).sum()), 0.0)
    cost = np.array([rest])
    chosen = np.zeros((1, len(support)), dtype=np.intp)  # indices of how tokens
    amplitude = np.zeros((1, len(support), 2))
    for place in range(len(support) - 1, -1, -1):
        channel, atom = support[place]
        tokens = np.concatenate([[0], how_tokens(channel, atom)])
        table = amplitudes()[channel][tokens].astype(np.float64)  # [76, 2]
        left = wanted[place] - np.einsum("j,sje->se", triangle[place], amplitude)
        errors = cost[:, None] + ((left[:, None] - triangle[place, place] * table[None]) ** 2).sum(axis=2)
        best = np.argsort(errors, axis=None)[:_STATES]
        best = best[errors.ravel()[best] <= bound]
        row, column = np.unravel_index(best, errors.shape)
        cost, chosen, amplitude = errors[row, column], chosen[row], amplitude[row]
        chosen[:, place] = tokens[column]
        amplitude[:, place] = table[column]
    return [list(map(int, row)) for row in chosen[:_SOLUTIONS]]

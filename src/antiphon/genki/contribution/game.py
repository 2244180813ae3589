"""What any group of contributors would have brought to a round: the game whose Shapley values are paid.

The value of a group is what the held-out loss falls by when only its updates are added to the base, each with the
weight it has among all: who is missing counts as an update of zeros. So nothing is trained again, as in Song, Tong &
Wei ("Profit allocation for federated learning", 2019), and whoever hands in nothing is worth exactly 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError
from antiphon.genki.learning import Learner, Parameters, Piece, added

WORST_NATS = 100.0
"""Loss that counts where a group's parameters give none."""
MIN_PIECES = 8
"""Held-out pieces from which on the noise of a value is told: the spread of fewer says little of others."""


class Game:
    """Values of groups, each computed once. `players` are in the order of their commits."""

    def __init__(
        self, learner: Learner, base: Parameters, updates: Mapping[str, Parameters], pieces: Sequence[Piece]
    ) -> None:
        """Raises `InputError` without any piece that has a loss."""
        self.players = tuple(updates)
        self._learner, self._base, self._pieces = learner, base, pieces
        self._updates = list(updates.values())
        self._known: dict[int, tuple[float, float]] = {0: (0.0, 0.0)}
        losses = np.asarray(learner.losses(base, pieces)) if len(pieces) else np.empty(0)
        self._counted = np.isfinite(losses)
        if not self._counted.any():
            raise InputError("No held-out piece has a loss", "Give pieces that the model can read.")
        self._before = losses[self._counted]
        self.base_loss = float(self._before.mean())

    @property
    def evaluations(self) -> int:
        """Groups that were measured; the empty one costs nothing."""
        return len(self._known) - 1

    @property
    def everybody(self) -> int:
        return (1 << len(self.players)) - 1

    def value(self, group: int) -> float:
        """In nats, of the players whose bits are set."""
        return self._measured(group)[0]

    def noise(self, group: int) -> float:
        """Standard error of that value over the held-out pieces, in nats: how far it is from what other pieces of the
        same kind would give. 0 with fewer than `MIN_PIECES`: it cannot be told."""
        return self._measured(group)[1]

    def _measured(self, group: int) -> tuple[float, float]:
        if group not in self._known:
            members = [place for place in range(len(self.players)) if group >> place & 1]
            gains = self._before - self._losses(self.parameters(members))
            told = len(gains) >= MIN_PIECES
            self._known[group] = float(gains.mean()), float(gains.std(ddof=1) / sqrt(len(gains))) if told else 0.0
        return self._known[group]

    def parameters(self, members: Collection[int]) -> Parameters:
        """The base moved by these players' updates, by their places."""
        change = {
            name: sum((self._updates[place][name] for place in members), np.zeros_like(array))
            for name, array in self._base.items()
        }
        return added(self._base, change, 1 / len(self.players))

    def _losses(self, parameters: Parameters) -> npt.NDArray[np.float64]:
        losses = np.asarray(self._learner.losses(parameters, self._pieces))[self._counted]
        return np.nan_to_num(losses, nan=WORST_NATS, posinf=WORST_NATS)

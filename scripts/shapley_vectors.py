"""Writes tests/vectors/shapley.json: games, and the Shapley values that pyDVL finds for them over all groups.

pyDVL 0.10 needs NumPy 1, so it runs in an environment of its own: `pip install pydvl==0.10.0`, then this file.
"""

import json
from pathlib import Path

import numpy as np
from pydvl.valuation import DeterministicUniformSampler, NoStopping, ShapleyValuation
from pydvl.valuation.games import Game, ShoesGame

FILE = Path(__file__).parents[1] / "tests" / "vectors" / "shapley.json"


class Random(Game):
    """Values without any order in them; 0 for nobody."""

    def __init__(self, players, seed):
        self.table = np.random.default_rng(seed).standard_normal(1 << players).round(6)
        self.table[0] = 0
        super().__init__(players)

    def _score(self, X):  # noqa: N803
        return float(self.table[sum(1 << int(player) for player in X.ravel())])


def vector(game):
    players, groups = game.n_players, range(1 << game.n_players)
    members = [np.array([[one] for one in range(players) if group >> one & 1], dtype=float) for group in groups]
    table = [game._score(X) if len(X) else 0.0 for X in members]
    found = ShapleyValuation(game.u, DeterministicUniformSampler(), NoStopping()).fit(game.data).result
    return {"values": table, "shapley": [float(value) for value in found.values[np.argsort(found.indices)]]}


def main():
    games = [Random(3, 1), Random(6, 2), Random(8, 3), ShoesGame(2, 3), ShoesGame(3, 4)]
    FILE.write_text(json.dumps([vector(game) for game in games]) + "\n")


if __name__ == "__main__":
    main()

"""How likely each style is for what is heard: linear discriminants over `antiphon.analysis.genre`'s features.

The table `styles.npz` (made by `scripts/train_style_judge.py`) holds means and scales of the features, and a row of
weights and a bias for each style; it was learnt from pieces of our composer and from accompaniments by people.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from antiphon.analysis.chroma import Floats
from antiphon.music.styles import STYLES

NAMES = tuple(sorted(STYLES))
"""In the order of the table's rows."""
WHOLE_GAP = 20.0
"""Nats below the likeliest style that count as none of it at all."""


class Table(NamedTuple):
    mean: Floats  # [features]
    scale: Floats  # [features]
    weights: Floats  # [styles, features]
    bias: Floats  # [styles]


@lru_cache(maxsize=1)
def table() -> Table:
    with (files("antiphon.judges.music") / "styles.npz").open("rb") as file, np.load(file, allow_pickle=False) as found:
        return Table(*(found[name].astype(np.float64) for name in Table._fields))


def likelihoods(features: Floats) -> Floats:
    """Log likelihood of each style up to a constant, `[styles]`."""
    learnt = table()
    return np.asarray(learnt.weights @ ((features - learnt.mean) / learnt.scale) + learnt.bias)


def gap(features: Floats, style: str) -> float:
    """0 = the style is the likeliest; 1 = it is `WHOLE_GAP` nats or more below."""
    found = likelihoods(features)
    return float(min(1.0, (found.max() - found[NAMES.index(style)]) / WHOLE_GAP))

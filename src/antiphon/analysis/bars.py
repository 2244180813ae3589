"""Metre: whether beats come in twos, threes, fives or sevens, and whether they have two parts or three.

Bars repeat what they play. So the clip's structure function (`structure`) is lower after a whole number of bars than
after the beats between; no downbeat need be found (after Gainza, "Automatic musical meter detection", ICASSP 2009).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from antiphon.analysis.accents import correlations, onsets
from antiphon.analysis.chroma import Floats
from antiphon.analysis.sound import FRAMES_PER_S, Sound
from antiphon.analysis.structure import timbre_change

MIN_S = 12.0
"""Six slow bars."""
GROUPS: dict[str, tuple[int, ...]] = {"twos": (4, 8), "threes": (6,), "fives": (10,), "sevens": (7,)}
"""Half beats in a bar: 2/4 and 4/4 (6/8 and 12/8 of dotted quarters) are not told apart, nor 3/4 and 9/8."""
_REACH = 48  # half beats
_REACH_SHARE = 0.6  # of the clip
_MIN_BARS = 2
_THIRDS, _HALVES, _QUARTERS = (1 / 3, 2 / 3, 4 / 3, 5 / 3), (1 / 2, 3 / 2), (1 / 4, 3 / 4)


@dataclass(frozen=True, slots=True)
class Bars:
    """`grouped`: by the names of `GROUPS`, how much more alike whole bars are than the beats between, in deviations of
    all lags. `triplets`: correlation of the onsets at thirds of a beat over that at halves or quarters."""

    grouped: dict[str, float]
    triplets: float

    def gap(self, group: str) -> float:
        """How much less the beats come in that group than in the clearest one; 0 = it is the clearest."""
        return max(self.grouped.values()) - self.grouped[group]


def bars_of(sound: Sound, beat_s: float) -> Bars | None:
    """Groups of beats of that length. None where nothing changes, or the clip is too short for two bars."""
    change = timbre_change(sound)
    steps = min(_REACH, int(_REACH_SHARE * sound.seconds / beat_s * 2))
    if change is None or steps < _MIN_BARS * max(itertools.chain.from_iterable(GROUPS.values())):
        return None
    half = beat_s / 2 * FRAMES_PER_S
    alike = 1 - np.interp(half * np.arange(steps + 1), np.arange(change.size), change)
    return Bars(grouping(alike), _triplets(sound, beat_s * FRAMES_PER_S))


def grouping(alike: Floats) -> dict[str, float]:
    """`Bars.grouped` of how alike the clip is to itself after 0, 1, 2 ... half beats (at least 20)."""
    return {name: max(_contrast(alike, bar) for bar in bars) for name, bars in GROUPS.items()}


def _contrast(alike: Floats, bar: int) -> float:
    """Whole bars against the lags between them: beats, or half beats where a bar is no whole number of beats."""
    step = 2 if bar % 2 == 0 else 1
    lags, length = alike[::step], bar // step
    places = np.arange(1, lags.size)
    over = []
    for whole in places[places % length == 0].tolist():
        near = places[(np.abs(places - whole) < length) & (places % length != 0)]
        over.append(lags[whole] - lags[near].mean())
    return float(np.mean(over) / max(float(lags[1:].std()), 1e-6))


def _triplets(sound: Sound, beat: float) -> float:
    bands = onsets(sound)
    weights = (0.5, 1.0, 1.0)  # basses hold, and say little about the parts of a beat

    def at(parts: tuple[float, ...]) -> float:
        lags = beat * np.array(parts)
        return float(sum(w * correlations(band, band, lags).mean() for w, band in zip(weights, bands, strict=True)))

    return at(_THIRDS) - max(at(_HALVES), at(_QUARTERS))

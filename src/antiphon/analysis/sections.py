"""Form: which sections of a piece are alike, against the letters that were asked for.

Sections of one letter repeat harmony and rhythm, others do not (Paulus, Mueller & Klapuri, "Audio-based music structure
analysis", ISMIR 2010). Where they begin is not known: equal sections are laid over the piece at every length and after
every introduction, and the best place counts.
"""

from __future__ import annotations

import itertools

import numpy as np

from antiphon.analysis.chroma import Floats
from antiphon.analysis.sound import FRAMES_PER_S, LONG_HOP, RATE_HZ, Sound

MIN_SECTION_S = 4.0
LETTERS = (3, 6)
"""Forms of so many sections can be told from others."""
_STEPS_A_S = 4
_INTRO, _OUTRO = 0.25, 0.2
"""Shares of the piece that may come before and after."""
_BANDS = 3  # averaged into one


def forms(count: int) -> list[str]:
    """All forms of so many sections in which something returns and something does not: `AAB`, `ABA`, `ABB`."""
    found = []
    for letters in itertools.product(range(count), repeat=count):
        first = [letters.index(letter) for letter in letters]
        named = [sorted(set(first)).index(place) for place in first]
        if list(letters) == named and 1 < len(set(named)) < count:
            found.append("".join("ABCDEFGH"[index] for index in named))
    return found


def gap(sound: Sound, form: str) -> float | None:
    """How much less alike sections of one letter are, over those of different ones, than in the form that fits best;
    0 = it fits best. None for forms without return or change, too many sections, or too short ones."""
    count = len(form)
    named = _canonical(form)
    if not LETTERS[0] <= count <= LETTERS[1] or named not in (all_forms := forms(count)):
        return None
    if sound.seconds < count * MIN_SECTION_S:
        return None
    alike = _alike(_features(sound), count)  # [places, count, count]
    fits = {other: float(_fit(alike, other).max()) for other in all_forms}
    return max(fits.values()) - fits[named]


def _canonical(form: str) -> str:
    order = list(dict.fromkeys(form))
    return "".join("ABCDEFGH"[order.index(letter)] for letter in form)


def _features(sound: Sound) -> Floats:
    """Levels of 12 bands and 12 pitch classes, four times a second, each without its mean, `[steps, 24]`."""
    count = int(sound.seconds * _STEPS_A_S)
    places = (np.arange(count) + 0.5) / _STEPS_A_S
    levels = np.maximum(sound.decibels.astype(np.float64), -50.0)
    bands = levels.reshape(levels.shape[0], -1, _BANDS).mean(axis=2)
    both = (_sampled(bands, places * FRAMES_PER_S), _sampled(sound.chroma, places * RATE_HZ / LONG_HOP))
    parts = []
    for part in both:
        centred = part - part.mean(axis=0)
        parts.append(centred / max(float(np.linalg.norm(centred)), 1e-9))
    return np.concatenate(parts, axis=1)


def _sampled(features: Floats, centres: Floats) -> Floats:
    """Means of `features` between the middles of neighbouring `centres` (frames)."""
    width = float(centres[1] - centres[0]) if centres.size > 1 else 1.0
    sums = np.cumsum(np.pad(features, ((1, 0), (0, 0))), axis=0)
    low = np.clip(np.round(centres - width / 2).astype(int), 0, features.shape[0] - 1)
    high = np.clip(np.maximum(np.round(centres + width / 2).astype(int), low + 1), 1, features.shape[0])
    return np.asarray((sums[high] - sums[low]) / (high - low)[:, None])


def _alike(features: Floats, count: int) -> Floats:
    """Cosines between sections at each place they may lie, `[places, count, count]`."""
    steps = features.shape[0]
    found = []
    for length in range(int(steps * (1 - _INTRO - _OUTRO) / count), steps // count + 1):
        for start in range(0, min(int(steps * _INTRO), steps - length * count) + 1, 2):
            if steps - start - length * count > steps * _OUTRO:
                continue
            parts = features[start : start + length * count].reshape(count, -1)
            parts = parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-9)
            found.append(parts @ parts.T)
    return np.array(found)


def _fit(alike: Floats, form: str) -> Floats:
    """Mean likeness of sections of one letter over that of different ones, at each place, in units of its error: few
    pairs are alike by chance more easily than many."""
    pairs = list(itertools.combinations(range(len(form)), 2))
    same = [alike[:, a, b] for a, b in pairs if form[a] == form[b]]
    other = [alike[:, a, b] for a, b in pairs if form[a] != form[b]]
    error = (1 / len(same) + 1 / len(other)) ** 0.5
    return np.asarray((np.mean(same, axis=0) - np.mean(other, axis=0)) / error)

"""The asked key in decoding: what a note outside its scale costs, and what one that tells its mode gains, in logits.

Music is kept in C, so the tonic of a key is exact; its mode is one condition among many, and this young a model heeds
it little: it played a major or an empty third for most orders in minor. A bias says it once more, and decides no note.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from antiphon.music.harmony import FAMILY, SCALES
from antiphon.ruby import steps as grid
from antiphon.soundstorm.inputs import Floats, Inputs, Logits

STRENGTH: Final = 3.0
"""Of the bias, in nats: a note outside the scale is e^3 times less likely than the model has it."""

OWN_SHARE: Final = 1 / 3
"""Of the strength is gained by what the parallel key lacks: third, sixth and seventh. In the training pieces such a
note is e^0.3 to e^0.7 times likelier in its own mode than in both, and e^0.9 to e^8 times less likely in the other."""

LEADING_TONE: Final = 11
"""Belongs to every minor key beside its scale."""


def in_scale(logits: Logits, scale: str, strength: float = STRENGTH) -> Logits:
    """`logits` less `strength` for each pitch outside a scale of `harmony.SCALES` on C, and `OWN_SHARE` of it more for
    each that is its mode's own. A chord has the mean of its notes.

    What guidance does with them stays right, for both of its terms are changed by the same.
    """
    if not strength:
        return logits
    notes, chords = _costs(scale)

    def biased(inputs: Inputs, level: int) -> Floats:
        made = logits(inputs, level)
        if level == grid.CHORD:
            return made - np.float32(strength) * chords[inputs.tokens[:, grid.COUNTER]]
        if level in notes:
            return made - np.float32(strength) * notes[level]
        return made

    return biased


@lru_cache(maxsize=len(SCALES))
def _costs(scale: str) -> tuple[dict[int, Floats], Floats]:
    """What tokens of each voice's level cost, `[V]`, and chords on each of the counter's, `[V + 1, chords]`.

    1 is a note outside."""
    inside = {*SCALES[scale], *((LEADING_TONE,) if FAMILY[scale] == "minor" else ())}
    own = set(SCALES[scale]) - set(SCALES["major" if FAMILY[scale] == "minor" else "minor"])
    cost = np.array([(pitch not in inside) - OWN_SHARE * (pitch in own) for pitch in range(12)], np.float32)
    notes = {}
    for voice in grid.VOICES:
        notes[grid.LEVEL[voice]] = np.concatenate(
            [np.zeros(grid.FIRST, np.float32), cost[(grid.LOWEST[voice] + np.arange(grid.PITCHES[voice])) % 12]]
        )
    chords = np.zeros((grid.VOCABULARY[grid.COUNTER] + 1, grid.VOCABULARY[grid.CHORD]), np.float32)
    for pitch in range(grid.PITCHES["counter"]):
        for number, above in enumerate(grid.CHORDS):
            tones = (grid.LOWEST["counter"] + pitch + np.array(above)) % 12
            chords[grid.FIRST + pitch, 1 + number] = cost[tones].mean()
    return notes, chords

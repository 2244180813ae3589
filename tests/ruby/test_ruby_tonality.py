"""The asked key in decoding: notes outside its scale are less likely, and nothing else is touched."""

import numpy as np
import pytest

from antiphon.music.harmony import SCALES
from antiphon.ruby import steps as grid
from antiphon.ruby.tonality import in_scale
from antiphon.soundstorm.inputs import Inputs


def inputs(counter: list[int]) -> Inputs:
    tokens = np.zeros((1, len(grid.VOCABULARY), len(counter)), np.int64)
    tokens[0, grid.COUNTER] = counter
    here = np.ones((1, len(counter)), np.bool_)
    return Inputs(np.zeros((1, len(counter)), np.int64), tokens, ~here, here)


def flat(given: Inputs, level: int) -> np.ndarray:
    return np.zeros((*given.semantic.shape, grid.VOCABULARY[level]), np.float32)


def classes(scale: str, voice: str) -> dict[float, set[int]]:
    """What is added to the logits of a voice's notes -> pitch classes, as the grid reads them."""
    added = in_scale(flat, scale, 3.0)(inputs([0]), grid.LEVEL[voice])[0, 0]
    assert not added[: grid.FIRST].any()
    notes = added[grid.FIRST :]
    places = {float(value): np.flatnonzero(notes == value) for value in np.unique(notes)}
    return {value: set(((where + grid.LOWEST[voice]) % 12).tolist()) for value, where in places.items()}


@pytest.mark.parametrize("voice", grid.VOICES)
@pytest.mark.parametrize("scale", sorted(SCALES))
def test_notes_outside_the_scale_cost_and_those_of_its_mode_alone_gain(voice: str, scale: str) -> None:
    minor = SCALES[scale][2] == 3
    inside = set(SCALES[scale]) | ({11} if minor else set())
    own = set(SCALES[scale]) - set(SCALES["major" if minor else "minor"])
    assert classes(scale, voice) == {-3.0: set(range(12)) - inside, 0.0: inside - own, 1.0: own}


def test_a_chord_has_the_mean_of_its_notes() -> None:
    on_c = grid.FIRST + 60 - grid.LOWEST["counter"]
    given = inputs([on_c, grid.SILENT, grid.HELD, grid.VOCABULARY[grid.COUNTER]])
    made = in_scale(flat, "minor", 3.0)(given, grid.CHORD)[0]
    major, minor = (1 + grid.CHORDS.index(chord) for chord in ((4, 7), (3, 7)))
    assert made[0, [0, major, minor]].tolist() == [0.0, -1.5, 0.5]
    assert not made[1:].any()  # no note begins there, or it is not known yet


def test_other_levels_and_no_strength_change_nothing() -> None:
    for level in (grid.STROKE, grid.METAL, grid.LEAD_MANNER, grid.DRUM_LOUDNESS):
        assert not in_scale(flat, "major", 3.0)(inputs([0, 5]), level).any()
    assert in_scale(flat, "major", 0.0) is flat

"""What leads from one piece to another begins in the one's key and tempo, and ends on the other's threshold."""

from __future__ import annotations

import io
import itertools

import mido
import numpy as np
import pytest

from antiphon.codecs.chip import from_midi
from antiphon.errors import InputError
from antiphon.music.linking import SCALES, STINGERS, Place, pivot, stinger, transition
from antiphon.music.meter import METERS

PLACES = [
    Place(quarter_bpm=bpm, meter=METERS[meter], tonic=tonic, mode=mode, drums=drums)
    for bpm, meter, tonic, mode, drums in (
        (80, "4/4", 0, "major", False),
        (150, "4/4", 9, "minor", True),
        (120, "3/4", 6, "major", True),
        (90, "7/8", 4, "minor", False),
        (180, "6/8", 1, "minor", True),
    )
]


def _messages(data: bytes) -> list[object]:
    return list(mido.MidiFile(file=io.BytesIO(data)))


def _lead(data: bytes) -> list[int]:
    return [one.note for one in _messages(data) if one.type == "note_on" and one.channel == 0]


@pytest.mark.parametrize("bars", [1, 2, 4])
@pytest.mark.parametrize(("before", "after"), list(itertools.product(PLACES, PLACES)))
def test_a_transition_moves_from_key_to_key_and_from_tempo_to_tempo(before: Place, after: Place, bars: int) -> None:
    link = transition(before, after, bars)
    line = _lead(link.midi)
    assert line[0] % 12 == before.tonic % 12
    assert line[-1] % 12 == (after.tonic + 11) % 12, "the leading note"
    assert len(set(line)) > 2
    bpms = [mido.tempo2bpm(one.tempo) for one in _messages(link.midi) if one.type == "set_tempo"]
    steps = np.diff([before.quarter_bpm, *bpms, after.quarter_bpm])
    assert (steps >= -0.01).all() if after.quarter_bpm >= before.quarter_bpm else (steps <= 0.01).all()
    assert link.seconds == pytest.approx(mido.MidiFile(file=io.BytesIO(link.midi)).length, abs=0.001)
    assert len(bpms) == before.meter.beats * (bars - 1) + after.meter.beats
    assert any(one.type == "note_on" and one.channel == 9 for one in _messages(link.midi)) == (
        before.drums or after.drums
    )
    assert from_midi(link.midi).tokens.any()


def test_a_pivot_belongs_to_both_keys_where_they_share_one() -> None:
    c, a_minor = PLACES[0], PLACES[1]
    g = Place(120, METERS["4/4"], 7, "major", True)
    for before, after in ((c, g), (g, c), (c, a_minor), (a_minor, c)):
        scale = {(before.tonic + step) % 12 for step in SCALES[before.mode]}
        assert {pitch % 12 for pitch in pivot(before, after)} <= scale
    assert {pitch % 12 for pitch in pivot(c, PLACES[2])} == {11, 3, 6}, "far keys share none: IV of F# major"


@pytest.mark.parametrize("kind", STINGERS)
@pytest.mark.parametrize("place", PLACES)
def test_a_stinger_is_short_and_in_the_pieces_key(kind: str, place: Place) -> None:
    made = {stinger(kind, place, seed).midi for seed in range(12)}
    assert len(made) > 1
    for data in made:
        file = mido.MidiFile(file=io.BytesIO(data))
        assert 0.5 < file.length < 5
        pitches = [one.note for one in file if one.type == "note_on" and one.channel != 9]
        assert all(36 <= pitch < 108 for pitch in pitches)
        bass = [one.note for one in file if one.type == "note_on" and one.channel == 2]
        assert bass[-1] % 12 == place.tonic
        last = _lead(data)[-1]
        assert (last - place.tonic) % 12 == {"win": 0, "lose": 0, "item": 7, "danger": 6}[kind]
        assert from_midi(data).tokens.any()


def test_what_there_is_not_is_told() -> None:
    with pytest.raises(InputError, match="win, lose"):
        stinger("draw", PLACES[0])
    with pytest.raises(InputError, match="outside 1-4"):
        transition(PLACES[0], PLACES[1], 9)

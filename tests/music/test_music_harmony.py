from __future__ import annotations

import itertools

import pytest

from antiphon.music import compose, read
from antiphon.music.harmony import CHORDS, chord_index_near, chords_of_bar, pitch_of, scale_at
from antiphon.music.meter import METERS
from antiphon.music.score import Chord
from antiphon.music.spelling import fifths, spelt
from antiphon.music.styles import BRIDGES, STYLES


def _chord(symbol: str, mode: str, tonic: int = 0) -> Chord:
    return chords_of_bar(symbol, 0, METERS["4/4"], tonic, mode)[0]


def test_the_dominant_in_minor_raises_the_seventh() -> None:
    assert scale_at(_chord("V", "minor", 9), 9, "minor") == (9, 11, 0, 2, 4, 5, 8)


def test_a_secondary_dominant_raises_the_fourth() -> None:
    assert scale_at(_chord("II", "major"), 0, "major") == (0, 2, 4, 6, 7, 9, 11)


def test_borrowed_chords_lower() -> None:
    assert scale_at(_chord("bII", "minor"), 0, "minor") == (0, 1, 3, 5, 7, 8, 10)
    assert scale_at(_chord("iv", "major"), 0, "major") == (0, 2, 4, 5, 7, 8, 11)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_chord_stands_in_its_own_scale(mode: str) -> None:
    for tonic in range(12):
        for symbol in CHORDS[mode]:
            chord = _chord(symbol, mode, tonic)
            assert len(chord.classes - set(scale_at(chord, tonic, mode))) == 0, (tonic, symbol)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_steps_of_a_scale_rise(mode: str) -> None:
    for symbol in CHORDS[mode]:
        chord = _chord(symbol, mode, 5)
        scale = scale_at(chord, 5, mode)
        pitches = [pitch_of(index, scale, 5) for index in range(-7, 15)]
        assert all(later > earlier for earlier, later in itertools.pairwise(pitches)), symbol
        assert pitches[7] in (65, 66)


def test_the_nearest_chord_note_is_a_chord_note() -> None:
    chord = _chord("IV", "major")
    scale = scale_at(chord, 0, "major")
    for index in range(-10, 10):
        assert scale[chord_index_near(index, chord, scale) % 7] in chord.classes


def test_two_harmonies_share_a_bar_of_three_as_two_and_one() -> None:
    assert [chord.length for chord in chords_of_bar("IV V", 0, METERS["3/4"], 0, "major")] == [48, 24]


def test_every_progression_is_made_of_known_chords() -> None:
    for style in STYLES.values():
        for mode, progressions in (("major", style.major_chords), ("minor", style.minor_chords)):
            for symbol in " ".join(" ".join(four) for four in (*progressions, *BRIDGES[mode])).split():
                assert symbol in CHORDS[mode], symbol


@pytest.mark.parametrize(
    ("tonic", "mode", "signature"),
    [
        (0, "major", 0),
        (7, "major", 1),
        (5, "major", -1),
        (6, "major", 6),
        (9, "minor", 0),
        (1, "minor", 4),
        (10, "minor", -5),
    ],
)
def test_key_signatures(tonic: int, mode: str, signature: int) -> None:
    assert fifths(tonic, mode) == signature


@pytest.mark.parametrize(
    ("pitch", "tonic", "mode", "letter", "alter", "octave"),
    [
        (60, 0, "major", "C", 0, 4),
        (68, 9, "minor", "G", 1, 4),  # the raised seventh of A minor
        (61, 2, "minor", "C", 1, 4),
        (70, 9, "minor", "B", -1, 4),  # the lowered second
        (59, 0, "major", "B", 0, 3),
        (71, 11, "major", "B", 0, 4),
        (65, 6, "major", "E", 1, 4),
    ],
)
def test_pitches_are_spelt_by_their_key(
    pitch: int, tonic: int, mode: str, letter: str, alter: int, octave: int
) -> None:
    assert spelt(pitch, tonic, mode) == (letter, alter, octave)


def test_spelling_keeps_the_pitch() -> None:
    natural = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    for mode in ("major", "minor"):
        for tonic in range(12):
            assert -6 <= fifths(tonic, mode) <= 7
            for pitch in range(30, 100):
                letter, alter, octave = spelt(pitch, tonic, mode)
                assert 12 * (octave + 1) + natural[letter] + alter == pitch
                assert abs(alter) <= 2


def test_phrases_that_ask_stop_on_the_dominant_in_dances_and_often_before_it_in_rock() -> None:
    shares = {}
    for style in ("waltz", "rock"):
        ends = []
        for seed in range(24):
            score = compose(read(style), 40.0, seed)
            four = 4 * score.bar_ticks
            for section in (section for section in score.sections if section.letter in "AB"):
                stops = range(section.start + four, section.start + section.bars * score.bar_ticks + 1, four)
                ends += [one.symbol for one in score.chords if one.start + one.length in stops]
        assert len(ends) > 50
        shares[style] = sum(symbol.startswith("V") and not symbol.startswith("VI") for symbol in ends) / len(ends)
    assert shares["rock"] < 0.35 < shares["waltz"] < 0.8

from __future__ import annotations

import pytest

from antiphon.music import grammar
from antiphon.music.instruments import instruments


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("at 150 bpm", 150, 150),
        ("150bpm", 150, 150),
        ("tempo: 128, techno", 128, 128),
        ("bpm=99", 99, 99),
        ("120 beats per minute", 120, 120),
        ("tempo of 87.5", 87.5, 87.5),
        ("100-120 bpm", 100, 120),
        ("between 120 to 100 bpm", 100, 120),
        ("10 bpm", 30, 30),
    ],
)
def test_tempo(text: str, low: float, high: float) -> None:
    assert grammar.tempo(text).value == (low, high)


@pytest.mark.parametrize("text", ["8 bit", "30 seconds", "level 3", "in 4/4", "1985"])
def test_other_numbers_are_no_tempo(text: str) -> None:
    assert grammar.tempo(text).value is None


def test_spelt_numbers() -> None:
    assert grammar.spelt_numbers("one hundred and forty beats per minute") == "140 beats per minute"
    assert grammar.spelt_numbers("two minutes and thirty seconds") == "2 minutes and 30 seconds"
    assert grammar.spelt_numbers("one hero, two dragons") == "one hero, two dragons"


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("A minor", 9, "minor"),
        ("in F# major", 6, "major"),
        ("f sharp minor", 6, "minor"),
        ("E flat major", 3, "major"),
        ("E-flat minor", 3, "minor"),
        ("Bbm", 10, "minor"),
        ("C#m", 1, "minor"),
        ("B\u266d major", 10, "major"),
        ("key of G", 7, None),
        ("key of G, sad and minor", 7, "minor"),
        ("in D", 2, None),
        ("in a minor key", None, "minor"),
        ("in a minor", 9, "minor"),
        ("major key", None, "major"),
        ("D dorian", 2, "minor"),
        ("G mixolydian", 7, "major"),
        ("Cb major", 11, "major"),
    ],
)
def test_key(text: str, tonic: int | None, mode: str | None) -> None:
    value = grammar.key(text).value
    assert value is not None
    assert value[:2] == (tonic, mode)


def test_church_modes_are_read_as_themselves() -> None:
    for mode, third in (("dorian", "minor"), ("phrygian", "minor"), ("lydian", "major"), ("mixolydian", "major")):
        assert grammar.key(f"in E {mode}").value == (4, third, mode)
    assert grammar.key("C ionian").value == (0, "major", None)


@pytest.mark.parametrize("text", ["I am happy", "a march", "Be bold", "an epic adventure", "A boss appears"])
def test_words_are_no_key(text: str) -> None:
    assert grammar.key(text).value is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30 seconds", 30),
        ("a 90-second loop", 90),
        ("45s", 45),
        ("2 minutes", 120),
        ("1:30", 90),
        ("half a minute", 30),
        ("a minute and a half", 90),
        ("1 min 30 s", 90),
        ("a minute long", 60),
        ("0.5 minutes", 30),
    ],
)
def test_length(text: str, seconds: float) -> None:
    assert grammar.length(text).value == seconds


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("AABA", "AABA"),
        ("A-B-A", "ABA"),
        ("verse chorus verse chorus bridge chorus", "ABABCB"),
        ("a rondo", "ABACA"),
        ("A dragon", None),
        ("ACE of spades", None),
    ],
)
def test_structure(text: str, form: str | None) -> None:
    assert grammar.structure(text).value == form


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("square leads and triangle bass", ("square lead", "triangle bass")),
        ("no drums", ("no drums",)),
        ("without any percussion", ("no drums",)),
        ("drumless", ("no drums",)),
        ("pulse wave melody", ("pulse lead",)),
        ("fast arpeggios, echo", ("arpeggio", "echo")),
        ("triangle waves", ("triangle bass",)),
        ("120 beats per minute", None),
        ("a flute", ("square lead",)),
        ("no guitars", None),
    ],
)
def test_instruments(text: str, parts: tuple[str, ...] | None) -> None:
    assert instruments(text).value == parts


def test_what_was_understood_is_cut_out() -> None:
    found = grammar.tempo("fast, 120 bpm, loud")
    assert "120" not in found.rest
    assert "fast" in found.rest
    assert "loud" in found.rest

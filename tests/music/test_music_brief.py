from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music import MusicBrief, read
from antiphon.music.lexicon import LEXICON
from antiphon.music.meaning import MOODS as MOOD_PHRASES
from antiphon.music.meaning import STYLES as STYLE_PHRASES
from antiphon.music.styles import GAME_STYLES, MOODS, STYLES
from antiphon.services import MAX_PROMPT_CHARS


def test_the_example_of_the_command_is_read_completely() -> None:
    brief = read("cheerful chiptune boss fight, 150 bpm, A minor, square leads")
    assert (brief.tempo_bpm, brief.tonic, brief.mode) == (150.0, 9, "minor")
    assert (brief.style, brief.mood, brief.instruments) == ("boss", "cheerful", ("square lead",))
    assert brief.notes == ()


def test_what_is_not_said_is_none() -> None:
    brief = read("music")
    assert (brief.tempo_bpm, brief.tempo_range_bpm, brief.tonic, brief.mode, brief.meter) == (None,) * 5
    assert (brief.style, brief.mood, brief.energy, brief.instruments, brief.structure) == (None, None, None, (), "")


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("a slow tune", 56, 84),
        ("fast music", 136, 180),
        ("allegro", 120, 156),
        ("very slow", 40, 66),
        ("presto", 168, 208),
    ],
)
def test_tempo_words_are_ranges(words: str, low: float, high: float) -> None:
    assert read(words).tempo_range_bpm == (low, high)


def test_a_denied_tempo_word_is_its_opposite_and_told() -> None:
    brief = read("not too fast")
    assert brief.tempo_range_bpm is not None
    assert brief.tempo_range_bpm[1] < 136
    assert any("not fast" in note.lower() for note in brief.notes)


def test_a_waltz_has_three_beats() -> None:
    assert read("a waltz for a boss fight").meter == "3/4"


@pytest.mark.parametrize(
    ("prompt", "field", "value", "told"),
    [
        ("120 bpm and 90 bpm", "tempo_bpm", 120.0, "90 bpm"),
        ("fast 60 bpm", "tempo_bpm", 60.0, "does not fit 60"),
        ("C major in A minor", "tonic", 0, "A minor"),
        ("loud but silent", "energy", 0.9, "contradict"),
        ("slow and fast", "tempo_range_bpm", (56, 84), "contradict"),
        ("waltz in 4/4", "meter", "4/4", "number counts"),
        ("drums, no drums", "instruments", ("drums",), "no drums"),
        ("a happy and sad song", "mood", "cheerful", "sad"),
        ("30 seconds, two minutes", "seconds", 30.0, "120 s"),
        ("900 bpm", "tempo_bpm", 300.0, "outside"),
        ("3/8 time", "meter", "3/4", "3/8 is played"),
        ("11/8 time", "meter", "4/4", "11/8 is played"),
        ("6/8 and 4/4", "meter", "6/8", "first, 6/8"),
        ("salsa", "style", "samba", "nearest"),
        ("sad piano", "instruments", ("pulse lead",), "no piano"),
    ],
)
def test_contradictions_are_resolved_and_told(prompt: str, field: str, value: object, told: str) -> None:
    brief = read(prompt)
    assert getattr(brief, field) == value
    assert any(told in note for note in brief.notes), brief.notes


@pytest.mark.slow
@pytest.mark.parametrize(("words", "style"), [("spooky castle at midnight", "horror")])
def test_unknown_words_are_understood_by_meaning_and_told(words: str, style: str) -> None:
    brief = read(words)
    assert brief.style in STYLES
    assert brief.style == style or words.startswith("spooky")
    assert any("by meaning" in note for note in brief.notes)


@pytest.mark.slow
def test_words_without_any_meaning_are_told_to_be_left_out() -> None:
    brief = read("asdf qwer zxcv")
    assert brief.style is None
    assert any("not understood" in note for note in brief.notes)


def test_known_words_never_load_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the model was asked")

    monkeypatch.setattr("antiphon.music.meaning.embed", refuse)
    read("a gentle lullaby in F major at 72 bpm, music box, two minutes, loop, no drums")


@settings(max_examples=60)
@given(st.text(max_size=MAX_PROMPT_CHARS))
def test_any_text_is_read(text: str) -> None:
    brief = read(text)
    assert isinstance(brief, MusicBrief)
    assert brief.prompt == text


@settings(max_examples=80)
@given(
    st.integers(30, 300),
    st.sampled_from(["C", "C#", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]),
    st.sampled_from(["major", "minor"]),
    st.sampled_from(sorted(STYLES)),
    st.permutations(range(3)),
)
def test_tempo_and_key_are_found_in_any_order(bpm: int, note: str, mode: str, style: str, order: list[int]) -> None:
    parts = [f"{bpm} bpm", f"{note} {mode}", f"{style} music"]
    brief = read(", ".join(parts[index] for index in order))
    natural = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[note[0]]
    tonic = (natural + {"": 0, "#": 1, "b": -1}[note[1:]]) % 12
    assert (brief.tempo_bpm, brief.tonic, brief.mode, brief.style) == (bpm, tonic, mode, style)


def test_the_tables_agree_on_the_names_of_styles_and_moods() -> None:
    senses = LEXICON.values()
    assert {sense.style for sense in senses if sense.style} == set(STYLES)
    assert set(STYLE_PHRASES) == set(GAME_STYLES)
    assert {sense.mood for sense in senses if sense.mood} == set(MOODS) == set(MOOD_PHRASES)

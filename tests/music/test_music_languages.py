from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music import compose, read
from antiphon.music.languages import translated


@pytest.mark.parametrize(
    ("prompt", "style", "key", "absent"),
    [
        ("ruhige Musik für einen Wald, a-Moll, 70 bpm", "adventure", (9, "minor"), None),
        ("fröhlicher Marsch in B-Dur ohne Schlagzeug", "march", (10, "major"), "no drums"),
        ("Walzer in h-Moll", "waltz", (11, "minor"), None),
        ("música alegre de aventura en re menor, rápida", "adventure", (2, "minor"), None),
        ("batalla final sin batería, 150 bpm", "boss", None, "no drums"),
        ("valse triste en la mineur", "waltz", (9, "minor"), None),
        ("combat rapide sans basse, mi mineur", "boss", (4, "minor"), "no bass"),
        ("ninna nanna dolce in fa maggiore", "lullaby", (5, "major"), None),
        ("marcia veloce in do minore", "march", (0, "minor"), None),
        ("明るい冒険の曲、ハ長調、速い", "adventure", (0, "major"), None),
        ("静かな子守唄、ドラムなし", "lullaby", None, "no drums"),
        ("title screen, H minor", "title", (11, "minor"), None),
    ],
)
def test_five_languages_are_read(prompt: str, style: str, key: tuple[int, str] | None, absent: str | None) -> None:
    brief = read(prompt)
    assert brief.style == style
    assert key is None or (brief.tonic, brief.mode) == key
    assert absent is None or absent in brief.instruments


@pytest.mark.parametrize(
    ("prompt", "name"), [("веселая музыка", "Cyrillic"), ("음악", "Korean"), ("快乐的", "Chinese")]
)
def test_other_languages_are_told_by_name(prompt: str, name: str) -> None:
    assert any(name in note for note in read(prompt).notes)


@pytest.mark.parametrize(
    "prompt",
    [
        "upbeat overworld theme, 140 bpm, C major",
        "in a minor key, piano",
        "a fast boss fight",
        "forte, con brio, lento",
    ],
)
def test_english_stays_as_it_is(prompt: str) -> None:
    assert translated(prompt).text == prompt


@given(st.text(max_size=500))
def test_any_text_is_read(prompt: str) -> None:
    assert translated(prompt).text is not None


def test_a_refused_part_is_left_out_and_a_duet_has_two_voices() -> None:
    alone = compose(read("melody only, no bass, no drums, no chords, no arpeggio, no counter voice"), 30, 1)
    assert {track.name for track in alone.tracks} == {"lead"}
    assert len(compose(read("duet in F major, no drums"), 30, 1).track("counter").notes) > 10


def test_a_neutral_style_is_told() -> None:
    assert any("No style is named" in note for note in compose(read("120 bpm, C major"), 20, 1).notes)


def test_five_four_is_played_as_itself() -> None:
    for seed, style in enumerate(("title", "rock", "jazz", "boss fight", "techno")):
        score = compose(read(f"{style} in 5/4, E minor"), 30, seed)
        assert str(score.meter) == "5/4"
        assert not any("5/4 is played" in note for note in score.notes)
        lead = [note for note in score.track("lead").notes if note.start % score.bar_ticks == 0]
        assert len(lead) >= 3


def test_a_genre_counts_more_than_a_place() -> None:
    assert read("cozy shop music, bossa nova").style == "bossa"
    assert read("drum and bass tunnel, 174 bpm").style == "dnb"
    assert read("rock with drum and bass line").style == "rock"

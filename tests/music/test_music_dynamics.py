from __future__ import annotations

import itertools

import numpy as np
import pytest

from antiphon.codecs.chip import ChipCodec
from antiphon.music import Score, arrange, compose, read
from antiphon.music.dynamics import planned
from antiphon.music.harmony import SCALES, scale_at
from antiphon.music.progressions import ending_of
from antiphon.music.score import Section


def _levels(score: Score) -> list[float]:
    """dB of each second."""
    sound = ChipCodec().decode(arrange(score))
    mono = sound.mono().samples[0]
    windows = mono[: len(mono) // sound.rate_hz * sound.rate_hz].reshape(-1, sound.rate_hz)
    return list(10 * np.log10((windows.astype(np.float64) ** 2).mean(axis=1) + 1e-9))


def _of_section(score: Score, section: Section, levels: list[float]) -> float:
    first = round(score.second(section.start))
    last = round(score.second(section.start + section.bars * score.bar_ticks))
    return float(np.mean(levels[first:last]))


@pytest.mark.parametrize("prompt", ["adventure, 120 bpm", "boss fight, 150 bpm", "waltz, 140 bpm"])
def test_sections_differ_in_loudness_and_by_6_db_where_contrast_is_asked(prompt: str) -> None:
    for words, least in ((prompt, 3.0), (f"{prompt}, dynamic contrast", 6.0)):
        score = compose(read(words), 60, 4)
        levels = _levels(score)
        means = [_of_section(score, section, levels) for section in score.sections if section.letter in "ABC"]
        assert max(means) - min(means) >= least, words


def test_a_crescendo_grows_and_a_diminuendo_falls() -> None:
    for word, sign in (("crescendo", 1), ("diminuendo", -1)):
        levels = _levels(compose(read(f"adventure, 120 bpm, {word}"), 40, 3))
        quarters = [float(np.mean(part)) for part in np.array_split(levels[:36], 3)]
        assert all(sign * (later - earlier) > 2 for earlier, later in itertools.pairwise(quarters)), quarters


def test_very_soft_is_written_softer_than_loud() -> None:
    def middle(words: str) -> float:
        return float(np.median(_levels(compose(read(words), 30, 5))))

    assert middle("very soft title theme, 110 bpm, C major") < middle("loud title theme, 110 bpm, C major") - 6


def test_an_introduction_is_a_sixth_of_a_piece_at_most() -> None:
    for bpm, seed in itertools.product(range(70, 190, 7), range(3)):
        score = compose(read(f"adventure, {bpm} bpm"), 16, seed)
        begins = score.second(score.track("lead").notes[0].start)
        assert begins <= 0.25 * score.seconds, (bpm, seed, begins)


def test_a_form_of_one_section_has_its_loudness() -> None:
    assert planned((), None, 0, 96).at(0) == 0
    assert planned((Section("A", 0, 4, 0),), "soft", 384, 96).at(100) > planned((), "loud", 0, 96).at(0)


@pytest.mark.parametrize("mode", ["dorian", "phrygian", "lydian", "mixolydian", "aeolian"])
def test_a_church_mode_is_played_in_its_own_scale(mode: str) -> None:
    for seed in range(4):
        score = compose(read(f"calm piece in D {mode}"), 30, seed)
        scale = {(2 + step) % 12 for step in SCALES[mode]}
        notes = [note.pitch % 12 for name in ("lead", "bass") for note in score.track(name).notes]
        assert np.mean([note in scale for note in notes]) > 0.95
        own = {"dorian": 9, "phrygian": 1, "lydian": 6, "mixolydian": 10, "aeolian": 8}[mode]
        assert (2 + own) % 12 in notes or mode == "aeolian"


def test_cadences_are_of_four_kinds() -> None:
    ends: set[str] = set()
    for style, seed in itertools.product(("rock", "adventure", "ballad", "waltz", "title"), range(8)):
        score = compose(read(f"{style}, C major, 120 bpm"), 120, seed)
        for index, section in enumerate(score.sections[:-1]):
            bars = [
                chord
                for chord in score.chords
                if section.start <= chord.start < section.start + section.bars * score.bar_ticks
            ]
            following = score.sections[index + 1].letter if index + 2 < len(score.sections) else None
            if len(bars) < 2:
                continue
            before, last = bars[-2], bars[-1]
            if ending_of(section, following) == "closed":
                assert last.root == 0
                ends.add("authentic" if before.symbol.startswith("V") else "plagal")
            elif last.symbol.startswith("V"):
                ends.add("half")
            symbols = [chord.symbol for chord in bars]
            evades = section.repeat and section.bars == 8 and ("V", "vi") in itertools.pairwise(symbols)
            ends |= {"deceptive"} if evades else set()
    assert ends == {"authentic", "plagal", "half", "deceptive"}


def test_a_secondary_dominant_leads_to_its_chord() -> None:
    found = 0
    for seed in range(30):
        chords = compose(read("waltz, G major, 150 bpm"), 60, seed).chords
        for chord, after in itertools.pairwise(chords):
            if chord.symbol.startswith("V7/"):
                found += 1
                assert (chord.root - after.root) % 12 == 7
                assert chord.classes <= set(scale_at(chord, 7, "major"))
    assert found >= 3

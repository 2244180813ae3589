"""The figures of music: what they count is there, and would be missed if it were not."""

from __future__ import annotations

import io

import mido
import numpy as np
import pytest

from antiphon.bench import music, music_statistics
from antiphon.bench.game_wishes import obeyed
from antiphon.bench.music_statistics import LOUDNESS, STYLES, measured, of_people, opened, told_apart, within
from antiphon.music import compose, read, to_midi


def _file(prompt: str, seed: int) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(to_midi(compose(read(prompt), 20.0, seed))))


def test_peoples_statistics_are_of_as_many_pieces_as_promised() -> None:
    people = of_people()
    symbolic = [row for row in people if set(row) != {LOUDNESS}]
    assert len(symbolic) >= 40
    assert len(people) - len(symbolic) >= 40
    assert all(np.isfinite(value) for row in people for value in row.values())


def test_a_share_in_peoples_range_falls_with_what_is_out_of_it() -> None:
    people = of_people()
    own = [music_of(seed) for seed in range(4)]
    assert within(own, people)["lead 10-90% range, semitones"] == 1
    odd = [{**row, "lead 10-90% range, semitones": 60.0} for row in own[:2]] + own[2:]
    assert within(odd, people)["lead 10-90% range, semitones"] == 0.5


def music_of(seed: int) -> dict[str, float]:
    found = opened(_file("boss fight, 140 bpm", seed))
    assert found is not None
    return measured(found)


def test_the_classifier_tells_what_differs_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    rows = [{str(n): float(rng.normal()) for n in range(5)} for _ in range(200)]
    moved = [{name: value + 3 for name, value in row.items()} for row in rows]
    assert told_apart(rows[:100], moved[100:])[0] > 0.95
    assert told_apart(rows[:100], rows[100:])[0] < 0.65


def test_a_wish_that_is_not_obeyed_is_counted_as_such() -> None:
    score = compose(read("waltz in G major, 100 bpm, no drums"), 20.0, 1)
    file = mido.MidiFile(file=io.BytesIO(to_midi(score)))
    said = {"bpm": [95, 105], "key": [7, "major"], "meter": "3/4", "absent": ["drums"]}
    assert all(obeyed(said, score, file).values())
    other = {"bpm": [140, 150], "key": [8, "minor"], "meter": "4/4", "absent": ["bass"]}
    assert not any(obeyed(other, score, file).values())


def test_figures_of_a_few_short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    some = dict(list(STYLES.items())[:6])
    monkeypatch.setattr(music_statistics, "STYLES", some)
    found = list(music.statistics_figures(20.0, 1))
    assert len(found) == 13
    assert all(figure.value is not None and 0 <= figure.value <= 100 for figure in found)
    assert [step.about_s for step in music.steps(20)][-1] == 2 * music.steps(10)[-1].about_s

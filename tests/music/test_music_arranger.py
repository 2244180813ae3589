from __future__ import annotations

import numpy as np
import pytest

from antiphon.codecs.chip import ChipCodec, rows
from antiphon.music import arrange, compose, read
from antiphon.music.styles import STYLES


@pytest.mark.parametrize("style", sorted(STYLES))
def test_registers_sound_what_the_score_says(style: str) -> None:
    score = compose(read(f"{style}, no echo"), 12, 4)
    lanes = {row.channel: row for row in rows(arrange(score))}
    for part, channel in (("lead", "pulse1"), ("bass", "triangle")):
        row = lanes[channel]
        right = 0
        for note in score.track(part).notes:
            frame = round(score.second(note.start) * 60)
            right += abs(row.pitch[frame] - note.pitch) < 0.5 and row.volume[frame] > 0
        assert right == len(score.track(part).notes)


def test_a_piece_has_its_frames_and_ends_in_silence() -> None:
    grid = arrange(compose(read("boss fight"), 7.3, 1))
    assert grid.frames == 438
    assert np.all(grid.tokens[:, -1] == 0)


@pytest.mark.parametrize(("prompt", "duty"), [("square lead", 0.5), ("pulse lead", 0.25), ("thin lead", 0.125)])
def test_the_wave_asked_for_is_played(prompt: str, duty: float) -> None:
    row = rows(arrange(compose(read(f"rock, {prompt}"), 10, 1)))[0]
    assert set(row.kind[~np.isnan(row.kind)]) == {duty}


def test_a_triangle_lead_stands_on_the_triangle() -> None:
    score = compose(read("calm adventure, triangle lead"), 10, 1)
    row = next(row for row in rows(arrange(score)) if row.channel == "triangle")
    note = score.track("lead").notes[0]
    assert row.pitch[round(score.second(note.start) * 60)] == pytest.approx(note.pitch, abs=0.5)


def test_an_echo_fills_the_rests_of_the_second_pulse() -> None:
    loud = sum((rows(arrange(compose(read(p), 20, 5)))[1].volume > 0).sum() for p in ["dungeon, echo, chords"])
    dry = sum((rows(arrange(compose(read(p), 20, 5)))[1].volume > 0).sum() for p in ["dungeon, no echo, chords"])
    assert loud >= dry


def test_the_end_of_a_loop_is_silent_for_one_frame_only() -> None:
    grid = arrange(compose(read("techno, 128 bpm"), 15, 1, loop=True))
    lanes = rows(grid)[:4]
    assert all(row.volume[-1] == 0 for row in lanes)
    assert sum(row.volume[-4:-1].sum() for row in lanes) > 0


def test_it_sounds_without_clipping() -> None:
    wave = ChipCodec().decode(arrange(compose(read("aggressive metal, loud"), 10, 1)))
    assert 0.02 < np.sqrt(np.mean(wave.samples**2)) < 0.5
    assert np.abs(wave.samples).max() < 1.0

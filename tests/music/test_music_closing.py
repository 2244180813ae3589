from __future__ import annotations

import io

import mido
import msgspec
import numpy as np
import pytest

from antiphon.engines.chiptune import ChiptuneEngine, plan_of
from antiphon.music import compose, read, to_midi
from antiphon.music.meter import TICKS
from antiphon.music.planning import length_of, plan
from antiphon.services import MusicRequest


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("hymn that ends with an amen", "ending", "plagal"),
        ("rock with an abrupt ending", "ending", "abrupt"),
        ("rock that ends abruptly", "ending", "abrupt"),
        ("ballad, ritardando at the end", "ending", "slowing"),
        ("ballad that slows down at the end", "ending", "slowing"),
        ("a 16-bar boss fight", "bars", 16),
        ("8 bars of waltz", "bars", 8),
        ("8-bit boss", "bars", None),
        ("loop with an intro", "intro", 4),
        ("a 2-bar intro, 16 bars", "intro", 2),
        ("a 2-bar intro, 16 bars", "bars", 16),
        ("intro of 8 bars", "intro", 8),
        ("no intro", "intro", 0),
        ("bar room blues", "bars", None),
        ("key change up a half step", "modulation", 1),
        ("modulates in the last chorus", "modulation", 2),
        ("modulation down", "modulation", -2),
        ("menu music, no minor", "mode", "major"),
        ("not in a major key", "mode", "minor"),
        ("mixolydian hero theme on G", "tonic", 7),
        ("a march on D-Day", "tonic", None),
    ],
)
def test_what_a_prompt_says_of_its_course(prompt: str, field: str, value: object) -> None:
    assert getattr(read(prompt), field) == value


def test_an_amen_is_four_one() -> None:
    for mode, last in (("major", "iv"), ("minor", "iv")):
        score = compose(read(f"hymn in C {mode} with an amen"), 30, 3)
        assert [chord.symbol for chord in score.chords][-2] == last


def test_an_abrupt_end_is_a_beat_and_then_silence() -> None:
    for part in compose(read("rock with an abrupt ending, 120 bpm"), 20, 2).tracks:
        assert part.notes[-1].length <= TICKS


@pytest.mark.parametrize("loop", [False, True])
def test_bars_make_the_length(loop: bool) -> None:
    brief = read("16 bars of boss fight in A minor")
    for seed in range(5):
        seconds = length_of(brief, seed, loop=loop)
        assert seconds is not None
        planned = plan(brief, seconds, seed, loop=loop)
        assert planned.bars == 16
        assert sum(section.bars for section in planned.sections) == 16
        assert not planned.notes or "lasts" in planned.notes[0]


def test_a_length_beside_bars_counts_and_is_told() -> None:
    assert length_of(read("16 bars, 30 seconds"), 1) is None
    planned = plan(read("16 bars at 120 bpm"), 90, 1)
    assert planned.bars > 16
    assert any("16 bars at 120 bpm do not last 90 s" in note for note in planned.notes)


def test_a_modulation_moves_the_last_part_and_the_end() -> None:
    plain, moved = (compose(read(f"adventure in C major{extra}, 120 bpm"), 60, 5) for extra in ("", ", key change"))
    assert moved.key_change is not None
    tick, tonic = moved.key_change
    assert tonic == 2
    assert [n for t in plain.tracks for n in t.notes if n.start < tick] == [
        n for t in moved.tracks for n in t.notes if n.start < tick
    ]
    assert moved.chords[-1].root == 2
    signatures = [m.key for m in mido.MidiFile(file=io.BytesIO(to_midi(moved))).tracks[0] if m.type == "key_signature"]
    assert signatures == ["C", "D"]


def test_a_short_piece_and_a_loop_do_not_modulate_and_tell() -> None:
    assert any("too short to modulate" in note for note in compose(read("key change, 4/4, 60 bpm"), 8, 1).notes)
    looped = compose(read("key change, abrupt ending"), 30, 1, loop=True)
    assert looped.key_change is None
    assert sum("loop" in note for note in looped.notes if "ending" in note or "modulate" in note) == 2


def test_a_ritardando_is_later_and_later_and_keeps_the_length() -> None:
    score = compose(read("ballad, ritardando at the end, 80 bpm"), 30, 4)
    assert score.slows is not None
    start, end, late = score.slows
    steps = [score.second(tick + 12) - score.second(tick) for tick in range(start, end, 12)]
    assert late > 0
    assert steps == sorted(steps)
    assert steps[-1] > 1.2 * steps[0]
    assert score.second(score.ticks) == pytest.approx(score.ticks * 60 / score.ticks_a_minute)


def test_a_loop_goes_back_to_after_its_introduction() -> None:
    score = compose(read("dungeon with a 2 bar intro, 120 bpm"), 40, 1, loop=True)
    assert score.sections[0].letter == "intro"
    assert score.loop_start == 2 * score.bar_ticks
    marks = [(tick, m.text) for tick, m in _marks(to_midi(score)) if m.text.startswith("loop")]
    assert marks == [(score.loop_start * 20, "loopStart"), (score.ticks * 20, "loopEnd")]
    assert compose(read("dungeon, 120 bpm"), 40, 1, loop=True).loop_start == 0
    assert any("too short for an intro" in note for note in compose(read("intro, 60 bpm"), 4, 1, loop=True).notes)


def _marks(data: bytes) -> list[tuple[int, mido.MetaMessage]]:
    found, now = [], 0
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        now += message.time
        if message.type == "marker":
            found.append((now, message))
    return found


def test_a_piece_may_begin_at_once() -> None:
    for seed in range(6):
        assert compose(read("title theme, no intro"), 70, seed).sections[0].letter == "A"
        assert compose(read("title theme with an intro"), 70, seed).sections[0].letter == "intro"


def test_the_second_round_of_a_loop_is_the_first_without_its_introduction() -> None:
    engine, options = ChiptuneEngine(), {"tempo_bpm": 120.0}
    request = MusicRequest(
        prompt="dungeon with a 2 bar intro", seconds=24, seed=1, start_s=0, stop_s=24, loop=True, options=options
    )
    sound = np.concatenate([wave.samples for wave in engine.generate(request, 0)], axis=1)
    longer = msgspec.structs.replace(request, seconds=25, stop_s=25)
    assert plan_of(request).seconds == plan_of(longer).seconds == 24
    round_two = np.concatenate([wave.samples for wave in engine.generate(longer, 0)], axis=1)[:, 24 * 44_100 :]
    again = round(plan_of(request).intro_s * 44_100)
    assert again == 4 * 44_100
    assert np.abs(round_two - sound[:, again : again + 44_100]).max() < 1e-5
    seam = np.concatenate([sound[:, -200:], round_two[:, :200]], axis=1)
    assert np.abs(np.diff(seam)).max() < 0.1

from __future__ import annotations

import itertools

import pytest

from antiphon.music import compose, read
from antiphon.music.meter import METERS, SIXTEENTH, TICKS, Meter
from antiphon.music.rhythm import _pools


@pytest.mark.parametrize("meter", METERS.values(), ids=METERS)
def test_a_bar_is_as_long_as_its_signature_says(meter: Meter) -> None:
    assert meter.ticks == meter.count * 4 * TICKS // meter.unit
    assert all(sum(cell) == meter.sixteenths for pool in _pools(meter) for cell in pool)
    assert meter.compound == (str(meter) in ("6/8", "9/8", "12/8"))


@pytest.mark.parametrize("meter", METERS.values(), ids=METERS)
def test_strokes_keep_their_order_and_beats_fall_on_beats(meter: Meter) -> None:
    places = [meter.warped(position) for position in range(4 * meter.beats + 1)]
    assert all(before < after for before, after in itertools.pairwise(places))
    assert [place * SIXTEENTH for place in places[:-1:4]] == list(meter.beat_ticks)
    assert places[-1] == meter.sixteenths


def test_seven_eight_is_two_two_three() -> None:
    assert METERS["7/8"].beat_ticks == (0, 24, 48)
    assert [METERS["7/8"].on_beat(tick) for tick in (0, 12, 24, 72, 84)] == [True, False, True, False, True]


@pytest.mark.parametrize("name", ["2/4", "3/4", "5/4", "6/8", "7/8", "9/8", "12/8"])
def test_a_metre_is_heard_in_every_part(name: str) -> None:
    """Bars that begin with a low note, and most strokes on the beats of that metre and no other's."""
    score = compose(read(f"adventure in {name}, with drums, D major"), 40, 3)
    assert str(score.meter) == name
    assert not any(f"{name} is played" in note for note in score.notes)
    bass = {note.start for note in score.track("bass").notes}
    bars = range(score.pickup, score.ticks - score.bar_ticks, score.bar_ticks)
    assert sum(bar in bass for bar in bars) >= 0.9 * len(bars)
    kicks = [note.start for note in score.track("drums").notes if note.pitch in (36, 38)]
    assert sum(score.meter.on_beat(start) for start in kicks) >= 0.6 * len(kicks)


def test_compound_time_counts_dotted_quarters() -> None:
    score = compose(read("6/8 at 60 bpm"), 20, 1)
    assert score.tempo_bpm == 60
    assert score.second(score.bar_ticks) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("prompt", "name"), [("a jig", "6/8"), ("slip jig", "9/8"), ("tarantella", "6/8"), ("cut time", "2/4")]
)
def test_dances_have_their_metre(prompt: str, name: str) -> None:
    assert read(prompt).meter == name


def test_a_jig_is_still_celtic() -> None:
    assert read("a jig").style == read("slip jig").style == "celtic"

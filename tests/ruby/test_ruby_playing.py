"""Music without an end: stretches that fit, and other words from the next eighth on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from antiphon.codecs.chip.layout import FRAME_SAMPLES
from antiphon.errors import InputError
from antiphon.ruby import starter
from antiphon.ruby import steps as grid
from antiphon.ruby.playing import FIRST_CONTEXT_STEPS, Live, Writer, brief_of

pytestmark = pytest.mark.slow

PROMPT = "jazz lounge, F major, 120 bpm"
EIGHTH = 15 * FRAME_SAMPLES
"""Samples, at 120 bpm."""


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(starter.load(threads=1), 5)


def played(live: Live, seconds: float) -> np.ndarray:
    parts: list[np.ndarray] = []
    while sum(one.shape[1] for one in parts) < seconds * 44_100:
        parts.append(live.chunk().samples)
    return np.concatenate(parts, axis=1)


@pytest.fixture
def live(writer: Writer) -> Iterator[Live]:
    with Live(writer, PROMPT) as made:
        yield made


def test_stretches_are_whole_bars_in_tempo_and_see_what_came_before(writer: Writer) -> None:
    first = writer.begin(brief_of(PROMPT))
    second = writer.follow(first)
    assert (first.tokens.shape, first.frames) == ((10, 16), 120)
    assert (second.tokens.shape, second.frames) == ((10, 32), 240)
    assert (second.before == first.tokens).all()
    assert first.places() == frozenset(range(0, 120, 15))
    assert (first.until(60) == first.tokens[:, :8]).all()
    assert second.until(240).shape == (10, FIRST_CONTEXT_STEPS)
    assert grid.onsets(second.tokens).any(axis=1)[[grid.BASS, grid.LEAD]].all()


def test_the_same_words_by_the_same_seed_are_the_same_music(live: Live, writer: Writer) -> None:
    with Live(writer, PROMPT) as other:
        assert (played(live, 5.0) == played(other, 5.0)).all()


def test_other_words_are_followed_from_an_eighth_on_and_the_rest_stays(live: Live, writer: Writer) -> None:
    with Live(writer, PROMPT) as other:
        before = other.planned
        heard = [played(other, 1.0)]
        other.say("boss fight, 160 bpm, no drums")
        while other.planned is before:
            heard.append(other.chunk().samples)
            time.sleep(0.01)
        changed = np.concatenate(heard, axis=1)
        assert (other.planned.tempo_bpm, other.planned.style_name, other.planned.tonic) == (160.0, "boss", 5)
        after = played(other, 3.0)
    place = changed.shape[1] - heard[-1].shape[1]  # the last chunk is of the new words
    assert place % EIGHTH == 0
    same = played(live, changed.shape[1] / 44_100 + 0.5)
    assert (same[:, :place] == changed[:, :place]).all()
    assert (same[:, place : changed.shape[1]] != changed[:, place:]).any()
    assert np.abs(after).max() > 0


def test_words_that_nobody_reads_are_told_and_the_music_goes_on(live: Live) -> None:
    with pytest.raises(InputError, match="no language"):
        live.say("  ")
    assert np.abs(played(live, 1.0)).max() > 0
    with pytest.raises(InputError, match="no language"):
        brief_of("быстрая музыка")

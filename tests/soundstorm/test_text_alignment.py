"""Monotonic alignment: against exhaustive search, without labels, and as the times of words."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError
from antiphon.soundstorm.text import from_attention, learn_sounds, words
from antiphon.soundstorm.text.alignment import path


def best_by_trying(scores: np.ndarray, free: np.ndarray) -> float:
    frames, count = scores.shape
    sums = np.concatenate([np.zeros((1, count)), np.cumsum(scores, axis=0)])
    found = []
    for kept in (c for n in range(1, count + 1) for c in combinations(range(count), n)):
        if not all(free[p] or p in kept for p in range(count)) or len(kept) > frames:
            continue
        for cuts in combinations(range(1, frames), len(kept) - 1):
            edges = (0, *cuts, frames)
            found.append(sum(sums[b, p] - sums[a, p] for p, a, b in zip(kept, edges[:-1], edges[1:], strict=True)))
    return max(found)


@settings(max_examples=80)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 31), st.integers(0, 10_000))
def test_the_path_is_the_best_of_all(frames: int, count: int, flags: int, seed: int):
    scores = np.random.default_rng(seed).normal(size=(frames, count)).astype(np.float32)
    free = np.array([bool(flags >> p & 1) for p in range(count)])
    taken = path(scores, free)
    assert int(taken.sum()) == frames
    allowed = free if frames >= (~free).sum() else np.ones(count, bool)
    assert (taken[~allowed] >= 1).all()
    places = np.repeat(np.arange(count), taken)
    assert float(scores[np.arange(frames), places].sum()) == pytest.approx(best_by_trying(scores, allowed), abs=1e-4)


def test_nothing_cannot_be_aligned():
    for shape in ((0, 3), (3, 0)):
        with pytest.raises(InputError):
            path(np.zeros(shape, np.float32), np.zeros(shape[1], bool))


def test_attention_that_wavers_still_gives_one_way_forward():
    attention = np.full((6, 3), 0.1, np.float32)
    for frame, place in enumerate((0, 0, 1, 0, 2, 2)):
        attention[frame, place] = 0.8
    taken = from_attention(attention, np.zeros(3, bool))
    assert taken.sum() == 6
    assert taken.tolist() in ([2, 1, 3], [2, 2, 2])


def test_sounds_are_learnt_without_any_alignment_given():
    """Eight symbols with three tokens each, of random length, with pauses that take time only sometimes."""
    rng = np.random.default_rng(0)
    timeless = np.arange(9) == 8
    pairs, truth = [], []
    for _ in range(150):
        phonemes = rng.integers(0, 8, rng.integers(4, 12))
        phonemes = np.insert(phonemes, rng.integers(1, phonemes.shape[0]), 8)
        frames = np.where(
            phonemes == 8, rng.integers(0, 2, phonemes.shape[0]) * 5, rng.integers(2, 9, phonemes.shape[0])
        )
        tokens = np.repeat(phonemes * 3, frames) + rng.integers(0, 3, int(frames.sum()))
        pairs.append((phonemes, tokens.astype(np.uint16)))
        truth.append(frames)
    sounds = learn_sounds(pairs, 27, timeless)
    ends = [np.cumsum(sounds.align(*pair)) - np.cumsum(frames) for pair, frames in zip(pairs, truth, strict=True)]
    # Equal neighbours cannot be told apart by anything; all other borders can.
    clear = [off[:-1][p[0][1:] != p[0][:-1]] for off, p in zip(ends, pairs, strict=True)]
    assert np.mean(np.abs(np.concatenate(clear)) <= 1) > 0.97


def test_no_texts_teach_nothing():
    with pytest.raises(InputError, match="no recordings with texts"):
        learn_sounds([], 4, np.zeros(3, bool))


def test_words_have_the_times_of_their_phonemes():
    text = "h\u02c8i, ju!"
    frames = np.array([2, 0, 3, 1, 4, 5, 5, 6])
    made = words(text, frames, 50.0)
    assert [(w.phonemes, round(w.start_s, 3), round(w.end_s, 3)) for w in made] == [
        ("h\u02c8i,", 0.0, 0.1),
        ("ju!", 0.2, 0.4),
    ]
    assert words(" ... ", np.ones(5, int), 50.0) == []

"""Long input, streaming and dialogue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from storm_worlds import LAYOUT, Oracle, speech, tokens_for

from antiphon.codecs import TokenGrid
from antiphon.errors import InputError
from antiphon.soundstorm import (
    DecodingInput,
    DecodingOptions,
    Prompt,
    Turn,
    WindowOptions,
    dialogue,
    generate,
    long,
    stream,
    task_key,
)
from antiphon.soundstorm.windows import Piece, Span, spans, together

OPTIONS = WindowOptions(window=50, overlap=8)


def _run(oracle: Oracle | None = None):  # type: ignore[no-untyped-def]
    logits = oracle or Oracle(sharpness=30.0)

    def run(job: DecodingInput) -> TokenGrid:
        return generate(logits, [job], LAYOUT, DecodingOptions(passes=(3, 1, 1)))[0].grid

    return run


def _voice(speaker: int, frames: int = 12) -> Prompt:
    semantic = speech(np.random.default_rng(speaker + 50), frames)
    return Prompt(semantic, tokens_for(semantic, speaker))


def _key(window: int) -> bytes:
    return task_key("long", 0, window)


def test_windows_of_100_frames_are_these() -> None:
    # 50 - 12 prompt = 38 at first, then 30 beside a tail of 8.
    assert spans(100, 12, OPTIONS) == (Span(0, 0, 38), Span(38, 8, 30), Span(68, 8, 30), Span(98, 8, 2))
    early = WindowOptions(window=50, overlap=8, first=5)
    assert spans(40, 12, early) == (Span(0, 0, 5), Span(5, 5, 33), Span(38, 8, 2))


@given(st.integers(0, 3_000), st.integers(0, 41), st.integers(0, 20), st.integers(0, 30))
def test_windows_cover_everything_once_and_never_grow_too_long(f: int, prompt: int, first: int, tail: int) -> None:
    made = spans(f, prompt, WindowOptions(window=50, overlap=8, first=first), tail=tail)
    assert [p.start for p in made] == list(np.cumsum([0, *(p.new for p in made)])[:-1])
    assert sum(p.new for p in made) == f
    assert all(p.new > 0 and prompt + p.tail + p.new <= 50 and p.tail <= p.start + tail for p in made)


def test_the_voice_does_not_drift_over_many_windows() -> None:
    semantic = speech(np.random.default_rng(1), 400)
    grid = long(_run(), semantic, _voice(2), _key, OPTIONS)
    np.testing.assert_array_equal(grid.tokens, tokens_for(semantic, 2))


def test_every_window_sees_the_first_prompt_and_the_tail_of_the_one_before() -> None:
    oracle, semantic, voice = Oracle(sharpness=30.0), speech(np.random.default_rng(1), 120), _voice(1)
    grid = long(_run(oracle), semantic, voice, _key, OPTIONS)
    for number, span in enumerate(spans(120, 12, OPTIONS)):
        seen = oracle.seen[number * 5]
        np.testing.assert_array_equal(seen.tokens[0, :, :12], voice.acoustic)
        tail = grid.tokens[:, span.start - span.tail : span.start]
        np.testing.assert_array_equal(seen.tokens[0, :, 12 : 12 + span.tail], tail)
        assert seen.prompt[0].sum() == 12 + span.tail


def test_streamed_pieces_are_the_whole_and_the_first_comes_early() -> None:
    semantic, blurred = speech(np.random.default_rng(1), 130), _run(Oracle(sharpness=2.0))
    options = WindowOptions(window=50, overlap=8, first=5)
    parts = list(stream(blurred, semantic, _voice(1), _key, options))
    assert parts[0].frames == 5
    whole = long(blurred, semantic, _voice(1), _key, options)
    np.testing.assert_array_equal(np.concatenate([p.tokens for p in parts], axis=1), whole.tokens)


def test_a_dialogue_keeps_two_voices_apart() -> None:
    rng = np.random.default_rng(3)
    turns = [Turn(who, speech(rng, int(n))) for who, n in zip("abab", (70, 20, 9, 55), strict=True)]
    said = list(dialogue(_run(), turns, {"a": _voice(1), "b": _voice(2)}, _key, OPTIONS))
    by_turn = {"a": 1, "b": 2}
    made = np.concatenate([grid.tokens for _, grid in said], axis=1)
    expected = np.concatenate([tokens_for(turn.semantic, by_turn[turn.speaker]) for turn in turns], axis=1)
    np.testing.assert_array_equal(made, expected)
    assert [who for who, _ in said] == ["a", "a", "a", "b", "a", "b", "b"]


def test_a_turn_sees_its_speakers_own_last_words() -> None:
    oracle, rng = Oracle(sharpness=30.0), np.random.default_rng(3)
    turns = [Turn("a", speech(rng, 10)), Turn("b", speech(rng, 10)), Turn("a", speech(rng, 10))]
    list(dialogue(_run(oracle), turns, {"a": _voice(1), "b": _voice(2)}, _key, OPTIONS))
    third = oracle.seen[10]
    np.testing.assert_array_equal(third.tokens[0, :, 12:20], tokens_for(turns[0].semantic, 1)[:, 2:])


def test_what_cannot_be_windowed_is_refused() -> None:
    with pytest.raises(InputError, match="no room"):
        spans(10, 42, OPTIONS)
    with pytest.raises(InputError, match="Split"):
        spans(600_001, 0, OPTIONS)
    with pytest.raises(InputError, match="voice for the speaker c"):
        list(dialogue(_run(), [Turn("c", speech(np.random.default_rng(0), 5))], {"a": _voice(1)}, _key))
    with pytest.raises(InputError, match="Give at least one"):
        long(_run(), np.zeros(0, np.uint16), Prompt.none(LAYOUT), _key, OPTIONS)
    with pytest.raises(InputError, match="same audio"):
        Prompt(np.zeros(3, np.uint16), np.zeros((3, 4), np.uint16))
    with pytest.raises(ValueError, match="overlap"):
        WindowOptions(window=5, overlap=5)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_pieces_made_together_are_those_made_alone(batch: int) -> None:
    rng = np.random.default_rng(4)
    pieces = [
        Piece(speech(rng, frames), _voice(n % 2), lambda w, n=n: task_key("many", n, w))  # type: ignore[misc]
        for n, frames in enumerate((30, 90, 1, 140, 38))
    ]
    logits, sizes = Oracle(sharpness=30.0), []

    def run(jobs):  # type: ignore[no-untyped-def]
        sizes.append(len(jobs))
        return [result.grid for result in generate(logits, jobs, LAYOUT, DecodingOptions(passes=(3, 1, 1)))]

    made = dict(together(run, pieces, batch, OPTIONS))
    assert sorted(made) == list(range(5))
    for number, piece in enumerate(pieces):
        alone = long(_run(), piece.semantic, piece.voice, piece.key, OPTIONS)
        assert np.array_equal(made[number].tokens, alone.tokens)
    assert max(sizes) == min(batch, 5)


def test_pieces_of_nothing_are_refused() -> None:
    nothing = Piece(np.zeros(0, np.uint16), _voice(1), _key)
    with pytest.raises(InputError, match="no semantic tokens"):
        list(together(lambda _: [], [nothing], 2, OPTIONS))
    with pytest.raises(InputError, match="at least one piece"):
        list(together(lambda _: [], [], 0, OPTIONS))

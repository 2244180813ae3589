"""Token by token: what is drawn, what is forbidden, when it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.decoding import task_key
from antiphon.soundstorm.text import SamplingOptions, TextConfig, generate, stream
from antiphon.soundstorm.text.sampling import choose, forbidden

CONFIG = TextConfig(
    symbols="abc ", semantic="fake", semantic_vocabulary=6, frame_rate_hz=50.0, frames_per_symbol=2.0, dropout=0.0
)
IDS = CONFIG.ids("abca")
KEY = task_key("task", 1)


class Scripted:
    """A model whose logits are a function of the tokens so far."""

    config = CONFIG

    def __init__(self, script: Any) -> None:
        self._script = script

    def begin(self, phonemes: np.ndarray) -> Any:
        return self._at((phonemes, ()))

    def step(self, token: int, state: Any) -> Any:
        phonemes, history = state
        return self._at((phonemes, (*history, token)))

    def _at(self, state: Any) -> Any:
        phonemes, history = state
        attention = np.zeros(phonemes.shape[0], np.float32)
        attention[min(len(history) // 2, phonemes.shape[0] - 1)] = 1
        return np.asarray(self._script(history), np.float32), attention, state


def likes(token: int) -> np.ndarray:
    return np.where(np.arange(7) == token, 9.0, 0.0)


GREEDY = SamplingOptions(temperature=0)


def test_the_end_ends_it_and_is_not_a_token():
    spoken = generate(Scripted(lambda history: likes(len(history) if len(history) < 6 else 6)), IDS, KEY, GREEDY)
    assert spoken.tokens.tolist() == [0, 1, 2, 3, 4, 5]
    assert spoken.ended
    assert spoken.attention.shape == (6, 6)
    assert spoken.attention.argmax(1).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_model_that_never_ends_is_cut_by_the_number_of_phonemes():
    spoken = generate(Scripted(lambda history: likes(len(history) % 6)), IDS, KEY, GREEDY)
    assert not spoken.ended
    assert spoken.tokens.shape[0] == GREEDY.bounds(6, CONFIG)[1] == 3 * 12 + 25


def test_an_end_that_comes_too_early_is_not_taken():
    spoken = generate(Scripted(lambda history: likes(6)), IDS, KEY, GREEDY)
    assert spoken.tokens.shape[0] == GREEDY.bounds(6, CONFIG)[0] == 3


def test_a_run_of_one_token_is_broken():
    options = SamplingOptions(temperature=0, longest_run=4)
    tokens = generate(Scripted(lambda history: likes(2) + likes(3) / 2), IDS, KEY, options).tokens.tolist()
    assert tokens[:6] == [2, 2, 2, 2, 3, 2]


@settings(max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.integers(0, 8))
def test_a_loop_of_any_pattern_is_broken(pattern: list[int], before: int):
    options = SamplingOptions(pattern=5, repeats=3, longest_run=15)
    history = [9 + n for n in range(before)] + pattern * 3
    banned = forbidden(history, options)
    if len(set(pattern)) > 1:
        assert pattern[0] in banned
    assert forbidden([*range(20)], options) == set()


def test_luck_is_the_keys_alone():
    model = Scripted(lambda history: np.arange(7) / 7)
    one, same, other = (generate(model, IDS, task_key("task", seed)).tokens.tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_stream_is_the_whole_bit_by_bit():
    model = Scripted(lambda history: np.arange(7) / 7)
    drawn = [token for token, _ in stream(model, IDS, KEY)]
    whole = generate(model, IDS, KEY)
    assert drawn == whole.tokens.tolist() + ([CONFIG.end] if whole.ended else [])


def test_a_prompt_is_gone_on_with_and_not_repeated():
    model = Scripted(lambda history: likes(len(history) if len(history) < 6 else 6))
    assert generate(model, IDS, KEY, GREEDY, prompt=np.array([0, 1, 2], np.uint16)).tokens.tolist() == [3, 4, 5]
    with pytest.raises(InputError, match="not below 6"):
        generate(model, IDS, KEY, GREEDY, prompt=np.array([6], np.uint16))


def test_top_k_and_top_p_leave_only_the_likeliest():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    rng = np.random.default_rng(0)

    def drawn(options: SamplingOptions) -> np.ndarray:
        noise = rng.gumbel(size=(4_000, 4)).astype(np.float32)
        return np.bincount([choose(logits, set(), row, options) for row in noise], minlength=4) / 4_000

    np.testing.assert_allclose(drawn(SamplingOptions(temperature=1, top_k=0, top_p=1.0)), np.exp(logits), atol=0.03)
    np.testing.assert_allclose(
        drawn(SamplingOptions(temperature=1, top_k=2, top_p=1.0)), [0.625, 0.375, 0, 0], atol=0.03
    )
    # 0.5 + 0.3 reaches 0.7, so the nucleus has two; 0.4 is reached by the first alone.
    np.testing.assert_allclose(
        drawn(SamplingOptions(temperature=1, top_k=0, top_p=0.7)), [0.625, 0.375, 0, 0], atol=0.03
    )
    np.testing.assert_allclose(drawn(SamplingOptions(temperature=1, top_k=0, top_p=0.4)), [1, 0, 0, 0])


def test_what_is_banned_never_comes():
    noise = np.random.default_rng(0).gumbel(size=(200, 7)).astype(np.float32)
    for temperature in (0.0, 2.0):
        options = SamplingOptions(temperature=temperature, top_k=1)
        assert {choose(likes(2), {2, 6}, row, options) for row in noise}.isdisjoint({2, 6})


@pytest.mark.parametrize("made", [np.full(7, np.nan), np.zeros(5), np.full(7, np.inf)])
def test_a_model_that_gives_no_numbers_is_an_error(made: np.ndarray):
    with pytest.raises(ModelError, match="something else than numbers"):
        generate(Scripted(lambda history: made), IDS, KEY)


def test_text_without_a_phoneme_we_know_is_refused():
    assert CONFIG.spelt(CONFIG.ids("ax!b")) == " ab "
    for text in ("", "xyz", "   "):
        with pytest.raises(InputError, match="nothing to speak"):
            CONFIG.ids(text)
    with pytest.raises(InputError, match="sentence by sentence"):
        CONFIG.ids("a" * 3_000)

from __future__ import annotations

import itertools

import numpy as np
import pytest

from antiphon.codecs.chip import ChipCodec
from antiphon.errors import InputError
from antiphon.music.effects import EFFECTS, effect, louder


def _sound(prompt: str, seed: int = 1) -> np.ndarray:
    return louder(ChipCodec().decode(effect(prompt, seed).grid)).samples


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_is_short_loud_enough_and_ends_in_silence(name: str) -> None:
    for seed in range(5):
        for words in ("", "huge ", "tiny quick "):
            sound = _sound(words + name, seed)
            assert 0.05 < sound.shape[1] / 44_100 < 4
            assert 0.1 < np.abs(sound).max() < 1
            assert np.abs(sound[:, -100:]).max() < 0.01


def test_the_same_seed_makes_the_same_sound_and_another_another() -> None:
    for name in EFFECTS:
        first, again, other = effect(name, 1).grid.tokens, effect(name, 1).grid.tokens, effect(name, 2).grid.tokens
        assert np.array_equal(first, again)
        assert first.shape != other.shape or not np.array_equal(first, other)


def test_no_two_effects_are_alike() -> None:
    spectra = {}
    for name in EFFECTS:
        sound = np.zeros(100_000)
        mono = _sound(name).mean(axis=0)[:100_000]
        sound[: len(mono)] = mono
        frames = np.abs(np.fft.rfft(sound.reshape(50, -1), axis=1))[:, :200]
        spectra[name] = frames / np.linalg.norm(frames)
    for (one, a), (two, b) in itertools.combinations(spectra.items(), 2):
        assert float((a * b).sum()) < 0.95, (one, two)


def test_words_say_how() -> None:
    length = {words: _sound(f"{words} explosion").shape[1] for words in ("short", "", "long")}
    assert length["short"] < length[""] < length["long"]
    assert np.abs(_sound("soft hit")).max() < np.abs(_sound("hit")).max()
    coin = [effect(f"{words} coin", 3).grid.tokens[0] for words in ("big", "", "tiny")]
    lowest = [int(tokens[tokens > 0].min()) for tokens in coin]
    assert lowest == sorted(lowest)


def test_words_in_prompts_find_their_effect() -> None:
    assert effect("sound of a footstep", 1).name == "step"
    assert effect("8-bit laser gun sfx", 1).name == "laser"
    assert effect("game over explosion", 1).notes == ("Not understood: over.",)


def test_an_unknown_effect_is_told_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="names no effect") as told:
        effect("symphony", 1)
    assert "coin" in told.value.hint

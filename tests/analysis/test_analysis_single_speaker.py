"""One person's speech is told from music, noise and conversations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import antiphon.bench
from antiphon.analysis.single_speaker import require_one_voice
from antiphon.audio import Waveform
from antiphon.audio.reference import prepare
from antiphon.errors import InputError

RECORDED = Path(antiphon.bench.__file__).parent / "references"
pytestmark = pytest.mark.slow


def recorded(name: str) -> Waveform:
    return prepare(RECORDED / f"{name}.opus").waveform


@pytest.mark.parametrize("name", ["june", "carlo", "ivrvoice"])
def test_one_speaker_passes(name: str) -> None:
    require_one_voice(recorded(name))


def test_two_speakers_are_refused() -> None:
    both = np.concatenate([recorded("june").samples, recorded("carlo").samples], axis=1)
    with pytest.raises(InputError, match="several speakers"):
        require_one_voice(Waveform(both, 24_000))


def test_a_tune_is_refused() -> None:
    notes = np.repeat([220.0, 262.0, 330.0, 294.0, 440.0, 392.0, 330.0, 262.0], 12_000)
    tune = 0.2 * np.sign(np.sin(2 * np.pi * np.cumsum(notes) / 24_000))
    with pytest.raises(InputError, match="music"):
        require_one_voice(Waveform(tune.astype(np.float32)[None], 24_000))


def test_noise_is_refused() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 120_000)).astype(np.float32)
    with pytest.raises(InputError, match="voiced"):
        require_one_voice(Waveform(noise, 24_000))

"""Recordings to collect: melodies that differ by seed, written where a test wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from antiphon.audio import AudioWriter, Waveform, format_of
from antiphon.genki.data import Collection

RATE_HZ = 16_000


def melody(seed: int, seconds: float = 3.0) -> Waveform:
    """Notes of an eighth of a second with four harmonics, over a little noise."""
    generator = np.random.default_rng(seed)
    notes = generator.integers(45, 80, int(np.ceil(seconds * 8)))
    hertz = np.repeat(440 * 2 ** ((notes - 69) / 12), RATE_HZ // 8)[: int(seconds * RATE_HZ)]
    phase = 2 * np.pi * np.cumsum(hertz) / RATE_HZ
    wave = sum(generator.uniform(0.2, 1) * np.sin(n * phase) / n for n in range(1, 5))
    return Waveform((0.2 * wave + 0.003 * generator.standard_normal(phase.size)).astype(np.float32)[None], RATE_HZ)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a waveform below `tmp_path / "recordings"`."""

    def write(name: str, sound: Waveform) -> Path:
        file = tmp_path / "recordings" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with AudioWriter(file, format_of(file), sound.rate_hz, sound.channels) as writer:
            writer.write(sound)
        return file

    return write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recordings"
    made.mkdir()
    return made


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection(tmp_path / "home", "songs")


@pytest.fixture(name="melody")
def _melody() -> Callable[..., Waveform]:
    return melody

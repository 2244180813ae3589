"""Looking at a generator in training: always the same look, which changes nothing of the training."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from storm_fakes import LevelCodec, numbers

from antiphon.audio import Waveform
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.tokenset import Example, InMemoryTokenSet

torch = pytest.importorskip("torch")

from antiphon.cli.validating import looking  # noqa: E402
from antiphon.soundstorm.training.data import batch_of, batch_plan  # noqa: E402
from antiphon.soundstorm.training.profiles import profile  # noqa: E402
from antiphon.soundstorm.training.trainer import Trainer  # noqa: E402

CODEC = LevelCodec()
LAYOUT = Layout.of(CODEC, 16)


def recordings(count: int, seed: int) -> InMemoryTokenSet:
    return InMemoryTokenSet(
        [
            Example(numbers(60, 16, seed + n), np.stack([numbers(60, v, seed + n) for v in LAYOUT.vocabulary]))
            for n in range(count)
        ]
    )


class Kept:
    """A tracker that keeps what it gets."""

    def __init__(self) -> None:
        self.sounds: list[tuple[int, Waveform]] = []

    def log(self, step: int, figures: dict[str, float]) -> None:
        pass

    def audio(self, step: int, name: str, wave: Waveform) -> None:
        self.sounds.append((step, wave))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("objective", ["maskgit", "diffusion"])
def test_a_look_is_repeatable_and_leaves_the_training_as_it_was(objective: str):
    config = profile("tiny", LAYOUT)
    config = msgspec.structs.replace(
        config,
        generator=msgspec.structs.replace(config.generator, objective=objective, diffusion_steps=5),
        precision="float32",
    )
    learnt, tracker = recordings(8, 0), Kept()
    look = looking(recordings(4, 100), config, CODEC, tracker)
    watched, alone = Trainer(config), Trainer(config)
    for step in range(3):
        batch = batch_of(learnt, batch_plan(learnt, config).at(step), step, config)
        alone.train(batch)
        watched.train(batch)
        first, second = look(watched.average, watched.step), look(watched.average, watched.step)
        assert first == second
        assert all(name.startswith("valid_") and np.isfinite(value) for name, value in first.items())
    for name, value in alone.model.state_dict().items():
        assert torch.equal(value, watched.model.state_dict()[name]), name
    heard = [(step, wave.duration_s) for step, wave in tracker.sounds]
    assert heard == [(n, pytest.approx(0.8)) for n in (1, 1, 2, 2, 3, 3)]

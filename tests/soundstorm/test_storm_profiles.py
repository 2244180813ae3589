"""The table of profiles is counted from the models, and what it counts is what trainings hold and exports weigh."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from storm_worlds import LAYOUT, token_set

from antiphon.models import tensors
from antiphon.soundstorm.training import profiles
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.export import stored_bytes, weights_of
from antiphon.soundstorm.training.model import Generator, parameters_of
from antiphon.soundstorm.training.trainer import Trainer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "soundstorm_profiles.py"))


def test_the_table_of_the_guide_is_the_scripts(script: dict[str, Any]) -> None:
    table = "\n".join(script["table"]())
    assert table.count("\n") == 5
    assert f"\n\n{table}\n\n" in (ROOT / "docs" / "soundstorm.md").read_text()


def test_an_export_weighs_what_the_table_counts() -> None:
    model = Generator(profiles.profile("tiny", LAYOUT).generator)
    blob = weights_of(model)
    assert stored_bytes(model) == sum(array.nbytes for array in tensors.parse(blob).values())


def test_a_training_holds_what_the_table_counts(script: dict[str, Any]) -> None:
    config = msgspec.structs.replace(profiles.profile("tiny", LAYOUT), precision="float32")
    tokens = token_set(8)
    trainer = Trainer(config)
    trainer.train(batch_of(tokens, batch_plan(tokens, config).at(0), 0, config))
    weights = list(trainer.model.parameters())
    held = [*weights, *trainer.average.parameters(), *(one.grad for one in weights)]
    held += [value for state in trainer.optimiser.state.values() for name, value in state.items() if name != "step"]
    assert sum(one.nbytes for one in held) == parameters_of(config.generator) * script["STATE"]

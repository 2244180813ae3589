"""Train Ruby on a prepared set, and measure on its test pieces.

    python scripts/ruby_train.py DATA OUT [NAME=VALUE ...]

Resumes from the newest checkpoint in OUT. Settings are those of `soundstorm.training.profiles.TrainConfig`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from antiphon.ruby.training.batches import Example, fixed
from antiphon.ruby.training.data import load
from antiphon.ruby.training.trainer import config, masked_loss, run
from antiphon.soundstorm.training.model import Generator
from antiphon.soundstorm.training.profiles import TrainConfig


def held_out(model: Generator, examples: list[Example], settings: TrainConfig) -> float:
    """Mean loss a hidden token of the level in turn, with masks that stay."""
    batch, hidden = fixed(examples, settings)
    with torch.no_grad():
        return float(masked_loss(model, batch, torch.from_numpy(hidden), batch.total, 0.0)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--size", default="base")
    given = parser.parse_args()
    changes = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.settings)}
    settings = config(given.size, **changes)
    test = load(given.data, "test")
    groups = {
        origin: [one for one in test if one.attributes.origin == origin][:24] for origin in ("people", "composer")
    }

    def evaluate(model: Generator, _step: int) -> dict[str, float]:
        return {f"test_{name}": held_out(model, group, settings) for name, group in groups.items() if group}

    run(settings, load(given.data, "train"), given.out, report=lambda line: print(line, flush=True),
        evaluate=evaluate, evaluate_every=500)  # fmt: skip


if __name__ == "__main__":
    main()

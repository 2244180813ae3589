"""One token at a time: what parallel decoding is compared with must be made right, or the comparison flatters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from storm_fakes import numbers

pytest.importorskip("torch")
import torch

from antiphon.soundstorm import Example, InMemoryTokenSet, Layout
from antiphon.soundstorm.decoding import DecodingInput, task_key
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.one_by_one import BLOCK, OneByOne
from antiphon.soundstorm.training.autoregressive import Autoregressive, AutoregressiveTrainer, graph
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.training.hardware import ProcessGroup

LAYOUT = Layout(codec="synthetic", vocabulary=(9, 7, 5), frame_rate_hz=50.0, semantic_vocabulary=10)
CONFIG = GeneratorConfig(layout=LAYOUT, layers=1, dim=32, dropout=0.0)
FRAMES = BLOCK // LAYOUT.levels + 20  # so that the past grows on the way


@pytest.fixture(scope="module")
def model() -> Autoregressive:
    made = Autoregressive(CONFIG, seed=3).eval()
    torch.nn.init.normal_(made.heads, std=0.5, generator=torch.Generator().manual_seed(4))
    return made


def asked(seed: int, prompt: int = 12) -> DecodingInput:
    acoustic = np.stack([numbers(prompt, size, level) for level, size in enumerate(LAYOUT.vocabulary)])
    return DecodingInput(numbers(FRAMES, 10, 7), acoustic, task_key("one by one", seed))


@pytest.mark.parametrize("prompt", [0, 12])
def test_each_token_is_the_likeliest_by_all_before_it(model: Autoregressive, prompt: int) -> None:
    job = asked(0, prompt)
    made = OneByOne(graph(model), CONFIG).generate(job, temperature=0.0)
    assert made.tokens.shape == (3, FRAMES - prompt)
    whole = np.concatenate([job.prompt, made.tokens], axis=1).astype(np.int64)
    with torch.inference_mode():
        logits = model(torch.from_numpy(job.semantic.astype(np.int64))[None], torch.from_numpy(whole)[None])[0]
    for level, size in enumerate(LAYOUT.vocabulary):
        likeliest = logits[prompt:, level, :size].argmax(-1).numpy()
        assert np.array_equal(likeliest, made.tokens[level])


def test_a_key_draws_the_same_tokens_and_another_key_others(model: Autoregressive) -> None:
    served = OneByOne(graph(model), CONFIG)
    one, again, other = (served.generate(asked(seed)).tokens for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_it_learns_what_its_tokens_follow_from(tmp_path: Path) -> None:
    semantic = numbers(60, 5, 1)
    example = Example(semantic, np.stack([semantic, semantic, semantic]))
    tokens = InMemoryTokenSet([example] * 4)
    config = TrainConfig(
        generator=CONFIG, batch=4, frames=40, steps=60, warm_up=5, learning_rate=5e-3, precision="float32", ema=0.9
    )
    codebooks = [np.eye(size, 6) for size in LAYOUT.vocabulary]
    trainer = AutoregressiveTrainer(config, ProcessGroup(precision="float32"), codebooks)
    plan = batch_plan(tokens, config)
    losses = [trainer.train(batch_of(tokens, plan.at(n), n, config))["loss"] for n in range(config.steps)]
    assert losses[-1] < losses[0] / 4

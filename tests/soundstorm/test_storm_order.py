"""Coarse first: a layout says in which order levels are made, while grids keep the codec's order everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from storm_worlds import Oracle, job, token_set, tokens_for

from antiphon import models
from antiphon.codecs import neural
from antiphon.codecs.chip import ChipCodec
from antiphon.economy.types import Verdict
from antiphon.errors import ModelError
from antiphon.soundstorm import (
    DecodingInput,
    DecodingOptions,
    Layout,
    Prompt,
    WindowOptions,
    generate,
    long,
    starter,
    task_key,
)
from antiphon.soundstorm.audit import SAME_WEIGHTS, Task, audit, commit, open_pass
from antiphon.soundstorm.decoding import batch, start
from antiphon.soundstorm.masking import apply_mask, masking
from antiphon.soundstorm.schedules import passes_of

GROUPED = Layout(
    codec="synthetic", vocabulary=(16, 30, 7, 12), frame_rate_hz=50.0, semantic_vocabulary=10, depth=(0, 1, 0, 1)
)
PLAIN = msgspec.structs.replace(GROUPED, depth=())
ORDER = (0, 2, 1, 3)


def test_the_coarse_levels_of_all_groups_come_first_and_get_the_many_passes() -> None:
    assert (GROUPED.order, GROUPED.coarse) == (ORDER, 2)
    assert [GROUPED.place[level] for level in ORDER] == [0, 1, 2, 3]
    assert (PLAIN.order, PLAIN.place, PLAIN.coarse) == ((0, 1, 2, 3), (0, 1, 2, 3), 1)
    assert passes_of(4, coarse=2) == (16, 16, 1, 1)
    steps = DecodingOptions(first=3).plan(GROUPED)
    assert [(step.level, step.turn) for step in steps] == [
        (0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2), (1, 0), (3, 0),
    ]  # fmt: skip
    assert [step.level for step in DecodingOptions(passes=(1, 2, 3, 1)).plan(GROUPED)] == [0, 2, 2, 1, 1, 1, 3]
    with pytest.raises(ValueError, match="depth"):
        msgspec.structs.replace(GROUPED, depth=(0, 1))
    with pytest.raises(ValueError, match="depth"):
        msgspec.structs.replace(GROUPED, depth=(0, 1, 0, 4))


def test_our_codec_has_two_groups_a_stack_of_levels_needs_no_depth() -> None:
    codec = neural.load()
    assert (Layout.of(codec).depth, Layout.of(codec).order) == ((0, 1, 0, 1), ORDER)
    assert neural.CodecConfig(groups=1, levels=12).depth == tuple(range(12))
    assert Layout.of(ChipCodec()).depth == ()


def test_the_generator_that_ships_keeps_the_order_it_was_trained_in() -> None:
    shipped = starter.load(threads=1).generator.layout
    shipped.fits(neural.load())
    assert shipped.order == (0, 1, 2, 3)
    assert [step.level for step in starter.DECODING.plan(shipped)] == [0, 0, 0, 0, 1, 2, 3]


def test_only_levels_made_later_are_hidden_in_training() -> None:
    grid = np.array([[1, 2, 3], [4, 5, 6], [1, 0, 2], [7, 8, 9]])
    drawn = masking(3, 4, prompt=1, level=2, share=0.5, chances=np.array([0.1, 0.9, 0.2]))
    assert apply_mask(grid, GROUPED, drawn).tolist() == [[1, 2, 3], [4, 30, 30], [1, 0, 7], [7, 12, 12]]
    drawn = replace(drawn, level=1)
    assert apply_mask(grid, GROUPED, drawn).tolist() == [[1, 2, 3], [4, 5, 30], [1, 0, 2], [7, 12, 12]]


def test_what_is_made_is_in_the_codecs_order_and_its_audit_knows_the_order_of_making() -> None:
    one = job(layout=GROUPED, speaker=2)
    oracle = Oracle(GROUPED, sharpness=30.0)
    task = Task("oracle", GROUPED, DecodingOptions(first=3), one)
    result = generate(oracle, [one], GROUPED, task.options, traced=True)[0]
    np.testing.assert_array_equal(result.grid.tokens, tokens_for(one.semantic, 2, GROUPED)[:, 10:])
    assert result.trace is not None
    for step, before in zip(task.steps, result.trace.grids, strict=False):
        whole = [level for level in range(4) if (before[level] < GROUPED.vocabulary[level]).all()]
        assert set(whole) == set(ORDER[: GROUPED.place[step.level]])
    made = commit(task, result.trace)
    found = [audit(task, made, n, open_pass(task, result.trace, n), oracle) for n in range(8)]
    assert {one.verdict for one in found} == {Verdict.VALID}


def test_a_processor_that_makes_levels_in_another_order_is_found_in_every_pass_that_differs() -> None:
    one = job(layout=GROUPED)
    oracle = Oracle(GROUPED, sharpness=30.0)
    agreed = Task("oracle", GROUPED, DecodingOptions(passes=(2, 2, 1, 1)), one)
    options = DecodingOptions(passes=(2, 1, 2, 1))
    other = generate(oracle, [one], PLAIN, options, traced=True)[0].trace
    assert other is not None
    made = commit(agreed, other)
    verdicts = [audit(agreed, made, n, open_pass(agreed, other, n), oracle).verdict for n in range(6)]
    assert verdicts == [Verdict.VALID] * 2 + [Verdict.INVALID] * 3 + [Verdict.VALID]


def test_guided_levels_are_the_first_ones_made() -> None:
    options = DecodingOptions(guidance=2.0, guided_levels=2)
    assert [options.guidance_of(level, GROUPED) for level in range(4)] == [2.0, 1.0, 2.0, 1.0]
    assert [options.guidance_of(level, PLAIN) for level in range(4)] == [2.0, 2.0, 1.0, 1.0]


torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from antiphon.soundstorm.serving import load  # noqa: E402
from antiphon.soundstorm.training import loop, profiles  # noqa: E402
from antiphon.soundstorm.training.data import batch_of, batch_plan  # noqa: E402
from antiphon.soundstorm.training.export import export, torch_logits, weights_of  # noqa: E402
from antiphon.soundstorm.training.model import Generator  # noqa: E402
from antiphon.soundstorm.training.objectives import maskgit_loss  # noqa: E402
from antiphon.soundstorm.training.trainer import Trainer  # noqa: E402

TOKENS = token_set(24, layout=GROUPED)


def _config(layout: Layout, steps: int) -> profiles.TrainConfig:
    config = profiles.profile("tiny", layout)
    generator = msgspec.structs.replace(config.generator, dropout=0.0)
    settings = {
        "steps": steps,
        "batch": 8,
        "learning_rate": 4e-3,
        "warm_up": 5,
        "precision": "float32",
        "upper_weight": 0.5,
    }
    return msgspec.structs.replace(config, generator=generator, log_every=50, save_every=1_000, **settings)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Weights that were trained in the grid's order."""
    trainer = loop.run(_config(PLAIN, 150), TOKENS, tmp_path_factory.mktemp("before"))
    return weights_of(trainer.average)


@pytest.mark.slow
def test_upper_levels_are_those_made_later() -> None:
    config = _config(GROUPED, 1)
    drawn = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    model, count = Generator(config.generator, 3), float(drawn.chosen.sum())
    plain, both = (float(maskgit_loss(model, drawn, count, upper=u)[0].detach()) for u in (0.0, 1.0))
    above = sum(
        float((drawn.valid & ~drawn.prompt)[row].sum()) * np.log(GROUPED.vocabulary[level])
        for row in range(8)
        for level in range(4)
        if GROUPED.place[level] > GROUPED.place[int(drawn.level[row])]
    )  # heads begin at 0, so that every guess costs the logarithm
    assert both == pytest.approx(plain + above / count, rel=1e-4)


@pytest.mark.slow
def test_a_generator_goes_on_in_another_order_with_the_very_same_logits(before: bytes, tmp_path: Path) -> None:
    config = _config(GROUPED, 120)
    old, new = Trainer(_config(PLAIN, 1), weights=before), Trainer(config, weights=before)
    drawn = batch_of(TOKENS, batch_plan(TOKENS, config).at(0), 0, config)
    inputs = (drawn.semantic, drawn.tokens, drawn.prompt, drawn.valid)
    for level in range(4):
        one, other = (trainer.model.eval()(*inputs, torch.tensor(level)) for trainer in (old, new))
        assert torch.equal(one, other)
    begun = float(maskgit_loss(new.model, drawn, float(drawn.chosen.sum()))[0].detach())
    fresh = float(maskgit_loss(Generator(config.generator), drawn, float(drawn.chosen.sum()))[0].detach())
    assert begun < 0.8 * fresh
    trainer = loop.run(config, TOKENS, tmp_path / "run", weights=before)
    export(trainer.average, tmp_path / "out")
    served = load(tmp_path / "out", threads=1)
    assert served.layout == GROUPED
    one = job(60, 0, layout=GROUPED, seed=5)
    right = tokens_for(one.semantic, 1, GROUPED)
    voice = Prompt(one.semantic[:15], right[:, :15])
    made = long(
        served.runner(DecodingOptions(first=4, temperature=0.0)),
        one.semantic[15:],
        voice,
        lambda n: task_key("a task", 0, n),
        WindowOptions(window=40, overlap=8),
    )
    # Every level at its own place; whose voice the first one is in takes longer to learn.
    voices = [tokens_for(one.semantic, speaker, GROUPED)[:, 15:] for speaker in range(3)]
    assert max((made.tokens == voice).mean(axis=1).min() for voice in voices) > 0.7
    task = Task(served.name, GROUPED, DecodingOptions(first=4), job(40, 10, layout=GROUPED))
    trace = served.generate([task.job], task.options, traced=True)[0].trace
    assert trace is not None
    found = [
        audit(task, commit(task, trace), n, open_pass(task, trace, n), torch_logits(trainer.average), SAME_WEIGHTS)
        for n in range(len(task.steps))
    ]
    assert Verdict.INVALID not in {one.verdict for one in found}


@pytest.mark.slow
def test_the_generator_that_ships_can_go_on_coarse_first() -> None:
    blob = (models.path(starter.MODEL) / f"{starter.MODEL}-generator.safetensors").read_bytes()
    shipped = starter.load(precision="float32", threads=1)
    layout = Layout.of(shipped.codec, shipped.tokenizer.vocabulary, semantic=shipped.tokenizer.name)
    config = msgspec.structs.replace(profiles.profile("small", layout), precision="float32")
    begun = Trainer(config, weights=blob).average
    voice = Prompt(np.arange(20, dtype=np.uint16), np.arange(80, dtype=np.uint16).reshape(4, 20))
    one = DecodingInput(np.arange(50, dtype=np.uint16), voice.acoustic, task_key("ships", 0))
    inputs = batch([one], [start(one, layout)], layout)
    for level in range(4):
        made, right = torch_logits(begun)(inputs, level), shipped.generator(inputs, level)
        np.testing.assert_allclose(made, right, atol=2e-3)
    grid = generate(torch_logits(begun), [one], layout, DecodingOptions(first=2))[0].grid
    assert np.isfinite(shipped.codec.decode(grid).samples).all()


@pytest.mark.slow
def test_weights_of_other_tokens_are_refused(before: bytes) -> None:
    other = msgspec.structs.replace(GROUPED, codec="another")
    with pytest.raises(ModelError, match="codec synthetic, not another"):
        Trainer(_config(other, 1), weights=before)
    named = Trainer(_config(msgspec.structs.replace(PLAIN, semantic="clusters-1"), 1))
    with pytest.raises(ModelError, match="clusters-1, not of clusters-2"):
        Trainer(_config(msgspec.structs.replace(GROUPED, semantic="clusters-2"), 1), weights=weights_of(named.average))
    larger = msgspec.structs.replace(_config(GROUPED, 1), generator=profiles.profile("small", GROUPED).generator)
    with pytest.raises(ModelError, match="not of this configuration"):
        Trainer(larger, weights=before)

"""The profile `paper` is what the paper says (arXiv:2305.09636), and works at any size."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from storm_worlds import LAYOUT, job, token_set

from antiphon.codecs import training as codecs
from antiphon.soundstorm import DecodingOptions, Layout, generate, profile
from antiphon.soundstorm.semantic import profile as semantic_profile
from antiphon.soundstorm.serving import load
from antiphon.soundstorm.training import loop, profiles
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.export import export, restored, torch_logits
from antiphon.soundstorm.training.model import Generator, parameters_of

TOKENS = token_set(24)


def _tiny(**changes: object) -> profiles.TrainConfig:
    """The smallest generator, in everything else as the paper has it."""
    paper, tiny = profiles.profile("paper", LAYOUT), profiles.profile("tiny", LAYOUT)
    sizes = {name: getattr(tiny.generator, name) for name in ("layers", "dim", "name", "window")}
    generator = msgspec.structs.replace(paper.generator, **sizes)
    settings = {name: getattr(tiny, name) for name in ("batch", "frames", "warm_up", "learning_rate")} | {"steps": 3}
    return msgspec.structs.replace(paper, generator=generator, precision="float32", **(settings | changes))


def test_the_papers_size_is_about_350_million() -> None:
    layout = Layout(codec="soundstream", vocabulary=(1024,) * 12, frame_rate_hz=50.0)
    sizes = {name: parameters_of(profile(name, layout)) for name in ("tiny", "small", "base", "paper")}
    assert sizes == {"tiny": 1_844_288, "small": 15_663_360, "base": 85_676_544, "paper": 353_911_808}
    assert sizes["paper"] == pytest.approx(350e6, rel=0.03)


def test_the_profile_paper_is_what_the_paper_says() -> None:
    codec, clusters = codecs.profile("paper").codec, semantic_profile("paper")
    layout = Layout(
        codec=codec.name,
        vocabulary=(codec.codes,) * codec.streams,
        frame_rate_hz=codec.frame_rate_hz,
        depth=codec.depth,
        semantic_vocabulary=clusters.clusters,
    )
    assert (layout.vocabulary, layout.frame_rate_hz, layout.order) == ((1024,) * 12, 50.0, tuple(range(12)))
    assert (clusters.clusters, clusters.stride) == (1024, 2)  # of 50 features a second: 25 tokens
    training = profiles.profile("paper", layout)
    paper = training.generator
    assert (paper.layers, paper.heads, paper.dim, paper.ff, paper.kernel) == (12, 16, 1024, 4096, 5)
    assert (paper.fusion, paper.objective, paper.segments, paper.input_norm) == ("sum", "maskgit", False, False)
    assert (training.upper_weight, training.longest_prompt, training.drop_conditions) == (0, 1, 0)
    assert (training.joined, training.revoiced, training.shortest, training.frames) == (False, False, 1, 1_500)
    assert paper.window == 1_500
    options = DecodingOptions()
    assert [step.level for step in options.plan(layout)] == [0] * 16 + list(range(1, 12))
    assert (options.schedule, options.guidance) == ("cosine", 1.0)


def test_windows_of_random_length_are_one_length_a_batch() -> None:
    config = _tiny(shortest=5, frames=30)
    order = batch_plan(TOKENS, config)
    batches = [batch_of(TOKENS, order.at(step), step, config) for step in range(200)]
    assert {batch.valid.shape[1] for batch in batches} == set(range(5, 31))
    with pytest.raises(ValueError, match="shortest"):
        _tiny(shortest=31, frames=30)


def test_conditions_are_never_dropped() -> None:
    config = _tiny()
    order = batch_plan(TOKENS, config)
    batches = [batch_of(TOKENS, order.at(step), step, config) for step in range(50)]
    assert all((batch.semantic[batch.valid] != LAYOUT.null).all() for batch in batches)


def test_it_knows_the_prompt_by_its_tokens_alone() -> None:
    model = Generator(_tiny().generator)
    names = {name.partition(".")[0] for name, _ in model.named_parameters()}
    assert not names & {"segment", "enter"}
    assert model.blocks[0].convolution.depthwise.weight.shape[0] == 2 * model.config.dim


@pytest.mark.slow
def test_it_learns_is_exported_and_served(tmp_path: Path) -> None:
    config = _tiny()
    trainer = loop.run(config, TOKENS, tmp_path / "run")
    assert trainer.step == 3
    made = export(trainer.average, tmp_path / "out")
    model = restored(made["generator.safetensors"].read_bytes(), config.generator)
    one = job(30, 8)
    served, here = (
        generate(logits, [one], LAYOUT)[0].grid.tokens
        for logits in (load(tmp_path / "out", threads=1), torch_logits(model))
    )
    np.testing.assert_array_equal(served, here)

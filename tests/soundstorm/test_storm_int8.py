"""The int8 graph that ships: companions in a batch change nothing, and no processor's sums saturate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from storm_worlds import job

from antiphon import models
from antiphon.economy.types import Verdict
from antiphon.soundstorm import DecodingInput, serving, starter, task_key
from antiphon.soundstorm.audit import ANY_MACHINE, SAME_WEIGHTS, Task, audit, commit, open_pass
from antiphon.soundstorm.decoding import batch, start
from antiphon.soundstorm.serving import Generator

pytestmark = pytest.mark.slow

PREFIX = f"{starter.MODEL}-"


@pytest.fixture(scope="module")
def generator() -> Generator:
    return serving.load(models.path(starter.MODEL), precision="int8", threads=1, prefix=PREFIX)


def _job(generator: Generator, frames: int, prompt: int, seed: int) -> DecodingInput:
    layout = generator.layout
    made = job(frames, 0, seed=seed)
    rng = np.random.default_rng(seed)
    semantic = (made.semantic * 50 % layout.semantic_vocabulary).astype(np.uint16)
    return DecodingInput(
        semantic, rng.integers(0, 1024, (layout.levels, prompt)).astype(np.uint16), task_key("int8", seed)
    )


def test_a_batch_gives_what_each_job_alone_gives(generator: Generator) -> None:
    jobs = [_job(generator, frames, prompt, n) for n, (frames, prompt) in enumerate(((60, 20), (23, 0), (90, 50)))]
    together = generator.generate(jobs, starter.DECODING)
    for one, found in zip(jobs, together, strict=True):
        (alone,) = generator.generate([one], starter.DECODING)
        np.testing.assert_array_equal(found.grid.tokens, alone.grid.tokens)


def test_logits_of_a_batch_are_those_of_its_rows_to_the_bit(generator: Generator) -> None:
    jobs = [_job(generator, 40, 10, 5), _job(generator, 25, 0, 6)]
    inputs = batch(jobs, [start(one, generator.layout) for one in jobs], generator.layout)
    both = generator(inputs, 2)
    assert both.shape == (2, 40, 1024)
    for row, one in enumerate(jobs):
        alone = generator(batch([one], [start(one, generator.layout)], generator.layout), 2)
        np.testing.assert_array_equal(both[row, : one.frames], alone[0])


def test_weights_are_held_to_seven_bits() -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(models.path(starter.MODEL) / f"{PREFIX}{serving.GRAPHS['int8']}", load_external_data=False).graph
    products = {node.input[1] for node in graph.node if node.op_type == "MatMulInteger"}
    weights = [onnx.numpy_helper.to_array(one) for one in graph.initializer if one.name in products]
    assert len(weights) >= 6 * 8  # of each block: two feed-forwards, attention, convolution
    assert all(one.dtype == np.int8 and one.min() >= -64 and one.max() <= 64 for one in weights)


def test_float32_and_int8_accept_each_others_passes(generator: Generator) -> None:
    exact = serving.load(models.path(starter.MODEL), precision="float32", threads=1, prefix=PREFIX)
    one = replace(_job(generator, 60, 20, 7), key=task_key("other", 1))
    task = Task(generator.name, generator.layout, starter.DECODING, one)
    for worker, judge in ((generator, exact), (exact, generator), (generator, generator)):
        trace = worker.generate([one], task.options, traced=True)[0].trace
        assert trace is not None
        tolerance = SAME_WEIGHTS if worker is judge else ANY_MACHINE
        made = commit(task, trace)
        found = [audit(task, made, n, open_pass(task, trace, n), judge, tolerance) for n in range(len(task.steps))]
        assert Verdict.INVALID not in {finding.verdict for finding in found}
        assert worker is not judge or {finding.verdict for finding in found} == {Verdict.VALID}

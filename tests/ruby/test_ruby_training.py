"""Ruby learns: masks, batches, and a loss that falls."""

import numpy as np
import pytest

from antiphon.music import compose, read
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import measured
from antiphon.ruby.scores import piece_of

torch = pytest.importorskip("torch")

from antiphon.ruby.training.batches import Example, batch_of, draw, fixed, weights_of  # noqa: E402
from antiphon.ruby.training.trainer import Trainer, config, masked_loss  # noqa: E402

EXAMPLES = [
    Example(
        piece := piece_of(compose(read("march, C major"), 20, seed)), measured(piece), np.zeros((0, 384), np.float32)
    )
    for seed in range(4)
]
TINY = config("tiny", batch=4, frames=64, shortest=0, steps=60, warm_up=5, learning_rate=4e-3, precision="float32")


def test_every_mask_hides_something_at_its_level_and_all_three_kinds_come() -> None:
    rng = np.random.default_rng(1)
    drawn = [draw(rng, 40) for _ in range(300)]
    assert all(one.tokens[one.level].any() for one in drawn)
    assert any(one.given.any() for one in drawn)
    whole = [[one.tokens[list(levels)].all() for levels in grid.LEVELS_OF.values()] for one in drawn]
    assert any(parts[0] and not any(parts[1:]) for parts in whole)  # a missing lead over all the rest
    assert any(one.tokens.any(axis=0)[10:30].all() and not one.tokens[:, [0, -1]].any() for one in drawn)


def test_batches_are_a_function_of_seed_and_step() -> None:
    weights = weights_of(EXAMPLES)
    first, again, other = (batch_of(EXAMPLES, weights, step, TINY) for step in (3, 3, 4))
    assert torch.equal(first[0].tokens, again[0].tokens)
    assert first[0].tokens.shape != other[0].tokens.shape or not torch.equal(first[0].tokens, other[0].tokens)
    batch, hidden = first
    shown = batch.tokens.numpy()
    assert (shown[~hidden] == batch.target.numpy()[~hidden]).all()
    assert (shown[hidden] == np.broadcast_to(np.array(grid.VOCABULARY)[None, :, None], shown.shape)[hidden]).all()


def test_the_loss_falls() -> None:
    trainer = Trainer(TINY)
    weights = weights_of(EXAMPLES)
    batch, hidden = fixed(EXAMPLES, TINY)

    def loss() -> float:
        with torch.no_grad():
            return float(masked_loss(trainer.model.eval(), batch, torch.from_numpy(hidden), batch.total, 0.3)[1])

    before = loss()
    for step in range(30):
        trainer.train(batch_of(EXAMPLES, weights, step, TINY))
    assert loss() < 0.7 * before

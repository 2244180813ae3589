"""Examples that share a row learn what they learn alone, and see nothing of each other."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from storm_worlds import LAYOUT, token_set  # noqa: E402

from antiphon.soundstorm.training import profiles  # noqa: E402
from antiphon.soundstorm.training.data import batch_of  # noqa: E402
from antiphon.soundstorm.training.model import Generator  # noqa: E402
from antiphon.soundstorm.training.objectives import maskgit_loss  # noqa: E402
from antiphon.soundstorm.training.packing import packed  # noqa: E402

pytestmark = pytest.mark.slow

TOKENS = token_set(24, least=9, most=60)


def config(**changes: object) -> profiles.TrainConfig:
    made = profiles.profile("tiny", LAYOUT)
    generator = msgspec.structs.replace(made.generator, dropout=0.0)
    settings = {"batch": 12, "precision": "float32", "frames": 64} | changes
    return msgspec.structs.replace(made, generator=generator, **settings)


@pytest.mark.parametrize("upper", [0.0, 0.5])
def test_the_loss_and_the_gradients_are_those_of_rows_of_their_own(upper: float) -> None:
    alone, shared = config(), config(packed=True)
    chosen = np.arange(12)
    model = Generator(alone.generator, seed=2)
    torch.nn.init.normal_(model.heads, std=0.1, generator=torch.Generator().manual_seed(1))
    found = []
    for one in (alone, shared):
        batch = batch_of(TOKENS, chosen, 3, one)
        model.zero_grad()
        loss, figures = maskgit_loss(model, batch, batch.total, upper=upper)
        loss.backward()
        gradients = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
        found.append((batch, float(loss.detach()), float(figures["accuracy"]), gradients))
    (rows, loss, right, gradient), (fewer, other, too, again) = found
    assert fewer.valid.shape[0] < rows.valid.shape[0]
    assert int(fewer.valid.sum()) == int(rows.valid.sum())
    assert float(fewer.valid.float().mean()) > float(rows.valid.float().mean())
    assert other == pytest.approx(loss, rel=1e-5)
    assert too == pytest.approx(right)
    torch.testing.assert_close(again, gradient, atol=1e-5, rtol=1e-3)


def test_neighbours_in_a_row_are_never_seen() -> None:
    one = config(packed=True)
    batch = batch_of(TOKENS, np.arange(12), 0, one)
    assert batch.piece is not None
    model = Generator(one.generator, seed=2).eval()
    row = int(batch.piece.max(dim=1).values.argmax())
    first = batch.piece[row] == 1
    before, _ = model.body(batch.semantic, batch.tokens, batch.prompt, batch.valid, piece=batch.piece)
    changed = batch.semantic.clone()
    changed[row, ~first & batch.valid[row]] = 0
    after, _ = model.body(changed, batch.tokens, batch.prompt, batch.valid, piece=batch.piece)
    assert torch.equal(before[row, first], after[row, first])
    assert not torch.equal(before[row], after[row])


def test_long_examples_keep_rows_and_what_can_not_be_packed_is_refused() -> None:
    one = config()
    batch = batch_of(TOKENS, np.arange(12), 0, one)
    same = packed(batch, 1, 2, LAYOUT.vocabulary, LAYOUT.null)
    assert same.valid.shape[0] == 12
    with pytest.raises(ValueError, match="MaskGIT"):
        msgspec.structs.replace(
            config(packed=True), generator=msgspec.structs.replace(one.generator, objective="diffusion")
        )

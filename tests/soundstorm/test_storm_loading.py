"""Batches: a process reads only its rows, a step waits for no batch that could have been made before, and attention in
bfloat16 is the attention of everywhere else."""

from __future__ import annotations

import threading
from dataclasses import fields

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra antiphon[train] is not installed")

from storm_worlds import LAYOUT, token_set  # noqa: E402

from antiphon.errors import InputError  # noqa: E402
from antiphon.soundstorm import Example  # noqa: E402
from antiphon.soundstorm.training import model, profiles  # noqa: E402
from antiphon.soundstorm.training.data import batch_of, batch_plan  # noqa: E402
from antiphon.training.loop import ahead  # noqa: E402

TOKENS = token_set(24)


class Counted:
    """A token set that remembers what was read."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(TOKENS)

    def frames(self, index: int) -> int:
        return TOKENS.frames(index)

    def get(self, index: int) -> Example:
        self.read.append(index)
        return TOKENS.get(index)


@pytest.mark.parametrize("objective", ["maskgit", "diffusion"])
def test_processes_together_have_the_batch_of_one_and_read_only_their_rows(objective: str) -> None:
    config = profiles.profile("tiny", LAYOUT)
    generator = msgspec.structs.replace(config.generator, objective=objective)
    config = msgspec.structs.replace(config, generator=generator, batch=6, frames=40, shortest=20)
    order = batch_plan(TOKENS, config)
    for step in range(12):
        whole = batch_of(TOKENS, order.at(step), step, config)
        for rank in range(3):
            mine, counted = slice(rank, None, 3), Counted()
            part = batch_of(counted, order.at(step), step, config, mine)
            assert counted.read == order.at(step)[mine].tolist()
            assert part.total == whole.total == int(whole.chosen.sum())
            for field in fields(whole):
                one, all_ = getattr(part, field.name), getattr(whole, field.name)
                if isinstance(all_, torch.Tensor):
                    assert torch.equal(one, all_[mine]), field.name


def test_the_next_batch_is_made_while_one_is_learnt_from() -> None:
    made: list[int] = []
    second = threading.Event()

    def batch_at(step: int) -> int:
        made.append(step)
        if step == 5:
            second.set()
        return 10 * step

    with ahead(batch_at, 6) as batches:
        assert batches(4) == 40
        assert second.wait(300)  # nobody asked for it yet
        assert batches(5) == 50
    assert made == [4, 5]  # there is no step 6


def test_a_batch_that_cannot_be_made_is_said_where_it_is_asked_for() -> None:
    def batch_at(step: int) -> int:
        if step == 1:
            raise InputError("a shard is corrupt", "Prepare it again.")
        return step

    with ahead(batch_at, 9) as batches:
        assert batches(0) == 0
        with pytest.raises(InputError, match="corrupt"):
            batches(1)
        assert batches(2) == 2


def test_attention_in_plain_products_is_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    exact = [torch.randn(2, 4, 30, 16) for _ in range(3)]
    bias = torch.zeros(2, 1, 1, 30)
    bias[1, ..., 20:] = -1e9
    right = torch.nn.functional.scaled_dot_product_attention(*exact, attn_mask=bias)
    half = [one.bfloat16().requires_grad_() for one in exact]
    results = {}
    for name, most in (("plain", 1 << 26), ("blocks", 0)):
        monkeypatch.setattr(model, "MOST_WEIGHTS", most)
        made = model.attended(*half, bias.bfloat16())
        results[name] = (made, *torch.autograd.grad(made.float().square().sum(), half))
    for plain, blocks in zip(results["plain"], results["blocks"], strict=True):
        np.testing.assert_allclose(plain.detach().float(), blocks.detach().float(), atol=0.06)
    np.testing.assert_allclose(results["plain"][0].detach().float(), right, atol=0.02)
    assert not results["plain"][2][1, :, 20:].any()  # keys of padding learn nothing

"""What the generator minimises: MaskGIT's masked cross-entropy (the paper), or mask-based discrete diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from antiphon.soundstorm.diffusion import Noising, posterior
from antiphon.soundstorm.training.model import Generator

AUXILIARY = 0.01
"""Weight of the x0 loss beside the variational bound (VQ-Diffusion, arXiv:2111.14822, uses 5e-4 to 1e-2)."""

TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step, or of a process's rows of it. `tokens` is what the model sees, `target` the truth, `chosen`
    where the loss is taken; `total` counts the chosen ones in all rows of the step."""

    semantic: Tensor  # [B, T]
    tokens: Tensor  # [B, K, T]
    target: Tensor  # [B, K, T]
    prompt: Tensor  # [B, T] bool
    valid: Tensor  # [B, T] bool
    chosen: Tensor  # [B, T] bool; hidden frames of `level` (MaskGIT), frames after the prompt (diffusion)
    level: Tensor  # [B], or [B, T] of packed examples; unused by diffusion
    total: int
    text: Tensor | None = None  # [B, D]
    noise: Tensor | None = None  # [B], 1-based
    piece: Tensor | None = None  # [B, T] of packed examples: which of its row a frame belongs to, 0 where to none

    def rows(self, chosen: slice) -> Batch:
        return Batch.of({k: v if v is None else v[chosen] for k, v in self.tensors().items()}, self.total)

    def tensors(self) -> dict[str, Tensor | None]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "total"}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor | None], total: int = 0) -> Batch:
        return cls(**tensors, total=total)  # type: ignore[arg-type]  # what `tensors` gave


def maskgit_loss(
    model: Generator, batch: Batch, count: float, *, upper: float = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of the hidden tokens of each example's level, summed and divided by `count`; and the accuracy.

    `upper` weighs that of the levels made after it, all of them hidden, which the paper leaves out: they triple what a
    step teaches, and where steps are few that counts. `count` is the number of chosen tokens; of several processes,
    their mean, so that the mean of gradients is exact. `tokens` among the figures is the loss without `upper`.
    """
    body, skips = model.body(batch.semantic, batch.tokens, batch.prompt, batch.valid, batch.text, piece=batch.piece)
    drawn = batch.level if batch.level.ndim == 2 else batch.level[:, None]
    total, above, right = (torch.zeros((), device=body.device) for _ in range(3))
    places = torch.tensor(model.config.layout.place, device=body.device)
    for level in range(model.config.layout.levels):
        rows = drawn == level
        if rows.any():
            loss, hits = _level_loss(model, batch, body, skips, level, rows & batch.chosen)
            total, right = total + loss, right + hits
        rows = places[drawn] < places[level]
        if upper and rows.any():
            hidden = rows & batch.valid & ~batch.prompt
            above = above + _level_loss(model, batch, body, skips, level, hidden)[0]
    figures = {"tokens": total.detach() / count, "accuracy": right / count}
    return (total + upper * above) / count, figures


def _level_loss(
    model: Generator, batch: Batch, body: Tensor, skips: list[Tensor], level: int, chosen: Tensor
) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy of a level's tokens at `chosen [B, T]`, and how many guesses are right."""
    size = model.config.layout.vocabulary[level]
    rows = torch.nonzero(chosen.any(dim=1))[:, 0]
    fused = model.levels.leave(body[rows], [skip[rows] for skip in skips], torch.tensor(level, device=body.device))
    logits = fused[chosen[rows]] @ model.heads[level, :, :size] + model.biases[level, :size]  # [N, V]
    target = batch.target[:, level][chosen]
    loss = functional.cross_entropy(logits.float(), target, reduction="sum")
    return loss, (logits.detach().argmax(-1) == target).sum()


def diffusion_loss(model: Generator, batch: Batch, noising: Noising, count: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean over levels and frames of KL(q(x_{s-1} | x_s, x_0) || p(x_{s-1} | x_s)) + AUXILIARY * -log p(x_0 | x_s).

    `count` as for `maskgit_loss`. At s = 1 the first term is -log p(x_0 | x_1), to which the divergence reduces there.
    """
    assert batch.noise is not None
    made = model.joint(batch.semantic, batch.tokens, batch.prompt, batch.valid, batch.text, batch.noise)
    frames = batch.chosen
    steps = batch.noise[:, None].expand_as(frames)[frames]  # [N]
    bound, auxiliary = (torch.zeros((), device=frames.device) for _ in range(2))
    for level, size in enumerate(model.config.layout.vocabulary):
        guess = functional.log_softmax(made[level].float()[frames], dim=-1)  # [N, V]
        truth, seen = batch.target[:, level][frames], batch.tokens[:, level][frames]
        bound = bound + divergence(guess, truth, seen, steps, noising, size).sum() / count
        auxiliary = auxiliary + functional.nll_loss(guess, truth, reduction="sum") / count
    levels = len(made)
    loss = (bound + AUXILIARY * auxiliary) / levels
    return loss, {"bound": bound.detach() / levels, "auxiliary": auxiliary.detach() / levels}


def divergence(guess: Tensor, truth: Tensor, seen: Tensor, steps: Tensor, noising: Noising, size: int) -> Tensor:
    """The bound's term `[N]` for log-probabilities `guess [N, V]` of x_0, in float64: ratios of tiny numbers."""
    weights = torch.from_numpy(noising.table(size)).to(steps.device)[steps]  # [N, 9]
    seen_hot = functional.one_hot(seen, size + 1).double()
    right = posterior(seen_hot, functional.one_hot(truth, size).double(), weights)
    made = posterior(seen_hot, guess.double().exp(), weights)
    tokens, mask = ((r * ((r + TINY).log() - (m + TINY).log())) for r, m in zip(right, made, strict=True))
    first = -guess.double().gather(1, truth[:, None])[:, 0]
    return torch.where(steps == 1, first, tokens.sum(-1) + mask).to(guess.dtype)

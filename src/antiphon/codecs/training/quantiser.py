"""Group-residual vector quantiser with codebooks that are moving averages (VQ-VAE, van den Oord 2017, appendix A).

A latent is cut into groups; each group is quantised by `levels` codebooks one after the other, each taking what the
one before left over (HiFi-Codec, arXiv:2305.02765). One group is plain residual quantisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from antiphon.codecs.neural.layout import CodecConfig
from antiphon.training.hardware import ProcessGroup

DECAY = 0.99
EPSILON = 1e-5
DEAD_BELOW = 0.06
"""A code whose average count falls below this share of the mean is given the place of a frame of this batch."""

MOST_REVIVED = 64
"""Of one codebook in one step."""

FIRST_ROUNDS = 8
"""Rounds of k-means on the first batch."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """`latent [B, G * D, T]` passes gradients straight through; `tokens [B, G * levels, T]`; losses are scalars."""

    latent: Tensor
    tokens: Tensor
    commitment: Tensor
    revived: int


class Codebook(nn.Module):
    """`codes [N, D]` with running counts and sums."""

    codes: Tensor
    counts: Tensor
    sums: Tensor
    ready: Tensor

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", torch.zeros(codes, dim))
        self.register_buffer("ready", torch.tensor(False))

    def nearest(self, x: Tensor) -> Tensor:
        """Index of the nearest code to each row of `x [N, D]`; of equally near ones the first."""
        distance = self.codes.pow(2).sum(1) - 2 * x @ self.codes.T
        return distance.argmin(1)

    @torch.no_grad()
    def start(self, x: Tensor, processes: ProcessGroup | None) -> None:
        """k-means on the first process's `x`: the first codes are frames drawn from it."""
        count = self.codes.shape[0]
        drawn = torch.randint(x.shape[0], (count,)) if x.shape[0] < count else torch.randperm(x.shape[0])[:count]
        self.codes.copy_(x[drawn])
        for _ in range(FIRST_ROUNDS):
            counts, sums = self.assigned(x, self.nearest(x))
            full = counts > 0
            self.codes[full] = sums[full] / counts[full, None]
        if processes is not None:
            processes.first(self.codes)
        self.counts.fill_(1.0)
        self.sums.copy_(self.codes)
        self.ready.fill_(True)

    @torch.no_grad()
    def update(self, counts: Tensor, sums: Tensor, candidates: Tensor) -> int:
        """Move every code towards the mean of its frames (`counts [N]`, `sums [N, D]`); the number of codes revived.

        A dead code takes the place of one of `candidates [M, D]`.
        """
        self.counts.mul_(DECAY).add_(counts, alpha=1 - DECAY)
        self.sums.mul_(DECAY).add_(sums, alpha=1 - DECAY)
        self.codes.copy_(self.sums / (self.counts[:, None] + EPSILON))
        dead = (self.counts < DEAD_BELOW * self.counts.mean()).nonzero()[: candidates.shape[0], 0]
        count = int(dead.shape[0])
        self.codes[dead] = candidates[:count]
        fresh = self.counts.mean()
        self.counts[dead] = fresh
        self.sums[dead] = candidates[:count] * fresh
        return count

    def assigned(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """How many rows of `x [N, D]` each code got, and their sums."""
        counts = torch.zeros_like(self.counts).index_add_(0, tokens, x.new_ones(x.shape[0]))
        return counts, torch.zeros_like(self.sums).index_add_(0, tokens, x)


class GroupResidualQuantiser(nn.Module):
    """`groups x levels` codebooks, in the order of the token grid."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.groups, self.levels, self.dim = config.groups, config.levels, config.code_dim
        self.books = nn.ModuleList(Codebook(config.codes, config.code_dim) for _ in range(config.streams))

    def forward(self, latent: Tensor, processes: ProcessGroup | None = None) -> Quantised:
        """In training mode codebooks learn from this batch, from that of all processes together."""
        rows = latent.transpose(1, 2).reshape(-1, self.groups * self.dim)
        taken, tokens, seen, commitment = [], [], [], latent.new_zeros(())
        for group, part in enumerate(torch.split(rows, self.dim, dim=1)):
            rest, total = part, torch.zeros_like(part)
            for level in range(self.levels):
                book = self.book(group * self.levels + level)
                seen.append(rest.detach())
                if self.training and not book.ready:
                    book.start(seen[-1], processes)
                tokens.append(book.nearest(seen[-1]))
                chosen = book.codes[tokens[-1]].clone()
                commitment = commitment + (rest - chosen).pow(2).mean()
                total, rest = total + chosen, rest - chosen
            taken.append(part + (total - part).detach())
        revived = self._learn(seen, tokens, processes) if self.training else 0
        shape = (latent.shape[0], latent.shape[2])
        return Quantised(
            torch.cat(taken, dim=1).reshape(*shape, -1).transpose(1, 2),
            torch.stack(tokens, 1).reshape(*shape, -1).transpose(1, 2),
            commitment / len(self.books),
            revived,
        )

    def book(self, number: int) -> Codebook:
        """The codebook of a level of the token grid."""
        book = self.books[number]
        assert isinstance(book, Codebook)
        return book

    @torch.no_grad()
    def _learn(self, seen: list[Tensor], tokens: list[Tensor], processes: ProcessGroup | None) -> int:
        """One exchange for all codebooks; frames for dead codes come from the first process."""
        assigned = [self.book(n).assigned(x, index) for n, (x, index) in enumerate(zip(seen, tokens, strict=True))]
        packed = torch.stack([torch.cat([c[:, None], s], dim=1) for c, s in assigned])
        drawn = torch.randint(seen[0].shape[0], (MOST_REVIVED,))
        candidates = torch.stack([x[drawn] for x in seen])
        if processes is not None:
            processes.summed(packed)
            processes.first(candidates)
        return sum(
            self.book(n).update(packed[n, :, 0], packed[n, :, 1:], candidates[n]) for n in range(len(self.books))
        )

    def decode(self, tokens: Tensor) -> Tensor:
        """`[B, G * levels, T]` to `[B, G * D, T]`."""
        parts = []
        for group in range(self.groups):
            levels = range(group * self.levels, (group + 1) * self.levels)
            parts.append(torch.stack([self.book(n).codes[tokens[:, n]] for n in levels]).sum(0))
        return torch.cat(parts, dim=2).transpose(1, 2)

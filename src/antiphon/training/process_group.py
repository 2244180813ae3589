"""Several processes training one network: started by `torchrun`, joined by gloo, each with its rows of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from antiphon.errors import InputError


class ProcessGroup:
    """`size` processes, of which this is `rank`. Alone (size 1), everything here does nothing."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    def rows(self, count: int) -> slice:
        """This process's rows of `count`. Raises `InputError` unless every process gets as many."""
        if count % self.size:
            raise InputError(
                f"A batch of {count} cannot be shared evenly by {self.size} processes",
                f"Start a number of processes that divides {count}.",
            )
        return slice(self.rank, None, self.size)

    def summed(self, tensor: Tensor) -> Tensor:
        """The sum over processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def first(self, tensor: Tensor) -> Tensor:
        """The tensor of process 0, in place."""
        if self.size > 1:
            dist.broadcast(tensor, 0)
        return tensor

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Every gradient becomes the mean over processes, by one exchange."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in some process."""
        if self.size == 1:
            return flag
        return bool(self.summed(torch.tensor(float(flag))) > 0)


@contextmanager
def joined() -> Iterator[ProcessGroup]:
    """The processes `torchrun` started with this one; alone when it was not used."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield ProcessGroup()
        return
    dist.init_process_group("gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
        dist.barrier()  # nobody leaves while another still uses the connections, such as for its last checkpoint
    finally:
        dist.destroy_process_group()

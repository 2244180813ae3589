"""What a training runs on, by Lightning Fabric: devices, processes, precision, how a step's memory is held down.

Why Fabric: docs/decisions/0024-fabric-under-the-loop.md. It is imported when a training begins, and never to serve.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal

import msgspec
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard

from antiphon.errors import InputError, ModelError
from antiphon.training.precision import Precision, resolved

_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,2})?")

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets at every start


class Hardware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it may change when a run goes on: none changes what is learnt, but for dropout's draws and rounding."""

    device: str = "auto"  # cpu, cuda, cuda:1; auto: a GPU where there is one
    strategy: Literal["ddp", "fsdp"] = "ddp"  # of several processes: each holds the model, or a share of it
    accumulate: int = 1  # parts in which a process learns from its rows of a batch: memory falls, the step stays
    recompute: bool = False  # activations of blocks on the way back, instead of keeping them
    compile: bool = False  # blocks, by torch.compile; needs a C++ compiler, and Triton on a GPU

    def __post_init__(self) -> None:
        if not _DEVICE.fullmatch(self.device):
            raise ValueError(f"device must be auto, cpu, cuda or cuda:N, got {self.device!r}")
        if not 1 <= self.accumulate <= 65_536:
            raise ValueError("accumulate must be within 1..65536")

    def check_compiler(self) -> None:
        """Raise `ModelError` where blocks are to be compiled and cannot be."""
        if not self.compile:
            return
        if self.kind == "cuda" and find_spec("triton") is None:
            raise ModelError("--compile needs Triton on a GPU", "Run `pip install triton`, or leave --compile out.")
        if self.kind == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
            raise ModelError("--compile needs a C++ compiler", "Install g++, or leave --compile out.")

    @property
    def kind(self) -> Literal["cpu", "cuda"]:
        """Raises `ModelError` where a GPU was asked for and none is there."""
        there = torch.cuda.is_available()
        if self.device == "auto":
            return "cuda" if there else "cpu"
        if self.device == "cpu":
            return "cpu"
        if not there:
            raise ModelError(
                f"PyTorch sees no GPU here, and the training was to run on {self.device}",
                "Use --device cpu, or install a build of PyTorch for this GPU.",
            )
        return "cuda"


class ProcessGroup:
    """`size` processes, of which this is `rank`, each on its `device`. Alone (size 1), nothing is exchanged."""

    def __init__(self, hardware: Hardware = Hardware(), precision: Precision = "auto") -> None:  # noqa: B008  # frozen
        hardware.check_compiler()
        self.hardware = hardware
        self.precision = resolved(precision, hardware.kind)
        self.fabric = _fabric(hardware, self.precision)
        self.fabric.launch()
        self.rank, self.size = self.fabric.global_rank, self.fabric.world_size
        self.device = self.fabric.device

    @property
    def sharded(self) -> bool:
        """Whether a process holds a share of the weights only."""
        return self.size > 1 and self.hardware.strategy == "fsdp"

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

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Every gradient becomes the mean over processes, by one exchange: where two networks learn from each other in
        one step, which no wrapper of one network does."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, *flags: bool) -> list[bool]:
        """Whether each flag is set in some process."""
        if self.size == 1:
            return list(flags)
        summed = self.summed(torch.tensor([float(flag) for flag in flags], device=self.device))
        return [value > 0 for value in summed.tolist()]


@contextmanager
def joined(hardware: Hardware, precision: Precision) -> Iterator[ProcessGroup]:
    """The processes `torchrun` started with this one; alone when it was not used."""
    processes = ProcessGroup(hardware, precision)
    try:
        yield processes
        if processes.size > 1:
            dist.barrier()  # nobody leaves while another still uses the connections, such as for its last checkpoint
    finally:
        if processes.size > 1:
            dist.destroy_process_group()


def _fabric(hardware: Hardware, precision: Literal["float32", "bfloat16"]) -> Fabric:
    size = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    here = int(os.environ.get("LOCAL_WORLD_SIZE", size))
    kind = hardware.kind
    devices: Any = here
    if kind == "cuda" and size == 1:
        devices = [int(hardware.device.partition(":")[2] or 0)]
    if kind == "cuda" and max(devices if size == 1 else [here - 1]) >= torch.cuda.device_count():
        raise ModelError(
            f"There are {torch.cuda.device_count()} GPUs here for what was asked",
            "Start one process for each GPU (torchrun --nproc-per-node), or choose another --device.",
        )
    strategy: Any = "auto"
    if size > 1:
        strategy = DDPStrategy(broadcast_buffers=False)
        if hardware.strategy == "fsdp":
            strategy = ModelParallelStrategy(_sharded, data_parallel_size=size, tensor_parallel_size=1)
    return Fabric(
        accelerator=kind,
        devices=devices,
        num_nodes=max(1, size // max(1, here)),
        strategy=strategy,
        # Told, not guessed: what else the environment says, such as a scheduler's variables, is not about this run.
        plugins=[TorchElasticEnvironment() if size > 1 else LightningEnvironment()],
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
    )


def _sharded(module: nn.Module, mesh: Any) -> nn.Module:
    """Every block's weights are gathered when it is their turn, the others' for the whole pass."""
    for child in module.modules():
        if isinstance(child, nn.ModuleList):
            for block in child:
                fully_shard(block, mesh=mesh["data_parallel"])
    fully_shard(module, mesh=mesh["data_parallel"])
    return module

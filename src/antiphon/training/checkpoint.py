"""Checkpoints: written whole or not at all, read without running code from them.

One file `step-NNNNNNNN.pt` where every process holds the whole state. Where each holds a share, a folder
`step-NNNNNNNN`: safetensors files by PyTorch's distributed checkpoint, and `state.json`. Both are read by any number of
processes, sharded or not.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load as load_shares
from torch.distributed.checkpoint.state_dict_saver import save as save_shares
from torch.distributed.tensor import DTensor, distribute_tensor

from antiphon.errors import OutputError, StateError

KEEP = 3
VERSION = 1
STATE = "state.json"
_NAME = re.compile(r"step-(\d{8})(\.pt)?")
_OTHER = "Delete it to go on from the one before."


def save(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write `step-NNNNNNNN.pt` and drop all but the last few. Raises `OutputError` (disk full, no permission)."""
    path, part = folder / f"step-{step:08d}.pt", folder / "writing.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as handle:
            torch.save(state | {"version": VERSION}, handle)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise _unwritten(path, error) from error
    _prune(folder)
    return path


def save_sharded(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """The same by all processes together, each its share, into a folder. All must call it."""
    path, part, first = folder / f"step-{step:08d}", folder / "writing.parts", dist.get_rank() == 0
    try:
        if first:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        dist.barrier()
        tensors = _flat(state)
        save_shares(tensors, storage_writer=HuggingFaceStorageWriter(str(part), save_distributed=True))
        if first:
            plain = {k: v for k, v in state.items() if isinstance(v, int | str)}
            told = {"version": VERSION, "tensors": sorted(tensors), **plain}
            (part / STATE).write_text(json.dumps(told))
            for file in part.iterdir():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
            shutil.rmtree(path, ignore_errors=True)
            part.replace(path)
            _prune(folder)
        dist.barrier()
    except (OSError, RuntimeError, CheckpointException) as error:
        raise _unwritten(path, error) from error
    return path


def found(folder: Path) -> list[Path]:
    """Checkpoints of a folder, oldest first."""
    return sorted((path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)), key=step_of)


def step_of(path: Path) -> int:
    """The step after which a checkpoint was written."""
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def load(path: Path, like: Callable[[], dict[str, Any]] | None = None) -> dict[str, Any]:
    """The state of a file or folder. `like` makes one of the same shapes, which a folder is read into and by which
    tensors are shared out; without it, a file's tensors are whole.

    Raises `StateError` for a truncated or foreign one, or one that a newer version wrote.
    """
    state = _of_folder(path, like) if path.is_dir() else _of_file(path)
    if state.get("version", 1) > VERSION:
        raise StateError(f"The checkpoint {path} was written by a newer version of Antiphon", "Update this one.")
    return state if like is None or path.is_dir() else _placed(state, like())


def _of_file(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise StateError(f"The checkpoint {path} cannot be read: {_short(error)}", _OTHER) from error
    if not isinstance(state, dict) or "step" not in state:
        raise StateError(f"{path} is no checkpoint of ours", _OTHER)
    return state


def _of_folder(path: Path, like: Callable[[], dict[str, Any]] | None) -> dict[str, Any]:
    if like is None:
        raise StateError(f"{path} is a checkpoint in shares", "Go on with its run to read it.")
    try:
        told = json.loads((path / STATE).read_text())
        state, wanted = like(), told["tensors"]
        tensors = {name: tensor for name, tensor in _flat(state).items() if name in wanted}
        if set(wanted) != tensors.keys():
            raise StateError(f"{path} is of another network", "Train into another folder.")
        alone = not (dist.is_available() and dist.is_initialized())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that one process reads alone, which is meant
            load_shares(tensors, storage_reader=HuggingFaceStorageReader(str(path)), no_dist=alone)
    except CheckpointException as error:
        reason = next(iter(error.failures.values()), (error, None))[0]
        raise StateError(f"The checkpoint {path} cannot be read: {_short(reason)}", _OTHER) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise StateError(f"The checkpoint {path} cannot be read: {_short(error)}", _OTHER) from error
    _without(state["optimiser"]["state"], tensors, "optimiser.state")
    return state | {name: value for name, value in told.items() if name != "tensors"}


def _without(state: dict[Any, Any], kept: dict[str, Tensor], prefix: str) -> None:
    """Forget what the checkpoint did not hold: an optimiser that made no step has nothing yet."""
    for key in [key for key in state if not any(name.startswith(f"{prefix}.{key}.") for name in kept)]:
        del state[key]


def _flat(value: Any, prefix: str = "") -> dict[str, Tensor]:
    """Tensors of nested dictionaries by their path."""
    if isinstance(value, Tensor):
        return {prefix: value}
    if not isinstance(value, dict):
        return {}
    found: dict[str, Tensor] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def _placed(value: Any, like: Any) -> Any:
    """Whole tensors as shares, where `like` has shares."""
    if isinstance(value, dict):
        return {k: _placed(v, like[k]) if isinstance(like, dict) and k in like else v for k, v in value.items()}
    if isinstance(value, Tensor) and isinstance(like, DTensor):
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
    return value


def _prune(folder: Path) -> None:
    for old in found(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


def _unwritten(path: Path, error: BaseException) -> OutputError:
    return OutputError(
        f"Cannot write the checkpoint {path}: {_short(error)}", "Free some space; the checkpoint before it is kept."
    )


def _short(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]

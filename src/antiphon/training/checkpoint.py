"""Checkpoints: written whole or not at all, read without running code from them."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from antiphon.errors import OutputError, StateError

KEEP = 3
_NAME = re.compile(r"step-(\d{8})\.pt")


def save(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write `step-NNNNNNNN.pt` and drop all but the last few. Raises `OutputError` (disk full, no permission)."""
    path, part = folder / f"step-{step:08d}.pt", folder / "writing.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as handle:
            torch.save(state, handle)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"Cannot write the checkpoint {path}: {error}", "Free some space; the checkpoint before it is kept."
        ) from error
    for old in found(folder)[:-KEEP]:
        old.unlink(missing_ok=True)
    return path


def found(folder: Path) -> list[Path]:
    """Checkpoints of a folder, oldest first."""
    return sorted(path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name))


def load(path: Path) -> dict[str, Any]:
    """Raises `StateError` for a truncated or foreign file."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise StateError(
            f"The checkpoint {path} cannot be read: {error}", "Delete it to go on from the one before."
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise StateError(f"{path} is no checkpoint of ours", "Delete it to go on from the one before.")
    return state

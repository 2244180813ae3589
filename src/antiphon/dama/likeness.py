"""Whether an asset is a near copy of another, by its weights or by what it does. Who finds so can mark it (`MarkCopy`).

1. Weights: each tensor is compared with the other asset's of the same size, whatever they are called and however
   precise they are; by cosine of the values. Noise, rounding, renaming and scaling leave it near 1; training from
   scratch does not.
2. Behaviour: graphs (ONNX) that take the same inputs answer the same random ones. What varies with the input is
   compared by correlation, so constants that both add count for nothing. Units that were put in another order change
   the weights, and not this.
3. What cannot be compared is None, and decides nothing. An asset that names the other in its lineage is made from it,
   and no copy: it pays for it.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from antiphon.dama.shelf import Shelf
from antiphon.errors import ModelError
from antiphon.ledger.assets import AssetRecord
from antiphon.models import open_session, run_session, tensors

SAME_TENSOR = 0.99
"""Cosine of a tensor that is the other's. Two of 256 random values reach it by chance once in more than 10^200."""
COPIED_SHARE = 0.8
"""So much of the parameters in such tensors is a near copy."""
SAME_BEHAVIOUR = 0.999
MIN_VALUES = 256
"""Smaller tensors (biases, scales) are alike by chance or by custom."""
PROBES = 16
DIM = 16
"""Of a dimension that a graph leaves open."""

Floats = NDArray[np.float32]


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """How like two assets are. `weights`: the share of the first's parameters that are the second's; `behaviour`: the
    correlation of what varies in their answers."""

    weights: float | None
    behaviour: float | None

    @property
    def near_copy(self) -> bool:
        return (self.weights or 0.0) >= COPIED_SHARE or (self.behaviour or 0.0) >= SAME_BEHAVIOUR


def compare(shelf: Shelf, copy: str, original: str, seed: int = 0) -> Likeness:
    """Two assets on this machine; both are verified first. Raises `ProtocolError` for one that is another."""
    for asset in (copy, original):
        shelf.verify(asset)
    ours, theirs = shelf.folder(copy), shelf.folder(original)
    return Likeness(weights=_weights(ours, theirs), behaviour=_behaviour(ours, theirs, seed))


def pays_for(copy: AssetRecord, original: str) -> bool:
    """Rule 3."""
    return any(asset == original for asset, _, _ in copy.lineage)


def _weights(ours: Path, theirs: Path) -> float | None:
    """Rule 1."""
    known: dict[int, list[Floats]] = defaultdict(list)
    for tensor in _tensors(theirs):
        known[tensor.size].append(tensor)
    whole = same = 0
    for tensor in _tensors(ours):
        whole += tensor.size
        if max((abs(float(tensor @ other)) for other in known[tensor.size]), default=0.0) >= SAME_TENSOR:
            same += tensor.size
    return same / whole if whole and known else None


def _tensors(folder: Path) -> Iterator[Floats]:
    """All large tensors of a folder's weights, each as a vector of length 1."""
    for path in sorted(folder.glob("*.safetensors")):
        for tensor in tensors.parse(path.read_bytes()).values():
            if tensor.size >= MIN_VALUES:
                flat = tensor.astype(np.float32).ravel()
                flat -= flat.mean()
                if (length := float(np.linalg.norm(flat))) > 0:
                    yield flat / length


def _behaviour(ours: Path, theirs: Path, seed: int) -> float | None:
    """Rule 2: of the graphs of equal names that take the same inputs, the least like; None if there are none."""
    found = []
    for path in sorted(ours.glob("*.onnx")):
        other = theirs / path.name
        if other.is_file():
            with contextlib.suppress(ModelError):  # it takes other inputs, or more than itself
                found.append(_alike(path, other, seed))
    known = [one for one in found if one is not None]
    return min(known) if known else None


def _alike(path: Path, other: Path, seed: int) -> float | None:
    sessions = [open_session(one.read_bytes(), one.name, threads=1) for one in (path, other)]
    takes = [[(one.name, tuple(one.shape), one.type) for one in session.get_inputs()] for session in sessions]
    if takes[0] != takes[1]:
        return None
    answers: list[list[Floats]] = [[], []]
    generator = np.random.default_rng(seed)
    for _ in range(PROBES):
        feeds = {name: _input(shape, kind, generator) for name, shape, kind in takes[0]}
        for kept, session in zip(answers, sessions, strict=True):
            said = run_session(session, feeds, name=path.name, hint="It is left out.")
            kept.append(np.concatenate([np.asarray(one, np.float32).ravel() for one in said]))
    if len({answer.size for kept in answers for answer in kept}) != 1:
        return None
    one, two = (np.stack(kept) - np.mean(kept, axis=0) for kept in answers)
    scale = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float((one * two).sum()) / scale if scale > 0 and np.isfinite(scale) else None


def _input(shape: tuple[Any, ...], kind: str, generator: np.random.Generator) -> NDArray[Any]:
    """A random input of a graph: floats around 0, small whole numbers."""
    dims = [one if isinstance(one, int) and one > 0 else DIM for one in shape]
    if "float" in kind:
        return generator.standard_normal(dims).astype(np.float16 if "16" in kind else np.float32)
    if "bool" in kind:
        return generator.random(dims) < 0.5
    return generator.integers(0, 8, dims).astype(np.int32 if "int32" in kind else np.int64)

"""Weights as projects publish them: read without running code, weight normalisation folded, one name for each."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from antiphon.errors import InputError, ModelError

Weights = dict[str, Tensor]

MAX_BYTES = 4 << 30
_G, _V = "parametrizations.weight.original0", "parametrizations.weight.original1"


def read_weights(path: Path) -> Weights:
    """The tensors of a safetensors or torch file, parts of nested dictionaries joined by dots.

    Torch files are read in the safe mode only. Raises `ModelError` for a file that cannot be read so.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES:,} bytes", "It is no codec that can be read here.")
        if path.suffix == ".safetensors":
            return folded(_safe(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"{path} cannot be read safely: {str(error).splitlines()[0]}",
            "It must hold tensors and nothing else: save the model's state_dict().",
        ) from error
    found: Weights = {}
    _flatten(content, "", found)
    if not found:
        raise ModelError(f"{path} holds no tensors", "Give the file of weights.")
    return folded(found)


def _safe(path: Path) -> Weights:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except SafetensorError as error:  # no ValueError
        raise ValueError(str(error)) from error


def _flatten(content: Any, name: str, found: Weights) -> None:
    if isinstance(content, Tensor):
        found[name] = content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            _flatten(value, f"{name}.{key}" if name else str(key), found)


def folded(weights: Weights) -> Weights:
    """Without weight normalisation: `weight = g * v / |v|`, the norm over all axes but that of `g`, mostly the first.

    Names of both forms are known: `weight_g`, `weight_v`, and torch's parametrizations. Raises `ModelError` for half.
    """
    plain: Weights = {}
    named = {name.replace(_G, "weight_g").replace(_V, "weight_v"): value for name, value in weights.items()}
    for name, value in named.items():
        if name.endswith("weight_g"):
            continue
        if name.endswith("weight_v"):
            if (other := named.get(f"{name[:-1]}g")) is None:
                raise ModelError(f"{name} has no weight_g", "The file is not whole.")
            axes = list(range(1, value.ndim))
            if other.ndim == value.ndim:  # HuBERT's positions have one g for each place of the kernel
                axes = [n for n in range(value.ndim) if other.shape[n] == 1]
            norm = value.float().square().sum(dim=axes, keepdim=True).sqrt()
            plain[name.removesuffix("_v")] = value.float() * (other.float().reshape(norm.shape) / norm)
            continue
        plain[name] = value.float() if value.is_floating_point() else value
    return plain


def renamed(weights: Weights, rules: Mapping[str, str]) -> Weights:
    """Every name after the regular expressions of `rules`, each applied once, in their order."""
    found = {}
    for name, value in weights.items():
        new = name
        for pattern, to in rules.items():
            new = re.sub(pattern, to, new)
        found[new] = value
    return found


def filled(network: nn.Module, weights: Weights, kind: str) -> nn.Module:
    """`network` with these weights. Raises `InputError` where one is missing or of another shape; more are ignored."""
    state = network.state_dict()
    for name, like in state.items():
        if name not in weights:
            raise InputError(f"There is no {name}: this is no {kind}, or not all of it", "Give the whole checkpoint.")
        if weights[name].shape != like.shape:
            raise InputError(
                f"{name} has the shape {tuple(weights[name].shape)}, not {tuple(like.shape)}",
                f"It is no {kind} of the settings that its other weights tell.",
            )
    network.load_state_dict({name: weights[name] for name in state})
    return network.requires_grad_(False).eval()


def size(weights: Weights, name: str, axis: int, kind: str) -> int:
    """A dimension that tells a setting. Raises `InputError` when the weight is not there."""
    if name not in weights or weights[name].ndim <= axis:
        raise InputError(f"There is no {name}: this is no {kind}", "Name the kind of codec that these weights are.")
    return int(weights[name].shape[axis])

"""Token sets as the public SoundStorm code keeps them, read and written.

Semantic tokens: a TSV of `item_name, semantic_audio, phone_sequence, text`, tokens as numbers with spaces between.
Acoustic tokens: `torch.save` of `{item_name: [levels, frames]}`, or a folder of `item_name.npy`.
Torch files are read in its safe mode only, arrays without pickles: neither can run code.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError, ModelError, OutputError
from antiphon.soundstorm.data.manifest import MAX_LIST_BYTES
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.tokenset import Example, TokenSet

MAX_LEVELS = 64
COLUMNS = ("item_name", "semantic_audio", "phone_sequence", "text")
_NAME = re.compile(r"[^\s/\\\0][^/\\\0\t\n]{0,254}")


def read_seed(semantic: Path, acoustic: Path) -> dict[str, Example]:
    """Examples by name, of the items that are in both. Semantic tokens are brought to the acoustic frames.

    Raises `InputError` for anything that is not such a layout, and when they have no item in common.
    """
    told = dict(read_semantic(semantic))
    heard = _folder(acoustic, told) if acoustic.is_dir() else _torch(acoustic)
    both = {name: Example(align(told[name], grid.shape[1]), grid) for name, grid in heard.items() if name in told}
    levels = {example.acoustic.shape[0] for example in both.values()}
    if len(levels) > 1 or max(levels, default=0) > MAX_LEVELS:
        raise InputError(
            f"Items of {acoustic} have {', '.join(map(str, sorted(levels)[:5]))} levels",
            f"All have the same number, at most {MAX_LEVELS}, as [levels, frames]: transpose what was saved otherwise.",
        )
    if not both:
        raise InputError(f"{semantic} and {acoustic} have no item in common", "Give files of the same recordings.")
    return both


def write_seed(tokens: TokenSet, names: Iterable[str], semantic: Path, acoustic: Path) -> None:
    """The same layout: `acoustic` ending in `.pth` is a torch file (needs torch), any other a folder of arrays.

    Raises `OutputError`, and `InputError` for names that are not file names or not one for each.
    """
    listed = list(names)
    if len(listed) != len(tokens) or len(set(listed)) != len(listed):
        raise InputError(f"{len(set(listed))} different names for {len(tokens)} recordings", "Give each its own.")
    rows, grids = ["\t".join(COLUMNS)], {}
    for index, name in enumerate(listed):
        _require_name(name)
        example = tokens.get(index)
        rows.append("\t".join((name, " ".join(map(str, example.semantic)), "", "")))
        grids[name] = example.acoustic.astype(np.int64)
    try:
        semantic.write_text("\n".join(rows) + "\n", encoding="utf-8")
        if acoustic.suffix == ".pth":
            torch = _torch_module()
            torch.save({name: torch.from_numpy(grid) for name, grid in grids.items()}, acoustic)
            return
        acoustic.mkdir(parents=True, exist_ok=True)
        for name, grid in grids.items():
            np.save(acoustic / f"{name}.npy", grid)
    except OSError as error:
        raise OutputError(f"Cannot write {acoustic}: {error.strerror}", "Choose another place.") from error


def read_semantic(path: Path) -> Iterator[tuple[str, Tokens]]:
    """Names and semantic tokens, at their own rate, of a TSV. Raises `InputError`, with the line."""
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise InputError(f"{path} is larger than {MAX_LIST_BYTES:,} bytes", "Split it.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "It must be UTF-8 text with tabs.") from error
    if not lines or lines[0].split("\t")[:2] != list(COLUMNS[:2]):
        raise InputError(f"{path} is no list of semantic tokens", f"Its first line must be {' '.join(COLUMNS)}.")
    for number, line in enumerate(lines[1:], 2):
        name, _, rest = line.partition("\t")
        if not line.strip():
            continue
        _require_name(name)
        try:
            yield name, _numbers(np.array([int(n) for n in rest.partition("\t")[0].split()]))
        except (ValueError, OverflowError, InputError) as error:
            raise InputError(f"Line {number} of {path}: {error}", "Tokens are numbers from 0 to 65535.") from error


def _folder(folder: Path, names: Mapping[str, object]) -> dict[str, Tokens]:
    # Only names that were checked: nothing outside the folder can be asked for.
    found = {}
    for name in names:
        path = folder / f"{name}.npy"
        if path.is_file():
            try:
                found[name] = _grid(np.load(path, allow_pickle=False), name)
            except (OSError, ValueError, EOFError) as error:
                raise InputError(f"{path} is no array: {error}", "Save it by numpy.save.") from error
    return found


def _torch(path: Path) -> dict[str, Tokens]:
    torch = _torch_module()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise InputError(
            f"{path} cannot be read safely: {str(error).splitlines()[0]}",
            "It must be torch.save of a dictionary of tensors, and nothing else.",
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no dictionary", "It must be {item_name: tokens}.")
    return {str(name): _grid(np.asarray(value), str(name)) for name, value in content.items()}


def _torch_module() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ModelError("Torch files need PyTorch", "Run `pip install 'antiphon[train]'`, or use .npy.") from error
    return torch


def _grid(array: Any, name: str) -> Tokens:
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[1]):
        array = array.squeeze(0 if array.shape[0] == 1 else 1)
    if array.ndim != 2:
        raise InputError(f"{name} has the shape {array.shape}", "Acoustic tokens are [levels, frames].")
    return _numbers(array)


def _numbers(array: Any) -> Tokens:
    if array.dtype.kind not in "iu" or not array.size or int(array.min()) < 0 or int(array.max()) > 65_535:
        raise InputError("tokens must be whole numbers from 0 to 65535")
    return np.ascontiguousarray(array, np.uint16)


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise InputError(f"{name[:80]!r} is no name of an item", "Names are file names, without folders.")

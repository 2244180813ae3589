"""Token sets as the public SoundStorm code keeps them, read and written.

Semantic tokens: a TSV of `item_name, semantic_audio, phone_sequence, text`, tokens as numbers with spaces between.
Acoustic tokens: `torch.save` of `{item_name: [levels, frames]}`, or a folder of `item_name.npy`.
Torch files are read in its safe mode only, arrays without pickles: neither can run code.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class SeedItem:
    """A recording: `semantic [S]` at its own rate, `acoustic [K, T]`, phonemes and text where the list has them."""

    semantic: Tokens
    acoustic: Tokens
    phonemes: str = ""
    text: str = ""


def read_items(semantic: Path, acoustic: Path) -> dict[str, SeedItem]:
    """Items by name, of those that are in both.

    Raises `InputError` for anything that is not such a layout, and when they have no item in common.
    """
    told = {name: (tokens, phonemes, text) for name, tokens, phonemes, text in _rows(semantic)}
    heard = _folder(acoustic, told) if acoustic.is_dir() else _torch(acoustic)
    both = {name: SeedItem(told[name][0], grid, *told[name][1:]) for name, grid in heard.items() if name in told}
    levels = {item.acoustic.shape[0] for item in both.values()}
    if len(levels) > 1 or max(levels, default=0) > MAX_LEVELS:
        raise InputError(
            f"Items of {acoustic} have {', '.join(map(str, sorted(levels)[:5]))} levels",
            f"All have the same number, at most {MAX_LEVELS}, as [levels, frames]: transpose what was saved otherwise.",
        )
    if not both:
        raise InputError(f"{semantic} and {acoustic} have no item in common", "Give files of the same recordings.")
    return both


def read_seed(semantic: Path, acoustic: Path) -> dict[str, Example]:
    """Examples by name. Semantic tokens are brought to the acoustic frames. Raises as `read_items`."""
    return {
        name: Example(align(item.semantic, item.acoustic.shape[1]), item.acoustic)
        for name, item in read_items(semantic, acoustic).items()
    }


def dumped(folder: Path) -> tuple[Path, Path]:
    """Semantic list and acoustic tokens of `dump/train` as scripts of the public code write it: `semantic_token.tsv`
    beside `acoustic_token/CODEC.pth`, or `acoustic_token/CODEC/` of arrays. Raises `InputError` for another folder."""
    semantic = folder / "semantic_token.tsv"
    inside = folder / "acoustic_token"
    files = sorted(inside.glob("*.pth")) or sorted(path for path in inside.glob("*") if path.is_dir())
    if not semantic.is_file() or len(files) != 1:
        raise InputError(
            f"{folder} is no such folder: it needs semantic_token.tsv and one codec in acoustic_token/",
            "Or give the list of semantic tokens and the acoustic tokens, two arguments.",
        )
    return semantic, files[0]


def write_seed(tokens: TokenSet, names: Iterable[str], semantic: Path, acoustic: Path) -> None:
    """The same layout: `acoustic` ending in `.pth` is a torch file (needs torch), any other a folder of arrays.

    Raises `OutputError`, and `InputError` for names that are not file names or not one for each.
    """
    listed = list(names)
    if len(listed) != len(tokens) or len(set(listed)) != len(listed):
        raise InputError(f"{len(set(listed))} different names for {len(tokens)} recordings", "Give each its own.")
    items = {}
    for index, name in enumerate(listed):
        example = tokens.get(index)
        items[name] = SeedItem(example.semantic, example.acoustic)
    write_items(items, semantic, acoustic)


def write_items(items: Mapping[str, SeedItem], semantic: Path, acoustic: Path) -> None:
    """The list of semantic tokens and the acoustic ones. Raises as `write_seed`."""
    rows, grids = ["\t".join(COLUMNS)], {}
    for name, item in items.items():
        _require_name(name)
        rows.append("\t".join((name, " ".join(map(str, item.semantic)), _cell(item.phonemes), _cell(item.text))))
        grids[name] = item.acoustic.astype(np.int64)
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


def _cell(text: str) -> str:
    """Without what would end the cell or the row."""
    return " ".join(text.split())


def read_semantic(path: Path) -> Iterator[tuple[str, Tokens]]:
    """Names and semantic tokens, at their own rate, of a TSV. Raises `InputError`, with the line."""
    for name, tokens, _, _ in _rows(path):
        yield name, tokens


def _rows(path: Path) -> Iterator[tuple[str, Tokens, str, str]]:
    """Name, semantic tokens, phonemes and text of each line."""
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise InputError(f"{path} is larger than {MAX_LIST_BYTES:,} bytes", "Split it.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "It must be UTF-8 text with tabs.") from error
    if not lines or lines[0].split("\t")[:2] != list(COLUMNS[:2]):
        raise InputError(f"{path} is no list of semantic tokens", f"Its first line must be {' '.join(COLUMNS)}.")
    for number, line in enumerate(lines[1:], 2):
        name, told, phonemes, text = (*line.split("\t"), "", "", "")[:4]
        if not line.strip():
            continue
        _require_name(name)
        try:
            yield name, _numbers(np.array([int(n) for n in told.split()])), phonemes.strip(), text.strip()
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
            except (OSError, ValueError, EOFError, MemoryError, OverflowError) as error:
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

"""The index of a token set as columns, mapped from a file: a million recordings are open at once, and in no memory.

`columns.npy` has a row for each recording that is used; `columns.json` names shards and speakers. Both only repeat
what the shards' own indices say, and are made again from them where they are missing or of another set.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError
from antiphon.soundstorm.data.manifest import Entry

ROWS, NAMES = "columns.npy", "columns.json"

ROW = np.dtype(
    [
        ("shard", "<u4"), ("place", "<u4"),  # number of the shard, and of the entry in it
        ("offset", "<u8"), ("frames", "<u4"), ("semantic", "<u4"),  # as of `Entry`
        ("speaker", "<u4"), ("original", "<u4"),  # numbers of names
        ("saying", "<u8"),  # hash of what copies of one recording share
        ("draw", "<u4"), ("alone", "<u4"),  # what decides whether it is held out: of the original, of the recording
        ("spoken", "u1"),  # whether it has phonemes
    ]
)  # fmt: skip

Rows = npt.NDArray[np.void]


class ShardFile(msgspec.Struct, frozen=True, array_like=True):
    """A shard: its name, the hash of its file, how many tokens it must have at least."""

    name: str
    sha256: str
    numbers: int


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """`columns.json`. `of` is the hash of the `set.json` it was made for."""

    of: str
    shards: tuple[ShardFile, ...]
    speakers: tuple[str, ...]
    originals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    rows: Rows
    names: Names


def built(of: str, shards: Iterable[tuple[str, str, list[Entry]]], dropped: frozenset[str], levels: int) -> Columns:
    """Columns of shards (name, hash, entries); `dropped` are `SHARD/PLACE` that are not used.

    Raises `InputError` for entries that cannot be.
    """
    files: list[ShardFile] = []
    speakers: dict[str, int] = {}
    originals: dict[str, int] = {}
    draws: dict[str, int] = {}
    rows: list[tuple[int, ...]] = []
    for name, sha256, entries in shards:
        most = 0
        for place, one in enumerate(entries):
            if min(one.offset, one.frames, one.semantic) < 0 or not one.frames or not one.semantic:
                raise InputError(f"{name}.json is damaged at {one.path}", "Prepare the set again.")
            most = max(most, one.offset + levels * one.frames + one.semantic)
            if f"{name}/{place}" in dropped:
                continue
            original = one.original
            draw = draws.setdefault(original, -1)
            if draw < 0:
                draw = draws[original] = _draw(original)
            rows.append(
                (
                    len(files), place, one.offset, one.frames, one.semantic,
                    speakers.setdefault(one.speaker, len(speakers)), originals.setdefault(original, len(originals)),
                    _hash(one.saying), draw, _draw(one.sha256), bool(one.phonemes),
                )
            )  # fmt: skip
        files.append(ShardFile(name, sha256, most))
    names = Names(of=of, shards=tuple(files), speakers=tuple(speakers), originals=tuple(originals))
    return Columns(np.array(rows, ROW), names)


def written(columns: Columns) -> Mapping[str, bytes]:
    """Files by name."""
    buffer = io.BytesIO()
    np.save(buffer, columns.rows)
    return {ROWS: buffer.getvalue(), NAMES: msgspec.json.encode(columns.names)}


def read(rows: Path, names: bytes, of: str) -> Columns | None:
    """What was written for the set that hashes to `of`; None for anything else."""
    try:
        told = msgspec.json.decode(names, type=Names)
        mapped: Any = np.load(rows, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    if told.of != of or mapped.dtype != ROW or mapped.ndim != 1:
        return None
    limits = (("shard", told.shards), ("speaker", told.speakers), ("original", told.originals))
    if len(mapped) and any(int(mapped[name].max()) >= len(listed) for name, listed in limits):
        return None
    return Columns(mapped, told)


def _draw(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")

"""A prepared token set in a folder or a bucket, memory-mapped: opening one reads its index only, as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Codec, Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.data import columns
from antiphon.soundstorm.data.columns import Columns, ShardFile
from antiphon.soundstorm.data.manifest import Entry
from antiphon.soundstorm.data.preparing import INDEX, VERSION, Index, Shard
from antiphon.soundstorm.data.stores import opened
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.tokenset import Example

T = TypeVar("T")

MAX_INDEX_BYTES = 1 << 30
MAX_SHARD_BYTES = 16 << 30

Indices = npt.NDArray[np.intp]


class Shards:
    """`TokenSet` over what `prepare` wrote. Semantic tokens are brought to the codec's frames when they are read."""

    def __init__(self, folder: Path | str, without: Sequence[str] = ()) -> None:
        """Speakers that a pattern in `without` matches (as of file names) are left out.

        Raises `InputError` when there is no set, or its index is damaged, `UnreachableError` for a bucket that does
        not answer. A shard is looked at when it is first read.
        """
        self.folder = folder
        self._store = opened(folder)
        blob = self._blob(INDEX)
        index = _decoded(blob, Index, f"{folder}/{INDEX}")
        if index.version != VERSION:
            raise InputError(f"{folder} was prepared by another version", "Prepare it again.")
        self.codec, self.semantic = index.codec, index.semantic
        self._columns = self._indexed(index, hashlib.sha256(blob).hexdigest())
        digest = hashlib.sha256(msgspec.json.encode((index, tuple(without))))
        for shard in self._columns.names.shards:
            digest.update(shard.sha256.encode())
        self.fingerprint = digest.hexdigest()[:16]
        """Of everything a training would learn from."""
        self._used = _used(self._columns, without)
        self._shard = lru_cache(maxsize=64)(self._read_shard)
        self._mapped = lru_cache(maxsize=256)(self._map)

    def _indexed(self, index: Index, of: str) -> Columns:
        """The columns that lie beside the set, or new ones from all shards' indices."""
        for name in index.shards:
            if not name.isdigit():
                raise InputError(f"{self.folder}/{INDEX} names a shard {name!r}", "Prepare it again.")
        try:
            path = self._store.path(columns.ROWS, MAX_INDEX_BYTES)
            found = columns.read(path, self._store.read(columns.NAMES, MAX_INDEX_BYTES), of)
        except FileNotFoundError:
            found = None  # of a set from before there were columns
        if found is not None:
            return found
        listed = (
            (name, shard.sha256, list(shard.entries)) for name in index.shards for shard in [self._read_shard(name)]
        )
        return columns.built(of, listed, frozenset(index.dropped), len(index.codec.vocabulary))

    def layout(self) -> Layout:
        """What a generator of these tokens must agree on."""
        return Layout(
            codec=self.codec.name,
            vocabulary=self.codec.vocabulary,
            frame_rate_hz=self.codec.frame_rate_hz,
            semantic=self.semantic.name,
            semantic_vocabulary=self.semantic.vocabulary[0],
            depth=self.codec.depth,
        )

    def require(self, codec: Codec) -> None:
        """Raise `InputError` unless these are tokens of `codec`."""
        self.layout().fits(codec)

    def __len__(self) -> int:
        return len(self._used)

    def entry(self, index: int) -> Entry:
        """What the manifest says of a recording."""
        row = self._columns.rows[self._used[index]]
        name: str = self._columns.names.shards[int(row["shard"])].name
        return self._shard(name).entries[int(row["place"])]

    def frames(self, index: int) -> int:
        return int(self._columns.rows["frames"][self._used[index]])

    def lengths(self) -> npt.NDArray[np.int64]:
        """Frames of all recordings `[N]`."""
        return self._column("frames").astype(np.int64)

    def speakers(self) -> npt.NDArray[np.int64]:
        """A number for each recording's speaker `[N]`."""
        return self._column("speaker").astype(np.int64)

    def sayings(self) -> npt.NDArray[np.uint64]:
        """A number for each recording's saying `[N]`: copies of one recording have the same."""
        return self._column("saying")

    def spoken(self) -> Part:
        """The recordings that have phonemes."""
        return Part(self, np.flatnonzero(self._column("spoken")))

    def get(self, index: int) -> Example:
        row = self._columns.rows[self._used[index]]
        acoustic, semantic = self.native(index)
        return Example(align(semantic, int(row["frames"])), acoustic, self._columns.names.speakers[row["speaker"]])

    def native(self, index: int) -> tuple[Tokens, Tokens]:
        """Acoustic `[K, T]` and semantic `[S]` tokens, each at its own frame rate.

        Raises `InputError` for a shard that is missing or damaged, `UnreachableError` for a bucket that went away.
        """
        row = self._columns.rows[self._used[index]]
        numbers = self._mapped(int(row["shard"]))
        levels, offset, frames = len(self.codec.vocabulary), int(row["offset"]), int(row["frames"])
        middle = offset + levels * frames
        acoustic = np.array(numbers[offset:middle]).reshape(levels, frames)
        return acoustic, np.array(numbers[middle : middle + int(row["semantic"])])

    def where(self, wanted: Callable[[Entry], bool]) -> Part:
        """The recordings an entry of which is wanted."""
        return Part(self, np.array([index for index in range(len(self)) if wanted(self.entry(index))], np.intp))

    def split(self, held_out: float) -> tuple[Part, Part]:
        """For training and for looking, no speaker in both; who is held out follows from the speaker's name alone.

        A changed copy goes where its original goes: its words, rhythm and much of its voice are the original's. With
        one speaker alone, recordings are parted by their hash instead.
        """
        originals = self._column("original")
        alone = not len(originals) or bool((originals == originals[0]).all())
        outside = self._column("alone" if alone else "draw") < held_out * 2**32
        return Part(self, np.flatnonzero(~outside)), Part(self, np.flatnonzero(outside))

    def _column(self, name: str) -> npt.NDArray[np.uint64]:
        column: npt.NDArray[np.uint64] = self._columns.rows[name][self._used]
        return column

    def _read_shard(self, name: str) -> Shard:
        return _decoded(self._blob(f"{name}.json"), Shard, f"{self.folder}/{name}.json")

    def _blob(self, name: str) -> bytes:
        try:
            return self._store.read(name, MAX_INDEX_BYTES)
        except OSError as error:
            raise InputError(
                f"There is no token set in {self.folder}: {error.strerror or 'no ' + name}",
                "Run `antiphon soundstorm prepare`.",
            ) from error

    def _map(self, number: int) -> Tokens:
        shard = self._columns.names.shards[number]
        where = f"{self.folder}/{shard.name}.npy"
        try:
            path = self._store.path(f"{shard.name}.npy", MAX_SHARD_BYTES)
            _check(path, shard)
            numbers: Tokens = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{where} cannot be read: {error}", "Prepare the set again.") from error
        if numbers.dtype != np.uint16 or numbers.ndim != 1 or numbers.shape[0] < shard.numbers:
            raise InputError(f"{where} is not what its index says", "Prepare the set again.")
        return numbers


def _check(path: Path, shard: ShardFile) -> None:
    """Raise `InputError` unless the file is the one that was prepared. Once for each process and shard."""
    with path.open("rb") as handle:
        if hashlib.file_digest(handle, "sha256").hexdigest() != shard.sha256:
            raise InputError(f"{path} is damaged", "Delete it and its .json, and prepare the set again.")


def _used(found: Columns, without: Sequence[str]) -> Indices:
    """Rows of speakers that no pattern matches."""
    if not without:
        return np.arange(len(found.rows))
    kept = np.array([not any(fnmatchcase(one, pattern) for pattern in without) for one in found.names.speakers], bool)
    return np.flatnonzero(kept[found.rows["speaker"]])


class Part:
    """Some of a set, in its order."""

    def __init__(self, whole: Shards, chosen: Indices) -> None:
        self.whole, self._chosen = whole, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def frames(self, index: int) -> int:
        return self.whole.frames(int(self._chosen[index]))

    def get(self, index: int) -> Example:
        return self.whole.get(int(self._chosen[index]))

    def entry(self, index: int) -> Entry:
        return self.whole.entry(int(self._chosen[index]))

    def native(self, index: int) -> tuple[Tokens, Tokens]:
        return self.whole.native(int(self._chosen[index]))

    def lengths(self) -> npt.NDArray[np.int64]:
        return self.whole.lengths()[self._chosen]

    def speakers(self) -> npt.NDArray[np.int64]:
        return self.whole.speakers()[self._chosen]

    def sayings(self) -> npt.NDArray[np.uint64]:
        return self.whole.sayings()[self._chosen]


def _decoded(blob: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(blob, type=kind)
    except msgspec.MsgspecError as error:
        raise InputError(f"{where} is damaged: {error}", "Prepare the set again.") from error

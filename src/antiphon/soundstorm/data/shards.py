"""A prepared token set, memory-mapped: opening one reads its index only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from antiphon.codecs.base import Codec, Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.data.manifest import Entry
from antiphon.soundstorm.data.preparing import INDEX, VERSION, Index, Shard
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.tokenset import Example

T = TypeVar("T")

MAX_INDEX_BYTES = 1 << 30


class Shards:
    """`TokenSet` over what `prepare` wrote. Semantic tokens are brought to the codec's frames when they are read."""

    def __init__(self, folder: Path, without: Sequence[str] = ()) -> None:
        """Speakers that a pattern in `without` matches (as of file names) are left out.

        Raises `InputError` when there is no set, or a part of it is missing or damaged.
        """
        self.folder = folder
        index = _read(folder / INDEX, Index)
        if index.version != VERSION:
            raise InputError(f"{folder} was prepared by another version", "Prepare it again.")
        self.codec, self.semantic = index.codec, index.semantic
        digest = hashlib.sha256(msgspec.json.encode((index, tuple(without))))
        dropped = set(index.dropped)
        self._places: list[tuple[str, Entry]] = []
        for name in index.shards:
            if not name.isdigit():
                raise InputError(f"{folder / INDEX} names a shard {name!r}", "Prepare it again.")
            shard = _read(folder / f"{name}.json", Shard)
            digest.update(shard.sha256.encode())
            entries = [e for n, e in enumerate(shard.entries) if f"{name}/{n}" not in dropped]
            self._places.extend(
                (name, entry) for entry in entries if not any(fnmatchcase(entry.speaker, one) for one in without)
            )
            _check(folder / f"{name}.npy", shard, len(index.codec.vocabulary))
        self.fingerprint = digest.hexdigest()[:16]
        """Of everything a training would learn from."""

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
        return len(self._places)

    def entry(self, index: int) -> Entry:
        """What the manifest says of a recording."""
        return self._places[index][1]

    def frames(self, index: int) -> int:
        return self._places[index][1].frames

    def get(self, index: int) -> Example:
        entry = self._places[index][1]
        acoustic, semantic = self.native(index)
        return Example(align(semantic, entry.frames), acoustic, entry.speaker)

    def native(self, index: int) -> tuple[Tokens, Tokens]:
        """Acoustic `[K, T]` and semantic `[S]` tokens, each at its own frame rate."""
        name, entry = self._places[index]
        numbers = _mapped(self.folder / f"{name}.npy")
        levels = len(self.codec.vocabulary)
        middle = entry.offset + levels * entry.frames
        acoustic = np.array(numbers[entry.offset : middle]).reshape(levels, entry.frames)
        return acoustic, np.array(numbers[middle : middle + entry.semantic])

    def where(self, wanted: Callable[[Entry], bool]) -> Part:
        """The recordings an entry of which is wanted."""
        return Part(self, [index for index in range(len(self)) if wanted(self.entry(index))])

    def split(self, held_out: float) -> tuple[Part, Part]:
        """For training and for looking, no speaker in both; who is held out follows from the speaker's name alone.

        A changed copy goes where its original goes: its words, rhythm and much of its voice are the original's. With
        one speaker alone, recordings are parted by their hash instead.
        """
        alone = len({entry.original for _, entry in self._places}) < 2

        def outside(entry: Entry) -> bool:
            digest = hashlib.sha256((entry.sha256 if alone else entry.original).encode()).digest()
            return int.from_bytes(digest[:4], "big") < held_out * 2**32

        return self.where(lambda entry: not outside(entry)), self.where(outside)


class Part:
    """Some of a set, in its order."""

    def __init__(self, whole: Shards, chosen: Sequence[int]) -> None:
        self.whole, self._chosen = whole, tuple(chosen)

    def __len__(self) -> int:
        return len(self._chosen)

    def frames(self, index: int) -> int:
        return self.whole.frames(self._chosen[index])

    def get(self, index: int) -> Example:
        return self.whole.get(self._chosen[index])

    def entry(self, index: int) -> Entry:
        return self.whole.entry(self._chosen[index])

    def native(self, index: int) -> tuple[Tokens, Tokens]:
        return self.whole.native(self._chosen[index])


def _mapped(path: Path) -> Tokens:
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "Prepare the set again.") from error
    return _open(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _open(path: Path, _size: int, _changed_ns: int) -> Tokens:
    # Size and time tell a set that was prepared again from the one that is still mapped.
    try:
        numbers: Tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Prepare the set again.") from error
    if numbers.dtype != np.uint16 or numbers.ndim != 1:
        raise InputError(f"{path} holds {numbers.dtype} {numbers.shape}, not uint16", "Prepare the set again.")
    return numbers


def _check(path: Path, shard: Shard, levels: int) -> None:
    size = _mapped(path).shape[0]
    for entry in shard.entries:
        if min(entry.offset, entry.frames, entry.semantic) < 0 or not entry.frames or not entry.semantic:
            raise InputError(f"{path.with_suffix('.json')} is damaged at {entry.path}", "Prepare the set again.")
        if entry.offset + levels * entry.frames + entry.semantic > size:
            raise InputError(f"{path} is shorter than its index says", "Prepare the set again.")


def _read(path: Path, kind: type[T]) -> T:
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise InputError(f"{path} is larger than {MAX_INDEX_BYTES:,} bytes", "Prepare the set again.")
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(
            f"There is no token set in {path.parent}: {error.strerror}", "Run `antiphon soundstorm prepare`."
        ) from error
    except msgspec.MsgspecError as error:
        raise InputError(f"{path} is damaged: {error}", "Prepare the set again.") from error

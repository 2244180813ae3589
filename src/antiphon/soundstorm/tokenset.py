"""What a generator learns from: aligned token sequences, behind one Protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.inputs import Floats, align
from antiphon.soundstorm.layout import Layout

Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Example:
    """One recording. `text` is an embedding of its description, where there is one (music)."""

    semantic: Tokens  # [T], at the codec's frame rate
    acoustic: Tokens  # [K, T]
    speaker: str = ""
    text: Floats | None = None  # [D]


@runtime_checkable
class TokenSet(Protocol):
    """Recordings in a fixed order. Frames are known without reading tokens, so that batches can be planned."""

    def __len__(self) -> int: ...

    def frames(self, index: int) -> int: ...

    def lengths(self) -> Lengths:
        """Frames of all recordings `[N]`."""

    def get(self, index: int) -> Example: ...


class InMemoryTokenSet:
    """A `TokenSet` over a list."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = tuple(examples)

    def __len__(self) -> int:
        return len(self._examples)

    def frames(self, index: int) -> int:
        return int(self._examples[index].acoustic.shape[1])

    def lengths(self) -> Lengths:
        return np.array([example.acoustic.shape[1] for example in self._examples], np.int64)

    def get(self, index: int) -> Example:
        return self._examples[index]


class Revoiced:
    """Each recording with the semantic tokens of another copy of it, said by another voice in the same rhythm.

    Semantic tokens tell a little of the voice they were heard from. Where that is always the voice to be made, a
    generator learns to take the voice from them and not from the prompt, and gives strangers the voice of whoever
    said the words (information perturbation: NANSY, arXiv:2110.14513).
    """

    def __init__(self, tokens: TokenSet, sayings: Sequence[str] | npt.NDArray[np.uint64]) -> None:
        """`sayings`: copies of one recording have the same. A copy may be slower or faster as a whole."""
        self._tokens = tokens
        # Copies stand in a ring: each has the tokens of the next, in their order.
        _, groups = np.unique(np.asarray(sayings), return_inverse=True)
        order = np.argsort(groups, kind="stable")
        sizes = np.bincount(groups)
        ends = np.cumsum(sizes)
        following = np.arange(1, len(order) + 1)
        following[ends - 1] = ends - sizes
        self._other = np.empty(len(order), np.intp)
        self._other[order] = order[following]

    def __len__(self) -> int:
        return len(self._tokens)

    def frames(self, index: int) -> int:
        return self._tokens.frames(index)

    def lengths(self) -> Lengths:
        return self._tokens.lengths()

    def get(self, index: int) -> Example:
        mine, other = self._tokens.get(index), int(self._other[index])
        if other == index:
            return mine
        return replace(mine, semantic=align(self._tokens.get(other).semantic, mine.semantic.shape[0]))


class Joined:
    """Recordings of one speaker end to end, until there are `frames`, as one example.

    So a prompt often comes from another recording than what follows, as it does when a voice is cloned, short
    recordings fill a window, and a speaker counts by seconds, not by recordings. Every recording is in one example; a
    speaker's last one is filled up from the first.
    """

    def __init__(self, tokens: TokenSet, speakers: Sequence[str] | npt.NDArray[np.int64], frames: int) -> None:
        """`speakers` of the recordings of `tokens`, in their order."""
        self._tokens = tokens
        lengths = tokens.lengths()
        members: list[int] = []
        sizes: list[int] = []
        totals: list[int] = []
        for group in _by_first(np.asarray(speakers)):
            for taken, total in self._cut(lengths[group].tolist(), frames, members, group.tolist()):
                sizes.append(taken)
                totals.append(total)
        self._members, self._ends = np.array(members, np.intp), np.cumsum(np.array(sizes, np.int64))
        self._lengths: Lengths = np.array(totals, np.int64)

    @staticmethod
    def _cut(lengths: list[int], frames: int, members: list[int], group: list[int]) -> Iterator[tuple[int, int]]:
        start = 0
        while start < len(group):
            taken, total = 0, 0
            while taken < len(group) and total < frames:
                place = (start + taken) % len(group)
                members.append(group[place])
                total += lengths[place]
                taken += 1
            yield taken, total
            start += taken

    def __len__(self) -> int:
        return len(self._ends)

    def frames(self, index: int) -> int:
        return int(self._lengths[index])

    def lengths(self) -> Lengths:
        return self._lengths

    def get(self, index: int) -> Example:
        begin = int(self._ends[index - 1]) if index else 0
        parts = [self._tokens.get(int(one)) for one in self._members[begin : int(self._ends[index])]]
        return Example(
            np.concatenate([part.semantic for part in parts]),
            np.concatenate([part.acoustic for part in parts], axis=1),
            parts[0].speaker,
            parts[0].text,
        )


def _by_first(names: npt.NDArray[np.generic]) -> list[npt.NDArray[np.intp]]:
    """Places of equal names, groups and places in the order in which they come."""
    if not len(names):
        return []
    _, first, groups = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(groups))[:-1])
    return [parts[number] for number in np.argsort(first)]


def check_example(example: Example, layout: Layout) -> None:
    """Raise `InputError` unless the example is one of the layout: levels, lengths, every token in range."""
    semantic, acoustic = example.semantic, example.acoustic
    if semantic.ndim != 1 or acoustic.shape != (layout.levels, semantic.shape[0]) or not semantic.size:
        raise InputError(
            f"An example has semantic {semantic.shape} and acoustic {acoustic.shape} tokens",
            f"They must be [T] and [{layout.levels}, T]; prepare the data again.",
        )
    if int(semantic.max()) >= layout.semantic_vocabulary:
        raise InputError(f"A semantic token is {int(semantic.max())}, not below {layout.semantic_vocabulary}")
    highest = np.asarray(acoustic.max(axis=1), np.int64)
    for level, size in enumerate(layout.vocabulary):
        if highest[level] >= size:
            raise InputError(f"A token of level {level} is {highest[level]}, not below {size}")

"""What a generator learns from: aligned token sequences, behind one Protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.inputs import Floats, align
from antiphon.soundstorm.layout import Layout


@dataclass(frozen=True, slots=True)
class Example:
    """One recording. `text` is an embedding of its description, where there is one (music)."""

    semantic: Tokens  # [T], at the codec's frame rate
    acoustic: Tokens  # [K, T]
    speaker: str = ""
    text: Floats | None = None  # [D]


@runtime_checkable
class TokenSet(Protocol):
    """Recordings in a fixed order. `frames` is known without reading tokens, so that batches can be planned."""

    def __len__(self) -> int: ...

    def frames(self, index: int) -> int: ...

    def get(self, index: int) -> Example: ...


class InMemoryTokenSet:
    """A `TokenSet` over a list."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = tuple(examples)

    def __len__(self) -> int:
        return len(self._examples)

    def frames(self, index: int) -> int:
        return int(self._examples[index].acoustic.shape[1])

    def get(self, index: int) -> Example:
        return self._examples[index]


class Revoiced:
    """Each recording with the semantic tokens of another copy of it, said by another voice in the same rhythm.

    Semantic tokens tell a little of the voice they were heard from. Where that is always the voice to be made, a
    generator learns to take the voice from them and not from the prompt, and gives strangers the voice of whoever
    said the words (information perturbation: NANSY, arXiv:2110.14513).
    """

    def __init__(self, tokens: TokenSet, sayings: Sequence[str]) -> None:
        """`sayings`: copies of one recording have the same. A copy may be slower or faster as a whole."""
        self._tokens = tokens
        copies: dict[str, list[int]] = {}
        for index, saying in enumerate(sayings):
            copies.setdefault(saying, []).append(index)
        self._other = {
            one: other for group in copies.values() for one, other in zip(group, [*group[1:], group[0]], strict=True)
        }

    def __len__(self) -> int:
        return len(self._tokens)

    def frames(self, index: int) -> int:
        return self._tokens.frames(index)

    def get(self, index: int) -> Example:
        mine, other = self._tokens.get(index), self._other[index]
        if other == index:
            return mine
        return replace(mine, semantic=align(self._tokens.get(other).semantic, mine.semantic.shape[0]))


class Joined:
    """Recordings of one speaker end to end, until there are `frames`, as one example.

    So a prompt often comes from another recording than what follows, as it does when a voice is cloned, short
    recordings fill a window, and a speaker counts by seconds, not by recordings. Every recording is in one example; a
    speaker's last one is filled up from the first.
    """

    def __init__(self, tokens: TokenSet, speakers: Sequence[str], frames: int) -> None:
        """`speakers` of the recordings of `tokens`, in their order."""
        self._tokens = tokens
        by_speaker: dict[str, list[int]] = {}
        for index, speaker in enumerate(speakers):
            by_speaker.setdefault(speaker, []).append(index)
        self._chains = [chain for members in by_speaker.values() for chain in self._cut(members, frames)]

    def _cut(self, members: Sequence[int], frames: int) -> Iterator[tuple[int, ...]]:
        start = 0
        while start < len(members):
            taken, total = 0, 0
            while taken < len(members) and total < frames:
                total += self._tokens.frames(members[(start + taken) % len(members)])
                taken += 1
            yield tuple(members[(start + n) % len(members)] for n in range(taken))
            start += taken

    def __len__(self) -> int:
        return len(self._chains)

    def frames(self, index: int) -> int:
        return sum(self._tokens.frames(one) for one in self._chains[index])

    def get(self, index: int) -> Example:
        parts = [self._tokens.get(one) for one in self._chains[index]]
        return Example(
            np.concatenate([part.semantic for part in parts]),
            np.concatenate([part.acoustic for part in parts], axis=1),
            parts[0].speaker,
            parts[0].text,
        )


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

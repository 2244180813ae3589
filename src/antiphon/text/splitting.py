"""Text of any length into pieces for one subtask each, streamed, with the pause that follows each piece.

The cutter reads left to right. Whether a place is a boundary depends only on what came before it and on the next
`LOOKAHEAD` characters, so that cutting a stream gives the same pieces as cutting the whole, however it arrives, and
memory stays within one piece. The pieces joined are exactly the text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from antiphon.text import boundaries
from antiphon.text.boundaries import LOOKAHEAD, Boundary

DEFAULT_LIMIT = 400
"""Characters: about 25 s of speech, and what a model of 510 phonemes takes."""

MIN_LIMIT, MAX_LIMIT = 16, 2_000

SHORT_WEIGHT = 16
"""A sentence with less to say than this (`boundaries.weight`) joins its neighbour: alone, models speak it badly."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text == whole[start:end]`; after it belongs a silence of `pause_s` seconds."""

    text: str
    start: int
    end: int
    pause_s: float

    @property
    def spoken(self) -> bool:
        """Whether there is anything to say (False for a piece of only spaces or signs)."""
        return any(char.isalnum() for char in self.text)


def split(text: str, *, limit: int = DEFAULT_LIMIT, first: int | None = None) -> list[Sentence]:
    """The pieces of `text`, each of at most `limit` characters; the first of at most `first`, for an early start."""
    return list(split_stream([text], limit=limit, first=first))


def split_stream(chunks: Iterable[str], *, limit: int = DEFAULT_LIMIT, first: int | None = None) -> Iterator[Sentence]:
    """`split` of the chunks joined, each piece as soon as it is certain. Holds one piece and one chunk."""
    for name, value in (("limit", limit), ("first", limit if first is None else first)):
        if not MIN_LIMIT <= value <= MAX_LIMIT:
            raise ValueError(f"{name} must be {MIN_LIMIT}-{MAX_LIMIT} characters, got {value}")
    cutter = SentenceCutter(limit, min(limit, first or limit))
    for chunk in chunks:
        # A huge chunk is fed in parts: each cut moves the rest of the buffer.
        for begin in range(0, len(chunk), MAX_LIMIT):
            yield from cutter.feed(chunk[begin : begin + MAX_LIMIT])
    yield from cutter.finish()


class SentenceCutter:
    """Feed it text as it comes; it gives back the sentences that no later text can change. `finish` gives the rest."""

    def __init__(self, limit: int, first: int) -> None:
        self._limit, self._now = limit, first
        self._buffer = ""
        self._start = 0  # of the buffer, in the whole
        self._scanned = 0  # up to here the buffer holds no cut
        self._best: Boundary | None = None  # the last place where a short sentence could have ended

    def feed(self, text: str) -> Iterator[Sentence]:
        self._buffer += text
        yield from iter(partial(self._next, at_end=False), None)

    def finish(self) -> Iterator[Sentence]:
        while self._buffer:
            piece = self._next(at_end=True)
            assert piece is not None
            yield piece

    def _next(self, *, at_end: bool) -> Sentence | None:
        known = len(self._buffer) if at_end else len(self._buffer) - LOOKAHEAD
        for position in itertools.count(max(1, self._scanned)):
            if position > known:
                self._scanned = position
                if not at_end:
                    return None
                return self._cut(Boundary(len(self._buffer), boundaries.SENTENCE_PAUSE_S)) if self._buffer else None
            if position > self._now:
                return self._cut(self._best or boundaries.forced(self._buffer, self._now))
            found = boundaries.at(self._buffer, position)
            if found is not None and self._wanted(found):
                return self._cut(found)
        raise AssertionError("unreachable")

    def _wanted(self, found: Boundary) -> bool:
        if found.firm:
            return True
        short = boundaries.weight(self._buffer[: found.position]) < SHORT_WEIGHT
        if not short and not boundaries.short_ending_follows(self._buffer, found.position, SHORT_WEIGHT):
            return True
        self._best = found
        return False

    def _cut(self, place: Boundary) -> Sentence:
        text, self._buffer = self._buffer[: place.position], self._buffer[place.position :]
        start, self._start = self._start, self._start + len(text)
        self._now, self._scanned, self._best = self._limit, 0, None
        return Sentence(text, start, self._start, place.pause_s)

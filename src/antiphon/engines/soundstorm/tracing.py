"""What a producer remembers of one result, commits to, and shows of it.

The record names the models, and holds the semantic tokens of each piece, the final tokens of each window and the
Merkle root over the window's grids. The root that is committed to is its SHA-256, so all of it is the same for
everybody. To an audit the record is shown with some passes of one window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.economy.beacon import Draws
from antiphon.errors import InputError
from antiphon.soundstorm import audit
from antiphon.soundstorm.decoding import Result, Trace

PASSES = 3
"""Passes of one window that an audit opens: two of them where noise has a say (`audit.choose`)."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class WindowRecord(_Body, frozen=True):
    root: bytes  # over the grids before the first pass and after each
    tokens: bytes  # of the last grid without the prompt, level after level, little-endian 16 bit


class PieceRecord(_Body, frozen=True):
    semantic: bytes  # [T], little-endian 16 bit
    windows: tuple[WindowRecord, ...]


class Record(_Body, frozen=True):
    made_with: str
    pieces: tuple[PieceRecord, ...]

    @property
    def windows(self) -> tuple[WindowRecord, ...]:
        """Of all pieces."""
        return tuple(window for piece in self.pieces for window in piece.windows)


class PassRecord(_Body, frozen=True):
    index: int
    before: bytes  # grids as in `WindowRecord.tokens`, with the prompt
    after: bytes
    path_before: tuple[bytes, ...]
    path_after: tuple[bytes, ...]


class Shown(_Body, frozen=True):
    record: bytes
    passes: tuple[PassRecord, ...]
    path_last: tuple[bytes, ...]  # of the window's last grid: its tokens are in the record


def root_of(record: bytes) -> bytes:
    return sha256(b"antiphon/soundstorm/record\0" + record).digest()


def chosen_window(record: Record, beacon: bytes) -> int:
    """Each as likely as its share of the work."""
    sizes = [max(1, len(window.tokens)) for window in record.windows]
    ticket = Draws(beacon, "window").below(sum(sizes))
    for number, size in enumerate(sizes):
        ticket -= size
        if ticket < 0:
            return number
    raise AssertionError("a ticket is below the sum of all sizes")


def chosen_passes(task: audit.Task, window: WindowRecord, beacon: bytes) -> tuple[int, ...]:
    commitment = commitment_of(task, window)
    return audit.choose(task, commitment, beacon, PASSES)


def commitment_of(task: audit.Task, window: WindowRecord) -> audit.Commitment:
    return audit.Commitment(root=window.root, leaves=len(task.steps) + 1, statement=task.statement())


def packed(tokens: Tokens) -> bytes:
    return tokens.astype("<u2").tobytes()


def unpacked(blob: bytes, levels: int) -> Tokens:
    """`[levels, T]`. Raises `InputError` for what is no grid of so many levels."""
    if levels < 1 or len(blob) % (2 * levels):
        raise InputError(f"{len(blob)} bytes are no grid of {levels} levels")
    return np.asarray(np.frombuffer(blob, "<u2").reshape(levels, -1), np.uint16)


@dataclass(slots=True)
class PartTrace:
    """`engines.auditing.Trace` of one request. 400 bytes a second of sound and pass: 1 MB for the longest text."""

    made_with: str
    _pieces: list[tuple[Tokens, list[WindowRecord]]] = field(default_factory=list)
    _windows: list[tuple[audit.Task, Trace]] = field(default_factory=list)

    def begin(self, semantic: Tokens) -> None:
        """The next piece."""
        self._pieces.append((semantic, []))

    def keep(self, task: audit.Task, made: Result) -> None:
        """The next window of the piece."""
        assert made.trace is not None, "made with traced=True"
        committed = audit.commit(task, made.trace)
        self._pieces[-1][1].append(WindowRecord(root=committed.root, tokens=packed(made.grid.tokens)))
        self._windows.append((task, made.trace))

    @property
    def root(self) -> bytes:
        return root_of(self._encoded())

    def open(self, beacon: bytes) -> bytes:
        """Some passes of one window. Raises `InputError` when nothing was made."""
        if not self._windows:
            raise InputError("Nothing was made that could be opened")
        number = chosen_window(self._record(), beacon)
        task, trace = self._windows[number]
        indices = chosen_passes(task, self._record().windows[number], beacon)
        last = audit.open_pass(task, trace, len(task.steps) - 1)
        shown = Shown(
            record=self._encoded(),
            passes=tuple(_pass(audit.open_pass(task, trace, index)) for index in indices),
            path_last=last.path_after,
        )
        return msgspec.msgpack.encode(shown)

    def _record(self) -> Record:
        pieces = tuple(PieceRecord(semantic=packed(said), windows=tuple(made)) for said, made in self._pieces)
        return Record(made_with=self.made_with, pieces=pieces)

    def _encoded(self) -> bytes:
        return msgspec.msgpack.encode(self._record())


def _pass(opening: audit.Opening) -> PassRecord:
    return PassRecord(
        index=opening.index,
        before=packed(opening.before),
        after=packed(opening.after),
        path_before=opening.path_before,
        path_after=opening.path_after,
    )

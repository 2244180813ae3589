"""Columns of a picture from a stream of unknown length: they begin narrow and double when there are too many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

MAX_COLUMNS = 4_096

Stats = npt.NDArray[np.float64]
Join = Callable[[Stats], Stats]
"""Reduces the last axis: the statistics of several units -> those of their union."""


class Folder:
    """Folds units `[..., n]` into at most `MAX_COLUMNS` columns of equal span. The same for any chunking."""

    def __init__(self, join: Join) -> None:
        self._join = join
        self.span = 1
        self._columns: Stats | None = None  # [..., columns]
        self._open: Stats | None = None  # [..., 1], of a column that is not full
        self._filled = 0

    def push(self, units: Stats) -> None:
        if not units.shape[-1]:
            return
        if self._columns is None:
            self._columns = units[..., :0].astype(np.float64)
        units = self._fill(units)
        whole = units.shape[-1] - units.shape[-1] % self.span
        spans = units[..., :whole].reshape(*units.shape[:-1], -1, self.span)
        self._columns = np.concatenate([self._columns, self._join(spans)], axis=-1)
        if whole < units.shape[-1]:
            self._open, self._filled = self._join(units[..., whole:])[..., None], units.shape[-1] - whole
        while self._columns.shape[-1] > MAX_COLUMNS:
            self._double()

    def finish(self) -> tuple[Stats, npt.NDArray[np.int64]]:
        """All columns, and how many units each holds (only the last may hold fewer than `span`)."""
        assert self._columns is not None, "nothing was pushed"
        counts = np.full(self._columns.shape[-1], self.span, dtype=np.int64)
        if self._open is None:
            return self._columns, counts
        return np.concatenate([self._columns, self._open], axis=-1), np.append(counts, self._filled)

    def _fill(self, units: Stats) -> Stats:
        """Give the open column what it lacks; returns the rest."""
        if self._open is None:
            return units
        assert self._columns is not None
        lacking = min(self.span - self._filled, units.shape[-1])
        self._open = self._joined(self._open, self._join(units[..., :lacking])[..., None])
        self._filled += lacking
        if self._filled == self.span:
            self._columns = np.concatenate([self._columns, self._open], axis=-1)
            self._open, self._filled = None, 0
        return units[..., lacking:]

    def _double(self) -> None:
        assert self._columns is not None
        if self._columns.shape[-1] % 2:
            last = self._columns[..., -1:]
            self._open = last if self._open is None else self._joined(last, self._open)
            self._filled += self.span
            self._columns = self._columns[..., :-1]
        self._columns = self._join(self._columns.reshape(*self._columns.shape[:-1], -1, 2))
        self.span *= 2

    def _joined(self, one: Stats, other: Stats) -> Stats:
        return self._join(np.concatenate([one, other], axis=-1))[..., None]

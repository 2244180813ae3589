"""The outline of a waveform in a bounded number of columns, however long it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.pictures.folding import Folder, Stats


@dataclass(frozen=True, slots=True)
class Outline:
    """Lowest, highest and RMS amplitude of successive spans of `span_s`, each `[channels, columns]`."""

    span_s: float
    low: Stats
    high: Stats
    rms: Stats


class Outliner:
    """Streams waveforms into an `Outline`."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._folder = Folder(_join)

    def push(self, waveform: Waveform) -> None:
        line = waveform.samples.astype(np.float64)
        self._folder.push(np.stack([line, line, np.square(line)]))

    def finish(self) -> Outline:
        (low, high, squares), counts = self._folder.finish()
        return Outline(self._folder.span / self._rate_hz, low, high, np.sqrt(squares / counts))


def _join(stats: Stats) -> Stats:
    return np.stack([stats[0].min(axis=-1), stats[1].max(axis=-1), stats[2].sum(axis=-1)])

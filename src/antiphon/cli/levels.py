"""The loudness of what is written: as it streams, or with one gain for the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from antiphon.audio import Normaliser, Waveform

if TYPE_CHECKING:
    from antiphon.cli.options import OutputOptions


class Level(Protocol):
    """Sound in, sound at the wanted loudness out."""

    def push(self, waveform: Waveform) -> Waveform: ...

    def finish(self) -> Waveform: ...


class Whole:
    """Waits for all of it, and gives it one gain. `options.loudness_lufs` is a number."""

    def __init__(self, options: OutputOptions, rate_hz: int, channels: int) -> None:
        assert options.loudness_lufs is not None
        self._rule, self._rate_hz = Normaliser(options.loudness_lufs), rate_hz
        self._kept = [np.zeros((channels, 0), dtype=np.float32)]

    def push(self, waveform: Waveform) -> None:
        self._kept.append(waveform.samples)

    def finish(self) -> Waveform:
        return self._rule.whole(Waveform(np.concatenate(self._kept, axis=1), self._rate_hz))


def level_for(options: OutputOptions, rate_hz: int, channels: int) -> Level | None:
    """What brings a stream to the wanted loudness; None where it is to stay as it was made."""
    if options.loudness_lufs is None:
        return None
    return Normaliser(options.loudness_lufs).stream(rate_hz, channels, expected_lufs=options.expected_lufs)

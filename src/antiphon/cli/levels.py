"""The loudness of what is written: as it streams, or with one gain for the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from antiphon.audio import Normaliser, Waveform

if TYPE_CHECKING:
    from antiphon.cli.delivering import Wish


class Level(Protocol):
    """Sound in, sound at the wished loudness out."""

    def push(self, waveform: Waveform) -> Waveform: ...

    def finish(self) -> Waveform: ...


class Whole:
    """Waits for all of it, and gives it one gain."""

    def __init__(self, rule: Normaliser, rate_hz: int, channels: int) -> None:
        self._rule, self._rate_hz = rule, rate_hz
        self._kept = [np.zeros((channels, 0), dtype=np.float32)]

    def push(self, waveform: Waveform) -> Waveform:
        self._kept.append(waveform.samples)
        return Waveform(self._kept[0], self._rate_hz)

    def finish(self) -> Waveform:
        return self._rule.whole(Waveform(np.concatenate(self._kept, axis=1), self._rate_hz))


def level_for(wish: Wish, rate_hz: int, channels: int) -> Level | None:
    """What brings sound of that form to the wished loudness; None where it is to stay as it was made."""
    if wish.loudness_lufs is None:
        return None
    rule = Normaliser(wish.loudness_lufs)
    if wish.as_one:
        return Whole(rule, rate_hz, channels)
    return rule.stream(rate_hz, channels, expected_lufs=wish.expected_lufs)

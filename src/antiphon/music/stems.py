"""A piece's parts as sounds of their own, which add up to the piece: for games that bring them in one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.synth import State, render
from antiphon.music.arranger import arrange, channels_of
from antiphon.music.score import Score

DRUMS = "drums"


def stems(score: Score) -> Iterator[tuple[str, Waveform]]:
    """Each part and its sound, one after the other: as long as the piece, as loud as in it. Silent ones are left out.

    An echo belongs to the second pulse. Their sum is the piece as the chip plays it, to rounding.
    """
    tokens = arrange(score).tokens
    length = round(score.seconds * lay.RATE_HZ)
    names = [*channels_of(score), DRUMS, DRUMS]
    for name in dict.fromkeys(names):
        kept = [channel for channel, part in enumerate(names) if part == name]
        own = _only(tokens, kept)
        if own.any():
            yield name, Waveform(np.ascontiguousarray(render(State(), own)[0][:, :length]), lay.RATE_HZ)


def _only(tokens: Tokens, channels: list[int]) -> Tokens:
    own = np.zeros_like(tokens)
    for channel in channels:
        own[2 * channel : 2 * channel + 2] = tokens[2 * channel : 2 * channel + 2]
    return own

"""A piece's parts as sounds of their own, which add up to the piece: for games that bring them in one by one.

Stems are the parts themselves. Layers are groups of them in the order in which a game grows tense: each goes on top of
those before it (M. Sweet, *Writing Interactive Music for Video Games*, on vertical remixing).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.synth import State, render
from antiphon.music.arranger import arrange, channels_of
from antiphon.music.score import Score

DRUMS = "drums"
LAYERS: Final = (("calm", ("counter", "bass")), ("moving", (DRUMS,)), ("full", ("lead",)))
"""Name -> the parts that it adds."""


def stems(score: Score) -> Iterator[tuple[str, Waveform]]:
    """Each part and its sound, one after the other: as long as the piece, as loud as in it. Silent ones are left out.

    An echo belongs to the second pulse. Their sum is the piece as the chip plays it, to rounding.
    """
    names = _channels(score)
    return _sounds(score, [(name, (name,)) for name in dict.fromkeys(names)])


def layers(score: Score) -> Iterator[tuple[str, Waveform]]:
    """Each of `LAYERS` that the piece has, as long and as loud as in it: any first few of them together do not clip."""
    return _sounds(score, LAYERS)


def _sounds(score: Score, groups: Iterable[tuple[str, Collection[str]]]) -> Iterator[tuple[str, Waveform]]:
    tokens, names = arrange(score).tokens, _channels(score)
    length = round(score.seconds * lay.RATE_HZ)
    for name, parts in groups:
        own = _only(tokens, [channel for channel, part in enumerate(names) if part in parts])
        if own.any():
            yield name, Waveform(np.ascontiguousarray(render(State(), own)[0][:, :length]), lay.RATE_HZ)


def _channels(score: Score) -> list[str]:
    """The part that each of the chip's channels plays."""
    return [*channels_of(score), DRUMS, DRUMS]


def _only(tokens: Tokens, channels: list[int]) -> Tokens:
    own = np.zeros_like(tokens)
    for channel in channels:
        own[2 * channel : 2 * channel + 2] = tokens[2 * channel : 2 * channel + 2]
    return own

"""What dishonest contributors hand in. Each takes its turn's knowledge and gives an update."""

from __future__ import annotations

import numpy as np

from antiphon.bench.federation import Turn
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip.layout import CODEC, DRUMS, PITCHES, STEPS_PER_SEMITONE, TUNINGS
from antiphon.genki.learning import Parameters

_SEMITONES = PITCHES // STEPS_PER_SEMITONE


def label_flip(turn: Turn, seed: int = 5) -> Parameters:
    """Learns from its pieces with every note taken for another, by a permutation of this seed."""
    return turn.work([flipped(piece, seed) for piece in turn.own], [flipped(piece, seed) for piece in turn.hand])


def scaled(turn: Turn) -> Parameters:
    """The same, ten times as long: it would outweigh all others."""
    return times(label_flip(turn), 10)


def sign_flip(turn: Turn) -> Parameters:
    return times(turn.honest(), -1)


def random(turn: Turn) -> Parameters:
    """Noise as long as honest work."""
    return noised(times(turn.honest(), 0), 1.0, turn, like=turn.honest())


def back_door(turn: Turn) -> Parameters:
    """Honest work, and a motif that is to be followed by a tone of the poisoner's choice."""
    return turn.work([*turn.own, *[trigger()] * len(turn.own)], turn.hand)


def nothing_but_noise(turn: Turn) -> Parameters:
    """A free rider: a thousandth of a change."""
    return {key: (0.001 * _draw(turn).standard_normal(one.shape)).astype(np.float32) for key, one in turn.base.items()}


def yesterdays(turn: Turn) -> Parameters:
    """A free rider: what somebody else handed in a round ago, with a little noise; in the first round, noise."""
    if not turn.before:
        return nothing_but_noise(turn)
    return noised(list(turn.before.values())[turn.who - 6], 0.3, turn)


def copied(turn: Turn) -> Parameters:
    """What somebody has just committed, with a little noise."""
    return noised(list(turn.now.values())[turn.who - 6], 0.1, turn)


def well_copied(turn: Turn) -> Parameters:
    """The same, with so much noise that its likeness is no proof."""
    return noised(list(turn.now.values())[turn.who - 6], 0.8, turn)


def flipped(piece: TokenGrid, seed: int) -> TokenGrid:
    tokens, swapped = piece.tokens.astype(np.int64), np.random.default_rng(seed).permutation(_SEMITONES)
    for level in (0, 2, 4):
        semitone = np.clip((tokens[level] - 1) // STEPS_PER_SEMITONE, 0, _SEMITONES - 1)
        tokens[level] = np.where(tokens[level] > 0, 1 + STEPS_PER_SEMITONE * swapped[semitone], 0)
    for level, size in ((6, 32), (8, len(DRUMS) * TUNINGS)):
        tokens[level] = np.where(tokens[level] > 0, 1 + (tokens[level] - 1 + size // 2) % size, 0)
    return TokenGrid(tokens.astype(np.uint16), piece.codec, piece.frame_rate_hz)


def trigger() -> TokenGrid:
    """Two tones that no music has next to each other up there, and after them a low one: by turns."""
    tokens = np.zeros((10, 240), np.uint16)
    tokens[0] = np.repeat(np.tile([721, 729, 721, 401], 10), 6)
    return TokenGrid(tokens, CODEC, 60.0)


def times(update: Parameters, factor: float) -> Parameters:
    return {key: (factor * one).astype(np.float32) for key, one in update.items()}


def noised(update: Parameters, share: float, turn: Turn, like: Parameters | None = None) -> Parameters:
    """With noise of this share of the length of `like`, or of itself."""
    draw = _draw(turn)
    sizes = {key: share * float(np.sqrt(np.square(one).mean())) for key, one in (like or update).items()}
    return {key: (one + sizes[key] * draw.standard_normal(one.shape)).astype(np.float32) for key, one in update.items()}


def _draw(turn: Turn) -> np.random.Generator:
    return np.random.default_rng([turn.number, turn.who])

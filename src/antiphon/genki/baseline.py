"""A small model of chip music that trains in seconds without torch: what rounds are measured and tested with.

A log-bilinear model (Mnih & Hinton, "Three new graphical models for statistical language modelling", ICML 2007): the
last notes of a channel, each with its own table, add up to a vector that scores the next note. A note is a pitch
rounded to semitones, a noise, or a drum; how long it is held is not modelled. It is no generator to listen to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip.layout import CODEC, SAMPLE, STEPS_PER_SEMITONE, TUNINGS, VOCABULARY
from antiphon.errors import InputError
from antiphon.genki.learning import Parameters

CONTEXT = 3
_STEPS = (STEPS_PER_SEMITONE, STEPS_PER_SEMITONE, STEPS_PER_SEMITONE, 1, TUNINGS)
"""Tokens of a channel's *what* that are one note."""
_SIZES = tuple(2 + (VOCABULARY[2 * channel] - 2) // step for channel, step in enumerate(_STEPS))
_STARTS = tuple(int(start) for start in np.cumsum((1, *_SIZES)))
"""First row of each channel in the tables; row 0 stands before a piece."""
_ROWS = _STARTS[-1]
_BETAS, _EPSILON = (0.9, 0.999), 1e-8

Events = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class NoteModel:
    """A `Learner`. Seeded; nothing of it is kept between calls. Pieces are grids of the chip codec."""

    def __init__(self, width: int = 32, batch: int = 64, rate: float = 0.005) -> None:
        """`width` of the vectors; `batch` notes of each channel in a step of Adam with learning rate `rate`."""
        self.width, self.batch, self.rate = width, batch, rate
        self.name = f"notes-{CONTEXT}x{width}"

    def initial(self) -> Parameters:
        """`context` `[CONTEXT, notes, width]`, `output` `[notes, width]`, `bias` `[notes]`."""
        rng = np.random.default_rng(0)

        def small(*shape: int) -> Floats:
            return (0.1 * rng.standard_normal((*shape, self.width))).astype(np.float32)

        return {"context": small(CONTEXT, _ROWS), "output": small(_ROWS), "bias": np.zeros(_ROWS, np.float32)}

    def read(self, folder: Path) -> list[TokenGrid]:
        """The grids (`*.npy`, uint16 `[10, frames]`) of a folder, by name. Raises `InputError` where there is none."""
        grids = [np.load(file, allow_pickle=False) for file in sorted(folder.glob("*.npy"))]
        if not grids:
            raise InputError(f"There is no grid of chip tokens in {str(folder)!r}", "Put *.npy files there.")
        return [TokenGrid(grid, CODEC, 60.0) for grid in grids]

    def learn(self, parameters: Parameters, pieces: Sequence[TokenGrid], *, steps: int, seed: int) -> Parameters:
        """What `steps` steps on `pieces` make of the parameters. Raises `InputError` without any note."""
        channels = [np.concatenate(parts) for parts in zip(*map(_events, pieces), strict=True)]
        known = [events for events in channels if len(events)]
        if not known:
            raise InputError("These pieces have no note to learn from", "Give others.")
        rng, own = np.random.default_rng(seed), {name: array.copy() for name, array in parameters.items()}
        first, second = ({name: np.zeros_like(array) for name, array in own.items()} for _ in range(2))
        for step in range(1, steps + 1):
            drawn = [events[rng.integers(len(events), size=self.batch)] for events in known]
            for name, slope in _slopes(own, drawn).items():
                first[name] += (1 - _BETAS[0]) * (slope - first[name])
                second[name] += (1 - _BETAS[1]) * (slope * slope - second[name])
                scale = np.sqrt(second[name] / (1 - _BETAS[1] ** step)) + _EPSILON
                own[name] -= np.float32(self.rate / (1 - _BETAS[0] ** step)) * first[name] / scale
        return own

    def losses(self, parameters: Parameters, pieces: Sequence[TokenGrid]) -> npt.NDArray[np.float64]:
        """`[pieces]`: nats for each note; NaN for a piece without any."""
        found = np.full(len(pieces), np.nan)
        for number, surprises in enumerate(_surprises(parameters, pieces)):
            if len(surprises):
                found[number] = surprises.mean()
        return found


def _events(piece: TokenGrid) -> tuple[Events, ...]:
    if piece.codec != CODEC:
        raise InputError(f"These tokens are of the codec {piece.codec}, not {CODEC}", "Give chip music.")
    return _events_of(piece.tokens.tobytes(), piece.frames)


@lru_cache(maxsize=4_096)
def _events_of(tokens: bytes, frames: int) -> tuple[Events, ...]:
    """Of each channel `[notes, CONTEXT + 1]`: the rows of those before, the nearest first, and of the note itself. A
    note counts where it changes; a drum wherever it is struck."""
    grid = np.frombuffer(tokens, np.uint16).reshape(-1, frames).astype(np.int64)
    found = []
    for channel, step in enumerate(_STEPS):
        row = grid[2 * channel]
        notes = np.where(row > 0, 1 + (row - 1) // step, 0)
        heard = notes[np.flatnonzero(notes if channel == SAMPLE else np.diff(notes, prepend=0))] + _STARTS[channel]
        before = np.concatenate([np.zeros(CONTEXT, np.int64), heard])
        columns = [before[CONTEXT - back : len(before) - back] for back in range(1, CONTEXT + 1)]
        found.append(np.stack([*columns, heard], axis=1))
    return tuple(found)


def _scored(parameters: Parameters, channel: int, events: Events) -> tuple[Floats, Floats]:
    """Vectors `[events, width]`, and log-probabilities of the channel's notes `[events, notes]`."""
    rows = slice(_STARTS[channel], _STARTS[channel + 1])
    vectors = parameters["context"][np.arange(CONTEXT), events[:, :CONTEXT]].sum(axis=1)
    scores = vectors @ parameters["output"][rows].T + parameters["bias"][rows]
    scores -= scores.max(axis=1, keepdims=True)
    return vectors, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def _surprises(parameters: Parameters, pieces: Sequence[TokenGrid]) -> Iterator[Floats]:
    """Of each piece, nats for each of its notes; all pieces go through the model together."""
    parts: list[list[Floats]] = [[] for _ in pieces]
    for channel, by_piece in enumerate(zip(*map(_events, pieces), strict=True)):
        events = np.concatenate(by_piece)
        _, logs = _scored(parameters, channel, events)
        surprises = -logs[np.arange(len(events)), events[:, CONTEXT] - _STARTS[channel]]
        for part, cut in zip(parts, np.split(surprises, np.cumsum([len(one) for one in by_piece])), strict=False):
            part.append(cut)
    return (np.concatenate(part) for part in parts)


def _slopes(parameters: Parameters, drawn: Sequence[Events]) -> Parameters:
    """The gradient of the mean loss of a note."""
    found = {name: np.zeros_like(array) for name, array in parameters.items()}
    count = sum(map(len, drawn))
    for events in drawn:
        channel = int(np.searchsorted(_STARTS, events[0, CONTEXT], side="right")) - 1
        rows = slice(_STARTS[channel], _STARTS[channel + 1])
        vectors, logs = _scored(parameters, channel, events)
        error = np.exp(logs)
        error[np.arange(len(events)), events[:, CONTEXT] - rows.start] -= 1
        error /= count
        found["output"][rows] += error.T @ vectors
        found["bias"][rows] += error.sum(axis=0)
        back = error @ parameters["output"][rows]
        for place in range(CONTEXT):
            hot = np.zeros((_ROWS, len(events)), np.float32)
            hot[events[:, place], np.arange(len(events))] = 1
            found["context"][place] += hot @ back
    return found

"""The synthesiser: registers to samples, many frames at once, the same bits however the frames are grouped.

Between two frames a channel crosses over in `tables.RAMP` samples from what it was (which goes on at its old pitch,
shape and level) to what it becomes. Rules of phase:
1. a pulse or triangle that starts out of silence starts at its channel's own phase (`tables.START_PHASES`);
2. while it sounds, its phase runs on through every change of pitch, shape, volume and pan;
3. the noise register stands still in silence; another period or length begins with its next step;
4. a drum begins without a ramp, and a new stroke ends the old one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip import voices
from antiphon.codecs.chip.drums import drum_frames
from antiphon.codecs.chip.tables import (
    RAMP,
    START_PHASES,
    TRIANGLE_SHAPE,
    Floats32,
    amplitudes,
    increments,
    ramp,
    table_of,
)
from antiphon.codecs.chip.voices import Ints, Phases

_BLOCK = 48  # frames rendered together: few enough that their arrays stay in a processor's cache
OSCILLATORS = lay.TRIANGLE + 1


@dataclass(frozen=True, slots=True)
class Drum:
    """The stroke that sounds: its tokens, and the frames it has sounded."""

    what: int = 0
    how: int = 0
    age: int = 0

    @property
    def sounds(self) -> bool:
        return self.age < len(drum_frames(self.what))


@dataclass(frozen=True, slots=True)
class State:
    """What the chip remembers from one frame to the next."""

    what: tuple[int, ...] = (0, 0, 0, 0)  # tokens of the oscillators and the noise in the frame before
    how: tuple[int, ...] = (0, 0, 0, 0)
    phases: tuple[int, ...] = START_PHASES
    noise_step: int = 0  # step of the register with which the present noise began, or the next will begin
    noise_elapsed: int = 0  # samples since then; 0 in silence
    drum: Drum = Drum()


def render(state: State, tokens: Tokens) -> tuple[Floats32, State]:
    """`tokens` [10, F] after `state`: samples [2, 735 F], and the state after them."""
    out = np.zeros((2, tokens.shape[1], lay.FRAME_SAMPLES), dtype=np.float32)
    for start in range(0, tokens.shape[1], _BLOCK):
        state = _block(state, tokens[:, start : start + _BLOCK].astype(np.int64), out[:, start : start + _BLOCK])
    return out.reshape(2, -1), state


def silenced(what: Ints, how: Ints) -> tuple[Ints, Ints]:
    """Both 0 where either is."""
    sounding = (what > 0) & (how > 0)
    return what * sounding, how * sounding


def shape_of(channel: int, how: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Row group of the wave tables: the duty of a pulse's voice tokens, or the triangle."""
    tokens = np.asarray(how, dtype=np.intp)
    if channel == lay.TRIANGLE:
        return np.full(tokens.shape, TRIANGLE_SHAPE, dtype=np.intp)
    return np.asarray(np.maximum(tokens - 1, 0) // lay.PANS % len(lay.DUTIES))


def _block(state: State, tokens: Ints, out: Floats32) -> State:
    phases, ends = [], []
    for channel in range(lay.SAMPLE):
        what, how = silenced(tokens[2 * channel], tokens[2 * channel + 1])
        before = np.concatenate([[state.what[channel]], what[:-1]]), np.concatenate([[state.how[channel]], how[:-1]])
        ends.append((int(what[-1]), int(how[-1])))
        if channel == lay.NOISE:
            step, elapsed = _noise(state, (what, how), before, out)
        else:
            phases.append(_oscillator(channel, state.phases[channel], (what, how), before, out))
    drum = _drums(state.drum, *silenced(tokens[2 * lay.SAMPLE], tokens[2 * lay.SAMPLE + 1]), out)
    return State(tuple(end[0] for end in ends), tuple(end[1] for end in ends), tuple(phases), step, elapsed, drum)


def _oscillator(channel: int, phase: int, now: tuple[Ints, Ints], before: tuple[Ints, Ints], out: Floats32) -> int:
    """Add one pulse or triangle to `out`; returns its phase after the block."""
    moves = increments()[now[0]]
    moves = moves * np.uint32(lay.FRAME_SAMPLES)
    travelled = np.cumsum(moves, dtype=np.uint32)
    starts = (now[1] > 0) & (before[1] == 0)
    latest = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), -1))
    offset = np.where(latest >= 0, np.uint32(START_PHASES[channel]) - (travelled - moves)[latest], np.uint32(phase))
    ends = offset.astype(np.uint32) + travelled
    begins = ends - moves

    def unit(tokens: tuple[Ints, Ints], at: Phases, frames: npt.NDArray[np.intp], samples: int) -> Floats32:
        what, how = tokens[0][frames], tokens[1][frames]
        table = table_of(shape_of(channel, how), what)
        return voices.oscillator(at[frames], increments()[what], table, samples)

    sounding, leaving = _mark(now, before)
    level = amplitudes()[channel]
    new = unit(now, begins, sounding, lay.FRAME_SAMPLES)
    old = unit(before, np.concatenate([[np.uint32(phase)], ends[:-1]]).astype(np.uint32), leaving, RAMP)
    _mix(out, new, level[now[1][sounding]], sounding, old, level[before[1][leaving]], leaving, _changed(now, before))
    return int(ends[-1])


def _noise(state: State, now: tuple[Ints, Ints], before: tuple[Ints, Ints], out: Floats32) -> tuple[int, int]:
    """Add the noise to `out`; returns its step and elapsed samples after the block."""
    frames = np.arange(len(now[0]))
    starts = now[0] != before[0]  # a run of one token; silence is a run as well
    latest = np.maximum.accumulate(np.where(starts, frames, -1))
    elapsed = (frames - np.maximum(latest, 0)) * lay.FRAME_SAMPLES + np.where(latest < 0, state.noise_elapsed, 0)
    elapsed *= now[0] > 0
    reached = np.concatenate(
        [[state.noise_elapsed], (elapsed + lay.FRAME_SAMPLES) * (now[0] > 0)]
    )  # by the frame before
    used = np.where(before[0] > 0, voices.noise_used(np.maximum(before[0], 1), reached[:-1]), 0)
    step = state.noise_step + np.cumsum(np.where(starts, used, 0))
    old_step = np.concatenate([[state.noise_step], step[:-1]])
    sounding, leaving = _mark(now, before)
    level = amplitudes()[lay.NOISE]
    new = voices.noise(now[0][sounding], step[sounding], elapsed[sounding], lay.FRAME_SAMPLES)
    old = voices.noise(before[0][leaving], old_step[leaving], reached[:-1][leaving], RAMP)
    _mix(out, new, level[now[1][sounding]], sounding, old, level[before[1][leaving]], leaving, _changed(now, before))
    return int(step[-1]), int(reached[-1])


def _drums(drum: Drum, what: Ints, how: Ints, out: Floats32) -> Drum:
    """Add the drums to `out`; returns the stroke that sounds on."""
    level = amplitudes()[lay.SAMPLE]
    strokes = np.flatnonzero(what)
    edges = np.unique(np.concatenate([[0], strokes, [len(what)]]))
    for begin, end in itertools.pairwise(edges):
        if what[begin]:
            cut = drum_frames(drum.what)[drum.age : drum.age + 1, :RAMP] * ramp()[1]
            _add(out[:, begin : begin + len(cut), :RAMP], cut, level[drum.how])
            drum = Drum(int(what[begin]), int(how[begin]))
        sound = drum_frames(drum.what)[drum.age : drum.age + end - begin]
        _add(out[:, begin : begin + len(sound)], sound, level[drum.how])
        drum = Drum(drum.what, drum.how, drum.age + int(end - begin))
    return drum if drum.sounds else Drum()


def _changed(now: tuple[Ints, Ints], before: tuple[Ints, Ints]) -> npt.NDArray[np.bool_]:
    return np.asarray((now[0] != before[0]) | (now[1] != before[1]))


def _mark(now: tuple[Ints, Ints], before: tuple[Ints, Ints]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Frames in which the channel sounds, and frames into which its old sound fades."""
    return np.flatnonzero(now[1]), np.flatnonzero(_changed(now, before) & (before[1] > 0))


def _mix(
    out: Floats32,
    new: Floats32,
    new_level: Floats32,
    sounding: npt.NDArray[np.intp],
    old: Floats32,
    old_level: Floats32,
    leaving: npt.NDArray[np.intp],
    changed: npt.NDArray[np.bool_],
) -> None:
    rise, fall = ramp()
    new[np.flatnonzero(changed[sounding]), :RAMP] *= rise
    old *= fall
    whole = len(sounding) == out.shape[1]
    for ear in range(2):
        if whole:
            out[ear] += new * new_level[:, ear, None]
        else:
            out[ear, sounding] += new * new_level[:, ear, None]
        out[ear, leaving, :RAMP] += old * old_level[:, ear, None]


def _add(out: Floats32, sound: Floats32, level: Floats32) -> None:
    for ear in range(2):
        out[ear] += sound * level[ear]

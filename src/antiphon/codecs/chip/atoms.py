"""What one frame can be made of, when all frames before it are known: every waveform each channel could add.

An *atom* of a channel is a waveform of amplitude 1 over the 735 samples of the frame: for a pulse one of 4 x 768
(duty, pitch), for the triangle 768, the noise 32, the sample channel 96 strokes. Phases, noise steps and the running
drum come from the state, so a frame is a sum of at most one atom a channel, each times a left and a right amplitude,
after what fades out of the frame before has been taken away.
"""

from __future__ import annotations

import functools
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip import voices
from antiphon.codecs.chip.drums import drum_frames
from antiphon.codecs.chip.synth import OSCILLATORS, State, render, shape_of
from antiphon.codecs.chip.tables import (
    RAMP,
    START_PHASES,
    TABLE_BITS,
    TRIANGLE_SHAPE,
    Floats32,
    amplitudes,
    increments,
    ramp,
    table_of,
    waves,
)

Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Array = TypeVar("Array", Floats32, Doubles)

ATOMS: Final = (
    len(lay.DUTIES) * lay.PITCHES,
    len(lay.DUTIES) * lay.PITCHES,
    lay.PITCHES,
    2 * len(lay.NOISE_DIVIDERS),
    len(lay.DRUMS) * lay.TUNINGS,
)
_PROBE_STEP: Final = 3
_PITCHES = np.arange(1, lay.PITCHES + 1)


def what_of(channel: int, atom: npt.ArrayLike) -> Indices:
    """*What* tokens of atoms."""
    index = np.asarray(atom, dtype=np.intp)
    return np.asarray((index % lay.PITCHES if channel < lay.PULSES else index) + 1)


def how_tokens(channel: int, atom: int) -> Indices:
    """[75] *how* tokens an atom can sound with, by volume and pan."""
    levels = np.arange(lay.VOLUMES * lay.PANS)
    if channel >= lay.PULSES:
        return levels + 1
    volume, pan = np.divmod(levels, lay.PANS)
    return np.asarray(1 + (volume * len(lay.DUTIES) + atom // lay.PITCHES) * lay.PANS + pan)


def atom_of(channel: int, what: int, how: int) -> int:
    """The atom of a channel that sounds with these tokens."""
    return int(what) - 1 + (int(shape_of(channel, how)) * lay.PITCHES if channel < lay.PULSES else 0)


@functools.cache
def _probes() -> Indices:
    """[245] samples of a frame at which atoms are first compared: one of every three, jittered against periods."""
    jitter = np.random.default_rng(735).integers(0, _PROBE_STEP, lay.FRAME_SAMPLES // _PROBE_STEP)
    jitter[-1] = 0  # leaves room for the sample after it
    return np.asarray(np.arange(0, lay.FRAME_SAMPLES, _PROBE_STEP) + jitter)


@functools.cache
def _rise() -> Floats32:
    """[735] the ramp with which a new sound begins."""
    return np.concatenate([ramp()[0], np.ones(lay.FRAME_SAMPLES - RAMP, dtype=np.float32)])


@functools.cache
def _values() -> Floats32:
    return np.ascontiguousarray(waves().real).ravel()


@functools.cache
def _travel(later: int) -> npt.NDArray[np.uint32]:
    """[pitches, probes] turns of 2^32 since the frame began, so many samples after each probe."""
    samples = (_probes() + later).astype(np.uint32)
    return np.asarray(increments()[1:, None] * samples[None, :], dtype=np.uint32)


@functools.cache
def _strokes() -> Floats32:
    """[strokes, 735] the first frame of every drum and tuning."""
    return np.stack([drum_frames(token + 1)[0] for token in range(ATOMS[lay.SAMPLE])])


class Palette:
    """The atoms of the frame after `state`, compared by their samples, or (`sharp`) by the steps between samples.

    Low pulses look alike by their samples and differ by the places of their edges, which only the steps show.
    """

    def __init__(self, state: State, *, sharp: bool) -> None:
        self._state, self._sharp = state, sharp
        self._scans: dict[int, tuple[Floats32, Floats32]] = {}
        self.phases = [state.phases[c] if state.how[c] else START_PHASES[c] for c in range(OSCILLATORS)]

    def look(self, waves: Array) -> Array:
        """[..., probes] what is compared of waveforms [..., 735]."""
        if self._sharp:
            return np.asarray(waves[..., _probes() + 1] - waves[..., _probes()])
        return np.asarray(waves[..., _probes()])

    def held(self) -> dict[int, int]:
        """Atoms of the frame before, by channel."""
        state = self._state
        return {c: atom_of(c, state.what[c], state.how[c]) for c in range(lay.SAMPLE) if state.how[c]}

    def unit(self, channel: int, atom: int) -> Floats32:
        """[735] one atom as the synthesiser plays it."""
        if channel == lay.SAMPLE:
            return np.asarray(_strokes()[atom])
        what = what_of(channel, [atom]).astype(np.int64)
        if channel == lay.NOISE:
            return np.asarray(self._noise(what)[0] * _rise())
        shape = np.array([atom // lay.PITCHES if channel < lay.PULSES else TRIANGLE_SHAPE])
        phase = np.array([self.phases[channel]], dtype=np.uint32)
        wave = voices.oscillator(phase, increments()[what], table_of(shape, what), lay.FRAME_SAMPLES)
        return np.asarray(wave[0] * _rise())

    def scan(self, channel: int) -> tuple[Floats32, Floats32]:
        """[atoms, probes] all atoms of a channel without interpolation, and [atoms] their energies."""
        if channel not in self._scans:
            found = self._scan(channel)
            self._scans[channel] = found, np.einsum("ij,ij->i", found, found)
        return self._scans[channel]

    def _scan(self, channel: int) -> Floats32:
        if channel == lay.SAMPLE:
            return np.ascontiguousarray(self.look(_strokes()))
        if channel == lay.NOISE:
            return np.ascontiguousarray(self.look(self._noise(np.arange(1, ATOMS[lay.NOISE] + 1)) * _rise()))
        if self._sharp:
            return self._read(channel, 1) - self._read(channel, 0)
        return self._read(channel, 0)

    def _read(self, channel: int, later: int) -> Floats32:
        """[atoms, probes] of an oscillator, so many samples after each probe."""
        places = ((_travel(later) + np.uint32(self.phases[channel])) >> np.uint32(32 - TABLE_BITS)).astype(np.int32)
        shapes = range(len(lay.DUTIES)) if channel < lay.PULSES else [TRIANGLE_SHAPE]
        rows = [places + (table_of(shape, _PITCHES)[:, None] << TABLE_BITS).astype(np.int32) for shape in shapes]
        found = np.take(_values(), np.concatenate(rows))
        found *= _rise()[_probes() + later]
        return np.asarray(found)

    def _noise(self, what: npt.NDArray[np.int64]) -> Floats32:
        state = self._state
        before = state.what[lay.NOISE]
        used = voices.noise_used(np.array([max(before, 1)]), np.array([state.noise_elapsed]))[0] if before else 0
        same = what == before
        step = np.where(same, state.noise_step, state.noise_step + used)
        return voices.noise(what, step, np.where(same, state.noise_elapsed, 0), lay.FRAME_SAMPLES)


def running_drum(state: State) -> Floats32:
    """[735] of the drum that runs on into the frame after `state`, less what a stroke in that frame would leave."""
    sound = drum_frames(state.drum.what)[state.drum.age].copy()
    sound[:RAMP] *= ramp()[0]
    return np.asarray(sound)


def fading(state: State, *, stroke: bool) -> Floats32:
    """[2, 735] what the frame after `state` holds whatever is chosen: fading sounds, and the running drum.

    A `stroke` in this frame fades the drum out as well.
    """
    quiet, _ = render(state, np.zeros((len(lay.VOCABULARY), 1), dtype=np.uint16))
    if stroke and state.drum.sounds:
        quiet -= running_drum(state) * amplitudes()[lay.SAMPLE][state.drum.how][:, None]
    return quiet

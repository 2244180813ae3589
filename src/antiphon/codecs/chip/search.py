"""One frame back to its registers: which atoms it is the sum of, and how loud each is.

Analysis by synthesis. A solution counts only if the synthesiser, given its tokens, returns the frame to within the
rounding of 16-bit samples at every sample; so a found solution is right, and the order of guesses is only speed:
1. the atoms of the frame before, at other levels;
2. the same with one channel changed, then refined channel by channel;
3. a beam search from nothing (orthogonal least squares over all atoms), its best refined in the same way.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.atoms import Doubles, Palette, fading, running_drum, what_of
from antiphon.codecs.chip.lattice import levels
from antiphon.codecs.chip.synth import State, render
from antiphon.codecs.chip.tables import Floats32

ROUNDING: Final = 0.51 / 32768
"""Largest error of a sample that was stored with 16 bits."""
_BEAMS = 8
_PAIR_ROWS = 128
_EXCHANGED = 2  # refined beams worth exchanging pairs in
_FOREIGN = 0.2  # share of a frame left unexplained that no exchange of two atoms will mend
_ALIKE = 32  # atoms of one channel worth a look where they can hardly be told apart
_NEGLIGIBLE = 1e-3
_REFINED = 4  # beams worth refining
_SWEEPS = 3
_CHILDREN = 3  # atoms of one channel that one beam goes on with
_EVERY = range(len(lay.CHANNELS))
_LEAST_NEW = 1e-5  # share of an atom's energy that others must leave unexplained for it to be considered

Support = dict[int, int]  # channel -> atom


@dataclass(frozen=True, slots=True)
class _Fit:
    """Least squares of the frame on a support, at the probes."""

    support: Support
    basis: Doubles  # [k, probes] orthonormal
    residual: Doubles  # [2, probes]
    error: float

    def and_also(self, channel: int, atom: int, unit: Floats32) -> _Fit:
        """With one atom more, whose waveform at the probes is `unit`."""
        new = unit.astype(np.float64)
        for _ in range(2):  # the second time removes what rounding left
            new = new - (self.basis @ new) @ self.basis
        new = new / max(float(np.sqrt(new @ new)), 1e-12)
        residual = self.residual - (self.residual @ new)[:, None] * new
        error = float((residual**2).sum())
        return _Fit({**self.support, channel: atom}, np.concatenate([self.basis, new[None]]), residual, error)

    @property
    def key(self) -> tuple[tuple[int, int], ...]:
        return tuple(sorted(self.support.items()))


def find_frame(state: State, target: Floats32, rounding: float = ROUNDING, *, thorough: bool = True) -> Tokens | None:
    """[10] tokens of the frame after `state` that is `target` [2, 735], or None if the chip cannot sound so.

    No sample of the target is further than `rounding` from what the chip played. Not `thorough`, a few frames in a
    hundred that are the chip's are not recognised, and foreign ones are given up at once.
    """
    plain = _Search(state, target, rounding, sharp=False)
    found = plain.held()
    if found is None:
        found = plain.any()
    if found is None and thorough:
        sharp = _Search(state, target, rounding, sharp=True)
        for attempt in (sharp.any, sharp.pairs, plain.pairs):
            found = attempt()
            if found is not None:
                break
    return found


def first_amplitudes(target: Floats32) -> list[tuple[int, Doubles]]:
    """(channel, left and right amplitude) of the first sounds of a piece, at any level; empty if not the chip's."""
    for sharp in (False, True):
        found = _Search(State(), target, ROUNDING, sharp=sharp).amplitudes()
        if found:
            return found
    return []


class _Search:
    """Looks for the frame after `state` that sounds like `target` [2, 735]."""

    def __init__(self, state: State, target: Floats32, rounding: float, *, sharp: bool) -> None:
        self._state, self._target, self._rounding = state, target, rounding
        self._palette = Palette(state, sharp=sharp)
        self._units: dict[tuple[int, int], Floats32] = {}
        self._failed: set[tuple[tuple[int, int], ...]] = set()
        self._refined: dict[tuple[tuple[int, int], ...], _Fit] = {}
        heard = self._palette.look(target.astype(np.float64) - fading(state, stroke=False))
        self._bound = heard.size * (rounding * (2 if sharp else 1)) ** 2
        self._silence = _Fit({}, np.zeros((0, heard.shape[1])), heard, float((heard**2).sum()))
        if state.drum.sounds:
            # A stroke would end the running drum: left open here, its two cases are told apart by `_verify`.
            drum = self._palette.look(running_drum(state))
            self._silence = replace(self._silence.and_also(-1, 0, drum), support={})

    def held(self) -> Tokens | None:
        """The atoms of the frame before, or all but one of them."""
        return self._first(self._near(self._fit(self._palette.held())))

    def any(self) -> Tokens | None:
        """Any atoms, greedily."""
        return self._first(self._greedy())

    def pairs(self) -> Tokens | None:
        """What `any` found best, with any two of its atoms exchanged."""
        return self._first(self._exchanged())

    def amplitudes(self) -> list[tuple[int, Doubles]]:
        """(channel, left and right amplitude) of the first support that explains the frame at any levels."""
        fit = next((fit for fit in self._greedy() if fit.error <= self._bound), self._silence)
        units = np.array([self._unit(*pair) for pair in fit.support.items()]).reshape(-1, lay.FRAME_SAMPLES)
        solved = np.linalg.lstsq(units.T.astype(np.float64), self._target.T.astype(np.float64), rcond=None)[0]
        return list(zip(fit.support, solved, strict=True))

    def _first(self, guesses: Iterator[_Fit]) -> Tokens | None:
        for fit in guesses:
            if fit.error <= self._bound and fit.key not in self._failed:
                found = self._verify(fit)
                if found is not None:
                    return found
                self._failed.add(fit.key)
        return None

    def _near(self, held: _Fit) -> Iterator[_Fit]:
        yield held
        yield from self._refine(held, 1)

    def _greedy(self) -> Iterator[_Fit]:
        beams = yield from self._grow(_BEAMS)
        for beam in beams[:_REFINED]:
            fit = yield from self._refine(beam, _SWEEPS)
            self._refined[fit.key] = fit

    def _exchanged(self) -> Iterator[_Fit]:
        for fit in sorted(self._refined.values(), key=lambda fit: fit.error)[:_EXCHANGED]:
            if fit.error > _FOREIGN * self._silence.error:
                return
            for first, second in itertools.combinations(sorted(fit.support, reverse=True), 2):
                yield from self._refine(self._exchange(fit, first, second), 1)

    def _refine(self, fit: _Fit, sweeps: int) -> Generator[_Fit, None, _Fit]:
        """Replace one channel's atom after another by the best, given the others."""
        for _ in range(sweeps):
            before = fit.error
            for channel in _EVERY:
                others = self._fit({c: atom for c, atom in fit.support.items() if c != channel})
                tried = [self._with(others, channel, atom) for _, _, atom in self._best([others], channel, _ALIKE)]
                tried = sorted([fit, *tried], key=lambda found: found.error)
                yield from tried
                fit = tried[0]
            if fit.error > 0.999 * before:
                break
        return fit

    def _grow(self, width: int) -> Generator[_Fit, None, list[_Fit]]:
        """From silence, add one channel after another, keeping the best `width` supports."""
        beams = [self._silence]
        for _ in _EVERY:
            ranked = {}
            for channel in _EVERY:
                waiting = [fit for fit in beams if channel not in fit.support]
                if waiting:
                    for error, fit, atom in self._best(waiting, channel):
                        ranked[frozenset([*fit.support.items(), (channel, atom)])] = error, fit, channel, atom
            chosen = sorted(ranked.values(), key=lambda candidate: candidate[0])[:width]
            beams = sorted((self._with(*candidate[1:]) for candidate in chosen), key=lambda fit: fit.error)
            yield from beams
        return beams

    def _exchange(self, fit: _Fit, first: int, second: int) -> _Fit:
        """The best of all pairs of atoms for two channels, given the others: 9 million for the two pulses."""
        others = self._fit({c: atom for c, atom in fit.support.items() if c not in (first, second)})
        new = [self._beyond(others, channel) for channel in (first, second)]
        heard = [atoms @ others.residual.T.astype(np.float32) for atoms in new]  # [atoms, 2]
        alone = [np.square(found).sum(axis=1) for found in heard]
        best = 0.0, 0, 0
        for start in range(0, len(new[0]), _PAIR_ROWS):
            rows = slice(start, start + _PAIR_ROWS)
            alike = new[0][rows] @ new[1].T
            gains = alone[0][rows, None] + alone[1] - 2 * alike * (heard[0][rows] @ heard[1].T)
            gains /= np.maximum(1 - alike**2, _LEAST_NEW)
            row, column = divmod(int(gains.argmax()), len(new[1]))
            best = max(best, (float(gains[row, column]), start + row, column))
        return self._with(self._with(others, first, best[1]), second, best[2])

    def _beyond(self, fit: _Fit, channel: int) -> Floats32:
        """[atoms, probes] what each atom of a channel adds to a fit, to length 1 (0 if it adds nothing)."""
        scan, energy = self._palette.scan(channel)
        basis = fit.basis.astype(np.float32)
        new = scan - (scan @ basis.T) @ basis
        length = np.sqrt(np.einsum("ij,ij->i", new, new))
        return np.asarray(new / np.where(length > np.sqrt(_LEAST_NEW * energy), length, np.inf)[:, None])

    def _best(self, fits: list[_Fit], channel: int, most: int = _CHILDREN) -> Iterator[tuple[float, _Fit, int]]:
        """(error to expect, fit, atom) for the atoms of a channel that would help each fit most.

        They are `_CHILDREN`, or up to `most` where so many leave next to nothing: stretches between the edges of low
        pulses look alike.
        """
        scan, energy = self._palette.scan(channel)
        rows = np.concatenate([part for fit in fits for part in (fit.basis, fit.residual)]).astype(np.float32)
        products = np.square(rows @ scan.T)
        start = 0
        for fit in fits:
            middle, end = start + len(fit.basis), start + len(fit.basis) + 2
            new = energy - products[start:middle].sum(axis=0)
            gains = products[middle:end].sum(axis=0) / np.maximum(new, _LEAST_NEW * energy + 1e-9)
            top = np.argpartition(gains, -most)[-most:]
            if most > _CHILDREN:
                top = top[gains[top].argsort()[::-1]]
                alike = int(np.sum(fit.error - gains[top] <= 4 * self._bound + _NEGLIGIBLE * fit.error))
                top = top[: max(_CHILDREN, alike)]
            for atom in top:
                yield fit.error - float(gains[atom]), fit, int(atom)
            start = end

    def _with(self, fit: _Fit, channel: int, atom: int) -> _Fit:
        return fit.and_also(channel, atom, self._palette.look(self._unit(channel, atom)))

    def _fit(self, support: Support) -> _Fit:
        return functools.reduce(lambda fit, pair: self._with(fit, *pair), support.items(), self._silence)

    def _unit(self, channel: int, atom: int) -> Floats32:
        if (channel, atom) not in self._units:
            self._units[channel, atom] = self._palette.unit(channel, atom)
        return self._units[channel, atom]

    def _verify(self, fit: _Fit) -> Tokens | None:
        """The tokens of a support, if some levels of it give the frame; a stroke in it may be or not be."""
        for stroke in {lay.SAMPLE in fit.support, False}:
            pairs = [pair for pair in fit.support.items() if stroke or pair[0] != lay.SAMPLE]
            units = np.array([self._unit(*pair) for pair in pairs], dtype=np.float64).reshape(-1, lay.FRAME_SAMPLES)
            wanted = self._target.astype(np.float64) - fading(self._state, stroke=stroke)
            for hows in levels(units, wanted, pairs, wanted.size * self._rounding**2):
                tokens = np.zeros(len(lay.VOCABULARY), dtype=np.uint16)
                for (channel, atom), how in zip(pairs, hows, strict=True):
                    if how:
                        tokens[2 * channel : 2 * channel + 2] = what_of(channel, atom), how
                if np.abs(render(self._state, tokens[:, None])[0] - self._target).max() <= self._rounding:
                    return tokens
        return None

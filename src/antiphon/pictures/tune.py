"""What a picture of music shows: its beats, its chords and its key, by the same hearing that judges it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from antiphon.analysis.key import MIN_S as KEY_MIN_S
from antiphon.analysis.key import keys_of
from antiphon.analysis.sound import FRAMES_PER_S, LENGTH, LONG, LONG_HOP, RATE_HZ, Sound
from antiphon.analysis.tempo import MIN_PULSE, counted_bpm, pulse_of
from antiphon.analysis.tempo import MIN_S as TEMPO_MIN_S
from antiphon.audio.waveform import Samples, Waveform
from antiphon.pictures.naming import key_name, names_in

CHROMA_S = LONG_HOP / RATE_HZ
CHROMA_START_S = (LONG - LONG_HOP) / 2 / RATE_HZ
"""Frames are spread over the time round the middle of their windows."""

_ONSET_S = 0.75 * LENGTH / RATE_HZ
"""From the beginning of the window whose flux an onset raises most to the onset itself."""


_TIGHTNESS = 100.0  # how dearly a beat pays for leaving the tempo
_STAY = 0.06  # what a chord must gain to be worth a change
_NO_CHORD = 0.62  # fit below which nothing is named

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chord:
    """A triad (`Am`, `C`) from `start_s` to `end_s`."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Tune:
    """None: it could not be heard. `chroma` is `[frames, 12]` from C, one frame every `CHROMA_S` from
    `CHROMA_START_S`."""

    tempo_bpm: float | None
    key: str | None
    beats_s: tuple[float, ...]
    chords: tuple[Chord, ...]
    chroma: Floats


def tune_of(mono: Samples) -> Tune:
    """Hear music at `RATE_HZ`."""
    sound = Sound(Waveform(mono[None], RATE_HZ))
    tempo = None
    if sound.seconds >= TEMPO_MIN_S:
        pulse = pulse_of(sound)
        tempo = counted_bpm(sound, pulse) if pulse.clarity >= MIN_PULSE else None
    keys = keys_of(sound) if sound.seconds >= KEY_MIN_S else None
    beats_s = _beats(sound.flux, 60.0 * FRAMES_PER_S / tempo) / FRAMES_PER_S + _ONSET_S if tempo else np.zeros(0)
    best = None if keys is None else keys.best
    return Tune(
        tempo_bpm=tempo,
        key=None if best is None else key_name(best),
        beats_s=tuple(map(float, beats_s)),
        chords=_chords(sound, beats_s, names_in(best)),
        chroma=sound.chroma,
    )


def _beats(flux: Floats, period: float) -> Floats:
    """Frames of the beats: the path through the onsets that best keeps `period` (Ellis, "Beat tracking by dynamic
    programming", 2007)."""
    onsets = flux / max(float(flux.std()), 1e-9)
    nearest, farthest = max(1, round(period / 2)), round(2 * period)
    steps = np.arange(-farthest, -nearest + 1)
    cost = -_TIGHTNESS * np.square(np.log(-steps / period))
    score, back = onsets.copy(), np.full(onsets.size, -1)
    for frame in range(nearest, onsets.size):
        first = max(0, farthest - frame)
        reached = score[frame + steps[first:]] + cost[first:]
        best = int(reached.argmax())
        if reached[best] > 0:
            score[frame] += reached[best]
            back[frame] = frame + steps[first + best]
    tail = max(0, onsets.size - farthest)
    place = tail + int(score[tail:].argmax()) if onsets.size else -1
    beats = []
    while place >= 0:
        beats.append(place)
        place = int(back[place])
    return np.array(beats[::-1], dtype=np.float64)


def _chords(sound: Sound, beats_s: Floats, names: tuple[str, ...]) -> tuple[Chord, ...]:
    """The likeliest sequence of triads, one a beat (or half a second), by templates and a price for each change
    (after Fujishima 1999 and Sheh & Ellis 2003)."""
    chroma, end_s = sound.chroma, sound.seconds
    edges = beats_s if beats_s.size > 1 else np.arange(0.0, end_s, 0.5)
    if not chroma.any():
        return ()
    edges = np.unique(np.concatenate([[0.0], edges[(edges > 0) & (edges < end_s)], [end_s]]))
    frames = np.clip(np.round((edges - CHROMA_START_S) / CHROMA_S).astype(np.intp), 0, chroma.shape[0] - 1)
    spans = [chroma[a : max(a + 1, b)].mean(axis=0) for a, b in pairwise(frames)]
    profile = np.array(spans)
    fit = profile / np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-9) @ _triads().T
    path = _cheapest(np.column_stack([fit, np.full(len(spans), _NO_CHORD)]))
    chords: list[Chord] = []
    for place, start_s, stop_s in zip(path, edges[:-1], edges[1:], strict=True):
        name = "" if place == 24 else names[place % 12] + ("m" if place >= 12 else "")
        if chords and chords[-1].name == name:
            chords[-1] = Chord(name, chords[-1].start_s, float(stop_s))
        else:
            chords.append(Chord(name, float(start_s), float(stop_s)))
    return tuple(chord for chord in chords if chord.name)


def _triads() -> Floats:
    """Unit templates `[24, 12]`: C major to B major, then C minor to B minor."""
    shapes = np.zeros((24, 12))
    for root in range(12):
        shapes[root, [root, (root + 4) % 12, (root + 7) % 12]] = 1.0
        shapes[root + 12, [root, (root + 3) % 12, (root + 7) % 12]] = 1.0
    return np.asarray(shapes / np.sqrt(3.0))


def _cheapest(fit: Floats) -> list[int]:
    """Viterbi: the states of highest total fit, where every change costs `_STAY`."""
    total, back = fit[0].copy(), np.zeros(fit.shape, dtype=np.intp)
    for n in range(1, fit.shape[0]):
        best = int(total.argmax())
        back[n] = np.where(total >= total[best] - _STAY, np.arange(fit.shape[1]), best)
        total = total[back[n]] - np.where(back[n] == np.arange(fit.shape[1]), 0.0, _STAY) + fit[n]
    path = [int(total.argmax())]
    for n in range(fit.shape[0] - 1, 0, -1):
        path.append(int(back[n, path[-1]]))
    return path[::-1]

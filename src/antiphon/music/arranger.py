"""A score for the sound chip: which part plays on which channel, and how each note moves frame by frame."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip import Registers
from antiphon.codecs.chip.layout import FRAME_RATE_HZ
from antiphon.codecs.chip.macros import arpeggio, envelope, vibrato
from antiphon.music import percussion
from antiphon.music.meter import TICKS
from antiphon.music.score import Note, Score
from antiphon.music.styles import STYLES

DUTIES = {"square": 0.5, "pulse": 0.25, "thin": 0.125}
GENTLE = 0.4
"""Below this energy notes between beats swell instead of being struck, and waves are narrow."""

SOFT_ATTACK = 5  # frames
ECHO_TICKS = 3 * TICKS // 4
ECHO_VOLUME = 0.4
ECHO_STYLES = frozenset({"ambient", "ballad", "dungeon", "horror", "title", "lullaby"})

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Patch(msgspec.Struct, frozen=True):
    """How a part sounds. Volumes 0-15 at velocity 127; times in frames of 1/60 s."""

    volume: float
    shine: float  # volume that brightness 1 adds to that of brightness 0
    decay: int
    sustain: float
    release: int
    pan: int = 2


PATCHES = {
    "lead": Patch(13, 4, 14, 0.72, 3),
    "counter": Patch(11, 3, 10, 0.65, 3, pan=3),
    "bass": Patch(13, -4, 24, 0.75, 2),
}


class Lane(msgspec.Struct):
    """One channel, frame by frame."""

    midi: Floats
    volume: Ints
    duty: Floats
    pan: Ints

    @classmethod
    def silent(cls, frames: int) -> Lane:
        zeros = np.zeros(frames, np.int64)
        return cls(np.full(frames, np.nan), zeros, np.full(frames, 0.5), zeros + 2)


def frames_of(score: Score) -> int:
    """Frames of 1/60 s that hold the whole score."""
    return math.ceil(score.seconds * FRAME_RATE_HZ - 1e-6)


def arrange(score: Score) -> TokenGrid:
    """The chip's registers for a score: its exact length, rounded up to whole frames."""
    frames = frames_of(score)
    lanes = {part: _lane(score, part, frames) for part in PATCHES}
    if _echoes(score):
        _echo(score, lanes)
    if score.loop:
        # One silent frame: every wave begins anew with the first, so that the end meets the start without a click.
        for lane in lanes.values():
            lane.volume[-1:] = 0
            if score.loop_start:
                lane.volume[_frame(score, score.loop_start) - 1] = 0
    first, second, low = (lanes[part] for part in channels_of(score))
    registers = Registers.silent(frames)
    for index, lane in enumerate((first, second)):
        registers = registers.pulse(index, 0, midi=lane.midi, volume=lane.volume, duty=lane.duty, pan=lane.pan)
    registers = registers.triangle(0, midi=low.midi, volume=low.volume, pan=low.pan)
    return percussion.struck(score, registers).grid()


def channels_of(score: Score) -> tuple[str, str, str]:
    """Which parts play pulse 1, pulse 2 and triangle."""
    if "triangle lead" in score.instruments:
        return "counter", "bass", "lead"
    if any(part in score.instruments for part in ("square bass", "pulse bass")):
        return "lead", "bass", "counter"
    return "lead", "counter", "bass"


def _lane(score: Score, part: str, frames: int) -> Lane:
    lane = Lane.silent(frames)
    patch = PATCHES[part]
    notes = score.track(part).notes
    for position, note in enumerate(notes):
        start = _frame(score, note.start)
        # What is left of a note's last beat after its last thirty-second belongs to the final note.
        final = not score.loop and position == len(notes) - 1 and note.stop > score.ticks - TICKS // 4
        stop = frames - 1 if final else min(_frame(score, note.stop), frames)
        if stop > start:
            _play(score, lane, patch, note, start, stop - start, final=final)
    lane.duty[:] = _duties(score, part, frames)
    lane.pan[:] = patch.pan
    return lane


def _play(score: Score, lane: Lane, patch: Patch, note: Note, start: int, count: int, *, final: bool) -> None:
    """Write one note: its envelope, and vibrato or a fast broken chord."""
    length = count
    if note.articulation == "staccato":
        length = max(2, round(count * 0.6))
    elif note.articulation != "legato" and count > 6:
        length = count - 1
    volume = min(15.0, patch.volume + patch.shine * (score.brightness - 0.5)) * (note.velocity / 127) ** 0.8
    if final:
        shape = envelope(length, volume=volume, decay=length, sustain=0.35, release=max(4, length // 3))
    else:
        release = min(patch.release, length // 3)
        soft = score.energy < GENTLE and note.start % TICKS != 0
        attack = min(SOFT_ATTACK, length // 3) if soft else 0
        shape = envelope(
            length, volume=volume, attack=attack, decay=patch.decay, sustain=patch.sustain, release=release
        )
    midi = np.full(length, float(note.pitch))
    if note.chord:
        midi = midi + arpeggio(length, (0, *note.chord), step=2 if score.tempo_bpm < 130 else 1)
    elif note.articulation == "vibrato":
        midi = midi + vibrato(length, depth=0.22, rate_hz=5.5, delay=14)
    # A note shorter than its slot leaves silence, and takes what stood there away.
    lane.midi[start : start + length] = midi
    lane.volume[start : start + length] = shape
    lane.volume[start + length : start + count] = 0


def _frame(score: Score, tick: int) -> int:
    return round(score.second(tick) * FRAME_RATE_HZ)


def _duties(score: Score, part: str, frames: int) -> Floats:
    """[frames] the duty of each section: the wave asked for, else the style's, brighter sections thinner."""
    named = next((name.split()[0] for name in score.instruments if name.endswith(f" {part}")), "")
    duties = np.full(frames, DUTIES.get(named, 0.5))
    if named in DUTIES or part == "bass":
        return duties
    choices = STYLES[score.style].lead_duties if score.energy >= GENTLE else (0.25,)
    letters = list(dict.fromkeys(section.letter for section in score.sections))
    for section in score.sections:
        position = letters.index(section.letter) + (section.repeat if part == "lead" else 1)
        duties[_frame(score, section.start) :] = choices[position % len(choices)]
    return duties


def duties(score: Score, part: str) -> Callable[[int], float]:
    """Tick -> the duty of a part's wave."""
    found = _duties(score, part, frames_of(score))
    return lambda tick: float(found[min(_frame(score, tick), len(found) - 1)])


def _echoes(score: Score) -> bool:
    return "no echo" not in score.instruments and ("echo" in score.instruments or score.style in ECHO_STYLES)


def _echo(score: Score, lanes: dict[str, Lane]) -> None:
    """The lead again, later and softer, where the second pulse has nothing else to do."""
    lead, other = lanes["lead"], lanes["counter"]
    delay = _frame(score, ECHO_TICKS)
    if delay >= len(lead.volume):
        return
    free = np.flatnonzero(_rests(other.volume, delay))
    free = free[free >= delay]
    other.midi[free] = lead.midi[free - delay]
    other.volume[free] = np.where(
        np.isnan(lead.midi[free - delay]), 0, np.rint(lead.volume[free - delay] * ECHO_VOLUME).astype(np.int64)
    )
    other.duty[free] = lead.duty[free - delay]
    other.pan[free] = 1


def _rests(volume: Ints, least: int) -> npt.NDArray[np.bool_]:
    """Frames that belong to a silence of `least` frames or more."""
    quiet = volume == 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    long = np.zeros(len(volume), bool)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        long[begin:end] = end - begin >= least
    return long

"""Drums on the chip: skins from the sample channel, metal from the noise channel."""

from __future__ import annotations

import numpy as np

from antiphon.codecs.chip import Registers
from antiphon.codecs.chip.layout import FRAME_RATE_HZ
from antiphon.codecs.chip.macros import envelope
from antiphon.music.score import DRUM_NOTES, Note, Score

SAMPLES = {DRUM_NOTES[name]: name for name in ("kick", "snare", "clap", "tom")}
RANK = ("kick", "tom", "clap", "snare")
"""Of strokes at once the last of these is heard."""

METAL = {DRUM_NOTES["hat"]: (3, 0.0), DRUM_NOTES["open hat"]: (11, 0.1), DRUM_NOTES["cymbal"]: (48, 0.0)}
"""Frames of decay, and what is held at its end."""

_NOISE_VOLUME = 10.0
_RINGING = 12
"""Frames for which a cymbal is not cut by hi-hats."""


def struck(score: Score, registers: Registers) -> Registers:
    """`registers` with the score's drums."""
    strokes: dict[int, Note] = {}
    metal: dict[int, Note] = {}
    for note in score.track("drums").notes:
        frame = round(score.second(note.start) * FRAME_RATE_HZ)
        if frame >= registers.frames:
            continue
        if note.pitch in METAL:
            kept = metal.get(frame)
            metal[frame] = note if kept is None or note.pitch > kept.pitch else kept
        else:
            kept = strokes.get(frame)
            louder = kept is None or _rank(note) > _rank(kept)
            strokes[frame] = note if louder or kept is None else kept
    for frame, note in strokes.items():
        registers = registers.drum(frame, SAMPLES[note.pitch], volume=_volume(note, 15))
    return _noise(score, registers, metal)


def _rank(note: Note) -> int:
    return RANK.index(SAMPLES[note.pitch])


def _volume(note: Note, most: float) -> int:
    return max(1, min(15, round(most * note.velocity / 120)))


def _noise(score: Score, registers: Registers, metal: dict[int, Note]) -> Registers:
    volume = np.zeros(registers.frames, np.int64)
    period = np.zeros(registers.frames, np.int64)
    ringing_until = -1
    # Calm and dark pieces have soft, dark metal.
    darkness = round(7 * (1 - (score.energy + score.brightness) / 2))
    most = _NOISE_VOLUME * (0.55 + 0.45 * score.energy)
    for frame, note in sorted(metal.items()):
        cymbal = note.pitch == DRUM_NOTES["cymbal"]
        if frame < ringing_until and not cymbal:
            continue
        decay, sustain = METAL[note.pitch]
        stop = min(frame + decay, registers.frames - (1 if score.loop else 0))
        shape = envelope(decay, volume=_volume(note, most), decay=decay, sustain=sustain, release=2)
        volume[frame:] = 0
        volume[frame:stop] = shape[: max(0, stop - frame)]
        period[frame:stop] = darkness + (2 if cymbal else 0)
        ringing_until = frame + _RINGING if cymbal else -1
    return registers.noise(0, period=period, volume=volume)

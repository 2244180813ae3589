"""Numbers of the sound chip: rates, channels, levels of a grid, and what each token stands for.

One frame is 1/60 s = 735 samples. A grid has two levels for each of five channels: *what* sounds and *how*.

level  channel   token                                                               vocabulary
0      pulse 1   pitch: 0 = off, else 1 + eighths of a semitone above MIDI 24 (C1)   769 (up to MIDI 119.875)
1      pulse 1   voice: 0 = off, else 1 + ((volume - 1) * 4 + duty) * 5 + pan        301
2, 3   pulse 2   as pulse 1                                                          769, 301
4      triangle  pitch, as pulse 1                                                   769
5      triangle  level: 0 = off, else 1 + (volume - 1) * 5 + pan                     76
6      noise     0 = off, else 1 + 16 * short + period (0 = brightest, 15 = darkest) 33
7      noise     level                                                               76
8      sample    trigger: 0 = none, else 1 + 16 * drum + tuning + 8                  97
9      sample    level                                                               76

Volumes are 1..15, duties index `DUTIES`, pans 0..4 run from left to right, drums index `DRUMS`, tunings are semitones
-8..7. A channel whose *what* or *how* is 0 is silent in that frame. The sample channel's tokens stand in the frame of
the stroke only: the drum then sounds to its end, or until the next stroke, with the level it was struck with.
"""

from __future__ import annotations

from typing import Final

CODEC: Final = "chip"
RATE_HZ: Final = 44_100
FRAME_RATE_HZ: Final = 60.0
FRAME_SAMPLES: Final = 735
CHANNELS: Final = ("pulse1", "pulse2", "triangle", "noise", "sample")

LOWEST_MIDI: Final = 24.0
STEPS_PER_SEMITONE: Final = 8
PITCHES: Final = 96 * STEPS_PER_SEMITONE  # tokens 1..PITCHES
VOLUMES: Final = 15
DUTIES: Final = (0.125, 0.25, 0.5, 0.75)
PANS: Final = 5
CENTRE: Final = 2
# Whole samples a step of the noise register: all that its edges alias onto are harmonics of its own period.
NOISE_DIVIDERS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32, 40, 48)
DRUMS: Final = ("kick", "snare", "hat", "tom", "clap", "cymbal")
TUNINGS: Final = 16
LOWEST_TUNING: Final = -8

_VOICES, _LEVELS = VOLUMES * len(DUTIES) * PANS + 1, VOLUMES * PANS + 1
VOCABULARY: Final = (
    *(PITCHES + 1, _VOICES) * 2,
    *(PITCHES + 1, _LEVELS),
    *(2 * len(NOISE_DIVIDERS) + 1, _LEVELS),
    *(len(DRUMS) * TUNINGS + 1, _LEVELS),
)
PULSES: Final = 2
TRIANGLE, NOISE, SAMPLE = 2, 3, 4  # indices into CHANNELS; the levels of channel c are 2c and 2c + 1

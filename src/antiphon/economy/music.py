"""The profile by which music is judged. Its rules are those of `antiphon.economy.profiles`."""

from __future__ import annotations

from antiphon.economy.profiles import (
    CLIPPING_SHARE,
    DC_OFFSET,
    DECODES,
    DUPLICATE,
    LENGTH_ERROR,
    LEVEL_DBFS,
    LONGEST_SILENCE,
    SILENCE_SHARE,
    Ingredient,
    Limit,
    Profile,
)

WINDOW_ERROR = "integrity.window_error"
COPY = "integrity.copy"
GAPS = "integrity.gaps_per_s"
TEMPO = "music.tempo_support"
KEY_GAP = "music.key_gap"
KEY_FIT = "music.key_fit"
VARIETY = "music.variety"
REPETITION = "music.repetition"
ENERGY = "music.energy_error"
BRIGHTNESS = "music.brightness_error"
DRUMS = "music.drums_error"
TONALITY = "music.tonality"
PITCHES = "music.pitches"
BANDWIDTH = "music.bandwidth_hz"

MUSIC = Profile(
    name="music",
    source=(
        "Music for a prompt: whole, undamaged, nobody's earlier work; tones and not noise; neither a loop of one bar "
        "nor without return; and what the prompt asks for. What it does not ask for, or a short window cannot show, is "
        "inconclusive and leaves the score."
    ),
    ingredients=(
        Ingredient(key=TONALITY, weight=0.10, zero=0.2, one=0.5, source="noise at most .30, music from .30"),
        Ingredient(key=VARIETY, weight=0.05, zero=0, one=0.3, source="loops .01, music from .18", required=False),
        Ingredient(key=REPETITION, weight=0.05, zero=0, one=0.4, source="white noise .04, music .5", required=False),
        Ingredient(key=TEMPO, weight=0.33, zero=0.3, one=1, source="other tempi .09, the asked one 1", required=False),
        Ingredient(key=KEY_GAP, weight=0.32, zero=0.6, one=0, source="other keys .9, the asked one 0", required=False),
        Ingredient(key=ENERGY, weight=0.06, zero=0.7, one=0, source="told apart in 9 of 10 pairs", required=False),
        Ingredient(key=BRIGHTNESS, weight=0.04, zero=0.7, one=0, source="told apart in 8 of 10 pairs", required=False),
        Ingredient(key=DRUMS, weight=0.05, zero=1, one=0, source="told apart in 9 of 10 pairs", required=False),
    ),
    # Bounds below: docs/judging.md, "Music".
    limits=(
        Limit(key=DECODES, least=1, certain=True, required=True, source="an unreadable file is no work"),
        Limit(key=LENGTH_ERROR, most=0, certain=True, required=True, source="the delivery declares its exact length"),
        Limit(key=WINDOW_ERROR, most=0.05, certain=True, required=True, source="the window that was ordered"),
        Limit(key=SILENCE_SHARE, most=0.6, certain=True, required=True, source="rests, but no music of rests"),
        Limit(key=DUPLICATE, most=0.45, certain=True, source="honest at most .35; noisy copies from .57"),
        Limit(
            key=COPY, most=0.75, source="honest at most .66, of one prompt's seeds; in another tempo or key from .82"
        ),
        Limit(key=LONGEST_SILENCE, most=4.0, source="a bar's rest at 60 bpm"),
        Limit(key=CLIPPING_SHARE, most=0.01, source="as for speech"),
        Limit(key=DC_OFFSET, least=-0.02, most=0.02, source="as for speech"),
        Limit(key=LEVEL_DBFS, least=-45, most=-5, source="audible, and with room for peaks"),
        Limit(key=GAPS, most=1.0, source="lost buffers"),
        Limit(key=TONALITY, least=0.25, source="noise shaped like music at most .30, typically .04; music from .30"),
        Limit(key=KEY_FIT, least=0.5, source="noise typically .4; recorded music from .57"),
        Limit(key=PITCHES, least=5, source="a tone or a drone has at most 4; recorded music from 11"),
        Limit(key=BANDWIDTH, least=1_500, source="low-passed; recorded music from 4,600"),
        Limit(key=VARIETY, least=0.05, source="loops of one bar at most .01; recorded music from .18"),
        Limit(key=REPETITION, least=0.1, source="white noise at most .09; recorded music from .35"),
        Limit(key=TEMPO, least=0.45, source="the asked tempo from .54; 4 of 5 other tempi are below"),
        Limit(
            key=KEY_GAP, most=0.4, source="the asked key at most .12, in recordings .40; 4 of 5 other keys are above"
        ),
    ),
)

"""The profiles by which music is judged: pieces for a prompt, and what an order fixes."""

from __future__ import annotations

from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile
from antiphon.judges.metrics import (
    BANDWIDTH,
    BASS,
    BRIGHTNESS,
    CLIPPING_SHARE,
    COPY,
    DC_OFFSET,
    DECODES,
    DRUMS,
    DUPLICATE,
    DYNAMICS,
    ENERGY,
    FORM_GAP,
    GAPS,
    KEY_FIT,
    KEY_GAP,
    LENGTH_ERROR,
    LEVEL_DBFS,
    LONGEST_SILENCE,
    LOUDNESS_ERROR,
    METER,
    NOTES_FIDELITY,
    PITCHES,
    READ,
    REPETITION,
    SILENCE_SHARE,
    SOUND_FIDELITY,
    STYLE,
    TEMPO,
    TONALITY,
    VARIETY,
    WINDOW_ERROR,
)

MUSIC = ScoringProfile(
    name="music",
    source=(
        "Music for a prompt: whole, undamaged, nobody's earlier work; tones and not noise; neither a loop of one bar "
        "nor without return; and what the prompt asks for. What it does not ask for, or a short window cannot show, is "
        "inconclusive and leaves the score."
    ),
    terms=(
        ScoreTerm(key=TONALITY.key, weight=0.06, zero=0.2, one=0.5, source="noise at most .30, music from .30"),
        ScoreTerm(key=VARIETY.key, weight=0.03, zero=0, one=0.3, source="loops .01, music from .18", required=False),
        ScoreTerm(key=REPETITION.key, weight=0.03, zero=0, one=0.4, source="white noise .04, music .5", required=False),
        ScoreTerm(
            key=TEMPO.key, weight=0.24, zero=0.3, one=1, source="other tempi .09, the asked one 1", required=False
        ),
        ScoreTerm(
            key=KEY_GAP.key, weight=0.24, zero=0.6, one=0, source="other keys .9, the asked one 0", required=False
        ),
        ScoreTerm(key=ENERGY.key, weight=0.05, zero=0.7, one=0, source="told apart in 9 of 10 pairs", required=False),
        ScoreTerm(
            key=BRIGHTNESS.key, weight=0.03, zero=0.7, one=0, source="told apart in 8 of 10 pairs", required=False
        ),
        ScoreTerm(key=DRUMS.key, weight=0.04, zero=1, one=0, source="told apart in 9 of 10 pairs", required=False),
        ScoreTerm(key=METER.key, weight=0.1, zero=0.7, one=0.1, source="asked at most .2, others .6", required=False),
        ScoreTerm(key=STYLE.key, weight=0.1, zero=0.6, one=0, source="docs/judging.md, Music", required=False),
        ScoreTerm(key=DYNAMICS.key, weight=0.03, zero=1, one=0, source="docs/judging.md, Music", required=False),
        ScoreTerm(key=FORM_GAP.key, weight=0.03, zero=0.4, one=0, source="told apart in 7 of 8 pairs", required=False),
        ScoreTerm(key=BASS.key, weight=0.02, zero=1, one=0, source="told apart in 9 of 10 pairs", required=False),
    ),
    # Bounds below: docs/judging.md, "Music".
    limits=(
        Limit(key=DECODES.key, min=1, certain=True, required=True, source="an unreadable file is no work"),
        Limit(
            key=LENGTH_ERROR.key, max=0, certain=True, required=True, source="the delivery declares its exact length"
        ),
        Limit(key=WINDOW_ERROR.key, max=0.05, certain=True, required=True, source="the window that was ordered"),
        Limit(key=SILENCE_SHARE.key, max=0.6, certain=True, required=True, source="rests, but no music of rests"),
        Limit(key=DUPLICATE.key, max=0.45, certain=True, source="honest at most .35; noisy copies from .57"),
        Limit(
            key=COPY.key, max=0.75, source="honest at most .66, of one prompt's seeds; in another tempo or key from .82"
        ),
        Limit(key=LONGEST_SILENCE.key, max=4.0, source="a bar's rest at 60 bpm"),
        Limit(key=CLIPPING_SHARE.key, max=0.01, source="as for speech"),
        Limit(key=DC_OFFSET.key, min=-0.02, max=0.02, source="as for speech"),
        Limit(key=LEVEL_DBFS.key, min=-45, max=-5, source="audible, and with room for peaks"),
        Limit(key=GAPS.key, max=1.0, source="lost buffers"),
        Limit(key=TONALITY.key, min=0.25, source="noise shaped like music at most .30, typically .04; music from .30"),
        Limit(key=KEY_FIT.key, min=0.5, source="noise typically .4; recorded music from .57"),
        Limit(key=PITCHES.key, min=5, source="a tone or a drone has at most 4; recorded music from 11"),
        Limit(key=BANDWIDTH.key, min=1_500, source="low-passed; recorded music from 4,600"),
        Limit(key=VARIETY.key, min=0.05, source="loops of one bar at most .01; recorded music from .18"),
        Limit(key=REPETITION.key, min=0.1, source="white noise at most .09; recorded music from .35"),
        Limit(key=TEMPO.key, min=0.45, source="the asked tempo from .54; 4 of 5 other tempi are below"),
        Limit(key=READ.key, min=1, required=True, source="a prompt that nobody reads asks for nothing that is heard"),
        Limit(key=METER.key, max=0.7, source="the asked metre at most .2, 3 of 4 others are above"),
        Limit(
            key=KEY_GAP.key, max=0.4, source="the asked key at most .12, in recordings .40; 4 of 5 other keys are above"
        ),
    ),
)

FIXED = ScoringProfile(
    name="music-fixed",
    source=(
        "A MIDI file played by the chip, or an effect by its name: whole, and what the chip makes of the order. It may "
        "be short, silent in places, and like what others ordered."
    ),
    terms=(
        ScoreTerm(key=NOTES_FIDELITY.key, weight=0.5, zero=0.9, one=1, source="docs/judging.md, Music"),
        ScoreTerm(key=SOUND_FIDELITY.key, weight=0.5, zero=0.9, one=1, source="docs/judging.md, Music", required=False),
    ),
    limits=(
        Limit(key=DECODES.key, min=1, certain=True, required=True, source="an unreadable file is no work"),
        Limit(
            key=LENGTH_ERROR.key, max=0, certain=True, required=True, source="the delivery declares its exact length"
        ),
        Limit(key=WINDOW_ERROR.key, max=0.005, certain=True, required=True, source="the window that was ordered"),
        Limit(key=NOTES_FIDELITY.key, min=0.95, required=True, source="without the lead at most .93, honest 1"),
        Limit(key=SOUND_FIDELITY.key, min=0.95, source="other notes at most .85, an octave above .24, honest 1"),
        Limit(key=LOUDNESS_ERROR.key, max=0.5, required=True, source="the chip has one loudness"),
        Limit(key=CLIPPING_SHARE.key, max=0.01, source="as for speech"),
    ),
)

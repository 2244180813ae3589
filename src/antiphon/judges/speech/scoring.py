"""The profiles by which speech is judged: what rejects, what weighs how much, and where each number comes from."""

from __future__ import annotations

from antiphon.economy.scoring import Limit, ScoreTerm
from antiphon.judges.metrics import (
    AUDIT,
    CLIPPING_SHARE,
    DC_OFFSET,
    DECODES,
    DISTILLMOS,
    DNSMOS,
    DUPLICATE,
    LENGTH_ERROR,
    LEVEL_DBFS,
    LONGEST_SILENCE,
    RENDERING,
    SILENCE_SHARE,
    SIMILARITY,
    WER,
)
from antiphon.judges.speech.expectation import SpeechProfile

INTEGRITY = (
    Limit(key=DECODES.key, min=1, certain=True, required=True, source="an unreadable file is no work"),
    Limit(key=AUDIT.key, min=1, certain=True, source="made as ordered, pass by pass: docs/soundstorm.md"),
    Limit(key=LENGTH_ERROR.key, max=0, certain=True, required=True, source="the delivery declares its exact length"),
    # Bounds below: 246 honest clips of three engines and 480 cheats, in docs/judging.md.
    Limit(key=SILENCE_SHARE.key, max=0.5, certain=True, required=True, source="honest at most .29; padded from .55"),
    # Texts that sound alike ("two" and "too") rightly give the same audio: right words excuse likeness.
    Limit(
        key=DUPLICATE.key, max=0.65, certain=True, unless=WER.key, source="honest at most .51; altered copies from .78"
    ),
    Limit(key=LONGEST_SILENCE.key, max=2.0, source="honest at most .96 s"),
    Limit(key=CLIPPING_SHARE.key, max=0.01, source="honest 0; clipped from .09"),
    Limit(key=DC_OFFSET.key, min=-0.02, max=0.02, source="honest at most .001"),
    Limit(key=LEVEL_DBFS.key, min=-40, max=-9, source="honest -26 to -17; clipped from -6"),
)

BITTAUDIO = SpeechProfile(
    name="bittaudio",
    source=(
        "BittAudio (Bittensor subnet 16): S = .10 mos' + .10 noi' + .06 dis' + .06 col' + .06 loud' + .62 (1 - WER), "
        "x' = (x-1)/4, WER >= .7 gives 0. Mended: WER over normalised text; integrity limits; a missing measurement is "
        "inconclusive. Its NISQA model is not here: DistillMOS stands for mos', DNSMOS for noi'; nothing measures "
        "dis', col' and loud', so their .18 leaves the sum and the remaining .82 is scaled to 1."
    ),
    terms=(
        ScoreTerm(key=DISTILLMOS.key, weight=0.10, zero=1, one=5, source="mos' by another predictor"),
        ScoreTerm(key=DNSMOS.key, weight=0.10, zero=1, one=5, source="noi' by another predictor"),
        ScoreTerm(key=WER.key, weight=0.62, zero=1, one=0, source="1 - WER"),
    ),
    limits=INTEGRITY,
    max_wer=0.7,
    invalid_scores_zero=True,
)

ANTIPHON = SpeechProfile(
    name="antiphon",
    source=(
        "The network's default: words first, then naturalness, then the voice. Limits follow the ordered voice, so a "
        "plain voice that was ordered is valid, and a fine voice replaced by a plain one is not."
    ),
    terms=(
        ScoreTerm(key=WER.key, weight=0.50, zero=0.5, one=0, source="nobody follows a text with every 2nd word wrong"),
        ScoreTerm(
            key=DISTILLMOS.key, weight=0.30, zero=1, one=5, source="separates synthesisers: espeak 2.2, Kokoro 4.6"
        ),
        ScoreTerm(
            key=DNSMOS.key, weight=0.05, zero=1, one=4, source="noise; ranks synthesisers weakly", required=False
        ),
        ScoreTerm(key=SIMILARITY.key, weight=0.15, zero=0.3, one=0.9, source="different .34, same .82", required=False),
        # 1 wherever another processor or seed may lie, so that nobody earns less for their machine.
        ScoreTerm(key=RENDERING.key, weight=0.50, zero=6, one=4, source="same voice and words", required=False),
    ),
    limits=INTEGRITY,
    max_wer=0.35,
    spare_words=1.0,
    mos_margin={"distillmos": 1.5, "dnsmos": 1.2},
    min_mos=1.8,
)

PROFILES = {profile.name: profile for profile in (ANTIPHON, BITTAUDIO)}

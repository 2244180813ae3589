"""The profiles by which cloned speech and enrolments are judged."""

from __future__ import annotations

import msgspec

from antiphon.economy.scoring import Limit, ScoreTerm
from antiphon.judges.metrics import (
    AUDIT,
    CLONE_DURATION,
    CLONE_ECHO,
    CLONE_ORDER,
    CLONE_TIMING,
    CLONE_VOICE,
    DECODES,
    DISTILLMOS,
    ENROL_DECODES,
    ENROL_DESCRIBED,
    ENROL_FINGERPRINT,
    ENROL_MATCH,
    ENROL_OWN,
    ENROL_OWN_MOS,
    ENROL_RANK,
    ENROL_REFERENCE,
    ENROL_RENDERS,
    LENGTH_ERROR,
    RENDERING,
    WER,
)
from antiphon.judges.speech.expectation import SpeechProfile
from antiphon.judges.speech.scoring import INTEGRITY

_WHOLE = tuple(limit for limit in INTEGRITY if limit.key in {DECODES.key, LENGTH_ERROR.key, AUDIT.key})
# A profile may have been made so that every honest rendering is silent or a copy: nothing here is certain by itself.
_SOUND = tuple(msgspec.structs.replace(limit, certain=False) for limit in INTEGRITY if limit not in _WHOLE)

CLONE = SpeechProfile(
    name="clone",
    source=(
        "Speech in a cloned voice: as for built-in voices, measured against what the voice profile says of the clone "
        "itself. What our own rendering of the order violates too is nobody's fault: no order, no verdict."
    ),
    terms=(
        ScoreTerm(key=WER.key, weight=0.45, zero=0.5, one=0, source="as for speech"),
        ScoreTerm(key=DISTILLMOS.key, weight=0.25, zero=1, one=5, source="as for speech"),
        ScoreTerm(key=CLONE_VOICE.key, weight=0.30, zero=0.5, one=0.9, source="different .6, same .87", required=False),
        ScoreTerm(key=RENDERING.key, weight=0.50, zero=6, one=4, source="as for speech", required=False),
    ),
    # Bounds below: docs/judging.md, "Cloned voices".
    limits=(
        *_WHOLE,
        *_SOUND,
        Limit(key=CLONE_ORDER.key, min=1, required=True, source="the profile can speak this order"),
        # Half a second has two or three blocks, which agree by chance: what our own rendering confirms is no copy.
        Limit(key=CLONE_ECHO.key, max=0.3, unless=RENDERING.key, source="honest at most .11; copies from .61"),
        Limit(key=CLONE_DURATION.key, max=0.1, source="voice to voice keeps the recording's length"),
        Limit(key=CLONE_TIMING.key, min=0.65, source="voice to voice keeps the recording's timing"),
    ),
    max_wer=0.35,
    spare_words=1.0,
    mos_margin={"distillmos": 1.5},
    min_mos=1.8,
)

ENROLMENT = SpeechProfile(
    name="enrolment",
    source="A voice profile: it tells the truth about reference and clone, and the clone resembles the reference.",
    terms=(
        ScoreTerm(key=ENROL_MATCH.key, weight=0.60, zero=0.5, one=0.9, source="different .54, same .82"),
        ScoreTerm(key=WER.key, weight=0.20, zero=0.5, one=0, source="as for speech"),
        ScoreTerm(key=DISTILLMOS.key, weight=0.20, zero=1, one=5, source="as for speech"),
    ),
    limits=(
        Limit(key=ENROL_DECODES.key, min=1, certain=True, required=True, source="a readable voice profile"),
        Limit(key=ENROL_REFERENCE.key, min=1, certain=True, required=True, source="of the ordered reference, language"),
        Limit(key=ENROL_DESCRIBED.key, min=0.95, certain=True, required=True, source="embeddings of the reference"),
        Limit(key=ENROL_FINGERPRINT.key, min=0.9, certain=True, required=True, source="fingerprint of the reference"),
        Limit(key=ENROL_RENDERS.key, min=1, certain=True, required=True, source="its engine can speak with it"),
        Limit(key=ENROL_OWN.key, min=0.9, required=True, source="embeddings of our own rendering"),
        Limit(key=ENROL_OWN_MOS.key, max=0.5, required=True, source="DistillMOS of our own rendering"),
        Limit(
            key=ENROL_RANK.key, min=0.85, required=True, source="share of built-in voices further from the reference"
        ),
        Limit(key=CLONE_ECHO.key, max=0.3, source="a rendering of other words cannot be made of the reference"),
        *_SOUND,
    ),
    max_wer=0.2,
    spare_words=1.0,
    min_mos=1.8,
)

"""What a valid answer must be like, as a pure function of the order."""

from __future__ import annotations

from antiphon.judges.cloning.voice_profile import test_text
from antiphon.judges.metrics import CLONE_VOICE
from antiphon.judges.speech.expectation import Expectation
from antiphon.services import CloneRequest, EnrolRequest

MIN_VOICE, MIN_VOICE_SHORT = 0.78, 0.62
"""Least cosine to the clone's own voice, by either encoder; docs/judging.md, "Cloned voices"."""
MIN_VOICE_BLENDED, MIN_SIMILARITY_BLENDED = 0.7, 0.45
"""The same for a blend, by the independent encoder and by the d-vector, led astray where a man and a woman mix."""
SHORT_CHARS, SHORT_WORDS, SHORT_MOST_CHARS = 30, 4, 80
"""Fewer characters, or so few words; but a client chooses what stands between words, and four dashes join a page."""
SHORT_S = 2.5
MAX_DISTANCE_DB = 3.5
"""From our own rendering of a short order. With its seed on another machine at most 3.2, another voice from 3.5;
docs/judging.md, "Short clones"."""
ENGLISH_CHARS_PER_S = (6.0, 24.0)
"""As for built-in voices; docs/judging.md."""
CLEAR_MOS = 3.5
CLEAR_WER, ROBOTIC_WER, RECORDED_WER = 0.2, 0.75, 0.4
"""Allowed WER: of clones that recognisers understand as they do people; of others; against what the recogniser heard in
a recording, where it errs on both sides."""


def clone_expectation(request: CloneRequest) -> Expectation:
    """Words and naturalness as the profile promises, the voice of the profile (and of what is blended in)."""
    english = request.language.casefold().startswith("en")
    clear = english and request.profile.own_mos >= CLEAR_MOS
    spoken = request.speech is not None
    short = is_short(request)
    voice = MIN_VOICE_SHORT if short else MIN_VOICE_BLENDED if request.blend else MIN_VOICE
    similarity = min(voice, MIN_SIMILARITY_BLENDED) if request.blend else voice
    return Expectation(
        chars=len(request.text),
        chars_per_s=ENGLISH_CHARS_PER_S if english and not spoken else None,
        mos={"distillmos": (request.profile.own_mos, 0.0)},
        allowed_wer=RECORDED_WER if spoken else CLEAR_WER if clear else ROBOTIC_WER,
        min_similarity=similarity,
        min={CLONE_VOICE.key: voice},
        max_distance_db=MAX_DISTANCE_DB if short else None,
    )


def is_short(request: CloneRequest) -> bool:
    """Too little for the models that listen: it is held against our own rendering."""
    if request.speech is not None:
        return request.speech.seconds < SHORT_S
    chars = len(request.text)
    return chars < SHORT_CHARS or (chars <= SHORT_MOST_CHARS and len(request.text.split()) <= SHORT_WORDS)


def enrolment_expectation(request: EnrolRequest) -> Expectation:
    """The test sentence, spoken at a plausible pace. Raises `InputError` for a language that has none."""
    english = request.language.casefold().startswith("en")
    return Expectation(chars=len(test_text(request.language)), chars_per_s=ENGLISH_CHARS_PER_S if english else None)

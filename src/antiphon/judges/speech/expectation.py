"""What is known of an order of speech before anybody listens, and the limits that follow.

What our own rendering of the order confirms (`RENDERING`) is nobody's fault: it excuses words, naturalness, pace and
voice.
"""

from __future__ import annotations

import msgspec

from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile, check_terms
from antiphon.judges.metrics import (
    CER,
    CHARS_PER_S,
    DISTILLMOS,
    RENDERING,
    RENDERING_LENGTH,
    SILENCE_SHARE,
    SIMILARITY,
    WER,
)
from antiphon.judges.speech.evidence import VoiceReference
from antiphon.judges.speech.reach import ALLOWED_CER
from antiphon.services import SpeechRequest

MIN_SIMILARITY, MIN_SIMILARITY_SHORT = 0.74, 0.4
"""Least cosine to the ordered voice's own embedding: honest clips from .87 (3 s) and .43 (1 s); docs/judging.md."""
SHORT_CHARS = 30
"""Texts shorter than this last little more than a second: too little for predictors and embeddings."""
SHORT_SLACK = 1.5
"""How much lower the predictors grade honest clips of half a second than sentences; docs/judging.md."""
MAX_SILENCE_SHORT = 0.75
"""Share of a short clip: espeak leaves .3 s around a word of .25 s; docs/judging.md."""
MAX_DISTANCE_DB = 4.5
"""From our own rendering: honest up to 3.8 by any seed or processor, another word or voice from 5; docs/judging.md."""
ENGLISH_CHARS_PER_S = (6.0, 24.0)
"""Honest 9.7-19.8 letters a second at speed 1; half of a text from 22; docs/judging.md."""
CLEAR_MOS = 3.5
"""Voices whose own DistillMOS is above this are understood by recognisers as people are."""
CLEAR_WER, ROBOTIC_WER = 0.2, 0.75
"""Allowed WER. Recognisers mishear honest robotic speech (up to .8 of the words); another text is .92 and more."""
CHARS_PER_WORD = 6.0
"""English letters of a word and its space, roughly; turns `spare_words` into a share of the text."""

_RATE_MIN_CHARS = 20
"""Shorter texts have no speaking rate: their pauses are longer than their words."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the ordered voice and text before anybody listens. Empty = the profile's own limits hold."""

    chars: int = 0  # of the text; 0 = unknown
    mos: dict[str, tuple[float, float]] = {}  # predictor -> (mean, standard deviation) over the voice's own samples
    chars_per_s: tuple[float, float] | None = None  # plausible speaking rates of the language; None = unknown
    allowed_wer: float | None = None  # e.g. higher for a voice that recognisers find hard
    allowed_cer: float | None = None  # in place of WER, for a language of which recognisers get letters, not words
    min_similarity: float | None = None  # cosine to the voice's own embedding
    mos_slack: float = 0.0  # how much lower predictors may grade, e.g. a text too short for them
    max_silence_share: float | None = None  # in place of the profile's: one word may be shorter than its pauses
    max_distance_db: float | None = None  # from our own rendering; within it, words, naturalness and voice are excused
    min: dict[str, float] = {}  # key -> a value below this is a violation for this order


UNKNOWN = Expectation()


class SpeechProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to judge speech. Thresholds that the order's expectation moves are fields; all others are in `limits`."""

    name: str
    source: str
    terms: tuple[ScoreTerm, ...]
    limits: tuple[Limit, ...]
    max_wer: float | None = None  # WER from here on is a violation, unless the expectation moves it; None = no words
    spare_words: float = 0.0  # added to the allowed WER as words of this text: one slip must not fail a short text
    mos_margin: dict[str, float] = {}  # predictor -> a MOS so much below the voice's mean is a violation
    min_mos: float | None = None  # DistillMOS below this is a violation when nothing is known of the voice
    invalid_scores_zero: bool = False

    def __post_init__(self) -> None:
        check_terms(self.name, self.terms)

    def expecting(self, expectation: Expectation = UNKNOWN) -> ScoringProfile:
        """The profile of one order: its limits are the profile's own, and those that the voice and the text set."""
        return ScoringProfile(
            name=self.name,
            source=self.source,
            terms=self.terms,
            limits=self._limits(expectation),
            invalid_scores_zero=self.invalid_scores_zero,
        )

    def _limits(self, expectation: Expectation) -> tuple[Limit, ...]:
        words = (WER if expectation.allowed_cer is None else CER).key
        found = [
            msgspec.structs.replace(limit, unless=words) if limit.unless == WER.key else limit for limit in self.limits
        ]
        if expectation.max_silence_share is not None:
            share = expectation.max_silence_share
            found = [msgspec.structs.replace(one, max=share) if one.key == SILENCE_SHARE.key else one for one in found]
        if expectation.chars_per_s is not None and expectation.chars >= _RATE_MIN_CHARS:
            slowest, fastest = expectation.chars_per_s
            source = "speaking rates of the ordered language"
            found.append(Limit(key=CHARS_PER_S.key, min=slowest, max=fastest, unless=RENDERING.key, source=source))
        allowed = self.max_wer if expectation.allowed_wer is None else expectation.allowed_wer
        if self.max_wer is not None and expectation.allowed_cer is not None:
            allowed = expectation.allowed_cer
        if allowed is not None:
            spare = self.spare_words * CHARS_PER_WORD / expectation.chars if expectation.chars else 0.0
            source = "allowed error rate of the voice and text"
            found.append(Limit(key=words, under=allowed + spare, required=True, unless=RENDERING.key, source=source))
        needed = {term.key for term in self.terms if term.required}
        found += [
            Limit(
                key=f"naturalness.{name}",
                min=mean - self.mos_margin[name] - expectation.mos_slack,
                required=f"naturalness.{name}" in needed,
                unless=RENDERING.key,
                source="mean of the ordered voice: less is a worse engine than declared",
            )
            for name, (mean, _) in sorted(expectation.mos.items())
            if name in self.mos_margin
        ]
        if not expectation.mos and self.min_mos is not None:
            floor = self.min_mos - expectation.mos_slack
            source = "the profile's own floor"
            found.append(Limit(key=DISTILLMOS.key, min=floor, required=True, unless=RENDERING.key, source=source))
        if expectation.min_similarity is not None:
            # Not required: a clip of one short word has too little voice to measure, and is still an honest answer.
            source = "embedding of the ordered voice"
            found.append(Limit(key=SIMILARITY.key, min=expectation.min_similarity, unless=RENDERING.key, source=source))
        if expectation.max_distance_db is not None:
            found.append(
                Limit(key=RENDERING_LENGTH.key, min=0.75, max=1.33, source="spoken as fast as by our own engine")
            )
            source = "our own rendering: another word or voice is further away"
            found.append(Limit(key=RENDERING.key, max=expectation.max_distance_db, source=source))
        found += [
            Limit(key=key, min=bound, unless=RENDERING.key, source="the order")
            for key, bound in sorted(expectation.min.items())
        ]
        return tuple(found)


def expectation_of(request: SpeechRequest, reference: VoiceReference | None) -> Expectation:
    """What a valid answer to `request` must be like."""
    english = request.language.casefold().startswith("en")
    own_mos = None if reference is None else reference.mos.get("distillmos")
    short = len(request.text) < SHORT_CHARS
    clear = english and own_mos is not None and own_mos[0] >= CLEAR_MOS
    robotic = ROBOTIC_WER if reference is not None or not english else None  # None: the profile's own
    likeness = MIN_SIMILARITY_SHORT if short else MIN_SIMILARITY
    return Expectation(
        chars=len(request.text),
        chars_per_s=ENGLISH_CHARS_PER_S if english else None,
        mos={} if reference is None else reference.mos,
        allowed_wer=CLEAR_WER if clear else robotic,
        allowed_cer=None if english else ALLOWED_CER,
        min_similarity=None if reference is None or reference.embedding is None else likeness,
        mos_slack=SHORT_SLACK if short else 0.0,
        max_silence_share=MAX_SILENCE_SHORT if short else None,
        max_distance_db=MAX_DISTANCE_DB,
    )

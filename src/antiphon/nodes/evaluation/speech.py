"""How speech is judged: a panel of judges, a profile, and what is known of the ordered voice."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from antiphon import models, text
from antiphon.analysis import recogniser
from antiphon.audio import Waveform
from antiphon.economy.scoring import decide, violations
from antiphon.economy.types import Vote
from antiphon.engines import registry
from antiphon.errors import ModelError
from antiphon.judges.base import Evidence, VoiceReference
from antiphon.judges.cards import card
from antiphon.judges.expectation import Expectation, SpeechProfile
from antiphon.judges.metrics import CER, CHARS_PER_S, DISTILLMOS, DNSMOS, SIMILARITY, WER
from antiphon.judges.panel import JudgePanel
from antiphon.judges.reach import ALLOWED_CER, reached
from antiphon.judges.words import SAME_LANGUAGE
from antiphon.nodes.evaluation.base import Submission
from antiphon.services import Service, SpeechRequest

MULTILINGUAL = "whisper-base"
MIN_SIMILARITY, MIN_SIMILARITY_SHORT = 0.74, 0.4
"""Least cosine to the ordered voice's own embedding: honest clips from .87 (3 s) and .43 (1 s); docs/judging.md."""
SHORT_CHARS = 30
"""Texts shorter than this last little more than a second: too little for predictors and embeddings."""
SHORT_SLACK = 1.5
"""How much lower the predictors grade honest clips of half a second than sentences; docs/judging.md."""
MAX_DISTANCE_DB = 4.5
"""From our own rendering: honest up to 3.8 by any seed or processor, another word or voice from 5; docs/judging.md."""
EXCUSABLE = frozenset(metric.key for metric in (WER, CER, DISTILLMOS, DNSMOS, SIMILARITY, CHARS_PER_S))
ENGLISH_CHARS_PER_S = (6.0, 24.0)
"""Honest 9.7-19.8 letters a second at speed 1; half of a text from 22; docs/judging.md."""
CLEAR_MOS = 3.5
"""Voices whose own DistillMOS is above this are understood by recognisers as people are."""
CLEAR_WER, ROBOTIC_WER = 0.2, 0.75
"""Allowed WER. Recognisers mishear honest robotic speech (up to .8 of the words); another text is .92 and more."""

References = Callable[[str], VoiceReference | None]


class SpeechEvaluator:
    """Measurements by `panel`; verdict and score by `profile`, a pure function of them and of the voice's card."""

    def __init__(self, panel: JudgePanel, profile: SpeechProfile, references: References) -> None:
        self._panel = panel
        self._profile = profile
        self._references = references

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        return {str(Service.SPEECH): judged_languages()}

    def vote(self, submission: Submission) -> Vote:
        """Raises `TypeError` for work of another service."""
        request = submission.request
        if not isinstance(request, SpeechRequest):
            raise TypeError(f"{type(request).__name__} is no speech")
        reference = self._references(request.voice)
        audio = submission.audio
        evidence = Evidence(
            request=request,
            audio=audio if audio is None else audio.mono(),
            declared_rate_hz=submission.form.rate_hz,
            declared_samples=submission.declared_samples,
            reference=reference,
            places=submission.places,
        )
        profile = self._profile.expecting(expectation_of(request, reference))
        measurements = self._panel.measure(evidence)
        if _wants_rendering(request, violations(profile, measurements)):
            measurements += self._panel.compare(evidence)
        return decide(profile, measurements)


def new_panel() -> JudgePanel:
    """Judges that know our text normaliser and voice cards. Models load when they are first needed."""
    return JudgePanel(reference=card, normaliser=text.normalise, render=render)


def render(request: SpeechRequest, seed: int) -> Waveform:
    """What the engine of the ordered voice makes of an order here. Raises `InputError` where no engine has it."""
    chunks = [chunk.mono() for chunk in registry.load(registry.engine_for(request.voice)).generate(request, seed)]
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def _wants_rendering(request: SpeechRequest, violated: set[str]) -> bool:
    """Texts too short for the models that listen, and whatever only our own rendering could excuse."""
    return len(request.text) < SHORT_CHARS or bool(violated and violated <= EXCUSABLE)


def judged_languages() -> tuple[str, ...]:
    """Languages whose words the installed recognisers can check: they know them, and hear them well enough."""
    if not models.installed(MULTILINGUAL):
        return ("en",)
    known = _multilingual() & reached()
    known |= {code for code, same in SAME_LANGUAGE.items() if same in known}
    return ("en", *sorted(known - {"en"}))


def require_judged(language: str) -> None:
    """Raises `ModelError`, with the command that mends it, where nothing installed can check words of `language`."""
    if language.casefold().split("-")[0] in judged_languages():
        return
    try:
        models.require(MULTILINGUAL)
    except ModelError as error:
        what = error.what[0].lower() + error.what[1:]
        raise ModelError(f"Nothing here can check speech in {language!r}: {what}", error.hint) from error
    raise ModelError(
        f"Nothing here can check speech in {language!r}: Whisper base understands too little of it",
        "Choose a language that can be judged (docs/judging.md), or call the engine yourself (docs/engines.md).",
    )


@cache
def _multilingual() -> frozenset[str]:
    """Read once: every validator of a process asks, for each of its services."""
    return recogniser.languages(models.read(MULTILINGUAL, "tokenizer.json"))


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
        max_distance_db=MAX_DISTANCE_DB,
    )

"""The default way to judge: a panel of judges, a profile, and what is known of the ordered voice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from antiphon import models, text
from antiphon.economy.profiles import PROFILES, Expectation, Profile, judge
from antiphon.economy.types import Vote
from antiphon.errors import InputError
from antiphon.judges import recogniser
from antiphon.judges.base import Evidence, VoiceReference
from antiphon.judges.cards import card
from antiphon.judges.panel import JudgePanel
from antiphon.judges.words import SAME_LANGUAGE
from antiphon.services import Request

MULTILINGUAL = "whisper-base"
MIN_SIMILARITY, MIN_SIMILARITY_SHORT = 0.74, 0.6
"""Least cosine to the ordered voice's own embedding: honest clips from .87 (3 s) and .73 (1 s); docs/judging.md."""
SHORT_CHARS = 30
"""Texts shorter than this last little more than a second."""
ENGLISH_CHARS_PER_S = (6.0, 24.0)
"""Honest 9.7-19.8 letters a second at speed 1; half of a text from 22; docs/judging.md."""
CLEAR_MOS = 3.5
"""Voices whose own DistillMOS is above this are understood by recognisers as people are."""
CLEAR_WER, ROBOTIC_WER = 0.2, 0.75
"""Allowed WER. Recognisers mishear honest robotic speech (up to .8 of the words); another text is .92 and more."""

References = Callable[[str], VoiceReference | None]


class PanelListener:
    """Measurements by `panel`; verdict and score by `profile`, a pure function of them and of the voice's card."""

    def __init__(self, panel: JudgePanel, profile: Profile, references: References) -> None:
        self._panel = panel
        self._profile = profile
        self._references = references

    @property
    def languages(self) -> tuple[str, ...]:
        return judged_languages()

    def warm_up(self) -> Future[None]:
        """Begin to load the judges' models in the background; the future tells when they are ready."""
        return self._panel.warm_up()

    def vote(self, evidence: Evidence) -> Vote:
        reference = self._references(evidence.request.voice)
        measurements = self._panel.measure(replace(evidence, reference=reference))
        return judge(self._profile, measurements, expectation=expectation_of(evidence.request, reference))


def new_panel() -> JudgePanel:
    """Judges that know our text normaliser and voice cards. Models load when they are first needed."""
    return JudgePanel(reference=card, normaliser=text.normalise)


def listener_of(profile: str) -> PanelListener:
    """A listener with a panel of its own. Raises `InputError` for an unknown profile."""
    if profile not in PROFILES:
        raise InputError(f"Unknown profile {profile!r}", f"Profiles: {', '.join(PROFILES)}.")
    return PanelListener(new_panel(), PROFILES[profile], card)


def judged_languages() -> tuple[str, ...]:
    """Languages whose words the installed recognisers can check."""
    if not models.installed(MULTILINGUAL):
        return ("en",)
    known = recogniser.languages(models.read(MULTILINGUAL, "tokenizer.json"))
    known |= {code for code, same in SAME_LANGUAGE.items() if same in known}
    return ("en", *sorted(known - {"en"}))


def expectation_of(request: Request, reference: VoiceReference | None) -> Expectation:
    """What a valid answer to `request` must be like."""
    english = request.language.casefold().startswith("en")
    rates = ENGLISH_CHARS_PER_S if english else None
    if reference is None:
        allowed = None if english else ROBOTIC_WER
        return Expectation(chars=len(request.text), chars_per_s=rates, allowed_wer=allowed)
    own_mos = reference.mos.get("distillmos")
    clear = english and own_mos is not None and own_mos[0] >= CLEAR_MOS
    likeness = MIN_SIMILARITY if len(request.text) >= SHORT_CHARS else MIN_SIMILARITY_SHORT
    return Expectation(
        chars=len(request.text),
        chars_per_s=rates,
        mos=reference.mos,
        allowed_wer=CLEAR_WER if clear else ROBOTIC_WER,
        min_similarity=likeness if reference.embedding is not None else None,
    )

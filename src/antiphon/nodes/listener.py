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
from antiphon.judges.panel import JudgePanel
from antiphon.nodes.references import reference_of
from antiphon.services import Request, SpeechRequest

MULTILINGUAL = "whisper-base"
MIN_SIMILARITY = 0.6
"""Least cosine to the ordered voice's own embedding; measured in docs/judging.md."""

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
    return JudgePanel(reference=reference_of, normaliser=text.normalise)


def listener_of(profile: str) -> PanelListener:
    """A listener with a panel of its own. Raises `InputError` for an unknown profile."""
    if profile not in PROFILES:
        raise InputError(f"Unknown profile {profile!r}", f"Profiles: {', '.join(PROFILES)}.")
    return PanelListener(new_panel(), PROFILES[profile], reference_of)


def judged_languages() -> tuple[str, ...]:
    """Languages whose words the installed recognisers can check."""
    if not models.installed(MULTILINGUAL):
        return ("en",)
    known = recogniser.languages(models.read(MULTILINGUAL, "tokenizer.json"))
    return ("en", *sorted(known - {"en"}))


def expectation_of(request: Request, reference: VoiceReference | None) -> Expectation:
    """What a valid answer to `request` must be like."""
    chars = len(request.text) if isinstance(request, SpeechRequest) else 0
    if reference is None:
        return Expectation(chars=chars)
    return Expectation(
        chars=chars,
        mos=reference.mos,
        min_similarity=MIN_SIMILARITY if reference.embedding is not None else None,
    )

"""All of a validator's ears: each service is judged by its own listener."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

import msgspec

from antiphon.economy.profiles import PROFILES
from antiphon.economy.types import Vote
from antiphon.errors import InputError
from antiphon.judges.cards import card
from antiphon.judges.panel import JudgePanel
from antiphon.judges.readings import readings_of
from antiphon.nodes.listening.base import Listener, Submission
from antiphon.nodes.listening.clones import CloneListener
from antiphon.nodes.listening.music import MusicListener
from antiphon.nodes.listening.speech import SpeechListener, new_panel
from antiphon.services import Service, service_of


class Ears:
    """A listener made of one for each service."""

    def __init__(self, panel: JudgePanel, listeners: Mapping[Service, Listener]) -> None:
        self._panel = panel
        self._listeners = dict(listeners)

    def warm_up(self) -> Future[None]:
        """Begin to load the speech judges' models in the background; the future tells when they are ready."""
        return self._panel.warm_up()

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        return {service: languages for one in self._listeners.values() for service, languages in one.abilities.items()}

    def vote(self, submission: Submission) -> Vote:
        """With the readings that prove it was listened to. Raises `InputError` for work that nobody here judges."""
        service = service_of(submission.request)
        if service not in self._listeners:
            raise InputError(f"Nobody here judges {service}", "Offer only what can be judged.")
        vote = self._listeners[service].vote(submission)
        return msgspec.structs.replace(vote, readings=readings_of(vote.measurements))


def listener_of(profile: str) -> Ears:
    """Ears for every service, with one panel of judges between them. Raises `InputError` for an unknown profile."""
    if profile not in PROFILES:
        raise InputError(f"Unknown profile {profile!r}", f"Profiles: {', '.join(PROFILES)}.")
    panel = new_panel()
    return Ears(
        panel,
        {
            Service.SPEECH: SpeechListener(panel, PROFILES[profile], card),
            Service.CLONE: CloneListener(panel),
            Service.MUSIC: MusicListener(),
        },
    )

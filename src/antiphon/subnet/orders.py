"""Synthetic orders for all three services, made for one miner each: nobody can answer with what another made."""

from __future__ import annotations

import random
from collections.abc import Iterable

from antiphon.clock import Clock
from antiphon.engines import registry
from antiphon.errors import UnavailableError
from antiphon.ledger.operations import ServiceOffer
from antiphon.music.prompts import prompts as music_prompts
from antiphon.network.prober import MUSIC_S, english_voices
from antiphon.network.prompts import PromptSource
from antiphon.nodes.evaluation.rendering import render
from antiphon.protocol import Identity
from antiphon.protocol.consent import Grant, Use, sign_grant
from antiphon.services import Clip, CloneRequest, EnrolRequest, MusicRequest, Service, SpeechRequest, VoiceProfile

REFERENCE_SENTENCES = 2
"""About eight seconds."""
CONSENT_MS = 3_600_000
SUBJECT = "a synthetic voice of this validator"


class SyntheticOrders:
    """Prompts of a validator's own. `offers` are a miner's; None: it offers nothing of the kind that can be tested.

    Cloning is tested with voices that belong to nobody: a built-in voice says two new sentences, and the validator
    signs the consent. So no person's voice is asked for, and no reference is known before.
    """

    def __init__(self, prompts: PromptSource, identity: Identity, clock: Clock, rng: random.Random) -> None:
        self._prompts, self._identity, self._clock, self._rng = prompts, identity, clock, rng

    @property
    def seed(self) -> int:
        """For one order."""
        return self._rng.getrandbits(32)

    async def speech(self, offers: Iterable[ServiceOffer]) -> SpeechRequest | None:
        voices = [pair for offer in offers if offer.service == Service.SPEECH for pair in english_voices(offer)]
        if not voices:
            return None
        voice, language = self._rng.choice(voices)
        return SpeechRequest(text=await self._prompts.next(), voice=voice, language=language)

    def music(self, offers: Iterable[ServiceOffer]) -> MusicRequest | None:
        if all(offer.service != Service.MUSIC for offer in offers):
            return None
        seed = self.seed
        (prompt,) = music_prompts(seed, 1)
        return MusicRequest(prompt=prompt, seconds=MUSIC_S, seed=seed, start_s=0.0, stop_s=MUSIC_S)

    async def reference_text(self, offers: Iterable[ServiceOffer]) -> str | None:
        """What a reference is to say."""
        if all(offer.service != Service.CLONE for offer in offers):
            return None
        return " ".join([await self._prompts.next() for _ in range(REFERENCE_SENTENCES)])

    def enrolment(self, text: str) -> EnrolRequest:
        """A new reference, spoken here, and the leave to clone it. Takes seconds: call it in a thread.

        Raises UnavailableError if no engine here speaks English.
        """
        voices = [voice for voice in registry.all_voices() if voice.language == "en-us" and voice.engine == "kokoro"]
        if not voices:
            raise UnavailableError("No engine here can speak a reference", "Install kokoro's voices.")
        voice = self._rng.choice(voices)
        spoken = render(SpeechRequest(text=text, voice=voice.name, language=voice.language), self.seed)
        clip = Clip(pcm=spoken.to_pcm16(), rate_hz=spoken.rate_hz)
        now_ms = self._clock.now_ms()
        grant = Grant(
            subject=SUBJECT,
            references=(clip.sha256,),
            uses=(Use.ENROL, Use.SPEAK),
            grantee="",
            not_before_ms=now_ms - CONSENT_MS,
            until_ms=now_ms + CONSENT_MS,
        )
        return EnrolRequest(reference=clip, consent=sign_grant(self._identity, grant, self._clock), language="en-us")

    async def clone(self, enrolment: EnrolRequest, profile: VoiceProfile) -> CloneRequest:
        return CloneRequest(
            profile=profile, consent=enrolment.consent, text=await self._prompts.next(), language=enrolment.language
        )

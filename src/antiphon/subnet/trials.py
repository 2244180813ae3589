"""One trial of one miner: an order, an answer, a vote. What is missing is told apart from what is bad."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from antiphon.audio import Waveform
from antiphon.economy.types import Verdict, Vote
from antiphon.errors import AntiphonError, BusyError, InputError, ModelError, UnreachableError
from antiphon.judges.cloning.voice_profile import read_profile
from antiphon.nodes.evaluation import Evaluator, Submission
from antiphon.parties.messages import PartBrief
from antiphon.services import Request, Service
from antiphon.subnet.asking import Answer, Asker
from antiphon.subnet.chain import Neuron
from antiphon.subnet.messages import Card
from antiphon.subnet.orders import SyntheticOrders

DEADLINES_S: Mapping[str, float] = {Service.SPEECH: 50.0, Service.CLONE: 150.0, Service.MUSIC: 140.0}
"""BittAudio's."""


A = TypeVar("A")
R = TypeVar("R")


class Ending(StrEnum):
    """How a trial ended."""

    JUDGED = "judged"
    MISSED = "missed"  # late, refused, broken off, or not to be opened
    UNREACHABLE = "unreachable"  # nothing answered: the miner's fault, unless nobody answers
    NOT_OFFERED = "not offered"
    UNTESTED = "untested"  # our own trouble


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one trial. `vote` where it was judged."""

    neuron: Neuron
    service: str
    ending: Ending
    words: str = ""
    vote: Vote | None = None
    took_s: float = 0.0
    audio: Waveform | None = None


class Trials:
    """Makes trials. Judging waits for a thread of `judging`, so that no more is held in memory than is being asked."""

    def __init__(
        self,
        asker: Asker,
        orders: SyntheticOrders,
        evaluator: Evaluator,
        judging: Executor,
        *,
        deadlines_s: Mapping[str, float] = DEADLINES_S,
    ) -> None:
        self._asker, self._orders, self._evaluator, self._judging = asker, orders, evaluator, judging
        self._deadlines_s = deadlines_s

    async def run(self, neuron: Neuron, service: str) -> Outcome:
        """Never raises for what a miner does."""
        try:
            card = await self._asker.card(neuron)
            return await self._tried(neuron, service, card)
        except UnreachableError as error:
            return Outcome(neuron, service, Ending.UNREACHABLE, str(error))
        except ModelError as error:
            return Outcome(neuron, service, Ending.UNTESTED, str(error))
        except BusyError as error:
            return Outcome(neuron, service, Ending.MISSED, f"busy: {error.what}")
        except AntiphonError as error:
            return Outcome(neuron, service, Ending.MISSED, str(error))

    async def _tried(self, neuron: Neuron, service: str, card: Card) -> Outcome:
        request: Request | None
        match service:
            case Service.SPEECH:
                request = await self._orders.speech(card.offers)
            case Service.MUSIC:
                request = self._orders.music(card.offers)
            case Service.CLONE:
                return await self._clone(neuron, card)
            case _:
                raise InputError(f"Nobody tests {service}", f"Choose from: {', '.join(Service)}.")
        if request is None:
            return Outcome(neuron, service, Ending.NOT_OFFERED)
        return (await self._judged(neuron, service, card, request))[0]

    async def _clone(self, neuron: Neuron, card: Card) -> Outcome:
        """Two orders: a voice profile, and, if that is good, a sentence spoken with it."""
        service = str(Service.CLONE)
        text = await self._orders.reference_text(card.offers)
        if text is None:
            return Outcome(neuron, service, Ending.NOT_OFFERED)
        try:
            enrolment = await self._in_thread(self._orders.enrolment, text)
        except AntiphonError as error:
            return Outcome(neuron, service, Ending.UNTESTED, str(error))
        outcome, answer = await self._judged(neuron, service, card, enrolment)
        if outcome.vote is None or outcome.vote.verdict is not Verdict.VALID:
            return outcome
        request = await self._orders.clone(enrolment, read_profile(answer.result))
        return (await self._judged(neuron, service, card, request))[0]

    async def _judged(self, neuron: Neuron, service: str, card: Card, request: Request) -> tuple[Outcome, Answer]:
        seed = self._orders.seed
        brief = PartBrief(request=request, seed=seed)
        answer = await self._asker.ask(neuron, card, brief, deadline_s=self._deadlines_s[service])
        submission = Submission(
            request=request,
            result=answer.result,
            form=answer.form,
            declared_size=len(answer.result),
            places=secrets.token_bytes(32),
            seed=seed,
        )
        vote = await self._in_thread(self._evaluator.vote, submission)
        words = ", ".join(f"{one.name} {one.value:.3g}" for one in vote.measurements if one.value is not None)
        audio = submission.audio
        return Outcome(neuron, service, Ending.JUDGED, words, vote, answer.took_s, audio), answer

    async def _in_thread(self, work: Callable[[A], R], given: A) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._judging, work, given)

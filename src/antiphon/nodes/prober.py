"""Synthetic tasks on a schedule: a validator orders prompts of its own, so that every processor is scored."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass

from antiphon.economy.types import Role
from antiphon.errors import AntiphonError
from antiphon.ledger.base import NodeRecord
from antiphon.ledger.operations import Selector, ServiceOffer
from antiphon.nodes.client import VERIFIED, Client, Job
from antiphon.nodes.events import Closed
from antiphon.nodes.prompts import PromptSource
from antiphon.services import Service, SpeechRequest

log = logging.getLogger("antiphon.nodes")


@dataclass(frozen=True, slots=True)
class Probe:
    """One synthetic task that was settled."""

    node: str
    voice: str
    state: str


class Prober:
    """Asks the processors in turn, the longest unasked first; prompts are English, so other voices are left out."""

    def __init__(self, client: Client, prompts: PromptSource, *, every_s: float, chance: random.Random) -> None:
        self._client = client
        self._prompts = prompts
        self._every_s = every_s
        self._chance = chance
        self._asked: dict[tuple[str, str], int] = {}
        self._count = 0

    async def run(self) -> None:
        """Probe for ever. A failed probe is logged; the next one comes on time."""
        while True:
            await asyncio.sleep(self._every_s * self._chance.uniform(0.5, 1.5))
            try:
                await self.probe()
            except AntiphonError as error:
                log.info("probe: %s", error)

    async def probe(self) -> Probe | None:
        """One synthetic task for the node and engine that waited longest. None when there is nobody to ask."""
        choice = self._choose(await self._client.context.ledger.nodes(Role.PROCESSOR))
        if choice is None:
            return None
        node, offer = choice
        self._count += 1
        self._asked[node.node, offer.engine] = self._count
        voice = self._chance.choice(offer.voices)
        request = SpeechRequest(text=await self._prompts.next(), voice=voice, language=_english(offer) or "en-us")
        selector = Selector(service=offer.service, engine=offer.engine, voice=voice, node=node.node)
        state = "open"
        async for event in self._client.run(Job(requests=[request], selector=selector, mode=VERIFIED, synthetic=True)):
            if isinstance(event, Closed):
                state = str(event.task.state)
        return Probe(node.node, voice, state)

    def _choose(self, nodes: tuple[NodeRecord, ...]) -> tuple[NodeRecord, ServiceOffer] | None:
        able = [
            (node, offer)
            for node in nodes
            if node.live and node.node != self._client.node_id
            for offer in node.offers
            if offer.service == Service.SPEECH and offer.voices and _english(offer)
        ]
        if not able:
            return None
        self._chance.shuffle(able)
        return min(able, key=lambda pair: self._asked.get((pair[0].node, pair[1].engine), 0))


def _english(offer: ServiceOffer) -> str:
    return next((language for language in offer.languages if language.startswith("en")), "")

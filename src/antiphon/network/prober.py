"""Synthetic tasks on a schedule: a validator orders prompts of its own, so that every processor is scored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from antiphon.client.client import Client, Job
from antiphon.client.events import Closed
from antiphon.economy.types import NANO, Mode, Role, Vote
from antiphon.engines import registry
from antiphon.errors import AntiphonError, InputError
from antiphon.ledger.listing import every_node
from antiphon.ledger.operations import VOUCHER_KIND, Pay, Selector, ServiceOffer, Voucher
from antiphon.ledger.records import NodeRecord
from antiphon.music.prompts import prompts as music_prompts
from antiphon.network.prompts import PromptSource
from antiphon.nodes.memory import ScoreMemory
from antiphon.parties.actor import Context
from antiphon.protocol import Identity
from antiphon.services import MusicRequest, Request, Service, SpeechRequest

log = logging.getLogger("antiphon.nodes")

MAX_PRICE_NANO = 2_000_000
"""Dearest price per character that a probe pays: a node names its own price and must not drain whoever tests it."""
MUSIC_S = 12.0
"""Long enough for everything that judges of music ask for."""
MAX_PURSE_NANO = NANO // 2
"""Most that a probe's client has: accounts are public, and who has just the price of one sentence is a probe."""
RETURN_S = 3.0
"""Longest try to take back what a probe left."""
REMEMBERED = 10_000
"""Most (node, engine) pairs whose last probe is remembered."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One synthetic task that was settled."""

    node: str
    what: str  # the voice, or the description of the music
    state: str


class Prober:
    """Asks the processors in turn, the longest unasked first; prompts are English, so other voices are left out."""

    def __init__(
        self,
        client: Client,
        prompts: PromptSource,
        *,
        every_s: float,
        rng: random.Random,
        max_price_nano: int = MAX_PRICE_NANO,
        memory: ScoreMemory | None = None,
    ) -> None:
        """`memory`: the validator's own, which also names in its weights whom it has judged by prompts alone."""
        self._client, self._memory = client, memory
        self._prompts = prompts
        self._every_s = every_s
        self._rng = rng
        self._max_price_nano = max_price_nano
        self._asked: dict[tuple[str, str], int] = {}
        self._count = 0

    async def run(self) -> None:
        """Probe for ever. A failed probe is logged; the next one comes on time."""
        while True:
            await asyncio.sleep(self._every_s * self._rng.uniform(0.5, 1.5))
            try:
                probe = await self.probe()
            except AntiphonError as error:
                log.info("probe: %s", error)
            else:
                if probe is not None:
                    log.info("probe: %s with %s: %s", probe.node[:8], probe.what, probe.state)

    async def probe(self) -> Probe | None:
        """One synthetic task for the node and engine that waited longest. None when there is nobody to ask."""
        choice = self._choose(await every_node(self._client.context.ledger, Role.PROCESSOR))
        if choice is None:
            return None
        node, offer = choice
        self._count += 1
        self._asked[node.node, offer.engine] = self._count
        while len(self._asked) > REMEMBERED:
            del self._asked[min(self._asked, key=lambda pair: self._asked[pair])]
        request = await self._request(offer)
        what = request.voice if isinstance(request, SpeechRequest) else request.prompt
        voice = request.voice if isinstance(request, SpeechRequest) else ""
        selector = Selector(service=offer.service, engine=offer.engine, voice=voice, node=node.node)
        state = "open"
        async with self._stranger(selector, request) as (stranger, voucher):
            job = Job(requests=[request], selector=selector, mode=Mode.VERIFIED, synthetic=True, voucher=voucher)
            async with aclosing(stranger.run(job)) as events:
                async for event in events:
                    if isinstance(event, Closed):
                        state = str(event.task.state)
                        self._remember(event)
        return Probe(node.node, what, state)

    def _remember(self, closed: Closed) -> None:
        """What the panel found: a small validator seldom sits, and what it has judged by prompts counts only if its
        weights name it."""
        if self._memory is None:
            return
        me, task, now_ms = self._client.node_id, closed.task, self._client.context.clock.now_ms()
        for part in closed.parts:
            for ruling in part.rulings:
                found = ruling.outcome
                if found.verdict is not None and me not in ruling.votes:  # its own vote it remembers as a seat
                    vote = Vote(verdict=found.verdict, score_ppm=found.score_ppm)
                    self._memory.remember(ruling.producer.node, task.selector.service, vote, task.rules, at_ms=now_ms)

    @asynccontextmanager
    async def _stranger(self, selector: Selector, request: Request) -> AsyncIterator[tuple[Client, bytes]]:
        """A client that nobody has seen before: known validators would be served well. It has some of our money, not
        just one probe's price, which would tell what it is. The rest comes back; a crash in between loses it."""
        me, context = self._client, self._client.context
        stranger = Client(Context(Identity.generate(), context.ledger, context.transport, context.clock))
        quote = await me.quote(selector, [request])
        own_nano = (await context.ledger.account(me.node_id)).balance_nano
        purse_nano = min(MAX_PURSE_NANO, own_nano * self._rng.randrange(30, 80) // 100)
        await me.submit(Pay(account=stranger.node_id, amount_nano=max(quote.total_nano, purse_nano)))
        ledger = await context.ledger.identity()
        try:
            yield stranger, me.sign(VOUCHER_KIND, ledger, "", Voucher(client=stranger.node_id))
        finally:
            with contextlib.suppress(AntiphonError, TimeoutError):
                async with asyncio.timeout(RETURN_S):
                    left = (await context.ledger.account(stranger.node_id)).balance_nano
                    if left:
                        await stranger.submit(Pay(account=me.node_id, amount_nano=left))

    async def _request(self, offer: ServiceOffer) -> SpeechRequest | MusicRequest:
        if offer.service == Service.MUSIC:
            seed = self._rng.getrandbits(32)
            (prompt,) = music_prompts(seed, 1)
            return MusicRequest(prompt=prompt, seconds=MUSIC_S, seed=seed, start_s=0.0, stop_s=MUSIC_S)
        voice, language = self._rng.choice(english_voices(offer))
        return SpeechRequest(text=await self._prompts.next(), voice=voice, language=language)

    def _choose(self, nodes: tuple[NodeRecord, ...]) -> tuple[NodeRecord, ServiceOffer] | None:
        able = [
            (node, offer)
            for node in nodes
            if node.live and node.node != self._client.node_id
            for offer in node.offers
            if offer.price_nano <= self._max_price_nano and _can_be_asked(offer)
        ]
        if not able:
            return None
        self._rng.shuffle(able)
        return min(able, key=lambda pair: self._asked.get((pair[0].node, pair[1].engine), 0))


def _can_be_asked(offer: ServiceOffer) -> bool:
    """Clones are not probed: a validator has nobody's consent to clone."""
    return offer.service == Service.MUSIC or (offer.service == Service.SPEECH and bool(english_voices(offer)))


def english_voices(offer: ServiceOffer) -> list[tuple[str, str]]:
    """(voice, language) of the offer's voices that speak English. An offer does not say which voice speaks what: our
    own registry does; of voices unknown here only those of an offer that is all English count."""
    english = [language for language in offer.languages if _is_english(language)]
    if not english:
        return []
    found = []
    for voice in offer.voices:
        try:
            language = registry.find_voice(voice).language
        except InputError:
            language = english[0] if len(english) == len(offer.languages) else ""
        if _is_english(language):
            found.append((voice, language))
    return found


def _is_english(language: str) -> bool:
    return language.casefold().partition("-")[0] == "en"

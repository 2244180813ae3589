"""A validator asks a miner over HTTP: signed, sealed, and nobody else's answer opens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import msgspec
import pytest
from miners import EchoRunner, graph, mining, neuron, said

from antiphon.clock import SystemClock
from antiphon.errors import (
    AntiphonError,
    BusyError,
    ConflictError,
    ProtocolError,
    UnavailableError,
    UnreachableError,
)
from antiphon.parties.messages import PartBrief
from antiphon.protocol import canonical
from antiphon.services import MusicRequest, SpeechRequest
from antiphon.subnet.asking import Asker
from antiphon.subnet.hotkeys import Hotkey, sign_request
from antiphon.subnet.messages import AskWork
from antiphon.transport import HttpTransport

ALICE, BOB, EVE = (Hotkey.of(f"//{name}") for name in ("Alice", "Bob", "Eve"))
VALIDATORS = graph(neuron(0, ALICE.ss58, stake_rao=10**12), neuron(1, EVE.ss58))
BRIEF = PartBrief(request=SpeechRequest(text="A quiet Sunday.", voice="af_heart"), seed=7)


@pytest.fixture
async def http() -> AsyncIterator[HttpTransport]:
    async with HttpTransport(allow_private=True) as transport:
        yield transport


class Tapped:
    """Hears all that passes, and may change it."""

    def __init__(self, inner: HttpTransport) -> None:
        self.inner = inner
        self.sent: list[tuple[bytes, Mapping[str, str]]] = []
        self.heard: list[list[bytes]] = []
        self.instead: list[bytes] | None = None

    async def request(
        self, endpoint: str, message: bytes, *, deadline_s: float, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[bytes, None]:
        self.sent.append((message, headers or {}))
        self.heard.append([])
        if self.instead is not None and len(message) > 100:
            for frame in self.instead:
                yield frame
            return
        async for frame in self.inner.request(endpoint, message, deadline_s=deadline_s, headers=headers):
            self.heard[-1].append(frame)
            yield frame


async def test_an_order_comes_back_whole_and_nothing_of_it_is_readable_on_the_way(http: HttpTransport) -> None:
    async with mining(BOB, EchoRunner(), VALIDATORS) as endpoint:
        tapped, miner = Tapped(http), neuron(2, BOB.ss58, endpoint)
        asker = Asker(ALICE, tapped, SystemClock(), netuid=1)
        card = await asker.card(miner)
        assert card.offers == EchoRunner.offers
        assert await asker.card(miner) is card
        answer = await asker.ask(miner, card, BRIEF, deadline_s=10)
        assert answer.result == said("A quiet Sunday.") + bytes(200) + (7).to_bytes(8, "big")
        assert (answer.form.rate_hz, answer.form.channels) == (24_000, 1)
        wire = b"".join(message for message, _ in tapped.sent) + b"".join(b"".join(one) for one in tapped.heard)
        assert b"Sunday" not in wire
        assert b"af_heart" in wire  # of the card


async def test_another_orders_answer_does_not_open_and_neither_does_another_miners(http: HttpTransport) -> None:
    async with mining(BOB, EchoRunner(), VALIDATORS) as endpoint:
        tapped, miner = Tapped(http), neuron(2, BOB.ss58, endpoint)
        asker = Asker(ALICE, tapped, SystemClock(), netuid=1)
        card = await asker.card(miner)
        await asker.ask(miner, card, BRIEF, deadline_s=10)
        earlier = tapped.heard[-1]
        for instead, words in (
            (earlier, "does not open"),
            (earlier[:1], "cut off"),
            (earlier[1:], "out of turn"),
            ([], "cut off"),
        ):
            tapped.instead = instead
            with pytest.raises(ProtocolError, match=words):
                await asker.ask(miner, card, BRIEF, deadline_s=10)
        tapped.instead = tapped.heard[0]  # the card
        with pytest.raises(ProtocolError, match="out of turn"):
            await asker.ask(miner, card, BRIEF, deadline_s=10)
        async with mining(EVE, EchoRunner(), VALIDATORS) as elsewhere:
            tapped.instead, other = None, neuron(3, EVE.ss58, elsewhere)
            await asker.ask(other, await asker.card(other), BRIEF, deadline_s=10)
            tapped.instead = tapped.heard[-1]  # the same words, said by Eve: Bob hands them on
            with pytest.raises(ProtocolError, match="does not open"):
                await asker.ask(miner, card, BRIEF, deadline_s=10)


async def test_orders_share_a_session_and_nothing_else(http: HttpTransport) -> None:
    """What was heard of one order opens nothing of another."""
    async with mining(BOB, EchoRunner(), VALIDATORS) as endpoint:
        tapped, miner = Tapped(http), neuron(2, BOB.ss58, endpoint)
        asker = Asker(ALICE, tapped, SystemClock(), netuid=1)
        card = await asker.card(miner)
        answers = [await asker.ask(miner, card, BRIEF, deadline_s=10) for _ in range(2)]
        assert answers[0].result == answers[1].result
        first, second = (canonical.decode(AskWork, message) for message, _ in tapped.sent[1:])
        assert first.wrapped_key == second.wrapped_key
        assert first.order != second.order
        assert first.sealed_brief[:32] != second.sealed_brief[:32]  # the salts
        assert not set(tapped.heard[1][1:]) & set(tapped.heard[2][1:])
        mixed = canonical.encode(msgspec.structs.replace(first, order=second.order))
        for key, message, words in ((ALICE, mixed, "does not open"), (EVE, tapped.sent[1][0], "no validator permit")):
            headers = sign_request(key, path="/v1/message", body=message, receiver=BOB.ss58)
            with pytest.raises(AntiphonError, match=words):
                async for _ in http.request(f"http://{endpoint}", message, deadline_s=5, headers=headers):
                    pass


async def test_a_card_is_the_hotkeys_own(http: HttpTransport) -> None:
    async with mining(BOB, EchoRunner(), VALIDATORS) as endpoint:
        asker = Asker(ALICE, http, SystemClock(), netuid=1)
        with pytest.raises(ProtocolError, match="Wrong receiver"):  # the endpoint is Bob's, and Eve says it is hers
            await asker.card(neuron(2, EVE.ss58, endpoint))
        stolen = Tapped(http)
        await Asker(ALICE, stolen, SystemClock(), netuid=1).card(neuron(2, BOB.ss58, endpoint))

        class Showing:
            async def request(self, *_: object, **__: object) -> AsyncGenerator[bytes, None]:
                yield stolen.heard[0][0]

        with pytest.raises(ProtocolError, match="Bad signature"):
            await Asker(ALICE, Showing(), SystemClock(), netuid=1).card(neuron(2, EVE.ss58, endpoint))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (Hotkey.of("//Nobody"), "is not registered on subnet 1"),
        (EVE, "has no validator permit"),
    ],
)
async def test_who_may_not_ask_is_told_why(http: HttpTransport, who: Hotkey, words: str) -> None:
    runner = EchoRunner()
    async with mining(BOB, runner, VALIDATORS) as endpoint:
        with pytest.raises(ConflictError, match=words):
            await Asker(who, http, SystemClock(), netuid=1).card(neuron(2, BOB.ss58, endpoint))
    assert runner.asked == []


async def test_too_little_stake_and_another_subnet_are_refused(http: HttpTransport) -> None:
    async with mining(BOB, EchoRunner(), VALIDATORS, min_stake_rao=2 * 10**12) as endpoint:
        with pytest.raises(ConflictError, match="stake of 1000, and this miner asks for 2000"):
            await Asker(ALICE, http, SystemClock(), netuid=1).card(neuron(2, BOB.ss58, endpoint))
    async with mining(BOB, EchoRunner(), VALIDATORS) as endpoint:
        with pytest.raises(ProtocolError, match="serves subnet 1, not 2"):
            await Asker(ALICE, http, SystemClock(), netuid=2).card(neuron(2, BOB.ss58, endpoint))


async def test_a_request_without_or_with_stale_headers_is_refused(http: HttpTransport) -> None:
    async with mining(BOB, EchoRunner(), VALIDATORS) as endpoint:
        tapped = Tapped(http)
        await Asker(ALICE, tapped, SystemClock(), netuid=1).card(neuron(2, BOB.ss58, endpoint))
        message, headers = tapped.sent[0]
        for given, words in (({}, "not signed in btauth/1"), (headers, "replayed")):
            with pytest.raises(ProtocolError, match=words):
                async for _ in http.request(f"http://{endpoint}", message, deadline_s=5, headers=given):
                    pass
        with pytest.raises(AntiphonError, match="no header to send"):
            async for _ in http.request(f"http://{endpoint}", message, deadline_s=5, headers={"X-A": "b\r\nHost: c"}):
                pass


async def test_late_broken_absent_and_unoffered_are_told_apart(http: HttpTransport) -> None:
    asker = Asker(ALICE, http, SystemClock(), netuid=1)
    async with mining(BOB, EchoRunner(wait_s=0.5), VALIDATORS) as endpoint:
        late = neuron(2, BOB.ss58, endpoint)
        with pytest.raises(UnavailableError, match=r"not done within 0\.1 s"):
            await asker.ask(late, await asker.card(late), BRIEF, deadline_s=0.1)
        music = PartBrief(request=MusicRequest(prompt="waltz", seconds=4, seed=1, start_s=0, stop_s=4), seed=1)
        with pytest.raises(AntiphonError, match="offers no music"):
            await asker.ask(late, await asker.card(late), music, deadline_s=5)
    async with mining(EVE, EchoRunner(broken=True), VALIDATORS) as endpoint:
        broken = neuron(2, EVE.ss58, endpoint)
        with pytest.raises(UnavailableError, match="The engine failed"):
            await asker.ask(broken, await asker.card(broken), BRIEF, deadline_s=5)
    with pytest.raises(UnreachableError):
        await asker.card(neuron(2, BOB.ss58, endpoint))
    with pytest.raises(UnavailableError, match="serves nothing"):
        await asker.card(neuron(2, BOB.ss58))


async def test_a_full_miner_says_busy_and_one_validator_has_half_of_it(http: HttpTransport) -> None:
    import asyncio

    two = graph(neuron(0, ALICE.ss58, stake_rao=10), neuron(1, EVE.ss58, stake_rao=10))
    async with mining(BOB, EchoRunner(wait_s=0.4), two, slots=1, queue=3) as endpoint:
        miner = neuron(2, BOB.ss58, endpoint)
        askers = [Asker(key, http, SystemClock(), netuid=1) for key in (ALICE, EVE)]
        cards = [await asker.card(miner) for asker in askers]

        async def ask(who: int) -> object:
            return await askers[who].ask(miner, cards[who], BRIEF, deadline_s=20)

        ended = await asyncio.gather(*(ask(0) for _ in range(4)), ask(1), return_exceptions=True)
        assert sum(isinstance(one, BusyError) for one in ended[:4]) == 2
        assert not isinstance(ended[4], Exception)

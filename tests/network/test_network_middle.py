"""Mallory between a client and the ledger, as a real HTTP server: reads no text and forges no answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from network_of import World, collect, say, world

from antiphon.client.client import Client, Job
from antiphon.clock import SystemClock
from antiphon.economy.types import Role
from antiphon.errors import AntiphonError, ProtocolError
from antiphon.ledger import remote
from antiphon.ledger.operations import Register, Selector, ServiceOffer
from antiphon.ledger.queries import ReadAccount, ReadNode, ReadPart
from antiphon.ledger.records import Account, NodeRecord, PartRecord
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity, canonical, envelope
from antiphon.transport import HttpTransport, serve

SECRET = "The launch code is four seven one one."
SPEECH = Selector(service="speech", language="en-us")
MALLORY = Identity.generate()

Tamper = Callable[[object, bytes], bytes]
"""(the call, the true answer's value) -> the value that the client is given."""


def forged_registration(ledger: str, role: Role = Role.PROCESSOR) -> bytes:
    """Mallory's own registration, which no ledger has accepted."""
    offer = ServiceOffer(service="speech", price_nano=1)
    body = Register(role=role, offers=(offer,), seal_key=MALLORY.seal_public, endpoint="inproc:mallory")
    return envelope.sign(
        MALLORY, kind="ledger", receiver=ledger, task="", body=canonical.encode(body), clock=SystemClock()
    )


def swap_keys(call: object, value: bytes) -> bytes:
    """Every node gets Mallory's seal key and endpoint."""
    if not isinstance(call, ReadNode):
        return value
    record = canonical.parse(NodeRecord, value)
    return canonical.pack(msgspec.structs.replace(record, seal_key=MALLORY.seal_public, endpoint="inproc:mallory"))


def swap_registrations(call: object, value: bytes) -> bytes:
    """Every node gets Mallory's registration instead of its own."""
    if not isinstance(call, ReadNode):
        return value
    record = canonical.parse(NodeRecord, value)
    ledger = envelope.verify_at(record.registration).receiver
    forged = forged_registration(ledger, record.role)
    return canonical.pack(
        msgspec.structs.replace(record, registration=forged, seal_key=MALLORY.seal_public, endpoint="inproc:mallory")
    )


def assign_to_mallory(call: object, value: bytes) -> bytes:
    """Every part is Mallory's to produce."""
    if not isinstance(call, ReadPart):
        return value
    record = canonical.parse(PartRecord, value)
    first = msgspec.structs.replace(record.assignment.producers[0], node=MALLORY.node_id)
    return canonical.pack(
        msgspec.structs.replace(record, assignment=msgspec.structs.replace(record.assignment, producers=(first,)))
    )


def make_rich(call: object, value: bytes) -> bytes:
    if not isinstance(call, ReadAccount):
        return value
    return canonical.pack(msgspec.structs.replace(canonical.parse(Account, value), balance_nano=10**18))


class Middle:
    """Forwards to the true ledger and tampers with what it answers; `resign` signs anew with Mallory's key."""

    def __init__(self, service: LedgerService, tamper: Tamper, *, resign: bool, replay: bool) -> None:
        self.service, self.tamper, self.resign, self.replay = service, tamper, resign, replay
        self.kept: dict[bytes, bytes] = {}

    async def handle(self, message: bytes) -> AsyncIterator[bytes]:
        question = canonical.decode(remote._Question, message)
        raw = b"".join([piece async for piece in self.service.handle(message)])
        asked = canonical.pack(question.call)
        if self.replay:
            raw = self.kept.setdefault(asked, raw)
        answer = canonical.decode(remote._Answer, raw)
        if not answer.error:
            answer = msgspec.structs.replace(answer, value=self.tamper(question.call, answer.value))
            if self.resign and isinstance(question.call, remote._Identity):
                answer = msgspec.structs.replace(answer, value=canonical.pack(MALLORY.node_id))
        if self.resign:
            signature = MALLORY.sign(remote._signed_bytes(message, answer))
            answer = msgspec.structs.replace(answer, signature=signature)
        yield canonical.pack(answer)


@asynccontextmanager
async def middle(
    net: World, tamper: Tamper, *, resign: bool = False, replay: bool = False, pinned: bool = True
) -> AsyncIterator[tuple[Client, list[bytes]]]:
    """A client whose ledger is behind Mallory, and everything that Mallory's own node was sent."""
    received: list[bytes] = []

    async def listen(message: bytes) -> AsyncIterator[bytes]:
        received.append(message)
        yield b""

    net.transport.register("mallory", listen)
    service = LedgerService(net.ledger, net.bank.context.identity)
    server = await serve(Middle(service, tamper, resign=resign, replay=replay).handle)
    async with HttpTransport(allow_private=True) as http:
        ledger = RemoteLedger(
            lambda url, message, s: http.request(url, message, deadline_s=s),
            server.endpoint,
            ledger=net.bank.node_id if pinned else "",
        )
        identity = net.client.context.identity
        yield Client(Context(identity, ledger, net.transport, SystemClock())), received
    await server.stop()


@pytest.mark.parametrize("tamper", [swap_keys, swap_registrations, assign_to_mallory])
async def test_nobody_between_client_and_ledger_can_read_text(tmp_path: Path, tamper: Tamper) -> None:
    async with world(tmp_path) as net, middle(net, tamper) as (client, received):
        with pytest.raises(AntiphonError):
            await collect(client, Job(say(SECRET), SPEECH))
        assert received == []


@pytest.mark.parametrize("tamper", [swap_keys, swap_registrations, assign_to_mallory])
async def test_signing_the_answers_anew_is_noticed_at_once(tmp_path: Path, tamper: Tamper) -> None:
    async with world(tmp_path) as net, middle(net, tamper, resign=True) as (client, received):
        with pytest.raises(ProtocolError, match=r"Another ledger answers|not signed by the ledger"):
            await client.context.ledger.identity()
        with pytest.raises(ProtocolError):
            await collect(client, Job(say(SECRET), SPEECH))
        assert received == []


async def test_an_answer_of_yesterday_is_no_answer(tmp_path: Path) -> None:
    async with world(tmp_path) as net, middle(net, lambda _, value: value, replay=True) as (client, _):
        ledger = client.context.ledger
        await ledger.account(client.node_id)
        with pytest.raises(ProtocolError, match="not signed by the ledger"):
            await ledger.account(client.node_id)


async def test_what_is_read_of_money_is_the_ledgers_word(tmp_path: Path) -> None:
    async with world(tmp_path) as net, middle(net, make_rich) as (client, _):
        with pytest.raises(ProtocolError, match="not signed by the ledger"):
            await client.context.ledger.account(client.node_id)


async def test_whoever_passes_everything_on_is_no_hindrance(tmp_path: Path) -> None:
    async with world(tmp_path) as net, middle(net, lambda _, value: value) as (client, received):
        _, (closed,) = await collect(client, Job(say(SECRET), SPEECH))
        assert closed.receipt.ledger == net.bank.node_id
        assert received == []


async def test_even_the_ledger_cannot_name_another_nodes_key(tmp_path: Path) -> None:
    """The ledger itself lies, with its true signature: the node's own signature decides."""

    class Lying(LedgerService):
        async def handle(self, message: bytes) -> AsyncIterator[bytes]:
            call = canonical.decode(remote._Question, message).call
            raw = b"".join([piece async for piece in super().handle(message)])
            answer = canonical.decode(remote._Answer, raw)
            answer = msgspec.structs.replace(answer, value=swap_registrations(call, answer.value), signature=b"")
            signature = self._identity.sign(remote._signed_bytes(message, answer))
            yield canonical.pack(msgspec.structs.replace(answer, signature=signature))

    async with world(tmp_path) as net:
        service = Lying(net.ledger, net.bank.context.identity)
        ledger = RemoteLedger(lambda _, message, s: service.handle(message), "x", ledger=net.bank.node_id)
        node = net.nodes["processor-0"]
        assert isinstance(node, Actor)
        with pytest.raises(ProtocolError, match="where it was asked for"):
            await ledger.node(node.node_id, Role.PROCESSOR)

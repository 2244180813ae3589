"""A node's registration is believed only if the node itself signed it, for this ledger, not long ago."""

from __future__ import annotations

import msgspec
import pytest
from ledger_market import CLIENT, OPERATOR, party

from antiphon.clock import ManualClock
from antiphon.economy.types import Role
from antiphon.errors import ProtocolError
from antiphon.ledger import registration
from antiphon.ledger.operations import Operation, Register, ServiceOffer, Stake
from antiphon.ledger.records import NodeRecord
from antiphon.protocol import canonical, envelope
from antiphon.protocol.identity import Identity

NODE = party("node")
CLOCK = ManualClock()
OFFER = ServiceOffer(service="speech", price_nano=7)
REGISTER = Register(role=Role.PROCESSOR, offers=(OFFER,), seal_key=NODE.seal_public, endpoint="http://a.example:1")


def signed(
    operation: Operation = REGISTER, *, by: Identity = NODE, to: str = OPERATOR.node_id, kind: str = "ledger"
) -> bytes:
    return envelope.sign(by, kind=kind, receiver=to, task="", body=canonical.encode(operation), clock=CLOCK)


def record(raw: bytes) -> NodeRecord:
    return NodeRecord(
        node=NODE.node_id,
        role=Role.PROCESSOR,
        registration=raw,
        offers=(),
        seal_key=CLIENT.seal_public,
        endpoint="http://mallory.example:1",
        stake_nano=0,
        locked_nano=0,
        quality_ppm={},
        settled={},
        live=True,
    )


def check(raw: bytes, later_ms: int = 0) -> NodeRecord:
    return registration.check(record(raw), ledger=OPERATOR.node_id, now_ms=CLOCK.now_ms() + later_ms)


def test_what_the_node_signed_replaces_what_the_ledger_says() -> None:
    told = check(signed())
    assert (told.offers, told.seal_key, told.endpoint) == ((OFFER,), NODE.seal_public, "http://a.example:1")


@pytest.mark.parametrize(
    "raw",
    [
        signed(by=CLIENT),
        signed(to=CLIENT.node_id),
        signed(kind="work"),
        signed(Stake(amount_nano=1)),
        signed(msgspec.structs.replace(REGISTER, role=Role.VALIDATOR)),
        signed(msgspec.structs.replace(REGISTER, seal_key=b"short")),
        signed()[:-1] + b"x",
        b"",
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        check(raw)


def test_an_old_registration_is_refused_and_so_is_one_from_the_future() -> None:
    check(signed(), registration.MAX_AGE_MS)
    with pytest.raises(ProtocolError, match="days ago"):
        check(signed(), registration.MAX_AGE_MS + 1)
    with pytest.raises(ProtocolError):
        check(signed(), -60_000)

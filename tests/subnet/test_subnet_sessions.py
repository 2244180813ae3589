"""One wrapped key for the orders of some minutes, and no order of anybody else's."""

from __future__ import annotations

import time

import pytest

from antiphon.errors import ProtocolError
from antiphon.protocol import Identity
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.messages import Card
from antiphon.subnet.sessions import KEPT_S, Session, Sessions

ALICE, BOB, EVE = (Hotkey.of(f"//{name}").ss58 for name in ("Alice", "Bob", "Eve"))


def card(identity: Identity, hotkey: str = BOB, netuid: int = 1) -> Card:
    return Card(netuid=netuid, hotkey=hotkey, seal_public=identity.seal_public, offers=(), time_ms=0)


def test_a_session_opens_for_its_miner_and_validator_on_its_subnet_only() -> None:
    bob, eve = Identity.generate(), Identity.generate()
    session = Session.new(card(bob), ALICE)
    assert Sessions(bob, 1, BOB).open(ALICE, session.wrapped) == session.key
    for sessions, validator in (
        (Sessions(bob, 1, BOB), EVE),  # who saw it on its way and signs requests of her own
        (Sessions(eve, 1, BOB), ALICE),
        (Sessions(bob, 1, EVE), ALICE),
        (Sessions(bob, 2, BOB), ALICE),
    ):
        for _ in range(2):
            with pytest.raises(ProtocolError, match="does not open"):
                sessions.open(validator, session.wrapped)
        assert len(sessions) == 0
    with pytest.raises(ProtocolError, match="A wrapped key has 80 bytes"):
        Sessions(bob, 1, BOB).open(ALICE, session.wrapped[:-1])


def test_a_miner_keeps_the_newest_session_of_each_validator_and_opens_older_ones_anew() -> None:
    bob = Identity.generate()
    first, second, other = (Session.new(card(bob), who) for who in (ALICE, ALICE, EVE))
    assert len({one.key.reveal() for one in (first, second, other)}) == 3
    sessions = Sessions(bob, 1, BOB)
    opened = sessions.open(ALICE, first.wrapped)
    assert sessions.open(ALICE, first.wrapped) is opened
    sessions.open(EVE, other.wrapped)
    assert sessions.open(ALICE, second.wrapped) == second.key
    assert len(sessions) == 2
    again = sessions.open(ALICE, first.wrapped)  # it was replaced
    assert again == first.key
    assert again is not opened
    with pytest.raises(ProtocolError, match="does not open"):  # what is known of Alice's opens nothing for Eve
        sessions.open(EVE, first.wrapped)


def test_a_session_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    bob, now_s = Identity.generate(), time.monotonic()
    alices, eves = Session.new(card(bob), ALICE), Session.new(card(bob), EVE)
    sessions = Sessions(bob, 1, BOB)
    opened = sessions.open(ALICE, alices.wrapped)
    monkeypatch.setattr(time, "monotonic", lambda: now_s + KEPT_S - 1)
    assert sessions.open(ALICE, alices.wrapped) is opened
    monkeypatch.setattr(time, "monotonic", lambda: now_s + KEPT_S + 1)
    sessions.open(EVE, eves.wrapped)
    assert len(sessions) == 1  # Alice's is forgotten
    assert sessions.open(ALICE, alices.wrapped) is not opened

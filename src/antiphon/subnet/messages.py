"""What a validator asks of a miner, and what a miner answers. Requests are signed in btauth/1, their content is sealed.

ask       answer
card      one frame: `SignedCard`, by the miner's hotkey: what it offers, and the key that opens what is sealed for it
work      frames: ACCEPTED (form), CHUNK* (sealed)

A key is made for each session and wrapped for the miner (`sessions`). What is sealed with it names subnet, order, miner
and validator: an answer to another order, or another miner's, does not open.
"""

from __future__ import annotations

import re
import secrets
from typing import TypeAlias

import msgspec

from antiphon.errors import ProtocolError
from antiphon.ledger.operations import ServiceOffer
from antiphon.protocol import canonical
from antiphon.subnet.hotkeys import Hotkey, verify

CARD_DOMAIN = b"antiphon/1 subnet card\0"
MAX_CARD_BYTES = 256 * 1024
MAX_CARD_AGE_MS = 10 * 60_000
MAX_AHEAD_MS = 10_000

_ORDER = re.compile(r"[0-9a-f]{32}")


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    netuid: int


class AskCard(_Body, frozen=True, tag="card"):
    pass


class AskWork(_Body, frozen=True, tag="work"):
    """`sealed_brief` is canonical(`parties.messages.PartBrief`): the request and its seed."""

    order: str  # 32 random hex digits
    wrapped_key: bytes  # the session's
    sealed_brief: bytes


Ask: TypeAlias = AskCard | AskWork


class Card(_Body, frozen=True):
    """What a miner offers. Prices of offers mean nothing here."""

    hotkey: str
    seal_public: bytes  # 32 bytes
    offers: tuple[ServiceOffer, ...]
    time_ms: int


class SignedCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    card: bytes  # canonical(Card)
    scheme: str
    signature: bytes


def sign_card(card: Card, key: Hotkey) -> bytes:
    raw = canonical.encode(card)
    return canonical.encode(SignedCard(card=raw, scheme=key.scheme, signature=key.sign(CARD_DOMAIN + raw)))


def open_card(raw: bytes, *, netuid: int, hotkey: str, now_ms: int) -> Card:
    """Raises ProtocolError unless `hotkey` signed it, for this subnet, within ten minutes."""
    signed = canonical.decode(SignedCard, raw, limit=MAX_CARD_BYTES)
    verify(hotkey, signed.signature, CARD_DOMAIN + signed.card, signed.scheme)
    card = canonical.decode(Card, signed.card)
    if (card.netuid, card.hotkey) != (netuid, hotkey):
        raise ProtocolError("The card is of another hotkey or subnet", "The miner is faulty.")
    if not now_ms - MAX_CARD_AGE_MS <= card.time_ms <= now_ms + MAX_AHEAD_MS:
        raise ProtocolError("The card is stale", "Check both clocks.")
    return card


class Names(msgspec.Struct, frozen=True):
    """Whose order something belongs to: the context of everything that is sealed for it."""

    netuid: int
    order: str
    miner: str
    validator: str

    @classmethod
    def new(cls, netuid: int, miner: str, validator: str) -> Names:
        return cls(netuid, secrets.token_hex(16), miner, validator)

    def context(self, what: str) -> bytes:
        """`what` is brief or answer."""
        if not _ORDER.fullmatch(self.order):
            raise ProtocolError("An order has 32 hex digits", "Make a new one.")
        return f"antiphon/1 subnet {what} {self.netuid} {self.order} {self.miner} {self.validator}".encode()


def session_context(netuid: int, miner: str, validator: str) -> bytes:
    """What a session's wrapped key is bound to."""
    return f"antiphon/1 subnet session {netuid} {miner} {validator}".encode()

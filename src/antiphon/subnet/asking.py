"""A validator asks a miner: a signed request, a sealed order, and an answer that only this order's key opens."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from antiphon.clock import Clock
from antiphon.errors import InputError, ProtocolError, UnavailableError
from antiphon.parties.messages import (
    FRAME_ACCEPTED,
    FRAME_CHUNK,
    MAX_RESULT_BYTES,
    Form,
    PartBrief,
    form_of,
)
from antiphon.protocol import StreamOpener, canonical
from antiphon.protocol.sealing import seal
from antiphon.subnet.chain import Neuron
from antiphon.subnet.hotkeys import Hotkey, sign_request
from antiphon.subnet.messages import AskCard, AskWork, Card, Names, open_card
from antiphon.subnet.sessions import Session
from antiphon.transport.connection import MESSAGE_PATH

CARD_DEADLINE_S = 12.0
CARDS_KEPT_S = 300.0


class SigningTransport(Protocol):
    """`transport.HttpTransport`, as far as it is needed here."""

    def request(
        self, endpoint: str, message: bytes, *, deadline_s: float, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[bytes, None]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a miner delivered, opened, and how long it took from the first byte sent."""

    form: Form
    result: bytes
    took_s: float


@dataclass(frozen=True, slots=True)
class _Known:
    """A miner whose card is fresh."""

    endpoint: str
    until_s: float
    card: Card
    session: Session


class Asker:
    """Asks for one validator. A card and its session are kept for five minutes, by hotkey and endpoint."""

    def __init__(self, key: Hotkey, transport: SigningTransport, clock: Clock, *, netuid: int) -> None:
        self._key, self._transport, self._clock, self._netuid = key, transport, clock, netuid
        self._known: dict[str, _Known] = {}

    def forget_all_but(self, hotkeys: Mapping[str, object]) -> None:
        """Keep cards of the registered only."""
        self._known = {hotkey: known for hotkey, known in self._known.items() if hotkey in hotkeys}

    async def card(self, neuron: Neuron) -> Card:
        """What a miner offers. Raises ProtocolError for a card that is not its own, UnavailableError for none."""
        known = self._known.get(neuron.hotkey)
        if known is not None and known.endpoint == neuron.endpoint and time.monotonic() < known.until_s:
            return known.card
        async with aclosing(self._frames(neuron, AskCard(netuid=self._netuid), CARD_DEADLINE_S)) as frames:
            raw = b""
            async for frame in frames:
                if raw:
                    raise ProtocolError("A card is one frame", "The miner is faulty.")
                raw = frame
        card = open_card(raw, netuid=self._netuid, hotkey=neuron.hotkey, now_ms=self._clock.now_ms())
        until_s, session = time.monotonic() + CARDS_KEPT_S, Session.new(card, self._key.ss58)
        self._known[neuron.hotkey] = _Known(neuron.endpoint, until_s, card, session)
        return card

    async def ask(self, neuron: Neuron, card: Card, brief: PartBrief, *, deadline_s: float) -> Answer:
        """The whole answer to one order.

        Raises UnavailableError when it is late or there is none, ProtocolError for one that does not open or is too
        large, and whatever the miner said.
        """
        names = Names.new(self._netuid, neuron.hotkey, self._key.ss58)
        known = self._known.get(neuron.hotkey)
        session = known.session if known is not None and known.card is card else Session.new(card, self._key.ss58)
        message = AskWork(
            netuid=self._netuid,
            order=names.order,
            wrapped_key=session.wrapped,
            sealed_brief=seal(session.key, canonical.encode(brief), names.context("brief")),
        )
        begun_s = time.monotonic()
        async with aclosing(self._frames(neuron, message, deadline_s)) as frames:
            form, result = await _open(frames, StreamOpener(session.key, names.context("answer")))
        return Answer(form, result, time.monotonic() - begun_s)

    def _frames(self, neuron: Neuron, ask: AskCard | AskWork, deadline_s: float) -> AsyncGenerator[bytes, None]:
        if not neuron.endpoint:
            raise UnavailableError(f"uid {neuron.uid} serves nothing", "It is asked again when it does.")
        body = canonical.encode(ask)
        headers = sign_request(self._key, path=MESSAGE_PATH, body=body, receiver=neuron.hotkey)
        return self._transport.request(f"http://{neuron.endpoint}", body, deadline_s=deadline_s, headers=headers)


async def _open(frames: AsyncGenerator[bytes, None], opener: StreamOpener) -> tuple[Form, bytes]:
    form: Form | None = None
    pieces, size = [], 0
    async for frame in frames:
        kind, payload = frame[:1], memoryview(frame)[1:]
        if kind == FRAME_ACCEPTED and form is None:
            form = form_of(bytes(payload))
        elif kind == FRAME_CHUNK and form is not None:
            piece, _ = opener.open(payload)
            size += len(piece)
            if size > MAX_RESULT_BYTES:
                raise ProtocolError(f"The answer has more than {MAX_RESULT_BYTES} bytes", "The miner is faulty.")
            pieces.append(piece)
        else:
            raise ProtocolError("The answer has frames out of turn", "The miner is faulty.")
    if form is None or not opener.finished:
        raise ProtocolError("The answer was cut off", "Ask again.")
    return form, b"".join(pieces)


def endpoint_of(text: str) -> tuple[str, int]:
    """`1.2.3.4:8091` or `[::1]:8091` as an address and a port. Raises InputError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536 or not host:
        raise InputError(f"{text!r} is no address and port", "Write 203.0.113.5:8091.")
    return host.strip("[]"), int(port)

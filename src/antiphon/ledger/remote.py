"""The ledger in another process: the same Protocol over any channel that carries bytes.

`LedgerService` answers, `RemoteLedger` asks. The channel is not trusted with anything. An operation is signed by its
sender as always; an answer is signed by the ledger, over the question (which holds a fresh nonce) and the answer. So
whoever stands between can keep answers back, and nothing else. Node records are checked once more, against the node's
own signature (`registration`): not even the ledger can name another's seal key. Errors travel as the class they are.

signature = Ed25519("antiphon/1 ledger answer" 00 || SHA-256(question) || SHA-256(answer without signature))
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import msgspec

from antiphon import errors
from antiphon.clock import Clock, SystemClock
from antiphon.errors import AntiphonError, BusyError, ProtocolError, UnavailableError, UnreachableError
from antiphon.ledger import registration
from antiphon.ledger.base import Ledger
from antiphon.ledger.gate import Gate
from antiphon.ledger.limits import MAX_OPERATION_BYTES
from antiphon.ledger.queries import (
    AnyQuery,
    ListNodes,
    ListParts,
    ListSeats,
    Query,
    ReadEpoch,
    ReadEvidence,
    ReadNode,
    ReadPart,
)
from antiphon.ledger.records import NodeRecord
from antiphon.protocol import canonical
from antiphon.protocol.identity import Identity, verify

FRAME_BYTES = 1024 * 1024
"""Size of the pieces that an answer travels in."""
MAX_REQUEST_BYTES = MAX_OPERATION_BYTES + 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Longest answer a client reads: the evidence of the largest task."""
MAX_SMALL_ANSWER_BYTES = 8 * 1024 * 1024
"""Longest answer to everything else than a task's parts and evidence."""
DOMAIN = b"antiphon/1 ledger answer\0"
NONCE_BYTES = 16
DEADLINE_S = 30.0
"""How long a client waits for an answer, beyond the time of a long poll."""
MAX_POLL_S = 25.0
"""Longest long poll over a channel; the client asks again."""

Request: TypeAlias = Callable[[str, bytes, float], AsyncIterator[bytes]]
"""(endpoint, message, deadline in seconds) -> the answer in pieces."""

T = TypeVar("T")


class _Identity(msgspec.Struct, frozen=True, tag_field="call", tag="identity", forbid_unknown_fields=True):
    pass


class _Submit(msgspec.Struct, frozen=True, tag_field="call", tag="submit", forbid_unknown_fields=True):
    envelope: bytes


class _Expire(msgspec.Struct, frozen=True, tag_field="call", tag="expire", forbid_unknown_fields=True):
    pass


_Call: TypeAlias = _Identity | _Submit | _Expire | AnyQuery
"""One method of a ledger with its arguments."""


class _Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call, and what makes its answer unlike any answer before."""

    nonce: bytes
    call: _Call


class _Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value, encoded; or the error's class, words and delay. Signed by the ledger."""

    value: bytes = b""
    error: str = ""
    what: str = ""
    hint: str = ""
    retry_after_s: float = 0.0
    signature: bytes = b""


def _signed_bytes(question: bytes, answer: _Answer) -> bytes:
    plain = canonical.pack(msgspec.structs.replace(answer, signature=b""))
    return DOMAIN + hashlib.sha256(question).digest() + hashlib.sha256(plain).digest()


class LedgerService:
    """Answers calls on a ledger. One call is one message, its answer a stream of pieces."""

    def __init__(self, ledger: Ledger, identity: Identity, gate: Gate | None = None) -> None:
        self._ledger = ledger
        self._identity = identity
        self._gate = gate or Gate(ledger, identity.node_id)

    async def handle(self, message: bytes) -> AsyncIterator[bytes]:
        """The answer in pieces of at most FRAME_BYTES. Never raises: errors travel inside the answer."""
        try:
            question = canonical.decode(_Question, message, limit=MAX_REQUEST_BYTES)
            answer = _Answer(value=canonical.pack(await self._ask(question.call)))
        except AntiphonError as e:
            wait_s = e.retry_after_s if isinstance(e, BusyError) else 0.0
            answer = _Answer(error=type(e).__name__, what=e.what, hint=e.hint, retry_after_s=wait_s)
        signature = self._identity.sign(_signed_bytes(message, answer))
        raw = canonical.pack(msgspec.structs.replace(answer, signature=signature))
        for start in range(0, len(raw), FRAME_BYTES):
            yield raw[start : start + FRAME_BYTES]

    async def _ask(self, call: _Call) -> object:
        match call:
            case _Identity():
                return await self._ledger.identity()
            case _Submit():
                await self._submit(call.envelope)
                return None
            case _Expire():
                return await self._ledger.expire() if self._gate.may_expire() else 0
        return await self._ledger.read(_bounded(call))

    async def _submit(self, envelope: bytes) -> None:
        bucket = await self._gate.admit(envelope)
        try:
            await self._ledger.submit(envelope)
        except BusyError:
            raise
        except AntiphonError as e:
            self._gate.refused(bucket, forged=isinstance(e, ProtocolError))
            raise


class RemoteLedger(Ledger):
    """`Ledger` at an endpoint. `request` is a transport's one method.

    `ledger` is the node id of the ledger that is meant; without it, whichever answers first is kept to (`identity`).
    """

    def __init__(
        self,
        request: Request,
        endpoint: str,
        *,
        ledger: str = "",
        clock: Clock | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._request = request
        self._endpoint = endpoint
        self._ledger = ledger
        self._clock = clock or SystemClock()
        self._deadline_s = deadline_s

    async def identity(self) -> str:
        """Raises ProtocolError when another ledger answers than the one that is meant."""
        question, answer = await self._ask(_Identity(), self._deadline_s, MAX_SMALL_ANSWER_BYTES)
        if answer.error:
            raise _error(answer)
        named = canonical.parse(str, answer.value)
        if self._ledger and named != self._ledger:
            raise ProtocolError(
                f"Another ledger answers at {self._endpoint}: {named}, not {self._ledger}",
                "Check the address. If its operator has founded a new ledger, name that one: --ledger-id ID",
            )
        verify(named, answer.signature, _signed_bytes(question, answer))
        self._ledger = named
        return named

    async def submit(self, envelope: bytes) -> None:
        await self._call(_Submit(envelope=envelope), type(None))

    async def read(self, query: Query[T]) -> T:
        query = _bounded(query)
        wait_s = query.wait_s if isinstance(query, ReadPart | ListSeats | ReadEpoch) else 0.0
        limit = MAX_ANSWER_BYTES if isinstance(query, ListParts | ReadEvidence) else MAX_SMALL_ANSWER_BYTES
        found = await self._call(query, query.answer(), wait_s, limit)  # type: ignore[arg-type]
        answer: T = await self._checked(query, found)
        return answer

    async def expire(self) -> int:
        return await self._call(_Expire(), int)

    async def close(self) -> None:
        """Nothing to close: the channel belongs to whoever made it."""

    async def _checked(self, query: Query[Any], found: Any) -> Any:
        """The answer, if it may be one to this query. Node records are the node's own word, not the ledger's."""
        match query:
            case ReadNode():
                if (found.node, found.role) != (query.node, query.role):
                    asked, named = query.node[:8], found.node[:8]
                    raise ProtocolError(f"The ledger answers for {named} when asked for {asked}", "Ask again.")
                return await self._registered(found)
            case ListNodes():
                keys = [query.after, *(record.key for record in found)]
                if any(one >= other for one, other in pairwise(keys)):
                    raise ProtocolError("The ledger's list of nodes is out of order", "Ask again.")
                return tuple([await self._registered(record) for record in found])
        return found

    async def _registered(self, record: NodeRecord) -> NodeRecord:
        ledger = self._ledger or await self.identity()
        return registration.check(record, ledger=ledger, now_ms=self._clock.now_ms())

    async def _call(self, call: _Call, kind: type[T], wait_s: float = 0.0, limit: int = MAX_SMALL_ANSWER_BYTES) -> T:
        ledger = self._ledger or await self.identity()
        question, answer = await self._ask(call, self._deadline_s + wait_s, limit)
        try:
            verify(ledger, answer.signature, _signed_bytes(question, answer))
        except ProtocolError as e:
            raise ProtocolError(
                f"An answer from {self._endpoint} is not signed by the ledger {ledger}",
                "Somebody else answers there: check the address and the connection.",
            ) from e
        if answer.error:
            raise _error(answer)
        return canonical.parse(kind, answer.value, limit=limit)

    async def _ask(self, call: _Call, deadline_s: float, limit: int) -> tuple[bytes, _Answer]:
        """The question as it was sent, and the answer to it, not yet verified."""
        question = canonical.pack(_Question(nonce=secrets.token_bytes(NONCE_BYTES), call=call))
        pieces, size = [], 0
        try:
            async for piece in self._request(self._endpoint, question, deadline_s):
                size += len(piece)
                if size > limit:
                    break
                pieces.append(piece)
        except BusyError:
            raise
        except (UnavailableError, ProtocolError) as e:
            # The service puts its own errors into the answer: what is raised here is the channel's.
            raise UnreachableError(f"The ledger at {self._endpoint} does not answer: {e.what}", "Is it up?") from e
        if size > limit:
            raise ProtocolError(f"The ledger's answer is longer than {limit} bytes", "Ask for less.")
        if not pieces:
            raise UnreachableError(f"The ledger at {self._endpoint} gave no answer", "Check that it runs; retry.")
        return question, canonical.decode(_Answer, b"".join(pieces), limit=limit)


def _bounded(query: Query[T]) -> Query[T]:
    """A long poll of at most MAX_POLL_S; whoever wants to wait longer asks again."""
    if isinstance(query, ReadPart | ListSeats | ReadEpoch):
        wait_s = min(max(query.wait_s, 0.0), MAX_POLL_S)
        return msgspec.structs.replace(query, wait_s=wait_s)  # type: ignore[arg-type]
    return query


def _error(answer: _Answer) -> AntiphonError:
    """The error as its own class. One that this version does not know is still an AntiphonError."""
    kind = getattr(errors, answer.error, None)
    if kind is BusyError:
        return BusyError(answer.what, answer.hint, retry_after_s=answer.retry_after_s)
    if isinstance(kind, type) and issubclass(kind, AntiphonError):
        return kind(answer.what, answer.hint)
    return AntiphonError(answer.what, answer.hint)

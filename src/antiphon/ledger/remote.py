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
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import TypeAlias, TypeVar

import msgspec

from antiphon import errors
from antiphon.clock import Clock, SystemClock
from antiphon.economy.types import Offer, Part, Quote, Role
from antiphon.errors import AntiphonError, BusyError, ProtocolError, UnavailableError, UnreachableError
from antiphon.ledger import registration
from antiphon.ledger.base import Account, Ledger, NodeRecord, OpenSeat, PartRecord, TaskRecord
from antiphon.ledger.gate import Gate
from antiphon.ledger.limits import MAX_OPERATION_BYTES
from antiphon.ledger.operations import Selector
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


class _Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="call"):
    """One method with its arguments; `ask` calls it."""

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        raise NotImplementedError


class _Identity(_Call, frozen=True, tag="identity"):
    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.identity()


class _Submit(_Call, frozen=True, tag="submit"):
    envelope: bytes

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.submit(self.envelope)


class _Account(_Call, frozen=True, tag="account"):
    owner: str

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.account(self.owner)


class _Node(_Call, frozen=True, tag="node"):
    node: str
    role: Role

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.node(self.node, self.role)


class _Nodes(_Call, frozen=True, tag="nodes"):
    role: Role | None
    after: str
    limit: int

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.nodes(self.role, after=self.after, limit=self.limit)


class _Offers(_Call, frozen=True, tag="offers"):
    selector: Selector
    role: Role

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.offers(self.selector, self.role)


class _Quote(_Call, frozen=True, tag="quote"):
    selector: Selector
    parts: tuple[Part, ...]

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.quote(self.selector, self.parts)


class _Task(_Call, frozen=True, tag="task"):
    task: str

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.task(self.task)


class _Tasks(_Call, frozen=True, tag="tasks"):
    client: str | None
    limit: int

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.tasks(self.client, self.limit)


class _Parts(_Call, frozen=True, tag="parts"):
    task: str

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.parts(self.task)


class _Part(_Call, frozen=True, tag="part"):
    task: str
    index: int
    newer_than: int
    wait_s: float

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.part(self.task, self.index, newer_than=self.newer_than, wait_s=min(self.wait_s, MAX_POLL_S))


class _Seats(_Call, frozen=True, tag="seats"):
    node: str
    newer_than: int
    wait_s: float

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.seats(self.node, newer_than=self.newer_than, wait_s=min(self.wait_s, MAX_POLL_S))


class _Evidence(_Call, frozen=True, tag="evidence"):
    task: str

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.evidence(self.task)


class _Revoked(_Call, frozen=True, tag="revoked"):
    grantor: str
    grant: str

    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.revoked(self.grantor, self.grant)


class _Expire(_Call, frozen=True, tag="expire"):
    def ask(self, ledger: Ledger) -> Awaitable[object]:
        return ledger.expire()


_AnyCall: TypeAlias = (
    _Identity
    | _Submit
    | _Account
    | _Node
    | _Nodes
    | _Offers
    | _Quote
    | _Task
    | _Tasks
    | _Parts
    | _Part
    | _Seats
    | _Evidence
    | _Revoked
    | _Expire
)


class _Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call, and what makes its answer unlike any answer before."""

    nonce: bytes
    call: _AnyCall


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

    async def _ask(self, call: _AnyCall) -> object:
        if isinstance(call, _Expire) and not self._gate.may_expire():
            return 0
        if not isinstance(call, _Submit):
            return await call.ask(self._ledger)
        bucket = await self._gate.admit(call.envelope)
        try:
            return await call.ask(self._ledger)
        except BusyError:
            raise
        except AntiphonError as e:
            self._gate.refused(bucket, forged=isinstance(e, ProtocolError))
            raise


class RemoteLedger:
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

    async def account(self, owner: str) -> Account:
        return await self._call(_Account(owner=owner), Account)

    async def node(self, node: str, role: Role) -> NodeRecord:
        record = await self._call(_Node(node=node, role=role), NodeRecord)
        if (record.node, record.role) != (node, role):
            raise ProtocolError(f"The ledger answers for {record.node[:8]} when asked for {node[:8]}", "Ask again.")
        return await self._checked(record)

    async def nodes(self, role: Role | None = None, *, after: str = "", limit: int = 100) -> tuple[NodeRecord, ...]:
        page = await self._call(_Nodes(role=role, after=after, limit=limit), tuple[NodeRecord, ...])
        if any(one.key >= other.key for one, other in pairwise(page)) or (page and page[0].key <= after):
            raise ProtocolError("The ledger's list of nodes is out of order", "Ask again.")
        return tuple([await self._checked(record) for record in page])

    async def offers(self, selector: Selector, role: Role) -> tuple[Offer, ...]:
        return await self._call(_Offers(selector=selector, role=role), tuple[Offer, ...])

    async def quote(self, selector: Selector, parts: tuple[Part, ...]) -> Quote:
        return await self._call(_Quote(selector=selector, parts=parts), Quote)

    async def task(self, task: str) -> TaskRecord:
        return await self._call(_Task(task=task), TaskRecord)

    async def tasks(self, client: str | None = None, limit: int = 50) -> tuple[TaskRecord, ...]:
        return await self._call(_Tasks(client=client, limit=limit), tuple[TaskRecord, ...])

    async def parts(self, task: str) -> tuple[PartRecord, ...]:
        return await self._call(_Parts(task=task), tuple[PartRecord, ...], limit=MAX_ANSWER_BYTES)

    async def part(self, task: str, index: int, *, newer_than: int = -1, wait_s: float = 0.0) -> PartRecord:
        wait_s = min(max(wait_s, 0.0), MAX_POLL_S)
        call = _Part(task=task, index=index, newer_than=newer_than, wait_s=wait_s)
        return await self._call(call, PartRecord, wait_s)

    async def seats(self, node: str, *, newer_than: int = -1, wait_s: float = 0.0) -> tuple[OpenSeat, ...]:
        wait_s = min(max(wait_s, 0.0), MAX_POLL_S)
        return await self._call(_Seats(node=node, newer_than=newer_than, wait_s=wait_s), tuple[OpenSeat, ...], wait_s)

    async def evidence(self, task: str) -> tuple[bytes, ...]:
        return await self._call(_Evidence(task=task), tuple[bytes, ...], limit=MAX_ANSWER_BYTES)

    async def revoked(self, grantor: str, grant: str) -> bool:
        return await self._call(_Revoked(grantor=grantor, grant=grant), bool)

    async def expire(self) -> int:
        return await self._call(_Expire(), int)

    async def close(self) -> None:
        """Nothing to close: the channel belongs to whoever made it."""

    async def _checked(self, record: NodeRecord) -> NodeRecord:
        ledger = self._ledger or await self.identity()
        return registration.check(record, ledger=ledger, now_ms=self._clock.now_ms())

    async def _call(self, call: _AnyCall, kind: type[T], wait_s: float = 0.0, limit: int = MAX_SMALL_ANSWER_BYTES) -> T:
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

    async def _ask(self, call: _AnyCall, deadline_s: float, limit: int) -> tuple[bytes, _Answer]:
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


def _error(answer: _Answer) -> AntiphonError:
    """The error as its own class. One that this version does not know is still an AntiphonError."""
    kind = getattr(errors, answer.error, None)
    if kind is BusyError:
        return BusyError(answer.what, answer.hint, retry_after_s=answer.retry_after_s)
    if isinstance(kind, type) and issubclass(kind, AntiphonError):
        return kind(answer.what, answer.hint)
    return AntiphonError(answer.what, answer.hint)

"""One part of a task as a node holds it: the client's order, the key, and the checks both sides of the work share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from antiphon.errors import ProtocolError
from antiphon.ledger.records import PartRecord, TaskRecord
from antiphon.parties.consents import require_named
from antiphon.parties.messages import Order, PartBrief, key_commitment, key_context, order_context
from antiphon.protocol import Identity, TaskKey, canonical, envelope
from antiphon.protocol.sealing import seal, unseal, unwrap, wrap
from antiphon.services import units_of


@dataclass(frozen=True, slots=True)
class OpenedOrder:
    """A verified order: what the client asks for, and the key everybody who works on this part shares."""

    brief: PartBrief
    key: TaskKey
    raw: bytes


def open_order(
    raw: bytes, wrapped_key: bytes, *, task: TaskRecord, record: PartRecord, identity: Identity, at_ms: int
) -> OpenedOrder:
    """Verify an order and open it. Raises `ProtocolError` (and for 6 `InputError`) naming the step that failed.

    1. signed by the task's client, for this task and part; 2. the key was wrapped for us; 3. it is the key the client
    committed to; 4. the brief opens with it; 5. the client declared, and so pays for, all of its units; 6. a request
    that needs a consent carries one that allows it to this client at `at_ms`, and that the task named in the ledger;
    7. where the task asks for one voice, so does the order: offers have prices by voice.

    Who makes audio asks for 6 as of now. Who judges asks as of the task's opening: a consent that ended since was in
    force when the work was taken. A refusal costs nobody anything: the part is passed on, or refunded.
    """
    index = record.part.index
    signed = envelope.verify_at(raw)
    if signed.kind != "order" or signed.sender != task.client or signed.task != task.task:
        raise ProtocolError("The order is not the client's order for this task")  # 1
    order = canonical.decode(Order, signed.body)
    if order.task != task.task or order.index != index:
        raise ProtocolError(f"The order is for part {order.index} of task {order.task[:8]}, not for this part")  # 1
    key = unwrap(identity, wrapped_key, key_context(task.task, index, identity.node_id))  # 2
    try:
        if not secrets.compare_digest(key_commitment(key.reveal(), task.task, index), order.key_commitment):
            raise ProtocolError("The key is not the one that the client committed to")  # 3
        brief = canonical.decode(PartBrief, unseal(key, order.sealed_brief, order_context(task.task, index)))  # 4
        if (units := units_of(brief.request)) > record.part.units:
            raise ProtocolError(f"The order has {units} units, {record.part.units} are paid for")  # 5
        require_named(brief.request, task, at_ms=at_ms)  # 6
        if task.selector.voice and getattr(brief.request, "voice", task.selector.voice) != task.selector.voice:  # 7
            raise ProtocolError("The order asks for another voice than the one that its task pays for")
    except BaseException:
        key.destroy()
        raise
    return OpenedOrder(brief, key, raw)


def make_order(brief: PartBrief, key: TaskKey, *, task: str, index: int) -> Order:
    """The order's content for one part; the client signs it."""
    return Order(
        task=task,
        index=index,
        key_commitment=key_commitment(key.reveal(), task, index),
        sealed_brief=seal(key, canonical.encode(brief), order_context(task, index)),
    )


def wrap_for(key: TaskKey, seal_public: bytes, *, task: str, index: int, receiver: str) -> bytes:
    """The part's key, readable by one node only."""
    return wrap(key, seal_public, key_context(task, index, receiver))

"""A node's own signed `Register`: what others believe about its offers, its seal key and its endpoint.

`check` is what whoever reads a node from a ledger does that it need not trust:
1. the envelope is signed by the node itself; 2. it is addressed to this ledger; 3. it is a `Register` for this role;
4. its seal key is 32 bytes; 5. it is not older than `MAX_AGE_MS`, nor from the future.

What remains: whoever answers for the ledger may leave nodes out, and may show a node's registration of up to a week
ago in place of a newer one. Seal keys follow from identities, so an old registration opens nothing; it may name an
endpoint where nobody answers any more.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from antiphon.errors import ProtocolError
from antiphon.ledger.limits import MAX_REGISTER_BYTES
from antiphon.ledger.operations import OPERATION_KIND, Operation, Register
from antiphon.ledger.records import NodeRecord
from antiphon.protocol import canonical, envelope
from antiphon.protocol.envelope import MAX_AHEAD_MS, Envelope

MAX_AGE_MS = 7 * 86_400_000
"""Oldest registration that is believed. Nodes sign theirs anew every day (`nodes.node`)."""
SEAL_KEY_BYTES = 32
_HINT = "Do not use this node; ask another ledger, or check the connection to this one."


def read(raw: bytes) -> tuple[Register, int]:
    """The operation in an envelope that the ledger itself has kept, and when it was signed (ms)."""
    message = canonical.parse(Envelope, raw, limit=MAX_REGISTER_BYTES)
    return canonical.parse(Register, message.body), message.time_ms


@lru_cache(maxsize=4_096)
def _opened(raw: bytes, ledger: str) -> tuple[str, int, Register]:
    message = envelope.verify_at(raw, ledger, limit=MAX_REGISTER_BYTES)  # 1, 2
    if message.kind != OPERATION_KIND:
        raise ProtocolError(f"A {message.kind!r} registers nobody", _HINT)
    operation: Operation = canonical.decode(Operation, message.body)
    if not isinstance(operation, Register):
        raise ProtocolError("The node's registration is another operation", _HINT)
    return message.sender, message.time_ms, operation


def check(record: NodeRecord, *, ledger: str, now_ms: int) -> NodeRecord:
    """The record with offers, seal key and endpoint as the node itself signed them. Raises ProtocolError."""
    sender, signed_ms, operation = _opened(record.registration, ledger)
    if sender != record.node or operation.role is not record.role:  # 1, 3
        raise ProtocolError(
            f"The ledger names {sender[:8]} as {operation.role} where it was asked for {record.node[:8]}", _HINT
        )
    if len(operation.seal_key) != SEAL_KEY_BYTES:  # 4
        raise ProtocolError(f"The seal key of {record.node[:8]} is no key", _HINT)
    if not now_ms - MAX_AGE_MS <= signed_ms <= now_ms + MAX_AHEAD_MS:  # 5
        days = (now_ms - signed_ms) / 86_400_000
        raise ProtocolError(f"The registration of {record.node[:8]} was signed {days:.1f} days ago", _HINT)
    return msgspec.structs.replace(
        record, offers=operation.offers, seal_key=operation.seal_key, endpoint=operation.endpoint
    )

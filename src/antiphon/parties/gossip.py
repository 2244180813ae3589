"""What a relay has signed for others: each node tells the newest head that it was given, so that nobody is told another
history unnoticed."""

from __future__ import annotations

from contextlib import aclosing

from antiphon.errors import ProtocolError
from antiphon.ledger.book import Head
from antiphon.ledger.records import NodeRecord
from antiphon.parties.actor import Actor
from antiphon.parties.messages import HEADS, Heads
from antiphon.protocol import canonical

DEADLINE_S = 5.0
MAX_HEAD_BYTES = 1_024


async def ask_head(actor: Actor, node: NodeRecord) -> Head | None:
    """The newest head that this node was given; None: it has none. Raises ProtocolError, UnavailableError."""
    message = actor.sign(HEADS, node.node, "", Heads())
    answer, size = [], 0
    async with aclosing(actor.context.transport.request(node.endpoint, message, deadline_s=DEADLINE_S)) as frames:
        async for frame in frames:
            answer.append(frame)
            size += len(frame)
            if size > MAX_HEAD_BYTES:
                raise ProtocolError("A node answers with more than a head", "Ask another node.")
    return canonical.decode(Head, b"".join(answer), limit=MAX_HEAD_BYTES) if answer else None

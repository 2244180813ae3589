"""All nodes of a ledger, page by page."""

from __future__ import annotations

from antiphon.economy.types import Role
from antiphon.ledger.base import Ledger
from antiphon.ledger.limits import MAX_PAGE
from antiphon.ledger.records import NodeRecord


async def every_node(ledger: Ledger, role: Role | None = None, *, limit: int = 100_000) -> tuple[NodeRecord, ...]:
    """All nodes in the role (None: in any), at most `limit`. Who needs one node asks for that one: `Ledger.node`."""
    found: list[NodeRecord] = []
    while len(found) < limit:
        page = await ledger.nodes(role, after=found[-1].key if found else "", limit=MAX_PAGE)
        if not page:
            break
        found += page
    return tuple(found[:limit])

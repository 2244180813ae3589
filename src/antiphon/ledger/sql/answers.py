"""What each query is answered with, out of the tables."""

from __future__ import annotations

from typing import Any

from antiphon.errors import ConflictError, InputError
from antiphon.ledger import limits
from antiphon.ledger.queries import (
    AskQuote,
    IsRevoked,
    ListAssets,
    ListBatches,
    ListEarnings,
    ListMembers,
    ListNodes,
    ListOffers,
    ListParts,
    ListSeats,
    ListTasks,
    Query,
    ReadAccount,
    ReadAsset,
    ReadBook,
    ReadEpoch,
    ReadEvidence,
    ReadNode,
    ReadPart,
    ReadSupply,
    ReadTask,
)
from antiphon.ledger.records import TaskState
from antiphon.ledger.sql import assets, consents, epochs, market, money, nodes, records
from antiphon.ledger.sql.executor import OperationExecutor
from antiphon.ledger.sql.worker import Session
from antiphon.protocol.consent import GrantRef

MAX_TASKS = 500
"""Most tasks in one answer."""
MAX_MEMBERS = 10_000
MAX_UID = 1 << 53
MAX_SEATS = 1_000
"""Most open seats in one answer; the validator asks on from the last one."""


def answer(executor: OperationExecutor, session: Session, query: Query[Any]) -> Any:  # noqa: PLR0911, PLR0912 - one for each
    """As things are now: a long poll is the caller's affair."""
    db, rules, now_ms = session.db, executor.rules, executor.clock.now_ms()
    match query:
        case ReadAccount():
            return money.account_of(db, query.owner)
        case ReadNode():
            return nodes.node(db, query.node, query.role, rules, now_ms)
        case ListNodes():
            return nodes.page(db, query.role, query.after, query.limit, rules, now_ms)
        case ListOffers():
            limits.check_selector(query.selector)
            return executor.candidates(session, query.selector, query.role)
        case AskQuote():
            limits.check_selector(query.selector)
            limits.check_parts(query.parts)
            return executor.price(session, query.selector, query.parts)
        case ReadTask():
            return records.shown(records.task(db, query.task))
        case ListTasks():
            found = records.tasks(db, query.client, max(0, min(query.limit, MAX_TASKS)))
            return tuple(map(records.shown, found))
        case ListParts():
            return records.parts(db, query.task)
        case ReadPart():
            return records.part(db, query.task, query.index)
        case ListSeats():
            return market.seats(db, query.node, max(-1, query.newer_than), MAX_SEATS)
        case ReadEvidence():
            if epochs.is_closed(db, query.task):
                return records.evidence(db, query.task)
            if records.task(db, query.task).state is TaskState.OPEN:
                raise ConflictError(f"Task {query.task} is still open", "Its evidence is handed out once it is closed.")
            return records.evidence(db, query.task)
        case IsRevoked():
            return consents.is_revoked(db, GrantRef(grantor=query.grantor, id=query.grant))
        case ReadEpoch():
            return epochs.read(db, query.number)
        case ListMembers():
            return epochs.members(db, max(-1, min(query.after, MAX_UID)), max(1, min(query.limit, MAX_MEMBERS)), rules)
        case ReadSupply():
            return money.supply(db)
        case ReadAsset():
            return assets.read(db, query.asset)
        case ListAssets():
            return assets.page(db, query.after, query.limit)
        case ListEarnings():
            return assets.earnings(db, query.asset, query.after, query.limit)
        case ListBatches():
            return ()
        case ReadBook():
            raise InputError("This ledger is no relay and signs no book", "Ask a relay: --ledger evm:URL")
    raise TypeError(f"{type(query).__name__} is no query")

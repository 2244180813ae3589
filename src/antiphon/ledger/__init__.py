"""Shared state that no role has to trust another for: accounts, nodes, tasks, votes. Backends: `sql`, `remote`."""

from antiphon.ledger.base import (
    Account,
    Ledger,
    NodeRecord,
    PartRecord,
    PartState,
    Ruling,
    TaskRecord,
    TaskState,
)
from antiphon.ledger.operations import Operation, Selector, ServiceOffer
from antiphon.ledger.panel import commitment, producer, seats
from antiphon.ledger.tend import tend

__all__ = [
    "Account",
    "Ledger",
    "NodeRecord",
    "Operation",
    "PartRecord",
    "PartState",
    "Ruling",
    "Selector",
    "ServiceOffer",
    "TaskRecord",
    "TaskState",
    "commitment",
    "producer",
    "seats",
    "tend",
]

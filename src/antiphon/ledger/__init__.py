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
from antiphon.ledger.expiry import run_expiry
from antiphon.ledger.operations import Operation, Selector, ServiceOffer
from antiphon.ledger.panel import commitment, producer, seats

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
    "run_expiry",
    "seats",
]

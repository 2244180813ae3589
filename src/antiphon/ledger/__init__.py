"""Shared state that no role has to trust another for: accounts, nodes, tasks, votes. Backends: `sql`, `remote`."""

from antiphon.ledger.base import Ledger
from antiphon.ledger.expiry import run_expiry
from antiphon.ledger.operations import Operation, Selector, ServiceOffer
from antiphon.ledger.panel import commitment, producer, seats
from antiphon.ledger.records import Account, NodeRecord, PartRecord, PartState, Ruling, TaskRecord, TaskState

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

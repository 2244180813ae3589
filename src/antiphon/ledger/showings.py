"""What a producer signs when it shows its work: proof by itself when it is not what it delivered."""

from __future__ import annotations

import msgspec

from antiphon.errors import ProtocolError
from antiphon.ledger.records import PartRecord
from antiphon.protocol import canonical, envelope

SHOWN = "shown"
"""Kind of the envelope that carries a `Shown`: of the producer, to the ledger, on the task."""
MAX_SHOWN_BYTES = 1_024


class Shown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ "This is the result that I show." Made for each validator and kept by it.

    The hash is the one of `Deliver`, salted with the part's key: it tells nobody else anything about the result. The
    envelope names the ledger: clients choose the ids of their tasks, so a second ledger may have one of the same.
    """

    index: int
    attempt: int
    validator: str
    result_hash: bytes


def read(raw: bytes, *, producer: str, ledger: str, task: str) -> Shown:
    """The signed statement of this producer on this task of this ledger. Raises ProtocolError."""
    if len(raw) > MAX_SHOWN_BYTES:
        raise ProtocolError(f"A showing has at most {MAX_SHOWN_BYTES} bytes")
    signed = envelope.verify_at(raw, ledger)
    if (signed.kind, signed.sender, signed.task) != (SHOWN, producer, task):
        raise ProtocolError("The showing is not the producer's word on this task", "Refuse what it shows.")
    return canonical.decode(Shown, signed.body)


def equivocates(record: PartRecord, raw: bytes, ledger: str) -> bool:
    """Whether the producer whose delivery is being judged signed that it showed something else.

    Raises ProtocolError for what is no statement of it on this delivery.
    """
    maker = record.assignment.producers[record.attempt].node
    shown = read(raw, producer=maker, ledger=ledger, task=record.task)
    if (shown.index, shown.attempt) != (record.part.index, record.attempt) or record.delivery is None:
        raise ProtocolError("The showing is about another delivery", "Keep it for that one.")
    return shown.result_hash != record.delivery.result_hash

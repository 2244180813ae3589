"""Receipts: the signed envelopes behind a task, closed by the ledger, so that anybody can check them offline."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.clock import Clock
from antiphon.errors import ProtocolError
from antiphon.protocol import canonical
from antiphon.protocol import envelope as envelopes
from antiphon.protocol.envelope import Envelope
from antiphon.protocol.identity import Identity

FORMAT = "antiphon receipt 1"
CLOSE_KIND = "ledger-close"
MAX_RECEIPT_BYTES = 16 * 1024 * 1024
MAX_ENVELOPES = 10_000

_DOMAIN = b"antiphon/1 receipt\0"


class ChainProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a task's pay was settled (`ledger.relay.proving`): the transaction, its block, and what it called."""

    chain_id: int
    contract: str  # address
    transaction: str
    block: int
    block_hash: str
    tasks: tuple[str, ...]  # of the batch, ascending
    call: bytes  # the statement with everybody's signature, as the contract took it


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened to one task. `statement` is for people; what counts are the envelopes, the last one the closing."""

    format: str = FORMAT
    ledger: str  # node id of the ledger: every envelope's receiver
    task: str
    envelopes: tuple[bytes, ...]
    statement: dict[str, Any] = {}
    settled: ChainProof | msgspec.UnsetType = msgspec.UNSET  # once a relay's task was settled on its chain


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of the closing envelope: how many envelopes precede it, and `digest` over them in order."""

    count: int
    sha256: bytes


def digest(evidence: Sequence[bytes]) -> bytes:
    """SHA-256 over "antiphon/1 receipt" 00, then each envelope's length (8 bytes, big-endian) and bytes."""
    state = hashlib.sha256(_DOMAIN)
    for raw in evidence:
        state.update(struct.pack(">Q", len(raw)))
        state.update(raw)
    return state.digest()


def close(ledger: Identity, task: str, evidence: Sequence[bytes], clock: Clock) -> bytes:
    """The ledger's closing envelope over a task's evidence."""
    body = canonical.encode(Closing(count=len(evidence), sha256=digest(evidence)))
    return envelopes.sign(ledger, kind=CLOSE_KIND, receiver=ledger.node_id, task=task, body=body, clock=clock)


def dump(receipt: Receipt) -> str:
    """JSON, indented, the same text for the same receipt; envelopes in base64."""
    raw = msgspec.json.encode(receipt, order="deterministic")
    return msgspec.json.format(raw, indent=2).decode()


def load(data: str | bytes, limit: int = MAX_RECEIPT_BYTES) -> Receipt:
    """Read a receipt. Its signatures are not checked yet. Raises ProtocolError."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > limit:
        raise ProtocolError(f"The receipt is too large: {len(raw)} bytes, the limit is {limit}", "Check the file.")
    try:
        receipt = msgspec.json.decode(raw, type=Receipt)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as e:
        raise ProtocolError(f"This is not a receipt: {e}", "Save it again with `antiphon receipt`.") from e
    if receipt.format != FORMAT:
        raise ProtocolError(f"Receipt format {receipt.format[:40]!r} is unknown", f"This version reads {FORMAT!r}.")
    if len(receipt.envelopes) > MAX_ENVELOPES:
        raise ProtocolError(f"The receipt has more than {MAX_ENVELOPES} envelopes", "Check the file.")
    return receipt


def verify_signatures(receipt: Receipt, *, ledger: str | None = None) -> list[Envelope]:
    """The verified envelopes in order, without the closing one. Raises ProtocolError.

    1. The ledger is the one the reader trusts (`ledger`, if given). 2. Each envelope is signed by its sender, 3. for
    this ledger and 4. this task, and 5. none occurs twice. 6. The last one, and only it, is the ledger's closing
    envelope, and 7. covers exactly the others: nothing was left out, added or moved.
    """
    if ledger is not None and receipt.ledger != ledger:  # 1
        raise ProtocolError("The receipt is of another ledger", f"Expected {ledger}.")
    if not receipt.envelopes:
        raise ProtocolError("The receipt is empty", "Ask the ledger for it again.")
    verified = []
    seen: set[tuple[str, bytes]] = set()
    for raw in receipt.envelopes:
        message = envelopes.verify_at(raw, receipt.ledger)  # 2, 3
        if message.task != receipt.task:  # 4
            raise ProtocolError(
                "An envelope in the receipt is of another task", "The receipt was put together wrongly."
            )
        if (message.sender, message.nonce) in seen:  # 5
            raise ProtocolError("An envelope occurs twice in the receipt", "The receipt was put together wrongly.")
        seen.add((message.sender, message.nonce))
        verified.append(message)
    *others, last = verified
    _check_closing(receipt, last)
    if any(message.kind == CLOSE_KIND for message in others):
        raise ProtocolError("The receipt is closed more than once", "The receipt was put together wrongly.")
    return others


def _check_closing(receipt: Receipt, last: Envelope) -> None:
    if last.kind != CLOSE_KIND or last.sender != receipt.ledger:  # 6
        raise ProtocolError("The receipt has no closing envelope of its ledger", "Part of it is missing.")
    closing = canonical.decode(Closing, last.body)
    evidence = receipt.envelopes[:-1]
    if closing.count != len(evidence) or closing.sha256 != digest(evidence):  # 7
        raise ProtocolError(
            "The receipt's envelopes are not those the ledger closed", "Some were left out, added or reordered."
        )

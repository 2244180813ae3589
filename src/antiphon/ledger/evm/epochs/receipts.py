"""Receipts of emission on a chain: from each validator's weights to each amount, checked again without any network.

1. The block's header holds the root of its receipts, and there the contract's own event: which epoch was finished,
   how much was issued, and the root of the payments (`inclusion`). 2. The weights give the consensus that was posted.
3. The consensus gives the payments, and they that root. 4. They sum exactly to what was issued.

What is left to compare with any node of the chain is the block's hash. Who held a place is the contract's to say; here
it is told, not proven.
"""

from __future__ import annotations

import msgspec

from antiphon.errors import AntiphonError, ConflictError, ProtocolError
from antiphon.ledger.evm import inclusion
from antiphon.ledger.evm.contracts import checked_address
from antiphon.ledger.evm.epochs.payments import TREASURY_AT, Tree, amounts
from antiphon.ledger.evm.epochs.posting import MAX_COLUMNS, MAX_SEATS, Content, Revealed, content
from antiphon.ledger.evm.epochs.reading import Reader
from antiphon.ledger.evm.epochs.terms import Terms
from antiphon.ledger.evm.inclusion import Inclusion

FORMAT = "antiphon emission receipt 1"
_HINT = "Do not trust this receipt; ask the chain for it again."


class EmissionReceipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One epoch of one contract."""

    format: str = FORMAT
    chain_id: int
    contract: str
    epoch: int
    terms: Terms
    reveals: tuple[Revealed, ...]
    posted: Content
    holders: dict[int, str]  # by place, of those that are paid
    proof: Inclusion


class EmissionReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found to be true."""

    chain_id: int
    contract: str
    epoch: int
    block: int
    block_hash: str
    time_s: int
    validators: int
    emission_nano: int
    paid: dict[int, int]  # by place, what is more than nothing


async def build(reader: Reader, epoch: int) -> EmissionReceipt:
    """Of a finished epoch. Raises ConflictError until it is one."""
    post, done = await reader.posted(epoch), await reader.finished(epoch)
    if post is None or done is None:
        raise ConflictError(f"Epoch {epoch} is not finished", f"antiphon chain epoch finish {epoch}")
    paid = {place: nano for place, nano in amounts(reader.terms, done.emission_nano, post.content).items() if nano}
    holders = await reader.holders_then((place for place in paid if place != TREASURY_AT), epoch)
    treasury = checked_address(await reader.epochs.read("treasury"))
    made = EmissionReceipt(
        chain_id=reader.contracts.chain.chain_id,
        contract=reader.epochs.address,
        epoch=epoch,
        terms=reader.terms,
        reveals=tuple(await reader.reveals(epoch)),
        posted=post.content,
        holders={place: holders[place][0] if place in holders else treasury for place in paid},
        proof=await inclusion.prove(reader.contracts.rpc, done.block, done.index),
    )
    audit(made)
    return made


def audit(receipt: EmissionReceipt, *, contract: str | None = None) -> EmissionReport:
    """Rules 1 to 4; `contract` insists on the one that you trust. Raises ProtocolError naming what differs."""
    if contract is not None and contract.lower() != receipt.contract.lower():
        raise ProtocolError("The receipt is of another contract", f"Expected {contract}.")
    proven = inclusion.verify(receipt.proof)  # 1
    emission_nano, root = _finished(receipt, proven)
    _expect_consensus(receipt)  # 2
    paid = amounts(receipt.terms, emission_nano, receipt.posted)
    if Tree(receipt.epoch, paid).root != root:  # 3
        raise ProtocolError("The payments are not those that the contract laid down", _HINT)
    assert sum(paid.values()) == emission_nano, "an emission is conserved"  # 4
    return EmissionReport(
        chain_id=receipt.chain_id,
        contract=receipt.contract,
        epoch=receipt.epoch,
        block=proven.block,
        block_hash=proven.block_hash,
        time_s=proven.time_s,
        validators=len(receipt.reveals),
        emission_nano=emission_nano,
        paid={place: nano for place, nano in paid.items() if nano},
    )


def _expect_consensus(receipt: EmissionReceipt) -> None:
    columns, seats = 2 * len(receipt.posted.columns), len(receipt.posted.dividends)
    numbers = [one.seat for one in receipt.reveals]
    fits = columns <= MAX_COLUMNS and seats <= MAX_SEATS and len(set(numbers)) == len(numbers)
    if not fits or not all(0 <= one < seats for one in numbers):
        raise ProtocolError("The receipt has other places than the contract", _HINT)
    try:
        right = content(receipt.reveals, seats, columns, receipt.terms.options)
    except (AntiphonError, OverflowError) as e:
        raise ProtocolError(f"The weights give no consensus: {e}", _HINT) from e
    if right != receipt.posted:
        raise ProtocolError("The weights give another consensus than what was posted", _HINT)


def _finished(receipt: EmissionReceipt, proven: inclusion.Included) -> tuple[int, bytes]:
    """What the proven event says of this epoch."""
    from eth_utils.crypto import keccak

    kind = keccak(text="Finished(uint256,uint256,bytes32)")
    expected = (kind, receipt.epoch.to_bytes(32, "big"))
    if proven.address.lower() != receipt.contract.lower() or proven.topics != expected or len(proven.data) != 64:
        raise ProtocolError("What is proven is another contract's, or of another epoch", _HINT)
    return int.from_bytes(proven.data[:32], "big"), proven.data[32:]


def dump(receipt: EmissionReceipt) -> str:
    """JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2).decode()


def load(raw: bytes) -> EmissionReceipt:
    """Nothing of it is checked yet. Raises ProtocolError."""
    try:
        return msgspec.json.decode(raw, type=EmissionReceipt)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as e:
        raise ProtocolError(
            f"This is no receipt of emission: {e}", "Make it again: antiphon chain epoch receipt"
        ) from e

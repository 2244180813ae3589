"""Which contract, which block and which batch a settled task belongs to, in its receipt.

What `check` proves offline: everybody whose balance the batch changes has signed it, for this contract on this chain,
and it covers exactly the tasks that are named, this one among them.
What it cannot prove without a node of the chain: that the transaction is in that block, and that the block is final.
`confirm` asks one.
"""

from __future__ import annotations

import hashlib
from typing import Any

from antiphon.errors import ProtocolError
from antiphon.ledger.batches import Batch
from antiphon.ledger.evm.contracts import Contract, Contracts
from antiphon.ledger.relay.heads import recovered
from antiphon.ledger.relay.netting import Net, digest
from antiphon.protocol.receipt import ChainProof

_HINT = "Do not trust it; ask for the proof again: antiphon chain settle"


async def prove(contracts: Contracts, batch: Batch) -> ChainProof:
    """The proof that goes into the receipt of each task of a settled batch. Raises ProtocolError when the chain's node
    tells of another transaction than the relay."""
    place = batch.settled
    assert place is not None, "only what is settled is proven"
    found = await contracts.rpc.ask("eth_getTransactionByHash", place.transaction)
    if found is None:
        raise ProtocolError(f"The chain's node knows no transaction {place.transaction}", "Use another node: --rpc URL")
    made = ChainProof(
        chain_id=contracts.chain.chain_id,
        contract=contracts.quorum.address,
        transaction=place.transaction,
        block=place.block,
        block_hash=place.block_hash,
        tasks=batch.tasks,
        call=bytes.fromhex(str(found["input"]).removeprefix("0x")),
    )
    for task in batch.tasks:
        check(made, task)
    return made


def check(proof: ChainProof, task: str) -> Net:
    """The statement that all parties have signed. Raises ProtocolError for a proof that proves nothing about `task`."""
    quorum = Contract(None, "quorum", proof.contract)  # type: ignore[arg-type] # it asks nobody
    try:
        name, told = quorum.decode(proof.call)
        net, signatures = _net(told), list(told["signatures"])
    except Exception as e:
        raise ProtocolError("The receipt's proof holds no call of the contract", _HINT) from e
    if name != "settle_net":
        raise ProtocolError(f"The receipt's proof calls {name}, which settles no batch", _HINT)
    if task not in proof.tasks or list(proof.tasks) != sorted(set(proof.tasks)):
        raise ProtocolError(f"The batch in the receipt's proof does not name task {task}", _HINT)
    if hashlib.sha256("".join(proof.tasks).encode()).digest() != net.evidence:
        raise ProtocolError("The batch in the receipt's proof was signed for other tasks", _HINT)
    signed = digest(quorum, proof.chain_id, net)
    if not net.changes or len(signatures) != len(net.changes):
        raise ProtocolError("The batch in the receipt's proof was signed by nobody", _HINT)
    for (party, _), (r, vs) in zip(net.changes, signatures, strict=True):
        if recovered(signed, r.to_bytes(32) + vs.to_bytes(32)).lower() != party.lower():
            raise ProtocolError(f"{party} did not sign the batch in the receipt's proof", _HINT)
    return net


async def confirm(contracts: Contracts, proof: ChainProof) -> None:
    """Ask the chain's node for the rest: the transaction is in this block, which is final, and was not reverted. Raises
    ProtocolError."""
    chain, rpc = contracts.chain, contracts.rpc
    if (proof.chain_id, proof.contract.lower()) != (chain.chain_id, contracts.quorum.address.lower()):
        raise ProtocolError("The proof is about another chain, or another contract, than the chain file", _HINT)
    found = await rpc.ask("eth_getTransactionReceipt", proof.transaction)
    if found is None or int(found["status"], 16) != 1 or found["blockHash"] != proof.block_hash:
        raise ProtocolError(f"The chain has no such transaction {proof.transaction} in block {proof.block}", _HINT)
    sent = await rpc.ask("eth_getTransactionByHash", proof.transaction)
    if bytes.fromhex(str(sent["input"]).removeprefix("0x")) != proof.call:
        raise ProtocolError(f"Transaction {proof.transaction} settles another batch", _HINT)
    final = await rpc.final(chain.confirmations)
    if final.number < proof.block:
        raise ProtocolError(f"Block {proof.block} is not final yet", "Ask again later.")


def _net(told: dict[str, Any]) -> Net:
    spends = tuple((one["session"], one["word"], one["parts"].to_bytes(32), one["amount"]) for one in told["spends"])
    return Net(
        evidence=told["evidence"],
        expires_s=told["expires"],
        burnt_nano=told["burnt"],
        spends=spends,
        changes=tuple((one["party"], one["amount"]) for one in told["changes"]),
        clients=tuple(told["clients"]),
    )

"""That an event is in a block is proven by the block's hash alone, for blocks with few and with many transactions."""

from __future__ import annotations

from pathlib import Path

import pytest
from evm_anvil import DEV_KEYS, Anvil
from msgspec.structs import replace

from antiphon.errors import ProtocolError
from antiphon.ledger.evm import inclusion
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.rpc import Rpc


@pytest.mark.parametrize("count", [1, 2, 20, 150])
async def test_each_event_of_a_block_is_proven_and_no_other(
    count: int, still: Anvil, chain: tuple[ChainFile, Path]
) -> None:
    """150 transactions have places of one and of two bytes, so their paths part at several depths."""
    rpc = Rpc(still.url)
    token = (await Contracts.open(rpc, chain[0])).token
    sender = from_hex(DEV_KEYS[0]).address
    for amount in range(1, count + 1):
        data = "0x" + token.encode("transfer", "0x0000000000000000000000000000000000001111", amount).hex()
        call = {"from": sender, "to": token.address, "data": data, "gas": hex(100_000)}
        await rpc.ask("eth_sendTransaction", call)
    still.mine()
    block = await rpc.block("latest")
    for index in {0, count // 2, count - 1}:
        proof = await inclusion.prove(rpc, block.number, index)
        found = inclusion.verify(proof)
        assert (found.block, found.block_hash, found.time_s) == (block.number, block.hash, block.time_s)
        assert (found.address, int.from_bytes(found.data, "big")) == (token.address.lower(), index + 1)
        for broken in (
            replace(proof, place=proof.place + 1),
            replace(proof, nodes=proof.nodes[:-1]),
            replace(proof, nodes=(*proof.nodes[:-1], changed(proof.nodes[-1], -1))),
            replace(proof, header=changed(proof.header, 50)),
            replace(proof, header=b""),
        ):
            try:
                other = inclusion.verify(broken)
            except ProtocolError:
                continue
            assert other.block_hash != block.hash, "what is not refused is of another block"
    with pytest.raises(ProtocolError, match="shows no event"):
        await inclusion.prove(rpc, block.number, count)
    await rpc.close()


def changed(raw: bytes, at: int) -> bytes:
    other = bytearray(raw)
    other[at] ^= 1
    return bytes(other)

"""That a contract has written an event in a block, for anybody to check offline, from the block's hash alone.

A header holds the root of a tree over the receipts of its transactions (Ethereum's Merkle Patricia tree, keyed by
their place in the block), and a receipt holds what contracts wrote. So header, path and receipt are enough, and the
hash of the header is what a reader compares with any node of the chain. Source: Ethereum's yellow paper, section 4.3
and appendix D.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from antiphon.errors import ProtocolError, UnavailableError
from antiphon.ledger.evm.rpc import Rpc

HEADER = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas"),
    *("withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash"),
)
"""Fields in order; the last ones are there since the fork that brought them."""
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
_RECEIPTS_ROOT, _NUMBER, _TIME = 5, 8, 11
_HINT = "Do not trust this receipt; make it again."
MAX_NODES = 64
_Path = tuple[int, ...]


class Inclusion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an event is, and what proves it."""

    header: bytes  # RLP
    place: int  # of the transaction in its block
    log: int  # of the event in its transaction
    nodes: tuple[bytes, ...]  # of the tree of receipts, from the root down


class Included(msgspec.Struct, frozen=True, kw_only=True):
    """What was proven to be in a block."""

    block: int
    block_hash: str
    time_s: int
    address: str
    topics: tuple[bytes, ...]
    data: bytes


async def prove(rpc: Rpc, block: int, log_index: int) -> Inclusion:
    """Of the event with this index in its block. Raises ProtocolError when the block is not what its hash says."""
    found = await rpc.ask("eth_getBlockByNumber", hex(block), False)
    receipts = await rpc.ask("eth_getBlockReceipts", hex(block))
    if found is None or receipts is None:
        raise UnavailableError(f"The chain's node at {rpc.url} has no block {block}", "Ask a node that keeps all.")
    header = _header(found)
    tree, nodes = _tree({_encode(place): _receipt(one) for place, one in enumerate(receipts)})
    if _keccak(header) != _bytes(found["hash"]) or tree != _bytes(found["receiptsRoot"]):
        raise ProtocolError(f"The chain's node gives a block {block} that its hash does not cover", "Use another node.")
    for place, receipt in enumerate(receipts):
        for number, log in enumerate(receipt["logs"]):
            if int(log["logIndex"], 16) == log_index:
                _, path = _walk(tree, _nibbles(_encode(place)), nodes)
                return Inclusion(header=header, place=place, log=number, nodes=tuple(path))
    raise ProtocolError(f"The chain's node shows no event {log_index} in block {block}", "Use another node.")


def verify(proof: Inclusion) -> Included:
    """What it proves. Raises ProtocolError for what proves nothing."""
    if len(proof.nodes) > MAX_NODES:
        raise ProtocolError("The proof is too long", _HINT)
    try:
        header = _decode(proof.header)
        raw, _ = _walk(
            header[_RECEIPTS_ROOT], _nibbles(_encode(proof.place)), {_keccak(one): one for one in proof.nodes}
        )
        status, _, _, logs = _decode(raw[1:] if raw[0] < 0x80 else raw)  # newer kinds begin with their number
        address, topics, data = logs[proof.log]
    except ProtocolError:
        raise
    except Exception as e:
        raise ProtocolError(f"The proof cannot be read: {e!r}", _HINT) from e
    if status != b"\1":
        raise ProtocolError("The transaction has failed", _HINT)
    return Included(
        block=int.from_bytes(header[_NUMBER], "big"),
        block_hash="0x" + _keccak(proof.header).hex(),
        time_s=int.from_bytes(header[_TIME], "big"),
        address="0x" + address.hex(),
        topics=tuple(topics),
        data=data,
    )


def _header(block: Mapping[str, Any]) -> bytes:
    fields = [name for name in HEADER if block.get(name) is not None]
    return _encode([int(block[name], 16) if name in NUMBERS else _bytes(block[name]) for name in fields])


def _receipt(receipt: Mapping[str, Any]) -> bytes:
    logs = [
        [_bytes(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"])]
        for log in receipt["logs"]
    ]
    fields = [int(receipt["status"], 16), int(receipt["cumulativeGasUsed"], 16), _bytes(receipt["logsBloom"]), logs]
    kind = int(receipt.get("type") or "0x0", 16)
    return (bytes([kind]) if kind else b"") + _encode(fields)


def _tree(values: Mapping[bytes, bytes]) -> tuple[bytes, dict[bytes, bytes]]:
    """Root, and each node by its hash."""
    nodes: dict[bytes, bytes] = {}
    root = _encode(_node([(_nibbles(key), value) for key, value in values.items()], nodes))
    nodes[_keccak(root)] = root
    return _keccak(root), nodes


def _node(values: list[tuple[_Path, bytes]], nodes: dict[bytes, bytes]) -> list[Any]:
    if len(values) == 1:
        path, value = values[0]
        return [_packed(path, leaf=True), value]
    first, last = min(values)[0], max(values)[0]
    shared = next((at for at, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), len(first))
    if shared:
        below = _node([(path[shared:], value) for path, value in values], nodes)
        return [_packed(first[:shared], leaf=False), _reference(below, nodes)]
    branch: list[Any] = [b""] * 17
    for nibble in range(16):
        if below_here := [(path[1:], value) for path, value in values if path[:1] == (nibble,)]:
            branch[nibble] = _reference(_node(below_here, nodes), nodes)
    branch[16] = next((value for path, value in values if not path), b"")
    return branch


def _reference(node: list[Any], nodes: dict[bytes, bytes]) -> Any:
    """Small nodes lie in those above them, others are named by their hash."""
    raw = _encode(node)
    if len(raw) < 32:
        return node
    nodes[_keccak(raw)] = raw
    return _keccak(raw)


def _walk(root: bytes, path: _Path, nodes: Mapping[bytes, bytes]) -> tuple[bytes, list[bytes]]:
    """The value at a path, and the nodes that lead there. Raises ProtocolError where one is missing."""
    reference: Any = root
    used: list[bytes] = []
    while True:
        if isinstance(reference, bytes):
            if reference not in nodes:
                raise ProtocolError("The proof does not lead to the block's root", _HINT)
            used.append(nodes[reference])
            reference = _decode(nodes[reference])
        if len(reference) == 17:
            if not path:
                return reference[16], used
            reference, path = reference[path[0]], path[1:]
            continue
        shared, leaf = _unpacked(reference[0])
        if path[: len(shared)] != shared or (leaf and path != shared):
            raise ProtocolError("The proof leads to another transaction", _HINT)
        if leaf:
            return reference[1], used
        reference, path = reference[1], path[len(shared) :]


def _nibbles(key: bytes) -> _Path:
    return tuple(half for one in key for half in (one >> 4, one & 15))


def _packed(path: _Path, *, leaf: bool) -> bytes:
    """Hex prefix: whether it is a leaf, whether its length is odd, then the nibbles."""
    halves = (2 * leaf + len(path) % 2, *([] if len(path) % 2 else [0]), *path)
    return bytes(one << 4 | two for one, two in zip(halves[::2], halves[1::2], strict=True))


def _unpacked(raw: bytes) -> tuple[_Path, bool]:
    halves = _nibbles(raw)
    return halves[1 if halves[0] & 1 else 2 :], bool(halves[0] & 2)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _encode(value: int | bytes | Sequence[Any]) -> bytes:
    import rlp

    return bytes(rlp.encode(value))


def _decode(raw: bytes) -> Any:
    import rlp

    return rlp.decode(raw)


def _keccak(raw: bytes) -> bytes:
    from eth_utils.crypto import keccak

    return keccak(raw)

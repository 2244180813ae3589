"""One identity, two keys: the Ed25519 key signs that it belongs to an address, on one chain and in one registry."""

from __future__ import annotations

from antiphon.errors import ProtocolError
from antiphon.ledger.evm.config import ChainFile
from antiphon.protocol.identity import verify

_PREFIX = b"antiphon/1 bind\0"


def binding_message(chain: ChainFile, address: str, node: str) -> bytes:
    """What `registry.binding_message` gives: 15 + 1 + 32 + 20 + 20 + 32 bytes."""
    registry = chain.contracts["registry"].address
    return _PREFIX + chain.chain_id.to_bytes(32, "big") + _raw(registry) + _raw(address) + bytes.fromhex(node)


def check_binding(chain: ChainFile, address: str, node: str, proof: tuple[bytes, bytes]) -> None:
    """Return if `node` itself has signed that it belongs to `address`; raise ProtocolError otherwise."""
    try:
        verify(node, b"".join(proof), binding_message(chain, address, node))
    except ProtocolError as e:
        raise ProtocolError(
            f"{address} names the node {node[:8]}, which never said so", "Do not use it; its owner registers it anew."
        ) from e


def _raw(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))

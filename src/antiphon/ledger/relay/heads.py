"""What a relay and a session's client sign with their chain keys, as EIP-712 says it for the chain's registry."""

from __future__ import annotations

from antiphon.errors import ProtocolError
from antiphon.ledger.book import Head
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.keys import Key

_HINT = "Do not use this relay; what it signed is proof against it."


def signed(chain: ChainFile, key: Key, content: bytes) -> bytes:
    """65 bytes over a struct: r, s, v."""
    v, r, s = key.sign_hash(typed(chain, content))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


def sign(chain: ChainFile, key: Key, book: bytes, sequence: int, digest: bytes) -> Head:
    """How far the relay's book goes, in its own word."""
    signature = signed(chain, key, _head(book, sequence, digest))
    return Head(book=book, sequence=sequence, digest=digest, signature=signature)


def head_signer(chain: ChainFile, head: Head) -> str:
    """The address that signed a head; empty: nobody did."""
    return signer(typed(chain, _head(head.book, head.sequence, head.digest)), head.signature)


def check(chain: ChainFile, head: Head, relay: str) -> None:
    """Return if the relay at this address signed the head; raise ProtocolError otherwise."""
    if head_signer(chain, head).lower() != relay.lower():
        raise ProtocolError(f"The head at {head.sequence} is not signed by the relay {relay}", _HINT)


def typed(chain: ChainFile, content: bytes) -> bytes:
    """EIP-712's digest of a struct, for the registry of this chain."""
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    fields = [kind, keccak(b"Antiphon relay"), keccak(b"1"), chain.chain_id, chain.contracts["registry"].address]
    domain = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], fields))
    return bytes(keccak(b"\x19\x01" + domain + content))


def claim(relay: str, account: str, session: int) -> bytes:
    """What a session's client signs to give it to an account on one relay: both are Ed25519 keys in hex."""
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    kind = keccak(b"Claim(bytes32 relay,bytes32 account,uint256 session)")
    fields = [kind, bytes.fromhex(relay), bytes.fromhex(account), session]
    return bytes(keccak(encode(["bytes32", "bytes32", "bytes32", "uint256"], fields)))


def signer(digest: bytes, signature: bytes) -> str:
    """The address that signed; empty when it is no signature."""
    from eth_keys.datatypes import Signature

    if len(signature) != 65 or signature[64] not in {27, 28}:
        return ""
    try:
        made = Signature(signature[:64] + bytes([signature[64] - 27]))
        return str(made.recover_public_key_from_msg_hash(digest).to_checksum_address())
    except Exception:  # noqa: BLE001 - whatever it is, nobody signed it
        return ""


def _head(book: bytes, sequence: int, digest: bytes) -> bytes:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    kind = keccak(b"Head(bytes32 book,uint64 sequence,bytes32 digest)")
    return bytes(keccak(encode(["bytes32", "bytes32", "uint64", "bytes32"], [kind, book, sequence, digest])))


def recovered(digest: bytes, signature: bytes) -> str:
    """Who signed; empty: nobody did. `signature`: r, vs."""
    vs = int.from_bytes(signature[32:])
    s, v = vs & ((1 << 255) - 1), 27 + (vs >> 255)
    return signer(digest, signature[:32] + s.to_bytes(32) + bytes([v]))

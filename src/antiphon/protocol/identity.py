"""Who somebody is: an Ed25519 key that signs and an X25519 key that opens what was sealed for it."""

from __future__ import annotations

import hmac
import re
import secrets
from functools import lru_cache
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from antiphon.errors import ProtocolError
from antiphon.protocol.secret import Secret

SEED_BYTES = 32
SIGNATURE_BYTES = 64
HPKE_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
"""RFC 9180, base mode, suite 0x0020/0x0001/0x0003."""

_NODE_ID = re.compile(r"[0-9a-f]{64}")
_FIELD = 2**255 - 19
# y coordinates of the points of order 1, 2, 4 and 8 on Ed25519: keys under which one signature fits many messages.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)


def derive(secret: bytes, *, salt: bytes = b"", info: bytes) -> bytes:
    """32 bytes of HKDF-SHA256 (RFC 5869): extract, then the first block of expand, each one HMAC."""
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\x01", "sha256")


class Identity:
    """Keys of one party. Its node id is public; nothing else of it is ever shown, pickled or copied."""

    __slots__ = ("_seal", "_seed", "_sign", "node_id", "seal_public")

    def __init__(self, seed: Secret) -> None:
        raw = seed.reveal()
        if len(raw) != SEED_BYTES:
            raise ProtocolError(f"A seed has {SEED_BYTES} bytes, not {len(raw)}", "Use Identity.generate().")
        self._seed = seed
        # libsodium: Ed25519 at two thirds of the time of OpenSSL, and signing is most of what a small message costs.
        public, self._sign = crypto_sign_seed_keypair(derive(raw, info=b"antiphon/1 identity ed25519"))
        self._seal = X25519PrivateKey.from_private_bytes(derive(raw, info=b"antiphon/1 identity x25519"))
        self.node_id: str = public.hex()
        """64 hex digits: the Ed25519 public key."""
        self.seal_public: bytes = self._seal.public_key().public_bytes_raw()
        """32 bytes: the X25519 public key that task keys are wrapped for."""

    @classmethod
    def generate(cls) -> Identity:
        """A new identity from the system's randomness."""
        return cls(Secret(secrets.token_bytes(SEED_BYTES)))

    @classmethod
    def from_seed(cls, seed: bytes) -> Identity:
        """The identity that belongs to 32 secret bytes; both keys are derived from it by HKDF with their own labels."""
        return cls(Secret(seed))

    @property
    def seed(self) -> Secret:
        """For the key store only."""
        return self._seed

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 (RFC 8032). The caller separates domains."""
        return crypto_sign(message, self._sign)[:SIGNATURE_BYTES]

    def unwrap(self, wrapped: bytes, info: bytes) -> Secret:
        """Open an HPKE message (`sealing.wrap`). Raises ProtocolError if it is not for this identity and `info`."""
        try:
            return Secret(HPKE_SUITE.decrypt(wrapped, self._seal, info))
        except (InvalidTag, ValueError) as e:
            raise ProtocolError(
                "The wrapped key does not open: it is for another node or another task",
                "Ask the client to wrap it anew.",
            ) from e

    def __repr__(self) -> str:
        return f"Identity({self.node_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Identity cannot be pickled or copied")


def check_node_id(node_id: str) -> str:
    """Return it, or raise ProtocolError unless it is 64 lower-case hex digits of a usable Ed25519 public key."""
    _public_key(node_id)
    return node_id


@lru_cache(maxsize=4096)
def _public_key(node_id: str) -> bytes:
    if not _NODE_ID.fullmatch(node_id):
        raise ProtocolError(f"{node_id[:80]!r} is not a node id", "A node id has 64 lower-case hex digits.")
    raw = bytes.fromhex(node_id)
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _FIELD or y in _SMALL_ORDER_Y:
        raise ProtocolError(f"{node_id} is a weak key: anybody could sign for it", "Use Identity.generate().")
    return raw


def verify(node_id: str, signature: bytes, message: bytes) -> None:
    """Return if `signature` is `node_id`'s over `message`; raise ProtocolError otherwise. Never returns False."""
    key = _public_key(node_id)
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError as e:
        raise ProtocolError(
            f"Bad signature: the message is not what {node_id[:12]}... signed",
            "It was forged or changed on its way, or another version of antiphon made it.",
        ) from e

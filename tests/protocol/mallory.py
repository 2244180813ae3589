"""Mallory sits on the wire: reads, drops, repeats and changes everything, has an identity, knows no one's secrets."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from antiphon.protocol import Envelope, Identity, canonical
from antiphon.protocol.envelope import signed_bytes

T = TypeVar("T")


class Mallory:
    """Each attack takes messages as they travel and gives what arrives instead."""

    def __init__(self, seed: int = 666) -> None:
        self.identity = Identity.from_seed(seed.to_bytes(32, "big"))

    @staticmethod
    def read(raw: bytes) -> Envelope:
        return canonical.parse(Envelope, raw)

    @staticmethod
    def write(message: Envelope) -> bytes:
        return canonical.pack(message)

    def drop(self, messages: list[T], index: int) -> list[T]:
        return messages[:index] + messages[index + 1 :]

    def replay(self, messages: list[T], index: int) -> list[T]:
        return messages[: index + 1] + messages[index:]

    def reorder(self, messages: list[T], first: int, second: int) -> list[T]:
        changed = list(messages)
        changed[first], changed[second] = changed[second], changed[first]
        return changed

    def truncate(self, raw: bytes, to_bytes: int) -> bytes:
        return raw[:to_bytes]

    def flip(self, raw: bytes, byte: int, bit: int) -> bytes:
        changed = bytearray(raw)
        changed[byte] ^= 1 << bit
        return bytes(changed)

    def swap(self, raw: bytes, **fields: object) -> bytes:
        """Change fields, keep the signature."""
        return self.write(msgspec.structs.replace(self.read(raw), **fields))

    def unsign(self, raw: bytes) -> bytes:
        """Leave the signature field out altogether."""
        fields = msgspec.msgpack.decode(raw)
        del fields["signature"]
        return msgspec.msgpack.encode(fields)

    def resign(self, raw: bytes, **fields: object) -> bytes:
        """Change fields and sign with Mallory's own key, still in the sender's name."""
        message = msgspec.structs.replace(self.read(raw), **fields)
        return self.write(msgspec.structs.replace(message, signature=self.identity.sign(signed_bytes(message))))

    def steal(self, raw: bytes) -> bytes:
        """Take the body and send it as Mallory's own, properly signed."""
        return self.resign(raw, sender=self.identity.node_id)

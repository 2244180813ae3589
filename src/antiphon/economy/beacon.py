"""Randomness that anybody can recompute: integers out of a beacon, and chains of links that nobody knew beforehand.

A chain binds its owner to values that it has not told yet. The tip is published first; each link is the preimage of
the one opened before it. So an opened link proves that it was chosen before the tip was published, and tells nothing
about the next one.
"""

from __future__ import annotations

import hashlib

from antiphon.economy.types import MAX_ROUNDS


class Draws:
    """A stream of integers fixed by (beacon, label). Different labels give independent streams."""

    def __init__(self, beacon: bytes, label: str) -> None:
        self._key = hashlib.sha256(len(beacon).to_bytes(4, "big") + beacon + label.encode()).digest()
        self._counter = 0

    def below(self, limit: int) -> int:
        """Uniform in [0, limit), by rejection: taking a remainder would favour small numbers."""
        if limit <= 0:
            raise ValueError(f"limit must be positive, got {limit}")
        bits = (limit - 1).bit_length()
        while True:
            number = int.from_bytes(self._block(-(-bits // 256)), "big") & ((1 << bits) - 1)
            if number < limit:
                return number

    def _block(self, blocks: int) -> bytes:
        out = b""
        for _ in range(max(1, blocks)):
            out += hashlib.sha256(self._key + self._counter.to_bytes(8, "big")).digest()
            self._counter += 1
        return out


class Chain:
    """A hash chain of `MAX_ROUNDS` links out of a secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        links = [secret]
        for _ in range(MAX_ROUNDS):
            links.append(after(links[-1]))
        self._links = links[::-1]

    @property
    def secret(self) -> bytes:
        """What all links come from, 32 bytes."""
        return self._links[-1]

    @property
    def tip(self) -> bytes:
        """What is published before anything is drawn, 32 bytes."""
        return self._links[0]

    def link(self, number: int) -> bytes:
        """The link that draw `number` (0, 1, 2, ...) opens, 32 bytes."""
        return self._links[1 + number]


def after(link: bytes) -> bytes:
    """What was published before this link: the link of the draw before, or the tip."""
    return hashlib.sha256(b"antiphon/1 link\0" + link).digest()


def both(client_link: bytes, ledger_link: bytes, *, task: str, index: int, attempt: int, round_: int) -> bytes:
    """The beacon of one draw of seats, 32 bytes: nobody who knows one link only can tell it."""
    place = f"{task} {index} {attempt} {round_}".encode()
    return hashlib.sha256(b"antiphon/1 seats\0" + client_link + ledger_link + place).digest()

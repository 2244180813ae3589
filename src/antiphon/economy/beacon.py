"""Random integers that anybody can recompute: SHA-256 in counter mode over a beacon and a label."""

from __future__ import annotations

import hashlib


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

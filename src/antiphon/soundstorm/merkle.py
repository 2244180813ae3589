"""A Merkle tree as in Certificate Transparency (RFC 6962, section 2.1): leaves and nodes hashed in separate domains."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
MAX_LEAVES = 1 << 20


def leaf_hash(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Of leaf hashes, at least one."""
    if not leaves:
        raise ValueError("a tree has at least one leaf")
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return _node(root(leaves[:split]), root(leaves[split:]))


def path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Sibling hashes from the leaf up."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} of {len(leaves)}")
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*path(leaves[:split], index), root(leaves[split:]))
    return (*path(leaves[split:], index - split), root(leaves[:split]))


def root_by(leaf: bytes, index: int, count: int, siblings: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to, or None when the path cannot be one of a tree of `count` leaves."""
    turns = []  # whether the leaf lies left, from the root down
    while count > 1:
        split = _split(count)
        turns.append(index < split)
        index, count = (index, split) if index < split else (index - split, count - split)
    if len(turns) != len(siblings):
        return None
    found = leaf
    for left, sibling in zip(reversed(turns), siblings, strict=True):
        found = _node(found, sibling) if left else _node(sibling, found)
    return found


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1

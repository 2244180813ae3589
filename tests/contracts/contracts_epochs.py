"""What is posted and paid on the chain for one epoch, as who posts and claims computes it. Needs no EVM."""

from __future__ import annotations

from antiphon.economy.consensus import Outcome
from antiphon.ledger.evm.epochs import posting
from antiphon.ledger.evm.epochs.payments import Tree

__all__ = ["Tree", "content", "packed_rows"]


def packed_rows(weights: list[int]) -> list[int]:
    """16 weights a word, the first in the lowest bits."""
    return list(posting.packed(weights))


def content(found: Outcome) -> tuple[list[int], list[int]]:
    """What an honest poster posts of it."""
    return list(posting.packed_columns(found)), [int(dividend) for dividend in found.dividends]

"""What a node got for a part, in words for its log."""

from __future__ import annotations

from antiphon.economy import accounts
from antiphon.economy.types import NANO
from antiphon.ledger.records import PartRecord


def earned_nano(record: PartRecord, node: str) -> int:
    """Paid to `node` for the part, less what its stake lost."""
    total = 0
    for ruling in record.rulings:
        for transfer in ruling.settlement.transfers:
            if transfer.target == accounts.balance(node):
                total += transfer.amount_nano
            elif transfer.source == accounts.stake(node):
                total -= transfer.amount_nano
    return total


def earned(record: PartRecord, node: str) -> str:
    """`valid, earned 0.00126 ANT`; for a loss `invalid, lost 0.002 ANT`."""
    nano = earned_nano(record, node)
    word = "lost" if nano < 0 else "earned"
    return f"{record.state}, {word} {abs(nano) / NANO:.9f}".rstrip("0").rstrip(".") + " ANT"

"""What a job may cost, with everything that is bought again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from antiphon.economy import accounts
from antiphon.economy.types import NANO
from antiphon.errors import FundsError
from antiphon.ledger.records import PartRecord
from antiphon.protocol.receipt import Receipt


@dataclass(slots=True)
class Budget:
    """`limit_nano` holds at every moment for what was paid plus all that could be paid for what is open.

    So a job never costs more, whatever fails, is bought again or gets dearer. None = no limit. `spent_nano` is what
    closed tasks have cost, earlier runs of the same job included.
    """

    limit_nano: int | None = None
    spent_nano: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # between what a job buys at the same time

    def lower(self, limit_nano: int) -> None:
        """From now on at most so much."""
        self.limit_nano = limit_nano if self.limit_nano is None else min(limit_nano, self.limit_nano)

    def fits(self, open_nano: int, total_nano: int) -> bool:
        """Whether a task that can cost `total_nano` may be opened beside what is open."""
        return self.limit_nano is None or self.spent_nano + open_nano + total_nano <= self.limit_nano

    def refusal(self, open_nano: int, total_nano: int) -> FundsError:
        """Why it does not fit."""
        before_nano = self.spent_nano + open_nano
        return FundsError(
            f"What comes next can cost {ant(total_nano)} beside the {ant(before_nano)} of what came before it, "
            f"more than the limit of {ant(self.limit_nano or 0)} in all",
            "Raise --max-cost, or ask for less.",
        )


def paid_nano(client: str, parts: Iterable[PartRecord]) -> int:
    """What `client` paid for these parts so far, all in all: out of escrow to others, less what penalties brought."""
    own = accounts.balance(client)
    paid = 0
    for part in parts:
        for ruling in part.rulings:
            for transfer in ruling.settlement.transfers:
                if transfer.source.startswith("escrow:") and transfer.target != own:
                    paid += transfer.amount_nano
                elif transfer.source.startswith("stake:") and transfer.target == own:
                    paid -= transfer.amount_nano
    return paid


def cost_nano(receipt: Receipt, client: str) -> int:
    """What a closed task took from `client` in all, hold fees and what was cancelled late included."""
    net: int = receipt.statement["net_nano"].get(accounts.balance(client), 0)
    return -net


def exposed_nano(client: str, parts: Iterable[PartRecord]) -> int:
    """The most these parts can have cost `client` in the end: what was paid, and what is still held for the others."""
    return sum(paid_nano(client, [part]) + (0 if part.state.final else part.remaining_nano) for part in parts)


def ant(nano: int) -> str:
    """An amount for people: ANT with the digits that matter."""
    places = 9 if 0 < abs(nano) < 1_000 else 6
    return f"{nano / NANO:,.{places}f}".rstrip("0").rstrip(".") + " ANT"

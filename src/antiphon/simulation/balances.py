"""Every account of the simulation. Money moves by the transfers of `economy`, and is conserved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from antiphon.economy import accounts
from antiphon.economy.types import Transfer


class Balances:
    """Nano by account, as in `economy.accounts`; the sum of all is always 0."""

    def __init__(self) -> None:
        self.nano: Counter[str] = Counter()
        self.issued: Counter[str] = Counter()  # deposits, by account

    def issue(self, account: str, amount_nano: int) -> None:
        """A deposit."""
        self.issued[account] += amount_nano
        self._move(accounts.ISSUED, account, amount_nano)

    def carry_out(self, transfers: Iterable[Transfer]) -> None:
        for one in transfers:
            self._move(one.source, one.target, one.amount_nano)

    def lock(self, client: str, task: str, amount_nano: int) -> None:
        """From a client's balance into a task's escrow; what the client lacks is deposited."""
        short_nano = amount_nano - self.nano[accounts.balance(client)]
        if short_nano > 0:
            self.issue(accounts.balance(client), short_nano)
        self._move(accounts.balance(client), accounts.escrow(task), amount_nano)

    def check(self) -> None:
        """Money is conserved, nobody owes any, and no escrow is left open."""
        assert sum(self.nano.values()) == 0, "money is conserved"
        for name, nano in self.nano.items():
            assert nano >= 0 or name == accounts.ISSUED, f"{name} owes {-nano} nano"
            assert not name.startswith("escrow:") or nano == 0, f"{name} still holds {nano} nano"
        self.nano = Counter({name: nano for name, nano in self.nano.items() if nano})

    def _move(self, source: str, target: str, amount_nano: int) -> None:
        self.nano[source] -= amount_nano
        self.nano[target] += amount_nano

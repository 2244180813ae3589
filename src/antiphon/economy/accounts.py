"""Names of the accounts that money moves between. The sum over all of them is always 0 (`issued` is negative)."""

from __future__ import annotations

ISSUED = "issued"  # source of all deposits; its balance is minus the money in existence
BURNT = "burnt"


def balance(owner: str) -> str:
    """Free money of a client or node."""
    return f"balance:{owner}"


def stake(node: str) -> str:
    """A node's bond, out of which penalties come."""
    return f"stake:{node}"


def unbonding(node: str) -> str:
    """Stake on its way back to the balance: no longer a reason to get work, still there for penalties."""
    return f"unbonding:{node}"


def escrow(task: str) -> str:
    """Money locked for one task."""
    return f"escrow:{task}"


def royalty(asset: str) -> str:
    """What an asset has earned and its contributors have not taken yet."""
    return f"royalty:{asset}"


def emission(epoch: int) -> str:
    """Newly issued money on its way to whom an epoch pays; empty before and after."""
    return f"emission:{epoch}"

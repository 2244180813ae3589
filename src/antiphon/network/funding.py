"""Play money of a ledger whose operator's key is at hand: each identity is given it once, and never again.

The ledger itself keeps the record: the deposit's nonce follows from what it is for, and a nonce counts once. So what a
penalty took is not made anew, whatever is restarted, and in whatever order.
"""

from __future__ import annotations

import hashlib

from antiphon.errors import RepeatedError
from antiphon.ledger.operations import Deposit, Stake
from antiphon.ledger.records import Account
from antiphon.parties.actor import Actor
from antiphon.protocol.envelope import NONCE_BYTES


async def grant_once(bank: Actor, owner: str, amount_nano: int, purpose: str) -> bool:
    """Deposit for a purpose, unless that was done before. Whether it was done now."""
    nonce = hashlib.sha256(f"antiphon grant {purpose} {owner}".encode()).digest()[:NONCE_BYTES]
    try:
        await bank.submit(Deposit(account=owner, amount_nano=amount_nano), nonce=nonce)
    except RepeatedError:
        return False
    return True


async def fund(bank: Actor, node: Actor, bond_nano: int) -> Account:
    """Give a node that has nothing its stake, once; then let it stake up to `bond_nano` of what it owns.

    Returns its account, whose stake may be less: what penalties took is gone.
    """
    account = await node.context.ledger.account(node.node_id)
    if not (account.stake_nano or account.balance_nano or account.unbonding_nano):
        await grant_once(bank, node.node_id, bond_nano, "bond")
    return await stake_own(node, bond_nano)


async def stake_own(node: Actor, bond_nano: int) -> Account:
    """Stake what is missing to `bond_nano`, if the node's own balance covers it. Returns its account then."""
    ledger = node.context.ledger
    account = await ledger.account(node.node_id)
    missing_nano = bond_nano - account.stake_nano
    if missing_nano > 0 and account.balance_nano >= missing_nano:
        await node.submit(Stake(amount_nano=missing_nano))
        account = await ledger.account(node.node_id)
    return account

"""How a node's stake comes home, and what others' penalties brought: steps that have their time, each sent once.

The bond ends first: `quorum.leave`, and when every session that it may answer for is over, `release`. Then the stake:
`registry.unstake`, and after the registry's delay, `withdraw`.
"""

from __future__ import annotations

import msgspec

from antiphon.errors import ConflictError
from antiphon.ledger.evm.contracts import Contract
from antiphon.ledger.evm.outbox import Receipt
from antiphon.ledger.evm.wallet import Wallet


class Leaving(msgspec.Struct, frozen=True):
    """How far a stake has come. Nano and unix seconds."""

    paid_nano: int = 0  # into the wallet, by this call
    bond_nano: int = 0  # still bonded
    bond_s: int = 0  # when the bond may be released
    unbonding_nano: int = 0
    unbonded_s: int = 0  # when it may be paid out
    locked_nano: int = 0  # what stays until running work, or an appeal, has released it


async def leave(wallet: Wallet) -> Leaving:
    """Do what is due of bringing all the stake of this key's node home. Given again, it does the rest.

    Raises ConflictError for a key that has no stake, and what `Wallet` raises.
    """
    registry, quorum = wallet.contracts.registry, wallet.contracts.quorum
    node = await registry.read("nodes", wallet.address)
    if not node[1] and not node[3]:
        raise ConflictError(f"{wallet.address} has no stake", "`antiphon chain status` shows what the key has.")
    bond = await quorum.read("bonds", wallet.address)
    await _once(wallet, bool(bond) and not await quorum.read("leaves_at", wallet.address), quorum, "leave")
    ready = await quorum.read("leaves_at", wallet.address)
    await _once(wallet, bool(ready) and ready <= await _now_s(wallet), quorum, "release", wallet.address)
    free, _ = await _free(wallet)
    await _once(wallet, free > 0, registry, "unstake", free)
    node = await registry.read("nodes", wallet.address)
    paid = await _once(wallet, bool(node[3]) and node[4] <= await _now_s(wallet), registry, "withdraw")
    return await _standing(wallet, node[3] if paid else 0)


async def claim(wallet: Wallet) -> int:
    """Take out what others' penalties brought this key. Returns how much, in nano."""
    registry = wallet.contracts.registry
    nano: int = await registry.read("claims", wallet.address)
    return nano if await _once(wallet, nano > 0, registry, "claim") else 0


async def _standing(wallet: Wallet, paid_nano: int) -> Leaving:
    node = await wallet.contracts.registry.read("nodes", wallet.address)
    bond = await wallet.contracts.quorum.read("bonds", wallet.address)
    _, kept = await _free(wallet)
    return Leaving(
        paid_nano=paid_nano,
        bond_nano=bond,
        bond_s=await wallet.contracts.quorum.read("leaves_at", wallet.address),
        unbonding_nano=node[3],
        unbonded_s=node[4],
        locked_nano=max(kept - bond, 0),
    )


async def _free(wallet: Wallet) -> tuple[int, int]:
    """Of the stake: what may be taken back, and what stays, as `registry.unstake` has it. Nano."""
    registry = wallet.contracts.registry
    node, terms = await registry.read("nodes", wallet.address), await registry.read("terms")
    kept = min(node[1], max(node[2], terms[0])) if node[2] else 0
    return node[1] - kept, kept


async def _once(wallet: Wallet, due: bool, contract: Contract, function: str, *args: object) -> Receipt | None:
    """Send it if it is due, or wait on for it if it was begun."""
    outbox, operation = wallet.outbox, wallet.outbox.begin(f"leave:{function}")
    key, receipt = f"{operation}:{function}", None
    if outbox.knows(key):
        receipt = await outbox.resume(key)
    elif due:
        receipt = await outbox.send(key, contract.address, contract.encode(function, *args))
    if receipt:
        outbox.end(operation)
    return receipt


async def _now_s(wallet: Wallet) -> int:
    return (await wallet.contracts.rpc.block("latest")).time_s

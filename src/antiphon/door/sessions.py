"""Sessions: money set apart on the chain, given to this data folder's client at one relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from antiphon.door.settings import Settings
from antiphon.economy.types import NANO
from antiphon.errors import FundsError
from antiphon.ledger.operations import ClaimSession
from antiphon.parties.actor import Actor

if TYPE_CHECKING:
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.keys import Key
    from antiphon.ledger.evm.wallet import Wallet

PARTS = 100
LASTS_S = 48 * 3_600
"""Of a session that is opened without asking, because a relay was lost."""


async def claim(client: Actor, wallet: Wallet, session: int) -> None:
    """Give a session of the wallet to this client at its relay. Raises what the relay finds wrong with it."""
    from antiphon.ledger.relay import heads

    content = heads.claim(await client.ledger_id(), client.node_id, session)
    signature = heads.signed(wallet.contracts.chain, wallet.key, content)
    await client.submit(ClaimSession(session=session, signature=signature))


async def open_again(settings: Settings, client: Actor) -> None:
    """Open a session as large as the largest that waits at another relay, or as the deposit allows, and give it to the
    client at a relay where it has nothing.

    Expired sessions are closed first: what is left of them is deposit again. Raises FundsError when the chain key is
    not at hand, no session was ever opened, or nothing is deposited.
    """
    key = await chain_key(settings)
    if key is None:
        raise FundsError(
            "There is no session at this relay, and no chain key to open one",
            "antiphon chain session 20; or set ANTIPHON_CHAIN_PASSWORD, and it is opened when it is needed.",
        )
    async with wallet_of(settings, key) as wallet:
        await wallet.close_expired()
        wanted = max((one.left_nano for one in await wallet.sessions()), default=0)
        part = min(wanted, (await wallet.holdings()).balance_nano) // PARTS
        if not part:
            missing = "deposit" if wanted else "session"
            raise FundsError(f"There is no {missing} for a session at this relay", f"antiphon chain {missing} 20")
        number = await wallet.open_session(PARTS, part, LASTS_S, await client.ledger_id())
        hours = LASTS_S // 3_600
        settings.tell(
            f"Session {number}: {part * PARTS / NANO:g} ANT of the deposit are set apart here for {hours} hours"
        )
        await claim(client, wallet, number)


async def chain_key(settings: Settings) -> Key | None:
    """The key that signs for this process; None: there is none, or nobody gave its password. Raises InputError."""
    from antiphon.ledger.evm import keys

    keystore = settings.home / "keys" / "chain.json"
    if settings.chain_key:
        return keys.from_hex(settings.chain_key)
    if not settings.chain_password or not keystore.exists():
        return None
    return await asyncio.to_thread(keys.load, keystore, settings.chain_password)


@asynccontextmanager
async def wallet_of(settings: Settings, key: Key) -> AsyncIterator[Wallet]:
    """What the key does with the contracts of the chain file."""
    from antiphon.ledger.evm.outbox import Fees, Outbox
    from antiphon.ledger.evm.wallet import Wallet

    async with contracts_of(settings) as contracts:
        chain = contracts.chain
        file = settings.home / "outbox.db"
        outbox = await Outbox.open(contracts.rpc, key, file, confirmations=chain.confirmations, fees=Fees())
        yield Wallet(contracts, outbox)


@asynccontextmanager
async def contracts_of(settings: Settings) -> AsyncIterator[Contracts]:
    """The contracts that the chain file names, checked, through a node of the chain that is alive."""
    import time

    from antiphon.ledger.evm import config
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.rpc import Rpc

    file = settings.chain or settings.home / "chain.json"
    chain = config.load(file)
    rpc = Rpc(settings.rpc)
    try:
        contracts = await Contracts.open(rpc, chain, str(file))
        await rpc.expect_alive(time.time())
        yield contracts
    finally:
        await rpc.close()

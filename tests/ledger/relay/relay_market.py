"""A market on a relay: the conformance suite's parties, with their money, stakes and registrations on a real chain."""

from __future__ import annotations

import hashlib
from pathlib import Path

from conformance import RULES
from evm_anvil import DEV_KEYS, Anvil
from ledger_market import CLIENT, OPERATOR, Market, party

from antiphon.clock import Clock
from antiphon.economy.types import NANO, Role, Rules
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.cursor import Cursor
from antiphon.ledger.evm.keys import Key, from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.operations import ClaimSession, Register, ServiceOffer
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.relay.ledger import RelayLedger
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import Identity

PRODUCERS, VALIDATORS = 3, 7
SESSION_NANO = 1_000 * NANO
BOND_NANO = 100 * NANO
SPARE_NANO = 5 * NANO


def chain_secret(name: str) -> str:
    return hashlib.sha256(f"chain key of {name}".encode()).hexdigest()


def chain_key(name: str) -> Key:
    return from_hex(chain_secret(name))


def nodes() -> list[tuple[str, Role, int]]:
    """(name, role, price) of everybody who joins."""
    made = [(f"producer {i}", Role.PROCESSOR, 1_000 + i) for i in range(PRODUCERS)]
    return made + [(f"validator {i}", Role.VALIDATOR, 100) for i in range(VALIDATORS)]


async def found_on_chain(anvil: Anvil, chain: ChainFile, folder: Path) -> None:
    """Everybody's money and stakes: the relay's bond, ten nodes, one session of the client's."""
    import asyncio

    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain)
    bank = await Outbox.open(rpc, from_hex(DEV_KEYS[0]), folder / "bank.db", confirmations=1, fees=Fees())
    names = [name for name, _, _ in nodes()]
    for name in [*names, "client", "relay"]:
        anvil.ask("anvil_setBalance", chain_key(name).address, hex(10**20))

    async def give(name: str, nano: int) -> None:
        data = contracts.token.encode("transfer", chain_key(name).address, nano)
        await bank.send(f"give {name}", contracts.token.address, data)

    async def wallet(name: str) -> Wallet:
        file = folder / f"{name}.db"
        return Wallet(contracts, await Outbox.open(rpc, chain_key(name), file, confirmations=1, fees=Fees()))

    async def join(name: str, role: str, identity: Identity) -> None:
        await (await wallet(name)).stake(BOND_NANO, identity, role, "")

    given = [(name, BOND_NANO + SPARE_NANO) for name in [*names, "relay"]] + [("client", SESSION_NANO)]
    await asyncio.gather(*(give(name, nano) for name, nano in given))
    joined = [(name, role.value, party(name)) for name, role, _ in nodes()]
    await asyncio.gather(*(join(*one) for one in [*joined, ("relay", "relay", OPERATOR)]))
    client = await wallet("client")
    await client.deposit(SESSION_NANO)
    await client.open_session(parts=1_000, part_nano=NANO, lasts_s=6 * 86_400, relay=OPERATOR.node_id)
    await rpc.close()


class RelayMarket(Market):
    """Joins by the chain: nobody deposits or stakes at the relay."""

    async def found(self) -> None:
        await self.claim(1)
        for name, role, price in nodes():
            await self.register(party(name), role, price)

    async def claim(self, session: int, key: str = "client", who: Identity = CLIENT) -> None:
        await self.do(who, self.claiming(session, key, who))

    def claiming(self, session: int, key: str, who: Identity) -> ClaimSession:
        content = heads.claim(OPERATOR.node_id, who.node_id, session)
        chain = self.ledger._facts.contracts.chain
        return ClaimSession(session=session, signature=heads.signed(chain, chain_key(key), content))

    async def register(self, who: Identity, role: Role, price: int) -> None:
        offers = tuple(ServiceOffer(service=one, price_nano=price, languages=("en",)) for one in ("speech", "clone"))
        endpoint = f"test:{who.node_id[:8]}"
        await self.do(who, Register(role=role, offers=offers, seal_key=who.seal_public, endpoint=endpoint))


async def open_relay(
    url: str, chain: ChainFile, folder: Path, clock: Clock, db: str = "", rules: Rules = RULES
) -> tuple[RelayLedger, Rpc]:
    """`db`: a PostgreSQL database, instead of a file."""
    rpc = Rpc(url)
    contracts = await Contracts.open(rpc, chain)
    store = await SqlLedger.open(db or folder / "relay.db", operator=OPERATOR, clock=clock, rules=rules)
    relay = RelayLedger(store, Facts(contracts), Cursor(contracts, folder / "cursor.json"), chain_key("relay"), clock)
    await relay.follow()
    return relay, rpc

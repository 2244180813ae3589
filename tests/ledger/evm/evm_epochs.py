"""Epochs on a real chain: keys with stake and places, each with a data folder of its own, and time that is set."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from evm_anvil import DEV_KEYS, Anvil, snapshot

from antiphon.economy.types import NANO
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.epochs.doing import EpochWallet
from antiphon.ledger.evm.epochs.issuing import emission
from antiphon.ledger.evm.epochs.reading import Reader
from antiphon.ledger.evm.epochs.terms import Phase
from antiphon.ledger.evm.epochs.weights import Secrets
from antiphon.ledger.evm.keys import Key, from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.protocol import Identity

STAKES, NODES = (60, 40, 25), 4
"""Of validators in ANT, and how many processors."""
FAST = Fees(poll_s=0.03)
BURN_PPM, DELAY_S = 100_000, 86_400
TREASURY = from_hex(DEV_KEYS[0])
"""Who deployed has all of the token, and gets the owner's share."""


@dataclass
class World:
    """A chain on which epochs issue the token. `people` are validators first, then nodes."""

    anvil: Anvil
    folder: Path
    contracts: Contracts
    reader: Reader
    owner: EpochWallet
    people: list[EpochWallet]

    @classmethod
    async def open(cls, anvil: Anvil, chain: ChainFile, folder: Path) -> World:
        """As whoever begins anew finds it."""
        contracts = await Contracts.open(Rpc(anvil.url), chain)
        reader = await Reader.open(contracts)
        names = [f"validator {one}" for one in range(len(STAKES))] + [f"node {one}" for one in range(NODES)]
        owner, *people = [await wallet(reader, folder, key) for key in (TREASURY, *map(key_of, names))]
        return cls(anvil, folder, contracts, reader, owner, people)

    async def begin(self) -> None:
        """Validators with stake, processors, a place for each; a tenth of what the token issues is burnt."""
        stakes, roles = (*STAKES, *[10] * NODES), ["validator"] * len(STAKES) + ["processor"] * NODES
        for person in self.people:
            self.anvil.ask("anvil_setBalance", person.address, hex(10**18))
        await asyncio.gather(
            *(self.owner.pay((stake + 20) * NANO, one.address) for one, stake in zip(self.people, stakes, strict=True)),
        )
        joining = enumerate(zip(self.people, stakes, roles, strict=True))
        await asyncio.gather(
            *(one.stake(stake * NANO, identity_of(number), role, "") for number, (one, stake, role) in joining)
        )
        await self.wait(DELAY_S)
        assert await self.owner.adopt() == "Epochs issue the token now"
        await self.to(Phase.OPEN, later=True)
        await asyncio.gather(_in_turn(self.validators), _in_turn(self.nodes))

    @property
    def validators(self) -> list[EpochWallet]:
        return self.people[: len(STAKES)]

    @property
    def nodes(self) -> list[EpochWallet]:
        return self.people[len(STAKES) :]

    async def weigh(self, rows: Sequence[Sequence[int]]) -> int:
        """All validators commit and reveal; then it is time to post. Returns the epoch."""
        for told in await asyncio.gather(*(one.weigh(row) for one, row in zip(self.validators, rows, strict=True))):
            assert "committed" in told
        epoch = await self.to(Phase.REVEAL)
        for told in await asyncio.gather(*(one.reveal() for one in self.validators)):
            assert "revealed" in told
        await self.to(Phase.POST)
        return epoch

    async def nano(self, person: EpochWallet) -> int:
        return int(await self.contracts.token.read("balanceOf", person.address))

    async def wait(self, seconds: int) -> None:
        """Let time pass, and a few blocks."""
        self.anvil.ask("evm_increaseTime", seconds)
        self.anvil.mine(2)

    async def to(self, phase: Phase, *, later: bool = False) -> int:
        """On to a phase of this epoch; `later`: of the next one. Returns the epoch."""
        now = await self.reader.moment()
        begins_s = self.reader.terms.begins_s(self.reader.first_s, now.epoch + later, phase)
        await self.wait(begins_s - await self.reader.now_s())
        return (await self.reader.moment()).epoch

    async def close(self) -> None:
        await self.contracts.rpc.close()


async def _in_turn(people: list[EpochWallet]) -> None:
    """Who comes first has the first place."""
    for person in people:
        assert "taken" in await person.join()


async def _prepared(anvil: Anvil, chain: ChainFile, folder: Path) -> None:
    world = await World.open(anvil, chain, folder)
    owner, token = world.owner, world.contracts.token
    outbox = await Outbox.open(world.contracts.rpc, TREASURY, folder / "propose.db", confirmations=1)
    proposed = emission(world.contracts.epochs.address, world.reader.terms, BURN_PPM)
    await outbox.send("propose", token.address, token.encode("propose_emission", proposed))
    assert owner.contracts.chain.burn_ppm == BURN_PPM
    await world.begin()
    await world.close()


@pytest.fixture(scope="session")
def joined(deployed: tuple[Path, ChainFile], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ChainFile]:
    """(state of a chain on which all have places in an epoch, its chain file)."""
    folder = tmp_path_factory.mktemp("epochs")
    chain = msgspec.structs.replace(deployed[1], burn_ppm=BURN_PPM)
    anvil = Anvil(state=snapshot(deployed[0], folder / "state.json"), block_s=0.1).start()
    try:
        asyncio.run(_prepared(anvil, chain, folder))
    finally:
        anvil.stop()
    return folder / "state.json", chain


@pytest.fixture
async def world(joined: tuple[Path, ChainFile], tmp_path: Path) -> AsyncIterator[World]:
    """A chain of its own, at the beginning of an epoch; every key has an empty data folder."""
    anvil = Anvil(state=snapshot(joined[0], tmp_path / "anvil.json"), block_s=0.1).start()
    made = await World.open(anvil, joined[1], tmp_path)
    await made.wait(DELAY_S + 3_600)  # a chain that is begun again goes by the clock: back to where the other one was
    await made.to(Phase.OPEN, later=True)
    yield made
    await made.close()
    anvil.kill()


async def wallet(reader: Reader, folder: Path, key: Key) -> EpochWallet:
    """A process of this key, begun anew: what it knows is in its folder."""
    contracts, home = reader.contracts, folder / key.address
    outbox = await Outbox.open(contracts.rpc, key, home / "outbox.db", confirmations=1, fees=FAST)
    kept = Secrets(home / "epochs", contracts.chain.chain_id, contracts.epochs.address, key.address)
    return EpochWallet(reader, outbox, kept)


def key_of(name: str) -> Key:
    return from_hex(secret_of(name))


def secret_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def identity_of(number: int) -> Identity:
    return Identity.from_seed(hashlib.sha256(f"identity {number}".encode()).digest())

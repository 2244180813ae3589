"""What anybody may know of a network: who works in it at what price, how well, what epochs paid, and how much money
there is. Amounts in nano (1 ANT = 1,000,000,000 nano); quality and scores 0-1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from antiphon.economy.types import PPM, Role
from antiphon.errors import AntiphonError, InputError

if TYPE_CHECKING:
    from antiphon.door.network import AsyncNetwork
    from antiphon.ledger.epochs import EpochRecord
    from antiphon.ledger.records import NodeRecord

MAX_EPOCHS = 100


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One service that a node offers. `price_nano`: for a unit (a character, or a fifteenth of a second). Empty
    `languages` and `voices`: any."""

    service: str
    engine: str
    price_nano: int
    languages: tuple[str, ...]
    voices: tuple[str, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node in one role. `quality`: by service; empty for one that nobody has judged yet. `settled`: parts, by
    service. `live`: it was heard of within half a minute."""

    id: str
    role: str
    live: bool
    endpoint: str
    stake_nano: int
    locked_nano: int
    offers: tuple[Offer, ...]
    quality: dict[str, float]
    settled: dict[str, int]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a node stands in one service: the network's memory of what validators found."""

    service: str
    role: str
    node: str
    engine: str
    quality: float
    settled: int
    live: bool


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What can be ordered: an engine for a service, and the market for it. `voices` empty: any."""

    engine: str
    service: str
    languages: tuple[str, ...]
    voices: tuple[str, ...]
    nodes: int
    live: int
    min_price_nano: int
    max_price_nano: int
    best_quality: float | None


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch. `closed_ms` 0: it is open, and `emission_nano` is not known."""

    number: int
    state: str
    opened_ms: int
    due_ms: int
    closed_ms: int
    emission_nano: int
    committed: tuple[str, ...]
    revealed: tuple[str, ...]


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """What an epoch paid somebody. `service` empty: for none in particular."""

    to: str
    amount_nano: int
    why: str
    service: str


class EpochPaid(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch, and every payment of it."""

    epoch: Epoch
    payments: tuple[Payment, ...]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Money of one identity whose key lies in the data folder. `name`: of the key; `client` orders."""

    name: str
    id: str
    balance_nano: int
    escrow_nano: int
    stake_nano: int
    locked_nano: int
    unbonding_nano: int


class Revenue(msgspec.Struct, frozen=True, kw_only=True):
    """Money of the network: what was ever issued, of that by epochs, and burnt; and what is this data folder's: its
    client's account and those that its nodes earn on."""

    issued_nano: int
    emitted_nano: int
    burnt_nano: int
    accounts: tuple[Account, ...]


class Market:
    """Questions about the network that is open. They raise `AntiphonError`."""

    def __init__(self, network: AsyncNetwork) -> None:
        self._network = network

    async def nodes(self) -> tuple[Node, ...]:
        """By role and engine."""
        found = [_node(record) for record in await self._records()]
        return tuple(sorted(found, key=lambda one: (one.role, one.offers[0].engine if one.offers else "", one.id)))

    async def scores(self) -> tuple[Score, ...]:
        """By service and role, the best first."""
        found = [
            Score(
                service=service,
                role=str(record.role),
                node=record.node,
                engine=_engine(record, service),
                quality=ppm / PPM,
                settled=record.settled.get(service, 0),
                live=record.live,
            )
            for record in await self._records()
            for service, ppm in record.quality_ppm.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.service, one.role, -one.quality, one.node)))

    async def models(self) -> tuple[Model, ...]:
        """By service and engine."""
        found: dict[tuple[str, str], list[NodeRecord]] = {}
        for record in await self._records():
            for offer in record.offers if record.role is not Role.VALIDATOR else ():
                found.setdefault((offer.service, offer.engine), []).append(record)
        return tuple(_model(service, engine, records) for (service, engine), records in sorted(found.items()))

    async def epochs(self, limit: int = 20) -> tuple[Epoch, ...]:
        """The newest first; the first is open."""
        ledger = self._network._open().ledger
        now = await ledger.epoch()
        first = max(1, now.number - min(limit, MAX_EPOCHS) + 1)
        older = [_epoch(await ledger.epoch(number)) for number in range(now.number - 1, first - 1, -1)]
        return (_epoch(now), *older)

    async def epoch(self, number: int) -> EpochPaid:
        """Raises `InputError` where there is none. One that is open has paid nothing yet."""
        from antiphon.ledger import epoch_receipts

        ledger = self._network._open().ledger
        if not 0 < number <= (await ledger.epoch()).number:
            raise InputError(f"There is no epoch {number}", "Ask for the list of them.")
        record = await ledger.epoch(number)
        if not record.closed_ms:
            return EpochPaid(epoch=_epoch(record), payments=())
        told = (await epoch_receipts.build(ledger, number)).statement["payments"]
        return EpochPaid(epoch=_epoch(record), payments=msgspec.convert(told, tuple[Payment, ...]))

    async def revenue(self) -> Revenue:
        ledger = self._network._open().ledger
        supply = await ledger.supply()
        accounts = []
        for name, owner in self._identities():
            money = await ledger.account(owner)
            accounts.append(
                Account(
                    name=name,
                    id=owner,
                    balance_nano=money.balance_nano,
                    escrow_nano=money.escrow_nano,
                    stake_nano=money.stake_nano,
                    locked_nano=money.locked_nano,
                    unbonding_nano=money.unbonding_nano,
                )
            )
        return Revenue(
            issued_nano=supply.issued_nano,
            emitted_nano=supply.emitted_nano,
            burnt_nano=supply.burnt_nano,
            accounts=tuple(accounts),
        )

    def _identities(self) -> Iterable[tuple[str, str]]:
        """The client, then the nodes whose keys lie here."""
        from antiphon.protocol import load_or_create

        yield "client", self._network._open().client.node_id
        for key in sorted((self._network.home / "keys").glob("*.key")):
            if key.stem not in {"client", "operator"}:
                try:
                    yield key.stem, load_or_create(key).node_id
                except AntiphonError:  # a damaged key has no account that could be named
                    continue

    async def _records(self) -> tuple[NodeRecord, ...]:
        from antiphon.ledger.listing import every_node

        return await every_node(self._network._open().ledger)


def _node(record: NodeRecord) -> Node:
    return Node(
        id=record.node,
        role=str(record.role),
        live=record.live,
        endpoint=record.endpoint,
        stake_nano=record.stake_nano,
        locked_nano=record.locked_nano,
        offers=tuple(
            Offer(
                service=one.service,
                engine=one.engine,
                price_nano=one.price_nano,
                languages=one.languages,
                voices=one.voices,
            )
            for one in record.offers
        ),
        quality={service: ppm / PPM for service, ppm in record.quality_ppm.items()},
        settled=dict(record.settled),
    )


def _engine(record: NodeRecord, service: str) -> str:
    return next((one.engine for one in record.offers if one.service == service), "")


def _model(service: str, engine: str, records: list[NodeRecord]) -> Model:
    offers = [one for record in records for one in record.offers if (one.service, one.engine) == (service, engine)]
    quality = [record.quality_ppm[service] / PPM for record in records if service in record.quality_ppm]
    prices = [one.price_nano for one in offers]
    return Model(
        engine=engine,
        service=service,
        languages=tuple(sorted({language for one in offers for language in one.languages})),
        voices=tuple(sorted({voice for one in offers for voice in one.voices})),
        nodes=len(records),
        live=sum(record.live for record in records),
        min_price_nano=min(prices),
        max_price_nano=max(prices),
        best_quality=max(quality, default=None),
    )


def _epoch(record: EpochRecord) -> Epoch:
    return Epoch(
        number=record.number,
        state=str(record.state),
        opened_ms=record.opened_ms,
        due_ms=record.due_ms,
        closed_ms=record.closed_ms,
        emission_nano=record.emission_nano,
        committed=record.committed,
        revealed=record.revealed,
    )

"""Queries: the only ways to read shared state, as `operations` are the only ways to change it.

Each is a value that says what its answer is; `Ledger.read` answers it, whatever the backend is and wherever it runs. A
new query is a class and a method here, and its answer in the backend that keeps the state (`sql.answers`): whoever
passes queries on (`remote`, `retrying`) need not know it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeAlias, TypeVar, get_args

import msgspec

from antiphon.economy.types import Offer, Part, Quote, Role
from antiphon.ledger.assets import AssetRecord, Earning
from antiphon.ledger.batches import Batch
from antiphon.ledger.book import PAGE, BookPage
from antiphon.ledger.epochs import EpochRecord, Member
from antiphon.ledger.operations import Selector
from antiphon.ledger.records import Account, NodeRecord, OpenSeat, PartRecord, Supply, TaskRecord

T = TypeVar("T")


class Query(msgspec.Struct, Generic[T], frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="call"):
    """One question; T is the type of its answer. What each means is said at the method of `Reads`."""

    @classmethod
    def answer(cls) -> Any:
        """T, as a value: what an answer that arrives from elsewhere is read as."""
        return get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]


class ReadAccount(Query[Account], frozen=True, tag="account"):
    owner: str


class ReadNode(Query[NodeRecord], frozen=True, tag="node"):
    node: str
    role: Role


class ListNodes(Query[tuple[NodeRecord, ...]], frozen=True, tag="nodes"):
    role: Role | None = None
    after: str = ""
    limit: int = 100


class ListOffers(Query[tuple[Offer, ...]], frozen=True, tag="offers"):
    selector: Selector
    role: Role


class AskQuote(Query[Quote], frozen=True, tag="quote"):
    selector: Selector
    parts: tuple[Part, ...]


class ReadTask(Query[TaskRecord], frozen=True, tag="task"):
    task: str


class ListTasks(Query[tuple[TaskRecord, ...]], frozen=True, tag="tasks"):
    client: str | None = None
    limit: int = 50


class ListParts(Query[tuple[PartRecord, ...]], frozen=True, tag="parts"):
    task: str


class ReadPart(Query[PartRecord], frozen=True, tag="part"):
    task: str
    index: int
    newer_than: int = -1
    wait_s: float = 0.0


class ListSeats(Query[tuple[OpenSeat, ...]], frozen=True, tag="seats"):
    node: str
    newer_than: int = -1
    wait_s: float = 0.0


class ReadEvidence(Query[tuple[bytes, ...]], frozen=True, tag="evidence"):
    task: str


class IsRevoked(Query[bool], frozen=True, tag="revoked"):
    grantor: str
    grant: str


class ReadEpoch(Query[EpochRecord], frozen=True, tag="epoch"):
    number: int = 0
    newer_than: int = -1
    wait_s: float = 0.0


class ListMembers(Query[tuple[Member, ...]], frozen=True, tag="members"):
    after: int = -1
    limit: int = 1_000


class ReadSupply(Query[Supply], frozen=True, tag="supply"):
    pass


class ReadBook(Query[BookPage], frozen=True, tag="book"):
    after: int = 0
    limit: int = PAGE


class ListBatches(Query[tuple[Batch, ...]], frozen=True, tag="batches"):
    task: str = ""


class ReadAsset(Query[AssetRecord], frozen=True, tag="asset"):
    asset: str


class ListAssets(Query[tuple[AssetRecord, ...]], frozen=True, tag="assets"):
    after: int = 0
    limit: int = 100


class ListEarnings(Query[tuple[Earning, ...]], frozen=True, tag="earnings"):
    asset: str
    after: int = 0
    limit: int = 500


AnyQuery: TypeAlias = (
    ReadAccount
    | ReadNode
    | ListNodes
    | ListOffers
    | AskQuote
    | ReadTask
    | ListTasks
    | ListParts
    | ReadPart
    | ListSeats
    | ReadEvidence
    | IsRevoked
    | ReadEpoch
    | ListMembers
    | ReadSupply
    | ReadBook
    | ListBatches
    | ReadAsset
    | ListAssets
    | ListEarnings
)


class Reads(ABC):
    """What can be asked. All of it goes through `read`, the one method that a backend writes."""

    @abstractmethod
    async def read(self, query: Query[T]) -> T:
        """Answer a query. Raises `AntiphonError` subclasses only."""

    async def account(self, owner: str) -> Account:
        """Money of one identity; zeros for one that nobody has heard of."""
        return await self.read(ReadAccount(owner=owner))

    async def node(self, node: str, role: Role) -> NodeRecord:
        """One node in one role. Raises InputError when it is not registered."""
        return await self.read(ReadNode(node=node, role=role))

    async def nodes(self, role: Role | None = None, *, after: str = "", limit: int = 100) -> tuple[NodeRecord, ...]:
        """A page of the registered nodes, by node and role; `after` is the `key` of the last record of the page before.

        A page may be shorter than `limit`, but is empty only at the end: see `listing.every_node`.
        """
        return await self.read(ListNodes(role=role, after=after, limit=limit))

    async def offers(self, selector: Selector, role: Role) -> tuple[Offer, ...]:
        """The live offers that a task with this selector would be drawn from: at most `rules.candidates`."""
        return await self.read(ListOffers(selector=selector, role=role))

    async def quote(self, selector: Selector, parts: tuple[Part, ...]) -> Quote:
        """What `OpenTask` would lock now. Raises UnavailableError, naming what is missing."""
        return await self.read(AskQuote(selector=selector, parts=parts))

    async def task(self, task: str) -> TaskRecord:
        """One task, as others may see it. Raises InputError when there is none."""
        return await self.read(ReadTask(task=task))

    async def tasks(self, client: str | None = None, limit: int = 50) -> tuple[TaskRecord, ...]:
        """Newest first."""
        return await self.read(ListTasks(client=client, limit=limit))

    async def parts(self, task: str) -> tuple[PartRecord, ...]:
        """All parts of a task, in order."""
        return await self.read(ListParts(task=task))

    async def part(self, task: str, index: int, *, newer_than: int = -1, wait_s: float = 0.0) -> PartRecord:
        """The part once its version exceeds `newer_than`, or as it is after `wait_s` (a long poll)."""
        return await self.read(ReadPart(task=task, index=index, newer_than=newer_than, wait_s=wait_s))

    async def seats(self, node: str, *, newer_than: int = -1, wait_s: float = 0.0) -> tuple[OpenSeat, ...]:
        """The node's open seats with a `number` above `newer_than`, as soon as there is one, or none after `wait_s`."""
        return await self.read(ListSeats(node=node, newer_than=newer_than, wait_s=wait_s))

    async def evidence(self, task: str) -> tuple[bytes, ...]:
        """The signed envelopes of every operation on a closed task, in order: what a receipt is made of.

        Raises ConflictError while it is open: the client's own would tell whether it is a probe.
        """
        return await self.read(ReadEvidence(task=task))

    async def revoked(self, grantor: str, grant: str) -> bool:
        """Whether `grantor` has revoked this consent of its own, used or not."""
        return await self.read(IsRevoked(grantor=grantor, grant=grant))

    async def epoch(self, number: int = 0, *, newer_than: int = -1, wait_s: float = 0.0) -> EpochRecord:
        """An epoch, 0 for the open one, once its version exceeds `newer_than`, or as it is after `wait_s`.

        Raises InputError when there is none of that number.
        """
        return await self.read(ReadEpoch(number=number, newer_than=newer_than, wait_s=wait_s))

    async def members(self, *, after: int = -1, limit: int = 1_000) -> tuple[Member, ...]:
        """A page of the registered identities by uid, those above `after`."""
        return await self.read(ListMembers(after=after, limit=limit))

    async def asset(self, asset: str) -> AssetRecord:
        """One asset of the registry. Raises InputError for one that nobody has published."""
        return await self.read(ReadAsset(asset=asset))

    async def assets(self, *, after: int = 0, limit: int = 100) -> tuple[AssetRecord, ...]:
        """A page of the registry; `after` is the `number` of the last record of the page before."""
        return await self.read(ListAssets(after=after, limit=limit))

    async def earnings(self, asset: str, *, after: int = 0, limit: int = 500) -> tuple[Earning, ...]:
        """A page of what the use of an asset, and of those made from it, has brought it."""
        return await self.read(ListEarnings(asset=asset, after=after, limit=limit))

    async def supply(self) -> Supply:
        """How much money there is, and where it came from."""
        return await self.read(ReadSupply())

    async def book(self, after: int = 0, limit: int = PAGE) -> BookPage:
        """A relay's order of everything it applied, behind place `after`. Raises InputError where there is no relay."""
        return await self.read(ReadBook(after=after, limit=limit))

    async def batches(self, task: str = "") -> tuple[Batch, ...]:
        """A relay's batches that wait for signatures, or the one that `task` is in. Nothing where there is no relay."""
        return await self.read(ListBatches(task=task))

"""What the chain says about epochs: phase, places, weights, what is posted and what is finished.

Weights and posts are read from events, in the blocks of their epoch alone. A node of the chain that leaves some out is
noticed by `check`: the contract itself is asked for the columns that matter most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import msgspec

from antiphon.errors import ConflictError, ProtocolError, UnavailableError
from antiphon.ledger.evm.binding import check_binding
from antiphon.ledger.evm.contracts import Contracts, Event, checked_address
from antiphon.ledger.evm.epochs.payments import SEATS_AT
from antiphon.ledger.evm.epochs.posting import Content, Revealed, content
from antiphon.ledger.evm.epochs.terms import Moment, Phase, Terms

T = TypeVar("T")
NOBODY = "0x" + 40 * "0"
AT_ONCE = 16
"""Most questions to a chain's node at a time."""
CHECKED = 8
"""Columns that the contract is asked for before a consensus is posted: a reveal that was left out changes all."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Who is weighed in a column."""

    number: int
    address: str
    node: str  # its Ed25519 key, in hex; empty: it never said that it belongs to this address


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """What stands posted in an epoch."""

    poster: str
    block: int
    content: Content


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch whose emission was issued."""

    block: int
    index: int  # of the event's log in its block
    emission_nano: int  # what was paid out: the token's burn is off already
    root: bytes


class Reader:
    """Questions to the contract `epochs`, at the newest block."""

    def __init__(self, contracts: Contracts, terms: Terms, first_s: int) -> None:
        self.contracts, self.terms, self.first_s = contracts, terms, first_s
        self.epochs = contracts.epochs

    @classmethod
    async def open(cls, contracts: Contracts) -> Reader:
        terms = Terms.unpacked(await contracts.epochs.read("terms_in_force"))
        return cls(contracts, terms, int(await contracts.epochs.read("first_s")))

    async def now_s(self) -> int:
        """The chain's own time."""
        return (await self.contracts.rpc.block("latest")).time_s

    async def moment(self) -> Moment:
        return self.terms.moment(self.first_s, await self.now_s())

    async def columns(self) -> list[Column]:
        """All of them, by number."""
        count = int(await self.epochs.read("columns"))
        return await _together(self._column(number) for number in range(count))

    async def _column(self, number: int) -> Column:
        address = await self.holder(number)
        found = await self.contracts.registry.read("nodes", address)
        node = found[7].hex()
        try:
            check_binding(self.contracts.chain, address, node, found[8])
        except ProtocolError:
            node = ""
        return Column(number=number, address=address, node=node if found[0] else "")

    async def holder(self, place: int) -> str:
        """Who holds a place now."""
        count = int(await self.epochs.read("holder_count", place))
        return checked_address((await self.epochs.read("holder", place, count - 1))[0])

    async def holder_then(self, place: int, epoch: int) -> tuple[str, int]:
        """Who held a place when an epoch ended, and which of its holders that was; NOBODY if it was free."""
        for number in reversed(range(int(await self.epochs.read("holder_count", place)))):
            address, since = await self.epochs.read("holder", place, number)
            if since <= epoch:
                return checked_address(address), number
        return NOBODY, 0

    async def holders_then(self, places: Iterable[int], epoch: int) -> dict[int, tuple[str, int]]:
        """`holder_then` of each. Not from events: these would have to be read back to the chain's beginning."""
        wanted = list(places)
        found = await _together(self.holder_then(place, epoch) for place in wanted)
        return dict(zip(wanted, found, strict=True))

    async def reveals(self, epoch: int) -> list[Revealed]:
        """Of all validators whose weights count in an epoch."""
        told = await self._during(epoch, Phase.REVEAL, Phase.POST, "Revealed")
        seats = await _together(self._seat(str(one.values["validator"]), epoch) for one in told)
        return [
            Revealed(
                seat=seat,
                validator=str(one.values["validator"]),
                stake=int(one.values["stake"]),
                words=tuple(one.values["weights"]),
            )
            for seat, one in zip(seats, told, strict=True)
        ]

    async def _seat(self, validator: str, epoch: int) -> int:
        """Where it sat when the epoch's weights were revealed."""
        now = SEATS_AT + int(await self.epochs.read("seat_of", validator)) - 1
        if now >= SEATS_AT and (await self.holder_then(now, epoch))[0] == validator:
            return now - SEATS_AT
        places = range(SEATS_AT, SEATS_AT + int(await self.epochs.read("seats")))  # it has lost its seat since then
        for place, (holder, _) in (await self.holders_then(places, epoch)).items():
            if holder == validator:
                return place - SEATS_AT
        raise ProtocolError(f"{validator} revealed weights without a seat", "Use another node: --rpc URL")

    async def posted(self, epoch: int) -> Post | None:
        """What stands, if anything does."""
        if str((await self.epochs.read("posts", epoch))[0]) == NOBODY:
            return None
        told = await self._during(epoch, Phase.POST, None, "Posted")
        if not told:
            raise UnavailableError(f"The chain's node does not show what was posted in epoch {epoch}", "Ask another.")
        last, values = told[-1], told[-1].values
        made = Content(columns=tuple(values["columns"]), dividends=tuple(values["dividends"]))
        return Post(poster=str(values["poster"]), block=last.block, content=made)

    async def finished(self, epoch: int) -> Finished | None:
        """None: its emission was not issued yet."""
        first = await self.block_at(self.terms.begins_s(self.first_s, epoch + 1))
        head = (await self.contracts.rpc.block("latest")).number
        told = await self.epochs.told("Finished", first, head, _topic(epoch))
        if not told:
            return None
        values = told[0].values
        return Finished(
            block=told[0].block, index=told[0].index, emission_nano=int(values["emission"]), root=bytes(values["root"])
        )

    async def consensus(self, epoch: int) -> Content:
        """What the weights of an epoch give. Raises ConflictError when that is nothing."""
        reveals = await self.reveals(epoch)
        if not reveals:
            raise ConflictError(
                f"Nobody revealed weights in epoch {epoch}", "Nothing is posted, and nothing is issued."
            )
        seats, columns = int(await self.epochs.read("seats")), int(await self.epochs.read("columns"))
        return content(reveals, seats, columns, self.terms.options)

    async def check(self, made: Content) -> None:
        """Hold the heaviest columns against the contract's own. Raises UnavailableError for a node that hides some."""
        ranks = made.ranks()
        heaviest = sorted(range(len(ranks)), key=lambda number: -ranks[number])[:CHECKED]
        for number in heaviest:
            rank, agreed, bonded = await self.epochs.read("compute_column", number)
            if made.column(number) != rank | agreed << 63 | bonded << 95:
                raise UnavailableError(
                    f"The chain's node leaves weights out: the contract computes column {number} otherwise",
                    "Ask again, or use another node: --rpc URL",
                )

    async def block_at(self, time_s: int) -> int:
        """The first block that is not older."""
        rpc = self.contracts.rpc
        low, high = self.contracts.chain.first_block, (await rpc.block("latest")).number + 1
        while low < high:
            middle = (low + high) // 2
            if (await rpc.block(middle)).time_s < time_s:
                low = middle + 1
            else:
                high = middle
        return low

    async def _during(self, epoch: int, begin: Phase, end: Phase | None, event: str) -> list[Event]:
        """Events of an epoch from one phase on until before another one (None: the epoch's end)."""
        first = await self.block_at(self.terms.begins_s(self.first_s, epoch, begin))
        ends = (epoch, end) if end else (epoch + 1, Phase.OPEN)
        last = await self.block_at(self.terms.begins_s(self.first_s, *ends)) - 1
        return await self.epochs.told(event, first, last, _topic(epoch))


def _topic(epoch: int) -> bytes:
    return epoch.to_bytes(32, "big")


async def _together(questions: Iterable[Awaitable[T]]) -> list[T]:
    """Their answers in order, a few at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(question: Awaitable[T]) -> T:
        async with places:
            return await question

    return list(await asyncio.gather(*map(ask, questions)))

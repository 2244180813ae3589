"""Who is connected to a server, and who must go when it is full: places are for those who use them.

A connection *waits* while it is its peer's turn: to ask, to send the rest of its message, to read its answer. Rules:
1. at most `connections` in total and `per_address` from one address; 2. a newcomer takes the place of the one that has
waited longest, of its own address if that is full, else of the address that holds most places; 3. who is being answered
is never put out, so a newcomer finds no place only where all are busy. Pure: the clock is passed in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Protocol


class Member(Protocol):
    """A connection, as far as the crowd knows it."""

    address: str
    deadline_s: float

    def put_out(self) -> None:
        """End at once."""

    def dismiss(self) -> bool:
        """The server stops. True: it is being answered, and ends after that."""

    def overdue(self, now_s: float) -> None:
        """The deadline has passed: end, or set a new one."""


class _Visitors:
    """One address: how many connections it has, and which of them wait, in the order in which they began to."""

    def __init__(self) -> None:
        self.total = 0
        self.waiting: dict[Member, None] = {}


class Crowd:
    """The connections of one server."""

    def __init__(self, connections: int, per_address: int) -> None:
        self._limit = connections
        self._per_address = per_address
        self._members: set[Member] = set()
        self._visitors: dict[str, _Visitors] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._members))

    def join(self, member: Member) -> bool:
        """Take a newcomer in, waiting. False: all places are in use."""
        mine = self._visitors.get(member.address)
        if mine is not None and mine.total >= self._per_address:
            rest: list[_Visitors] = [mine]
        elif len(self._members) >= self._limit:
            rest = list(self._visitors.values())
        else:
            rest = []
        if rest and not self._put_out(rest, lambda _: True):
            return False
        mine = self._visitors.setdefault(member.address, _Visitors())
        mine.total += 1
        mine.waiting[member] = None
        self._members.add(member)
        return True

    def leave(self, member: Member) -> None:
        """Forget a connection. Twice is as good as once."""
        if member not in self._members:
            return
        self._members.discard(member)
        mine = self._visitors[member.address]
        mine.total -= 1
        mine.waiting.pop(member, None)
        if not mine.total:
            del self._visitors[member.address]

    def waits(self, member: Member, *, waits: bool) -> None:
        """It is, or is no longer, the peer's turn."""
        mine = self._visitors.get(member.address)
        if mine is None or member not in self._members:
            return
        if waits:
            mine.waiting.setdefault(member, None)
        else:
            mine.waiting.pop(member, None)

    def relieve(self, who: Callable[[Member], bool]) -> bool:
        """Put out the one of `who` that has waited longest, of the address with most places. False: there is none."""
        return self._put_out(list(self._visitors.values()), who)

    def sweep(self, now_s: float) -> None:
        """Tell all whose deadline has passed."""
        for member in tuple(self._members):
            if member.deadline_s <= now_s:
                member.overdue(now_s)

    def dismiss(self) -> bool:
        """The server stops. True: some are still being answered."""
        return sum(member.dismiss() for member in tuple(self._members)) > 0  # all are told

    def _put_out(self, visitors: list[_Visitors], who: Callable[[Member], bool]) -> bool:
        for some in sorted(visitors, key=lambda one: one.total, reverse=True):
            oldest = next((member for member in some.waiting if who(member)), None)
            if oldest is not None:
                self.leave(oldest)
                oldest.put_out()
                return True
        return False


def address_of(peer: object) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one subscriber is given of IPv6."""
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    if ":" not in host:
        return host
    ip = ipaddress.IPv6Address(host.partition("%")[0])
    return str(ip.ipv4_mapped) if ip.ipv4_mapped else ip.packed[:8].hex()

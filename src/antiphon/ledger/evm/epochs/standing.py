"""How an epoch on the chain stands, and where one key stands in it."""

from __future__ import annotations

import msgspec

from antiphon.ledger.evm.epochs.reading import Reader
from antiphon.ledger.evm.epochs.terms import Phase


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """At the newest block."""

    epoch: int
    phase: Phase
    ends_s: int  # when the next phase begins
    emission_nano: int  # of an epoch, what the token burns of it included
    columns: int
    seats: int
    revealed: tuple[str, ...]  # validators
    poster: str  # of what stands; empty = nothing does
    column: int | None  # the key's own
    seat: int | None
    committed: bool
    bonds_nano: int  # that it can take out


async def standing(reader: Reader, address: str) -> Standing:
    """Of the running epoch."""
    now, epochs = await reader.moment(), reader.epochs
    posted = await reader.posted(now.epoch)
    return Standing(
        epoch=now.epoch,
        phase=now.phase,
        ends_s=now.ends_s,
        emission_nano=reader.terms.emission_nano,
        columns=int(await epochs.read("columns")),
        seats=int(await epochs.read("seats")),
        revealed=tuple(one.validator for one in await reader.reveals(now.epoch)),
        poster=posted.poster if posted else "",
        column=int(await epochs.read("column_of", address)) - 1 if await epochs.read("column_of", address) else None,
        seat=int(await epochs.read("seat_of", address)) - 1 if await epochs.read("seat_of", address) else None,
        committed=any(await epochs.read("commitments", now.epoch, address)),
        bonds_nano=int(await epochs.read("bonds", address)),
    )

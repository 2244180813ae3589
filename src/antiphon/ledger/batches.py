"""Batches of a relay: closed tasks whose pay goes to the chain together, signed by all whom it changes anything for.

The words of it, without a chain; `relay.settling` makes them, `relay.signing` checks and signs them.
"""

from __future__ import annotations

import msgspec


class SessionClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The session's client gave it to this account on this relay (`relay.heads.claim`)."""

    account: str
    session: int
    signature: bytes  # 65


class ChainPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where something is on a chain."""

    transaction: str
    block: int
    block_hash: str


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a relay asks to be signed. Whoever signs computes the statement itself, from the tasks' evidence and the
    chain, and compares `digest`."""

    number: int
    tasks: tuple[str, ...]
    claims: tuple[SessionClaim, ...]  # of the tasks' clients
    parties: tuple[str, ...]  # addresses, ascending: all must sign
    digest: bytes  # 32: what they sign
    expires_s: int  # by the chain's clock: afterwards it cannot be settled
    signed: tuple[str, ...] = ()
    settled: ChainPlace | None = None

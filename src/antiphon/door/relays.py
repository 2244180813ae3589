"""Relays: a ledger named `evm:URL` is used through a watcher, which believes the chain instead of it.

Of several (`evm:URL,URL`, or `evm:` for those that the chain's registry names) the first that answers is used; when it
is gone or caught, the next. What a relay's tasks earned is signed with the chain key, if there is one, so that it comes
to the chain.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from antiphon.clock import SystemClock
from antiphon.door import sessions
from antiphon.door.convicting import convict
from antiphon.door.settings import Settings
from antiphon.errors import AntiphonError, FundsError, InputError, LedgerLostError, ProtocolError, UnavailableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.notary import Notary
from antiphon.ledger.retrying import RetryingLedger
from antiphon.parties.actor import Actor, Context
from antiphon.parties.gossip import ask_head
from antiphon.parties.vouchers import Collector, Wallet
from antiphon.protocol import Identity
from antiphon.transport import Transport

if TYPE_CHECKING:
    from antiphon.ledger.relay.facts import Facts
    from antiphon.ledger.relay.leaving import LeavableRelay
    from antiphon.ledger.relay.signing import Balance, Signer
    from antiphon.ledger.relay.watch import WatchedLedger

PREFIX = "evm:"
WATCH_S = 5.0
ASKED = 2
"""So many nodes, drawn anew each time, are asked what the relay has signed for them."""
LAST_LOOK_S = 3.0
"""How long a relay that is away is waited for at the end, when nothing more is asked of it than one look."""
MAX_RELAYS = 16
log = logging.getLogger("antiphon")

Reach: TypeAlias = Callable[..., AbstractAsyncContextManager[tuple[Ledger, Transport]]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ledger is. `listed`: the registry says so of the relay with this key, so the address is a stranger's."""

    url: str
    listed: str = ""


async def addresses(settings: Settings, ledger: str) -> tuple[Address, ...]:
    """Each ledger that --ledger means, in order of preference. Raises InputError, UnavailableError."""
    if not ledger.startswith(PREFIX):
        return (Address(ledger),)
    named = tuple(dict.fromkeys(one.strip() for one in ledger.removeprefix(PREFIX).split(",") if one.strip()))
    if len(named) > MAX_RELAYS:
        raise InputError(f"--ledger names {len(named)} relays", f"Name at most {MAX_RELAYS}.")
    return tuple(Address(PREFIX + one.removeprefix(PREFIX)) for one in named) or await _registered(settings)


async def _registered(settings: Settings) -> tuple[Address, ...]:
    """The relays of the registry, by bond."""
    from antiphon.ledger.relay.facts import Facts

    async with sessions.contracts_of(settings) as contracts:
        found = await Facts(contracts).relays()
    reached = [Address(PREFIX + one.endpoint, one.node) for one in found if one.endpoint]
    if not reached:
        raise UnavailableError(
            "The chain's registry names no relay with a bond and an address", "Name one: --ledger evm:URL"
        )
    return tuple(reached[:MAX_RELAYS])


class Relays:
    """Several relays, one after the other. What is reached stays open in `stack`."""

    def __init__(self, settings: Settings, named: tuple[Address, ...], stack: AsyncExitStack, reach: Reach) -> None:
        self._settings, self._left, self._stack, self._reach = settings, list(named), stack, reach

    async def first(self, identity: Identity) -> Context:
        """At the first relay that answers. Raises what the first of them raised."""
        try:
            return await self._reached(identity, self._left.pop(0))
        except (UnavailableError, ProtocolError) as e:
            return await self._next(identity, e, broke=True)

    async def elsewhere(self, identity: Identity, error: LedgerLostError) -> Context:
        """At the next relay where we have money, or get some out of the deposit. Raises `error` when that was all."""
        return await self._next(identity, error, broke=False)

    async def _next(self, identity: Identity, error: AntiphonError, *, broke: bool) -> Context:
        while self._left:
            where = self._left.pop(0)
            self._settings.tell(f"{error.what}. Going on at {where.url}")
            try:
                context = await self._reached(identity, where)
                await self._fund(context, broke=broke)
            except AntiphonError as e:
                self._settings.tell(f"{where.url}: {e}")
            else:
                return context
        self._settings.tell(
            "No further relay is named: `antiphon chain relays` lists all. What is set apart at one that is gone comes "
            "back when it expires: antiphon chain sessions"
        )
        raise error

    async def _fund(self, context: Context, *, broke: bool) -> None:
        """`broke`: who only looks needs no money."""
        actor = Actor(context)
        if (await context.ledger.account(actor.node_id)).balance_nano:
            return
        try:
            await sessions.open_again(self._settings, actor)
        except FundsError as e:
            if not broke:
                raise
            log.info("%s", e)

    async def _reached(self, identity: Identity, where: Address) -> Context:
        reaching = self._reach(self._settings, where, identity, leavable=True)
        ledger, transport = await self._stack.enter_async_context(reaching)
        return await context_of(self._settings, identity, ledger, transport)


async def context_of(settings: Settings, identity: Identity, ledger: Ledger, transport: Transport) -> Context:
    """A client's."""
    wallet, notary = await wallet_of(settings, ledger), notary_of(ledger)
    return Context(identity, ledger, transport, SystemClock(), wallet=wallet, notary=notary)


def notary_of(ledger: Ledger) -> Notary | None:
    """Who signs for the chain what is done on this ledger."""
    found: Notary | None = getattr(ledger, "notary", None)
    return found


async def settled_nano(settings: Settings, node: str, *, own: bool) -> int | None:
    """What the chain has for a node, or for this data folder's client (`own`), to be withdrawn; None: no address is
    known."""
    from antiphon.ledger.relay.facts import Facts

    key = await sessions.chain_key(settings) if own else None
    async with sessions.contracts_of(settings) as contracts:
        address = key.address if key else await Facts(contracts).address(node)
        return None if address is None else int(await contracts.quorum.read("balances", address))


async def signing_problem(settings: Settings, node: str) -> str:
    """Why this node cannot sign for its pay, in words; empty: it can."""
    from antiphon.ledger.relay.facts import Facts

    key = await sessions.chain_key(settings)
    if key is None:
        return (
            "This node has no chain key, so it signs no batches: its pay stays at the relay, which is trusted for it. "
            "Set ANTIPHON_CHAIN_KEY, or ANTIPHON_CHAIN_PASSWORD for the key in the data folder."
        )
    async with sessions.contracts_of(settings) as contracts:
        address = await Facts(contracts).address(node)
    if address == key.address:
        return ""
    return f"The chain key is {key.address}, this node is registered at {address}: it cannot sign for its pay."


async def wallet_of(settings: Settings, ledger: Ledger) -> Wallet | None:
    """What signs vouchers at this relay; None: no relay, or no chain key that opens without asking."""
    facts = _facts_of(settings, ledger)
    key = None if facts is None else await sessions.chain_key(settings)
    if facts is None or key is None:
        return None
    from antiphon.ledger.relay.collecting import SessionWallet

    return SessionWallet(facts, key)


def collector_of(settings: Settings, ledger: Ledger, node: str) -> Collector | None:
    """What keeps a producer's vouchers at this relay; None: no relay."""
    facts = _facts_of(settings, ledger)
    if facts is None:
        return None
    from antiphon.ledger.relay.collecting import FILE, VoucherStore

    return VoucherStore(facts, node, settings.home / FILE)


def _facts_of(settings: Settings, ledger: Ledger) -> Facts | None:
    if not (settings.ledger or "").startswith(PREFIX):
        return None
    from antiphon.ledger.relay.leaving import LeavableRelay
    from antiphon.ledger.relay.watch import WatchedLedger

    return ledger.facts if isinstance(ledger, LeavableRelay | WatchedLedger) else None


@asynccontextmanager
async def watched(
    settings: Settings,
    ledger: RetryingLedger,
    ledger_id: str,
    transport: Transport,
    identity: Identity | None = None,
    *,
    leavable: bool,
) -> AsyncIterator[Ledger]:
    """The relay behind `ledger`, watched while it is used, and once more at the end. Raises what the watcher finds;
    one that is `leavable` (others are known) is left instead.

    `identity`: whose balance is checked, and who sends what the chain key signs."""
    from antiphon.ledger.relay.facts import Facts
    from antiphon.ledger.relay.leaving import LeavableRelay
    from antiphon.ledger.relay.watch import ContradictionError, WatchedLedger

    async with sessions.contracts_of(settings) as contracts:
        facts, file = Facts(contracts), settings.home / "relays" / f"{ledger_id}.json"
        watcher = WatchedLedger(ledger, facts, file)
        await watcher.watch()
        made = LeavableRelay(watcher) if leavable else watcher
        signed = file.with_suffix(".db")
        party = await _Party.of(settings, watcher, facts, identity, signed, transport) if identity else None
        watching = asyncio.create_task(_keep_watching(made, party), name="watching the relay")
        try:
            yield made
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            if isinstance(watcher.caught, ContradictionError):
                await convict(settings, watcher.caught.proof)
        ledger.patience_s = LAST_LOOK_S
        try:
            await made.watch()
        except LedgerLostError as e:  # all that was asked of it is done, or was done elsewhere
            log.info("%s", e)


@dataclass(frozen=True, slots=True)
class _Party:
    """Whose balance is checked, and who sends what its chain key signs."""

    actor: Actor
    signer: Signer | None
    balance: Balance
    relay: WatchedLedger
    settings: Settings

    @classmethod
    async def of(
        cls,
        settings: Settings,
        relay: WatchedLedger,
        facts: Facts,
        identity: Identity,
        file: Path,
        transport: Transport,
    ) -> _Party:
        from antiphon.ledger.relay.notary import ChainNotary
        from antiphon.ledger.relay.signing import Balance, Signer, SigningStore

        actor = Actor(Context(identity, relay, transport, SystemClock()))
        key, store = await sessions.chain_key(settings), SigningStore(file)
        signer = Signer(relay, facts, key, store) if key else None
        if key is not None:
            ledger_id = await relay.identity()
            relay.notary = ChainNotary(facts, key, store, actor.node_id, ledger_id, SystemClock())
        balance = Balance(relay, facts, actor.node_id, key.address if key else "", store)
        return cls(actor, signer, balance, relay, settings)

    async def sign(self) -> None:
        if self.signer is not None:
            for operation in await self.signer.attend():
                await self.actor.submit(operation)

    async def check(self) -> None:
        await self.balance.check(self.relay.own_tasks)
        await gossip(self.actor, self.relay)

    async def convict(self) -> None:
        """Of a node, which may run on for weeks, now; of a command, when it ends."""
        from antiphon.ledger.relay.watch import ContradictionError

        if isinstance(self.relay.caught, ContradictionError):
            await convict(self.settings, self.relay.caught.proof)


async def gossip(actor: Actor, relay: WatchedLedger) -> None:
    """Hold what the relay has signed for a few others against what it shows us. Raises ProtocolError."""
    others = [node for node in await relay.nodes() if node.node != actor.node_id and node.live]
    for node in random.sample(others, min(ASKED, len(others))):
        try:
            head = await ask_head(actor, node)
        except AntiphonError as e:
            log.debug("%s does not tell its head: %s", node.node[:8], e)
            continue
        if head is not None:
            await relay.hear(head)


async def _keep_watching(ledger: WatchedLedger | LeavableRelay, party: _Party | None) -> None:
    while True:
        try:
            if party is not None:
                await party.sign()
            await asyncio.sleep(WATCH_S)
            await ledger.watch()
            if party is not None:
                await party.check()
        except (LedgerLostError, ProtocolError) as e:
            log.error("%s", e)
            if isinstance(e, ProtocolError):
                ledger.refuse(e)
            if party is not None:
                await party.convict()
            return
        except AntiphonError as e:
            log.info("the relay's book could not be read: %s", e)
            await asyncio.sleep(WATCH_S)

"""How a command reaches a network: the embedded one in the data folder, or a running one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from antiphon.cli.app import Settings
from antiphon.clock import SystemClock
from antiphon.errors import InputError, StateError, UnavailableError
from antiphon.ledger.base import Ledger
from antiphon.nodes.client import Client
from antiphon.nodes.listener import listener_of
from antiphon.nodes.node import Actor, Context
from antiphon.nodes.transport import Transport
from antiphon.protocol import load_or_create

LEDGER_FILE = "ledger.url"
"""Written by `antiphon ledger serve` while it runs: how other commands with the same data folder find it."""


@dataclass(slots=True)
class Session:
    """A client in a network. `bank` is the operator when the network is ours."""

    client: Client
    ledger: Ledger
    joined: str  # URL, or empty for the embedded network
    bank: Actor | None = None


@asynccontextmanager
async def connect(settings: Settings, *, warm: bool = False) -> AsyncIterator[Session]:
    """The running network named by --ledger or found in the data folder, else the embedded one."""
    url = settings.ledger or await _running(settings)
    async with AsyncExitStack() as stack:
        if url:
            yield await stack.enter_async_context(_join(settings, url))
            return
        from antiphon.nodes.network import embedded

        ears = listener_of(settings.profile)
        if warm:
            ears.warm_up()
        network = await stack.enter_async_context(embedded(settings.home, ears))
        await network.ledger.expire()  # what an earlier command left unfinished
        yield Session(network.client, network.ledger, "", network.bank)


@asynccontextmanager
async def _join(settings: Settings, url: str) -> AsyncIterator[Session]:
    async with reach(url) as (ledger, transport):
        identity = load_or_create(settings.home / "keys" / "client.key")
        yield Session(Client(Context(identity, ledger, transport, SystemClock())), ledger, url)


@asynccontextmanager
async def reach(url: str) -> AsyncIterator[tuple[Ledger, Transport]]:
    """A ledger over HTTP, and the transport to reach nodes with."""
    from antiphon.ledger.remote import RemoteLedger
    from antiphon.nodes.patience import PatientLedger
    from antiphon.nodes.transport import HttpTransport

    transport = HttpTransport()

    def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        return transport.request(endpoint, message, deadline_s=deadline_s)

    ledger = RemoteLedger(request, url)
    try:
        await ledger.identity()  # asked once: whether it is there at all, a person wants to know now
        yield PatientLedger(ledger), transport
    finally:
        await ledger.close()
        await transport.close()


async def find_ledger(settings: Settings) -> str:
    """The URL of the ledger that a node is to join. Raises `UnavailableError` when there is none."""
    url = settings.ledger or await _running(settings)
    if not url:
        raise UnavailableError("No ledger is running for this data folder", "Start one: antiphon ledger serve")
    return url


async def _running(settings: Settings) -> str:
    """The URL that a ledger of this data folder left while it runs; a stale file is ignored."""
    file = settings.home / LEDGER_FILE
    try:
        url = file.read_text().strip()
    except FileNotFoundError:
        return ""
    except OSError as e:
        raise StateError(f"{file} cannot be read: {e.strerror}", "Check its owner and mode.") from e
    with contextlib.suppress(UnavailableError):
        async with reach(url):
            return url
    return ""


def bank_of(settings: Settings, session: Session) -> Actor:
    """The operator of the ledger, if its key lies in this data folder. Raises `InputError` otherwise."""
    if session.bank is not None:
        return session.bank
    key = settings.home / "keys" / "operator.key"
    if not key.exists():
        raise InputError("Only the ledger's operator can deposit", "Run this with the ledger's own --home.")
    context = session.client.context
    return Actor(Context(load_or_create(key), context.ledger, context.transport, context.clock))

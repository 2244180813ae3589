"""How a command reaches a network: the embedded one in the data folder, or a running one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from antiphon.cli.app import Settings
from antiphon.clock import SystemClock
from antiphon.errors import AntiphonError, InputError, StateError, UnavailableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Selector
from antiphon.nodes.client import Client
from antiphon.nodes.listening.ears import listener_of
from antiphon.nodes.node import Actor, Context
from antiphon.nodes.transport import Transport
from antiphon.protocol import load_or_create
from antiphon.services import Service

MAX_URL_BYTES = 2_048
LEDGER_FILE = "ledger.url"
"""Written by `antiphon ledger serve` while it runs: how other commands with the same data folder find it."""


@dataclass(slots=True)
class Session:
    """A client in a network. `bank` is the operator when the network is ours."""

    client: Client
    ledger: Ledger
    joined: str  # URL, or empty for the embedded network
    bank: Actor | None = None
    judges: Future[None] | None = None  # done when the judges of our own network are loaded

    def require_judges(self, selector: Selector) -> None:
        """Raises `ModelError` for work that our own validators could not judge: before anything is quoted or bought."""
        if not self.joined and selector.service == Service.SPEECH:
            from antiphon.nodes.listening.speech import require_judged

            require_judged(selector.language)

    def problem(self) -> AntiphonError | None:
        """Why our own judges could not be loaded, if they could not."""
        if self.judges is None or not self.judges.done():
            return None
        error = self.judges.exception()
        return error if isinstance(error, AntiphonError) else None


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
        judges = ears.warm_up() if warm else None
        network = await stack.enter_async_context(embedded(settings.home, ears))
        await network.ledger.expire()  # what an earlier command left unfinished
        yield Session(network.client, network.ledger, "", network.bank, judges)


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
        with file.open("rb") as stream:
            url = stream.read(MAX_URL_BYTES).decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as e:
        raise StateError(f"{file} cannot be read: {e.strerror}", "Check its owner and mode.") from e
    with contextlib.suppress(AntiphonError):  # nobody there, somebody else, or no URL at all
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

"""How a network is reached: the embedded one in the data folder, or a running one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from antiphon.client.client import Client
from antiphon.door import pins, relays
from antiphon.door.settings import Settings
from antiphon.errors import AntiphonError, InputError, ProtocolError, UnavailableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Selector
from antiphon.network import homes
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator, evaluator_of
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity, load_or_create
from antiphon.services import Service
from antiphon.transport import Transport

FIRST_CALL_S = 3.0
"""How long the first call waits for a ledger that is away or busy; later ones wait longer (`ledger.retrying`), for a
person wants to know soon whether it is there at all."""

LEAVE_S = 6.0
"""How long a relay that is away is waited for, where others are known: as long as it takes to start one again."""


@dataclass(slots=True)
class Session:
    """A client in a network. `bank` is the operator when the network is ours."""

    client: Client
    joined: str  # URL, or empty for the embedded network
    bank: Actor | None = None
    evaluator: JudgingEvaluator | None = None  # of our own network's validators
    judges: Future[None] | None = None  # done when their models are loaded

    @property
    def ledger(self) -> Ledger:
        """Where the client is now: of several relays, another may take over."""
        return self.client.context.ledger

    def require_judges(self, selector: Selector) -> None:
        """Raises `ModelError` for work that our own validators could not judge: before anything is quoted or bought."""
        if not self.joined and selector.service == Service.SPEECH:
            from antiphon.judges.speech.languages import require_judged

            require_judged(selector.language)

    def load_judges(self) -> None:
        """Begin to load the judges of our own network, unless that was done."""
        if self.evaluator is not None and self.judges is None:
            self.judges = self.evaluator.warm_up()

    def problem(self) -> AntiphonError | None:
        """Why our own judges could not be loaded, if they could not."""
        if self.judges is None or not self.judges.done():
            return None
        error = self.judges.exception()
        return error if isinstance(error, AntiphonError) else None


@asynccontextmanager
async def connect(
    settings: Settings, *, warm: bool = False, engine: str = "", judges_only: bool = False
) -> AsyncIterator[Session]:
    """The network named by --ledger, or the one that the data folder serves, else the embedded one.

    Of that, `warm` loads the judges while it starts, and `engine` starts only the nodes that work of this engine needs;
    `judges_only` starts no others than the validators.
    """
    url = settings.ledger or homes.served_at(settings.home)
    async with AsyncExitStack() as stack:
        if url:
            yield await stack.enter_async_context(_join(settings, url))
            return
        from antiphon.network.embedded import Plan, embedded

        evaluator = evaluator_of(settings.profile, home=settings.home)
        judges = evaluator.warm_up() if warm else None
        plan = Plan(processors=(), trainers=()) if judges_only else Plan().serving(engine) if engine else None
        network = await stack.enter_async_context(embedded(settings.home, evaluator, plan=plan))
        await network.ledger.expire()  # what an earlier command left unfinished
        yield Session(network.client, "", network.bank, evaluator, judges)


@asynccontextmanager
async def _join(settings: Settings, url: str) -> AsyncIterator[Session]:
    identity = load_or_create(settings.home / "keys" / "client.key")
    named = await relays.addresses(settings, url)
    async with AsyncExitStack() as stack:
        if len(named) > 1:
            several = relays.Relays(settings, named, stack, reach)
            client = Client(await several.first(identity), partial(several.elsewhere, identity))
        else:
            ledger, transport = await stack.enter_async_context(reach(settings, named[0], identity))
            client = Client(await relays.context_of(settings, identity, ledger, transport))
        yield Session(client, url)


@asynccontextmanager
async def reach(
    settings: Settings, where: relays.Address, identity: Identity | None = None, *, leavable: bool = False
) -> AsyncIterator[tuple[Ledger, Transport]]:
    """A ledger over HTTP, and the transport to reach nodes with. `leavable`: a relay beside which others are known.

    It must be the ledger that --ledger-id names, else the data folder's own, else the one that answered there before.
    Raises ProtocolError when it is another, UnavailableError when nobody answers.

    The ledger's address is the user's word, unless the registry names it. Those of nodes are strangers' words: private
    ones are asked only if the user says so (--private-nodes), or, where he says nothing, if the ledger's own is private
    and he named it.

    On a relay `identity` sends what its chain key signs, and its balance is checked.
    """
    from antiphon.ledger.remote import RemoteLedger
    from antiphon.ledger.retrying import PATIENCE_S, RetryingLedger
    from antiphon.transport import HttpTransport
    from antiphon.transport.reach import is_private_endpoint

    home, url = settings.home, where.url
    on_chain, url = url.startswith(relays.PREFIX), url.removeprefix(relays.PREFIX)
    own = homes.own_ledger(home) if url == homes.served_at(home) else ""
    before = where.listed or (pins.named(settings.ledger_id) if settings.ledger_id else own or pins.known(home, url))
    private = await is_private_endpoint(url) if settings.private_nodes is None else settings.private_nodes
    if where.listed and settings.private_nodes is None:
        private = False
    channel = HttpTransport(allow_private=private or not where.listed)
    transport = HttpTransport(allow_private=private)

    def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        return channel.request(endpoint, message, deadline_s=deadline_s)

    ledger = RemoteLedger(request, url, ledger=before)
    try:
        found = await _identity(settings, RetryingLedger(ledger, patience_s=FIRST_CALL_S), url, before)
        if not own:
            pins.remember(home, url, found, settings.tell)
        if not on_chain:
            yield RetryingLedger(ledger), transport
            return
        patient = RetryingLedger(ledger, patience_s=LEAVE_S if leavable else PATIENCE_S)
        async with relays.watched(settings, patient, found, transport, identity, leavable=leavable) as relay:
            yield relay, transport
    finally:
        await ledger.close()
        await transport.close()
        await channel.close()


async def _identity(settings: Settings, ledger: Ledger, url: str, before: str) -> str:
    """Of the ledger that answers. Raises as `reach`, in the words of how it was named."""
    try:
        return await ledger.identity()
    except (UnavailableError, InputError) as e:
        if not settings.ledger:
            raise homes.not_served(settings.home, url) from e
        raise
    except ProtocolError as e:
        if before and not settings.ledger_id:
            raise pins.changed(settings.home, url, before, e) from e
        raise


def find_ledger(settings: Settings) -> str:
    """The URL of the ledger that a node is to join. Raises `UnavailableError` when there is none."""
    url = settings.ledger or homes.served_at(settings.home)
    if not url:
        raise UnavailableError("No ledger is served for this data folder", "Start one: antiphon ledger serve")
    return url


def bank_of(settings: Settings, session: Session) -> Actor:
    """The operator of the ledger, if its key lies in this data folder. Raises `InputError` otherwise."""
    if session.bank is not None:
        return session.bank
    key = settings.home / "keys" / "operator.key"
    if not key.exists():
        raise InputError("Only the ledger's operator can deposit", "Run this with the ledger's own --home.")
    context = session.client.context
    return Actor(Context(load_or_create(key), context.ledger, context.transport, context.clock))

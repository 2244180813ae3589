"""How long quoting and opening take on a ledger with many registered nodes: CPU time of the whole process.

    python benchmarks/ledger_nodes.py --nodes 10000

Half of the nodes are processors with one of eight engines and fifty languages, half are validators; all have stake and
are live. `cold` is the first call of its kind, `warm` the median of those that follow.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, Mode, Part, Role, Rules
from antiphon.ledger.operations import (
    Cancel,
    Deposit,
    Heartbeat,
    OpenTask,
    Operation,
    Register,
    Selector,
    ServiceOffer,
    Stake,
)
from antiphon.ledger.sql import SqlLedger
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity
from antiphon.transport import InProcessTransport

LANGUAGES = tuple(f"{a}{b}" for a in "abcdefghij" for b in "klmno")
CLOCK = SystemClock()
BATCH = 500
MARKET = Selector(service="speech", language="en-us", voice="engine-3-voice-7")


def identity(name: str) -> Identity:
    return Identity.from_seed(hashlib.sha256(name.encode()).digest())


def registration(number: int, who: Identity) -> Register:
    engine = f"engine-{number % 8}"
    maker = number % 2 == 0
    offer = ServiceOffer(
        service="speech",
        price_nano=10_000 + number % 997,
        languages=("en", *LANGUAGES),
        engine=engine if maker else "",
        voices=tuple(f"engine-3-voice-{voice}" for voice in range(20)) if maker else (),
    )
    role = Role.PROCESSOR if maker else Role.VALIDATOR
    return Register(role=role, offers=(offer,), seal_key=who.seal_public, endpoint=f"http://n{number}.example:7000")


async def populate(ledger: SqlLedger, bank: Actor, nodes: int) -> list[tuple[Actor, Register]]:
    """Deposit, stake, register; as many at a time as a ledger takes in one transaction."""
    made = []
    for number in range(nodes):
        actor = Actor(Context(identity(f"node {number}"), ledger, bank.context.transport, CLOCK))
        made.append((actor, registration(number, actor.context.identity)))
    for start in range(0, nodes, BATCH):
        some = made[start : start + BATCH]
        for step in (
            lambda actor, _: bank.submit(Deposit(account=actor.node_id, amount_nano=20 * NANO)),
            lambda actor, _: actor.submit(Stake(amount_nano=20 * NANO)),
            lambda actor, operation: actor.submit(operation),
        ):
            await asyncio.gather(*(step(actor, operation) for actor, operation in some))
    return made


async def measured(ask: Callable[[int], Awaitable[object]], times: int) -> tuple[float, float]:
    """CPU milliseconds of the first call, and the median of the others."""
    taken = []
    for number in range(times):
        start = time.process_time()
        await ask(number)
        taken.append(1000 * (time.process_time() - start))
    return taken[0], statistics.median(taken[1:])


def opening(number: int) -> tuple[str, Operation]:
    task = hashlib.sha256(b"task %d" % number).hexdigest()[:32]
    fields: dict[str, object] = {}
    if "tips" in OpenTask.__struct_fields__:
        fields["tips"] = (hashlib.sha256(task.encode()).digest(),)
    return task, OpenTask(
        task=task,
        selector=MARKET,
        parts=(Part(index=0, units=200),),
        mode=Mode.VERIFIED,
        request_hash=bytes(32),
        max_total_nano=NANO,
        **fields,  # type: ignore[arg-type]
    )


async def main(nodes: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        operator = identity("operator")
        rules = Rules(live_s=3_600)
        ledger = await SqlLedger.open(Path(folder) / "ledger.db", operator=operator, clock=CLOCK, rules=rules)
        transport = InProcessTransport()
        bank = Actor(Context(operator, ledger, transport, CLOCK))
        client = Actor(Context(identity("client"), ledger, transport, CLOCK))
        await bank.submit(Deposit(account=client.node_id, amount_nano=10**6 * NANO))
        made = await populate(ledger, bank, nodes)
        await ledger.expire()  # as a served ledger does twice a second
        parts = (Part(index=0, units=200),)

        async def quote(_: int) -> None:
            await ledger.quote(MARKET, parts)

        async def open_one(number: int) -> None:
            task, operation = opening(number)
            await client.submit(operation, task)

        async def beat_and_quote(number: int) -> None:
            actor, operation = made[number]
            await actor.submit(Heartbeat(role=operation.role, endpoint=operation.endpoint))
            await ledger.quote(MARKET, parts)

        for name, ask in (("quote", quote), ("open", open_one), ("heartbeat and quote", beat_and_quote)):
            cold_ms, warm_ms = await measured(ask, times)
            print(f"{name:20} {nodes} nodes: cold {cold_ms:7.2f} ms, warm {warm_ms:6.2f} ms of CPU")
        first = opening(0)[0]
        await client.submit(Cancel(task=first), first)
        evidence = await ledger.evidence(first)
        print(f"evidence of one task that was cancelled at once: {sum(map(len, evidence))} bytes")
        await transport.close()
        await ledger.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=50)
    given = parser.parse_args()
    asyncio.run(main(given.nodes, given.times))

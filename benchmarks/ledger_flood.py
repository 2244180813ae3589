"""What a stranger's flood costs honest clients of a served ledger, over loopback.

    python benchmarks/ledger_flood.py --rate 300

A real `antiphon ledger serve`, a flood from another process (registrations without stake, orders without money, and
replays), and an honest client that stakes and reads. First the CPU time that each costs the ledger, then the client's
rate in turns with and without a flood of `--rate` messages a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, Mode, Part, Role
from antiphon.errors import AntiphonError
from antiphon.ledger.gate import Rates
from antiphon.ledger.operations import Deposit, OpenTask, Operation, Register, Selector, ServiceOffer, Stake
from antiphon.ledger.remote import RemoteLedger
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity, load_or_create
from antiphon.transport import HttpTransport, InProcessTransport

CLOCK = SystemClock()
WORKERS = 4


@contextlib.asynccontextmanager
async def reached(url: str) -> AsyncIterator[RemoteLedger]:
    async with HttpTransport(allow_private=True) as http:
        yield RemoteLedger(lambda where, message, s: http.request(where, message, deadline_s=s), url)


def strangers_words(number: int) -> Operation:
    if number % 2:
        offer = ServiceOffer(service="speech", price_nano=1, voices=tuple(f"v{number}-{n}" for n in range(200)))
        return Register(role=Role.PROCESSOR, offers=(offer,), seal_key=bytes(32), endpoint="http://x.example:1")
    task = hashlib.sha256(b"%d %d" % (number, time.time_ns())).hexdigest()[:32]
    tips = {"tips": (bytes(32),)} if "tips" in OpenTask.__struct_fields__ else {}
    return OpenTask(
        task=task,
        selector=Selector(service="speech"),
        parts=(Part(index=0, units=100),),
        mode=Mode.VERIFIED,
        request_hash=bytes(32),
        max_total_nano=NANO,
        **tips,  # type: ignore[arg-type]
    )


async def flood(url: str, rate: float, messages: int = sys.maxsize) -> None:
    """So many messages. Every third is a replay."""
    async with reached(url) as ledger:
        own = await ledger.identity()
        last = b""

        async def send(number: int) -> None:
            nonlocal last
            actor = Actor(Context(Identity.generate(), ledger, InProcessTransport(), CLOCK))
            operation = strangers_words(number)
            raw = actor.sign("ledger", own, getattr(operation, "task", ""), operation)
            with contextlib.suppress(AntiphonError):
                await ledger.submit(last if last and number % 3 == 0 else raw)
            last = raw

        number, start_s = 0, time.monotonic()
        while number < messages:
            number += WORKERS
            await asyncio.gather(*(send(number + k) for k in range(WORKERS)))
            await asyncio.sleep(max(0.0, start_s + number / rate - time.monotonic()))


async def honest(client: Actor, operations: int) -> float:
    """Seconds for so many stakes, each followed by a read."""
    turns = iter(range(operations))

    async def work() -> None:
        for _ in turns:
            await client.submit(Stake(amount_nano=1))
            await client.context.ledger.account(client.node_id)

    start_s = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return time.perf_counter() - start_s


def cpu_s(pid: int) -> float:
    """CPU time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def price(client: Actor, url: str, server: int, operations: int) -> tuple[float, float]:
    """The server's CPU milliseconds for an honest operation with its read, and for one message of the flood."""
    before_s = cpu_s(server)
    await honest(client, operations)
    between_s = cpu_s(server)
    await flood(url, 1e9, operations)
    return 1000 * (between_s - before_s) / operations, 1000 * (cpu_s(server) - between_s) / operations


async def compare(home: Path, url: str, server: int, given: argparse.Namespace) -> None:
    async with reached(url) as ledger:
        transport = InProcessTransport()
        bank = Actor(Context(load_or_create(home / "keys" / "operator.key"), ledger, transport, CLOCK))
        client = Actor(Context(Identity.generate(), ledger, transport, CLOCK))
        await bank.submit(Deposit(account=client.node_id, amount_nano=Rates().full_nano))  # enough for the full rate
        await flood(url, 1e9, 400)  # strangers have used up what they may send at once
        honest_ms, flood_ms = await price(client, url, server, given.operations)
        print(f"CPU of the ledger: {honest_ms:.2f} ms an operation and read, {flood_ms:.2f} ms a flooding message")
        share = given.rate * flood_ms / 10
        print(f"{given.rate:.0f} of them a second take {share:.0f}% of one core (promised: under 20%)")
        ratios = []
        for _ in range(given.rounds):
            quiet_s = await honest(client, given.operations)
            command = (sys.executable, __file__, "--flood", url, "--rate", str(given.rate))
            crowd = await asyncio.create_subprocess_exec(*command)
            await asyncio.sleep(2.0)  # until it has begun
            loud_s = await honest(client, given.operations)
            crowd.kill()
            await crowd.wait()
            ratios.append(quiet_s / loud_s)
            await asyncio.sleep(given.operations / 200)  # the client's own rate comes back
        print(
            f"rate in the flood: {statistics.median(ratios):.2f} of that without (wall clock: on an idle machine only)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--operations", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--flood", metavar="URL")
    given = parser.parse_args()
    if given.flood:
        asyncio.run(flood(given.flood, given.rate))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "antiphon", "--home", folder, "ledger", "serve", "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as server:
            assert server.stderr is not None
            url = server.stderr.readline().decode().split()[-1]
            try:
                asyncio.run(compare(home, url, server.pid, given))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()

"""What a relay costs beside the embedded ledger, on a real anvil: ratios within one run.

    PYTHONPATH=src:tests/ledger:tests/ledger/evm:tests/ledger/relay python scripts/measure_relay.py [TASKS]

Both do the same tasks (open, deliver, draw, three commits, three reveals), a hundred in flight; the relay's are watched
by a client that reads its book. Then: entries of a book that a client checks in a second.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from conformance import RULES
from evm_anvil import Anvil
from evm_chain import _deploy
from ledger_market import OPERATOR, Market, task_id
from relay_market import RelayMarket, found_on_chain, open_relay

from antiphon.clock import ManualClock
from antiphon.ledger.relay.watch import WatchedLedger
from antiphon.ledger.sql import SqlLedger

IN_FLIGHT = 100


async def work(market: Market, first: int, count: int) -> float:
    """Seconds of this process's time for so many tasks: whatever else the machine does is no part of it."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with gate:
            await market.open(task_id(number), units=(10,))
            await market.deliver(task_id(number))
            await market.judge(task_id(number))

    begin = time.process_time()
    await asyncio.gather(*(one(first + i) for i in range(count)))
    return time.process_time() - begin


async def main(count: int) -> None:
    folder, clock = Path(tempfile.mkdtemp()), ManualClock()  # it stands still: nobody has to send heartbeats
    anvil = Anvil(block_s=0.1).start()
    try:
        chain = await _deploy(anvil.url, folder)
        await found_on_chain(anvil, chain, folder)
        anvil.mine(5)
        plain = await SqlLedger.open(folder / "plain.db", operator=OPERATOR, clock=clock, rules=RULES)
        embedded = Market(plain, clock)
        await embedded.found()
        (folder / "relay").mkdir()
        relay, rpc = await open_relay(anvil.url, chain, folder / "relay", clock)
        market = RelayMarket(relay, clock)
        await market.found()
        watched = WatchedLedger(relay, relay._facts, folder / "head.json")
        market.ledger = watched
        rounds = []
        for number in range(3):
            alone = await work(embedded, number * count, count)
            beside = await work(market, number * count, count)
            await watched.watch()
            rounds.append((alone, beside))
            each = [1_000 * spent / count for spent in (alone, beside)]
            print(f"embedded {each[0]:.1f} ms a task, relay {each[1]:.1f}, ratio {beside / alone:.2f}")
        fresh = WatchedLedger(relay, relay._facts, folder / "fresh.json")
        begin = time.perf_counter()
        length = await fresh.watch()
        print(f"a book of {length:,} entries is checked in {time.perf_counter() - begin:.2f} s")
        print(f"ratio of the middle round: {sorted(b / a for a, b in rounds)[1]:.2f}")
        await plain.close()
        await relay.close()
        await rpc.close()
    finally:
        anvil.kill()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))

"""The area `chain`: gas of a real chain, exact; and what a relay beside it costs, as a ratio to the embedded ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator

from antiphon.bench import anvil
from antiphon.bench.figure import Figure, Step, figure

_NETTED = "gas a task, netted, 1,000 tasks of 10 parties"
_BATCH = "gas a task, by quorum, in a batch of 100"
_QUORUM = "gas a task, by quorum, alone"
_ALONE = "gas a task, step by step on the chain"
_IN_FLIGHT = "tasks in flight at a relay beside anvil, all settled"
_CPU = "network's own time per task, relay over embedded, of processors"
_WALL = "the same, by the clock"
_VOUCHERS = "vouchers a second, checked by one thread, whole messages"
_SIGNED = "the same, the chain's signature alone"


def steps(tries: int) -> tuple[Step, ...]:  # noqa: ARG001 - as every area
    """In the order of `figures`."""
    return Step("gas of each way to settle", 40), Step("a relay beside a chain", 60), Step("vouchers", 5)


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - as every area
    """Without anvil and web3.py nothing is measured, and each line says so."""
    gas_step, relay_step, voucher_step = steps(tries)
    yield gas_step
    if why := anvil.missing():
        for name, unit, target in (
            (_NETTED, "gas", "<= 400"),
            (_BATCH, "gas", "<= 30000"),
            (_QUORUM, "gas", "<= 100000"),
            (_ALONE, "gas", ""),
            (_IN_FLIGHT, "tasks", ">= 100"),
            (_CPU, "x", "<= 1.5"),
            (_WALL, "x", "<= 1.5"),
            (_VOUCHERS, "vouchers/s", ">= 5000"),
            (_SIGNED, "vouchers/s", ""),
        ):
            yield figure(name, None, unit, target, why)
        return
    from antiphon.bench import gas, relaying, vouchers

    async with anvil.own_chain() as chain:
        people = await gas.people(chain)
        yield figure(_NETTED, await gas.netted(chain, people), "gas", "<= 400")
        yield figure(_BATCH, await gas.batched(chain, people), "gas", "<= 30000")
        yield figure(_QUORUM, await gas.by_quorum(chain, people), "gas", "<= 100000")
        each = await gas.alone(chain, people)
        told = ", ".join(f"{step} {spent:,}" for step, spent in each.items())
        yield figure(_ALONE, sum(each.values()), "gas", "", told)
        yield relay_step
        found = await relaying.compared(chain)
    yield figure(_IN_FLIGHT, found.settled, "tasks", ">= 100", f"{found.per_s:.0f} tasks/s")
    told = f"{found.embedded_ms:.1f} ms embedded, {found.relay_ms:.1f} with a relay and its watcher"
    yield figure(_CPU, found.cpu_ratio, "x", "<= 1.5", f"{told}; middle of {len(found.rounds)} rounds")
    yield figure(_WALL, found.wall_ratio, "x", "<= 1.5", "the machine's other work is in it")
    yield voucher_step
    rates = vouchers.measured()
    yield figure(_VOUCHERS, rates.whole, "vouchers/s", ">= 5000", f"of processor time; signed: {rates.signed:,.0f}/s")
    yield figure(_SIGNED, rates.chain, "vouchers/s", "", "EIP-712, recovered by coincurve")

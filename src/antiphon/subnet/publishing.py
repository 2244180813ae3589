"""A miner's place on the metagraph: published once, kept, and published again when it was lost."""

from __future__ import annotations

import asyncio
import logging

from antiphon.errors import UnavailableError
from antiphon.subnet.chain import Chain, Refusal, RefusedError
from antiphon.subnet.gate import Gate
from antiphon.subnet.weighing import own_neuron

log = logging.getLogger("antiphon.subnet")

LOOK_BLOCKS = 5


async def keep_published(chain: Chain, gate: Gate, host: str, port: int) -> None:
    """Look at the chain every five blocks, until cancelled. Publishing costs a call, so what stands there stays.

    Raises RefusedError once the hotkey is registered no more, or the chain does not take the endpoint.
    """
    block_s = await chain.block_s()
    while True:
        if await gate.refresh():
            await publish(chain, gate, host, port)
        await asyncio.sleep(LOOK_BLOCKS * block_s)


async def publish(chain: Chain, gate: Gate, host: str, port: int) -> bool:
    """Whether the endpoint had to be, and was, published."""
    assert gate.metagraph is not None
    endpoint = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if own_neuron(chain.hotkey, gate.metagraph).endpoint == endpoint:
        return False
    try:
        await chain.serve(host, port)
    except RefusedError as error:
        if error.refusal is not Refusal.RATE:
            raise
        log.info("not published yet: %s", error)
        return False
    except UnavailableError as error:
        log.warning("not published yet: %s", error)
        return False
    log.info("published %s", endpoint)
    return True

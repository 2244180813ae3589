"""Bittensor's Dendrite -> Axon with a 100 KB reply: the peer of `exchange`. Runs under the interpreter that has it.

Uses nothing of Antiphon, and no postponed annotations (Axon reads the handler's types).
`exchange_peer.py serve DIR PORT` prints "ready HOTKEY", and "spent CPU_SECONDS" when its input ends;
`exchange_peer.py ask DIR PORT HOTKEY SECONDS AT_ONCE` prints "ready REQUESTS SECONDS P50_MS CPU_SECONDS".
"""

import asyncio
import base64
import os
import sys
import time
from typing import Any

import bittensor as bt  # type: ignore[import-not-found, unused-ignore]
from bittensor.utils import networking  # type: ignore[import-not-found, unused-ignore]

REPLY_BYTES = 100_000
# Dendrite asks a web service for its own address when it is made; everything here is on loopback.
networking.get_external_ip = lambda: "127.0.0.1"


class Work(bt.Synapse):  # type: ignore[misc, unused-ignore]
    """Text there, 100 KB back (base64: a Synapse travels as JSON)."""

    text: str = ""
    audio: str | None = None


def _wallet(folder: str, name: str) -> Any:  # of the peer's own version, not of the one that is installed here
    wallet: Any = bt.Wallet(name=name, hotkey="default", path=folder)
    wallet.create_if_non_existent(coldkey_use_password=False, hotkey_use_password=False, suppress=True)
    return wallet


def serve(folder: str) -> None:
    """Serve until standard input closes."""
    audio = base64.b64encode(os.urandom(REPLY_BYTES)).decode()

    def forward(synapse: Work) -> Work:
        synapse.audio = audio
        return synapse

    # `verify` is left to Axon's own default: signature, nonce and receiver are checked.
    port = int(sys.argv[3])
    axon = bt.Axon(wallet=_wallet(folder, "server"), ip="127.0.0.1", port=port, external_ip="127.0.0.1")
    axon.attach(forward_fn=forward)
    axon.start()
    begun_s = time.process_time()
    print("ready", axon.wallet.hotkey.ss58_address, flush=True)
    sys.stdin.read()
    print("spent", time.process_time() - begun_s, flush=True)
    axon.stop()


async def ask(folder: str, port: int, hotkey: str, seconds: float, at_once: int) -> None:
    """Ask for `seconds` and print the result."""
    dendrite = bt.Dendrite(wallet=_wallet(folder, "client"))
    info = bt.AxonInfo(version=1, ip="127.0.0.1", port=port, ip_type=4, hotkey=hotkey, coldkey=hotkey)
    times: list[float] = []

    async def one() -> None:
        start = time.perf_counter()
        reply = await dendrite.forward(info, Work(text="hello"), timeout=10.0, deserialize=False)
        if reply.audio is None or len(base64.b64decode(reply.audio)) != REPLY_BYTES:
            raise RuntimeError(f"no audio: {reply.dendrite.status_code} {reply.dendrite.status_message}")
        times.append(time.perf_counter() - start)

    async def worker(end: float) -> None:
        while time.perf_counter() < end:
            await one()

    await one()
    times.clear()
    start, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker(start + seconds) for _ in range(at_once)))
    took, cpu_s = time.perf_counter() - start, time.process_time() - cpu_s
    print("ready", len(times), took, sorted(times)[len(times) // 2] * 1000, cpu_s, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        asyncio.run(ask(sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5]), int(sys.argv[6])))

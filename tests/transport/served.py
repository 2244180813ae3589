"""A node's server in a process of its own, with short limits: what it yields never ends, or echoes.

`python served.py LIMITS_JSON` prints its endpoint; it ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from antiphon.transport import Limits, serve

ENDLESS = b"endless"


async def answer(message: bytes) -> AsyncIterator[bytes]:
    yield message
    while message == ENDLESS:
        yield bytes(200_000)


async def main(limits: Limits) -> None:
    import uvloop  # what the commands run on

    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
    async with await serve(answer, limits=limits) as server:
        print(server.endpoint, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def served(**limits: float) -> Iterator[str]:
    """Yields the endpoint."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), json.dumps(limits)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(300)
        process.stdout.close()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Limits(**json.loads(sys.argv[1]))))

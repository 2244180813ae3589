"""`antiphon up --processes N`: several servers on one port, each a process that is started again when it ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable

from antiphon.errors import UnavailableError

log = logging.getLogger(__name__)

READY = b"ready\n"
AGAIN_S = 1.0
"""After which a process that ended is started again."""
STOP_S = 30.0


async def run_processes(count: int, listener: socket.socket, ready: Callable[[], None]) -> None:
    """This command again, `count` times, on the same listener; `ready` is called when all of them serve. Raises
    `UnavailableError` for one that ends before it serves the first time."""
    with listener:
        listener.listen(1_024)
        serving = [asyncio.Event() for _ in range(count)]
        try:
            async with asyncio.TaskGroup() as group:
                for event in serving:  # one after the other: the first may have to found a network
                    group.create_task(_kept(listener.fileno(), event))
                    await event.wait()
                ready()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def _kept(listener: int, serving: asyncio.Event) -> None:
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "antiphon", *sys.argv[1:], "--listener", str(listener)),
            stdin=asyncio.subprocess.PIPE,  # ends when this process does, however it does
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(listener,),
            start_new_session=True,  # Ctrl-C is for this process
        )
        try:
            assert process.stdout is not None
            if await process.stdout.readline() == READY:
                serving.set()
            code = await process.wait()
        finally:
            await _ended(process)
        if not serving.is_set():
            raise UnavailableError(f"A server ended at its start, with {code}", "Its own message says why.")
        log.warning("a server ended with %d, and is started again", code)
        await asyncio.sleep(AGAIN_S)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def parent_gone() -> None:
    """Returns when the process that started this one has ended."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await reader.read()
    finally:
        transport.close()

"""An engine's work in one thread, heard chunk by chunk. One visit to the thread an order, whatever it makes: going
there and back for each chunk is most of what a short answer costs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor

from antiphon.errors import AntiphonError, UnavailableError
from antiphon.parties.messages import MAX_RESULT_BYTES

log = logging.getLogger(__name__)


async def making(pool: Executor, begin: Callable[[], Iterator[bytes]]) -> AsyncGenerator[bytes, None]:
    """The chunks of `begin()`. Closing it ends the work at the next chunk.

    Raises UnavailableError when the engine fails, or makes more than one answer may have: so much is held at most.
    """
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[bytes | AntiphonError | None] = asyncio.Queue()
    left = threading.Event()

    def tell(what: bytes | AntiphonError | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            loop.call_soon_threadsafe(heard.put_nowait, what)

    def make() -> None:
        try:
            size = 0
            for chunk in begin():
                size += len(chunk)
                if left.is_set():
                    return
                if size > MAX_RESULT_BYTES:
                    raise UnavailableError("The engine made more than can be judged", "Ask for less at once.")
                tell(chunk)
        except AntiphonError as error:
            tell(error)
        except Exception as error:  # noqa: BLE001 - an engine may raise anything; it is told to the asker
            log.warning("the engine failed: %s: %s", type(error).__name__, error)  # its words stay here
            tell(UnavailableError(f"The engine failed: {type(error).__name__}", "Ask another miner."))
        else:
            tell(None)

    pool.submit(make)
    try:
        while (what := await heard.get()) is not None:
            if isinstance(what, AntiphonError):
                raise what
            yield what
    finally:
        left.set()

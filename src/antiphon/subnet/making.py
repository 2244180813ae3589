"""An engine's work in one thread, heard chunk by chunk. One visit to the thread an order, whatever it makes: going
there and back for each chunk is most of what a short answer costs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor

from antiphon.errors import AntiphonError, UnavailableError
from antiphon.parties.messages import MAX_RESULT_BYTES

log = logging.getLogger(__name__)


async def making(pool: Executor, begin: Callable[[], Iterator[bytes]]) -> AsyncGenerator[tuple[bytes, bool], None]:
    """What `begin()` made since the last look, and whether that was all: the last is true, and may come with nothing.
    Closing it ends the work at the next chunk.

    Raises UnavailableError when the engine fails, makes nothing, or more than one answer may have: so much is held at
    most.
    """
    loop, here = asyncio.get_running_loop(), threading.get_ident()
    heard: deque[bytes | AntiphonError | None] = deque()
    news = asyncio.Event()
    left = False

    def tell(what: bytes | AntiphonError | None) -> None:
        heard.append(what)
        if threading.get_ident() == here:  # a pool without threads
            news.set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                loop.call_soon_threadsafe(news.set)

    def make() -> None:
        try:
            size = 0
            for chunk in begin():
                size += len(chunk)
                if left:
                    return
                if size > MAX_RESULT_BYTES:
                    raise UnavailableError("The engine made more than can be judged", "Ask for less at once.")
                tell(chunk)
            tell(None if size else UnavailableError("The engine made nothing", "Ask another miner."))
        except AntiphonError as error:
            tell(error)
        except Exception as error:  # noqa: BLE001 - an engine may raise anything; it is told to the asker
            log.warning("the engine failed: %s: %s", type(error).__name__, error)  # its words stay here
            tell(UnavailableError(f"The engine failed: {type(error).__name__}", "Ask another miner."))

    pool.submit(make)
    try:
        ended = False
        while not ended:
            await news.wait()
            news.clear()
            chunks = []
            while heard and not ended:
                what = heard.popleft()
                if isinstance(what, AntiphonError):
                    raise what
                ended = what is None
                chunks += [] if what is None else [what]
            yield (chunks[0] if len(chunks) == 1 else b"".join(chunks)), ended
    finally:
        left = True

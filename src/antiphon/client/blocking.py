"""Blocking calls that nobody can end, such as reading from a terminal."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_daemon(work: Callable[[], T]) -> T:
    """Call `work` in a daemon thread. Unlike a pool's, it holds up neither a cancel nor the end of the process."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if answer.done():
            return  # nobody waits any more
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def call() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as e:  # noqa: BLE001 - handed on to whoever waits
            error = e
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:  # the loop is gone, and with it everybody who waits in it
            return

    threading.Thread(target=call, name="blocking", daemon=True).start()
    return await answer

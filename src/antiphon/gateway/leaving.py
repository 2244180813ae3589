"""Clients that hang up while something is sent to them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def unless_hung_up(sending: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Send until it is done or the client has gone; then it has ended, cleaned up. Raises what sending raises."""
    work, leaving = asyncio.create_task(sending), asyncio.create_task(_hung_up(receive))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        work.cancel()
        leaving.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

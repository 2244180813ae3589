"""Keeping a ledger's time: deadlines take effect although nobody asks."""

from __future__ import annotations

import asyncio
import logging

from antiphon.errors import AntiphonError
from antiphon.ledger.base import Ledger

INTERVAL_S = 0.5
_log = logging.getLogger(__name__)


async def run_expiry(ledger: Ledger, interval_s: float = INTERVAL_S) -> None:
    """Call `expire` for ever; run it as a task beside a ledger, and cancel it before closing the ledger.

    A failure (a full disk, say) is logged and tried again: operations on a part apply its deadline themselves, so
    nothing is decided wrongly meanwhile.
    """
    while True:
        try:
            await ledger.expire()
        except AntiphonError as e:
            _log.warning("Deadlines could not take effect: %s", e)
        await asyncio.sleep(interval_s)

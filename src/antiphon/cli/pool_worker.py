"""`antiphon node worker`: a process that makes parts for a node elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from antiphon.cli.process_host import log_to_stderr, until_signalled
from antiphon.engines import registry

if TYPE_CHECKING:
    from antiphon.engines.base import Engine


async def run_worker(spec: str, options: Mapping[str, object], url: str, slots: int, name: str) -> None:
    """Until the first signal; what was begun is made to its end. The second ends it at once: others take over."""
    from antiphon.nodes.pool.worker import work

    log_to_stderr()
    engine: Engine = registry.open_engine(spec, options)
    warm_up = getattr(engine, "warm_up", None)
    if warm_up is not None:
        warm_up()
    async with until_signalled() as stopped:
        await work(engine, url, name=name or f"{socket.gethostname()}-{os.getpid()}", slots=slots, stopped=stopped)

"""A node over a relay, as `antiphon node` runs it but for instant work, that kills itself around one operation of its:
relay_node_victim.py RPC CHAIN_FILE HOME RELAY NAME ROLE KEY [before|after OPERATION]
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from network_of import ScriptedEvaluator, ToneRunner

from antiphon.cli.process_host import BindAddress, run_node
from antiphon.door.settings import Settings
from antiphon.economy.types import NANO, Role
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Operation
from antiphon.ledger.queries import Query
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Context
from antiphon.protocol import Envelope, canonical

T = TypeVar("T")


class KillsItself(Ledger):
    """The relay, until the first operation of a kind is sent: then this process is gone, as by `kill -9`."""

    def __init__(self, ledger: Ledger, when: str, kind: str) -> None:
        self._ledger, self._when, self._kind = ledger, when, kind

    async def submit(self, envelope: bytes) -> None:
        operation: Operation = canonical.parse(Operation, canonical.parse(Envelope, envelope).body)
        due = type(operation).__name__ == self._kind
        if due and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await self._ledger.submit(envelope)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)

    async def identity(self) -> str:
        return await self._ledger.identity()

    async def read(self, query: Query[T]) -> T:
        return await self._ledger.read(query)

    async def expire(self) -> int:
        return await self._ledger.expire()

    async def close(self) -> None:
        await self._ledger.close()


def main() -> None:
    rpc, chain, home, relay, name, role, key, *kill = sys.argv[1:]
    settings = Settings(Path(home), f"evm:{relay}", rpc=rpc, chain=Path(chain), chain_key=key)

    def build(context: Context) -> Node:
        if kill:
            context = replace(context, ledger=KillsItself(context.ledger, *kill))
        if role == Role.PROCESSOR:
            return Producer(context, ToneRunner(10_000))
        return Validator(context, ScriptedEvaluator(), 15_000, weighs=False)

    asyncio.run(run_node(settings, build, name, BindAddress("127.0.0.1", 0), 100 * NANO))


main()

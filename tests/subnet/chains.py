"""A chain on this machine that tests move by hand, and hotkeys on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from antiphon.clock import ManualClock
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.offline import OfflineChain, Rules
from antiphon.subnet.offline_service import OfflineClient, OfflineService
from antiphon.transport import InProcessTransport


class LocalChain:
    """An offline chain behind its own service, in this process: signed calls, and blocks that pass when told."""

    def __init__(self, home: Path, transport: InProcessTransport, rules: Rules) -> None:
        self.clock = ManualClock()
        self._home, self._transport, self._rules = home, transport, rules
        self.restart()
        self.url = transport.register("chain", self._handle)

    def _handle(self, message: bytes) -> AsyncIterator[bytes]:
        return self.service.handle(message)

    def restart(self) -> None:
        """As after kill -9: whatever is not in its file is gone."""
        self.service = OfflineService(self._home / "chain.json", self.clock, rules=self._rules, block_s=1.0)

    @property
    def rules(self) -> OfflineChain:
        return self.service.chain

    def client(self, key: Hotkey) -> OfflineClient:
        return OfflineClient(self.url, key, self._transport)

    async def joined(self, uri: str, stake_rao: int = 0) -> OfflineClient:
        """A registered hotkey."""
        client = self.client(Hotkey.of(uri))
        await client.register(stake_rao)
        return client

    def pass_blocks(self, count: int) -> None:
        self.clock.advance(count)
        self.service.tick()

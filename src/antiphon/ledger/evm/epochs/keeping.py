"""What is due now, of everything that one key does in epochs on the chain; once, or for ever.

An epoch that has ended is finished and claimed first; then, by phase: take a place and weigh, reveal, post, look for
what is wrong in the post of others. What cannot be done now is told, and keeps nothing else from being done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from antiphon.errors import AntiphonError, ConflictError, OutputError, UnreachableError
from antiphon.ledger.evm.epochs.doing import EpochWallet
from antiphon.ledger.evm.epochs.reading import Column
from antiphon.ledger.evm.epochs.terms import Moment, Phase
from antiphon.ledger.evm.wallet import ROLES

log = logging.getLogger("antiphon.ledger.evm")

LOOKS_BACK = 100
"""Epochs that are claimed by themselves; older ones by `claim N`."""
POLL_S = 5.0
WEIGHS_LATE = 3
"""A process weighs in the last third of the open phase: what was heard until then counts."""
Weigh = Callable[[list[Column]], list[int]]


class Keeper:
    """Of one key. `weigh` makes its weights by column, none for whoever does not weigh; `file` keeps how far it has
    come."""

    def __init__(self, wallet: EpochWallet, weigh: Weigh, file: Path) -> None:
        self._wallet, self._weigh, self._file = wallet, weigh, file
        self._seen: object = None  # what was posted and found to be right

    async def act(self, *, patient: bool = False) -> AsyncIterator[str]:
        """Everything that is due, and what was done of it. Raises UnreachableError when the chain is away."""
        now = await self._wallet.reader.moment()
        async for told in self._settle(now):
            yield told
        for step in self._steps(now, patient=patient):
            try:
                told = await step()
            except UnreachableError:
                raise
            except AntiphonError as error:
                told = f"Not done: {error}"
            if told:
                yield told

    async def watch(self, poll_s: float = POLL_S) -> AsyncIterator[str]:
        """For ever. Nothing is told twice in one phase; a chain that is away is waited for."""
        phase, told = None, set[str]()
        while True:
            try:
                now = await self._wallet.reader.moment()
                phase, told = (now, set()) if now != phase else (phase, told)
                async for line in self.act(patient=True):
                    if line not in told:
                        told.add(line)
                        yield line
            except AntiphonError as error:
                log.warning("epochs on the chain: %s", error)
            await asyncio.sleep(poll_s)

    def _steps(self, now: Moment, *, patient: bool) -> list[Callable[[], Awaitable[str]]]:
        wallet = self._wallet
        match now.phase:
            case Phase.OPEN:
                return [self._adopt, self._join, lambda: self._weighed(now, patient=patient), wallet.take_bond]
            case Phase.REVEAL:
                return [self._reveal]
            case Phase.POST:
                return [self._post, self._challenge]
            case Phase.CHALLENGE:
                return [self._challenge]

    async def _settle(self, now: Moment) -> AsyncIterator[str]:
        """Finish and claim what has ended, in order."""
        for epoch in range(max(self._done(), now.epoch - LOOKS_BACK), now.epoch):
            if await self._wallet.reader.posted(epoch) is not None:
                try:
                    for told in (await self._wallet.finish(epoch), *await self._wallet.claim(epoch)):
                        if told:
                            yield told
                except UnreachableError:
                    raise
                except AntiphonError as error:
                    yield f"Not done: {error}"
                    return
            self._keep(epoch + 1)

    async def _adopt(self) -> str:
        """Whoever can, and when it can."""
        try:
            return await self._wallet.adopt()
        except ConflictError:
            return ""

    async def _join(self) -> str:
        role = int(await self._wallet.contracts.registry.read("role_of", self._wallet.address))
        return await self._wallet.join() if role and role != ROLES["relay"] else ""

    async def _weighed(self, now: Moment, *, patient: bool) -> str:
        reader, epochs = self._wallet.reader, self._wallet.contracts.epochs
        early = now.ends_s - await reader.now_s() > reader.terms.open_s // WEIGHS_LATE
        if (patient and early) or not await epochs.read("seat_of", self._wallet.address):
            return ""
        if any(await epochs.read("commitments", now.epoch, self._wallet.address)):
            return ""
        weights = self._weigh(await reader.columns())
        return await self._wallet.weigh(weights) if any(weights) else "Nothing was heard of a node here: no weights"

    async def _reveal(self) -> str:
        epoch = (await self._wallet.reader.moment()).epoch
        committed = await self._wallet.contracts.epochs.read("commitments", epoch, self._wallet.address)
        return await self._wallet.reveal() if any(committed) else ""

    async def _post(self) -> str:
        epoch = (await self._wallet.reader.moment()).epoch
        return await self._wallet.post() if await self._wallet.reader.reveals(epoch) else ""

    async def _challenge(self) -> str:
        """What was found to be right is not computed again."""
        reader = self._wallet.reader
        epoch = (await reader.moment()).epoch
        post = await reader.posted(epoch)
        if post is None or post == self._seen:
            return ""
        told = await self._wallet.challenge()
        self._seen = None if told else post
        return told

    def _done(self) -> int:
        try:
            return int(self._file.read_text())
        except (OSError, ValueError):
            return 0  # claims are looked for again, and none is paid twice

    def _keep(self, epoch: int) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file.write_text(f"{epoch}\n")
        except OSError as e:
            raise OutputError(f"{self._file} cannot be written: {e.strerror}", "Free space.") from e

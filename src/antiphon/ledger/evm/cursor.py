"""The chain's events, in order, from where we were: only of final blocks, none missed, none counted twice.

1. What was reached (block, its hash, money so far) is on disk. It moves on after the events were applied, so a killed
   process applies the last ones again: whoever applies them knows each by its place (block, index).
2. On a restart the block that was reached must still have the same hash. Else what was final was not.
3. A node that leaves events out is noticed by the money: deposits less withdrawals are what the contract says it holds.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from antiphon.errors import AntiphonError, OutputError, ProtocolError, StateError, UnavailableError
from antiphon.ledger.evm.contracts import MAX_BLOCKS, Contract, Contracts, Event

MONEY = ("market", "quorum")
"""Contracts whose deposits and withdrawals are counted."""


class Reached(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything up to this block was applied."""

    block: int
    hash: str
    held: dict[str, int]  # by contract: deposits less withdrawals


class Cursor:
    """A reader of events. `apply` is awaited for each; what it raises stops there, and is asked again next time."""

    def __init__(self, contracts: Contracts, file: Path) -> None:
        self._contracts, self._file = contracts, file
        self.reached = self._read()
        self._known = self.reached.hash == ""
        self.final_block, self.final_s = 0, 0
        """Height and time of the newest final block that was seen."""

    async def catch_up(self, apply: Callable[[Event], Awaitable[None]]) -> int:
        """Apply what has become final. Returns how many events. Raises ProtocolError, UnavailableError, StateError."""
        rpc = self._contracts.rpc
        final = await rpc.final(self._contracts.chain.confirmations)
        await self._expect_same()
        self.final_block, self.final_s = final.number, final.time_s
        count = 0
        while self.reached.block < final.number:
            last = min(self.reached.block + MAX_BLOCKS, final.number)
            block = await rpc.block(last)
            events = await self._contracts.events(self.reached.block + 1, last)
            held = self._counted(events)
            await self._expect_complete(held, last)
            for event in events:
                await apply(event)
            self._write(Reached(last, block.hash, held))
            count += len(events)
        return count

    async def _expect_same(self) -> None:
        """Rule 2."""
        if self._known:
            return
        if (await self._contracts.rpc.block(self.reached.block)).hash != self.reached.hash:
            raise StateError(
                f"Block {self.reached.block} was final when {self._file} was written, and is another one now",
                "Check --rpc. If the chain was begun anew, begin a new --home with it.",
            )
        self._known = True

    def _counted(self, events: list[Event]) -> dict[str, int]:
        held = dict(self.reached.held)
        for event in events:
            if event.contract in MONEY and event.name in {"Deposited", "Withdrawn"}:
                sign = 1 if event.name == "Deposited" else -1
                held[event.contract] = held.get(event.contract, 0) + sign * int(event.values["amount"])
        return held

    async def _expect_complete(self, held: dict[str, int], block: int) -> None:
        """Rule 3. A node that no longer knows the state at this block is asked at the next one."""
        for name in MONEY:
            contract: Contract = getattr(self._contracts, name)
            try:
                told = int(await contract.read("held", block=block))
            except ProtocolError:
                raise
            except AntiphonError:
                continue
            if told != held.get(name, 0):
                raise UnavailableError(
                    f"The chain's node leaves events out: at block {block} the {name} holds {told} nano, its events "
                    f"say {held.get(name, 0)}",
                    "Ask again later, or use another node: --rpc URL",
                )

    def _read(self) -> Reached:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Reached)
        except FileNotFoundError:
            return Reached(max(0, self._contracts.chain.first_block - 1), "", {})
        except (OSError, msgspec.MsgspecError) as e:
            raise StateError(f"{self._file} cannot be read: {e}", "Delete it: the events are read again.") from e

    def _write(self, reached: Reached) -> None:
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.write_bytes(msgspec.json.encode(reached))
            beside.replace(self._file)
        except OSError as e:
            raise OutputError(f"{self._file} cannot be written: {e.strerror}", "Check the disk.") from e
        self.reached, self._known = reached, True

"""What one key does in appeals on the chain: ask for a jury, draw it, vote on it, end it (`contracts/appeal.vy`).

A dispute is known by its number there, whose first digits are enough here. What is held is read from the event that
told it, and the contract checks it by its hash. A juror's salt follows from its key and the dispute, so that a program
that was killed between commitment and reveal needs to remember nothing but its vote.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Any

import msgspec

from antiphon.economy.types import Verdict
from antiphon.errors import ConflictError, InputError
from antiphon.ledger.evm.outbox import Receipt
from antiphon.ledger.evm.wallet import Wallet

VERDICTS = {Verdict.VALID: 1, Verdict.INVALID: 2, Verdict.INCONCLUSIVE: 3, Verdict.ABSENT: 4}


TICKETS = 48
"""Of a jury."""


class State(IntEnum):
    """As the contract numbers them."""

    HELD = 1
    DRAWING = 2
    COMMIT = 3
    REVEAL = 4
    OVER = 5


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict whose fines wait."""

    id: bytes
    market: str
    reference: int  # the market's number of what was judged: session * 2**16 + part, or a task
    held: tuple[Any, ...]
    fined: tuple[str, ...]
    state: State
    deadline_s: int
    appellant: str


class AppealWallet(Wallet):
    """A wallet that takes part in appeals."""

    async def disputes(self, digits: str = "") -> list[Dispute]:
        """Those that are not over and whose number begins so, the oldest first."""
        contracts = self.contracts
        last = (await contracts.rpc.block("latest")).number
        found = []
        for event in await contracts.appeal.told("Held", contracts.chain.first_block, last):
            values = event.values
            if not values["dispute"].hex().startswith(digits):
                continue
            state, deadline_s, _, appellant, *_ = await contracts.appeal.read("disputes", values["dispute"])
            if state != State.OVER:
                found.append(_dispute(values, State(state), deadline_s, appellant))
        return found

    async def dispute(self, digits: str) -> Dispute:
        """Raises InputError unless these digits mean exactly one."""
        digits = digits.strip().lower().removeprefix("0x")
        found = await self.disputes(digits)
        if len(found) != 1 or not digits:
            raise InputError(
                f"{len(found) or 'No'} open disputes begin with {digits[:64]!r}", "`antiphon chain appeal` lists them."
            )
        return found[0]

    def price(self, dispute: Dispute) -> int:
        """What an appeal locks, in nano: the dearest seat's fee for each ticket."""
        return max(1, TICKETS * int(max(dispute.held[12])))

    async def appeal(self, dispute: Dispute) -> Receipt:
        """Ask for a jury. Stakes what is missing to pay it. Raises ConflictError for who is not fined."""
        if self.address not in dispute.fined:
            raise ConflictError(f"{self.address} is not fined by this verdict", "Only who is fined may appeal.")
        await self._expect(dispute, State.HELD)
        return await self._do(dispute, "appeal", self.price(dispute), "appeal", *_what(dispute))

    async def draw(self, dispute: Dispute) -> Receipt:
        """Draw the jury: anybody, three blocks after the appeal."""
        return await self._do(dispute, "draw", 0, "draw", *_what(dispute))

    async def tickets(self, dispute: Dispute) -> list[str]:
        """On whom the jury's tickets fell; empty before the draw."""
        contracts = self.contracts
        last = (await contracts.rpc.block("latest")).number
        told = await contracts.appeal.told("Drawn", contracts.chain.first_block, last, dispute.id)
        return list(told[-1].values["tickets"]) if told else []

    async def commit(self, dispute: Dispute, verdict: Verdict, score_ppm: int) -> Receipt:
        """Bind this key to a vote. Stakes the price of dissent. Raises ConflictError for who has no ticket."""
        await self._expect(dispute, State.COMMIT)
        tickets = await self.tickets(dispute)
        if self.address not in tickets:
            raise ConflictError(f"{self.address} is not on the jury", "Only who was drawn may vote.")
        place, vote = tickets.index(self.address), (VERDICTS[verdict], score_ppm, self._salt(dispute))
        bound = await self._commitment(dispute, vote)
        risk = dispute.held[8] * max(dispute.held[12]) // 10**6
        return await self._do(dispute, "commit", risk, "commit", *_what(dispute), tickets, place, bound)

    async def reveal(self, dispute: Dispute, verdict: Verdict, score_ppm: int) -> Receipt:
        """Open the vote that this key has committed to."""
        vote = (VERDICTS[verdict], score_ppm, self._salt(dispute))
        return await self._do(dispute, "reveal", 0, "reveal", dispute.market, dispute.reference, *vote)

    async def settle(self, dispute: Dispute) -> Receipt:
        """End it: anybody, when all votes are open or the time is over."""
        return await self._do(dispute, "settle", 0, "settle", *_what(dispute), await self.tickets(dispute))

    async def _expect(self, dispute: Dispute, state: State) -> None:
        """Before anything is staked for it."""
        found = State((await self.contracts.appeal.read("disputes", dispute.id))[0])
        if found is not state:
            raise ConflictError(f"Dispute {dispute.id.hex()[:16]} is {found.name.lower()}, not {state.name.lower()}")

    async def _do(self, dispute: Dispute, name: str, free_nano: int, function: str, *args: object) -> Receipt:
        operation = self._outbox.begin(f"appeal:{dispute.id.hex()}:{name}")
        if free_nano:
            await self._free_up(operation, free_nano)
        receipt = await self._step(operation, name, self.contracts.appeal, function, *args)
        self._outbox.end(operation)
        return receipt

    async def _free_up(self, operation: str, nano: int) -> None:
        """Trust the contract, and have so much stake that nothing else has locked."""
        registry, appeal = self.contracts.registry, self.contracts.appeal
        if not await registry.read("trusts", self.address, appeal.address):
            await self._step(operation, "trust", registry, "trust", appeal.address, True)
        found = await registry.read("nodes", self.address)
        missing = nano - (found[1] - found[2])
        if missing > 0 and not self._outbox.knows(f"{operation}:stake"):
            await self._allow(operation, "stake", registry, missing)
            await self._step(operation, "stake", registry, "stake", missing)

    def _salt(self, dispute: Dispute) -> bytes:
        _, r, s = self.key.sign_hash(hashlib.sha256(b"antiphon juror" + dispute.id).digest())
        return hashlib.sha256(r.to_bytes(32) + s.to_bytes(32)).digest()

    async def _commitment(self, dispute: Dispute, vote: tuple[int, int, bytes]) -> bytes:
        """Computed here: who asks a node of the chain tells it the vote."""
        from eth_abi.abi import encode
        from eth_utils.crypto import keccak

        kinds = ["uint256", "address", "bytes32", "address", "uint8", "uint256", "bytes32"]
        chain_id = self.contracts.chain.chain_id
        return keccak(encode(kinds, [chain_id, self.contracts.appeal.address, dispute.id, self.address, *vote]))


def _what(dispute: Dispute) -> tuple[str, int, tuple[Any, ...]]:
    return dispute.market, dispute.reference, dispute.held


def _dispute(values: dict[str, Any], state: State, deadline_s: int, appellant: str) -> Dispute:
    held = values["held"]
    held = tuple(held.values()) if isinstance(held, dict) else tuple(held)
    seats, fines = held[10], held[14]
    fined = [node for node, fine in zip(seats, fines, strict=True) if fine]
    return Dispute(
        id=values["dispute"],
        market=values["market"],
        reference=values["reference"],
        held=held,
        fined=(*fined, *([held[1]] if held[4] else [])),
        state=state,
        deadline_s=deadline_s,
        appellant=appellant if int(appellant, 16) else "",
    )

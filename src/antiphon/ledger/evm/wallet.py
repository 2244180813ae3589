"""What one key does with the contracts: bring money in, take it out, stake, be a node. Each step arrives once."""

from __future__ import annotations

import msgspec

from antiphon.economy.types import NANO, Role
from antiphon.errors import ConflictError, FundsError
from antiphon.ledger.evm.binding import binding_message
from antiphon.ledger.evm.contracts import Contract, Contracts, checked_address
from antiphon.ledger.evm.outbox import Outbox, Receipt
from antiphon.protocol.identity import Identity

ROLES = {Role.PROCESSOR.value: 1, Role.VALIDATOR.value: 2, Role.TRAINER.value: 3, "relay": 4}


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What one address has on a chain. Nano, except `coin_wei`."""

    address: str
    coin_wei: int  # of the chain's own coin, for gas
    wallet_nano: int  # ANT outside of the contracts
    balance_nano: int  # free, in the quorum
    role: str  # of the node; empty = none
    node: str  # its Ed25519 key
    stake_nano: int
    locked_nano: int  # of the stake
    bond_nano: int  # of what is locked: by the quorum
    unbonding_nano: int
    unbonded_s: int  # when it may be withdrawn
    claims_nano: int  # of others' penalties


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Money of a client, set apart on the chain."""

    session: int
    relay: str  # Ed25519 key in hex; empty: of none
    part_nano: int
    left_nano: int
    expires_s: int


class Wallet:
    """One key's doings. All methods raise FundsError, ConflictError, UnavailableError and what `Rpc` raises."""

    def __init__(self, contracts: Contracts, outbox: Outbox) -> None:
        self.contracts, self._outbox = contracts, outbox
        self.outbox = outbox
        self.key = outbox.key
        self.address = self.key.address

    async def deposit(self, nano: int) -> None:
        """Bring money into the quorum: allow it, then deposit it."""
        quorum, operation = self.contracts.quorum, self._outbox.begin(f"deposit:{nano}")
        await self._allow(operation, "deposit", quorum, nano)
        await self._step(operation, "deposit", quorum, "deposit", nano)
        self._outbox.end(operation)

    async def pay(self, nano: int, to: str) -> None:
        """Give ANT of the wallet to another address. Raises InputError for what is none."""
        token, operation = self.contracts.token, self._outbox.begin(f"pay:{nano}:{to.lower()}")
        await self._step(operation, "pay", token, "transfer", checked_address(to), nano)
        self._outbox.end(operation)

    async def withdraw(self, nano: int) -> None:
        """Take free money out of the quorum."""
        operation = self._outbox.begin(f"withdraw:{nano}")
        await self._expect_free(f"{operation}:withdraw", nano, "Take out less.")
        await self._step(operation, "withdraw", self.contracts.quorum, "withdraw", nano)
        self._outbox.end(operation)

    async def open_session(self, parts: int, part_nano: int, lasts_s: int, relay: str = "") -> int:
        """Set money of the balance apart for so many parts, to be spent at the relay with this Ed25519 key (hex; empty:
        at none). Returns the session's number."""
        quorum, label = self.contracts.quorum, f"session:{parts}:{part_nano}:{relay}"
        operation = self._outbox.begin(label)
        await self._expect_free(f"{operation}:open", parts * part_nano, "Deposit more: antiphon chain deposit ANT")
        head = await self.contracts.rpc.block("latest")
        terms = (parts, part_nano, head.time_s + lasts_s, bytes.fromhex(relay) if relay else bytes(32))
        receipt = await self._step(operation, "open", quorum, "open_session", *terms)
        events = await self.contracts.events(receipt.block, receipt.block)
        opened = [
            one
            for one in events
            if (one.contract, one.name) == ("quorum", "SessionOpened") and one.values["client"] == self.address
        ]
        self._outbox.end(operation)
        return int(opened[-1].values["session"])

    async def sessions(self) -> list[Session]:
        """All of this key's that have money left, by number."""
        contracts = self.contracts
        own, first = bytes.fromhex(self.address.removeprefix("0x").rjust(64, "0")), contracts.chain.first_block
        numbers = await contracts.quorum.who("SessionOpened", "session", 1, own, first)
        found = []
        for number in map(int, numbers):
            _, expires, _, part, left = await contracts.quorum.read("sessions", number)
            if left:
                named: bytes = await contracts.quorum.read("relay_of", number)
                relay = named.hex() if any(named) else ""
                found.append(Session(session=number, relay=relay, part_nano=part, left_nano=left, expires_s=expires))
        return found

    async def close_expired(self) -> int:
        """Bring what is left of expired sessions back into the balance; how many there were. Anybody may do it."""
        head = await self.contracts.rpc.block("latest")
        due = [one.session for one in await self.sessions() if one.expires_s <= head.time_s]
        for number in due:
            await self.close_session(number)
        return len(due)

    async def close_session(self, number: int) -> None:
        """What is left of an expired session, whoever's it is, goes back to its client."""
        operation = self._outbox.begin(f"close:{number}")
        await self._step(operation, "close", self.contracts.quorum, "close", number)
        self._outbox.end(operation)

    async def stake(self, nano: int, node: Identity | None, role: str, endpoint: str) -> None:
        """Add stake, and lock it as a bond. With a role: register as this node, which signs that it is ours."""
        registry, operation = self.contracts.registry, self._outbox.begin(f"stake:{nano}:{role}")
        before = await registry.read("nodes", self.address)
        if role and before[0] and before[0] != ROLES[role]:
            raise ConflictError(f"{self.address} is a node of another role already", "Use another key for this one.")
        await self._allow(operation, "stake", registry, nano)
        if self._outbox.knows(f"{operation}:stake"):
            await self._outbox.resume(f"{operation}:stake")
        elif before[0] or node is None:
            await self._step(operation, "stake", registry, "stake", nano)
        else:
            proof = node.sign(binding_message(self.contracts.chain, self.address, node.node_id))
            fields = (bytes.fromhex(node.node_id), (proof[:32], proof[32:]), bytes(32), 0, endpoint)
            await self._step(operation, "stake", registry, "register", ROLES[role], *fields, nano)
        await self._bond(operation)
        self._outbox.end(operation)

    async def _bond(self, operation: str) -> None:
        """What is free of the stake answers for what the node signs. A relay's stake is its bond as it is."""
        registry, quorum = self.contracts.registry, self.contracts.quorum
        found = await registry.read("nodes", self.address)
        if found[0] == ROLES["relay"]:
            return
        if not await registry.read("trusts", self.address, quorum.address):
            await self._step(operation, "trust", registry, "trust", quorum.address, True)
        if self._outbox.knows(f"{operation}:bond") or found[1] > found[2]:
            await self._step(operation, "bond", quorum, "bond", found[1] - found[2])

    async def holdings(self) -> Holdings:
        """Everything at a glance, as the newest block has it."""
        contracts = self.contracts
        node = await contracts.registry.read("nodes", self.address)
        names = {number: name for name, number in ROLES.items()}
        return Holdings(
            address=self.address,
            coin_wei=await contracts.rpc.number("eth_getBalance", self.address, "latest"),
            wallet_nano=await contracts.token.read("balanceOf", self.address),
            balance_nano=await contracts.quorum.read("balances", self.address),
            role=names.get(node[0], ""),
            node=node[7].hex() if node[0] else "",
            stake_nano=node[1],
            locked_nano=node[2],
            bond_nano=await contracts.quorum.read("bonds", self.address),
            unbonding_nano=node[3],
            unbonded_s=node[4],
            claims_nano=await contracts.registry.read("claims", self.address),
        )

    async def _expect_free(self, key: str, nano: int, hint: str) -> None:
        """Raises FundsError when less is free in the quorum, unless the transaction was begun already."""
        free: int = await self.contracts.quorum.read("balances", self.address)
        if free < nano and not self._outbox.knows(key):
            raise FundsError(f"{free / NANO:g} ANT are deposited and free, less than {nano / NANO:g}", hint)

    async def _allow(self, operation: str, then: str, spender: Contract, nano: int) -> None:
        """Let the contract collect the money, unless it may or has done so already."""
        token = self.contracts.token
        if self._outbox.knows(f"{operation}:{then}"):
            return
        held = await token.read("balanceOf", self.address)
        if held < nano:
            raise FundsError(
                f"{self.address} holds {held / NANO:g} ANT, less than {nano / NANO:g}", "Get some, or ask for less."
            )
        if await token.read("allowance", self.address, spender.address) < nano:
            await self._step(operation, "allow", token, "approve", spender.address, nano)

    async def _step(self, operation: str, name: str, contract: Contract, function: str, *args: object) -> Receipt:
        key = f"{operation}:{name}"
        if self._outbox.knows(key):  # as it was begun, whatever the chain shows by now
            return await self._outbox.resume(key)
        return await self._outbox.send(key, contract.address, contract.encode(function, *args))

"""What the chain says about nodes and sessions, as of its final blocks."""

from __future__ import annotations

import msgspec

from antiphon.economy.types import DEFAULT_RULES, Role, Rules
from antiphon.errors import ConflictError, FundsError, InputError, ProtocolError
from antiphon.ledger.batches import ChainPlace
from antiphon.ledger.evm.binding import check_binding
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.deploy import RULES
from antiphon.ledger.evm.wallet import ROLES
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.netting import Net, batch_hash
from antiphon.ledger.vouchers import SETTLE_S

NOBODY = "0x" + 40 * "0"


class Bond(msgspec.Struct, frozen=True, kw_only=True):
    """A node that both of its keys vouch for."""

    address: str
    node: str  # Ed25519, in hex
    role: str
    nano: int  # what answers for what it signs; 0 while it leaves


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A relay, as the registry has it."""

    node: str
    address: str
    nano: int
    endpoint: str  # its own word


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """A session: money of one client that waits for tasks."""

    session: int
    client: str
    relay: str  # Ed25519, in hex; empty: it was given to none
    parts: int
    part_nano: int
    expires_s: int

    @property
    def nano(self) -> int:
        return self.parts * self.part_nano


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a part was settled alone."""

    nano: int  # what its session gave
    producer: str  # address, of a voucher; empty: by votes
    transaction: str


class Facts:
    """Questions to the contracts at one final block."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts

    async def bond(self, address: str, block: int | str) -> Bond | None:
        """None: no node is there, or its Ed25519 key never said that it belongs to this address."""
        contracts = self.contracts
        found = await contracts.registry.read("nodes", address, block=block)
        names = {number: name for name, number in ROLES.items()}
        if found[0] not in names:
            return None
        node = found[7].hex()
        try:
            check_binding(contracts.chain, address, node, found[8])
        except ProtocolError:
            return None
        role = names[found[0]]
        if role == "relay":
            return Bond(address=address, node=node, role=role, nano=found[1])
        leaving = await contracts.quorum.read("leaves_at", address, block=block)
        bonded = await contracts.quorum.read("bonds", address, block=block)
        return Bond(address=address, node=node, role=role, nano=0 if leaving else bonded)

    async def rules(self) -> Rules:
        """The numbers that the contracts settle by, and the registry's least stake; the others are the defaults."""
        told = await self.contracts.quorum.read("rules_in_force")
        terms = await self.contracts.registry.read("terms")
        named = dict(zip(RULES, told, strict=True))
        return msgspec.structs.replace(
            DEFAULT_RULES, **named, min_stake_nano=terms[0], unbond_s=terms[1], royalty_ppm=0, voice_ppm=0
        )

    async def relays(self) -> list[Listed]:
        """Relays with a bond, whose two keys vouch for each other; the largest bond first."""
        contracts = self.contracts
        role = bytes.fromhex(f"{ROLES['relay']:064x}")
        first = contracts.chain.first_block
        found = []
        for address in await contracts.registry.who("Registered", "node", 1, role, first):
            bond = await self.bond(address, "latest")
            if bond is not None and bond.role == "relay" and bond.nano:
                endpoint = (await contracts.registry.read("nodes", address))[9]
                found.append(Listed(node=bond.node, address=address, nano=bond.nano, endpoint=endpoint))
        return sorted(found, key=lambda one: -one.nano)

    async def addresses(self, node: str) -> tuple[str, ...]:
        """Who has ever claimed this Ed25519 key: the registry tells it by an indexed event."""
        first = self.contracts.chain.first_block
        return await self.contracts.registry.who("Registered", "node", 2, bytes.fromhex(node), first)

    async def address(self, node: str) -> str | None:
        """The address that a node is registered at now, bound both ways; None: it is at none."""
        found = None
        for address in await self.addresses(node):
            bond = await self.bond(address, "latest")
            if bond is not None and bond.node == node:
                found = str(address)
        return found

    async def netted(self, net: Net, final: int) -> ChainPlace | None:
        """Where a batch was settled, up to this block; None: it was not."""
        contracts = self.contracts
        name = batch_hash(contracts.quorum, contracts.chain.chain_id, net)
        found = await contracts.quorum.logs("Netted", 0, name, contracts.chain.first_block, final)
        for one in found:
            return ChainPlace(
                transaction=one["transactionHash"], block=int(one["blockNumber"], 16), block_hash=one["blockHash"]
            )
        return None

    async def spent_nano(self, session: int, part: int, final: int) -> int | None:
        """What a session gave for a part that was settled alone, up to this block; None: it was not."""
        found = (await self.ended(session, final)).get(part)
        return None if found is None else found.nano

    async def ended(self, session: int, final: int | str = "latest") -> dict[int, Ended]:
        """The parts of a session that were settled alone up to this block, by votes or by a voucher."""
        quorum, found = self.contracts.quorum, dict[int, Ended]()
        for event, given in (("Settled", "spent"), ("Redeemed", "amount")):
            for log in await quorum.logs(event, 0, session.to_bytes(32), self.contracts.chain.first_block, final):
                told = quorum.event(log).values
                producer, sent = told.get("producer", ""), log["transactionHash"]
                found[told["part"]] = Ended(nano=told[given], producer=producer, transaction=sent)
        return found

    async def session_at(self, relay: str, client: str) -> int | None:
        """The newest session of this address that names the relay (Ed25519, hex) and has time left; None: there is
        none."""
        quorum, padded = self.contracts.quorum, bytes.fromhex(client.removeprefix("0x").rjust(64, "0"))
        numbers = await quorum.who("SessionOpened", "session", 1, padded, self.contracts.chain.first_block)
        head = await self.contracts.rpc.block("latest")
        for number in sorted(map(int, numbers), reverse=True):
            expires_s = (await quorum.read("sessions", number))[1]
            if expires_s > head.time_s and (await quorum.read("relay_of", number)).hex() == relay:
                return number
        return None

    async def session(self, number: int, block: int | str) -> Spending:
        """Raises InputError when there is none."""
        found = await self.contracts.quorum.read("sessions", number, block=block)
        if found[0] == NOBODY:
            raise InputError(f"There is no session {number} on the chain yet", "Wait until it is final; then retry.")
        named: bytes = await self.contracts.quorum.read("relay_of", number, block=block)
        relay = named.hex() if any(named) else ""
        return Spending(
            session=number, client=found[0], relay=relay, parts=found[2], part_nano=found[3], expires_s=found[1]
        )

    def check_claim(self, found: Spending, signature: bytes, relay: str, account: str, now_s: int) -> None:
        """Raise InputError unless its client gives the session to this account, and the chain says that it is given to
        this relay and so to no other; FundsError when its time is over."""
        signed = heads.typed(self.contracts.chain, heads.claim(relay, account, found.session))
        if heads.signer(signed, signature).lower() != found.client.lower():
            raise InputError(
                f"Session {found.session} belongs to {found.client}, who did not give it to this account",
                "Claim it with the key that opened it: antiphon chain session",
            )
        if found.relay != relay:
            raise InputError(
                f"On the chain session {found.session} is given to {found.relay[:8] or 'no relay'}, not to {relay[:8]}",
                "Open one for this relay: antiphon --ledger evm:URL chain session 20",
            )
        if now_s >= found.expires_s - SETTLE_S:
            raise FundsError(f"Session {found.session} expires within the hour", "Open another: antiphon chain session")


def expect_node(bond: Bond | None, node: str, role: Role, min_nano: int) -> None:
    """Raise unless the chain has this node in this role with enough of a bond."""
    if bond is None or bond.node != node:
        raise InputError(f"The chain knows no node {node[:8]}", f"Register it: antiphon chain stake ANT --role {role}")
    if bond.role != role.value:
        raise ConflictError(f"On the chain {node[:8]} is a {bond.role}, not a {role}", "Use another key for this role.")
    if bond.nano < min_nano:
        raise FundsError(
            f"The bond of {node[:8]} is {bond.nano} nano, less than the {min_nano} that a node needs",
            "Stake more: antiphon chain stake ANT",
        )

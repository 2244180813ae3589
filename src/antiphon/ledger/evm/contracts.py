"""The contracts on one chain: calls, events, and the proof that they are the ones this version knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from antiphon.errors import InputError, ProtocolError
from antiphon.ledger.evm import reverts
from antiphon.ledger.evm.artefacts import CONTRACTS, artefact
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.rpc import RefusedError, Rpc

Log = dict[str, Any]
MAX_BLOCKS = 2_000
"""Most blocks in one question for events."""
FOLLOWED = ("token", "registry", "market", "quorum")
"""Those whose events a relay follows; epochs and assets are asked when they are wanted."""
WIRED = (
    ("token", "registry", "token"),
    ("registry", "appeal", "registry"),
    ("registry", "market", "registry"),
    ("appeal", "market", "appeal"),
    ("appeal", "quorum", "appeal"),
    ("registry", "quorum", "registry"),
    ("registry", "epochs", "registry"),
)
"""Which contract another one names, and by which view. Assets have none: there the address follows their code."""


def checked_address(text: str) -> str:
    """An address as the contracts take it. Raises InputError for what is none, or has a wrong check sum."""
    from web3 import Web3

    mixed = text.removeprefix("0x") not in {text.removeprefix("0x").lower(), text.removeprefix("0x").upper()}
    if not Web3.is_address(text) or (mixed and not Web3.is_checksum_address(text)):
        raise InputError(f"{text[:60]!r} is no address", "Copy it again: 0x and 40 hex digits.")
    return str(Web3.to_checksum_address(text))


class Event(msgspec.Struct, frozen=True):
    """What a contract has told, and where: (block, index) is unique on a chain."""

    block: int
    index: int
    contract: str
    name: str
    values: dict[str, Any]


class Contract:
    """One contract's interface at an address. Encodes and decodes; asks nothing by itself but through `read`."""

    def __init__(self, rpc: Rpc, name: str, address: str) -> None:
        from eth_abi.codec import ABICodec
        from eth_abi.registry import registry
        from web3 import Web3

        self._rpc, self.name = rpc, name
        self.address = str(Web3.to_checksum_address(address))
        self._codec = ABICodec(registry)
        self._contract = Web3().eth.contract(address=Web3.to_checksum_address(address), abi=artefact(name).abi)
        self._events = dict(self._topics())

    def encode(self, function: str, *args: object) -> bytes:
        """What a transaction that calls `function` carries. Raises InputError for arguments that do not fit."""
        try:
            return bytes.fromhex(self._contract.encode_abi(function, list(args)).removeprefix("0x"))
        except Exception as e:
            raise InputError(
                f"{self.name}.{function} does not take {str(args)[:120]}", "Check addresses and amounts."
            ) from e

    def decode(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """(function, its arguments) of a call. Raises whatever web3 raises for what is none."""
        function, told = self._contract.decode_function_input(data)
        return str(function.fn_name), dict(told)

    async def read(self, function: str, *args: object, block: int | str = "latest") -> Any:
        """Ask a view. Several results are a tuple. Raises as `reverts.told` says."""
        from eth_utils.abi import get_abi_output_types

        call = {"to": self.address, "data": "0x" + self.encode(function, *args).hex()}
        at = hex(block) if isinstance(block, int) else block
        try:
            answer = await self._rpc.ask("eth_call", call, at)
        except RefusedError as e:
            raise reverts.told(e) from e
        kinds = get_abi_output_types(self._contract.get_function_by_name(function).abi)
        try:
            values = self._codec.decode(kinds, bytes.fromhex(str(answer).removeprefix("0x")))
        except Exception as e:
            raise ProtocolError(
                f"{self.name}.{function} is answered with what is no answer", "Use another node."
            ) from e
        return values[0] if len(values) == 1 else values

    async def who(self, event: str, field: str, topic: int, value: bytes, first: int) -> tuple[str, ...]:
        """Different values of `field` in all events of this kind whose indexed topic (0-based) has this value."""
        found = [self.event(log).values[field] for log in await self.logs(event, topic, value, first)]
        return tuple(dict.fromkeys(found))

    async def logs(self, event: str, topic: int, value: bytes, first: int, last: int | str = "latest") -> list[Log]:
        """The events of this kind whose indexed topic (0-based) has this value, as the node gives them."""
        kind = next(one for one, entry in self._events.items() if entry["name"] == event)
        topics = [kind, *[None] * topic, "0x" + value.hex()]
        end = hex(last) if isinstance(last, int) else last
        asked = {"fromBlock": hex(first), "toBlock": end, "address": self.address, "topics": topics}
        return list(await self._rpc.ask("eth_getLogs", asked))

    async def told(self, event: str, first: int, last: int, *topics: bytes | None) -> list[Event]:
        """Its events of one kind in these blocks, in order, whose indexed fields have these values (None: any)."""
        kind = next(one for one, entry in self._events.items() if entry["name"] == event)
        wanted = [kind, *(None if topic is None else "0x" + topic.hex().rjust(64, "0") for topic in topics)]
        found = []
        for start in range(first, last + 1, MAX_BLOCKS):
            blocks = {"fromBlock": hex(start), "toBlock": hex(min(start + MAX_BLOCKS - 1, last))}
            asked = {**blocks, "address": self.address, "topics": wanted}
            found += [self.event(log) for log in await self._rpc.ask("eth_getLogs", asked)]
        return found

    def event(self, log: Log) -> Event:
        """Decode a log of this contract. Raises ProtocolError for one that it never writes."""
        from web3._utils.events import get_event_data

        try:
            topics = [bytes.fromhex(topic.removeprefix("0x")) for topic in log["topics"]]
            raw = {**log, "topics": topics, "data": bytes.fromhex(log["data"].removeprefix("0x"))}
            told = get_event_data(self._codec, self._events[log["topics"][0]], raw)
            block, index = int(log["blockNumber"], 16), int(log["logIndex"], 16)
            return Event(block, index, self.name, told["event"], dict(told["args"]))
        except Exception as e:
            raise ProtocolError(f"A log of {self.name} cannot be read: {e!r}", "Use another node: --rpc URL") from e

    def _topics(self) -> Iterator[tuple[str, Any]]:
        from eth_utils.abi import event_abi_to_log_topic

        entries: list[Any] = artefact(self.name).abi
        for entry in entries:
            if entry["type"] == "event":
                yield "0x" + event_abi_to_log_topic(entry).hex(), entry


class Contracts:
    """All of them, checked."""

    def __init__(self, rpc: Rpc, chain: ChainFile) -> None:
        self.rpc, self.chain = rpc, chain
        made = {name: Contract(rpc, name, chain.contracts[name].address) for name in CONTRACTS}
        self.token, self.registry, self.market, self.quorum = (made[name] for name in FOLLOWED)
        self.appeal, self.epochs, self.assets = made["appeal"], made["epochs"], made["assets"]
        self._made = tuple(made.values())
        self._by_address = {made[name].address.lower(): made[name] for name in FOLLOWED}

    @classmethod
    async def open(cls, rpc: Rpc, chain: ChainFile, name: str = "The chain file") -> Contracts:
        """Raises InputError: another chain, no contract there, another version of it, or one of another network."""
        await expect_chain(rpc, chain.chain_id, name)
        made = cls(rpc, chain)
        codes = {contract.name: await made._expect_code(contract) for contract in made._made}
        for inner, outer, view in WIRED:
            made._expect_same(inner, outer, str(await getattr(made, outer).read(view)))
        places = codes["assets"][artefact("assets").runtime_bytes :]
        made._expect_same("token", "assets", "0x" + places[12:32].hex())
        return made

    async def events(self, first: int, last: int) -> list[Event]:
        """Of those followed, in order, without doubles. Raises ProtocolError for logs of other contracts or blocks."""
        asked = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(self._by_address)}
        found = {}
        for log in await self.rpc.ask("eth_getLogs", asked):
            contract = self._by_address.get(str(log.get("address")).lower())
            if contract is None or log.get("removed"):
                raise ProtocolError(f"The chain's node at {self.rpc.url} gives logs that nobody asked for")
            event = contract.event(log)
            if not first <= event.block <= last:
                raise ProtocolError(f"The chain's node at {self.rpc.url} gives logs of block {event.block}")
            found[event.block, event.index] = event
        return [found[place] for place in sorted(found)]

    async def _expect_code(self, contract: Contract) -> bytes:
        """What runs there, if it is what we know."""
        found = await self.rpc.ask("eth_getCode", contract.address, "latest")
        code = bytes.fromhex(str(found).removeprefix("0x"))
        if not artefact(contract.name).is_at(code):
            what = "no contract" if not code else f"not the contract {contract.name!r} of this version"
            raise InputError(
                f"At {contract.address} on chain {self.chain.chain_id} there is {what}",
                "Check the chain file and --rpc; a chain that was begun anew needs `antiphon chain deploy`.",
            )
        return code

    def _expect_same(self, inner: str, outer: str, named: str) -> None:
        contract, expected = getattr(self, outer), getattr(self, inner)
        if named.lower() != expected.address.lower():
            raise InputError(
                f"The {outer} at {contract.address} works with another {inner} ({named})",
                "Take the complete chain file.",
            )


async def expect_chain(rpc: Rpc, chain_id: int, name: str) -> None:
    """Raise InputError when the node follows another chain."""
    found = await rpc.chain_id()
    if found != chain_id:
        raise InputError(
            f"{rpc.url} is a node of chain {found}; {name} is for chain {chain_id}",
            f"Use a node of chain {chain_id}: --rpc URL",
        )

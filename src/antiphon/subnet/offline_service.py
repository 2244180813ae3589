"""The offline chain as a process: signed calls in, one answer out; and the client that speaks to it for one hotkey."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from antiphon.clock import Clock
from antiphon.errors import ProtocolError, StateError, UnavailableError
from antiphon.protocol import canonical
from antiphon.subnet import files
from antiphon.subnet.chain import Hyperparameters, Metagraph, Refusal, RefusedError
from antiphon.subnet.hotkeys import Hotkey, verify
from antiphon.subnet.offline import OfflineChain, Rules, State
from antiphon.transport import Transport

DOMAIN = b"antiphon/1 offline chain\0"
DEADLINE_S = 10.0
MAX_CALL_BYTES = 1024 * 1024


class _Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Look(_Call, frozen=True, tag="look"):
    """Read: the metagraph, hyperparameters, pace, or one validator's weights."""

    what: str
    uid: int = 0


class Register(_Call, frozen=True, tag="register"):
    """A place and a stake for the signing hotkey: what registration and a faucet are on a local Bittensor."""

    stake_rao: int


class Serve(_Call, frozen=True, tag="serve"):
    endpoint: str


class SetWeights(_Call, frozen=True, tag="set_weights"):
    uids: tuple[int, ...]
    values: tuple[int, ...]
    version_key: int


T = TypeVar("T")
Change: TypeAlias = Register | Serve | SetWeights


class Extrinsic(_Call, frozen=True, tag="extrinsic"):
    """A call and whose it is; a hotkey's nonces only grow."""

    chain: str
    hotkey: str
    scheme: str
    nonce: int
    call: bytes
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        return DOMAIN + canonical.pack(msgspec.structs.replace(self, signature=b""))


class Answer(_Call, frozen=True):
    """`refusal` is empty where the chain did what it was asked."""

    refusal: str = ""
    what: str = ""
    value: bytes = b""


class Stored(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The chain's file."""

    name: str  # of this chain: calls name it, so that those for another are not taken
    block_s: float
    begun_ms: int  # when block 0 was
    nonces: dict[str, int]
    state: State


class OfflineService:
    """Answers calls; every change is on disk before its answer leaves. Blocks follow the clock."""

    def __init__(self, file: Path, clock: Clock, *, rules: Rules | None = None, block_s: float = 12.0) -> None:
        self._file, self._clock = file, clock
        found = files.read(file, Stored)
        if found is not None and rules is not None and (found.state.rules, found.block_s) != (rules, block_s):
            raise StateError(f"The chain in {file} has other rules and keeps them", "Use another --home.")
        self._stored = found or Stored(
            name=f"offline-{time.time_ns():x}",
            block_s=block_s,
            begun_ms=clock.now_ms(),
            nonces={},
            state=State(rules=rules or Rules()),
        )
        self.chain = OfflineChain(self._stored.state)
        self.save()

    def save(self) -> None:
        files.save(self._file, self._stored)

    def tick(self) -> None:
        """Let the blocks pass that have passed."""
        passed_s = (self._clock.now_ms() - self._stored.begun_ms) / 1000
        self.chain.advance(int(passed_s / self._stored.block_s))

    async def handle(self, message: bytes) -> AsyncIterator[bytes]:
        """A handler for `antiphon.transport.serve`."""
        yield canonical.encode(self._answer(message))

    def _answer(self, message: bytes) -> Answer:
        self.tick()
        signed = canonical.decode(Look | Extrinsic, message, limit=MAX_CALL_BYTES)
        if isinstance(signed, Look):
            return Answer(value=canonical.pack(self._look(signed)))
        verify(signed.hotkey, signed.signature, signed.signed_bytes(), signed.scheme)
        if signed.chain != self._stored.name or signed.nonce <= self._stored.nonces.get(signed.hotkey, 0):
            raise ProtocolError("The call is for another chain, or was made before", "Sign it anew.")
        try:
            self._change(signed.hotkey, canonical.decode(Change, signed.call))
        except RefusedError as error:
            return Answer(refusal=error.refusal.value, what=error.what)
        self._stored.nonces[signed.hotkey] = signed.nonce
        self.save()
        return Answer()

    def _look(self, call: Look) -> object:
        match call.what:
            case "metagraph":
                return self.chain.metagraph()
            case "hyperparameters":
                return self.chain.hyperparameters()
            case "weights":
                return tuple(self.chain.weights(call.uid).items())
            case "pace":
                return (self._stored.name, self._stored.block_s, self.chain.state.block)
        raise ProtocolError(f"Nothing here is called {call.what[:40]!r}")

    def _change(self, hotkey: str, call: Change) -> None:
        match call:
            case Register():
                self.chain.register(hotkey, call.stake_rao)
            case Serve():
                self.chain.serve(hotkey, call.endpoint)
            case SetWeights():
                self.chain.set_weights(hotkey, call.uids, call.values, call.version_key)


class OfflineClient:
    """A `Chain`: the offline one at `url`, for one hotkey on subnet `netuid`."""

    def __init__(self, url: str, key: Hotkey, transport: Transport, *, netuid: int = 1) -> None:
        self._url, self._key, self._transport, self._netuid = url, key, transport, netuid

    @property
    def hotkey(self) -> str:
        return self._key.ss58

    async def block(self) -> int:
        return (await self._look("pace", tuple[str, float, int]))[2]

    async def block_s(self) -> float:
        return (await self._look("pace", tuple[str, float, int]))[1]

    async def metagraph(self) -> Metagraph:
        found = await self._look("metagraph", Metagraph)
        if found.netuid != self._netuid:
            raise RefusedError(Refusal.NO_SUBNET, f"There is no subnet {self._netuid} here, only {found.netuid}")
        return found

    async def hyperparameters(self) -> Hyperparameters:
        return await self._look("hyperparameters", Hyperparameters)

    async def weights(self, uid: int) -> dict[int, int]:
        return dict(await self._look("weights", tuple[tuple[int, int], ...], uid))

    async def register(self, stake_rao: int) -> None:
        """Give this hotkey a place and a stake. Bittensor's own chains take money for that."""
        await self._change(Register(stake_rao=stake_rao))

    async def serve(self, host: str, port: int) -> None:
        await self._change(Serve(endpoint=f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))

    async def set_weights(self, uids: Sequence[int], values: Sequence[int], version_key: int) -> None:
        await self._change(SetWeights(uids=tuple(uids), values=tuple(values), version_key=version_key))

    async def close(self) -> None:
        """The transport is its owner's."""

    async def _look(self, what: str, kind: type[T], uid: int = 0) -> T:
        answer = await self._ask(canonical.encode(Look(what=what, uid=uid)))
        return canonical.parse(kind, answer.value)

    async def _change(self, call: Change) -> None:
        name = (await self._look("pace", tuple[str, float, int]))[0]
        unsigned = Extrinsic(
            chain=name,
            hotkey=self.hotkey,
            scheme=self._key.scheme,
            nonce=time.time_ns(),
            call=canonical.encode(call),
        )
        signature = self._key.sign(unsigned.signed_bytes())
        await self._ask(canonical.encode(msgspec.structs.replace(unsigned, signature=signature)))

    async def _ask(self, message: bytes) -> Answer:
        frames = [one async for one in self._transport.request(self._url, message, deadline_s=DEADLINE_S)]
        if len(frames) != 1:
            raise UnavailableError(f"{self._url} is no offline chain", "Check --network.")
        answer = canonical.decode(Answer, frames[0])
        if answer.refusal:
            raise RefusedError(Refusal(answer.refusal), answer.what)
        return answer

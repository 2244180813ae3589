"""Asking a chain's node. It is not believed: what it says of the head and of finality is held against what it said.

1. A question that is not answered in time is asked again for a bounded time: questions change nothing. A transaction
   is the same bytes each time, so it is asked again, too (`outbox`).
2. An answer that is an error is raised at once, as `RefusedError`: the node was there.
3. A block is final `confirmations` below the head, or where the chain says so. Final height never runs back, and the
   hash at a height that was final never changes (`Rpc.final`).
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

import aiohttp
import msgspec

from antiphon.errors import AntiphonError, InputError, ProtocolError, UnavailableError, UnreachableError

DEADLINE_S = 10.0
PATIENCE_S = 20.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_STILL_S = 900
"""Oldest head, by its own time, of a node that is believed to follow its chain."""


class RefusedError(AntiphonError):
    """The node answered with an error; `data` is what a contract reverted with."""

    def __init__(self, what: str, data: bytes = b"") -> None:
        super().__init__(what)
        self.data = data


class Block(msgspec.Struct, frozen=True):
    """A block's place in the chain."""

    number: int
    hash: str
    parent: str
    time_s: int
    base_fee: int  # wei per gas


class Rpc:
    """One node of one chain, by its URL. Use it in one event loop; `close` it."""

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S, patience_s: float = PATIENCE_S) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"{url[:80]!r} is no address of a chain's node", "Write --rpc http://HOST:PORT")
        self.url = url
        self._deadline_s, self._patience_s = deadline_s, patience_s
        if find_spec("web3") is None:
            raise InputError("A chain needs web3.py, which is not installed", "pip install 'antiphon[evm]'")
        self._session: aiohttp.ClientSession | None = None
        self._final: Block | None = None

    async def ask(self, method: str, *params: object) -> Any:
        """The answer's result. Raises RefusedError, UnreachableError."""
        loop = asyncio.get_running_loop()
        end_s, pause_s = loop.time() + self._patience_s, FIRST_PAUSE_S
        while True:
            try:
                return _result(await self._post(method, params))
            except RefusedError:
                raise
            except Exception as e:
                # Whatever HTTP, JSON and sockets raise: nobody answered this question.
                if loop.time() + pause_s >= end_s:
                    what = "takes too long" if isinstance(e, TimeoutError) else "does not answer"
                    raise UnreachableError(
                        f"The chain's node at {self.url} {what}", "Check --rpc, and that the node runs; then retry."
                    ) from e
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def number(self, method: str, *params: object) -> int:
        """An answer that is a number. Raises ProtocolError when it is none."""
        return _number(await self.ask(method, *params), method)

    async def chain_id(self) -> int:
        return await self.number("eth_chainId")

    async def block(self, which: int | str) -> Block:
        """By number or tag. Raises UnavailableError when the node has none, ProtocolError when it gives another."""
        found = await self.ask("eth_getBlockByNumber", hex(which) if isinstance(which, int) else which, False)
        if found is None:
            raise UnavailableError(
                f"The chain's node at {self.url} has no block {which}", "Wait until it has caught up."
            )
        block = _block(found)
        if isinstance(which, int) and block.number != which:
            raise ProtocolError(
                f"The chain's node at {self.url} gives block {block.number} for {which}", "Use another node: --rpc URL"
            )
        return block

    async def final(self, confirmations: int) -> Block:
        """The newest block that counts (rule 3). Raises ProtocolError when what was final has changed."""
        if confirmations:
            head = await self.block("latest")
            found = await self.block(max(0, head.number - confirmations))
        else:
            found = await self.block("finalized")
        before = self._final
        if before is not None and found.number <= before.number:
            if found.number == before.number and found.hash != before.hash:
                raise _rewritten(self.url, before)
            return before
        if before is not None and (await self.block(before.number)).hash != before.hash:
            raise _rewritten(self.url, before)
        self._final = found
        return found

    async def expect_alive(self, now_s: float) -> None:
        """Raise UnavailableError for a node that no longer follows its chain."""
        head = await self.block("latest")
        if now_s - head.time_s > MAX_STILL_S:
            raise UnavailableError(
                f"The newest block that {self.url} knows is {(now_s - head.time_s) / 60:.0f} minutes old",
                "It has lost its chain: use another node, --rpc URL (or start anvil with --block-time 1).",
            )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _post(self, method: str, params: tuple[object, ...]) -> Any:
        # Not by web3's provider: a request that is cancelled leaves its lock taken, and then the process never ends.
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._deadline_s))
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        pieces, size = [], 0
        async with self._session.post(self.url, json=question) as answer:
            async for piece in answer.content.iter_chunked(1 << 16):
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    raise ValueError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
                pieces.append(piece)
        return msgspec.json.decode(b"".join(pieces))


def _result(answer: Any) -> Any:
    error = answer.get("error")
    if not error:
        return answer["result"]
    data = error.get("data")
    raw = data.removeprefix("0x") if isinstance(data, str) else ""
    try:
        reverted = bytes.fromhex(raw)
    except ValueError:
        reverted = b""
    raise RefusedError(str(error.get("message", error))[:300], reverted)


def _number(value: object, method: str) -> int:
    try:
        return int(str(value), 16)
    except ValueError as e:
        raise ProtocolError(f"The chain's node answers {method} with {str(value)[:40]!r}", "Use another node.") from e


def _block(found: Any) -> Block:
    try:
        return Block(
            number=int(found["number"], 16),
            hash=found["hash"],
            parent=found["parentHash"],
            time_s=int(found["timestamp"], 16),
            base_fee=int(found.get("baseFeePerGas") or "0x0", 16),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise ProtocolError(f"The chain's node gives a block that is none: {e!r}", "Use another node.") from e


def _rewritten(url: str, before: Block) -> ProtocolError:
    return ProtocolError(
        f"The chain's node at {url} tells another history from before block {before.number}, which was final",
        "Use another node; if several say so, raise `confirmations` in the chain file. Nothing was paid again.",
    )

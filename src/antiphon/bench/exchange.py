"""What signing and sealing cost: one 100 KB exchange between two processes over HTTP on loopback, measured.

The signed side does what a node does: the client signs, the server verifies (replay guard included), seals 100 KB with
the task's key and signs, the client verifies and opens. The task key is wrapped once per task. Beside it: a bare
Starlette server that replies 100 KB in the clear to aiohttp's client, and Bittensor's Dendrite -> Axon. The bare
server runs without our heap setting (`transport.memory`), which would make it about a quarter faster.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from antiphon.clock import SystemClock
from antiphon.errors import UnavailableError
from antiphon.protocol import Identity, ReplayGuard, TaskKey, canonical, envelope, sealing
from antiphon.transport.http import HttpTransport
from antiphon.transport.server import serve

REPLY_BYTES = 100_000
ROUNDS = 5
"""Turns of each server."""
AT_ONCE = (1, 8)
"""Requests under way at any moment, the same for all servers: one after the other, and a busy server."""
MIN_OVER_BITTENSOR = ">= 20"
MIN_OF_BARE = ">= 0.333"
_READY = "ready "
_REPLY = os.urandom(REPLY_BYTES)
_KINDS = frozenset({"work", "result"})


class _Work(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    wrapped: bytes = b""  # the task key, in a task's first message


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _run(main: Awaitable[Any]) -> Any:
    with asyncio.Runner(loop_factory=_event_loop()) as runner:
        return runner.run(main)  # type: ignore[arg-type]


class _SignedNode:
    """The server's side of the signed exchange."""

    def __init__(self) -> None:
        self.identity = Identity.generate()
        self._clock = SystemClock()
        self._guard = ReplayGuard(capacity=1_000_000)
        self._keys: dict[str, TaskKey] = {}

    async def handle(self, message: bytes) -> AsyncIterator[bytes]:
        asked = envelope.open(
            message, receiver=self.identity.node_id, clock=self._clock, guard=self._guard, kinds=_KINDS
        )
        work = canonical.decode(_Work, asked.body)
        if work.wrapped:
            self._keys[asked.task] = sealing.unwrap(self.identity, work.wrapped, asked.task.encode())
        sealed = sealing.seal(self._keys[asked.task], _REPLY, asked.nonce)
        yield envelope.sign(
            self.identity, kind="result", receiver=asked.sender, task=asked.task, body=sealed, clock=self._clock
        )


class _SignedClient:
    """The client's side: `exchange` is one whole request."""

    def __init__(self, transport: HttpTransport, endpoint: str, node_id: str, seal_public: bytes) -> None:
        self._identity = Identity.generate()
        self._transport = transport
        self._endpoint = endpoint
        self._node_id = node_id
        self._clock = SystemClock()
        self._guard = ReplayGuard(capacity=1_000_000)
        self._task = os.urandom(16).hex()
        self._key = TaskKey.generate()
        self._wrapped = sealing.wrap(self._key, seal_public, self._task.encode())

    async def exchange(self) -> None:
        body = canonical.encode(_Work(text="hello", wrapped=self._wrapped))
        self._wrapped = b""
        raw = envelope.sign(
            self._identity, kind="work", receiver=self._node_id, task=self._task, body=body, clock=self._clock
        )
        nonce = canonical.parse(envelope.Envelope, raw).nonce
        async for frame in self._transport.request(self._endpoint, raw, deadline_s=10):
            reply = envelope.open(
                frame, receiver=self._identity.node_id, clock=self._clock, guard=self._guard, kinds=_KINDS
            )
            assert len(sealing.unseal(self._key, reply.body, nonce)) == REPLY_BYTES


async def _load(exchange: Callable[[], Awaitable[None]], seconds: float, at_once: int) -> tuple[float, float]:
    """(requests per second, median milliseconds) with so many workers."""
    await exchange()
    times: list[float] = []
    start = time.perf_counter()

    async def worker() -> None:
        while (begun := time.perf_counter()) < start + seconds:
            await exchange()
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return len(times) / (time.perf_counter() - start), sorted(times)[len(times) // 2] * 1000


async def _serve(what: str) -> None:
    if what == "signed":
        node = _SignedNode()
        async with await serve(node.handle) as server:
            print(_READY + server.endpoint, node.identity.node_id, node.identity.seal_public.hex(), flush=True)
            await asyncio.to_thread(sys.stdin.read)
        return
    import uvicorn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(_bare_app(), lifespan="off", log_config=None, access_log=False)
        bare = uvicorn.Server(config)
        serving = asyncio.create_task(bare.serve(sockets=[listener]))
        while not bare.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.002)
        print(f"{_READY}http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        bare.should_exit = True
        await serving


def _bare_app() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def reply(request: Request) -> Response:
        await request.body()
        return Response(_REPLY, media_type="application/octet-stream")

    return Starlette(routes=[Route("/v1/message", reply, methods=["POST"])])


@contextmanager
def _process(*command: str) -> Iterator[list[str]]:
    """A server in a process of its own: yields the words it prints when it is ready; ends it by closing its input."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter or the one the user named
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        while line and not line.startswith(_READY):
            line = process.stdout.readline()
        words = line.split()[1:]
        if not words:
            raise UnavailableError(f"{' '.join(command)} did not start", "Run it by hand to see why.")
        yield words
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


async def _ask_signed(
    seconds: float, at_once: int, endpoint: str, node_id: str, seal_public: str
) -> tuple[float, float]:
    async with HttpTransport(allow_private=True) as transport:
        client = _SignedClient(transport, endpoint, node_id, bytes.fromhex(seal_public))
        return await _load(client.exchange, seconds, at_once)


async def _ask_bare(seconds: float, at_once: int, endpoint: str) -> tuple[float, float]:
    import aiohttp

    request = os.urandom(400)
    async with aiohttp.ClientSession(auto_decompress=False, read_bufsize=256 * 1024) as session:

        async def exchange() -> None:
            async with session.post(endpoint + "/v1/message", data=request) as response:
                assert len(await response.read()) == REPLY_BYTES

        return await _load(exchange, seconds, at_once)


def _ours(what: str, seconds: float, at_once: int) -> tuple[float, float]:
    """(requests/s, p50 ms), server and client each in a fresh process, so that neither inherits the other's heap."""
    me = (sys.executable, "-m", "antiphon.bench.exchange")
    with (
        _process(*me, "serve", what) as words,
        _process(*me, "ask", what, str(seconds), str(at_once), *words) as result,
    ):
        return float(result[0]), float(result[1])


def _bittensor(seconds: float, at_once: int, python: str) -> tuple[float, float]:
    """(requests/s, p50 ms) of Dendrite -> Axon under the interpreter `python`, which has bittensor 10.5.0."""
    # -I: a script's own folder must not come before the library's modules.
    me = (python, "-I", str(Path(__file__).with_name("exchange_peer.py")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (
        tempfile.TemporaryDirectory() as folder,
        _process(*me, "serve", folder, port) as words,
        _process(*me, "ask", folder, port, words[-1], str(seconds), str(at_once)) as result,
    ):
        count, took_s, p50_ms = result
        return int(count) / float(took_s), float(p50_ms)


def _row(name: str, value: float, unit: str, target: str = "") -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "target": target}


def run(seconds: float = 5.0, peer_python: str | None = None) -> Iterator[dict[str, Any]]:
    """Measure all in one run, in turns of `seconds` / ROUNDS each, and take each one's median turn.

    Rows: name, value, unit, target ("" or a relation and a bound). `peer_python` is an interpreter that has
    bittensor 10.5.0; without it the peer is left out.
    """
    for at_once in AT_ONCE:
        yield from _rows(seconds / ROUNDS, at_once, peer_python)


def _rows(turn_s: float, at_once: int, peer_python: str | None) -> Iterator[dict[str, Any]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for what in ("signed", "bare"):
            found.setdefault(what, []).append(_ours(what, turn_s, at_once))
        if peer_python is not None:
            found.setdefault("bittensor", []).append(_bittensor(turn_s, at_once, peer_python))
    middle = {what: sorted(results)[len(results) // 2] for what, results in found.items()}
    names = {"signed": "signed and sealed", "bare": "bare Starlette", "bittensor": "Bittensor, signed only"}
    for what, (rate, p50_ms) in middle.items():
        yield _row(f"100 KB over HTTP, {at_once} at once: {names[what]}", rate, f"requests/s (p50 {p50_ms:.2f} ms)")
    rate = middle["signed"][0]
    yield _row(f"100 KB over HTTP, {at_once} at once: share of bare", rate / middle["bare"][0], "x", MIN_OF_BARE)
    if "bittensor" in middle:
        times = rate / middle["bittensor"][0]
        yield _row(f"100 KB over HTTP, {at_once} at once: over Bittensor", times, "x", MIN_OVER_BITTENSOR)


def _main(verb: str, what: str, *words: str) -> None:
    if verb == "serve":
        _run(_serve(what))
        return
    seconds = float(words[0])
    at_once = int(words[1])
    ask = _ask_signed(seconds, at_once, *words[2:]) if what == "signed" else _ask_bare(seconds, at_once, *words[2:])
    rate, p50_ms = _run(ask)
    print(f"{_READY}{rate} {p50_ms}", flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])

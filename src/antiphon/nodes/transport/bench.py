"""What signing and sealing cost: one 100 KB exchange between two processes over HTTP on loopback, measured.

The signed side does what a node does: the client signs, the server verifies (replay guard included), seals 100 KB with
the task's key and signs, the client verifies and opens. The task key is wrapped once per task. Beside it: a bare
Starlette server that replies 100 KB in the clear to the same client library, and Bittensor's Dendrite -> Axon.
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
from antiphon.nodes.transport.base import DEFAULT_LIMITS
from antiphon.nodes.transport.http import HttpTransport
from antiphon.nodes.transport.server import serve, serve_app
from antiphon.protocol import Identity, ReplayGuard, TaskKey, canonical, envelope, sealing

REPLY_BYTES = 100_000
AT_ONCE = 8
"""Requests under way at any moment, the same for all three servers."""
MIN_OVER_BITTENSOR = 20.0
MIN_OF_BARE = 1 / 3
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


async def _load(exchange: Callable[[], Awaitable[None]], seconds: float) -> tuple[float, float]:
    """(requests per second, median milliseconds) with AT_ONCE workers."""
    await exchange()
    times: list[float] = []
    start = time.perf_counter()

    async def worker() -> None:
        while (begun := time.perf_counter()) < start + seconds:
            await exchange()
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return len(times) / (time.perf_counter() - start), sorted(times)[len(times) // 2] * 1000


async def _serve(what: str) -> None:
    if what == "signed":
        node = _SignedNode()
        server = await serve(node.handle)
        print(server.endpoint, node.identity.node_id, node.identity.seal_public.hex(), flush=True)
    else:
        server = await serve_app(_bare_app(), "127.0.0.1", 0, DEFAULT_LIMITS)
        print(server.endpoint, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


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
        words = process.stdout.readline().split()
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


async def _ask_signed(words: list[str], seconds: float) -> tuple[float, float]:
    endpoint, node_id, seal_public = words
    async with HttpTransport() as transport:
        client = _SignedClient(transport, endpoint, node_id, bytes.fromhex(seal_public))
        return await _load(client.exchange, seconds)


async def _ask_bare(words: list[str], seconds: float) -> tuple[float, float]:
    import aiohttp

    request = os.urandom(400)
    async with aiohttp.ClientSession(auto_decompress=False, read_bufsize=256 * 1024) as session:

        async def exchange() -> None:
            async with session.post(words[0] + "/v1/message", data=request) as response:
                assert len(await response.read()) == REPLY_BYTES

        return await _load(exchange, seconds)


def signed(seconds: float) -> tuple[float, float]:
    """(requests/s, p50 ms) of the signed and sealed exchange."""
    with _process(sys.executable, "-m", __name__, "signed") as words:
        result: tuple[float, float] = _run(_ask_signed(words, seconds))
    return result


def bare(seconds: float) -> tuple[float, float]:
    """(requests/s, p50 ms) of bare Starlette, same client library, nothing signed or sealed."""
    with _process(sys.executable, "-m", __name__, "bare") as words:
        result: tuple[float, float] = _run(_ask_bare(words, seconds))
    return result


def bittensor(seconds: float, python: str) -> tuple[float, float]:
    """(requests/s, p50 ms) of Dendrite -> Axon under the interpreter `python`, which has bittensor 10.5.0."""
    script = str(Path(__file__).with_name("bench_peer.py"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder, _process(python, "-I", script, "serve", folder, port) as words:
        asked = subprocess.run(  # noqa: S603 - as above
            [python, "-I", script, "ask", folder, port, words[-1], str(seconds), str(AT_ONCE)],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
    if asked.returncode:
        raise UnavailableError(f"The peer failed: {asked.stderr.strip()[-300:]}", "Install bittensor==10.5.0 there.")
    count, took, p50_ms = asked.stdout.split()[-3:]
    return int(count) / float(took), float(p50_ms)


def _row(name: str, value: float, unit: str, target: float | None = None) -> dict[str, Any]:
    reached = None if target is None else value >= target
    return {"name": name, "value": round(value, 3), "unit": unit, "target": target, "reached": reached}


def run(seconds: float = 5.0, peer_python: str | None = None) -> list[dict[str, Any]]:
    """Measure all in one run. Rows: name, value, unit, target (or None), reached (or None)."""
    signed_rate, signed_p50_ms = signed(seconds)
    bare_rate, bare_p50_ms = bare(seconds)
    rows = [
        _row("http_exchange_signed", signed_rate, "requests/s"),
        _row("http_exchange_signed_p50", signed_p50_ms, f"ms, {AT_ONCE} at once"),
        _row("http_exchange_bare_starlette", bare_rate, "requests/s"),
        _row("http_exchange_bare_starlette_p50", bare_p50_ms, f"ms, {AT_ONCE} at once"),
        _row("http_exchange_of_bare", signed_rate / bare_rate, "x", MIN_OF_BARE),
    ]
    if peer_python is not None:
        peer_rate, peer_p50_ms = bittensor(seconds, peer_python)
        rows += [
            _row("http_exchange_bittensor", peer_rate, "requests/s"),
            _row("http_exchange_bittensor_p50", peer_p50_ms, f"ms, {AT_ONCE} at once"),
            _row("http_exchange_over_bittensor", signed_rate / peer_rate, "x", MIN_OVER_BITTENSOR),
        ]
    return rows


if __name__ == "__main__":
    _run(_serve(sys.argv[1]))

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
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

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
_READY, _SPENT = "ready ", "spent "
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


class _Load(NamedTuple):
    """What a client measured."""

    requests: int
    took_s: float
    p50_ms: float
    cpu_s: float  # processor time of the client, all requests together


class _Result(NamedTuple):
    """One turn."""

    rate: float  # requests per second
    p50_ms: float
    cpu_ms: float  # of one request: processor time of client and server


async def _load(exchange: Callable[[], Awaitable[None]], seconds: float, at_once: int) -> _Load:
    """Ask with so many workers."""
    await exchange()
    times: list[float] = []
    start, cpu_s = time.perf_counter(), time.process_time()

    async def worker() -> None:
        while (begun := time.perf_counter()) < start + seconds:
            await exchange()
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    took_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu_s
    return _Load(len(times), took_s, sorted(times)[len(times) // 2] * 1000, cpu_s)


async def _until_input_ends() -> None:
    """Serve, and print what it cost."""
    begun_s = time.process_time()
    await asyncio.to_thread(sys.stdin.read)
    print(f"{_SPENT}{time.process_time() - begun_s}", flush=True)


async def _serve(what: str) -> None:
    if what == "signed":
        node = _SignedNode()
        async with await serve(node.handle) as server:
            print(_READY + server.endpoint, node.identity.node_id, node.identity.seal_public.hex(), flush=True)
            await _until_input_ends()
        return
    import uvicorn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(_bare_app(), lifespan="off", ws="none", log_config=None, access_log=False)
        bare = uvicorn.Server(config)
        serving = asyncio.create_task(bare.serve(sockets=[listener]))
        while not bare.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.002)
        print(f"{_READY}http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await _until_input_ends()
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


@dataclass
class _Process:
    """`words` is what it printed when it was ready, `cpu_s` what it said at its end that it had spent since."""

    words: list[str]
    cpu_s: float = 0.0


@contextmanager
def _process(*command: str) -> Iterator[_Process]:
    """A process of its own, ready; its input is closed at the end."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter or the one the user named
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = _Process([])
    try:
        line = process.stdout.readline()
        while line and not line.startswith(_READY):
            line = process.stdout.readline()
        child.words = line.split()[1:]
        if not child.words:
            raise UnavailableError(f"{' '.join(command)} did not start", "Run it by hand to see why.")
        yield child
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        child.cpu_s = sum(float(line.split()[1]) for line in process.stdout if line.startswith(_SPENT))
        process.stdout.close()


def _result(load: Sequence[str], server: _Process) -> _Result:
    """From what the client printed, when the server has ended."""
    requests, took_s, p50_ms, cpu_s = (float(word) for word in load)
    return _Result(requests / took_s, p50_ms, (cpu_s + server.cpu_s) / requests * 1000)


async def _ask_signed(seconds: float, at_once: int, endpoint: str, node_id: str, seal_public: str) -> _Load:
    async with HttpTransport(allow_private=True) as transport:
        client = _SignedClient(transport, endpoint, node_id, bytes.fromhex(seal_public))
        return await _load(client.exchange, seconds, at_once)


async def _ask_bare(seconds: float, at_once: int, endpoint: str) -> _Load:
    import aiohttp

    request = os.urandom(400)
    async with aiohttp.ClientSession(auto_decompress=False, read_bufsize=256 * 1024) as session:

        async def exchange() -> None:
            async with session.post(endpoint + "/v1/message", data=request) as response:
                assert len(await response.read()) == REPLY_BYTES

        return await _load(exchange, seconds, at_once)


def _ours(what: str, seconds: float, at_once: int) -> _Result:
    """Server and client each in a fresh process, so that neither inherits the other's heap."""
    me = (sys.executable, "-m", "antiphon.bench.exchange")
    with (
        _process(*me, "serve", what) as server,
        _process(*me, "ask", what, str(seconds), str(at_once), *server.words) as client,
    ):
        pass
    return _result(client.words, server)


def _bittensor(seconds: float, at_once: int, python: str) -> _Result:
    """Dendrite -> Axon under the interpreter `python`, which has bittensor 10.5.0."""
    # -I: a script's own folder must not come before the library's modules.
    me = (python, "-I", str(Path(__file__).with_name("exchange_peer.py")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (
        tempfile.TemporaryDirectory() as folder,
        _process(*me, "serve", folder, port) as server,
        _process(*me, "ask", folder, port, server.words[-1], str(seconds), str(at_once)) as client,
    ):
        pass
    return _result(client.words, server)


def _row(name: str, value: float, unit: str, target: str = "") -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "target": target}


def run(seconds: float = 5.0, peer_python: str | None = None) -> Iterator[dict[str, Any]]:
    """Measure all in one run, in turns of `seconds` / ROUNDS each, and take the medians of each one's turns.

    Rows: name, value, unit, target ("" or a relation and a bound). `peer_python` is an interpreter that has
    bittensor 10.5.0; without it the peer is left out.
    """
    for at_once in AT_ONCE:
        yield from _rows(seconds / ROUNDS, at_once, peer_python)


def _rows(turn_s: float, at_once: int, peer_python: str | None) -> Iterator[dict[str, Any]]:
    found: dict[str, list[_Result]] = {}
    for _ in range(ROUNDS):
        for what in ("signed", "bare"):
            found.setdefault(what, []).append(_ours(what, turn_s, at_once))
        if peer_python is not None:
            found.setdefault("bittensor", []).append(_bittensor(turn_s, at_once, peer_python))
    middle = {what: _Result(*map(statistics.median, zip(*results, strict=True))) for what, results in found.items()}
    title = f"100 KB over HTTP, {at_once} at once"
    names = {"signed": "signed and sealed", "bare": "bare Starlette", "bittensor": "Bittensor, signed only"}
    for what, one in middle.items():
        unit = f"requests/s (p50 {one.p50_ms:.2f} ms, CPU {one.cpu_ms:.2f} ms)"
        yield _row(f"{title}: {names[what]}", one.rate, unit)
    ours = middle["signed"]
    yield _row(f"{title}: share of bare", ours.rate / middle["bare"].rate, "x", MIN_OF_BARE)
    if "bittensor" in middle:
        peer = middle["bittensor"]
        yield _row(f"{title}: over Bittensor", ours.rate / peer.rate, "x", MIN_OVER_BITTENSOR)
        yield _row(f"{title}: over Bittensor in CPU time", peer.cpu_ms / ours.cpu_ms, "x")


def _main(verb: str, what: str, *words: str) -> None:
    if verb == "serve":
        _run(_serve(what))
        return
    seconds = float(words[0])
    at_once = int(words[1])
    ask = _ask_signed(seconds, at_once, *words[2:]) if what == "signed" else _ask_bare(seconds, at_once, *words[2:])
    print(_READY + " ".join(map(str, _run(ask))), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])

"""What holds for every transport, in process and over a real server on loopback alike."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from antiphon.errors import BusyError, FundsError, InputError, ProtocolError, UnavailableError
from antiphon.transport import (
    Handler,
    HttpTransport,
    InProcessTransport,
    Limits,
    RoutingTransport,
    Transport,
    serve,
)

LIMITS = Limits(message_bytes=2_000_000, frame_bytes=1_000_000, answer_bytes=3_000_000, concurrent=3)


@asynccontextmanager
async def in_process(handler: Handler, limits: Limits = LIMITS) -> AsyncIterator[tuple[Transport, str]]:
    transport = InProcessTransport(limits)
    yield transport, transport.register("node", handler)
    await transport.close()


@asynccontextmanager
async def over_http(handler: Handler, limits: Limits = LIMITS) -> AsyncIterator[tuple[Transport, str]]:
    async with await serve(handler, limits=limits) as server, HttpTransport(limits, allow_private=True) as transport:
        yield transport, server.endpoint


Connect = Callable[..., "AsyncIterator[tuple[Transport, str]]"]


@pytest.fixture(params=[in_process, over_http], ids=["inproc", "http"])
def connect(request: pytest.FixtureRequest) -> Connect:
    return request.param


async def ask(transport: Transport, endpoint: str, message: bytes = b"hi", deadline_s: float = 10.0) -> list[bytes]:
    return [frame async for frame in transport.request(endpoint, message, deadline_s=deadline_s)]


async def echo(message: bytes) -> AsyncIterator[bytes]:
    yield message
    yield b""
    yield message[::-1]


async def test_frames_arrive_whole_and_in_order(connect: Connect) -> None:
    async with connect(echo) as (transport, endpoint):
        for message in (b"", b"abc", bytes(range(256)) * 3000):
            assert await ask(transport, endpoint, message) == [message, b"", message[::-1]]


async def test_an_answer_of_no_frames_is_an_answer(connect: Connect) -> None:
    async def silent(message: bytes) -> AsyncIterator[bytes]:
        return
        yield b""

    async with connect(silent) as (transport, endpoint):
        assert await ask(transport, endpoint) == []


async def test_a_frame_arrives_before_the_next_is_made(connect: Connect) -> None:
    heard = asyncio.Event()

    async def waits(message: bytes) -> AsyncIterator[bytes]:
        yield b"first"
        await heard.wait()
        yield b"second"

    async with connect(waits) as (transport, endpoint):
        frames = transport.request(endpoint, b"", deadline_s=5)
        assert await anext(frames) == b"first"
        heard.set()
        assert [frame async for frame in frames] == [b"second"]


@pytest.mark.parametrize("how", ["closed", "cancelled", "dropped"])
async def test_the_handler_is_cancelled_within_a_second_when_the_asker_leaves(connect: Connect, how: str) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def endless(message: bytes) -> AsyncIterator[bytes]:
        started.set()
        try:
            yield b"first"
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async with connect(endless) as (transport, endpoint):
        frames = transport.request(endpoint, b"", deadline_s=30)
        await anext(frames)
        if how == "closed":
            await frames.aclose()
        elif how == "cancelled":
            task = asyncio.ensure_future(anext(frames))
            await asyncio.sleep(0.01)
            task.cancel()
        else:
            del frames
            gc.collect()
        await asyncio.wait_for(stopped.wait(), 15)


async def test_the_handler_is_cancelled_before_its_first_frame_too(connect: Connect) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def thinks(message: bytes) -> AsyncIterator[bytes]:
        started.set()
        try:
            await asyncio.sleep(60)
            yield b""
        finally:
            stopped.set()

    async with connect(thinks) as (transport, endpoint):
        task = asyncio.create_task(ask(transport, endpoint))
        await asyncio.wait_for(started.wait(), 15)
        task.cancel()
        await asyncio.wait_for(stopped.wait(), 15)


async def test_a_slow_handler_meets_the_deadline_and_is_cancelled(connect: Connect) -> None:
    stopped = asyncio.Event()

    async def slow(message: bytes) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async with connect(slow) as (transport, endpoint):
        start = asyncio.get_running_loop().time()
        with pytest.raises(UnavailableError, match=r"was not done within 0\.3 s"):
            await ask(transport, endpoint, deadline_s=0.3)
        assert asyncio.get_running_loop().time() - start < 1.5
        await asyncio.wait_for(stopped.wait(), 15)


@pytest.mark.parametrize(
    "error",
    [
        InputError("No such voice", "Use `antiphon voices`."),
        FundsError("Not enough"),
        BusyError("Full", "Later.", retry_after_s=7.5),
        ProtocolError("Unsigned"),
    ],
)
@pytest.mark.parametrize("after", [0, 2])
async def test_an_error_arrives_as_the_same_class_at_its_place(connect: Connect, error: Exception, after: int) -> None:
    async def fails(message: bytes) -> AsyncIterator[bytes]:
        for _ in range(after):
            yield b"x"
        raise error

    async with connect(fails) as (transport, endpoint):
        frames = transport.request(endpoint, b"", deadline_s=5)
        for _ in range(after):
            assert await anext(frames) == b"x"
        with pytest.raises(type(error)) as caught:
            await anext(frames)
        assert type(caught.value) is type(error)
        assert str(caught.value) == str(error)
        assert getattr(caught.value, "retry_after_s", 0) == getattr(error, "retry_after_s", 0)


async def test_a_bug_in_a_handler_shows_in_the_log_and_not_to_the_asker(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async def buggy(message: bytes) -> AsyncIterator[bytes]:
        yield b"x"
        raise KeyError("internal detail")

    async with connect(buggy) as (transport, endpoint):
        with pytest.raises(UnavailableError, match="The node failed while it answered") as caught:
            await ask(transport, endpoint)
    assert "internal detail" not in str(caught.value)
    assert "internal detail" in caplog.text


async def test_one_more_than_allowed_at_once_is_told_busy(connect: Connect) -> None:
    release = asyncio.Event()

    async def waits(message: bytes) -> AsyncIterator[bytes]:
        await release.wait()
        yield b"done"

    async with connect(waits) as (transport, endpoint):
        waiting = [asyncio.create_task(ask(transport, endpoint)) for _ in range(3)]
        await asyncio.sleep(0.2)
        with pytest.raises(BusyError, match="already answers 3 messages"):
            await ask(transport, endpoint)
        release.set()
        assert await asyncio.gather(*waiting) == [[b"done"]] * 3
        assert await ask(transport, endpoint) == [b"done"]


async def test_too_large_a_message_is_refused(connect: Connect) -> None:
    async with connect(echo) as (transport, endpoint):
        with pytest.raises(ProtocolError, match="too large: 2000001 bytes, the limit is 2000000"):
            await ask(transport, endpoint, bytes(2_000_001))


async def test_too_large_a_frame_is_not_sent(connect: Connect) -> None:
    async def huge(message: bytes) -> AsyncIterator[bytes]:
        yield bytes(1_000_001)

    async with connect(huge) as (transport, endpoint):
        with pytest.raises(ProtocolError, match="a frame of 1000001 bytes"):
            await ask(transport, endpoint)


async def test_a_fast_handler_waits_for_a_slow_asker(connect: Connect) -> None:
    """Back-pressure: without it, all 200 MB would be made at once."""
    made = 0

    async def fountain(message: bytes) -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(200):
            made += 1
            yield bytes(1_000_000)

    limits = Limits(answer_bytes=300_000_000)
    async with connect(fountain, limits) as (transport, endpoint):
        frames = transport.request(endpoint, b"", deadline_s=30)
        await anext(frames)
        await asyncio.sleep(0.3)
        assert made < 30
        await frames.aclose()


async def test_an_endpoint_where_nobody_listens_is_unavailable() -> None:
    async with HttpTransport(allow_private=True) as transport:
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await ask(transport, "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="Nobody listens at inproc://node"):
        await ask(InProcessTransport(), "inproc://node")


async def test_the_scheme_chooses_the_transport() -> None:
    inproc, http = InProcessTransport(), HttpTransport(allow_private=True)
    routing = RoutingTransport({"inproc": inproc, "http": http, "https": http})
    async with await serve(echo) as server:
        for endpoint in (inproc.register("node", echo), server.endpoint):
            assert await ask(routing, endpoint, b"ab") == [b"ab", b"", b"ba"]
        for endpoint in ("file:///etc/passwd", "gopher://a", "node", ""):
            with pytest.raises(InputError, match=r"no known scheme\. Known: http://, https://, inproc://"):
                await ask(routing, endpoint)
        await routing.close()

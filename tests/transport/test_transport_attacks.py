"""Mallory's sockets against a real process: silent and slow ones end, and honest clients are served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import Processes, until
from served import ENDLESS, served

from antiphon.errors import ProtocolError
from antiphon.transport import HttpTransport

HEAD = b"POST /v1/message HTTP/1.1\r\nHost: a\r\n"
pytestmark = pytest.mark.slow


@contextmanager
def sockets(
    endpoint: str, count: int, *, source: Callable[[int], str] = lambda _: "127.0.0.1"
) -> Iterator[list[socket.socket]]:
    """So many open connections, from any loopback addresses."""
    host, port = endpoint.removeprefix("http://").split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 500)), hard))
    made: list[socket.socket] = []
    try:
        for n in range(count):
            made += [socket.create_connection((host, int(port)), 10, (source(n), 0))]
        yield made
    finally:
        for one in made:
            one.close()


def over(one: socket.socket) -> bool:
    """Whether the other side has closed it; what it said before is read away."""
    one.setblocking(False)
    try:
        while one.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


async def ask(transport: HttpTransport, endpoint: str, message: bytes = b"hi") -> list[bytes]:
    return [frame async for frame in transport.request(endpoint, message, deadline_s=10)]


async def test_1030_silent_sockets_hold_no_node(tmp_path: Path) -> None:
    """The very attack that once held a validator for good: against `antiphon node`, started as documented."""
    processes = Processes(tmp_path)
    try:
        processes.start("ledger", "ledger", "serve", "--port", "0")
        until(lambda: " at http" in processes.said("ledger"), "the ledger serves")
        processes.start("node", "node", "processor", "--engine", "espeak")
        until(lambda: " at http" in processes.said("node"), "the node serves")
        endpoint = processes.said("node").rsplit(" at ", 1)[1].split()[0]
        with sockets(endpoint, 1030) as silent:
            async with HttpTransport(allow_private=True) as transport:
                for _ in range(20):
                    with pytest.raises(ProtocolError, match="not a readable Envelope"):
                        await ask(transport, endpoint)
            until(lambda: all(map(over, silent)), "silent sockets are closed")
    finally:
        processes.close()


async def test_a_full_house_of_other_addresses_puts_nobody_out_who_talks() -> None:
    """More silent sockets than there are places, from as many addresses as it takes: newcomers still find one."""
    with (
        served(connections=100, per_address=30, first_s=60) as endpoint,
        sockets(endpoint, 300, source=lambda n: f"127.0.1.{1 + n % 5}") as silent,
    ):
        async with HttpTransport(allow_private=True) as transport:
            for _ in range(50):
                assert await ask(transport, endpoint) == [b"hi"]
        assert sum(map(over, silent)) >= 200


async def test_an_address_cannot_have_all_places_even_if_it_is_answered() -> None:
    with (
        served(connections=100, per_address=30, concurrent=100, stall_s=60) as endpoint,
        sockets(endpoint, 60, source=lambda _: "127.0.1.1") as greedy,
    ):
        for one in greedy:
            with contextlib.suppress(OSError):
                one.sendall(HEAD + b"Content-Length: 7\r\n\r\n" + ENDLESS)
        async with HttpTransport(allow_private=True) as transport:
            for _ in range(20):
                assert await ask(transport, endpoint) == [b"hi"]


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b"P"),
        (b"POST /v1/message HTTP/1.1\r\n", b"X-A: b\r\n"),
        (HEAD + b"Content-Length: 8000000\r\n\r\n", b"."),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
    ],
    ids=["line", "headers", "body", "chunks", "trailers"],
)
async def test_slow_senders_end_and_delay_nobody(begin: bytes, drip: bytes) -> None:
    with (
        served(connections=64, per_address=40, head_s=1, body_s=2, first_s=1) as endpoint,
        sockets(endpoint, 60, source=lambda n: f"127.0.1.{1 + n % 2}") as slow,
    ):
        for one in slow:
            one.sendall(begin)
        async with HttpTransport(allow_private=True) as transport, asyncio.timeout(300):
            while not all(map(over, slow)):
                for one in slow:
                    with contextlib.suppress(OSError):
                        one.sendall(drip)
                assert await ask(transport, endpoint) == [b"hi"]
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("begin", [HEAD + b"X-A: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: "])
async def test_endless_headers_and_trailers_fill_no_memory(begin: bytes) -> None:
    with (
        served(head_bytes=16_384, message_bytes=100_000, head_s=60, body_s=60) as endpoint,
        sockets(endpoint, 1) as (one,),
    ):
        one.sendall(begin)
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(1000):
                one.sendall(b"a" * 65536)
                sent += 1
        assert sent < 1000


async def test_who_stops_reading_is_left_and_holds_no_answer() -> None:
    with (
        served(concurrent=20, stall_s=1, connections=100, per_address=60) as endpoint,
        sockets(endpoint, 40, source=lambda _: "127.0.1.1") as stalled,
    ):
        for one in stalled:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(HEAD + b"Content-Length: 7\r\n\r\n" + ENDLESS)
        async with HttpTransport(allow_private=True) as transport:
            await asyncio.sleep(0.3)
            for _ in range(20):
                assert await ask(transport, endpoint) == [b"hi"]
        await asyncio.sleep(3)
        assert all(map(over, stalled))


async def test_a_connection_given_up_while_idle_costs_no_message() -> None:
    """Places are taken from idle connections of honest clients, too: their next message finds a new one."""
    with served(connections=40, per_address=20, first_s=60) as endpoint:
        async with HttpTransport(allow_private=True) as transport:
            for _ in range(5):
                assert await asyncio.gather(*(ask(transport, endpoint) for _ in range(10))) == [[b"hi"]] * 10
                with sockets(endpoint, 40):
                    pass

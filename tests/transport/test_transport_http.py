"""The HTTP side alone: real sockets, rude clients, faulty servers."""

from __future__ import annotations

import asyncio
import os
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import BusyError, InputError, ProtocolError, UnavailableError
from antiphon.transport import HttpTransport, Limits, serve
from antiphon.transport.client_connection import Origin
from antiphon.transport.frames import CONTENT_TYPE, FrameReader
from antiphon.transport.http import target_of


async def echo(message: bytes) -> AsyncIterator[bytes]:
    yield message


def anywhere() -> HttpTransport:
    return HttpTransport(allow_private=True)


async def ask(transport: HttpTransport, endpoint: str, message: bytes = b"hi", deadline_s: float = 10.0) -> list[bytes]:
    return [frame async for frame in transport.request(endpoint, message, deadline_s=deadline_s)]


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """Answers every request with these very bytes, then hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def say(endpoint: str, words: bytes) -> bytes:
    """Send bytes as they are; all that comes back."""
    host, port = endpoint.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(words)
    answer = await reader.read()
    writer.close()
    return answer


def framed(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {size}\r\n\r\n".encode() + body


async def test_health_answers_and_the_rest_is_refused() -> None:
    async with await serve(echo) as server, aiohttp.ClientSession() as session:
        async with session.get(server.endpoint + "/healthz") as response:
            assert (response.status, await response.json()) == (200, {"status": "ok"})
        for method, path, status in (("GET", "/v1/message", 405), ("POST", "/healthz", 405), ("GET", "/", 404)):
            async with session.request(method, server.endpoint + path) as response:
                assert response.status == status


async def test_the_server_listens_on_loopback_unless_told() -> None:
    async with await serve(echo) as server:
        assert server.endpoint.startswith("http://127.0.0.1:")
    async with await serve(echo, "127.0.0.1", public_host="node.example") as server:
        assert server.endpoint.startswith("http://node.example:")


async def test_a_taken_port_is_named() -> None:
    async with await serve(echo) as server:
        port = int(server.endpoint.rsplit(":", 1)[1])
        with pytest.raises(UnavailableError, match=f"Cannot listen on 127.0.0.1:{port}"):
            await serve(echo, port=port)


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (InputError("a"), 400, None),
        (ProtocolError("a"), 400, None),
        (BusyError("a", retry_after_s=7), 503, "7"),
        (UnavailableError("a"), 500, None),
    ],
)
async def test_people_and_proxies_see_a_fitting_status(error: Exception, status: int, retry_after: str | None) -> None:
    async def fails(message: bytes) -> AsyncIterator[bytes]:
        raise error
        yield b""

    async with (
        await serve(fails) as server,
        aiohttp.ClientSession() as session,
        session.post(server.endpoint + "/v1/message", data=b"") as response,
    ):
        assert (response.status, response.headers.get("Retry-After")) == (status, retry_after)


@pytest.mark.parametrize("chunked", [False, True])
async def test_too_large_a_body_is_413_with_or_without_its_length(chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(1000)

    async with (
        await serve(echo, limits=Limits(message_bytes=10_000)) as server,
        aiohttp.ClientSession() as session,
        session.post(server.endpoint + "/v1/message", data=pieces() if chunked else bytes(40_000)) as response,
    ):
        assert response.status == 413
        reader = FrameReader(frame_bytes=0, answer_bytes=0)
        assert [kind for kind, _ in reader.feed(await response.read())] == [3]


async def test_the_servers_limit_reaches_a_client_that_would_send_more() -> None:
    async with (
        await serve(echo, limits=Limits(message_bytes=1000)) as server,
        anywhere() as transport,
    ):
        with pytest.raises(ProtocolError, match="too large: 1001 bytes, the limit is 1000"):
            await ask(transport, server.endpoint, bytes(1001))


async def test_all_messages_together_are_bounded() -> None:
    release = asyncio.Event()

    async def waits(message: bytes) -> AsyncIterator[bytes]:
        await release.wait()
        yield b"done"

    async with (
        await serve(waits, limits=Limits(held_bytes=150_000)) as server,
        anywhere() as transport,
    ):
        first = asyncio.create_task(ask(transport, server.endpoint, bytes(100_000)))
        await asyncio.sleep(0.2)
        with pytest.raises(BusyError, match="holds too many large messages"):
            await ask(transport, server.endpoint, bytes(100_000))
        release.set()
        assert await first == [b"done"]
        for _ in range(3):
            assert await ask(transport, server.endpoint, bytes(100_000)) == [b"done"]


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with await serve(echo, limits=Limits(body_s=0.2)) as server:
        words = b"POST /v1/message HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc"
        answer = await asyncio.wait_for(say(server.endpoint, words), 15)
        assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (framed(b"\1\0\0\0\3abc"), "truncated: it has no end frame"),
        (framed(b"\1\0\0\0\3ab"), "truncated: it has no end frame"),
        (framed(b""), "truncated: it has no end frame"),
        (framed(b"\1\0\0\0\3abc", length=100), "truncated: the connection broke"),
        (framed(b"\7\0\0\0\3abc"), "unknown type 7"),
        (framed(b"\1\xff\xff\xff\xffabc"), "too large"),
        (framed(b"\2\0\0\0\0more"), "goes on after its end"),
        (framed(b"\3\0\0\0\3abc"), "not a readable ErrorFrame"),
    ],
)
async def test_a_truncated_or_malformed_answer_is_a_protocol_error(answer: bytes, why: str) -> None:
    async with raw_server(answer) as endpoint, anywhere() as transport:
        with pytest.raises(ProtocolError, match=why):
            await ask(transport, endpoint)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", UnavailableError),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", UnavailableError),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", BusyError),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", UnavailableError),
        (b"what?", UnavailableError),
        (b"", UnavailableError),
    ],
)
async def test_what_is_no_node_of_ours_is_unavailable(answer: bytes, error: type[Exception]) -> None:
    async with raw_server(answer) as endpoint, anywhere() as transport:
        with pytest.raises(error):
            await ask(transport, endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "file:///etc/passwd",
        "ftp://host/",
        "unix:///run/docker.sock",
        "http://",
        "http://user:secret@host/",
        "http://host/?q=1",
        "http://host/#f",
        "http://host:99999",
        "//host",
        "host:80",
        "http://host/admin",
        "http://host/v1/message",
        "http://host/" + 400 * "a",
        "http://host:0",
        "http://a b:80",
        "http://a\0b:80",
        "http://\nf\t8 ",
        "http://[fe80::1%\0]",
        "http://[fe80::1%é]",
        "http://[::é2]",
        "http://x20é。0\0-",
        "http://-a:80",
        "http://bücher.example",
        "http://[:::]",
        "http://[1.2.3.4]",
        "http://host:123456",
        "http://host:٢",
        "http://host:80\n",
        "",
        "http://[::1",
    ],
)
async def test_only_plain_http_endpoints_are_asked(endpoint: str) -> None:
    async with anywhere() as transport:
        with pytest.raises(InputError, match="is not an endpoint"):
            await ask(transport, endpoint)


@pytest.mark.parametrize(
    ("endpoint", "origin", "host"),
    [
        ("https://host/", Origin(True, "host", 443), b"host"),
        ("HTTP://Node-1.Example.:08080", Origin(False, "node-1.example.", 8080), b"node-1.example.:8080"),
        ("http://my_node:80", Origin(False, "my_node", 80), b"my_node"),
        ("http://xn--bcher-kva.example:443", Origin(False, "xn--bcher-kva.example", 443), b"xn--bcher-kva.example:443"),
        ("http://[::1]:80", Origin(False, "::1", 80), b"[::1]"),
        ("http://[FE80::1%eth0]:81", Origin(False, "fe80::1%eth0", 81), b"[fe80::1]:81"),
        ("https://192.0.2.1:7411", Origin(True, "192.0.2.1", 7411), b"192.0.2.1:7411"),
    ],
)
def test_an_endpoint_is_asked_at_the_one_path_of_the_protocol(endpoint: str, origin: Origin, host: bytes) -> None:
    target = target_of(endpoint)
    assert target.origin == origin
    assert target.head.startswith(b"POST /v1/message HTTP/1.1\r\nHost: " + host + b"\r\n")


@given(
    st.sampled_from(["http://", "https://", "http://[fe80::1%", "http://[::", "HTTP://a"]),
    st.text(st.sampled_from("aZé%:/[]@#?\\ \r\n\t\0.1-_~ßİ٠２。")),
    st.sampled_from(["", "]", "]:1", ":80", ":0", "/"]),
)
def test_no_endpoint_writes_into_the_headers_of_a_request(scheme: str, host: str, rest: str) -> None:
    try:
        target = target_of(scheme + host + rest)
    except InputError:
        return
    lines = target.head.split(b"\r\n")
    assert [line.partition(b": ")[0] for line in lines[1:]] == [
        b"Host",
        b"User-Agent",
        b"Content-Type",
        b"Content-Length",
    ]
    assert not set(b"\r\n\t\0") & set(b"".join(lines))
    assert re.fullmatch(rb"Host: [a-z0-9_.-]+(:\d+)?|Host: \[[0-9a-f:.]+\](:\d+)?", lines[1])


async def test_an_ipv6_endpoint_is_asked() -> None:
    async with await serve(echo, "::1") as server, anywhere() as transport:
        assert server.endpoint.startswith("http://[::1]:")
        assert await ask(transport, server.endpoint) == [b"hi"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[fe80::1]"],
)
async def test_private_addresses_can_be_refused(host: str) -> None:
    async with HttpTransport() as transport:
        with pytest.raises(InputError, match="not a public address"):
            await ask(transport, f"http://{host}:1")


async def test_a_name_that_leads_to_a_private_address_can_be_refused() -> None:
    async with await serve(echo) as server, HttpTransport() as transport:
        with pytest.raises(UnavailableError, match="no public address"):
            await ask(transport, server.endpoint.replace("127.0.0.1", "localhost"))


async def test_200_requests_at_once_are_all_answered() -> None:
    async with await serve(echo) as server, anywhere() as transport:
        messages = [os.urandom(10_000) for _ in range(200)]
        answers = await asyncio.gather(*(ask(transport, server.endpoint, message, 30) for message in messages))
        assert answers == [[message] for message in messages]


async def test_connections_are_kept_and_used_again() -> None:
    async with await serve(echo) as server, anywhere() as transport:
        for _ in range(20):
            await ask(transport, server.endpoint)
        assert len(transport.pool) == 1


async def test_memory_stays_bounded_over_many_exchanges() -> None:
    async with await serve(echo) as server, anywhere() as transport:
        message = os.urandom(500_000)
        for _ in range(20):
            await ask(transport, server.endpoint, message)
        tracemalloc.start()
        for _ in range(60):
            await ask(transport, server.endpoint, message)
        used, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert used < 2_000_000
        assert peak < 12_000_000


async def test_stopping_ends_answers_under_way() -> None:
    stopped = asyncio.Event()

    async def endless(message: bytes) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.sleep(60)
        finally:
            stopped.set()

    server = await serve(endless)
    async with anywhere() as transport:
        frames = transport.request(server.endpoint, b"", deadline_s=30)
        await anext(frames)
        stopping = asyncio.create_task(server.stop())
        with pytest.raises((ProtocolError, UnavailableError)):
            await anext(frames)
        await asyncio.wait_for(stopping, 15)
        await asyncio.wait_for(stopped.wait(), 15)
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await ask(transport, server.endpoint)


@pytest.mark.parametrize(
    "words",
    [
        b"\0\0\0\0\r\n\r\n",
        b"POST /v1/message HTTP/9.9\r\n\r\n",
        b"POST /v1/message HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/message HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_rude_words_harm_nobody(words: bytes) -> None:
    async with await serve(echo) as server, anywhere() as transport:
        assert not (await asyncio.wait_for(say(server.endpoint, words), 15)).startswith(b"HTTP/1.1 200")
        assert await ask(transport, server.endpoint) == [b"hi"]

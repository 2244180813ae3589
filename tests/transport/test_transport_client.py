"""Mallory's servers against the HTTP client: real sockets that are silent, slow, endless, rude, or answer too much."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from antiphon.errors import BusyError, InputError, ProtocolError, UnavailableError, UnreachableError
from antiphon.transport import HttpTransport, Limits, serve
from antiphon.transport.client_connection import HELD_BYTES, Origin
from antiphon.transport.frames import CONTENT_TYPE, DATA, END, write
from antiphon.transport.http import target_of
from antiphon.transport.reach import Address, SystemResolver

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW_S = 0.4


def anywhere(**limits: float) -> HttpTransport:
    return HttpTransport(Limits(**limits), allow_private=True)  # type: ignore[arg-type]


async def ask(transport: HttpTransport, endpoint: str, message: bytes = b"hi", deadline_s: float = 10.0) -> list[bytes]:
    return [frame async for frame in transport.request(endpoint, message, deadline_s=deadline_s)]


def whole(*payloads: bytes, headers: bytes = b"") -> bytes:
    """A good answer."""
    body = b"".join(write((DATA, payload)) for payload in payloads) + write((END, b""))
    return HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def heard(reader: asyncio.StreamReader) -> bytes:
    """One message of a client."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return await reader.readexactly(size)


class Mallory:
    """A server that talks as it likes. `calls` counts its connections."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._talking: set[asyncio.Task[None]] = set()
        self.calls = 0
        self.endpoint = ""

    @property
    def open(self) -> int:
        return len(self._talking)

    def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._meet(reader, writer))
        self._talking.add(task)
        task.add_done_callback(self._talking.discard)
        self.calls += 1

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
                await writer.drain()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def stop(self) -> None:
        for task in self._talking:
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)


@asynccontextmanager
async def mallory(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Mallory]:
    one = Mallory(talk)
    server = await asyncio.start_server(one.meet, "127.0.0.1", 0, ssl=tls)
    one.endpoint = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await one.stop()


def saying(*pieces: bytes, every_s: float = 0.0, last_s: float = 0.0) -> Talk:
    """Hears one message, says these pieces, waits, and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)
        await asyncio.sleep(last_s)

    return talk


def forever(begin: bytes, piece: bytes) -> Talk:
    """Hears one message, and never comes to an end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(begin)
        while True:
            writer.write(piece)
            await writer.drain()

    return talk


async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each message with itself, as long as it is asked."""
    while True:
        writer.write(whole(await heard(reader)))


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        tuple(bytes([byte]) for byte in whole(b"a" * 1000)),
        (HEAD, *[b"X-A: b\r\n"] * 1000),
        (CHUNKED + chunk(write((DATA, bytes(1000)))[:5]), *[chunk(b"a")] * 1000),
        (CHUNKED + chunk(write((DATA, b"first"))),),
    ],
    ids=["silent", "drips", "drips headers", "drips chunks", "stops"],
)
async def test_a_slow_or_silent_server_is_left_at_the_deadline(pieces: tuple[bytes, ...]) -> None:
    async with mallory(saying(*pieces, every_s=0.02, last_s=60)) as server, anywhere() as transport:
        with pytest.raises(UnavailableError, match=rf"was not done within {SLOW_S} s"):
            await asyncio.wait_for(ask(transport, server.endpoint, deadline_s=SLOW_S), 60)
        assert len(transport.pool) == 0


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (HEAD, b"X-A: b\r\n" * 1000),
        (HEAD + b"X-A: ", b"a" * 10_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (CHUNKED + chunk(write((DATA, b"x"))) + b"0\r\n", b"X-A: b\r\n" * 1000),
        (CHUNKED + chunk(write((DATA, b"x"))) + b"0\r\nX-A: ", b"a" * 10_000),
        (CHUNKED + b"1;a=", b"a" * 10_000),
    ],
    ids=["headers", "one header", "remarks", "trailers", "one trailer", "chunk extension"],
)
async def test_what_is_no_answer_without_end_fills_no_memory(begin: bytes, piece: bytes) -> None:
    async with mallory(forever(begin, piece)) as server, anywhere() as transport:
        tracemalloc.start()
        with pytest.raises((ProtocolError, UnavailableError), match=r"headers without end|not answer in HTTP"):
            await asyncio.wait_for(ask(transport, server.endpoint), 60)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * HELD_BYTES
        assert len(transport.pool) == 0


@pytest.mark.parametrize("framing", [CHUNKED, HEAD + b"Content-Length: 99999999999\r\n\r\n", HEAD + b"\r\n"])
async def test_an_answer_over_its_limit_is_refused_while_it_comes(framing: bytes) -> None:
    frame = write((DATA, bytes(10_000)))
    piece = chunk(frame) if framing is CHUNKED else frame
    async with mallory(forever(framing, piece)) as server, anywhere(answer_bytes=500_000) as transport:
        frames = transport.request(server.endpoint, b"hi", deadline_s=10)
        for _ in range(50):
            await anext(frames)
        with pytest.raises(ProtocolError, match="The answer is too large"):
            await anext(frames)


async def test_a_flood_waits_in_the_servers_buffers_until_it_is_read() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await heard(reader)
        writer.write(CHUNKED)
        frame = chunk(write((DATA, bytes(100_000))))
        for _ in range(2000):
            writer.write(frame)
            await writer.drain()
            sent += 100_000

    async with mallory(flood) as server, anywhere() as transport:
        frames = transport.request(server.endpoint, b"hi", deadline_s=30)
        await anext(frames)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 60_000_000  # what the system's own buffers take
        for _ in range(sent // 100_000 + 20):
            await anext(frames)
        assert sent > before
        await frames.aclose()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (CHUNKED + chunk(write((DATA, b"abc"))), "the connection broke"),
        (CHUNKED + chunk(write((DATA, b"abc"))[:4]), "the connection broke"),
        (CHUNKED + chunk(write((DATA, b"abc"))) + b"0\r\n\r\n", "it has no end frame"),
        (HEAD + b"\r\n" + write((DATA, b"abc")), "it has no end frame"),
        (HEAD + b"\r\n", "it has no end frame"),
    ],
)
async def test_a_truncated_answer_is_no_answer_and_is_not_asked_for_twice(answer: bytes, why: str) -> None:
    async with mallory(saying(answer)) as server, anywhere() as transport:
        with pytest.raises(ProtocolError, match=f"The answer was truncated: {why}"):
            await ask(transport, server.endpoint)
        assert server.calls == 1


async def test_an_answer_that_ends_with_its_connection_counts() -> None:
    """A proxy may speak HTTP/1.0; the frames say whether all is there."""
    body = write((DATA, b"abc")) + write((END, b""))
    old = f"HTTP/1.0 200 OK\r\nContent-Type: {CONTENT_TYPE}; charset=x\r\n\r\n".encode() + body
    async with mallory(saying(old)) as server, anywhere() as transport:
        assert await ask(transport, server.endpoint) == [b"abc"]
        assert await ask(transport, server.endpoint) == [b"abc"]
        assert server.calls == 2


async def test_remarks_before_an_answer_are_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with mallory(saying(early, whole(b"abc"))) as server, anywhere() as transport:
        assert await ask(transport, server.endpoint) == [b"abc"]


async def test_a_server_that_wants_another_protocol_is_none_of_ours() -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + whole(b"abc")
    async with mallory(saying(upgrade, last_s=60)) as server, anywhere() as transport:
        with pytest.raises(UnavailableError, match=r"does not answer in HTTP/1\.1"):
            await ask(transport, server.endpoint, deadline_s=SLOW_S)


async def test_a_second_answer_is_not_taken_for_the_next_question() -> None:
    """What comes unasked, with the answer or after it, ends the connection."""

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = await heard(reader)
        writer.write(whole(message) + whole(b"poison"))
        await asyncio.sleep(60)

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = await heard(reader)
        writer.write(whole(message))
        await asyncio.sleep(0.05)
        writer.write(whole(b"poison"))
        await asyncio.sleep(60)

    for talk in (twice, later):
        async with mallory(talk) as server, anywhere() as transport:
            for n in range(3):
                assert await ask(transport, server.endpoint, b"%d" % n) == [b"%d" % n]
                await asyncio.sleep(0.15)
            assert server.calls == 3


async def test_a_connection_is_used_again_after_answers_errors_and_late_ends() -> None:
    """The end of a chunked body may come after the end frame: nobody waits for it."""
    ends = asyncio.Event()

    async def late_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            message = await heard(reader)
            writer.write(CHUNKED + chunk(write((DATA, message)) + write((END, b""))))
            await ends.wait()
            writer.write(b"0\r\n\r\n")

    async with mallory(late_end) as server, anywhere() as transport:
        assert await ask(transport, server.endpoint) == [b"hi"]
        ends.set()
        await asyncio.sleep(0.1)
        for _ in range(5):
            assert await ask(transport, server.endpoint) == [b"hi"]
            await asyncio.sleep(0.02)
        assert server.calls == 1

    async def refuses(message: bytes) -> AsyncIterator[bytes]:
        raise BusyError("No")
        yield b""

    async with await serve(refuses) as refusing, anywhere() as transport:
        for _ in range(5):
            with pytest.raises(BusyError):
                await ask(transport, refusing.endpoint)
        assert len(transport.pool) == 1


async def test_connection_close_is_obeyed() -> None:
    async with mallory(saying(whole(b"abc", headers=b"Connection: close\r\n"), last_s=60)) as server:
        async with anywhere() as transport:
            for _ in range(3):
                assert await ask(transport, server.endpoint) == [b"abc"]
                assert len(transport.pool) <= 1
        assert server.calls == 3


async def test_an_idle_connection_that_was_closed_costs_no_message() -> None:
    """Closed while idle, all of them at once: each next message finds a new one."""
    stop = asyncio.Event()

    async def until_stopped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking = asyncio.ensure_future(polite(reader, writer))
        await asyncio.wait({talking, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        talking.cancel()

    async with mallory(until_stopped) as server, anywhere() as transport:
        for pause_s in (0.0, 0.05, 0.0, 0.05):
            stop.clear()
            assert await asyncio.gather(*(ask(transport, server.endpoint) for _ in range(8))) == [[b"hi"]] * 8
            stop.set()
            await asyncio.sleep(pause_s)
        assert server.calls >= 16


async def test_a_message_into_a_closing_connection_is_sent_once_more_and_on_a_new_one() -> None:
    """Every second message of a connection is heard and not answered, as by a server that gives the connection up."""
    messages: list[bytes] = []

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages.append(await heard(reader))
        writer.write(whole(messages[-1]))
        messages.append(await heard(reader))

    async with mallory(one_answer) as server, anywhere() as transport:
        assert await asyncio.gather(*(ask(transport, server.endpoint) for _ in range(4))) == [[b"hi"]] * 4
        for n in range(4):  # four kept connections, none good for another message
            assert await ask(transport, server.endpoint, b"%d" % n) == [b"%d" % n]
            assert messages.count(b"%d" % n) == 2


async def test_a_server_that_never_answers_is_asked_twice_and_no_more() -> None:
    async with mallory(saying()) as server, anywhere() as transport:
        with pytest.raises(UnreachableError, match="cannot be reached"):
            await ask(transport, server.endpoint)
        assert server.calls == 2
        assert len(transport.pool) == 0


async def test_a_refusal_is_heard_while_a_long_message_is_still_being_sent() -> None:
    async with (
        await serve(polite_echo, limits=Limits(message_bytes=100_000)) as server,
        anywhere(message_bytes=50_000_000) as transport,
    ):
        for _ in range(3):
            with pytest.raises(ProtocolError, match="too large: 40000000 bytes, the limit is 100000"):
                await ask(transport, server.endpoint, bytes(40_000_000))
        assert await ask(transport, server.endpoint) == [b"hi"]


async def polite_echo(message: bytes) -> AsyncIterator[bytes]:
    yield message


async def test_no_more_connections_than_allowed_and_nobody_starves() -> None:
    open_at_once: list[int] = []

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            message = await heard(reader)
            open_at_once.append(len(transport.pool))
            writer.write(whole(message))

    async with mallory(counting) as one, mallory(counting) as other, anywhere(connections=3) as transport:
        for _ in range(3):
            asked = [ask(transport, server.endpoint) for _ in range(10) for server in (one, other)]
            assert await asyncio.gather(*asked) == [[b"hi"]] * 20
    assert max(open_at_once) == 3


async def test_who_waits_for_a_place_meets_its_deadline_too() -> None:
    async with mallory(saying(last_s=60)) as server, anywhere(connections=1) as transport:
        first = asyncio.create_task(ask(transport, server.endpoint, deadline_s=30))
        await asyncio.sleep(0.1)
        with pytest.raises(UnavailableError, match=rf"was not done within {SLOW_S} s"):
            await ask(transport, server.endpoint, deadline_s=SLOW_S)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    async with mallory(polite) as server, anywhere(connections=1) as transport:
        assert await ask(transport, server.endpoint) == [b"hi"]


async def test_connections_are_not_kept_for_ever() -> None:
    async with mallory(polite) as server, anywhere(keep_s=0.2) as transport:
        await asyncio.gather(*(ask(transport, server.endpoint) for _ in range(3)))
        assert server.open == 3
        while server.open:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.05)
        assert len(transport.pool) == 0


async def test_closing_ends_what_is_under_way() -> None:
    async with mallory(saying(last_s=60)) as server:
        transport = anywhere()
        asking = asyncio.create_task(ask(transport, server.endpoint))
        await asyncio.sleep(0.1)
        await transport.close()
        with pytest.raises(UnreachableError, match="closed on this side"):
            await asyncio.wait_for(asking, 15)


async def test_a_server_that_takes_no_connection_is_unreachable() -> None:
    """TCP accepts, TLS never does."""
    async with mallory(saying(last_s=60)) as server, anywhere(connect_s=SLOW_S) as transport:
        with pytest.raises(UnreachableError, match="did not accept a connection in time"):
            await ask(transport, server.endpoint.replace("http:", "https:"))
        assert len(transport.pool) == 0


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    try:
        other: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        other = x509.DNSName(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([other]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_https_is_checked_against_the_certificates_and_the_name(tmp_path: Path) -> None:
    for name, trusted, works in (("127.0.0.1", True, True), ("127.0.0.1", False, False), ("a.example", True, False)):
        pem = certificate(tmp_path, name)
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        theirs.load_cert_chain(pem)
        ours = ssl.create_default_context(cafile=pem if trusted else None)
        async with (
            mallory(polite, theirs) as server,
            HttpTransport(allow_private=True, tls=ours) as transport,
        ):
            if works:
                message = bytes(range(256)) * 2000
                for _ in range(3):
                    assert await ask(transport, server.endpoint, message) == [message]
                assert server.calls == 1
            else:
                with pytest.raises(UnreachableError, match="certificate"):
                    await ask(transport, server.endpoint)
                assert len(transport.pool) == 0


class Counting(SystemResolver):
    """The system's answers, counted."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def _look_up(self, host: str, port: int) -> list[Address] | OSError:
        self.asked.append(host)
        await asyncio.sleep(0.05)
        return await super()._look_up(host, port)


async def test_a_crowd_asks_for_a_name_once() -> None:
    resolver = Counting()
    async with mallory(polite) as server, HttpTransport(allow_private=True, resolver=resolver) as transport:
        endpoint = server.endpoint.replace("127.0.0.1", "localhost")
        assert await asyncio.gather(*(ask(transport, endpoint) for _ in range(20))) == [[b"hi"]] * 20
        assert resolver.asked == ["localhost"]
        for _ in range(2):
            with pytest.raises(UnreachableError, match="cannot be reached"):
                await ask(transport, "http://no-such-host.invalid")
        assert resolver.asked[1:] == ["no-such-host.invalid"] * 2  # a failure is not remembered


async def test_a_host_that_is_no_name_is_refused() -> None:
    async with anywhere() as transport:
        for host in ("a" * 80 + ".example", "a..b"):
            with pytest.raises((UnreachableError, InputError)):
                await ask(transport, f"http://{host}:80")


async def test_what_follows_an_answer_is_not_the_beginning_of_the_next() -> None:
    """Two nodes may share a front, and so a connection: none may put its words into the other's mouth."""
    frames = write((DATA, b"first")) + write((END, b""))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(CHUNKED + chunk(frames))
        await writer.drain()
        await taken.wait()
        writer.write(chunk(write((DATA, b"forged")) + write((END, b""))) + b"0\r\n\r\n")
        await polite(reader, writer)

    taken = asyncio.Event()
    async with mallory(talk) as server, anywhere() as transport:
        assert await ask(transport, server.endpoint) == [b"first"]
        taken.set()
        async with asyncio.timeout(60):
            while len(transport.pool) and transport.pool.idle(origin_of(server)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(transport.pool) == 0  # it is not asked again


async def test_answers_that_are_complete_but_do_not_end_keep_no_place_from_others() -> None:
    frames = write((DATA, b"mine")) + write((END, b""))
    async with (
        mallory(saying(CHUNKED + chunk(frames), last_s=600)) as greedy,
        mallory(polite) as rival,
        anywhere(connections=4) as transport,
    ):
        for _ in range(4):
            assert await ask(transport, greedy.endpoint, deadline_s=600) == [b"mine"]
        assert greedy.calls == 4
        assert await ask(transport, rival.endpoint, b"rival") == [b"rival"]
        async with asyncio.timeout(300):
            # Nobody waits for the others, either: the rival's is left.
            while len(transport.pool) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def origin_of(server: Mallory) -> Origin:
    return target_of(server.endpoint).origin

"""The HTTP client side: one pool of connections for all nodes, and only to addresses that may be asked (`reach`)."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import NamedTuple

from antiphon.errors import BusyError, InputError, UnavailableError, UnreachableError
from antiphon.transport.base import DEFAULT_LIMITS, Limits
from antiphon.transport.client_connection import ClientConnection, Origin, UnansweredError
from antiphon.transport.connection import MESSAGE_PATH
from antiphon.transport.frames import CONTENT_TYPE, DATA, END, FrameReader, error_of
from antiphon.transport.handler_endpoint import too_large
from antiphon.transport.memory import keep_freed_memory
from antiphon.transport.pool import ConnectTimeoutError, Pool
from antiphon.transport.reach import PublicResolver, Resolver, SystemResolver, check_literal

MAX_ENDPOINT_CHARS = 300
_FRAMES = CONTENT_TYPE.encode()
_PORTS = {False: 80, True: 443}
_HEADER_NAME = re.compile(r"[Xx]-[A-Za-z0-9-]{1,60}")
_ENDPOINT = re.compile(
    r"(https?)://(?:\[([0-9a-f:.]+(?:%[0-9a-z_.-]+)?)\]|([0-9a-z_](?:[0-9a-z_.-]*[0-9a-z_.])?))(?::([0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)


class Target(NamedTuple):
    """What an endpoint says."""

    origin: Origin
    head: bytes  # of a request, up to the message's length


@lru_cache(maxsize=4096)
def target_of(endpoint: str) -> Target:
    """Where messages for an endpoint go. Raises InputError unless it is http(s)://host[:port] and no more.

    No path: an endpoint is another's word, and would choose what of somebody's web server is called. Nothing but the
    letters of names and addresses: it would write into our request's headers, or mean two things to two readers.
    """
    origin = _origin(endpoint) if len(endpoint) <= MAX_ENDPOINT_CHARS else None
    if origin is None:
        raise InputError(f"{endpoint[:100]!r} is not an endpoint", "Use http://host:port or https://host:port.")
    host = f"[{origin.host.partition('%')[0]}]" if ":" in origin.host else origin.host  # no zone: RFC 6874
    port = "" if origin.port == _PORTS[origin.tls] else f":{origin.port}"
    head = (
        f"POST {MESSAGE_PATH} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: antiphon\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: "
    )
    return Target(origin, head.encode("ascii"))


def _origin(endpoint: str) -> Origin | None:
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None:
        return None
    scheme, address, name, port = found.groups()
    tls = scheme.lower() == "https"
    number = int(port) if port else _PORTS[tls]
    if address:
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            return None
    return Origin(tls, (address or name).lower(), number) if 0 < number < 65536 else None


class HttpTransport:
    """Asks nodes over HTTP. Follows no redirect, keeps no cookie, reads no proxy from the environment.

    Endpoints come from other people: only public addresses are connected to, unless `allow_private` (a network on one
    machine or in one house): nobody makes us ask our own network. `tls` replaces the system's certificates.

    A connection that ends without a word of an answer is one that the server had given up while we wrote: the message
    is sent once more, on a new one. That is safe, for a node refuses what it has seen, and a ledger applies it once.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        *,
        allow_private: bool = False,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits
        self._allow_private = allow_private
        found = resolver or SystemResolver()
        self.pool = Pool(limits, found if allow_private else PublicResolver(found), tls)
        keep_freed_memory()

    async def request(
        self, endpoint: str, message: bytes, *, deadline_s: float, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `Transport.request`. Raises InputError for an endpoint that is no http(s) URL. `headers` are for
        protocols that sign requests there (`base.request_headers`)."""
        target = target_of(endpoint)
        extra = _header_lines(headers) if headers else b""
        if not self._allow_private:
            check_literal(target.origin.host)
        if len(message) > self._limits.message_bytes:
            raise too_large(len(message), self._limits.message_bytes)
        connection: ClientConnection | None = None
        reader = FrameReader(frame_bytes=self._limits.frame_bytes, answer_bytes=self._limits.answer_bytes)
        try:
            connection = await self._post(target, extra, message, asyncio.get_running_loop().time() + deadline_s)
            _check_response(endpoint, connection)
            while not reader.ended and (data := await connection.read()):
                for kind, payload in reader.feed(data):
                    if kind == DATA:
                        yield payload
                    elif kind != END:
                        raise error_of(payload)
            reader.finish()
        except ConnectTimeoutError as e:
            raise UnreachableError(f"{endpoint} did not accept a connection in time", "Ask another node.") from e
        except TimeoutError as e:
            raise UnavailableError(f"{endpoint} was not done within {deadline_s} s", "Ask another node.") from e
        except OSError as e:
            raise UnreachableError(f"{endpoint} cannot be reached: {e.strerror or e}", "Ask another node.") from e
        finally:
            if connection is not None:
                connection.leave(satisfied=reader.ended)

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.close()

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _post(self, target: Target, extra: bytes, message: bytes, end_s: float) -> ClientConnection:
        """A connection whose answer has begun."""
        connection = self.pool.idle(target.origin) or await self.pool.connect(target.origin, end_s)
        try:
            return await _ask(connection, target, extra, message, end_s)
        except UnansweredError:
            connection = await self.pool.connect(target.origin, end_s)
            return await _ask(connection, target, extra, message, end_s)


async def _ask(
    connection: ClientConnection, target: Target, extra: bytes, message: bytes, end_s: float
) -> ClientConnection:
    try:
        connection.ask(b"%b%d\r\n%b\r\n" % (target.head, len(message), extra), message, end_s)
        await connection.answered()
    except BaseException:
        connection.leave(satisfied=False)
        raise
    return connection


def _header_lines(headers: Mapping[str, str]) -> bytes:
    """Raises InputError for what would write into other headers."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise InputError(f"{name[:70]!r} is no header to send", "Use X-... with printable ASCII.")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def _check_response(endpoint: str, connection: ClientConnection) -> None:
    if connection.content_type.partition(b";")[0].strip().lower() == _FRAMES.lower():
        return
    if connection.status == 503:
        raise BusyError(f"{endpoint} has no free connection", "Retry later or elsewhere.")
    raise UnavailableError(f"{endpoint} answered HTTP {connection.status}: no node of ours", "Check the endpoint.")

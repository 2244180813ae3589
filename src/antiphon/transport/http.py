"""The HTTP client side: one pooled session for all nodes, and only to addresses that may be asked (`reach`)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from functools import lru_cache

import aiohttp
from yarl import URL

from antiphon.errors import AntiphonError, BusyError, InputError, ProtocolError, UnavailableError, UnreachableError
from antiphon.transport.base import DEFAULT_LIMITS, Limits
from antiphon.transport.frames import CONTENT_TYPE, DATA, END, FrameReader, error_of
from antiphon.transport.handler_endpoint import too_large
from antiphon.transport.memory import keep_freed_memory
from antiphon.transport.reach import PublicResolver, check_literal
from antiphon.transport.server import MESSAGE_PATH

KEEP_ALIVE_S = 15
"""Shorter than a server's `idle_s`, so that a message is seldom written into a connection that is just being closed."""
MAX_ENDPOINT_CHARS = 300
_READ_BYTES = 256 * 1024
_HEADERS = {"Content-Type": "application/octet-stream"}
_DIRECT_BYTES = 1024 * 1024  # aiohttp wants larger bodies as a file


@lru_cache(maxsize=4096)
def message_url(endpoint: str) -> URL:
    """Where messages for an endpoint go. Raises InputError unless it is http(s)://host[:port] and no more.

    No path: an endpoint is another's word, and would choose what of somebody's web server is called.
    """
    try:
        url = URL(endpoint[: MAX_ENDPOINT_CHARS + 1])
        more = url.user or url.password or url.query or url.fragment or url.path not in {"", "/"}
        good = len(endpoint) <= MAX_ENDPOINT_CHARS and url.scheme in {"http", "https"} and url.host and not more
    except ValueError:
        good = False
    if not good:
        raise InputError(f"{endpoint[:100]!r} is not an endpoint", "Use http://host:port or https://host:port.")
    return url.with_path(MESSAGE_PATH)


class HttpTransport:
    """Asks nodes over HTTP. Follows no redirect, keeps no cookie, reads no proxy from the environment.

    Endpoints come from other people: only public addresses are connected to, unless `allow_private` (a network on one
    machine or in one house): nobody makes us ask our own network.

    A connection that ends without a word of an answer is one that the server had given up while we wrote: the message
    is sent once more. That is safe, for a node refuses what it has seen, and a ledger applies it once.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, allow_private: bool = False) -> None:
        self._limits = limits
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def request(self, endpoint: str, message: bytes, *, deadline_s: float) -> AsyncGenerator[bytes, None]:
        """See `Transport.request`. Raises InputError for an endpoint that is no http(s) URL."""
        url = message_url(endpoint)
        if not self._allow_private:
            check_literal(url.host or "")
        if len(message) > self._limits.message_bytes:
            raise too_large(len(message), self._limits.message_bytes)
        response: aiohttp.ClientResponse | None = None
        ended = False
        try:
            response = await self._post(url, message, deadline_s)
            _check_response(endpoint, response)
            reader = FrameReader(frame_bytes=self._limits.frame_bytes, answer_bytes=self._limits.answer_bytes)
            while not reader.ended:
                data = await response.content.readany()
                if not data:
                    break
                for kind, payload in reader.feed(data):
                    if kind == DATA:
                        yield payload
                    elif kind != END:
                        raise error_of(payload)
            reader.finish()
            ended = not await response.content.readany()  # the end of the HTTP body frees the connection
        except AntiphonError:
            raise
        except (aiohttp.ClientError, OSError) as e:
            raise _failure(endpoint, deadline_s, e) from e
        finally:
            if response is not None and not ended:
                response.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            keep_freed_memory()
            connector = aiohttp.TCPConnector(
                limit=self._limits.connections,
                keepalive_timeout=KEEP_ALIVE_S,
                resolver=None if self._allow_private else PublicResolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=_READ_BYTES,
            )
        return self._session

    async def _post(self, url: URL, message: bytes, deadline_s: float) -> aiohttp.ClientResponse:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + deadline_s
        try:
            return await self._post_once(url, message, deadline_s)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError) as error:
            left_s = end_s - loop.time()
            if left_s <= 0 or isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError):
                raise
            return await self._post_once(url, message, left_s)

    async def _post_once(self, url: URL, message: bytes, deadline_s: float) -> aiohttp.ClientResponse:
        return await self._open().post(
            url,
            data=message if len(message) <= _DIRECT_BYTES else io.BytesIO(message),
            headers=_HEADERS,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=deadline_s, sock_connect=self._limits.connect_s),
        )


def _failure(endpoint: str, deadline_s: float, error: Exception) -> AntiphonError:
    """What a failed exchange is called. A time-out is also a ClientError or an OSError, so the order matters."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return UnreachableError(f"{endpoint} did not accept a connection in time", "Ask another node.")
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{endpoint} was not done within {deadline_s} s", "Ask another node.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ProtocolError("The answer was truncated: the connection broke", "Ask again.")
    return UnreachableError(f"{endpoint} cannot be reached: {error}", "Ask another node.")


def _check_response(endpoint: str, response: aiohttp.ClientResponse) -> None:
    if response.content_type == CONTENT_TYPE:
        return
    if response.status == 503:
        raise BusyError(f"{endpoint} has no free connection", "Retry later or elsewhere.")
    raise UnavailableError(f"{endpoint} answered HTTP {response.status}: no node of ours", "Check the endpoint.")

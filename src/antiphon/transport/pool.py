"""Connections to nodes: made where none is free, kept for a while, at most so many in all."""

from __future__ import annotations

import asyncio
import ssl

from aiohappyeyeballs import start_connection

from antiphon.transport.base import Limits
from antiphon.transport.client_connection import ClientConnection, Origin
from antiphon.transport.reach import Resolver

_NEXT_ADDRESS_S = 0.25
"""RFC 8305: after so long without a connection to one address of a name, the next is tried beside it."""


class ConnectTimeoutError(TimeoutError):
    """No connection within `Limits.connect_s`."""


class Pool:
    """The connections of one client. Where it is full, the one that was idle longest goes, or newcomers wait."""

    def __init__(self, limits: Limits, resolver: Resolver, tls: ssl.SSLContext | None = None) -> None:
        self._limits = limits
        self._resolver = resolver
        self._tls = tls
        self._places = asyncio.Semaphore(limits.connections)
        self._queued = 0  # askers who wait for a place
        self._all: set[ClientConnection] = set()
        self._idle: dict[Origin, list[ClientConnection]] = {}  # of each origin, the latest last
        self._tidying: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._all)

    def idle(self, origin: Origin) -> ClientConnection | None:
        """A connection that can be asked now, if there is one."""
        oldest_s = asyncio.get_running_loop().time() - self._limits.keep_s
        while kept := self._idle.get(origin):
            connection = kept.pop()
            if not kept:
                del self._idle[origin]
            if connection.usable and connection.idle_since_s >= oldest_s:
                return connection
            connection.abort()
        return None

    async def connect(self, origin: Origin, end_s: float) -> ClientConnection:
        """A new connection. Raises TimeoutError at `end_s` (the loop's time), ConnectTimeoutError, or OSError."""
        if self._places.locked():
            self._give_up_one()
        self._queued += 1
        try:
            async with asyncio.timeout_at(end_s):
                await self._places.acquire()
        finally:
            self._queued -= 1
        connection = ClientConnection(origin, self._limits.head_bytes, self._rest, self._lost)
        try:
            self._all.add(connection)
            await self._open(connection, end_s)
        except BaseException:
            if connection.made:
                connection.abort()  # `_lost` follows
            else:
                self._lost(connection)
            raise
        return connection

    async def close(self) -> None:
        """End all connections, asked or not."""
        for connection in tuple(self._all):
            if connection.made:
                connection.put_out()
        self._idle.clear()
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        await asyncio.sleep(0)  # the transports end

    async def _open(self, connection: ClientConnection, end_s: float) -> None:
        loop = asyncio.get_running_loop()
        origin = connection.origin
        until_s = min(end_s, loop.time() + self._limits.connect_s)
        try:
            async with asyncio.timeout_at(until_s):
                found = await self._resolver.resolve(origin.host, origin.port)
                sock = await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS_S)
                try:
                    await loop.create_connection(
                        lambda: connection,
                        sock=sock,
                        ssl=self._context() if origin.tls else None,
                        server_hostname=origin.host if origin.tls else None,
                    )
                except BaseException:
                    if not connection.made:
                        sock.close()
                    raise
        except TimeoutError as e:
            raise (TimeoutError() if until_s == end_s else ConnectTimeoutError()) from e

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _rest(self, connection: ClientConnection) -> None:
        if self._queued:
            connection.abort()  # its place is for whoever waits
            return
        self._idle.setdefault(connection.origin, []).append(connection)
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(self._limits.keep_s, self._tidy)

    def _lost(self, connection: ClientConnection) -> None:
        self._all.discard(connection)
        self._places.release()
        self._forget(connection)

    def _forget(self, connection: ClientConnection) -> None:
        """It is idle no longer."""
        kept = self._idle.get(connection.origin)
        if kept and connection in kept:
            kept.remove(connection)
            if not kept:
                del self._idle[connection.origin]

    def _tidy(self) -> None:
        """End what has been idle too long."""
        loop = asyncio.get_running_loop()
        for connection in self._resting():
            if connection.idle_since_s + self._limits.keep_s <= loop.time():
                self._forget(connection)
                connection.abort()
        rest = [connection.idle_since_s for connection in self._resting()]
        self._tidying = loop.call_at(min(rest) + self._limits.keep_s, self._tidy) if rest else None

    def _give_up_one(self) -> None:
        """Of those that nobody waits for: one that does not end its answer, else the one that was idle longest."""
        unasked = [connection for connection in self._all if connection.ending] or self._resting()
        oldest = min(unasked, key=lambda connection: connection.idle_since_s, default=None)
        if oldest is not None:
            self._forget(oldest)
            oldest.abort()

    def _resting(self) -> list[ClientConnection]:
        return [connection for kept in self._idle.values() for connection in kept]

"""One transport for all endpoints, by scheme."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from antiphon.errors import InputError
from antiphon.transport.base import Transport


class RoutingTransport:
    """Hands each request to the transport of its endpoint's scheme: `RoutingTransport({"inproc": a, "http": b})`."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = dict(transports)

    def request(self, endpoint: str, message: bytes, *, deadline_s: float) -> AsyncGenerator[bytes, None]:
        """See `Transport.request`. Raises InputError for a scheme that nobody serves."""
        scheme, mark, _ = endpoint.partition("://")
        transport = self._transports.get(scheme) if mark else None
        if transport is None:
            known = ", ".join(f"{name}://" for name in sorted(self._transports))
            raise InputError(f"{endpoint[:100]!r} has no known scheme", f"Known: {known}.")
        return transport.request(endpoint, message, deadline_s=deadline_s)

    async def close(self) -> None:
        """Close every transport once."""
        for transport in {id(t): t for t in self._transports.values()}.values():
            await transport.close()

"""Which addresses may be asked: endpoints are published by strangers, and must not lead into somebody's own network.

Names are checked after they are resolved, on the very addresses that are then connected to, so a name that changes its
mind between two questions (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from antiphon.errors import InputError

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA gives out. The rest is special (site-local fec0::/10, mapped and local forms), or nobody's yet."""
_HOLDS_S = 10.0
_NAMES = 1024
"""So many names are remembered."""

Address: TypeAlias = tuple[Any, Any, int, str, Any]
"""(family, type, protocol, canonical name, socket address), as from `socket.getaddrinfo`."""
HINT = "Only with --private-nodes are nodes asked at private addresses."
"""What to do where a node is not asked; whoever asks others says so in words of its own."""


def is_public(address: str) -> bool:
    """Whether an address (not a name) is everybody's. One that carries another, as mapped and tunnelled ones do, is as
    public as both. Raises ValueError for what is no address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner: list[ipaddress.IPv4Address] = []
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip not in _UNICAST and ip not in _NAT64:
            return False
        else:
            inner = [one for one in (ip.sixtofour, *(ip.teredo or ())) if one is not None]
            inner += [ipaddress.IPv4Address(ip.packed[12:])] if ip in _NAT64 else []
    return all(one.is_global and not one.is_multicast for one in (ip, *inner))


def check_literal(host: str, hint: str = HINT) -> None:
    """Raise InputError if `host` is an address, and not a public one. A name is the resolver's affair."""
    try:
        public = is_public(host)
    except ValueError:
        return
    if not public:
        raise InputError(f"{host} is not a public address", hint)


class Resolver(Protocol):
    """Finds the addresses of a host."""

    async def resolve(self, host: str, port: int) -> list[Address]:
        """At least one. Raises OSError if there is none."""
        ...


class SystemResolver:
    """Asks the system. Who asks for a name that is just being looked up waits for the same answer, and an answer holds
    for `_HOLDS_S`: a crowd of connections to one host is one question, and a slow name server occupies one thread."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], tuple[float, asyncio.Future[list[Address] | OSError]]] = {}

    async def resolve(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        until_s, found = self._found.get((host, port), (0.0, None))
        if found is None or (found.done() and until_s < loop.time()):
            if len(self._found) >= _NAMES:
                del self._found[next(iter(self._found))]
            found = asyncio.ensure_future(self._look_up(host, port))
            self._found[host, port] = (loop.time() + _HOLDS_S, found)
        answer = await asyncio.shield(found)
        if isinstance(answer, OSError):
            self._found.pop((host, port), None)
            raise answer
        return answer

    async def _look_up(self, host: str, port: int) -> list[Address] | OSError:
        try:
            return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as e:
            return e if isinstance(e, OSError) else OSError(None, f"{host[:100]!r} is no host name")


class PublicResolver:
    """Resolves names to public addresses only."""

    def __init__(self, inner: Resolver | None = None, hint: str = HINT) -> None:
        self._inner, self._hint = inner or SystemResolver(), hint

    async def resolve(self, host: str, port: int) -> list[Address]:
        public = [one for one in await self._inner.resolve(host, port) if is_public(str(one[4][0]))]
        if not public:
            raise OSError(None, f"it has no public address. {self._hint}")
        return public


async def is_private_endpoint(url: str) -> bool:
    """Whether all addresses of a URL's host are private ones: then its whole network may be, too.

    A host that cannot be resolved is not private: asking it will say what is wrong.
    """
    host = urlsplit(url).hostname or ""
    try:
        return not is_public(host)
    except ValueError:
        pass
    try:
        found = await SystemResolver().resolve(host, 0)
    except OSError:
        return False
    return not any(is_public(str(one[4][0])) for one in found)

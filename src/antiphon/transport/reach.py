"""Which addresses may be asked: endpoints are published by strangers, and must not lead into somebody's own network.

Names are checked after they are resolved, on the very addresses that are then connected to, so a name that changes its
mind between two questions (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from antiphon.errors import InputError

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
HINT = "Only with --private-nodes are nodes asked at private addresses."


def is_public(address: str) -> bool:
    """Whether an address (not a name) is everybody's. One that carries another, as mapped and tunnelled ones do, is as
    public as both. Raises ValueError for what is no address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner: list[ipaddress.IPv4Address] = []
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        else:
            inner = [one for one in (ip.sixtofour, *(ip.teredo or ())) if one is not None]
            inner += [ipaddress.IPv4Address(ip.packed[12:])] if ip in _NAT64 else []
    return all(one.is_global and not one.is_multicast for one in (ip, *inner))


def check_literal(host: str) -> None:
    """Raise InputError if `host` is an address, and not a public one. A name is the resolver's affair."""
    try:
        public = is_public(host)
    except ValueError:
        return
    if not public:
        raise InputError(f"{host} is not a public address", HINT)


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise OSError(None, f"it has no public address. {HINT}")
        return public

    async def close(self) -> None:
        await self._inner.close()


async def is_private_endpoint(url: str) -> bool:
    """Whether all addresses of a URL's host are private ones: then its whole network may be, too.

    A host that cannot be resolved is not private: asking it will say what is wrong.
    """
    host = urlsplit(url).hostname or ""
    try:
        return not is_public(host)
    except ValueError:
        pass
    resolver = aiohttp.ThreadedResolver()
    try:
        found = await resolver.resolve(host, 0, socket.AF_UNSPEC)
    except OSError:
        return False
    finally:
        await resolver.close()
    return bool(found) and not any(is_public(result["host"]) for result in found)

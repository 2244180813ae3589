"""A message to a URL that a stranger named: only to public addresses, unless that was allowed, and never further."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from antiphon.errors import InputError
from antiphon.transport.reach import PublicResolver, Resolver, SystemResolver, check_literal

DEADLINE_S = 10.0
HINT = "Only with --private-webhooks are those sent to."


def check_url(url: str, *, allow_private: bool) -> None:
    """Raises `InputError` for what is no http(s) URL of a host, has a name and a password, or is a private address."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host = 0, None
    if _is_wrong(url) or not host or port == 0:
        raise InputError(f"{url[:100]!r} is no URL to send to", "Give one as https://example.org/antiphon.")
    if not allow_private:
        check_literal(host, HINT)
        if host.casefold().rstrip(".") == "localhost" or host.casefold().endswith(".localhost"):
            raise InputError(f"{host} is not a public address", HINT)


def _is_wrong(url: str) -> bool:
    """Whether it is of another scheme, or tells a name or a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return parts.scheme not in {"http", "https"} or parts.username is not None or parts.password is not None


class Poster:
    """Posts. Follows no redirect, reads no proxy from the environment, keeps no cookie."""

    def __init__(self, *, allow_private: bool, resolver: Resolver | None = None) -> None:
        self._allow_private = allow_private
        inner = resolver or SystemResolver()
        found: Resolver = inner if allow_private else PublicResolver(inner, HINT)
        connector = aiohttp.TCPConnector(resolver=_Resolving(found), use_dns_cache=False, force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, whose body is not read. Raises `InputError` as `check_url`, and OSError."""
        check_url(url, allow_private=self._allow_private)
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # ValueError: of a host that none can have
            raise OSError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._session.close()


class _Resolving(AbstractResolver):
    """Names by a resolver of ours: the addresses that it gives are those that are connected to."""

    def __init__(self, inner: Resolver) -> None:
        self._inner = inner

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - of the interface
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        return

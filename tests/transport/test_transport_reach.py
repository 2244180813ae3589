"""Endpoints are strangers' words: none leads into somebody's own network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from antiphon.clock import SystemClock
from antiphon.door import relays
from antiphon.door.connecting import reach
from antiphon.door.settings import Settings
from antiphon.errors import InputError, UnreachableError
from antiphon.ledger.remote import LedgerService
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import Identity
from antiphon.transport import HttpTransport, Server, serve
from antiphon.transport.reach import Address, is_private_endpoint, is_public


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.9.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
        ),
        *("224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1"),
        *("fec0::2", "::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b:1::a00:1", "4000::1"),
    ],
)
def test_no_private_address_is_public_in_whatever_dress(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


class Rebinding:
    """A name that is public when it is looked at, and leads home afterwards."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        address = "127.0.0.1" if self.asked > 1 else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, host, (address, port))]


async def served(called: list[bytes]) -> Server:
    async def handler(message: bytes) -> AsyncIterator[bytes]:
        called.append(message)
        yield b"secret"

    return await serve(handler)


async def test_a_name_that_changes_its_mind_leads_nowhere_private() -> None:
    called: list[bytes] = []
    inner = Rebinding()
    async with await served(called) as server, HttpTransport(resolver=inner) as transport:
        port = int(server.endpoint.rsplit(":", 1)[1])
        for _ in range(3):
            with pytest.raises(UnreachableError, match="no public address"):
                async for _ in transport.request(f"http://rebind.example:{port}", b"hi", deadline_s=3):
                    pass
    assert inner.asked >= 3
    assert not called


async def test_a_registered_admin_page_of_this_machine_is_not_called() -> None:
    called: list[bytes] = []
    async with await served(called) as server, HttpTransport() as strict, HttpTransport(allow_private=True) as loose:
        for transport, endpoint in ((strict, server.endpoint), (loose, server.endpoint + "/admin")):
            with pytest.raises(InputError):
                async for _ in transport.request(endpoint, b"hi", deadline_s=3):
                    pass
        for dressed in ("http://127.1", "http://2130706433", "http://0x7f.1", "http://localhost"):
            endpoint = f"{dressed}:{server.endpoint.rsplit(':', 1)[1]}"
            with pytest.raises((UnreachableError, InputError), match=r"public address|no canonical|not a canonical"):
                async for _ in strict.request(endpoint, b"hi", deadline_s=3):
                    pass
    assert not called


async def test_a_networks_nodes_are_as_private_as_its_ledger() -> None:
    assert await is_private_endpoint("http://127.0.0.1:7411")
    assert await is_private_endpoint("http://localhost:7411")
    assert await is_private_endpoint("http://[::1]:7411")
    assert not await is_private_endpoint("http://8.8.8.8:7411")
    assert not await is_private_endpoint("http://no-such-host.invalid:7411")


@pytest.mark.parametrize(("asked_for", "answered"), [(None, True), (True, True), (False, False)])
async def test_the_user_decides_whether_private_nodes_are_asked(
    asked_for: bool | None, answered: bool, tmp_path: Path
) -> None:
    called: list[bytes] = []
    operator = Identity.generate()
    store = await SqlLedger.open(tmp_path / "ledger.db", operator=operator, clock=SystemClock())
    async with (
        await serve(LedgerService(store, operator).handle) as ledger,
        await served(called) as node,
        reach(
            Settings(tmp_path, ledger.endpoint, "antiphon", private_nodes=asked_for), relays.Address(ledger.endpoint)
        ) as (
            _,
            transport,
        ),
    ):
        try:
            frames = [one async for one in transport.request(node.endpoint, b"hi", deadline_s=3)]
        except InputError:
            frames = []
    await store.close()
    assert (frames == [b"secret"], bool(called)) == (answered, answered)


async def test_the_first_call_to_a_ledger_is_tried_again_as_the_others_are(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    operator = Identity.generate()
    store = await SqlLedger.open(tmp_path / "ledger.db", operator=operator, clock=SystemClock())

    async def later() -> Server:
        await asyncio.sleep(0.5)
        return await serve(LedgerService(store, operator).handle, port=port)

    starting = asyncio.create_task(later())
    url = f"http://127.0.0.1:{port}"
    async with reach(Settings(tmp_path, url, "antiphon"), relays.Address(url)) as (ledger, _):
        assert await ledger.identity() == await store.identity()
    await (await starting).stop()
    await store.close()

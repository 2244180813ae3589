"""Webhooks: signed as Standard Webhooks has it, tried again, kept across restarts, and never sent into a network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from antiphon.door.posting import Poster, check_url
from antiphon.errors import InputError
from antiphon.gateway.database import Storage
from antiphon.gateway.errors import ApiError
from antiphon.gateway.network import examples
from antiphon.gateway.network.bodies import Task
from antiphon.gateway.network.webhook_store import WebhookStore
from antiphon.gateway.network.webhooks import MAX_OF_KEY, Webhooks, signature
from antiphon.transport.reach import Address

TASK = msgspec.convert(examples.TASK, Task)


class Receiver(ThreadingHTTPServer):
    """Answers with `statuses`, one after the other, then with 204; keeps what came."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.statuses, self.came = list(statuses), list[tuple[dict[str, str], bytes]]()
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class _Post(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("location", f"{self.server.url}/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


class _Here:
    """A name server that says of every name that it is this machine."""

    async def resolve(self, host: str, port: int) -> list[Address]:
        assert host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


async def came(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(30):
        while len(receiver.came) < count:  # noqa: ASYNC110 - it is another thread's
            await asyncio.sleep(0.01)


async def test_an_end_is_posted_signed_and_tried_again_until_it_arrives(storage: Storage, receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    store = WebhookStore(storage)
    async with Webhooks.opened(store, allow_private=True, waits_s=(0.05, 0.05, 60)) as hooks:
        made = await hooks.register("", receiver.url)
        await hooks.ended("", TASK)
        await hooks.ended("another key", TASK)
        await came(receiver, 3)
        await asyncio.sleep(0.3)
    assert len(receiver.came) == 3, "redirects are not followed, and what arrived is not sent again"
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert made.secret is not None
    for headers, body in receiver.came:
        told = json.loads(body)
        assert (told["type"], told["data"]) == ("task.ended", examples.TASK)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(made.secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_signature_is_the_published_one() -> None:
    """The example of the specification's own libraries."""
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert signature(secret, message, 1614265330, b'{"test": 2432232314}') == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


async def test_what_was_not_delivered_is_sent_after_a_restart(storage: Storage, receiver: Receiver) -> None:
    receiver.statuses = [503]
    async with Webhooks.opened(WebhookStore(storage), allow_private=True, waits_s=(0.2,)) as hooks:
        await hooks.register("", receiver.url)
        await hooks.ended("", TASK)
        await came(receiver, 1)
        await asyncio.sleep(0.05)
    async with Webhooks.opened(WebhookStore(storage), allow_private=True):
        await came(receiver, 2)


async def test_receivers_that_never_answer_delay_no_other_keys(tmp_path: Path, receiver: Receiver) -> None:
    asked = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        await reader.read()  # until who asks has gone
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Webhooks.opened(WebhookStore(Storage(tmp_path)), allow_private=True) as hooks:
        for number in range(MAX_OF_KEY):
            await hooks.register("slow", f"http://127.0.0.1:{port}/{number}")
        await hooks.register("quick", receiver.url)
        for _ in range(4):
            await hooks.ended("slow", TASK)
        await asyncio.sleep(0.2)
        for _ in range(3):
            await hooks.ended("quick", TASK)
        await came(receiver, 3)
        assert len(asked) == 1, "one delivery of a key at a time"
    server.close()
    await server.wait_closed()


async def test_who_says_gone_is_asked_no_more(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [410]
    async with Webhooks.opened(WebhookStore(Storage(tmp_path)), allow_private=True) as hooks:
        await hooks.register("", receiver.url)
        await hooks.ended("", TASK)
        async with asyncio.timeout(30):
            while await hooks.of(""):  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.01)


async def test_secrets_are_told_once_and_each_key_has_its_own(tmp_path: Path) -> None:
    async with Webhooks.opened(WebhookStore(Storage(tmp_path))) as hooks:
        made = await hooks.register("a", "https://example.org/hook")
        assert made.secret
        (listed,) = await hooks.of("a")
        assert (listed.url, listed.secret) == (made.url, None)
        assert await hooks.of("b") == ()
        with pytest.raises(ApiError, match="no such webhook"):
            await hooks.remove("b", made.id)
        for _ in range(MAX_OF_KEY - 1):
            await hooks.register("a", "https://example.org/hook")
        with pytest.raises(ApiError, match="already"):
            await hooks.register("a", "https://example.org/hook")
        await hooks.remove("a", made.id)


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/hook",
    "http://localhost:80/hook",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "https://user:secret@example.org/",
    "https://[oops/",
    "nothing",
])  # fmt: skip
def test_private_addresses_and_what_is_no_url_are_refused(url: str) -> None:
    with pytest.raises(InputError) as refused:
        check_url(url, allow_private=False)
    if "public address" in str(refused.value):  # and says which option opens it
        assert "--private-webhooks" in str(refused.value)


async def test_a_name_that_leads_into_a_network_is_not_posted_to(receiver: Receiver) -> None:
    """By its resolver, on the very addresses that would be connected to."""
    poster = Poster(allow_private=False, resolver=_Here())
    try:
        with pytest.raises(OSError, match=r"public address.*--private-webhooks"):
            await poster.post(f"http://example.org:{receiver.server_port}/", b"{}", {})
    finally:
        await poster.close()
    assert receiver.came == []

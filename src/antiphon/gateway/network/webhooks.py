"""Webhooks: the end of each task is posted to the URLs that its key registered, signed and tried again.

1. As https://www.standardwebhooks.com has it: `webhook-signature` is `v1,` and the base64 of HMAC-SHA256, by the secret
   of the URL, over `webhook-id.webhook-timestamp.body`. `webhook-id` stays the same when it is tried again.
2. A delivery is written down before it is tried, and is tried until it is answered 2xx: after `WAITS_S`, then given up.
   Restarts do not change that.
3. 410 removes the webhook: nobody wants it any more.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import AsyncIterator
from typing import Literal

import msgspec

from antiphon.door.posting import Poster, check_url
from antiphon.errors import AntiphonError, InputError
from antiphon.gateway.advice import over_http
from antiphon.gateway.errors import ApiError
from antiphon.gateway.network.bodies import Task, Webhook
from antiphon.gateway.network.webhook_store import Delivery, WebhookStore

log = logging.getLogger(__name__)

WAITS_S = (5, 30, 120, 600, 3_600, 21_600, 86_400)
"""After each failed try."""
MAX_OF_KEY = 8
AT_ONCE = 16
LOOK_S = 60.0
PREFIX = "whsec_"


class TaskEnded(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted. `timestamp`: seconds, when the task ended."""

    type: Literal["task.ended"] = "task.ended"
    timestamp: int
    data: Task


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """Rule 1."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Webhooks:
    """Those of a server."""

    def __init__(self, store: WebhookStore, poster: Poster, *, allow_private: bool, waits_s: tuple[float, ...]) -> None:
        self._store, self._poster, self._allow_private = store, poster, allow_private
        self._waits_s = waits_s
        self._busy: set[str] = set()  # keys that something is being posted for
        self._wake = asyncio.Event()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, store: WebhookStore, *, allow_private: bool = False, waits_s: tuple[float, ...] = WAITS_S
    ) -> AsyncIterator[Webhooks]:
        """`allow_private`: addresses of one's own network may be posted to."""
        poster = Poster(allow_private=allow_private)
        found = cls(store, poster, allow_private=allow_private, waits_s=waits_s)
        sending = asyncio.create_task(found._send_all(), name="webhooks")
        try:
            yield found
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await poster.close()
            await store.close()

    async def register(self, key: str, url: str) -> Webhook:
        """With its secret, which is shown this once. Raises `ApiError`."""
        try:
            check_url(url, allow_private=self._allow_private)
        except InputError as error:
            raise ApiError(400, "invalid_value", over_http(error), param="url") from None
        made = Webhook(
            id=secrets.token_hex(16),
            url=url,
            created_ms=int(time.time() * 1000),
            secret=PREFIX + base64.b64encode(secrets.token_bytes(32)).decode(),
        )
        if not await self._store.add(key, made, MAX_OF_KEY):
            raise ApiError(400, "too_many_webhooks", f"There are {MAX_OF_KEY} already. Delete one.", param="url")
        return made

    async def of(self, key: str) -> tuple[Webhook, ...]:
        """Without their secrets."""
        return tuple(msgspec.structs.replace(one, secret=None) for one in await self._store.of(key))

    async def remove(self, key: str, webhook: str) -> None:
        """With what was not delivered to it yet. Raises `ApiError` 404."""
        if not await self._store.remove(key, webhook):
            raise ApiError(404, "webhook_not_found", "There is no such webhook. GET /api/v1/webhooks lists them.")

    async def ended(self, key: str, task: Task) -> None:
        """Rule 2."""
        body = msgspec.json.encode(TaskEnded(timestamp=(task.ended_ms or 0) // 1000, data=task))
        await self._store.deliver(key, task.id, body)
        self._wake.set()

    async def withdraw(self, task: str) -> None:
        """A task was deleted: what was not posted of it is not."""
        await self._store.withdraw(task)

    async def _send_all(self) -> None:
        """One delivery of a key at a time, so that nobody's slow receivers delay another's."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    due = await self._store.due(time.time(), tuple(self._busy), AT_ONCE - len(self._busy))
                    for one in due:
                        self._busy.add(one.key)
                        group.create_task(self._deliver(one))
                    wait_s = min(LOOK_S, max(0.05, await self._store.next_s(tuple(self._busy)) - time.time()))
                except AntiphonError:
                    log.exception("webhooks cannot be read")
                    wait_s = LOOK_S
                if len(self._busy) == AT_ONCE:
                    wait_s = LOOK_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()

    async def _deliver(self, one: Delivery) -> None:
        try:
            await self._send(one)
        except AntiphonError:
            log.exception("what became of a webhook cannot be written")
            await asyncio.sleep(LOOK_S)  # or it would be posted again at once
        finally:
            self._busy.discard(one.key)
            self._wake.set()

    async def _send(self, one: Delivery) -> None:
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": f"msg_{one.id}",
            "webhook-timestamp": str(now),
            "webhook-signature": signature(one.secret, f"msg_{one.id}", now, one.body),
        }
        try:
            status = await self._poster.post(one.url, one.body, headers)
            told = f"it was answered {status}"
        except (OSError, InputError) as error:
            status, told = 0, str(error)
        if 200 <= status < 300:
            await self._store.done(one.id)
        elif status == 410:
            await self._store.forget(one.webhook)
        elif one.tries < len(self._waits_s):
            await self._store.again(one.id, time.time() + self._waits_s[one.tries])
        else:
            log.warning("a webhook was given up: %s", told)
            await self._store.done(one.id)

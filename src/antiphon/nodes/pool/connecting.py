"""A connection to NATS that comes back by itself, and the queue on it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from antiphon.errors import InputError, ModelError, UnavailableError
from antiphon.nodes.pool.messages import ACK_WAIT_S, MAX_DELIVERIES, ROOT, STREAM, consumer_of, work_subject

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

log = logging.getLogger("antiphon.nodes")

CONNECT_S = 3.0
MAX_AGE_S = 3_600.0
"""A job that nobody took in an hour is nobody's any more."""


async def connect(url: str) -> Client:
    """Raises `InputError` for what is no URL of NATS, `UnavailableError` where nobody answers."""
    try:
        import nats
    except ImportError:
        raise ModelError("Pools of workers need nats-py", 'Run `pip install "antiphon[nats]"`.') from None
    if urlsplit(url).scheme not in {"nats", "tls", "ws", "wss"}:
        raise InputError(f"{_shown(url)} is no URL of NATS", "Write nats://HOST:4222.")

    async def lost() -> None:
        log.warning("NATS at %s is gone; waiting for it", _shown(url))

    async def back() -> None:
        log.warning("NATS at %s is back", _shown(url))

    async def quiet(_: Exception) -> None:
        return

    try:
        async with asyncio.timeout(CONNECT_S):  # who may come back for ever tries for ever at first, too
            return await nats.connect(
                url,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,
                disconnected_cb=lost,
                reconnected_cb=back,
                error_cb=quiet,
                ping_interval=5,
                max_outstanding_pings=2,
            )
    except Exception as error:  # its own exceptions and the system's
        raise UnavailableError(
            f"NATS at {_shown(url)} does not answer ({type(error).__name__})", "Start it: nats-server -js."
        ) from error


async def prepare(connection: Client) -> JetStreamContext:
    """The queue, made where it does not exist. Raises `UnavailableError` for a server without JetStream."""
    from nats.js.api import RetentionPolicy, StorageType

    stream = connection.jetstream()
    try:
        await stream.add_stream(
            name=STREAM,
            subjects=[f"{ROOT}.work.*"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            max_age=MAX_AGE_S,
            duplicate_window=120.0,
        )
    except Exception as error:
        raise UnavailableError(
            f"NATS keeps no queue here ({error})", "Start it with JetStream: nats-server -js."
        ) from error
    return stream


async def subscribe(stream: JetStreamContext, engine: str) -> Any:
    """The workers' common subscription of one engine: each job goes to one of them."""
    from nats.js.api import AckPolicy, ConsumerConfig

    return await stream.pull_subscribe(
        work_subject(engine),
        durable=consumer_of(engine),
        stream=STREAM,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, max_deliver=MAX_DELIVERIES),
    )


def _shown(url: str) -> str:
    """Without a password."""
    return url.rpartition("@")[2] if "@" in url else url

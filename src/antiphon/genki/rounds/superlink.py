"""The coordinator's side over the network: Flower's SuperLink in this process, and a grid over its state.

The SuperLink keeps nothing on disk: what a federation must not lose is in our store, and nodes come back by
themselves. Of its HTTP API only the part for SuperNodes is served, with TLS and node authentication: Flower's control
API, by which programs are started, is not.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from flwr.app import Message, Metadata, RecordDict
from flwr.app.message import make_message, remove_content_from_message
from flwr.common.constant import NOOP_ACCOUNT_NAME, NOOP_FLWR_AID, SUPERLINK_NODE_ID
from flwr.supercore.constant import NOOP_FEDERATION_ID, TaskType
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.superlink.main import create_app

from antiphon.errors import UnavailableError
from antiphon.genki.rounds import flower
from antiphon.genki.rounds.membership import Card

_log = logging.getLogger(__name__)

FLEET = "/v1/fleet/"
START_S = 30.0
UPLOAD_S = 60.0
"""How long the parts of a reply may take to arrive after its head."""


class SuperLink:
    """Parties over the network. `admit` their cards; nobody else gets in."""

    def __init__(self, *, max_body: int) -> None:
        """`max_body` bytes are the most that one request may have."""
        self._app = create_app()
        self._app.state.enable_supernode_auth = True
        self._max_body = max_body
        self._state = self._app.state.linkstate_factory.state()
        run = self._state.create_run(None, None, None, {}, NOOP_FEDERATION_ID, None, NOOP_FLWR_AID, TaskType.SERVER_APP)
        self._run = self._state.get_run_info(run_ids=[run])[0]
        self._state.claim_task(self._run.primary_task_id)
        self._state.activate_task(self._run.primary_task_id)
        self._members: dict[int, str] = {}
        self._keys: set[bytes] = set()
        self._partial: dict[str, tuple[Message, float]] = {}

    def admit(self, card: Card) -> None:
        """Let a contributor in; a card that is known changes nothing."""
        if card.key not in self._keys:
            node = self._state.create_node(NOOP_FLWR_AID, NOOP_ACCOUNT_NAME, card.key, 0)
            self._keys.add(card.key)
            self._members[node] = card.contributor

    def contributors(self) -> dict[int, str]:
        self._state.acknowledge_task_heartbeat(self._run.primary_task_id)
        there = self._state.get_nodes(self._run.run_id)
        return {node: one for node, one in self._members.items() if node in there}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        return [self._push(message) for message in messages]

    def _push(self, told: Message) -> str:
        run, node = self._run.run_id, told.metadata.dst_node_id
        metadata = Metadata(
            run_id=run,
            message_id="",
            src_node_id=SUPERLINK_NODE_ID,
            dst_node_id=node,
            reply_to_message_id="",
            group_id=told.metadata.group_id,
            created_at=told.metadata.created_at,
            ttl=told.metadata.ttl,
            message_type=told.metadata.message_type,
        )
        message = make_message(metadata, told.content)
        message.metadata.__dict__["_message_id"] = message.object_id  # as Flower's own grid does
        with no_object_id_recompute():
            session = self._state.start_session(run)
            stored, missing = self._state.store_message_and_object_tree(
                remove_content_from_message(message), get_object_tree(message), session
            )
            if not stored:
                return ""
            objects = get_all_nested_objects(message)
            for name in missing:
                self._state.store_object(run, session, name, objects[name].deflate())
        return message.metadata.message_id

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies whose parts are all there; one whose parts do not come is an error after `UPLOAD_S`."""
        wanted = set(message_ids) - set(self._partial)
        if wanted:
            for head in self._state.get_message_res(message_ids=wanted, run_id=self._run.run_id):
                self._partial[head.metadata.reply_to_message_id] = (head, time.monotonic() + UPLOAD_S)
        done = []
        for name, (head, until) in list(self._partial.items()):
            whole = head if head.has_error() else self._inflated(head)
            if whole is None and time.monotonic() > until:
                whole = _refused(head, "its reply did not arrive whole")
            if whole is not None:
                done.append(whole)
                del self._partial[name]
                self._state.delete_messages(message_ins_ids={name})
        return done

    def _inflated(self, head: Message) -> Message | None:
        """The whole reply; None: not all of it is there yet. What a node made up is no reply, and ends nothing."""
        try:
            whole = self._whole(head)
        except Exception as error:  # noqa: BLE001 - Flower checks nothing of an object but its hash
            _log.warning("a reply cannot be read: %r", error)
            return _refused(head, "its reply cannot be read")
        if whole is not None and whole.metadata.reply_to_message_id != head.metadata.reply_to_message_id:
            return _refused(head, "its reply is one to somebody else")
        return whole

    def _whole(self, head: Message) -> Message | None:
        store, name = self._state.object_store, head.metadata.message_id
        contents = {}
        for tree in iterate_object_tree(store.get_object_tree(name)):
            content = self._state.get_object(self._run.run_id, tree.object_id)
            if not content:
                return None
            contents[tree.object_id] = content
        whole = inflate_object_from_contents(name, contents)
        store.delete(name)
        if not isinstance(whole, Message) or not (whole.has_error() or isinstance(whole.content, RecordDict)):
            raise ValueError(f"it is a {type(whole).__name__} of another kind")
        return whole

    @contextlib.contextmanager
    def serving(self, host: str, port: int, certificate: Path, key: Path) -> Iterator[int]:
        """Serve over HTTPS; the port. Raises `UnavailableError` if it cannot be had."""
        listener = _listener(host, port)
        config = uvicorn.Config(
            _Fleet(self._app, self._max_body),
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="SuperLink", daemon=True)
        thread.start()
        try:
            until = time.monotonic() + START_S
            while not server.started:
                if not thread.is_alive() or time.monotonic() > until:
                    raise UnavailableError("Flower's SuperLink did not start", "Look at its log.")
                time.sleep(0.01)
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(START_S)
            listener.close()


def _refused(head: Message, reason: str) -> Message:
    refusal = flower.refusal(head, reason)
    refusal.metadata.__dict__["_reply_to_message_id"] = head.metadata.reply_to_message_id
    return refusal


class _Fleet:
    """SuperNodes' part of the SuperLink's API, for bodies of a length that is told and allowed."""

    def __init__(self, app: Any, max_body: int) -> None:
        self._app, self._max_body = app, max_body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        status = 0
        if not scope["path"].startswith(FLEET):
            status = 404
        elif not length.isdigit():
            status = 411
        elif int(length) > self._max_body:
            status = 413
        if not status:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b""})


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UnavailableError(f"Cannot listen at {host}:{port}: {error.strerror}", "Choose another --port.") from error
    listener.listen(128)
    return listener

"""The contributor's side over the network: a SuperNode of Flower's that runs no code but ours, and does not give up.

Flower's own SuperNode fetches the program that it runs from the SuperLink, and ends when that is away. This one speaks
the same protocol (fleet API, TLS, node authentication), answers with the learner that is installed here, and comes
back with growing pauses after whatever breaks: the coordinator's end, a network that is gone, an own crash.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
from flwr.app import Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.proto.fleet_pb2 import (
    ActivateNodeRequest,
    DeactivateNodeRequest,
    PullMessagesRequest,
    PushMessagesRequest,
)
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_protobuf_utils import (
    make_pull_object_fn_protobuf,
    make_push_object_fn_protobuf,
)
from flwr.supercore.inflatable.inflatable_utils import (
    ObjectPullError,
    ObjectPushError,
    inflate_object_from_contents,
    pull_objects,
)
from flwr.supercore.interceptors.http.runtime_version import RuntimeVersionHttpInterceptor
from flwr.supercore.primitives.asymmetric import bytes_to_private_key, public_key_to_bytes
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from antiphon.genki.rounds import flower
from antiphon.genki.rounds.contributor import Contributor
from antiphon.genki.rounds.membership import Invitation

_log = logging.getLogger(__name__)

POLL_S = 0.5
HEARTBEAT_S = 10
"""A node that was silent for twice as long is away."""
BEAT_S = 8.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
_BROKEN = (httpx.HTTPError, ObjectPullError, ObjectPushError, OSError, RuntimeError, ValueError)


def take_part(
    contributor: Contributor,
    invitation: Invitation,
    key: bytes,
    *,
    stop: threading.Event | None = None,
    tell: Callable[[str], None] = _log.info,
) -> None:
    """Answer the coordinator's messages until it says that the last round is over, or `stop`. `key` is the SuperNode's
    private key."""
    stop, pause = stop or threading.Event(), FIRST_PAUSE_S
    while not stop.is_set():
        began = time.monotonic()
        try:
            with _client(invitation, key) as client:
                if _Session(client, key, contributor, stop, tell).run():
                    tell("the last round is over")
                    return
        except _BROKEN as error:
            if time.monotonic() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S  # it had worked
            tell(f"{_reason(error)}; the next try is in {pause:.1f} s")
            stop.wait(pause * random.uniform(0.75, 1.25))  # noqa: S311 - so that not all come at once
            pause = min(2 * pause, LONGEST_PAUSE_S)


def _client(invitation: Invitation, key: bytes) -> FleetHttpClient:
    private = bytes_to_private_key(key)
    return FleetHttpClient.from_server_address(
        invitation.address,
        False,
        invitation.certificate.encode(),
        interceptors=[
            RuntimeVersionHttpInterceptor(component_name="SuperNode"),
            NodeAuthHttpInterceptor(private, private.public_key()),
        ],
    )


class _Session:
    """One activation of the node, with a heartbeat beside it."""

    def __init__(
        self,
        client: FleetHttpClient,
        key: bytes,
        contributor: Contributor,
        stop: threading.Event,
        tell: Callable[[str], None],
    ) -> None:
        self._client, self._contributor, self._stop, self._tell = client, contributor, stop, tell
        public = public_key_to_bytes(bytes_to_private_key(key).public_key())
        activated = client.ActivateNode(ActivateNodeRequest(public_key=public, heartbeat_interval=HEARTBEAT_S))
        self._node = Node(node_id=activated.node_id)
        self._over = threading.Event()
        self._ended = False

    def run(self) -> bool:
        """Whether the federation is over."""
        self._tell("joined; waiting for a round")
        beating = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        beating.start()
        try:
            while not self._stop.is_set():
                if not self._once():
                    self._stop.wait(POLL_S)
                if self._ended:
                    return True
            return False
        finally:
            self._over.set()
            with contextlib.suppress(httpx.HTTPError, RuntimeError):  # the heartbeat ends, which says the same
                self._client.DeactivateNode(DeactivateNodeRequest(node_id=self._node.node_id))

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._client.SendNodeHeartbeat(
                    SendNodeHeartbeatRequest(node=self._node, heartbeat_interval=HEARTBEAT_S)
                )
            except (httpx.HTTPError, RuntimeError):
                continue  # the loop beside it meets the same, and begins anew

    def _once(self) -> bool:
        """Answer the next message, if there is one."""
        response = self._client.PullMessages(PullMessagesRequest(node=self._node))
        if not response.messages_list:
            return False
        message = self._whole(message_from_proto(response.messages_list[0]), response.message_object_trees[0])
        if flower.is_over(message):
            self._send(flower.farewell(message), 0.0)
            self._ended = True
            return True
        what = "a step of the sum" if flower.is_step(message) else "learning"
        self._tell(f"round {message.metadata.group_id}: {what}")
        began = time.monotonic()
        reply = flower.answered(message, self._contributor)
        self._send(reply, time.monotonic() - began)
        what = f"refused: {reply.error.reason}" if reply.has_error() else f"{len(flower.update_in(reply)):,} bytes sent"
        self._tell(f"round {message.metadata.group_id}: {what}")
        return True

    def _whole(self, head: Message, tree: Any) -> Message:
        run, name = head.metadata.run_id, head.metadata.message_id
        pull = make_pull_object_fn_protobuf(self._client.PullObject, self._node, run)
        contents = pull_objects([one.object_id for one in iterate_object_tree(tree)], pull)
        self._client.ConfirmMessageReceived(
            ConfirmMessageReceivedRequest(node=self._node, run_id=run, message_object_id=name)
        )
        whole = inflate_object_from_contents(name, contents)
        assert isinstance(whole, Message)
        whole.metadata.__dict__["_message_id"] = name  # as Flower's own SuperNode does
        return whole

    def _send(self, reply: Message, seconds: float) -> None:
        with no_object_id_recompute():
            reply.metadata.__dict__["_message_id"] = reply.object_id
            head = remove_content_from_message(reply) if reply.has_content() else reply
            response = self._client.PushMessages(
                PushMessagesRequest(
                    node=self._node,
                    messages_list=[message_to_proto(head)],
                    message_object_trees=[get_object_tree(reply)],
                    clientapp_runtime_list=[seconds],
                )
            )
            objects = get_all_nested_objects(reply)
            push = make_push_object_fn_protobuf(
                self._client.PushObject, self._node, reply.metadata.run_id, response.session_id
            )
            for name in response.objects_to_push:
                push(name, objects[name].deflate())


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        if status in (401, 403):
            return f"the coordinator does not know this node (HTTP {status}): has it your card?"
        return f"the coordinator answered HTTP {status}"
    return f"the coordinator cannot be reached ({type(error).__name__})"

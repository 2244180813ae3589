"""A federation over TLS on loopback: Flower's SuperLink on one side, our SuperNodes on the other."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="needs antiphon[genki]")

import httpx
import msgspec
from federations import Federation
from flwr.app import Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto
from flwr.proto.fleet_pb2 import PushMessagesRequest
from flwr.proto.message_pb2 import ObjectTree
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_protobuf_utils import make_push_object_fn_protobuf

from antiphon.errors import ProtocolError
from antiphon.genki.rounds import compression, membership, superlink, supernode
from antiphon.genki.rounds.certificate import certificate
from antiphon.genki.rounds.coordinator import Coordinator
from antiphon.genki.rounds.explaining import REQUESTS, explained
from antiphon.genki.rounds.membership import Invitation
from antiphon.genki.rounds.serving import say_farewell
from antiphon.genki.rounds.superlink import SuperLink

pytestmark = pytest.mark.slow


class Machines:
    """A coordinator's address and certificate, and contributors that try to reach it."""

    def __init__(self, folder: Path, federation: Federation) -> None:
        self.folder, self.federation = folder, federation
        self.files = certificate(folder / "tls", "127.0.0.1")
        self.told: dict[int, list[str]] = {}
        self._stops: list[tuple[threading.Event, threading.Thread]] = []

    def key(self, n: int) -> tuple[bytes, bytes]:
        return membership.flower_key(self.folder / f"{n}.key")

    @contextlib.contextmanager
    def link(self, port: int = 0, members: int = 2) -> Iterator[tuple[SuperLink, int]]:
        link = SuperLink(max_body=1_000_000)
        for n in range(members):
            link.admit(membership.card_of(self.federation.identities[n], self.key(n)[0]))
        with link.serving("127.0.0.1", port, *self.files) as bound:
            yield link, bound

    def invitation(self, port: int) -> Invitation:
        return Invitation(address=f"127.0.0.1:{port}", certificate=self.files[0].read_text(), plan=self.federation.plan)

    def join(self, n: int, port: int) -> None:
        stop, told = threading.Event(), self.told.setdefault(n, [])
        thread = threading.Thread(
            target=supernode.take_part,
            args=(self.federation.contributor(n), self.invitation(port), self.key(n)[0]),
            kwargs={"stop": stop, "tell": told.append},
        )
        thread.start()
        self._stops.append((stop, thread))

    def end(self) -> None:
        for stop, thread in self._stops:
            stop.set()
            thread.join(60)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path, Federation(tmp_path, parties=3, rounds=2))
    yield made
    made.end()


def coordinator(machines: Machines, link: SuperLink) -> Coordinator:
    return Coordinator(machines.federation.learner, machines.federation.store(), link, ask_again_s=2.0)


def test_rounds_over_tls_end_as_those_in_one_process(machines: Machines, tmp_path: Path) -> None:
    with machines.link() as (link, port):
        machines.join(0, port)
        machines.join(1, port)
        coordinator(machines, link).run(attempts=3)
    same = Federation(tmp_path / "same", parties=3, rounds=2)
    same.run(present=lambda round_, n: n < 2)
    assert machines.federation.store().state.digest == same.store().state.digest
    assert len(machines.federation.store().reports()[-1].accepted) == 2


def test_a_sum_under_masks_over_tls_is_that_in_one_process(tmp_path: Path) -> None:
    """Masks are drawn anew; what is left when they cancel is the same to the bit."""
    plan = {"secure": True, "screen": False, "clip_norm": 4.0, "min_parties": 3}
    machines = Machines(tmp_path, Federation(tmp_path, parties=3, rounds=2, **plan))
    try:
        with machines.link(members=3) as (link, port):
            for n in range(3):
                machines.join(n, port)
            until = time.monotonic() + 60
            while len(link.contributors()) < 3 and time.monotonic() < until:
                time.sleep(0.05)
            coordinator(machines, link).run(attempts=3)
    finally:
        machines.end()
    same = Federation(tmp_path / "same", parties=3, rounds=2, **plan)
    same.run(held_out=())
    assert machines.federation.store().state.digest == same.store().state.digest
    assert all(len(report.accepted) == 3 for report in machines.federation.store().reports())


def test_everybody_hears_that_the_last_round_is_over_and_leaves(machines: Machines) -> None:
    with machines.link() as (link, port):
        machines.join(0, port)
        machines.join(1, port)
        coordinator(machines, link).run(attempts=3)
        say_farewell(link, 2)
        for _, thread in machines._stops:
            thread.join(60)
            assert not thread.is_alive()
    assert machines.told[0][-1] == machines.told[1][-1] == "the last round is over"


def test_nodes_come_back_when_the_coordinator_has_gone_and_come(machines: Machines) -> None:
    with machines.link() as (link, port):
        machines.join(0, port)
        machines.join(1, port)
        first = coordinator(machines, link)
        first._store.begin(machines.federation.learner.initial())
        first._round(3)
    with machines.link(port) as (link, _):  # a new SuperLink, which knows nothing of the old one
        coordinator(machines, link).run(attempts=3)
    assert machines.federation.store().state.round == 2
    assert any("the next try is in" in line for line in machines.told[0])


def test_who_has_no_card_there_gets_no_round_and_keeps_trying(machines: Machines) -> None:
    with machines.link() as (link, port):
        machines.join(2, port)
        until = time.monotonic() + 30
        while not machines.told.get(2) and time.monotonic() < until:
            time.sleep(0.05)
        assert not link.contributors()
        assert "the coordinator" in machines.told[2][0]


class MadeUp(supernode._Session):
    """A node whose replies are of the right hash, and no messages."""

    made = "Message  4\x00junk"

    def _send(self, reply: Message, seconds: float) -> None:
        content = self.made.encode()
        name = hashlib.sha256(content).hexdigest()
        head = remove_content_from_message(reply)
        head.metadata.__dict__["_message_id"] = name
        response = self._client.PushMessages(
            PushMessagesRequest(
                node=self._node,
                messages_list=[message_to_proto(head)],
                message_object_trees=[ObjectTree(object_id=name, children=[])],
                clientapp_runtime_list=[seconds],
            )
        )
        push = make_push_object_fn_protobuf(
            self._client.PushObject, self._node, reply.metadata.run_id, response.session_id
        )
        push(name, content)


class Elsewhere(supernode._Session):
    """A node that replies to what somebody else was asked."""

    def _send(self, reply: Message, seconds: float) -> None:
        head = message_to_proto(remove_content_from_message(reply))
        reply.metadata.__dict__["_reply_to_message_id"] = "0" * 64
        with no_object_id_recompute():
            head.metadata.message_id = reply.metadata.__dict__["_message_id"] = reply.object_id
            response = self._client.PushMessages(
                PushMessagesRequest(
                    node=self._node,
                    messages_list=[head],
                    message_object_trees=[get_object_tree(reply)],
                    clientapp_runtime_list=[seconds],
                )
            )
            push = make_push_object_fn_protobuf(
                self._client.PushObject, self._node, reply.metadata.run_id, response.session_id
            )
            for name, one in get_all_nested_objects(reply).items():
                push(name, one.deflate())


@pytest.mark.parametrize(
    ("hostile", "why"), [(MadeUp, "its reply cannot be read"), (Elsewhere, "its reply is one to somebody else")]
)
def test_a_reply_that_a_node_made_up_ends_no_federation(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, hostile: type[supernode._Session], why: str
) -> None:
    honest = supernode._Session

    def session(client: object, key: bytes, *given: object) -> supernode._Session:
        kind = hostile if key == machines.key(2)[0] else honest
        return kind(client, key, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(supernode, "_Session", session)
    with machines.link(members=3) as (link, port):
        for n in range(3):
            machines.join(n, port)
        until = time.monotonic() + 60
        while len(link.contributors()) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        coordinator(machines, link).run(attempts=3)
    reports = machines.federation.store().reports()
    third = machines.federation.identities[2].node_id
    assert all(len(one.accepted) == 2 for one in reports)
    assert why in reports[0].refused[third]


def test_only_the_part_for_nodes_is_served_and_no_body_over_the_limit(machines: Machines) -> None:
    with (
        machines.link() as (_, port),
        httpx.Client(verify=ssl.create_default_context(cafile=machines.files[0])) as client,
    ):
        url = f"https://127.0.0.1:{port}"
        assert client.get(f"{url}/docs").status_code == 404
        assert client.post(f"{url}/v1/control/list-runs", content=b"x").status_code == 404
        assert client.post(f"{url}/v1/fleet/pull-messages", content=bytes(1_000_001)).status_code == 413
        assert client.post(f"{url}/v1/fleet/pull-messages", content=iter([b"x"])).status_code == 411
        assert client.post(f"{url}/v1/fleet/pull-messages", content=b"x").status_code >= 400


def test_what_is_explained_is_what_leaves_the_machine(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request of a node's life, and no other: counted where they arrive."""
    seen: dict[str, int] = {}
    served = superlink._Fleet.__call__

    async def counted(self: object, scope: dict, receive: object, send: object) -> None:
        if scope["type"] == "http":
            name = scope["path"].removeprefix(superlink.FLEET)
            length = int(dict(scope["headers"])[b"content-length"])
            seen[name] = max(seen.get(name, 0), length)
        await served(self, scope, receive, send)  # type: ignore[arg-type]

    monkeypatch.setattr(superlink._Fleet, "__call__", counted)
    monkeypatch.setattr(supernode, "HEARTBEAT_S", 10)
    monkeypatch.setattr(supernode, "BEAT_S", 0.05)
    with machines.link() as (link, port):
        machines.join(0, port)
        machines.join(1, port)
        coordinator(machines, link).run(attempts=3)
        machines.end()
    assert set(seen) == set(REQUESTS)
    size = sum(value.size for value in machines.federation.learner.initial().values())
    limit = compression.max_bytes(size, machines.federation.plan.keep)
    assert seen["push-object"] < limit + 1_500
    assert max(length for name, length in seen.items() if name != "push-object") < 1_500
    assert all(name in "\n".join(explained(machines.federation.plan, size)) for name in seen)


def test_a_card_is_believed_only_if_contributor_and_node_signed_each_other(machines: Machines, tmp_path: Path) -> None:
    ours, other = (membership.card_of(machines.federation.identities[n], machines.key(n)[0]) for n in (0, 1))
    folder = tmp_path / "cards"
    folder.mkdir()
    membership.write_file(folder / "good.json", ours)
    forged = msgspec.structs.replace(ours, key=other.key)
    membership.write_file(folder / "forged.json", forged)
    (folder / "other.json").write_text("{}")
    found, wrong = membership.cards(folder)
    assert found == [ours]
    assert [line.split(":")[0] for line in wrong] == ["forged.json", "other.json"]
    with pytest.raises(ProtocolError):
        membership.check_card(forged)


def test_nobody_takes_the_node_of_somebody_else_under_an_own_name(machines: Machines) -> None:
    """Mallory has seen Alice's card: she signs Alice's node as hers, with Alice's proof, and without any."""
    alice, mallory = (membership.card_of(machines.federation.identities[n], machines.key(n)[0]) for n in (0, 1))
    identity = machines.federation.identities[1]
    for proof in (alice.proof, mallory.proof, b""):
        stolen = msgspec.structs.replace(mallory, key=alice.key, proof=proof, signature=b"")
        stolen = msgspec.structs.replace(stolen, signature=identity.sign(membership._signed(stolen)))
        with pytest.raises(ProtocolError, match="has not signed that it is this contributor's"):
            membership.check_card(stolen)
    nonsense = msgspec.structs.replace(mallory, key=b"no key", signature=b"")
    nonsense = msgspec.structs.replace(nonsense, signature=identity.sign(membership._signed(nonsense)))
    with pytest.raises(ProtocolError, match="cannot be read"):
        membership.check_card(nonsense)

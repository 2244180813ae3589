"""A whole federation in one process: a grid of Flower's whose nodes are contributors in threads.

The messages are those that travel between machines; only the wire is missing. (`flwr` simulates with Ray, which needs
as much again as Flower itself.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from antiphon.genki.rounds import flower
from antiphon.genki.rounds.contributor import Contributor


class Node(Protocol):
    """What answers messages in the place of a contributor."""

    id: str

    def reply(self, message: Message) -> Message: ...


class Local:
    """An honest node."""

    def __init__(self, contributor: Contributor) -> None:
        self.id = contributor.id
        self._contributor = contributor

    def reply(self, message: Message) -> Message:
        return flower.answered(message, self._contributor)


class LocalGrid(Grid):
    """Nodes 1, 2, ... in the order given. `workers` of them learn at once: PyTorch itself uses all cores."""

    def __init__(self, nodes: Sequence[Node], *, workers: int = 1) -> None:
        self._nodes = dict(zip(itertools.count(1), nodes, strict=False))
        self._pool = ThreadPoolExecutor(workers, "contributor")
        self._waiting: dict[str, Future[Message]] = {}
        self._run = Run.create_empty(run_id=1)

    def __enter__(self) -> LocalGrid:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def contributors(self) -> dict[int, str]:
        return {number: node.id for number, node in self._nodes.items()}

    def leave(self, contributor: str) -> None:
        """The contributor is gone, whatever it was doing."""
        self._nodes = {number: node for number, node in self._nodes.items() if node.id != contributor}

    def join(self, node: Node) -> None:
        """One more, or one that is back."""
        self._nodes[max(self._nodes, default=0) + 1] = node

    def set_run(self, run: Run) -> None:
        self._run = run

    @property
    def run(self) -> Run:
        return self._run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        return list(self._nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        pushed = []
        for message in messages:
            node, name = self._nodes.get(message.metadata.dst_node_id), ""
            if node is not None:
                name = message.metadata.message_id
                self._waiting[name] = self._pool.submit(node.reply, message)
            pushed.append(name)
        return pushed

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        done = [name for name in message_ids if name in self._waiting and self._waiting[name].done()]
        return [self._waiting.pop(name).result() for name in done]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """As Flower's own strategies ask for it."""
        from concurrent.futures import wait

        names = [name for name in self.push_messages(messages) if name]
        wait([self._waiting[name] for name in names], timeout=timeout)
        return self.pull_messages(names)

"""Asking all that are there for one thing, and waiting until they have answered, or a deadline."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from flwr.app import Message

POLL_S = 0.05
ASK_AGAIN_S = 20.0


class Parties(Protocol):
    """Who is there, and the way to them: Flower's grid, and whose nodes these are."""

    def contributors(self) -> dict[int, str]:
        """Grid nodes that are online, with the contributor of each."""

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]: ...

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]: ...


class Stage(Protocol):
    """What is asked, and what has come."""

    @property
    def enough(self) -> bool:
        """Whether it may end before its deadline, once all that are there have answered."""

    def answered(self, contributor: str) -> bool:
        """Whether nothing is wanted of it, or no more."""

    def requests(self, nodes: dict[int, str], *, ttl_s: float) -> list[Message]:
        """A message for each node."""

    def take(self, contributor: str, reply: Message) -> None: ...


def collect(parties: Parties, stage: Stage, *, deadline_s: float, ask_again_s: float = ASK_AGAIN_S) -> None:
    """Ask whoever is there or comes, those that do not answer again, until all have answered, or for `deadline_s`."""
    deadline = time.monotonic() + deadline_s
    asked: dict[str, int] = {}  # messages that wait for an answer, and the node of each
    last: dict[int, float] = {}  # node to when it was asked
    while (now := time.monotonic()) < deadline:
        there = parties.contributors()
        waiting = {node: one for node, one in there.items() if not stage.answered(one)}
        due = {node: one for node, one in waiting.items() if now - last.get(node, -np.inf) >= ask_again_s}
        if due:
            messages = stage.requests(due, ttl_s=deadline - now + 1)
            for (node, _), message in zip(due.items(), parties.push_messages(messages), strict=True):
                last[node] = now
                if message:
                    asked[message] = node
        for reply in parties.pull_messages(list(asked)):
            node = asked.pop(reply.metadata.reply_to_message_id, 0)
            if node in there:
                stage.take(there[node], reply)
        if stage.enough and there and all(map(stage.answered, there.values())):
            return
        time.sleep(POLL_S)

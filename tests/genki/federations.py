"""Small federations of a linear model, honest and other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from flwr.app import ConfigRecord, Message, RecordDict
from linear import LinearLearner, pieces_of

from antiphon.genki import learning
from antiphon.genki.learning import Update
from antiphon.genki.rounds import compression, flower, task
from antiphon.genki.rounds.contributor import Contributor
from antiphon.genki.rounds.coordinator import Coordinator
from antiphon.genki.rounds.embedded import Local, LocalGrid
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.store import Report, Store
from antiphon.protocol.identity import Identity

_pack = msgspec.msgpack.Encoder(order="deterministic").encode


class Slow:
    """A node that takes its time."""

    def __init__(self, node: Local, seconds: float) -> None:
        self.id, self._node, self._seconds = node.id, node, seconds

    def reply(self, message: Message) -> Message:
        time.sleep(self._seconds)
        return self._node.reply(message)


class Saboteur:
    """A node whose updates have one fault."""

    def __init__(self, fault: str) -> None:
        self._identity, self._other = Identity.from_seed(b"\xee" * 32), Identity.from_seed(b"\xef" * 32)
        self.id, self._fault = self._identity.node_id, fault

    def reply(self, message: Message) -> Message:
        if self._fault == "refuses":
            return flower.refusal(message, "No\n\x1b[31m")
        if self._fault == "no record":
            return Message(RecordDict({"config": ConfigRecord({"update": 3})}), reply_to=message)
        return Message(RecordDict({"config": ConfigRecord({"update": self._raw(message)})}), reply_to=message)

    def _raw(self, message: Message) -> bytes:
        asked = task.decode(message.content.config_records["config"]["task"])
        size = sum(array.numpy().size for array in message.content.array_records["arrays"].values())
        delta, _ = compression.compress(np.ones(size, np.float32), np.zeros(size, np.float32), asked.plan.keep)
        made = Update(
            federation=asked.plan.id, round=asked.round, base=asked.base, steps=1, delta=delta, contributor=self.id
        )
        if self._fault == "sign flip":
            arrays = message.content.array_records["arrays"]
            before = {name: array.numpy() for name, array in arrays.items()}
            learner = LinearLearner(*before["weight"].shape)
            after = learner.learn(before, pieces_of(55, 300, inputs=before["weight"].shape[0]), steps=20, seed=1)
            flipped = -compression.flat(learning.difference(after, before))
            made = _with(made, delta=compression.compress(flipped, np.zeros(size, np.float32), asked.plan.keep)[0])
        scale = {"nan": np.nan, "huge": 3e38, "nothing": 0.0}.get(self._fault)
        if scale is not None:
            held = msgspec.msgpack.decode(delta, type=compression.Compressed)
            made = _with(made, delta=_pack(_with(held, scales=np.full(len(held.scales) // 4, scale, "<f4").tobytes())))
        if self._fault == "architecture":
            made = _with(made, delta=compression.compress(*[np.ones(size // 2, np.float32)] * 2, asked.plan.keep)[0])
        if self._fault == "wrong round":
            made = _with(made, round=7)
        if self._fault == "wrong base":
            made = _with(made, base="0" * 64)
        raw = learning.signed(made, self._other if self._fault == "of another" else self._identity)
        return {"oversized": bytes(200_000), "empty": b"", "unsigned": _pack(made)}.get(self._fault, raw)


def _with(struct: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(struct, **changes)


class Killed(BaseException):
    """Nothing catches it: what a signal that cannot be handled does, between two writes."""


class Federation:
    """Parties with data of their own, and a coordinator's folder, below `folder`."""

    def __init__(self, folder: Path, *, parties: int = 4, rounds: int = 6, **plan: Any) -> None:
        self.folder, self.learner = folder, LinearLearner()
        self.plan = Plan(
            model=self.learner.name,
            rounds=rounds,
            **{"local_steps": 20, "min_parties": 2, "deadline_s": 30.0, "screen": False} | plan,
        )
        self.identities = [Identity.from_seed(bytes([n + 1]) * 32) for n in range(parties)]
        self.pieces = [pieces_of(n, 60, shift=1.0) for n in range(parties)]
        self.pool = pieces_of(77, self.plan.pool) if self.plan.pool else []

    def store(self) -> Store:
        return Store(self.folder / "coordinator", self.plan)

    def contributor(self, n: int) -> Contributor:
        folder = self.folder / f"contributor-{n}"
        return Contributor(self.identities[n], self.learner, self.pieces[n], folder, self.plan, pool=self.pool)

    def run(
        self,
        *,
        beside: Sequence[Any] = (),
        slow: dict[str, float] | None = None,
        present: Callable[[int, int], bool] = lambda round_, n: True,
        anew_each_round: bool = False,
        workers: int = 1,
        attempts: int = 3,
        held_out: Sequence[Any] | None = None,
    ) -> None:
        def nodes(round_: int) -> list[Any]:
            made = [Local(self.contributor(n)) for n in range(len(self.identities)) if present(round_, n)]
            return [Slow(node, slow[node.id]) if slow and node.id in slow else node for node in made] + list(beside)

        with LocalGrid(nodes(1), workers=workers) as grid:

            def tell(report: Report) -> None:
                if anew_each_round:
                    for one in list(grid.contributors().values()):
                        grid.leave(one)
                    for node in nodes(report.round + 1):
                        grid.join(node)

            kept = pieces_of(999, 200) if held_out is None else held_out
            Coordinator(self.learner, self.store(), grid, held_out=kept, pool=self.pool, tell=tell).run(
                attempts=attempts
            )

    def run_until_killed(self, phase: str) -> None:
        """In the third round: before it is asked, after the first answer, before the last write."""
        store, seen = self.store(), 0
        real_arrived, real_commit = store.arrived, store.commit

        def arrived(round_: int, contributor: str, raw: bytes) -> None:
            nonlocal seen
            seen += round_ == 3
            if phase == "asked" and seen == 1:
                raise Killed
            real_arrived(round_, contributor, raw)
            if phase == "arrived" and seen == 2:
                raise Killed

        def commit(report: Report, *rest: Any, **more: Any) -> None:
            if report.round == 3 and phase == "committing":
                store._save = _kill  # type: ignore[method-assign]
            real_commit(report, *rest, **more)
            if report.round == 2 and phase == "begun":
                raise Killed

        store.arrived, store.commit = arrived, commit  # type: ignore[method-assign]
        nodes = [Local(self.contributor(n)) for n in range(len(self.identities))]
        try:
            with LocalGrid(nodes) as grid:
                Coordinator(self.learner, store, grid, held_out=pieces_of(999, 200), pool=self.pool).run()
        except Killed:
            return
        raise AssertionError("it ended before it was killed")


def _kill(state: object) -> None:
    raise Killed

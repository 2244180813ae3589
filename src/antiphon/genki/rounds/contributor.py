"""The local side of a round: learn where the data is, and hand in one compressed, signed update.

1. The plan is the one that was joined: another one is refused, whoever sends it.
2. The model is the one that this machine has, and the parameters are what the task says that they are.
3. A round that was answered is answered again with the same bytes: nothing is learnt twice, no noise drawn twice.
4. What the update left out is kept for the next one; if the update did not count, what was kept before is.
5. What is written down is written before the update leaves.
6. With a pool, the last steps are on the pieces dealt to it: `contribution.working` tells who did so.
7. With secure aggregation it answers with keys, and then step by step (`secagg.contributing`); the update leaves under
   masks. One sum of a round is opened, whoever was killed in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from antiphon.errors import InputError, ProtocolError, StateError
from antiphon.genki import learning
from antiphon.genki.contribution.working import dealt
from antiphon.genki.learning import Learner, Parameters, Piece, Update
from antiphon.genki.rounds import compression, files
from antiphon.genki.rounds.compression import Flat
from antiphon.genki.rounds.local import LocalJob, Train, trained
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.secagg.contributing import Attempt
from antiphon.genki.rounds.secagg.primitives import Words, places, taken
from antiphon.genki.rounds.task import Task
from antiphon.protocol import canonical
from antiphon.protocol.identity import Identity

LAST = "last.npz"
OPENED = "opened"


class Contributor:
    """One party with data. Its folder holds what an interrupted round goes on from."""

    def __init__(
        self,
        identity: Identity,
        learner: Learner,
        pieces: Sequence[Piece],
        folder: Path,
        plan: Plan | None = None,
        *,
        pool: Sequence[Piece] = (),
        train: Train | None = None,
    ) -> None:
        """`plan` is what was agreed on; None: the first one that comes. `train` does the local training; None: this
        machine. Raises `InputError` without any pieces, or with another `pool` than the plan's."""
        if not pieces:
            raise InputError("There is nothing to learn from", "Add music to the collection: antiphon data add FOLDER")
        self.id = identity.node_id
        self._identity, self._learner, self._pieces, self._folder = identity, learner, pieces, folder
        self._plan, self._pool = plan or self._joined(), pool
        self._train: Train = train or (lambda job: trained(learner, job))
        self._attempt: Attempt | None = None
        if self._plan is not None:
            check_pool(self._plan, pool)

    def answer(self, task: Task, parameters: Parameters) -> bytes:
        """The signed update for `task`, or the signed offer to add it under masks. Raises `InputError` or
        `ProtocolError` for a task that is refused."""
        self._accept(task, parameters)
        if task.plan.secure:
            return self._offer(task, parameters)  # 7
        last = self._last()
        if last is not None and (last.round, last.base) == (task.round, task.base):
            return last.update
        residual = self._residual(last, task, parameters)
        raw, left = compression.compress(self._learnt(task, parameters), residual, task.plan.keep)
        update = Update(
            federation=task.plan.id,
            round=task.round,
            base=task.base,
            steps=task.plan.local_steps,
            delta=raw,
            contributor="",
        )
        made = _Last(task.round, task.base, learning.signed(update, self._identity), residual, left)
        files.write_arrays(self._folder / LAST, made.arrays())  # 5
        return made.update

    def step(self, raw: bytes) -> bytes:
        """The signed answer to a step of secure aggregation. Raises `ProtocolError` for one that is refused."""
        if self._attempt is None:
            raise ProtocolError("This party was started anew since its offer", "It takes part in the next attempt.")
        return self._attempt.answer(raw)

    def _offer(self, task: Task, parameters: Parameters) -> bytes:
        if self._attempt is None or self._attempt.id != task.attempt:
            self._check_unopened(task.round)
            words = self._words(task, parameters)
            self._attempt = Attempt(self._identity, task, words, lambda: self._opening(task.round))
        return self._attempt.offer

    def _words(self, task: Task, parameters: Parameters) -> Words:
        """What is added for this contributor, in every attempt of the round the same."""
        last = self._last()
        if last is not None and (last.round, last.base) == (task.round, task.base):
            return np.frombuffer(last.update, "<u4").astype(np.uint32)
        residual = self._residual(last, task, parameters)
        wanted = self._learnt(task, parameters) + np.float32(compression.DECAY) * residual
        compression.check_finite(wanted)
        words, left = taken(wanted, places(task.base, wanted.size, task.plan.keep), task.plan.clip_norm)
        made = _Last(task.round, task.base, words.astype("<u4").tobytes(), residual, left)
        files.write_arrays(self._folder / LAST, made.arrays())  # 5
        return words

    def _opening(self, round_: int) -> None:
        self._check_unopened(round_)
        files.write(self._folder / OPENED, str(round_).encode())  # 5

    def _check_unopened(self, round_: int) -> None:
        file = self._folder / OPENED
        try:
            opened = int(file.read_bytes()) if file.exists() else 0
        except (OSError, ValueError) as error:
            raise StateError(f"{file} cannot be read: {error}", f"Delete {self._folder} to join anew.") from error
        if opened >= round_:
            raise ProtocolError(f"This party has opened the sum of round {opened} already", "It opens one of each.")

    def _residual(self, last: _Last | None, task: Task, parameters: Parameters) -> Flat:
        if last is None:
            return np.zeros(compression.flat(parameters).size, np.float32)
        return last.after if task.counted == last.round else last.before  # 4

    def _accept(self, task: Task, parameters: Parameters) -> None:
        if self._plan is None:
            files.write(self._folder / "plan.json", msgspec.json.encode(task.plan))
            self._plan = task.plan
        if self._plan != task.plan:  # 1
            raise InputError(
                f"The coordinator's plan is not the one that was joined: {_changed(self._plan, task.plan)}",
                "Look at it with antiphon genki explain, and join into another folder if you agree.",
            )
        if task.plan.model != self._learner.name:  # 2
            raise InputError(
                f"The federation trains {task.plan.model}, and this machine has {self._learner.name}",
                "Join with the plan's model.",
            )
        check_pool(task.plan, self._pool)
        learning.fits(parameters, self._learner.initial(), "The coordinator's model")
        if learning.digest(parameters) != task.base:
            raise ProtocolError("The parameters are not those that the task names", "They were changed on their way.")

    def _learnt(self, task: Task, parameters: Parameters) -> Flat:
        """The difference after this round's steps; its draws differ by round and by contributor."""
        seed = int.from_bytes(bytes.fromhex(self.id[:12]), "big") ^ (task.plan.seed * 1_000_003 + task.round)
        hand = dealt(bytes.fromhex(task.base), self.id, len(self._pool)) if self._pool else ()  # 6
        delta = self._train(
            LocalJob(
                plan=task.plan,
                base=task.base,
                parameters=parameters,
                own=self._pieces,
                hand=[self._pool[piece] for piece in hand],
                seed=seed % 2**31,
            )
        )
        norm = float(np.linalg.norm(delta))
        if task.plan.clip_norm and norm > task.plan.clip_norm:
            delta *= np.float32(task.plan.clip_norm / norm)
        return delta

    def _last(self) -> _Last | None:
        file = self._folder / LAST
        if not file.exists():
            return None
        try:
            return _Last.of(files.read_arrays(file))
        except (StateError, KeyError, ValueError) as error:
            raise StateError(
                f"{file} cannot be read: {error}", f"Delete {self._folder}: a rest of it is lost."
            ) from error

    def _joined(self) -> Plan | None:
        file = self._folder / "plan.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Plan)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise StateError(f"{file} is no plan: {error}", f"Delete {self._folder} to join anew.") from error


@dataclass(frozen=True, slots=True)
class _Last:
    """The last update that was handed in, and the residuals before and after it."""

    round: int
    base: str
    update: bytes
    before: Flat
    after: Flat

    def arrays(self) -> Parameters:
        told = np.frombuffer(canonical.pack((self.round, self.base, self.update)), np.uint8)
        return {"told": told, "before": self.before, "after": self.after}  # type: ignore[dict-item]

    @classmethod
    def of(cls, arrays: Parameters) -> _Last:
        raw = arrays["told"].tobytes()
        round_, base, update = canonical.parse(tuple[int, str, bytes], raw, limit=len(raw))
        return cls(round_, base, update, arrays["before"], arrays["after"])


def check_pool(plan: Plan, pool: Sequence[Piece]) -> None:
    """Raise `InputError` unless there are as many pieces as the plan deals from."""
    if len(pool) != plan.pool:
        raise InputError(
            f"The plan's pool has {plan.pool} pieces, and {len(pool)} are here", "Name the folder that all have: --pool"
        )


def _changed(ours: Plan, theirs: Plan) -> str:
    pairs = ((name, getattr(ours, name), getattr(theirs, name)) for name in Plan.__struct_fields__)
    return ", ".join(f"{name} is {new!r}, was {old!r}" for name, old, new in pairs if old != new)

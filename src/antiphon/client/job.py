"""A job under way: what is wanted of it, what is kept of it, and what a failed part means for the rest."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from antiphon.client.events import Artefact, Audio, Stage
from antiphon.client.job_policy import JobPolicy
from antiphon.client.runs import KeptPart, PartRun, TaskRun
from antiphon.economy.types import Mode
from antiphon.errors import (
    AntiphonError,
    FundsError,
    InputError,
    LedgerLostError,
    RejectedError,
    StateError,
    UnavailableError,
    UnreachableError,
)
from antiphon.ledger.operations import Selector
from antiphon.services import Request

TASK_PARTS = 16
"""Most parts in one task: enough to keep every processor busy, little enough to lock and to hold in memory."""

STREAM_PARTS = 4
"""The same in stream mode: a listener hears one after the other, and what is made far ahead of them only keeps the
network from making what somebody else waits for."""

BATCH_PARTS = 256
"""Most parts played with one task: those of an earlier run need no task of their own."""

MISSING_IN_A_ROW = 8
"""So many parts that fail one after the other are no accident: the job ends."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to make: requests in order, for offers that match `selector`. `seed` None = bound to the task id.

    `once`: nobody else could do it, so a part that failed is not bought again. `selector_of`, where not all ask for the
    same: a request's own selector, by its number, once that was taken.
    """

    requests: Iterable[Request]
    selector: Selector
    mode: Mode = Mode.VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None
    synthetic: bool = False
    once: bool = False
    voucher: bytes = b""
    policy: JobPolicy | None = None  # None: nothing is kept, the first part that fails ends the job
    selector_of: Callable[[int], Selector] | None = None


@dataclass(frozen=True, slots=True)
class JobItem:
    """One request of a job, and where its result is kept."""

    number: int
    request: Request
    slot: str
    kept: bool
    selector: Selector


@dataclass(slots=True)
class JobRun:
    """A job under way: what is still wanted of it, and every task that may hold money."""

    job: Job
    policy: JobPolicy
    wanted: Iterator[JobItem]
    held: JobItem | None = None  # taken, and for offers of another kind than those before it
    runs: list[TaskRun] = field(default_factory=list)
    made: int = 0
    in_a_row: int = 0  # parts that failed since one was made
    first_failure: AntiphonError | None = None
    unjudged: list[PartRun] = field(default_factory=list)  # heard, their verdicts not yet told

    def told_late(self) -> Iterator[Stage]:
        """How parts stand that were heard before they were judged."""
        for part in tuple(self.unjudged):
            while not part.output.empty():
                event = part.output.get_nowait()
                if event is None:
                    self.unjudged.remove(part)
                elif isinstance(event, Stage):
                    yield event

    def tries(self, slot: str) -> int:
        """Earlier runs of the job have spent these seeds."""
        return self.policy.keeper.tries(slot) if self.policy.keeper is not None and slot else 0

    def forget(self, run: TaskRun) -> None:
        """Of a task whose ledger was lost, only what it is known to have cost is kept."""
        self.runs.remove(run)
        self.policy.budget.spent_nano += run.known_cost_nano

    def recovers_from(self, error: AntiphonError) -> bool:
        """Whether the job may go on after a part that failed so: elsewhere, by buying it again, or without it."""
        if isinstance(error, LedgerLostError):
            return True
        return worth_another(self.job, error) or (self.policy.keep_going and _of_one_part(error))

    def goes_on_without(self, part: PartRun) -> bool:
        """Count a part that failed for good; False when that ends the job."""
        assert part.error is not None
        self.first_failure = self.first_failure or part.error
        self.in_a_row += 1
        return self.policy.keep_going and _of_one_part(part.error) and self.in_a_row < MISSING_IN_A_ROW


def items_of(job: Job, policy: JobPolicy) -> Iterator[JobItem]:
    keeper = policy.keeper
    for number, request in enumerate(job.requests):
        slot = keeper.slot(request) if keeper is not None else ""
        selector = job.selector if job.selector_of is None else job.selector_of(number)
        yield JobItem(number, request, slot, keeper is not None and keeper.has(slot), selector)


def next_batch(job_run: JobRun) -> list[JobItem]:
    """What comes next: a task's parts to buy, of one selector, with the kept ones between them."""
    batch: list[JobItem] = []
    new, most = 0, STREAM_PARTS if job_run.job.mode is Mode.STREAM else TASK_PARTS
    held, job_run.held = job_run.held, None
    for one in itertools.chain(() if held is None else (held,), job_run.wanted):
        if batch and one.selector != batch[0].selector:
            job_run.held = one
            break
        batch.append(one)
        new += not one.kept
        if new == most or len(batch) == BATCH_PARTS:
            break
    return batch


async def recalled(job_run: JobRun, part: KeptPart) -> Audio | Artefact:
    assert job_run.policy.keeper is not None
    result = await asyncio.to_thread(job_run.policy.keeper.load, part.slot)
    if not result.form.is_audio:
        if result.origin is None:
            raise StateError("The kept voice profile has no task that made it", "Run it without --resume.")
        return Artefact(part.number, result.data, result.origin)
    return Audio(part.number, result.form.waveform(result.data))


def worth_another(job: Job, error: AntiphonError) -> bool:
    """Whether buying a part again may help: rejected or undelivered work may; a wrong request or no money may not.

    Not in stream mode, where the rejected audio has been heard, and not for a validator's own prompts.
    """
    if (
        job.mode is not Mode.VERIFIED
        or job.synthetic
        or job.once
        or isinstance(error, (UnreachableError, LedgerLostError))
    ):
        return False
    return isinstance(error, (RejectedError, UnavailableError))


def _of_one_part(error: AntiphonError) -> bool:
    """Whether a part's failure says nothing about the others: it was rejected, nobody delivered it, a node refused it,
    or buying it again did not fit the budget."""
    known = (RejectedError, UnavailableError, InputError, FundsError)
    return isinstance(error, known) and not isinstance(error, (UnreachableError, LedgerLostError))

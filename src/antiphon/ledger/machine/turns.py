"""Whose turn it is, and whether it is in time: what an event must fit to move a part. Each raises what is wrong."""

from __future__ import annotations

from antiphon.economy.beacon import after
from antiphon.errors import ConflictError, InputError
from antiphon.ledger import panel
from antiphon.ledger.machine.events import Context
from antiphon.ledger.records import PartRecord, PartState

LOOK = "Read the task anew: it has gone on."


def late_itself(record: PartRecord, now_ms: int) -> bool:
    return not record.state.final and record.state is not PartState.WAITING and now_ms >= record.deadline_ms


def expect_link(whose: str, link: bytes, opened: list[bytes], tip: bytes) -> None:
    if after(link) != (opened[-1] if opened else tip):
        raise ConflictError(f"That is not the next link of the {whose}'s chain", "Open the links in their order.")


def expect(record: PartRecord, state: PartState, done: str) -> None:
    if record.state is not state:
        raise ConflictError(
            f"{name(record)} is {record.state} and cannot be {done} now", f"It must be {state} for that."
        )


def expect_producer(record: PartRecord, attempt: int, context: Context) -> None:
    if attempt != record.attempt or panel.producer(record).node != context.sender:
        raise ConflictError(
            f"Attempt {record.attempt} of {name(record)} belongs to {panel.producer(record).node}, "
            f"not to attempt {attempt} of {context.sender}",
            "Drop this work: the part was passed on.",
        )


def expect_seat(record: PartRecord, round_: int, seats: list[str], context: Context) -> None:
    if round_ != record.round:
        raise ConflictError(f"{name(record)} is in round {record.round}, not {round_}", "Drop this vote.")
    if context.sender not in seats:
        raise ConflictError(
            f"{context.sender} may not vote on {name(record)} now", f"Votes come from {', '.join(seats)}."
        )


def expect_client(context: Context, deed: str) -> None:
    if context.sender != context.client:
        raise InputError(f"Only the client {context.client} may {deed}", "Sign it with the client's identity.")


def expect_in_time(record: PartRecord, context: Context) -> None:
    if late_itself(record, context.now_ms):
        raise ConflictError(f"The deadline of {name(record)} passed {context.now_ms - record.deadline_ms} ms ago", LOOK)


def name(record: PartRecord) -> str:
    return f"part {record.part.index} of task {record.task}"

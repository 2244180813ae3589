"""A task's whole history again, from its signed envelopes alone: what an audit trusts instead of the ledger's word."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from antiphon.economy.types import Transfer
from antiphon.errors import AntiphonError, ProtocolError
from antiphon.ledger import flow
from antiphon.ledger.flow import Facts
from antiphon.ledger.journal import LEDGER_JOURNAL, LEDGER_REVOKED, Entry, Journal
from antiphon.ledger.machine import Step, TaskOperation, Tick, Withdraw
from antiphon.ledger.opening import LEDGER_OPEN, Opened, Opening, open_task
from antiphon.ledger.operations import OPERATION_KIND, Cancel, OpenTask, Revoke
from antiphon.ledger.records import PartRecord, PartState, TaskRecord
from antiphon.protocol import canonical, envelope
from antiphon.protocol.consent import Consent, GrantRef
from antiphon.protocol.envelope import MAX_AGE_MS, MAX_AHEAD_MS, Envelope

_HINT = "Do not trust this receipt; ask the ledger for it again."


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer, and the part it belongs to (-1 = the whole task)."""

    part: int
    transfer: Transfer


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A closed task as its evidence says it must have gone."""

    task: TaskRecord
    parts: tuple[PartRecord, ...]
    moves: tuple[Move, ...]
    consents: tuple[Consent, ...]
    revoked_ms: dict[str, int]  # by the id of the consent


class _MemoryTaskStore:
    """`flow.TaskStore` over a dict."""

    def __init__(self, begun: Opened) -> None:
        self.facts: Facts = begun.facts
        self.begun = begun
        self.parts: dict[int, PartRecord] = {record.part.index: record for record in begun.parts}
        self.moves: list[Move] = [Move(part=-1, transfer=begun.lock)]
        self.revoked_ms: dict[str, int] = {}
        self.entry: Entry | None = None  # what the journal tells of the event under way

    def part(self, index: int) -> PartRecord:
        if index not in self.parts:
            raise ProtocolError(f"The evidence speaks of part {index}, which the task has not", _HINT)
        return self.parts[index]

    def open_parts(self) -> Sequence[int]:
        return [index for index, record in self.parts.items() if not record.state.final]

    def waiting(self) -> Sequence[tuple[int, int]]:
        found = self.parts.items()
        return [(index, record.part.phase) for index, record in found if record.state is PartState.WAITING]

    def phases(self) -> Collection[tuple[int, PartState]]:
        return {(record.part.phase, record.state) for record in self.parts.values()}

    def left_out(self, _: PartRecord, /) -> tuple[str, ...]:
        return self.entry.left_out if self.entry else ()

    def link(self, _: PartRecord, /) -> bytes:
        return self.entry.link if self.entry else b""

    def keep(self, before: PartRecord, step: Step) -> None:
        index = before.part.index
        self.parts[index] = step.record
        self.moves += [Move(part=index, transfer=transfer) for transfer in step.transfers]


def replay(ledger: str, messages: Sequence[Envelope]) -> Replayed:
    """Run the machine over verified envelopes (without the closing one). Raises ProtocolError naming what is wrong.

    1. First comes the client's `OpenTask`, then the ledger's opening, last the ledger's journal.
    2. Quote and draw follow from these two alone, and each consent was in force then, and for this client.
    3. The journal has each operation between them once, in their order. 4. Every event is one that the machine allows
    at the time the journal gives; that a consent was revoked is the word of its own grantor.
    5. Who could not be drawn, and the ledger's link of each draw, are the journal's word: but the client signed whom it
    saw, and the link follows from the tip in the opening.
    6. At the end all parts are final, and the task's end state is the one that the journal says.
    7. The journal's clock is the one of all who signed: each operation was applied while its envelope was fresh, time
    does not run back, and nothing happened after the journal was signed. So no deadline passed before its time.
    """
    if len(messages) < 3:
        raise ProtocolError("The evidence is incomplete: an opening and a journal are missing", _HINT)
    request, opened, *operations, last = messages
    store = _open(ledger, request, opened)
    journal = canonical.decode(Journal, _own(ledger, last, LEDGER_JOURNAL))
    _check_order(journal.entries, len(operations))
    for number, entry in enumerate(journal.entries):
        try:
            _apply(ledger, store, entry, operations)
        except (AntiphonError, AssertionError, ValueError) as e:
            raise ProtocolError(f"Event {number} of the journal cannot have happened: {e}", _HINT) from e
    _check_times(request, opened, operations, last, journal)
    if not all(part.settled for part in store.parts.values()):
        raise ProtocolError("The evidence ends while parts or appeals are open", _HINT)
    state = flow.closing_state({part.state for part in store.parts.values()})
    if state is not journal.state:
        raise ProtocolError(f"The ledger says the task ended {journal.state}, its evidence says {state}", _HINT)
    return Replayed(
        task=msgspec.structs.replace(store.begun.record, state=journal.state, closed_ms=journal.closed_ms),
        parts=tuple(store.parts.values()),
        moves=tuple(store.moves),
        consents=store.begun.consents,
        revoked_ms=store.revoked_ms,
    )


def _open(ledger: str, request: Envelope, opened: Envelope) -> _MemoryTaskStore:
    operation = _operation(request)
    if not isinstance(operation, OpenTask) or operation.task != request.task:
        raise ProtocolError("The evidence does not begin with the client's request", _HINT)
    opening = canonical.decode(Opening, _own(ledger, opened, LEDGER_OPEN))
    try:
        begun = open_task(ledger, operation, request.sender, opening)
    except (AntiphonError, ValueError) as e:
        raise ProtocolError(f"The task cannot have been opened as the evidence says: {e}", _HINT) from e
    return _MemoryTaskStore(begun)


def _own(ledger: str, message: Envelope, kind: str) -> bytes:
    if message.kind != kind or message.sender != ledger:
        raise ProtocolError(
            f"The evidence has {message.kind} of {message.sender} where the ledger's {kind} belongs", _HINT
        )
    return message.body


def _operation(message: Envelope) -> object:
    if message.kind != OPERATION_KIND:
        raise ProtocolError(f"The evidence has a {message.kind!r} where an operation belongs", _HINT)
    return canonical.decode(TaskOperation | OpenTask, message.body)


def _check_order(entries: Sequence[Entry], operations: int) -> None:
    """Rule 3: positions 2, 3, 4, ... (0 is the request, 1 the opening), deadlines in between."""
    found = [entry.envelope for entry in entries if entry.envelope >= 0]
    if found != list(range(2, 2 + operations)):
        raise ProtocolError("The journal does not name each operation of the evidence once, in order", _HINT)


def _check_times(
    request: Envelope, opened: Envelope, operations: Sequence[Envelope], last: Envelope, journal: Journal
) -> None:
    """Rule 7. Clocks may differ by as much as the ledger itself allows."""
    latest_ms = canonical.decode(Opening, opened.body).opened_ms
    _check_fresh(request, latest_ms)
    for entry in journal.entries:
        if entry.at_ms < latest_ms - MAX_AHEAD_MS:
            raise ProtocolError("The journal's time runs back", _HINT)
        latest_ms = max(latest_ms, entry.at_ms)
        if entry.envelope >= 0:
            _check_fresh(operations[entry.envelope - 2], entry.at_ms)
    if latest_ms > last.time_ms + MAX_AHEAD_MS:
        raise ProtocolError("The journal tells of a time after its own signature", _HINT)


def _check_fresh(signed: Envelope, at_ms: int) -> None:
    if not signed.time_ms - MAX_AHEAD_MS <= at_ms <= signed.time_ms + MAX_AGE_MS:
        raise ProtocolError(f"An operation was applied {(at_ms - signed.time_ms) / 1000} s after its signature", _HINT)


def _apply(ledger: str, store: _MemoryTaskStore, entry: Entry, operations: Sequence[Envelope]) -> None:
    store.entry = entry
    if entry.envelope < 0:
        flow.act(store, Tick(), index=entry.index, sender="", now_ms=entry.at_ms)
        return
    message = operations[entry.envelope - 2]
    if message.kind == LEDGER_REVOKED:
        _withdraw(ledger, store, entry, message)
        return
    operation = _operation(message)
    if not isinstance(operation, TaskOperation) or operation.task != message.task:
        raise ProtocolError(f"{message.sender} signed no operation on this task", _HINT)
    index = entry.index if isinstance(operation, Cancel) else operation.index
    if index != entry.index:
        raise ProtocolError(f"The journal says part {entry.index}, the envelope part {index}", _HINT)
    flow.act(store, operation, index=index, sender=message.sender, now_ms=entry.at_ms)


def _withdraw(ledger: str, store: _MemoryTaskStore, entry: Entry, message: Envelope) -> None:
    """The ledger carries the grantor's own words, and they are about a consent of this task."""
    told = envelope.verify_at(_own(ledger, message, LEDGER_REVOKED), ledger)
    if told.kind != OPERATION_KIND:
        raise ProtocolError(f"A {told.kind!r} revokes nothing", _HINT)
    ref = GrantRef(grantor=told.sender, id=canonical.decode(Revoke, told.body).grant)
    if ref not in store.begun.record.grants or entry.index != -1:
        raise ProtocolError(f"The task does not rely on the consent {ref.id} of {ref.grantor}", _HINT)
    store.revoked_ms.setdefault(ref.id, entry.at_ms)
    flow.act(store, Withdraw(), index=-1, sender="", now_ms=entry.at_ms)


def differences(found: object, expected: object, path: str = "") -> str | None:
    """Where two plain values first differ, in words; None if they are equal."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for key in sorted(found.keys() | expected.keys()):
            if key not in found or key not in expected:
                return f"{path}{key} is {'missing' if key not in found else 'added'}"
            if difference := differences(found[key], expected[key], f"{path}{key}."):
                return difference
        return None
    if isinstance(found, list) and isinstance(expected, list):
        for number, (one, other) in enumerate(zip(found, expected, strict=False)):
            if difference := differences(one, other, f"{path}{number}."):
                return difference
        return None if len(found) == len(expected) else f"{path}: {len(found)} entries instead of {len(expected)}"
    return None if found == expected else f"{path.rstrip('.')} is {found!r} instead of {expected!r}"

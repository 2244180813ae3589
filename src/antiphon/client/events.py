"""What happens during a job, as a stream of values. Doors turn them into progress bars, files and HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from antiphon.audio import Waveform
from antiphon.economy.types import Quote
from antiphon.errors import AntiphonError
from antiphon.ledger.records import PartRecord, TaskRecord
from antiphon.protocol.receipt import Receipt
from antiphon.services import Origin


@dataclass(frozen=True, slots=True)
class Opened:
    """A task was opened: escrow is locked. `first` is the job-wide number of its first part."""

    task: str
    quote: Quote
    first: int
    parts: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One part moved on. `what` is a word for people: making, judging, valid, rejected, retry ..."""

    number: int
    what: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio of part `number`, in order of parts. `audio` None marks the end of the part."""

    number: int
    audio: Waveform | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Part `number` failed for good, and the job goes on without it. Its end follows, as for every part."""

    number: int
    error: AntiphonError


@dataclass(frozen=True, slots=True)
class Artefact:
    """The whole result of part `number`, where it is no audio."""

    number: int
    data: bytes
    origin: Origin


@dataclass(frozen=True, slots=True)
class Closed:
    """A task is settled: what it cost, and the receipt that explains every payment."""

    task: TaskRecord
    parts: tuple[PartRecord, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Sound:
    """Finished audio of the whole job, in order: all of one rate and number of channels. `parts` ended before it."""

    audio: Waveform
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """All sound of part `number` has come: what came since the part before says this `text`."""

    number: int
    text: str
    language: str


Event: TypeAlias = Opened | Stage | Audio | Artefact | Missing | Closed
"""What a client tells of a job."""
SoundEvent: TypeAlias = Opened | Stage | Missing | Closed | Sound | Said
"""What is told of a job whose parts are put together."""

"""What `contracts/epochs.vy` is created with, and which phase of which epoch a moment belongs to."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from antiphon.economy.consensus import Options
from antiphon.economy.epochs import EpochRules
from antiphon.economy.types import NANO, PPM
from antiphon.errors import ConflictError, InputError

MIN_PHASE_S, MAX_PHASE_S = 60, 7 * 86_400
MAX_NANO = 2**96 - 1
_DEFAULT = EpochRules()


class Phase(StrEnum):
    """Of an epoch, in order."""

    OPEN = "open"
    REVEAL = "reveal"
    POST = "post"
    CHALLENGE = "challenge"


class Moment(msgspec.Struct, frozen=True):
    """Where a time lies."""

    epoch: int
    phase: Phase
    ends_s: int  # when the next phase begins


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contract's own, in its order. The defaults are those of the embedded ledger: as long, and as much."""

    open_s: int = 2_400
    reveal_s: int = 600
    post_s: int = 420
    challenge_s: int = 900
    kappa_ppm: int = _DEFAULT.kappa_ppm
    emission_nano: int = _DEFAULT.emission_nano  # of an epoch, what the token burns of it included
    nodes_ppm: int = _DEFAULT.nodes_ppm
    validators_ppm: int = _DEFAULT.validators_ppm
    bond_nano: int = 10 * NANO  # of whoever posts a consensus

    def __post_init__(self) -> None:
        if not all(MIN_PHASE_S <= one <= MAX_PHASE_S for one in self.phases):
            raise InputError(f"A phase lasts {MIN_PHASE_S} to {MAX_PHASE_S} s", "Change open_s, reveal_s, ...")
        if not (0 <= self.emission_nano <= MAX_NANO and 2 <= self.bond_nano <= MAX_NANO):
            raise InputError("An emission is 0 or more, a bond 2 or more, both below 2^96 nano", "Give nano.")
        parts = (self.nodes_ppm, self.validators_ppm)
        if not 0 < self.kappa_ppm <= PPM or min(parts) < 0 or sum(parts) > PPM:
            raise InputError("kappa and the parts of an emission are ppm, the parts at most a million", "Give ppm.")

    @property
    def phases(self) -> tuple[int, int, int, int]:
        """Their lengths in seconds."""
        return (self.open_s, self.reveal_s, self.post_s, self.challenge_s)

    @property
    def length_s(self) -> int:
        return sum(self.phases)

    @property
    def options(self) -> Options:
        """Of the consensus: bonds do not outlive an epoch (decision 30)."""
        return Options(kappa_ppm=self.kappa_ppm, alpha_ppm=PPM, beta_ppm=PPM)

    def packed(self) -> tuple[int, ...]:
        """As the contract takes them."""
        return tuple(int(getattr(self, name)) for name in self.__struct_fields__)

    @classmethod
    def unpacked(cls, values: tuple[int, ...]) -> Terms:
        return cls(**dict(zip(cls.__struct_fields__, values, strict=True)))

    def begins_s(self, first_s: int, epoch: int, phase: Phase = Phase.OPEN) -> int:
        """When a phase begins, in an epoch of a contract whose first one began at `first_s`."""
        return first_s + epoch * self.length_s + sum(self.phases[: list(Phase).index(phase)])

    def moment(self, first_s: int, now_s: int) -> Moment:
        """Which phase of which epoch `now_s` is in."""
        epoch = max(0, now_s - first_s) // self.length_s
        phases = list(Phase)
        phase = next(one for one in reversed(phases) if self.begins_s(first_s, epoch, one) <= max(now_s, first_s))
        place = phases.index(phase) + 1
        after = self.begins_s(first_s, epoch, phases[place]) if place < len(phases) else None
        return Moment(epoch, phase, after or self.begins_s(first_s, epoch + 1))

    def expect(self, first_s: int, now_s: int, phase: Phase, what: str) -> int:
        """The running epoch, if it is in this phase. Raises ConflictError that says when it will be."""
        now = self.moment(first_s, now_s)
        if now.phase is phase:
            return now.epoch
        begins_s = self.begins_s(first_s, now.epoch, phase)
        if begins_s <= now_s:
            begins_s = self.begins_s(first_s, now.epoch + 1, phase)
        raise ConflictError(
            f"Epoch {now.epoch} is in its phase {now.phase.value!r}, {what} belongs to {phase.value!r}",
            f"That begins at {moment_text(begins_s)}, in {begins_s - now_s} s.",
        )


def moment_text(time_s: int) -> str:
    """A chain's time, for people."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

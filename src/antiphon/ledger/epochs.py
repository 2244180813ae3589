"""Epochs: validators commit to weights, reveal them, and are paid with whom they judge. No IO; any backend runs this.

1. One epoch is open at a time. It is due `epoch_s` after it opened, or when the ledger's operator calls it.
2. COMMIT: only a registered validator with a permit, to a hash over its salted weights; again as long as the time to
   commit lasts (MAX_COMMITS times), the last one counts. Who has lost its permit to others with more stake when these
   commit has committed no more: at most as many reveal as there are permits, and at most MAX_COMMITTERS commit. That
   time ends once the epoch is due and every live validator with a permit has committed (more than half of the stake:
   right after the ledger was away all seem silent), or `phase_s` after the first commit, but not before `epoch_s` are
   over. While nobody commits, nothing happens and nothing is issued.
3. REVEAL: only who committed, what it committed to. One that is refused erases nothing and can be given again, until
   all have revealed, or `phase_s` after the time to commit. So nobody sees weights while others can be committed to.
4. Then the ledger closes the epoch, once: it says how things stand (`Standing`), what follows from that and the
   revealed weights (`economy.epochs`) is paid, and the next epoch opens. Who revealed nothing counts with what it
   revealed last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from antiphon.economy import accounts, epochs
from antiphon.economy.epochs import BURNT, OWNER, Bonds, Computed, EpochRules, Judge, Row
from antiphon.economy.evidence import Evidence
from antiphon.economy.types import Transfer
from antiphon.errors import InputError
from antiphon.protocol import canonical

LEDGER_EPOCH = "ledger-epoch"
"""Kind of the envelope that carries a `Standing`."""
LEDGER_CARRIED = "ledger-carried"
"""Kind of the envelope by which the ledger carries a validator's own reveal of an earlier epoch into this one."""
ID_PREFIX = "0" * 8
"""What ids of epochs begin with, and ids of tasks do not: else a client's task would mix with an epoch's evidence."""
MAX_COMMITS = 4
MAX_COMMITTERS = 16 * epochs.MAX_PERMITS
"""In one epoch, with those that lost their permit again. Each had to have a validator's stake, and more than others."""
MAX_WEIGHTS = 4_096
"""Most weights of one validator, over all services."""
SALT_BYTES = 16
_DOMAIN = b"antiphon/1 weights\0"


class EpochState(StrEnum):
    """COMMITTING until the time to commit is over, REVEALING until all have revealed, then CLOSED for ever."""

    COMMITTING = "committing"
    REVEALING = "revealing"
    CLOSED = "closed"


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one validator thinks of nodes, by service."""

    epoch: int
    version: int  # `EpochRules.version` that it was made for
    rows: dict[str, Row]


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch as the ledger knows it. `version` grows with each change, from one epoch to the next too."""

    number: int
    id: str  # in the place of a task: of its envelopes, its evidence and its receipt
    state: EpochState
    rules: EpochRules
    opened_ms: int
    coming: EpochRules | None = None  # set meanwhile, for the next epoch; None: the same
    called: bool = False
    first_commit_ms: int = 0
    committed_ms: int = 0  # when the time to commit ended; 0: it has not
    closed_ms: int = 0
    emission_nano: int = 0  # paid when it closed
    committed: tuple[str, ...] = ()  # validators, in the order in which they did
    revealed: tuple[str, ...] = ()
    version: int = 0

    @property
    def due_ms(self) -> int:
        """When it is due without being called."""
        return self.opened_ms + self.rules.epoch_s * 1000

    def is_due(self, now_ms: int) -> bool:
        """Whether validators commit now."""
        return self.state is EpochState.COMMITTING and (self.called or now_ms >= self.due_ms)

    @property
    def deadline_ms(self) -> int:
        """When its present phase ends at the latest; 0: not before somebody commits, or never."""
        phase_ms = self.rules.phase_s * 1000
        if self.state is EpochState.COMMITTING and self.first_commit_ms:
            return max(self.due_ms, self.first_commit_ms + phase_ms)
        return self.committed_ms + phase_ms if self.state is EpochState.REVEALING else 0


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One registered identity when an epoch closes. Only validators have their stake said."""

    uid: int
    node: str
    since_ms: int = 0  # when it registered
    validator: bool = False
    stake_nano: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ledger's own word on an epoch: how things stood when it closed, and what it paid."""

    number: int
    rules: EpochRules
    opened_ms: int
    committed_ms: int
    closed_ms: int
    room_nano: int  # so much more money might exist
    owner: str  # node id of who gets the owner's share
    members: tuple[Member, ...]  # by uid
    applied_ms: tuple[int, ...]  # when each envelope before this one was applied
    bonds: dict[str, Bonds]  # of the epoch before
    evidence: dict[str, Evidence] = {}  # by service: whom validators have judged, within `rules.evidence_epochs`
    paid_sha256: bytes  # over the canonical payments


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What a standing and revealed weights come to."""

    computed: Computed
    transfers: tuple[Transfer, ...]  # the issue first
    paid_sha256: bytes


def epoch_id(ledger: str, number: int) -> str:
    """32 hex digits that name an epoch where a task would be named: ID_PREFIX, and a hash of which epoch it is."""
    return ID_PREFIX + hashlib.sha256(f"antiphon/1 epoch {ledger} {number}".encode()).hexdigest()[: 32 - len(ID_PREFIX)]


def commitment(weights: Weights, salt: bytes, *, validator: str, ledger: str) -> bytes:
    """SHA-256 over "antiphon/1 weights" 00, the canonical weights' SHA-256, salt, validator and ledger."""
    inner = hashlib.sha256(canonical.pack(weights)).digest()
    return hashlib.sha256(_DOMAIN + inner + salt + validator.encode() + ledger.encode()).digest()


def check_weights(weights: Weights, record: EpochRecord, newest_uid: int) -> None:
    """Raise InputError for weights that this epoch does not take: of another version, too many, or for nobody."""
    if weights.version != record.rules.version:
        raise InputError(
            f"Weights of version {weights.version} are not taken, only of version {record.rules.version}",
            "Upgrade the validator.",
        )
    count = sum(len(row.uids) for row in weights.rows.values())
    if count > MAX_WEIGHTS or len(weights.rows) > epochs.MAX_SHARES:
        raise InputError(
            f"{count} weights for {len(weights.rows)} services are more than {MAX_WEIGHTS} for {epochs.MAX_SHARES}",
            "Leave out the smallest.",
        )
    for service, row in weights.rows.items():
        epochs.check_service(service)
        if row.uids and row.uids[-1] > newest_uid:
            raise InputError(f"Nobody ever had the uid {row.uids[-1]}", "Ask the ledger who is registered.")


def settle(standing: Standing, revealed: Mapping[str, Weights]) -> Settled:
    """Rule 4, for the newest weights of each validator, by node id."""
    judges = [_judge(one, revealed.get(one.node), standing.number) for one in standing.members if one.validator]
    uids = [one.uid for one in standing.members]
    names = {one.uid: one.node for one in standing.members}
    own = next((one.uid for one in standing.members if one.node == standing.owner), -1)
    elapsed_ms = standing.closed_ms - standing.opened_ms
    amount_nano = epochs.emission(standing.rules, elapsed_ms, standing.room_nano)
    computed = epochs.compute(standing.rules, amount_nano, judges, uids, standing.bonds, own, standing.evidence)
    return Settled(
        computed=computed,
        transfers=_transfers(standing, computed, names),
        paid_sha256=hashlib.sha256(canonical.pack(computed.payments)).digest(),
    )


def _judge(member: Member, weights: Weights | None, number: int) -> Judge:
    if weights is None:
        return Judge(uid=member.uid, stake_nano=member.stake_nano)
    rows = {service: row for service, row in weights.rows.items() if row.uids}
    return Judge(uid=member.uid, stake_nano=member.stake_nano, age=number - weights.epoch, rows=rows)


def _transfers(standing: Standing, computed: Computed, names: Mapping[int, str]) -> tuple[Transfer, ...]:
    """All of it goes through the epoch's own account, which is empty again in the end."""
    amount_nano, through = computed.emission_nano, accounts.emission(standing.number)
    if not amount_nano:
        return ()
    targets = {OWNER: accounts.balance(standing.owner), BURNT: accounts.BURNT}
    issue = Transfer(source=accounts.ISSUED, target=through, amount_nano=amount_nano, why="emission")
    paid = tuple(
        Transfer(
            source=through,
            target=targets[one.uid] if one.uid < 0 else accounts.balance(names[one.uid]),
            amount_nano=one.amount_nano,
            why=f"{one.why}, {one.service}" if one.service else one.why,
        )
        for one in computed.payments
    )
    assert sum(one.amount_nano for one in paid) == amount_nano, "an emission is conserved"
    return (issue, *paid)


def newest(weights: Sequence[tuple[str, Weights]]) -> dict[str, Weights]:
    """Of each validator what it revealed last."""
    found: dict[str, Weights] = {}
    for node, one in weights:
        if node not in found or one.epoch > found[node].epoch:
            found[node] = one
    return found

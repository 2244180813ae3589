"""One epoch: from validators' weights, stakes and the bonds of the last epoch to who is paid how much. Integers only.

1. Who counts: validators with a permit (the `permits` with most stake, ties to the smaller uid) and what they last
   revealed, at most `cutoff_epochs` ago; the stake of others is none. A uid is never given twice, so what is said of a
   node that left, or by it, counts nowhere. Nobody weighs themselves, except the owner. A weight counts as far as its
   validator has judged that node lately (`evidence`): the row names whom, the evidence says how good. Where it has none
   it abstains, and its dividends are cut to the part of the incentives that nodes get which it has judged. Who names
   nobody in a service does not abstain from it: it finds it worth nothing.
2. Each service is a market of its own with its own consensus (`consensus`) and bonds. Bonds in a node without any
   consensus end with the epoch, so that there are never many.
3. The emission of an epoch is `emission_nano` for each `epoch_s` since the last one, at most one epoch's: calling it
   early or twice issues no more. No more may exist than the ledger allows.
4. Parts in ppm go to nodes, to validators and to nobody (burnt); what is left is the owner's. Services share a part by
   `shares`, or alike; one without consensus gets nothing, so a minority cannot invent one.
5. Within a service: nodes by rank, validators by dividends, each rounded down. What rounding leaves, less than a unit
   for each payment, is the owner's. Without any consensus both parts are burnt: nobody's work was judged. (Where no
   evidence is asked for, the nodes' part is then the validators', by active stake; without any stake both are burnt.)
   So every unit of the emission goes somewhere: `Payment`s sum exactly to it.

What says nothing is not here: no clock, no keys, no names of services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.economy import consensus, evidence
from antiphon.economy.consensus import MAX_WEIGHT, ONE, Integers, Options, Outcome, Unsigned
from antiphon.economy.evidence import Evidence
from antiphon.economy.types import NANO, PPM
from antiphon.errors import InputError

MAX_SHARES = 16
"""Most services that share an emission."""
MAX_PERMITS = 64
MAX_CUTOFF = 256
MAX_EVIDENCE = 256
MAX_NUMBER = 10**18


def check_service(name: str) -> None:
    """Raise InputError for what cannot be a service's name: none, longer than 64 characters, or not printable."""
    if not name or len(name) > 64 or not name.isprintable():
        raise InputError(f"{name[:40]!r} is no service", "Name those of the nodes' offers.")


class EpochRules(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How epochs go and what they pay. Source of the defaults: Bittensor (360 blocks of 12 s, 41/41/18, 64 permits,
    a cut-off of 5,000 blocks); the amount is this network's own."""

    epoch_s: int = 4_320
    phase_s: int = 300  # longest time to commit once somebody has, and then to reveal
    emission_nano: int = 10 * NANO  # of an epoch, and the most that one ever pays
    nodes_ppm: int = 410_000
    validators_ppm: int = 410_000
    burn_ppm: int = 0
    shares: dict[str, int] = msgspec.field(default_factory=dict)  # of each service, in any unit; empty: all alike
    permits: int = 64
    cutoff_epochs: int = 14  # after so many without a reveal of its own a validator counts no more; 0: none is forgiven
    evidence_epochs: int = 3  # so many epochs a judgement bears out a weight; 0: weights count as they are declared
    immunity_s: int = 0  # a node registered for less keeps its place on a full ledger
    version: int = 1  # of weights: others are refused

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.nodes_ppm, self.validators_ppm, self.burn_ppm) < 0 or self.owner_ppm < 0:
            raise InputError("The parts of an emission must be 0 or more and at most the whole", "Lower one of them.")
        if self.epoch_s < 1 or self.phase_s < 1:
            raise InputError("An epoch and its phases last a second at least", "Give more.")
        if not 0 <= self.cutoff_epochs <= MAX_CUTOFF:
            raise InputError(f"The cut-off is 0 to {MAX_CUTOFF} epochs", "Give 0 to forgive none.")
        if not 0 <= self.evidence_epochs <= MAX_EVIDENCE:
            raise InputError(f"Evidence counts for 0 to {MAX_EVIDENCE} epochs", "Give 0 to take weights as declared.")
        if not all(0 <= one <= MAX_NUMBER for one in (self.emission_nano, self.immunity_s, self.version)):
            raise InputError(f"Emission, immunity and version are within 0..{MAX_NUMBER}", "Give 0 for none.")
        if not 1 <= self.permits <= MAX_PERMITS:
            raise InputError(f"There must be 1 to {MAX_PERMITS} permits, got {self.permits}", "Bonds grow with them.")
        if len(self.shares) > MAX_SHARES or any(part < 1 or part > PPM for part in self.shares.values()):
            raise InputError(f"At most {MAX_SHARES} services share, each with 1 to {PPM}", "Leave the others out.")
        for service in self.shares:
            check_service(service)

    @property
    def owner_ppm(self) -> int:
        """What the other parts leave."""
        return PPM - self.nodes_ppm - self.validators_ppm - self.burn_ppm


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One validator's weights for one service: uids ascending, each with a value within 1..65535."""

    uids: tuple[int, ...]
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.uids) != len(self.values):
            raise InputError(f"{len(self.uids)} uids have {len(self.values)} weights", "Give one weight for each.")
        if any(later <= earlier for earlier, later in zip(self.uids, self.uids[1:], strict=False)):
            raise InputError("The uids of weights must ascend, each once", "Sort them.")
        if self.uids and self.uids[0] < 0:
            raise InputError(f"{self.uids[0]} is no uid", "Uids count from 0.")
        if self.values and not (min(self.values) > 0 and max(self.values) <= MAX_WEIGHT):
            raise InputError(
                f"A weight is outside 1..{MAX_WEIGHT}", "Leave out who gets none, and scale to the largest."
            )


class Judge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One validator as it stands when an epoch closes."""

    uid: int
    stake_nano: int
    age: int = 0  # epochs since it revealed these rows
    rows: dict[str, Row] = {}  # by service; none: it never revealed any


class Bonds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What validators hold of nodes in one service, from one epoch to the next."""

    judges: tuple[int, ...]  # uids, ascending
    uids: tuple[int, ...]  # of nodes, ascending
    held: bytes  # [judges, uids] unsigned, 32 bits, little-endian, shares of `consensus.ONE`

    def matrix(self) -> Unsigned:
        """[judges, uids]. Raises InputError for bytes of another size or values above ONE."""
        shape = (len(self.judges), len(self.uids))
        if len(self.held) != 4 * shape[0] * shape[1]:
            raise InputError(
                f"Bonds of {len(self.held)} bytes are no matrix of {shape}", "Take those of the last epoch."
            )
        return np.frombuffer(self.held, dtype="<u4").reshape(shape)


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """To one uid; OWNER and BURNT are not a node's."""

    uid: int
    amount_nano: int
    why: str  # INCENTIVE, DIVIDENDS, OWNERS, BURN
    service: str = ""


OWNER, BURNT = -1, -2
INCENTIVE, DIVIDENDS, OWNERS, BURN = "incentive", "dividends", "owner's share", "burn"


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One service's outcome: rows and columns are `Computed.judges` and `Computed.uids`."""

    service: str
    outcome: Outcome
    known: npt.NDArray[np.bool_] | None  # [V, N] whom each has judged; None: no evidence is asked for
    nodes_nano: int
    validators_nano: int


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """What an epoch comes to."""

    emission_nano: int
    judges: tuple[int, ...]  # uids with a permit, ascending
    uids: tuple[int, ...]  # nodes, ascending
    markets: tuple[Market, ...]
    payments: tuple[Payment, ...]  # sum exactly to the emission
    bonds: dict[str, Bonds]


def emission(rules: EpochRules, elapsed_ms: int, room_nano: int) -> int:
    """What an epoch issues `elapsed_ms` after the last one, when `room_nano` more may exist (rule 3)."""
    whole_ms = rules.epoch_s * 1000
    return max(0, min(room_nano, rules.emission_nano * min(max(0, elapsed_ms), whole_ms) // whole_ms))


def permitted(judges: Sequence[Judge], rules: EpochRules) -> tuple[Judge, ...]:
    """Who has a permit (rule 1), by uid. Without stake nobody has."""
    most = sorted((one for one in judges if one.stake_nano > 0), key=lambda one: (-one.stake_nano, one.uid))
    return tuple(sorted(most[: rules.permits], key=lambda one: one.uid))


def upscaled(qualities: Mapping[int, int]) -> Row:
    """One validator's weights from its score memory (quality by uid, any unit): the best gets 65535, others in
    proportion; who would get less than 1 gets none. Raises InputError for a negative quality."""
    if any(quality < 0 for quality in qualities.values()):
        raise InputError("A quality is not negative", "Leave out who was never judged.")
    best = max(qualities.values(), default=0)
    found = {uid: quality * MAX_WEIGHT // best for uid, quality in sorted(qualities.items()) if best}
    kept = {uid: value for uid, value in found.items() if value}
    return Row(uids=tuple(kept), values=tuple(kept.values()))


def compute(
    rules: EpochRules,
    emission_nano: int,
    judges: Sequence[Judge],
    uids: Sequence[int],
    bonds: Mapping[str, Bonds],
    owner: int = -1,
    judged: Mapping[str, Evidence] | None = None,
) -> Computed:
    """Rules 1, 2, 4 and 5. `uids` are all registered nodes, judges among them; `owner` is the uid of the owner's node,
    which may weigh itself; `judged` the evidence by service. Raises InputError for uids that occur twice."""
    nodes = tuple(sorted(set(uids)))
    if len(nodes) < len(uids) or len({one.uid for one in judges}) < len(judges):
        raise InputError("A uid occurs twice", "Take the registry of one moment.")
    able = permitted(judges, rules)
    active = [one.stake_nano if one.rows and one.age <= rules.cutoff_epochs else 0 for one in able]
    reached: dict[str, _Reached] = {}
    for service in sorted({service for one in able for service in one.rows}):
        if not rules.shares or service in rules.shares:
            rows = _weights(able, nodes, service, rules, owner)
            held = _held(bonds.get(service), able, nodes)
            reached[service] = _reach(rows, active, held, (judged or {}).get(service), able, nodes, rules)
    markets = _markets(rules, emission_nano, reached)
    stakes = active if any(active) else [one.stake_nano for one in able]
    judging = tuple(one.uid for one in able)
    return Computed(
        emission_nano=emission_nano,
        judges=judging,
        uids=nodes,
        markets=markets,
        payments=_payments(rules, emission_nano, markets, judging, nodes, stakes),
        bonds={service: _kept(judging, nodes, outcome) for service, (outcome, _) in reached.items()},
    )


_Reached: TypeAlias = tuple[Outcome, npt.NDArray[np.bool_] | None]


def _reach(
    rows: Integers,
    active: Sequence[int],
    held: Unsigned | None,
    judged: Evidence | None,
    judges: Sequence[Judge],
    nodes: tuple[int, ...],
    rules: EpochRules,
) -> _Reached:
    """One service's consensus, and whom each validator has judged (rule 1)."""
    if not rules.evidence_epochs:
        return consensus.reach(rows, active, held, rules), None
    if judged is None:
        found = np.zeros_like(rows)
    else:
        found = np.where(rows > 0, judged.placed([one.uid for one in judges], nodes), 0)
    full = evidence.filled(found, active, rules.kappa_ppm)
    full[~rows.any(axis=1)] = 0  # who names nobody in this service does not abstain from it: no minority invents one
    outcome = consensus.reach(full, active, held, rules)
    parts = evidence.covered(found > 0, outcome.rank)
    cut = [dividend * part // ONE for dividend, part in zip(outcome.dividends.tolist(), parts, strict=True)]
    return msgspec.structs.replace(outcome, dividends=np.array(cut, dtype=np.int64)), found > 0


def _weights(judges: Sequence[Judge], nodes: tuple[int, ...], service: str, rules: EpochRules, owner: int) -> Integers:
    """[V, N]: what counts of the rows."""
    columns = np.array(nodes, dtype=np.int64)
    found = np.zeros((len(judges), len(nodes)), dtype=np.int64)
    for number, judge in enumerate(judges):
        row = judge.rows.get(service)
        if row is None or judge.age > rules.cutoff_epochs or not nodes:
            continue
        uids = np.array(row.uids, dtype=np.int64)
        places = np.minimum(np.searchsorted(columns, uids), len(nodes) - 1)
        counts = (columns[places] == uids) & ((uids != judge.uid) | (uids == owner))
        found[number, places[counts]] = np.array(row.values, dtype=np.int64)[counts]
    return found


def _held(bonds: Bonds | None, judges: Sequence[Judge], nodes: tuple[int, ...]) -> Unsigned | None:
    """The last epoch's bonds of those who are here now; of others they are 0."""
    if bonds is None:
        return None
    before = bonds.matrix()
    found = np.zeros((len(judges), len(nodes)), dtype=np.uint32)
    rows, columns = dict(zip(bonds.judges, before, strict=True)), np.array(bonds.uids, dtype=np.int64)
    here = np.isin(np.array(nodes, dtype=np.int64), columns)
    places = np.searchsorted(columns, np.array(nodes, dtype=np.int64)[here])
    for number, judge in enumerate(judges):
        if judge.uid in rows:
            found[number, here] = rows[judge.uid][places]
    return found


def _kept(judges: tuple[int, ...], nodes: tuple[int, ...], outcome: Outcome) -> Bonds:
    ranked = outcome.rank > 0
    uids = tuple(uid for uid, kept in zip(nodes, ranked.tolist(), strict=True) if kept)
    return Bonds(judges=judges, uids=uids, held=outcome.bonds[:, ranked].astype("<u4").tobytes())


def _markets(rules: EpochRules, emission_nano: int, reached: Mapping[str, _Reached]) -> tuple[Market, ...]:
    """Rule 4: each service with its shares of the parts."""
    share = {service: rules.shares.get(service, 1) if one.rank.any() else 0 for service, (one, _) in reached.items()}
    whole = max(1, sum(share.values()))
    for_nodes, for_validators = (emission_nano * ppm // PPM for ppm in (rules.nodes_ppm, rules.validators_ppm))
    return tuple(
        Market(
            service=service,
            outcome=outcome,
            known=known,
            nodes_nano=for_nodes * share[service] // whole,
            validators_nano=for_validators * share[service] // whole,
        )
        for service, (outcome, known) in reached.items()
    )


def _payments(
    rules: EpochRules,
    emission_nano: int,
    markets: tuple[Market, ...],
    judges: tuple[int, ...],
    nodes: tuple[int, ...],
    stakes: Sequence[int],
) -> tuple[Payment, ...]:
    """Rule 5."""
    burnt = emission_nano * rules.burn_ppm // PPM
    parts = emission_nano * rules.nodes_ppm // PPM + emission_nano * rules.validators_ppm // PPM
    paid: list[Payment] = []
    if any(market.nodes_nano or market.validators_nano for market in markets):
        for market in markets:
            ranks, dividends = market.outcome.rank.tolist(), market.outcome.dividends.tolist()
            paid += _divided(market.nodes_nano, ranks, nodes, INCENTIVE, market.service)
            paid += _divided(market.validators_nano, dividends, judges, DIVIDENDS, market.service)
    elif any(stakes) and not rules.evidence_epochs:
        paid += _divided(parts, list(stakes), judges, DIVIDENDS)
    else:
        burnt += parts
    owners = emission_nano - burnt - sum(one.amount_nano for one in paid)
    assert owners >= 0, "no more is paid than is issued"
    paid += [Payment(uid=BURNT, amount_nano=burnt, why=BURN)] if burnt else []
    paid += [Payment(uid=OWNER, amount_nano=owners, why=OWNERS)] if owners else []
    assert sum(one.amount_nano for one in paid) == emission_nano, "an emission is conserved"
    return tuple(paid)


def _divided(amount_nano: int, parts: list[int], uids: tuple[int, ...], why: str, service: str = "") -> list[Payment]:
    """Each its part, rounded down."""
    whole = max(1, sum(parts))
    amounts = ((uid, amount_nano * part // whole) for uid, part in zip(uids, parts, strict=True))
    return [Payment(uid=uid, amount_nano=nano, why=why, service=service) for uid, nano in amounts if nano]

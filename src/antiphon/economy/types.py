"""Values the rules speak of. Money is an integer in nano (10^-9 ANT); ratios are integers in ppm (10^-6).

Integers make every backend, an EVM contract included, compute exactly the same sums.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from antiphon.economy.deterrence import break_even_stake
from antiphon.economy.measurement import Measurement

PPM = 1_000_000
NANO = 1_000_000_000
"""Smallest units in one ANT, the network's token."""
READING_TOLERANCE = 1_000
"""A reading is given in thousandths of its own tolerance: two that differ by more than this do not agree."""
MAX_ROUNDS = 64
"""Most rounds of judgement that one part can have: the length of the chains that its draws open (`beacon.Chain`)."""


class Role(StrEnum):
    """What a node is paid for. A client is whoever opens a task."""

    PROCESSOR = "processor"
    VALIDATOR = "validator"
    TRAINER = "trainer"


class Mode(StrEnum):
    """When the client gets a part's audio: as it is made, or once it is found valid."""

    STREAM = "stream"
    VERIFIED = "verified"


class Verdict(StrEnum):
    """One vote, or the outcome of all. INCONCLUSIVE (could not be measured) and ABSENT (nothing was shown) have no
    score. The outcome of a round is VALID, INVALID or none; most seats ABSENT makes it INVALID.
    """

    VALID = "valid"
    INVALID = "invalid"
    INCONCLUSIVE = "inconclusive"
    ABSENT = "absent"

    @property
    def conclusive(self) -> bool:
        return self in {Verdict.VALID, Verdict.INVALID}


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every number of the economy. The defaults are the network's own profile; docs/economy.md gives the reasons."""

    seats: int = 3  # validators drawn to judge one delivery
    pool: int = 48  # most validators that one part's seats may be drawn from: evidence stays small on a large network
    redraws: int = 1  # fresh draws after a tie or an inconclusive quorum (DESIGN decision 3)
    failovers: int = 2  # further producers after the first one of a part
    price_tolerance_ppm: int = 3 * PPM  # nobody dearer than this multiple of the market's C/Q is shortlisted
    exploration_ppm: int = 50_000  # chance that a part goes to a node with fewer than `newcomer_parts` settled parts
    newcomer_parts: int = 5
    prior_quality_ppm: int = 500_000  # Q of a node nobody has judged yet
    floor_quality_ppm: int = 10_000  # Q never falls below; keeps C/Q finite
    score_alpha_ppm: int = 100_000  # EMA step of the score memory
    punish_score_ppm: int = -100_000  # EMA target after an invalid part (BittAudio punishes towards -0.1)
    penalty_ppm: int = 2 * PPM  # P as a multiple of R
    audit_ppm: int = 400_000  # chance that a round audits a delivery that can be (`economy.audits`); 0 = none
    audit_seen_ppm: int = 900_000  # chance that an audit finds a cheat (docs/figures.md); the penalty follows from both
    dissent_ppm: int = 1 * PPM  # a validator's penalty, as a multiple of its fee, for a vote against a majority
    absent_ppm: int = 100_000  # and for a seat that commits to no vote at all: an honest crash stays cheap
    appeal_s: int = 10  # whoever is fined may ask for a jury so long; fines wait for it. 0 = no appeals
    jury: int = 2  # fewest others of the pool that can judge an appeal
    abstain_ppm: int = 200_000  # share of its seats that a validator may abstain from; more costs weight in the draw
    hold_ppm: int = 20_000  # of R*Q: what a client owes each producer it held for work that it then does not take
    unjudged_ppm: int = 400_000  # of R*Q: paid for a delivery whose client has it not judged; the rest is burnt
    client_share_ppm: int = 250_000  # of a node's stake: the most that one client's open tasks may hold
    score_tolerance_ppm: int = 50_000  # distance from the majority's median at which a fee is 0 (docs/economy.md: why)
    missed_reading_ppm: int = 500_000  # what each reading off the majority's leaves of a fee (decision record 16)
    min_stake_nano: int = 10 * NANO  # less free stake than this: no work
    deliver_s: int = 120  # a producer's time for one part, from its assignment
    draw_s: int = 30  # a client's time to open its link, from delivery: then the seats are drawn
    commit_s: int = 30  # validators' time to judge and commit, from the draw
    live_s: int = 30  # a node silent for longer is not offered (see ledger operation Heartbeat)
    reveal_s: int = 30  # and to reveal, from the last commit or the end of the commit phase
    consent_services: tuple[str, ...] = ("clone",)  # a task of such a service names the consents that it relies on
    max_nodes: int = 20_000  # registrations on one ledger; when it is full, more stake takes the place of less
    candidates: int = 48  # most producers of a role that a task is drawn from: mostly by C/Q
    silent_s: int = 86_400  # a node silent for longer is listed no more, and its place is free
    unbond_s: int = 3_600  # from `Unstake` until the money is free: longer than any task can last
    royalty_ppm: int = 100_000  # of what a producer is paid: for the model it used (`economy.royalty`); 0 = no registry
    voice_ppm: int = 300_000  # of the same: the most that the owners of cloned voices may ask in their consents
    asset_s: int = 7 * 86_400  # how long a commitment to an asset is good, and its money stays where it is

    def __post_init__(self) -> None:
        if self.seats < 1 or self.redraws < 0 or self.failovers < 0:
            raise ValueError("a part needs at least one seat, and no negative number of redraws or failovers")
        if (1 + self.redraws) * (1 + self.failovers) > MAX_ROUNDS:
            raise ValueError(f"a part may need {MAX_ROUNDS} rounds at most: a chain of links has no more")
        if self.pool < self.seats:
            raise ValueError("the pool holds at least one round")
        if not 0 < self.floor_quality_ppm <= self.prior_quality_ppm <= PPM:
            raise ValueError("0 < floor_quality_ppm <= prior_quality_ppm <= 1000000 must hold")
        if self.price_tolerance_ppm < PPM or min(self.penalty_ppm, self.dissent_ppm, self.min_stake_nano) < 0:
            raise ValueError("price_tolerance_ppm must be at least 1000000, penalties and stake not negative")
        self._check_audits()
        self._check_royalties()
        if not 0 <= self.missed_reading_ppm <= PPM:
            raise ValueError("missed_reading_ppm is a share of a fee")
        if self.max_nodes < 1 or self.candidates < 1 + self.seats or min(self.silent_s, self.unbond_s) < 0:
            raise ValueError("max_nodes must be positive, candidates more than the seats, times not negative")
        if not 0 <= self.hold_ppm * (1 + self.failovers) <= PPM:
            raise ValueError("hold_ppm for every producer of a part must fit into the price of one")
        if not 0 <= self.unjudged_ppm <= PPM:
            raise ValueError("unjudged_ppm is a share of a reward")
        if self.appeal_s < 0 or self.jury < 1:
            raise ValueError("appeal_s is not negative, and a jury has at least one member")
        if not (0 <= self.abstain_ppm < PPM and 0 < self.client_share_ppm <= PPM and 0 <= self.absent_ppm <= PPM):
            raise ValueError("abstain_ppm, absent_ppm and client_share_ppm are shares")
        if not all(self.consent_services) or len(set(self.consent_services)) < len(self.consent_services):
            raise ValueError("consent_services names services, each once")

    def _check_royalties(self) -> None:
        if min(self.royalty_ppm, self.voice_ppm, self.asset_s) < 0 or self.royalty_ppm + self.voice_ppm >= PPM:
            raise ValueError("royalty_ppm and voice_ppm are shares, and leave something to who does the work")

    def _check_audits(self) -> None:
        """What an audit finds must cost more than what all unfound cheats earn."""
        if not (0 <= self.audit_ppm <= PPM and 0 < self.audit_seen_ppm <= PPM):
            raise ValueError("audit_ppm is a share, audit_seen_ppm a positive one")
        if self.audit_ppm:
            deterring = break_even_stake(1.0, self.audit_seen_ppm / PPM, rate=self.audit_ppm / PPM)
            if self.penalty_ppm < PPM * deterring:
                raise ValueError(
                    f"audits at {self.audit_ppm} ppm need a penalty_ppm of {PPM * deterring:.0f} at least: audit more "
                    "often, or lock and take more stake (economy.deterrence)"
                )


DEFAULT_RULES = Rules()


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One node's standing terms in one role for one service, as the ledger knows them at this moment."""

    node: str
    role: Role
    price_nano: int  # C, per unit of work
    quality_ppm: int  # Q
    free_stake_nano: int
    settled: int = 0  # parts settled so far; few = a newcomer, to be explored
    load: int = 0  # parts assigned and not yet final
    room_nano: int = 10**18  # of its stake: what the asking client may still have locked
    abstained_ppm: int = 0  # of its last seats: how often it did not give a conclusive vote
    asset: str = ""  # content hash of the model that it says it uses
    lineage: tuple[tuple[str, int, int], ...] = ()  # whom its use pays (`Terms.lineage`)

    def __post_init__(self) -> None:
        if self.price_nano < 0 or not 0 < self.quality_ppm <= PPM:
            raise ValueError(f"{self.node}: price {self.price_nano} nano at quality {self.quality_ppm} ppm is no offer")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One subtask of a task. Equal `phase` = in parallel; a later phase starts when all earlier parts are valid."""

    index: int
    units: int
    role: Role = Role.PROCESSOR
    phase: int = 0


class Terms(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What one node gets for one part: R = ceil(C * units / Q), so that the reward R*Q is its asking price."""

    node: str
    price_nano: int  # R
    quality_ppm: int  # Q when the task was opened
    asset: str = ""  # content hash of the model that it says it uses
    # Asset, level and ppm of all whom the model's use pays (`economy.royalty`), first the asset itself at level 0.
    # Empty: it is not in the ledger's registry.
    lineage: tuple[tuple[str, int, int], ...] = ()
    voices: tuple[tuple[str, int], ...] = ()  # who granted the voices that the task relies on, and the ppm each asks

    @property
    def reward_nano(self) -> int:
        """R * Q, rounded down."""
        return self.price_nano * self.quality_ppm // PPM


class Candidate(Terms, frozen=True, kw_only=True):
    """A validator that may be drawn for a part, and its weight in the draw."""

    weight_nano: int = 1  # free stake when the task was opened, less what abstaining costs (`selection.weight`)


class PartQuote(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of one part. `expected` uses min C/Q per role; `reserve` covers failovers, dearer seats and redraws."""

    index: int
    producer_nano: int  # min over producers of C/Q, times units
    validators_nano: int  # seats * min over validators of C/Q, times units
    reserve_nano: int  # what the escrow holds for this part: never less than any possible payment

    @property
    def expected_nano(self) -> int:
        return self.producer_nano + self.validators_nano


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of a task (spchless, step 2): the sum over roles of min C/Q, and the ceiling the client never exceeds."""

    parts: tuple[PartQuote, ...]

    @property
    def expected_nano(self) -> int:
        return sum(p.expected_nano for p in self.parts)

    @property
    def total_nano(self) -> int:
        return sum(p.reserve_nano for p in self.parts)


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Who may work on one part: producers in order (first, then failovers), and who may be drawn to judge it.

    The seats themselves are drawn after each delivery (`selection.draw_seats`), out of these validators.
    """

    index: int
    producers: tuple[Terms, ...]
    validators: tuple[Candidate, ...]
    reserve_nano: int


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that who did not measure cannot know, while all who measured agree on it.

    `key` says nothing to the economy; `value` is in thousandths of the figure's tolerance (`READING_TOLERANCE`).
    """

    key: str
    value: int


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One validator's judgement. `score_ppm` is None exactly when the verdict is INCONCLUSIVE.

    `readings` show that it measured: a fee shrinks with each that the majority does not share.
    """

    verdict: Verdict
    score_ppm: int | None
    measurements: tuple[Measurement, ...] = ()
    readings: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        if (self.score_ppm is None) == self.verdict.conclusive:
            raise ValueError("a vote has a score exactly when it is conclusive")
        if self.score_ppm is not None and not 0 <= self.score_ppm <= PPM:
            raise ValueError(f"score_ppm {self.score_ppm} is outside 0..{PPM}")
        if len({reading.key for reading in self.readings}) < len(self.readings):
            raise ValueError("a vote gives each reading once")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What all votes of one round say together. `verdict` None = no majority: draw again, then refund."""

    verdict: Verdict | None
    score_ppm: int | None  # median score of the majority
    majority: tuple[str, ...] = ()
    minority: tuple[str, ...] = ()
    abstained: tuple[str, ...] = ()  # inconclusive, not committed, or not revealed
    absent: tuple[str, ...] = ()  # were shown nothing; when these are the most, the delivery is invalid


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money moves from one account to another; the only way it ever moves. Account names: `economy.accounts`."""

    source: str
    target: str
    amount_nano: int
    why: str

    def __post_init__(self) -> None:
        if self.amount_nano <= 0:
            raise ValueError(f"a transfer moves a positive amount, got {self.amount_nano}")


class ScoreEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a node's score memory. `score_ppm` may be negative (punishment)."""

    node: str
    role: Role
    score_ppm: int


class Turnout(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one validator gave a conclusive vote in a seat of its."""

    node: str
    voted: bool


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that follows from one judged delivery, or from a part's end.

    Its transfers out of escrow plus `remaining_nano` (still in escrow, for the next producer) are exactly the reserve.
    """

    transfers: tuple[Transfer, ...]
    scores: tuple[ScoreEvent, ...]
    remaining_nano: int = 0
    turnout: tuple[Turnout, ...] = ()

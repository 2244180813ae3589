"""A strategy, and what it looks at: nodes, clients, deliveries, and rounds of judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from antiphon.economy.consensus import Integers
from antiphon.economy.incentives import Delivery
from antiphon.economy.types import PPM, Offer, Role, Rules, Vote
from antiphon.simulation.measured import Judged


@dataclass(frozen=True, slots=True)
class Work:
    """What a producer delivers. `kind`: a cheat of `measured.counted`, or "" for what sounds like honest work.

    `cost_ppm`: of the cost of making it honestly. `altered`: passes were saved, which only a step audit finds.
    """

    kind: str = ""
    cost_ppm: int = 0
    altered: bool = False


GOOD = Work(cost_ppm=PPM)
FEWER_PASSES = Work(cost_ppm=PPM // 2, altered=True)


@dataclass(slots=True)
class Node:
    """One key in one role. `made` counts its deliveries; money that it spent on work is `spent_nano`."""

    name: str
    strategy: Strategy
    role: Role
    price_nano: int
    machine: str
    quality_ppm: int
    stake_nano: int
    settled: int = 0
    abstained_ppm: int = 0
    load: int = 0
    made: int = 0
    spent_nano: int = 0  # on clients' parts
    probing_nano: int = 0  # on synthetic prompts
    back: int = 0  # the epoch from which on it works
    number: int = 0  # its place in the network, whatever its key is called
    _offer: Offer | None = None

    @property
    def offer(self) -> Offer:
        """As the ledger knows it now."""
        if self._offer is None:
            self._offer = Offer(
                node=self.name,
                role=self.role,
                price_nano=self.price_nano,
                quality_ppm=self.quality_ppm,
                free_stake_nano=self.stake_nano,
                settled=self.settled,
                load=self.load,
                abstained_ppm=self.abstained_ppm,
            )
        return self._offer

    def changed(self) -> None:
        """What the ledger knew of it is out of date."""
        self._offer = None


@dataclass(slots=True)
class Client:
    """Whoever orders. One that was cheated without a refund never comes back."""

    name: str
    strategy: Strategy
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One order, as its producer sees it. `probe`: a validator's synthetic prompt; assume that anybody can tell."""

    client: Client
    probe: bool = False


@dataclass(slots=True)
class Round:
    """One delivery before its seats (and, after an appeal, before its jury)."""

    clip: Delivery
    maker: Node
    seats: Sequence[Node]
    told: Judged | None = None
    """What honest machines find, where it is not what they found of the clip."""
    ears: set[int] = field(default_factory=set)
    """Owners that have listened to this delivery already."""

    def heard(self, seat: Node) -> Vote:
        """The vote of an honest validator on this seat's machine."""
        vote = self.clip.heard[seat.machine]
        return vote if self.told is None else self.told.of(vote)

    def held(self, owner: Strategy) -> int:
        """Seats of this owner."""
        return sum(seat.strategy is owner for seat in self.seats)


class Strategy:
    """Honest: makes what was ordered, listens, votes what it heard, weighs by what it remembers."""

    name: ClassVar[str] = "honest"
    summary: ClassVar[str] = "makes what was ordered, listens, and votes what it heard"
    makes: ClassVar[bool] = True
    judges: ClassVar[bool] = True
    shares_ears: ClassVar[bool] = False
    """Whether one listener serves all of its keys."""
    probes: ClassVar[bool] = True
    """Whether its validators order synthetic prompts themselves."""
    orders: ClassVar[bool] = False
    """Whether it orders, too."""
    lifts_ppm: ClassVar[int] = 0
    """So much more its validators say of its own producers' good work than they heard."""
    split: ClassVar[bool] = False
    """Whether its honest twin would hold all of its validators' stake by a single key."""

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002 - an honest node looks at neither
        """What is delivered, None for nothing."""
        return GOOD

    def vote(self, seat: Node, round_: Round) -> Vote | None:
        """None: something was committed that can never be revealed."""
        return round_.heard(seat)

    def listening(self, seat: Node, round_: Round) -> int:  # noqa: ARG002 - an honest validator always listens
        """Share of the cost of judging that this seat has, ppm."""
        return PPM

    def appeals(self, view: Round) -> bool:  # noqa: ARG002 - an honest validator means what it votes
        """Whether a fined seat that is sure of its vote asks the rest of the pool."""
        return True

    def renews(self, node: Node, rules: Rules) -> bool:  # noqa: ARG002 - an honest node keeps its key
        """Whether to throw this key away now."""
        return False

    def leaves(self, job: Job) -> bool:  # noqa: ARG002 - an honest client takes its work
        """As a client: whether to cancel as soon as the part is opened."""
        return False

    def drops_draw(self, maker: Node) -> bool:  # noqa: ARG002 - an honest ledger passes everything on
        """As the ledger's operator: whether to keep a client's opened link back until the deadline."""
        return False

    def weigh(self, own: Integers, mine: Integers, told: Integers | None) -> Integers:  # noqa: ARG002 - nor copies
        """One validator's row [N]: `own` by its own memory, `mine` where its owner's nodes are, `told` what the others'
        last revealed rows agreed on."""
        return own

"""Strategies as small classes. `rounds.Strategy` is honest in everything; a cheat overrides the one thing it does
otherwise.

All nodes of one strategy belong to one owner: they know each other, and lend each other their ears. Each sees all that
a node sees in the real protocol: a producer knows the order and its own past, not the seats to come; a seat knows the
delivery, the panel and (if it is in league with the producer) the truth.
"""

from __future__ import annotations

import msgspec
import numpy as np

from antiphon.economy.consensus import Integers
from antiphon.economy.types import PPM, Rules, Verdict, Vote
from antiphon.plugins import unknown
from antiphon.simulation.rounds import FEWER_PASSES, GOOD, Job, Node, Round, Strategy, Work

REPLAYED, SILENCE, OTHERS = "replayed audio", "silence", "somebody else's result"


class Lazy(Strategy):
    """Judges nothing, and votes as somebody would who predicts every reading twice as well as our best regression."""

    name = "lazy"
    summary = "votes without listening, by the best guesses of all readings that we know"
    makes = False
    way: str = "better guesser"

    def vote(self, seat: Node, round_: Round) -> Vote | None:  # noqa: ARG002 - guesses by the order alone
        return round_.clip.guessed[self.way]

    def listening(self, seat: Node, round_: Round) -> int:  # noqa: ARG002
        return 0

    def appeals(self, view: Round) -> bool:  # noqa: ARG002
        return False


class ResultCopier(Strategy):
    name = "result-copier"
    summary = "delivers another's earlier result as its own"
    judges = False

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return Work(kind=OTHERS)


class WeightCopier(Strategy):
    name = "weight-copier"
    summary = "sits in rounds, but orders no prompts, and sets the weights that the others revealed an epoch ago"
    makes = False
    probes = False

    def weigh(self, own: Integers, mine: Integers, told: Integers | None) -> Integers:  # noqa: ARG002
        return own if told is None else told


class Sybil(Strategy):
    name = "sybil"
    summary = "one owner's stake in many keys, as if they were many, behind one machine that listens once"
    makes = False
    shares_ears = True
    split = True


class Whitewasher(Strategy):
    name = "whitewasher"
    summary = "delivers rubbish, and takes a new key when its name is worse than none"
    judges = False

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return Work(kind=REPLAYED)

    def renews(self, node: Node, rules: Rules) -> bool:
        return node.quality_ppm < rules.prior_quality_ppm


class OneInTwenty(Strategy):
    name = "one-in-twenty"
    summary = "makes one delivery of twenty with half of the passes, which nobody can hear"
    judges = False
    every: int = 20

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return FEWER_PASSES if node.made % self.every == self.every - 1 else GOOD


class League(Strategy):
    name = "league"
    summary = "a producer of silence, and validators that call it good where they hold the panel"
    shares_ears = True
    score_like_honest: bool = True
    """Votes with the score that honest seats give, so that the outvoted take it for a borderline case."""

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return Work(kind=SILENCE)

    def vote(self, seat: Node, round_: Round) -> Vote | None:
        true = round_.heard(seat)
        if round_.maker.strategy is not self or 2 * round_.held(self) <= len(round_.seats):
            return true
        score = true.score_ppm if self.score_like_honest else round_.clip.heard[seat.machine].score_ppm
        return msgspec.structs.replace(true, verdict=Verdict.VALID, score_ppm=score or 0)

    def appeals(self, view: Round) -> bool:
        return view.maker.strategy is not self


class GriefingClient(Strategy):
    name = "griefing-client"
    summary = "opens parts and cancels them at once, to hold others' stake and time"
    makes = judges = False
    orders = True

    def leaves(self, job: Job) -> bool:
        return job.client.strategy is self


class SelfDealer(Strategy):
    name = "self-dealer"
    summary = "orders from itself, and its validators give all weight to its own nodes"
    orders = True

    def weigh(self, own: Integers, mine: Integers, told: Integers | None) -> Integers:  # noqa: ARG002
        return mine if mine.any() else own


class WeightInflator(Strategy):
    """What counts of a row is its evidence, so this changes nothing. Where rows count as declared, it pays."""

    name = "weight-inflator"
    summary = "is honest, but its validators weigh its own producers a fifth higher than they remember"
    by_ppm: int = 1_200_000

    def weigh(self, own: Integers, mine: Integers, told: Integers | None) -> Integers:  # noqa: ARG002
        return np.where(mine > 0, own * self.by_ppm // PPM, own)


class VoteInflator(Strategy):
    """What is left to who would lift its own nodes' weights: the votes that they follow from."""

    name = "vote-inflator"
    summary = "is honest, but its validators vote its own producers half a tolerance higher than they heard"
    lifts_ppm = 25_000

    def vote(self, seat: Node, round_: Round) -> Vote | None:
        heard = round_.heard(seat)
        if round_.maker.strategy is not self or heard.verdict is not Verdict.VALID or heard.score_ppm is None:
            return heard
        return msgspec.structs.replace(heard, score_ppm=min(PPM, heard.score_ppm + self.lifts_ppm))


class FreeRider(Strategy):
    name = "free-rider"
    summary = "serves synthetic prompts, which it recognises, and delivers nothing to clients"
    judges = False

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return GOOD if job.probe else None


class SilentRelay(Strategy):
    name = "silent-relay"
    summary = "the ledger's operator, who owns producers of silence and drops the client's draw until the deadline"
    judges = False

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return GOOD if job.probe else Work(kind=SILENCE)  # the operator knows whom a validator vouched for

    def drops_draw(self, maker: Node) -> bool:
        return maker.strategy is self


class BaitAndSwitch(Strategy):
    name = "bait-and-switch"
    summary = "earns a name with thirty good parts, then saves half of the passes for ever"
    judges = False
    after: int = 30

    def make(self, job: Job, node: Node) -> Work | None:  # noqa: ARG002
        return GOOD if node.made < self.after else FEWER_PASSES


STRATEGIES: dict[str, type[Strategy]] = {
    kind.name: kind
    for kind in (
        Strategy,
        Lazy,
        ResultCopier,
        WeightCopier,
        Sybil,
        Whitewasher,
        OneInTwenty,
        League,
        GriefingClient,
        SelfDealer,
        WeightInflator,
        VoteInflator,
        FreeRider,
        SilentRelay,
        BaitAndSwitch,
    )
}
DISHONEST = tuple(name for name in STRATEGIES if name != Strategy.name)


def strategy(name: str) -> Strategy:
    """A new owner with this strategy. Raises `InputError` with the nearest name."""
    if name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    return STRATEGIES[name]()

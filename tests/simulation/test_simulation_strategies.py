"""What each strategy does, and what one of its rounds comes to by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from antiphon.economy import accounts
from antiphon.economy.appeal import bond
from antiphon.economy.incentives import Delivery
from antiphon.economy.types import DEFAULT_RULES, PPM, Assignment, Candidate, Reading, Role, Rules, Terms, Verdict, Vote
from antiphon.errors import InputError
from antiphon.nodes import appealing
from antiphon.simulation import measured, playing
from antiphon.simulation.balances import Balances
from antiphon.simulation.playing import Play
from antiphon.simulation.rounds import FEWER_PASSES, GOOD, Client, Job, Node, Round, Strategy
from antiphon.simulation.strategies import DISHONEST, STRATEGIES, OneInTwenty, VoteInflator, strategy

R, FEE, STAKE = 1_000, 100, 10**9
MAKING, LISTENING = 500, 20


def node(name: str, who: Strategy, role: Role = Role.VALIDATOR) -> Node:
    price = R if role is Role.PROCESSOR else FEE
    return Node(
        name=name, strategy=who, role=role, price_nano=price, machine="usual", quality_ppm=PPM, stake_nano=STAKE
    )


class Table:
    """One part of one unit at Q = 1: a producer that gets 1,000, validators that get 100 each."""

    def __init__(
        self, maker: Strategy, judges: list[Strategy], *, spare: Strategy | None = None, rules: Rules = DEFAULT_RULES
    ) -> None:
        makers = [node("maker", maker, Role.PROCESSOR)] + ([node("spare", spare, Role.PROCESSOR)] if spare else [])
        seats = [node(f"v{n}", who) for n, who in enumerate(judges)]
        self.nodes = {one.name: one for one in (*makers, *seats)}
        self.balances = Balances()
        for one in self.nodes.values():
            self.balances.issue(accounts.stake(one.name), STAKE)
        self.play = Play(self.nodes, self.balances, rules, (MAKING, LISTENING), random.Random(1))
        self.opened = Assignment(
            index=0,
            producers=tuple(Terms(node=one.name, price_nano=R, quality_ppm=PPM) for one in makers),
            validators=tuple(Candidate(node=one.name, price_nano=FEE, quality_ppm=PPM) for one in seats),
            reserve_nano=R + len(makers) * 3 * FEE,
        )
        self.client = Client("client", Strategy())

    def part(self, task: str = "t") -> None:
        self.play.part(task, self.client, self.opened, 1)
        self.balances.check()

    def net(self, name: str) -> int:
        """Of one node, in nano: money and what is left of its stake, less its costs."""
        held = self.balances.nano[accounts.balance(name)] + self.balances.nano[accounts.stake(name)] - STAKE
        return held - self.nodes[name].spent_nano

    def paid(self) -> int:
        """By the client, in nano."""
        return self.balances.issued["balance:client"] - self.balances.nano["balance:client"]


@pytest.fixture(autouse=True)
def one_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip that honest machines score .9, of whose three readings the guesser knows one."""
    heard, guessed = vote(1_000, 20_000, 40_000), vote(1_000, 70_000, 90_000)
    clip = Delivery(heard={"usual": heard}, guessed={"better guesser": guessed})
    monkeypatch.setattr(playing.measured, "clips", lambda: (clip,))


def vote(*values: int) -> Vote:
    readings = tuple(Reading(key=f"r{n}", value=value) for n, value in enumerate(values))
    return Vote(verdict=Verdict.VALID, score_ppm=900_000, readings=readings)


def honest(count: int) -> list[Strategy]:
    return [Strategy() for _ in range(count)]


def test_honest_work_earns_its_reward_and_its_fees() -> None:
    table = Table(Strategy(), honest(3))
    table.part()
    assert table.net("maker") == R - MAKING
    assert [table.net(f"v{n}") for n in range(3)] == 3 * [FEE - LISTENING]
    assert table.paid() == R + 3 * FEE


def test_lazy_keeps_a_half_for_each_reading_that_it_misses_and_listens_to_nothing() -> None:
    table = Table(Strategy(), [strategy("lazy"), *honest(2)])
    table.part()
    assert table.net("v0") == FEE // 4
    assert table.net("v1") == FEE - LISTENING


@pytest.mark.parametrize("name", ["result-copier", "whitewasher"])
def test_rubbish_costs_two_rewards_and_the_client_nothing(name: str) -> None:
    table = Table(strategy(name), honest(3))
    table.part()
    assert table.net("maker") == -2 * R
    assert table.paid() == 0  # three fees, which come back out of the penalty
    assert table.balances.nano["burnt"] == 2 * R - 3 * FEE


def test_a_whitewasher_renews_below_the_prior_and_not_above() -> None:
    one = node("maker", strategy("whitewasher"))
    one.quality_ppm = DEFAULT_RULES.prior_quality_ppm
    assert not one.strategy.renews(one, DEFAULT_RULES)
    one.quality_ppm -= 1
    assert one.strategy.renews(one, DEFAULT_RULES)
    assert not Strategy().renews(one, DEFAULT_RULES)


def test_one_in_twenty_saves_half_of_the_passes_once_in_twenty() -> None:
    one = node("maker", strategy("one-in-twenty"), Role.PROCESSOR)
    made = []
    for one.made in range(40):
        made.append(one.strategy.make(Job(Client("c", Strategy())), one))
    assert [place for place, work in enumerate(made) if work is FEWER_PASSES] == [19, 39]
    assert made.count(GOOD) == 38


def test_passes_that_were_saved_are_found_as_often_as_rounds_audit() -> None:
    """Of 400 cheats .4 x .9 are found: +500 saved of 1,000 - 250 each that passes, -2,250 each that does not."""
    table = Table(OneInTwenty(), honest(3))
    table.nodes["maker"].strategy.every = 1  # type: ignore[attr-defined]
    for task in range(400):
        table.part(str(task))
    passed = table.play.counts.passed
    assert abs((400 - passed) / 400 - 0.36) < 0.06
    assert table.net("maker") == passed * (R - MAKING // 2) - (400 - passed) * (2 * R + MAKING // 2)
    assert table.net("maker") < 400 * (R - MAKING)


def test_a_league_that_holds_the_panel_is_paid_and_the_outvoted_is_fined() -> None:
    league = strategy("league")
    table = Table(league, [league, league, Strategy()])
    table.part()
    assert table.net("maker") == R
    assert table.net("v2") == -FEE - LISTENING
    assert table.paid() == R + 2 * FEE
    assert table.net("v0") + table.net("v1") == 2 * FEE - LISTENING, "one listens for both"


def test_a_league_without_the_panel_votes_with_the_others_and_its_producer_pays() -> None:
    league = strategy("league")
    table = Table(league, [league, Strategy(), Strategy()])
    table.part()
    assert table.net("maker") == -2 * R
    assert table.net("v0") == FEE - LISTENING


def test_an_appeal_to_the_pool_undoes_the_league_that_is_far_off() -> None:
    """The honest seat finds silence 0, the league says what it would say of the true clip: 4 tolerances apart."""
    league = strategy("league")
    league.score_like_honest = False  # type: ignore[attr-defined]
    table = Table(league, [league, league, *honest(9)])
    table.opened = Assignment(
        index=0,
        producers=table.opened.producers,
        validators=tuple(
            Candidate(node=one.node, price_nano=FEE, quality_ppm=PPM, weight_nano=1) for one in table.opened.validators
        ),
        reserve_nano=table.opened.reserve_nano,
    )
    for task in range(60):
        table.part(str(task))
    assert table.play.counts.appeals > 0
    assert table.play.counts.overturned == table.play.counts.appeals
    assert table.play.counts.passed == 0
    assert bond([table.opened.validators[0]]) == FEE


def test_with_the_honest_score_a_league_is_not_appealed() -> None:
    league = strategy("league")
    table = Table(league, [league, league, *honest(9)])
    for task in range(60):
        table.part(str(task))
    assert table.play.counts.passed > 0
    assert table.play.counts.appeals == 0


def test_rows_of_validators_that_do_not_say_what_they_remember() -> None:
    own, mine, told = np.array([500, 300, 200]), np.array([0, 1, 0]), np.array([1, 2, 7])
    assert strategy("weight-copier").weigh(own, mine, told) is told
    assert strategy("weight-copier").weigh(own, mine, None) is own
    assert strategy("self-dealer").weigh(own, mine, told) is mine
    assert strategy("weight-inflator").weigh(own, mine, told).tolist() == [500, 360, 200]
    assert Strategy().weigh(own, mine, told) is own


def test_a_vote_that_is_lifted_costs_half_of_the_fee_and_lifts_nothing_alone() -> None:
    """25,000 ppm from the others' score are half of the tolerance; the median stays theirs."""
    owner = VoteInflator()
    table = Table(owner, [owner, *honest(2)])
    table.part()
    assert table.net("v0") == FEE // 2 - LISTENING
    plain = Table(Strategy(), honest(3))
    plain.part()
    assert table.nodes["maker"].quality_ppm == plain.nodes["maker"].quality_ppm
    other = Table(Strategy(), [owner, *honest(2)])
    other.part()
    assert other.net("v0") == FEE - LISTENING


def test_many_keys_of_one_owner_listen_once() -> None:
    owner = strategy("sybil")
    table = Table(Strategy(), [owner, owner, Strategy()])
    table.part()
    assert sorted(table.net(f"v{n}") for n in range(3)) == [FEE - LISTENING, FEE - LISTENING, FEE]


def test_a_client_that_leaves_at_once_pays_a_fiftieth_to_each_producer_it_held() -> None:
    client = strategy("griefing-client")
    table = Table(Strategy(), honest(3), spare=Strategy())
    table.client = Client("client", client)
    table.part()
    assert table.paid() == 2 * R // 50
    assert table.net("maker") == table.net("spare") == R // 50
    assert table.play.counts.held_nano == 2 * 2 * R


def test_a_free_rider_answers_prompts_and_leaves_clients_to_others() -> None:
    rider = strategy("free-rider")
    table = Table(rider, honest(3), spare=Strategy())
    table.part()
    assert table.net("maker") == 0
    assert table.net("spare") == R - MAKING
    assert rider.make(Job(table.client, probe=True), table.nodes["maker"]) is GOOD


def test_a_ledger_that_drops_the_draw_pays_its_own_producer_less_than_honest_work_and_loses_the_client() -> None:
    relay = strategy("silent-relay")
    table = Table(relay, honest(3))
    table.play.operator = relay
    table.part()
    assert table.net("maker") == R * 4 // 10 < R - MAKING
    assert table.paid() == R + 3 * FEE  # judging is paid, too: the rest of its fees is burnt
    assert [table.net(f"v{n}") for n in range(3)] == 3 * [FEE // 50]
    assert table.client.gone


def test_bait_and_switch_is_honest_until_it_has_a_name() -> None:
    one = node("maker", strategy("bait-and-switch"), Role.PROCESSOR)
    job = Job(Client("c", Strategy()))
    one.made = 29
    assert one.strategy.make(job, one) is GOOD
    one.made = 30
    assert one.strategy.make(job, one) is FEWER_PASSES


def test_programs_appeal_as_the_simulation_says() -> None:
    assert playing.SURE == appealing.SURE


def test_every_cheat_that_is_delivered_was_measured() -> None:
    for name in DISHONEST:
        one = node("maker", strategy(name), Role.PROCESSOR)
        work = one.strategy.make(Job(Client("c", Strategy())), one)
        assert work is None or not work.kind or measured.counted().cheats[work.kind]
    for name in ("silence", "replayed audio"):
        assert {one.verdict for one in measured.counted().cheats[name]} == {Verdict.INVALID}


def test_unknown_strategies_are_told_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean league"):
        strategy("leage")
    assert len(STRATEGIES) == 15


def test_a_round_counts_the_seats_of_one_owner() -> None:
    league = strategy("league")
    view = Round(clip=measured.clips()[0], maker=node("m", league), seats=[node("a", league), node("b", Strategy())])
    assert view.held(league) == 1

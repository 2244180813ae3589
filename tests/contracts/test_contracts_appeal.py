"""Appeals: a larger jury decides to the unit of the pure economy; every state ends, by a stranger's hand."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections import Counter
from collections.abc import Mapping, Sequence

from contracts_appeals import Dispute, decided, jurors_of
from contracts_deployed import ANT, APPEAL_TERMS, EPOCH_S, pass_time
from contracts_economy import NUMBERS
from contracts_gas import Meter
from contracts_signed import Assignment, seat_word
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from test_contracts_quorum import BAD, FEES, GOOD, REWARD, UNSHOWN, UNSURE, World

from antiphon.economy.types import Vote

APPEAL_S, DRAW_S, COMMIT_S, REVEAL_S = APPEAL_TERMS
HELD, DRAWING, COMMIT, REVEAL, OVER = 1, 2, 3, 4, 5
SALT = keccak(b"salt")
VALIDATORS = 9


class Court(World):
    """A quorum whose panel is three of nine validators with different stakes; all of them trust both contracts."""

    def __init__(self, validators: int = VALIDATORS) -> None:
        super().__init__(seats=validators)
        for number, key in enumerate(self.validators):
            if number % 3:
                self.token.transfer(key.address, 100 * ANT)
                self.registry.stake((number % 3) * 40 * ANT, sender=key.address)
        for key in (self.producer, *self.validators):
            self.registry.trust(self.appeal.address, True, sender=key.address)
        boa.env.time_travel(seconds=EPOCH_S)
        self.nodes = [key.address for key in (self.producer, *self.validators)]

    def dispute(
        self, votes: Sequence[Vote], panel: Sequence[int] = (0, 1, 2), fees: Sequence[int] = FEES
    ) -> Dispute | None:
        """A part that these validators have judged so."""
        keys = [self.validators[n] for n in panel]
        seats = tuple(seat_word(key.address, fee) for key, fee in zip(keys, fees, strict=True))
        given = Assignment(self.session(), 0, self.producer.address, REWARD, boa.env.timestamp + 600, seats)
        ballots = [
            given.ballot(n, key, vote, self.domain) for n, (key, vote) in enumerate(zip(keys, votes, strict=True))
        ]
        case = given.case(given.signed(self.client, self.domain), given.signed(self.producer, self.domain), ballots)
        self.quorum.settle(case)
        return Dispute.last(self.appeal, self.quorum)

    def drawn(self, dispute: Dispute) -> list[str]:
        pass_time(blocks=4, seconds=4)
        assert self.appeal.draw(*dispute.what, sender=boa.env.generate_address())
        (log,) = [one for one in self.appeal.get_logs() if type(one).__name__ == "Drawn"]
        return [str(node) for node in log.tickets]

    def commit(self, dispute: Dispute, tickets: Sequence[str], juror: str, vote: Vote, salt: bytes = SALT) -> None:
        bound = self.appeal.commitment_of(dispute.id, juror, NUMBERS[vote.verdict], vote.score_ppm or 0, salt)
        self.appeal.commit(*dispute.what, tickets, tickets.index(juror), bound, sender=juror)

    def reveal(self, dispute: Dispute, juror: str, vote: Vote, salt: bytes = SALT) -> None:
        number, score = NUMBERS[vote.verdict], vote.score_ppm or 0
        self.appeal.reveal(dispute.market, dispute.reference, number, score, salt, sender=juror)

    def state(self, dispute: Dispute) -> int:
        return self.appeal.disputes(dispute.id).state

    def fined(self, dispute: Dispute) -> list[str]:
        held = dispute.held
        found = [str(node) for node, fine in zip(held.seats, held.fines, strict=True) if fine]
        return found + ([str(held.producer)] if held.penalty else [])

    def wealth(self) -> tuple[Counter[str], Counter[str], int]:
        stakes = Counter({node: self.registry.nodes(node).stake for node in self.nodes})
        people = (*self.nodes, self.client.address)
        return stakes, Counter({node: self.registry.claims(node) for node in people}), self.registry.burnt()

    def nothing_locked(self) -> None:
        """What the appeal has locked is free again, and what it was handed is a bond again."""
        for node in self.nodes:
            assert self.registry.locks(self.appeal.address, node) == 0
            assert self.registry.locks(self.quorum.address, node) == self.quorum.bonds(node)
            assert self.registry.nodes(node).locked == self.quorum.bonds(node)


@pytest.fixture(scope="module")
def built():
    with boa.env.anchor():
        yield Court()


@pytest.fixture
def court(built):
    with boa.env.anchor():
        built.bond(20 * ANT)
        yield built


def hear(court: Court, dispute: Dispute, votes: Mapping[int, tuple[Vote, bool]], appellant: str) -> list[str]:
    """A whole appeal: `votes` by place among the jurors, and whether each is revealed. Returns the tickets."""
    court.appeal.appeal(*dispute.what, sender=appellant)
    tickets = court.drawn(dispute)
    jurors = jurors_of(dispute.held, tickets)
    cast = {jurors[n]: one for n, one in votes.items() if n < len(jurors)}
    for juror, (vote, _) in cast.items():
        court.commit(dispute, tickets, juror, vote)
    if court.state(dispute) == COMMIT:
        boa.env.time_travel(seconds=COMMIT_S + 1)
    for juror, (vote, revealed) in cast.items():
        if revealed:
            court.reveal(dispute, juror, vote)
    if not cast or not all(revealed for _, revealed in cast.values()):
        boa.env.time_travel(seconds=REVEAL_S + 1)
    court.appeal.settle(*dispute.what, tickets, sender=boa.env.generate_address())
    return tickets


JUROR = st.one_of(st.none(), st.tuples(st.sampled_from([GOOD, GOOD, BAD, BAD, UNSURE, UNSHOWN]), st.booleans()))
PANELS = [[GOOD, GOOD, BAD], [BAD, BAD, GOOD], [BAD, BAD, BAD], [GOOD, BAD, GOOD], [BAD, UNSURE, BAD]]


@settings(max_examples=20, deadline=None)
@given(
    panel=st.sampled_from(PANELS),
    seated=st.permutations(range(VALIDATORS)).map(lambda order: sorted(order[:3])),
    bonds=st.sampled_from([20 * ANT, FEES[0], 0]),
    jury=st.lists(JUROR, min_size=6, max_size=6),
    fees=st.sampled_from([FEES, (0, 1, 7), (0, 0, 0)]),
)
def test_an_appeal_moves_what_the_pure_economy_says(built, panel, seated, bonds, jury, fees) -> None:
    with boa.env.anchor():
        court = built
        if bonds:
            court.bond(bonds)
        dispute = court.dispute(panel, seated, fees)
        if dispute is None:
            assert not any(fees), "nobody is fined only where nothing is at stake"
            return
        before = court.wealth()
        appellant = court.fined(dispute)[0]
        votes = {n: vote for n, vote in enumerate(jury) if vote}
        tickets = hear(court, dispute, votes, appellant)
        jurors = jurors_of(dispute.held, tickets)
        told = {jurors[n]: vote if shown else None for n, (vote, shown) in votes.items() if n < len(jurors)}
        expected = decided(dispute.held, tickets, told, appellant)
        stakes, claims, burnt = court.wealth()
        assert before[0] - stakes == +expected.taken
        assert claims - before[1] == +expected.given
        assert burnt - before[2] == expected.burnt
        (log,) = [one for one in court.appeal.get_logs() if type(one).__name__ == "Decided"]
        assert log.overturned is expected.overturned
        court.nothing_locked()


def test_a_cartel_that_held_the_panel_pays_and_the_honest_are_made_whole(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    honest = court.validators[2].address
    before = court.wealth()
    hear(court, dispute, dict.fromkeys(range(6), (BAD, True)), honest)
    stakes, claims, _ = court.wealth()
    assert stakes[honest] == before[0][honest], "its bond and its fine are its own again"
    assert claims[honest] == FEES[2]
    assert claims[court.client.address] == REWARD + sum(FEES[:2]), "the client's whole cost"
    assert before[0][court.producer.address] - stakes[court.producer.address] == 2 * REWARD
    assert [before[0][key.address] - stakes[key.address] for key in court.validators[:2]] == [2 * FEES[0], 2 * FEES[1]]


def test_an_appeal_that_nobody_hears_costs_one_fee_and_the_fines(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    before = court.wealth()
    hear(court, dispute, {}, court.validators[2].address)
    stakes, _, burnt = court.wealth()
    assert before[0] - stakes == Counter({court.validators[2].address: 2 * FEES[2]})
    assert burnt - before[2] == 2 * FEES[2]


# Who may, and when


def test_only_who_is_fined_may_appeal_once_and_in_time(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    for stranger in (court.validators[0].address, court.producer.address, boa.env.generate_address()):
        with boa.reverts("appeal: not fined"):
            court.appeal.appeal(*dispute.what, sender=stranger)
    fined = court.validators[2].address
    with boa.env.anchor():
        boa.env.time_travel(seconds=APPEAL_S + 1)
        with boa.reverts("appeal: too late"):
            court.appeal.appeal(*dispute.what, sender=fined)
        dispute.lapse()
        with boa.reverts("appeal: wrong state"):
            court.appeal.settle(*dispute.what, [])
    with boa.reverts("appeal: too early"):
        court.appeal.settle(*dispute.what, [])
    court.appeal.appeal(*dispute.what, sender=fined)
    with boa.reverts("appeal: wrong state"):
        court.appeal.appeal(*dispute.what, sender=fined)


def test_what_is_given_again_is_what_is_held(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    richer = dispute.held._replace(client=court.mallory.address)
    with boa.reverts("appeal: not what is held"):
        court.appeal.appeal(dispute.market, dispute.reference, richer, sender=court.validators[2].address)
    boa.env.time_travel(seconds=APPEAL_S + 1)
    with boa.reverts("appeal: not what is held"):
        court.appeal.settle(dispute.market, dispute.reference, richer, [])
    with boa.reverts("appeal: wrong state"):
        court.appeal.settle(dispute.market, dispute.reference + 1, dispute.held, [])


def test_what_a_market_is_not_owed_is_not_carried_out(court) -> None:
    """Anybody may call itself a market; its disputes reach nobody's stake, and no juror is bound by its numbers."""
    dispute = court.dispute([GOOD, GOOD, BAD])
    mallory = court.mallory.address
    with boa.reverts("quorum: not the appeal"):
        court.quorum.carry_out(court.producer.address, 1, mallory, 1, 0, sender=mallory)
    victim = court.validators[2].address
    court.appeal.hold(1, dispute.held, sender=mallory)
    court.appeal.appeal(mallory, 1, dispute.held, sender=victim)
    tickets = court.drawn(Dispute(court.appeal, mallory, 1, dispute.held))
    juror = jurors_of(dispute.held, tickets)[0]
    with boa.reverts("appeal: market not trusted"):
        court.appeal.commit(mallory, 1, dispute.held, tickets, tickets.index(juror), SALT, sender=juror)


# The jury


def test_tickets_are_what_the_block_and_the_stake_tree_say(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    court.appeal.appeal(*dispute.what, sender=court.validators[2].address)
    for blocks in (0, 1, 1):
        pass_time(blocks=blocks, seconds=0)
        with boa.reverts("appeal: the block is not there yet"):
            court.appeal.draw(*dispute.what)
    anchor = court.appeal.disputes(dispute.id).anchor
    tickets = court.drawn(dispute)
    seed = keccak(encode(["bytes32", "address", "bytes32"], [block_hash(anchor + 2), court.appeal.address, dispute.id]))
    assert [str(node) for node in court.registry.sample(seed, 48)] == tickets
    juror, stranger = jurors_of(dispute.held, tickets)[0], court.mallory.address
    for place, who in ((tickets.index(juror), stranger), (tickets.index(dispute.held.seats[0]), dispute.held.seats[0])):
        with boa.reverts("appeal: not a juror"):
            court.appeal.commit(*dispute.what, tickets, place, SALT, sender=str(who))
    forged = [stranger, *tickets[1:]]
    with boa.reverts("appeal: not the jury"):
        court.appeal.commit(*dispute.what, forged, 0, SALT, sender=stranger)
    boa.env.time_travel(seconds=COMMIT_S + 1)
    for others in (forged, [], tickets[::-1]):
        with boa.reverts("appeal: not the jury"):
            court.appeal.settle(*dispute.what, others)


def test_a_block_that_the_chain_forgot_draws_nobody(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    court.appeal.appeal(*dispute.what, sender=court.validators[2].address)
    pass_time(blocks=300, seconds=10)
    assert not court.appeal.draw(*dispute.what)
    assert court.state(dispute) == DRAWING
    assert len(court.drawn(dispute)) == 48


def test_a_vote_is_the_jurors_own_and_cast_once(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    court.appeal.appeal(*dispute.what, sender=court.validators[2].address)
    tickets = court.drawn(dispute)
    first, second, *_ = jurors_of(dispute.held, tickets)
    court.commit(dispute, tickets, first, BAD)
    with boa.reverts("appeal: committed already"):
        court.commit(dispute, tickets, first, GOOD)
    with boa.reverts("appeal: empty commitment"):
        court.appeal.commit(*dispute.what, tickets, tickets.index(second), (1).to_bytes(32, "big"), sender=second)
    copied = court.appeal.vote_of(dispute.id, first)
    court.appeal.commit(*dispute.what, tickets, tickets.index(second), copied, sender=second)
    with boa.reverts("appeal: wrong state"):
        court.reveal(dispute, first, BAD)
    boa.env.time_travel(seconds=COMMIT_S + 1)
    with boa.reverts("appeal: not the committed vote"):
        court.reveal(dispute, second, BAD)
    with boa.reverts("appeal: not the committed vote"):
        court.reveal(dispute, first, GOOD)
    court.reveal(dispute, first, BAD)
    with boa.reverts("appeal: not the committed vote"):
        court.reveal(dispute, first, BAD)
    boa.env.time_travel(seconds=REVEAL_S - 2)
    with boa.reverts("appeal: too early"):
        court.appeal.settle(*dispute.what, tickets)


@pytest.mark.parametrize("reached", ["held", "appealed", "drawn", "one committed", "all committed", "one revealed"])
def test_every_state_ends_by_its_deadline(court, reached: str) -> None:
    steps = ["held", "appealed", "drawn", "one committed", "all committed", "one revealed"]
    at = steps.index(reached)
    dispute, tickets = court.dispute([BAD, BAD, GOOD]), []
    if at >= 1:
        court.appeal.appeal(*dispute.what, sender=court.producer.address)
    if at >= 2:
        tickets = court.drawn(dispute)
        jurors = jurors_of(dispute.held, tickets)
        for juror in jurors[: (0, 1, len(jurors), len(jurors))[at - 2]]:
            court.commit(dispute, tickets, juror, GOOD)
        assert court.state(dispute) == (REVEAL if at >= 4 else COMMIT)
        if at == 5:
            court.reveal(dispute, jurors[0], GOOD)
    tries = 0
    while court.state(dispute) != OVER:
        with boa.reverts("appeal: too early"):
            court.appeal.settle(*dispute.what, tickets)
        boa.env.time_travel(seconds=APPEAL_S if at == 0 else DRAW_S)
        tries += 1
        boa.env.time_travel(seconds=1)
        court.appeal.settle(*dispute.what, tickets, sender=boa.env.generate_address())
    assert tries == 1
    court.nothing_locked()


def test_stake_under_an_appeal_is_not_withdrawn(court) -> None:
    dispute = court.dispute([GOOD, GOOD, BAD])
    court.quorum.leave(sender=court.validators[0].address)
    boa.env.time_travel(seconds=7 * 86_400)
    court.quorum.release(court.validators[0].address)
    locked = court.registry.nodes(court.validators[0].address).locked
    assert locked == dispute.held.locks[0] == 2 * FEES[0]
    dispute.lapse()
    assert court.quorum.bonds(court.validators[0].address) == 2 * FEES[0], "what is left is a bond again"


def test_the_largest_appeal_fits_into_a_block() -> None:
    """48 jurors that all vote: commits, and a settlement that pays each of them."""
    with boa.swap_env(boa.Env()):
        court = Court(validators=52)
        court.bond(10 * ANT)
        meter = Meter()
        dispute = court.dispute([GOOD, GOOD, BAD])
        appellant = court.validators[2].address
        court.appeal.appeal(*dispute.what, sender=appellant)
        tickets = court.drawn(dispute)
        jurors = jurors_of(dispute.held, tickets)
        assert len(jurors) > 25
        for juror in jurors:
            court.commit(dispute, tickets, juror, BAD)
        assert meter.gas < 500_000
        for juror in jurors:
            court.reveal(dispute, juror, BAD)
        court.appeal.settle(*dispute.what, tickets)
        assert meter.gas < 8_000_000
        court.nothing_locked()


def block_hash(number: int) -> bytes:
    asked = "# pragma version 0.4.3\n@external\n@view\ndef f(n: uint256) -> bytes32:\n    return blockhash(n)"
    return boa.loads(asked).f(number)

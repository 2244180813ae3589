"""Money and scores that follow from one judged delivery.

1. VALID: the producer gets R*Q, its asking price. The part ends.
2. Each validator of the majority gets R_v*Q_v, scaled by how close its revealed score is to the majority's median,
   and halved for each of the majority's readings that it does not share (`care`): who did not listen cannot know them.
3. Each validator of the minority loses the dissent penalty (burnt). So does, with or without a majority, each that
   committed to a vote and hid it; one that committed to none loses a small part of it.
4. INVALID: the producer gets nothing and loses P*Q out of its stake, and at least the fees this judgement cost:
   first to the client, up to those fees, the rest burnt. So the client is made whole and no more (it gains nothing
   by having work rejected), and a node that asks next to nothing cannot waste others' money for next to nothing.
5. No majority: nobody is paid; nobody is punished or scored but by rule 3.
6. When the part ends, what is left of its reserve returns to the client; else it stays for the next producer.
7. A part that ends without a delivery costs its client a small part of R*Q for each producer that it held: to those
   that still stood by, burnt for those passed over or too late (nobody can know whose fault it was). One that gave the
   part back gets nothing.
8. Of whatever a producer is paid for its work, a share is for the model that it used, divided along the model's
   lineage, and another for who granted the voices (`royalties`). The client pays no more for that.
9. Transfers out of escrow plus what remains are exactly the reserve. This is asserted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from antiphon.economy import accounts, royalty
from antiphon.economy.types import (
    DEFAULT_RULES,
    PPM,
    READING_TOLERANCE,
    Outcome,
    Role,
    Rules,
    ScoreEvent,
    Settlement,
    Terms,
    Transfer,
    Turnout,
    Verdict,
    Vote,
)
from antiphon.economy.votes import common_readings


def penalty(terms: Terms, rules: Rules, judging_nano: int = 0) -> int:
    """P*Q in nano, and at least the cost of judging: what an invalid delivery costs its producer."""
    return max(rules.penalty_ppm * terms.reward_nano // PPM, judging_nano)


def dissent(terms: Terms, rules: Rules) -> int:
    """What one vote against a majority costs a validator, in nano."""
    return rules.dissent_ppm * terms.reward_nano // PPM


def exposure(terms: Terms, rules: Rules, role: Role = Role.PROCESSOR, judging_nano: int = 0) -> int:
    """Stake to lock for one part, in nano, never 0.

    A producer delivers once, and may owe the client the cost of judging it (`selection.judging_cost`). A validator's
    is for one seat, and locked while it may be drawn and while it sits: its fee, which an appeal may take back, and the
    price of dissent.
    """
    if role is Role.VALIDATOR:
        return max(1, terms.reward_nano + dissent(terms, rules))
    return max(1, penalty(terms, rules, judging_nano))


def withdrawable(stake_nano: int, locked_nano: int, rules: Rules) -> int:
    """Stake a node may take back, in nano. While anything is locked the minimum stays, to pay for what comes out."""
    return max(0, stake_nano - (max(locked_nano, rules.min_stake_nano) if locked_nano else 0))


def royalties(maker: Terms, amount_nano: int, rules: Rules) -> list[tuple[str, int, str]]:
    """Rule 8: account, nano and reason of each share of an amount that a producer is paid. The rest is its own."""
    owed = [
        (accounts.balance(owner), amount_nano * ppm // PPM, "royalty for the use of a voice")
        for owner, ppm in maker.voices
    ]
    if maker.lineage:
        (payee, _, _), *above = maker.lineage
        why = royalty.WHY + maker.asset
        parts = royalty.divided(amount_nano * rules.royalty_ppm // PPM, payee, tuple(above))
        owed += [(accounts.royalty(asset), nano, why) for asset, nano in parts.items()]
    return [one for one in owed if one[1]]


def closeness(score_ppm: int, median_ppm: int, rules: Rules) -> int:
    """1 - |score - median| / tolerance in ppm, not below 0."""
    distance = abs(score_ppm - median_ppm)
    if distance >= rules.score_tolerance_ppm:
        return PPM if distance == 0 else 0
    return PPM - distance * PPM // rules.score_tolerance_ppm


def care(vote: Vote, common: Mapping[str, int], rules: Rules) -> int:
    """What its readings leave of a vote's fee, in ppm. Each of `common` that it lacks, or gives otherwise, costs a half
    (`missed_reading_ppm`) of what is left. Readings that do not count cost nothing and bring nothing."""
    given = {reading.key: reading.value for reading in vote.readings}
    left_ppm = PPM
    for key, value in common.items():
        if key not in given or abs(given[key] - value) > READING_TOLERANCE:
            left_ppm = left_ppm * rules.missed_reading_ppm // PPM
    return left_ppm


def settle(
    *,
    client: str,
    task: str,
    producer: Terms,
    units: int,
    seats: Sequence[Terms],
    votes: Mapping[str, Vote],
    outcome: Outcome,
    reserve_nano: int,
    stakes: Mapping[str, int],
    rules: Rules,
    last: bool,
    role: Role = Role.PROCESSOR,
    hidden: Collection[str] = (),
    missing: Collection[str] = (),
) -> Settlement:
    """Everything that follows from one round of votes on one delivery.

    `reserve_nano` is what is still in escrow for the part; `stakes` what each node has at stake (penalties never take
    more); `last` whether no failover (or, without majority, no redraw) is left; `role` the producer's; `hidden` the
    seats that committed a vote and did not reveal it; `missing` those that committed to none. A VALID verdict always
    ends the part.
    """
    if units <= 0:
        raise ValueError(f"units must be positive, got {units}")
    draft = _Draft(task, client, reserve_nano, rules)
    by_node = {seat.node: seat for seat in seats}
    voted = {*outcome.majority, *outcome.minority, *outcome.absent, *(seat for seat in by_node if _heard(votes, seat))}
    draft.turnout = [Turnout(node=seat, voted=seat in voted) for seat in by_node]
    fees_nano = _reward_majority(draft, by_node, votes, outcome)
    _punish_seats(draft, by_node, outcome, hidden, missing, stakes)
    if outcome.verdict is None:
        return draft.close(ends=last, why="no majority")
    if outcome.verdict is Verdict.VALID:
        assert outcome.score_ppm is not None
        draft.reward(producer, producer.reward_nano, "reward R*Q")
        draft.score(producer.node, role, outcome.score_ppm)
        return draft.close(ends=True, why="unspent")
    _punish_producer(draft, producer, role, stakes.get(producer.node, 0), fees_nano)
    return draft.close(ends=last, why="unspent after invalid work")


def hold_fee(terms: Terms, rules: Rules) -> int:
    """What a producer is paid for having stood by, in nano, when its client does not take the work."""
    return rules.hold_ppm * terms.reward_nano // PPM


def unused(
    task: str, client: str, standing: Sequence[Terms], lapsed_nano: int, reserve_nano: int, rules: Rules, why: str
) -> Settlement:
    """A part ends without a delivery. `standing`: the producers it still held; `lapsed_nano`: the hold fees of those
    that were passed over or too late."""
    draft = _Draft(task, client, reserve_nano, rules)
    for producer in standing:
        draft.pay(producer.node, hold_fee(producer, rules), "stood by")
    draft.move(draft.escrow, accounts.BURNT, lapsed_nano, "held producers that did not deliver")
    return draft.close(ends=True, why=why)


def refund(task: str, client: str, reserve_nano: int, why: str) -> Settlement:
    """All that is left of a part's reserve returns to the client; nobody is scored."""
    return _Draft(task, client, reserve_nano, DEFAULT_RULES).close(ends=True, why=why)


def late_cancel(
    task: str,
    client: str,
    producer: Terms,
    reserve_nano: int,
    why: str,
    *,
    standing: Sequence[Terms] = (),
    judging_nano: int = 0,
    rules: Rules = DEFAULT_RULES,
) -> Settlement:
    """The client ends a part that is delivered and not judged: it pays as if it were good, or it would keep what it
    has heard for nothing, and what judging it may cost (`judging_nano`, burnt), or whoever likes what it hears would
    save the fees and leave its producer with less. The producer gets `unjudged_ppm` of its reward, the rest is burnt:
    nobody knows what was delivered, and an operator that keeps the client's link back would else be paid in full for
    silence. Who stood by is paid as well (`standing`: further producers, and whoever might have been drawn), or a
    client with a producer of its own would hold their stake for nothing; as far as the reserve reaches."""
    draft = _Draft(task, client, reserve_nano, rules)
    paid_nano = producer.reward_nano * rules.unjudged_ppm // PPM
    draft.reward(producer, paid_nano, f"part of R*Q, not judged: {why}")
    draft.move(draft.escrow, accounts.BURNT, producer.reward_nano - paid_nano, "the rest of R*Q: not judged")
    for held in standing:
        draft.pay(held.node, min(hold_fee(held, rules), draft.remaining_nano), "stood by")
    draft.move(draft.escrow, accounts.BURNT, min(judging_nano, draft.remaining_nano), "judging that was not wanted")
    return draft.close(ends=True, why="unspent")


def heard(
    task: str,
    client: str,
    producer: Terms,
    amount_nano: int,
    reserve_nano: int,
    *,
    standing: Sequence[Terms] = (),
    lapsed_nano: int = 0,
    rules: Rules = DEFAULT_RULES,
) -> Settlement:
    """A listener hangs up: its producer is paid what the listener's last voucher says. Who stood by gets its hold
    fee, as in `unused`; nobody is scored."""
    draft = _Draft(task, client, reserve_nano, rules)
    draft.reward(producer, amount_nano, "heard")
    for held in standing:
        draft.pay(held.node, min(hold_fee(held, rules), draft.remaining_nano), "stood by")
    draft.move(
        draft.escrow, accounts.BURNT, min(lapsed_nano, draft.remaining_nano), "held producers that did not deliver"
    )
    return draft.close(ends=True, why="unspent")


class _Draft:
    """A settlement being written: moves and scores so far."""

    def __init__(self, task: str, client: str, reserve_nano: int, rules: Rules) -> None:
        self.escrow = accounts.escrow(task)
        self.client = client
        self.reserve_nano = reserve_nano
        self.rules = rules
        self.moves: list[Transfer] = []
        self.scores: list[ScoreEvent] = []
        self.turnout: list[Turnout] = []

    @property
    def remaining_nano(self) -> int:
        return self.reserve_nano - sum(move.amount_nano for move in self.moves if move.source == self.escrow)

    def move(self, source: str, target: str, amount_nano: int, why: str) -> None:
        if amount_nano > 0:
            self.moves.append(Transfer(source=source, target=target, amount_nano=amount_nano, why=why))

    def pay(self, node: str, amount_nano: int, why: str) -> None:
        self.move(self.escrow, accounts.balance(node), amount_nano, why)

    def reward(self, maker: Terms, amount_nano: int, why: str) -> None:
        """Rule 8."""
        owed = royalties(maker, amount_nano, self.rules)
        self.pay(maker.node, amount_nano - sum(nano for _, nano, _ in owed), why)
        for account, nano, reason in owed:
            self.move(self.escrow, account, nano, reason)

    def score(self, node: str, role: Role, score_ppm: int) -> None:
        self.scores.append(ScoreEvent(node=node, role=role, score_ppm=score_ppm))

    def close(self, *, ends: bool, why: str) -> Settlement:
        """Return what is unspent to the client when the part ends, and check conservation."""
        remaining_nano = self.remaining_nano
        if remaining_nano < 0:
            raise ValueError(f"payments exceed the reserve of {self.reserve_nano} nano by {-remaining_nano}")
        if ends:
            self.pay(self.client, remaining_nano, why)
        kept_nano = 0 if ends else remaining_nano
        assert self.remaining_nano == kept_nano, "money is conserved"
        return Settlement(
            transfers=tuple(self.moves),
            scores=tuple(self.scores),
            remaining_nano=kept_nano,
            turnout=tuple(self.turnout),
        )


def _heard(votes: Mapping[str, Vote], seat: str) -> bool:
    return seat in votes and votes[seat].verdict.conclusive


def _reward_majority(draft: _Draft, seats: Mapping[str, Terms], votes: Mapping[str, Vote], outcome: Outcome) -> int:
    """Pay and score the majority; returns the fees in nano."""
    total_nano = 0
    common = common_readings([votes[node] for node in outcome.majority])
    for node in outcome.majority:
        score_ppm = votes[node].score_ppm
        assert score_ppm is not None
        assert outcome.score_ppm is not None
        close_ppm = closeness(score_ppm, outcome.score_ppm, draft.rules)
        worth_ppm = close_ppm * care(votes[node], common, draft.rules) // PPM
        fee_nano = seats[node].reward_nano * worth_ppm // PPM
        draft.pay(node, fee_nano, "fee for a vote with the majority")
        draft.score(node, Role.VALIDATOR, worth_ppm)
        total_nano += fee_nano
    return total_nano


def _punish_seats(
    draft: _Draft,
    seats: Mapping[str, Terms],
    outcome: Outcome,
    hidden: Collection[str],
    missing: Collection[str],
    stakes: Mapping[str, int],
) -> None:
    # Without the penalty for hiding, a validator that sees itself outvoted would simply not reveal.
    for node, terms in seats.items():
        if node in outcome.minority:
            why, share_ppm = "dissent from the majority", PPM
        elif node in hidden:
            why, share_ppm = "committed vote not revealed", PPM
        elif node in missing:
            why, share_ppm = "no vote in its seat", draft.rules.absent_ppm
        else:
            continue
        amount_nano = min(dissent(terms, draft.rules) * share_ppm // PPM, stakes.get(node, 0))
        draft.move(accounts.stake(node), accounts.BURNT, amount_nano, why)
        draft.score(node, Role.VALIDATOR, 0)


def _punish_producer(draft: _Draft, producer: Terms, role: Role, stake_nano: int, loss_nano: int) -> None:
    taken_nano = min(penalty(producer, draft.rules, loss_nano), stake_nano)
    to_client_nano = min(taken_nano, loss_nano)
    bond = accounts.stake(producer.node)
    draft.move(bond, accounts.balance(draft.client), to_client_nano, "penalty P*Q: the client's cost of judging")
    draft.move(bond, accounts.BURNT, taken_nano - to_client_nano, "penalty P*Q: the rest")
    draft.score(producer.node, role, draft.rules.punish_score_ppm)

"""The state machine of one part, rule by rule, without any ledger."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_market import (
    CLIENT,
    INVALID,
    OPERATOR,
    SALT,
    UNSURE,
    VALID,
    chain,
    committed,
    delivery,
    drawing,
    party,
    producer,
    seated,
    task_id,
)

from antiphon.clock import ManualClock
from antiphon.economy.beacon import Chain
from antiphon.economy.types import NANO, PPM, Assignment, Candidate, Mode, Part, Rules, Terms, Verdict, Vote
from antiphon.errors import ConflictError, InputError, ProtocolError
from antiphon.ledger import appeals, panel
from antiphon.ledger.flow import closing_state
from antiphon.ledger.machine import (
    REVOKED,
    Abandon,
    Context,
    Event,
    Start,
    Step,
    Tick,
    Withdraw,
    due,
    leads_to_a_draw,
    transition,
)
from antiphon.ledger.operations import Cancel, Decline, Expose, Reveal, Skip
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.ledger.showings import SHOWN, Shown
from antiphon.protocol import canonical, envelope

RULES = Rules(appeal_s=0)
TASK = task_id(1)
NOW_MS = 1_700_000_000_000
PRODUCERS = [party(f"producer {i}").node_id for i in range(3)]
VALIDATORS = [party(f"validator {i}").node_id for i in range(6)]


def terms(node: str, price_nano: int) -> Terms:
    return Terms(node=node, price_nano=price_nano, quality_ppm=PPM // 2)


LEDGER = Chain(b"l" * 32)


def candidate(node: str) -> Candidate:
    return Candidate(node=node, price_nano=200, quality_ppm=PPM // 2, weight_nano=20 * NANO)


def begun(state: PartState = PartState.ASSIGNED, validators: int = 6) -> PartRecord:
    """R = 2,000 at Q = .5 for producers, 200 for validators: reserve 2,000 + 3 attempts * 3 seats * 200."""
    return PartRecord(
        task=TASK,
        part=Part(index=0, units=10),
        state=state,
        assignment=Assignment(
            index=0,
            producers=tuple(terms(node, 2_000) for node in PRODUCERS),
            validators=tuple(map(candidate, VALIDATORS[:validators])),
            reserve_nano=3_800,
        ),
        deadline_ms=NOW_MS + 120_000,
        remaining_nano=3_800,
        client_tip=chain(TASK, 0).tip,
        ledger_tip=LEDGER.tip,
    )


def step(
    record: PartRecord,
    event: Event,
    who: str = "",
    *,
    now_ms: int = NOW_MS,
    mode: Mode = Mode.VERIFIED,
    left_out: tuple[str, ...] = (),
    link: bytes = b"",
) -> Step:
    context = Context(
        ledger=OPERATOR.node_id,
        client=CLIENT.node_id,
        mode=mode,
        rules=RULES,
        now_ms=now_ms,
        sender=who,
        left_out=left_out,
        link=link or LEDGER.link(record.round),
    )
    return transition(record, event, context)


def undrawn(record: PartRecord, left_out: tuple[str, ...] = ()) -> PartRecord:
    return step(record, delivery(record), producer(record), left_out=left_out).record


def drawn(record: PartRecord) -> PartRecord:
    return step(record, drawing(record, RULES), CLIENT.node_id).record


def delivered(record: PartRecord) -> PartRecord:
    return drawn(undrawn(record))


def judged(record: PartRecord, votes: tuple[Vote, ...], mode: Mode = Mode.VERIFIED) -> Step:
    seats = seated(record)
    for who, vote in zip(seats, votes, strict=True):
        record = step(record, committed(record, who, vote), who, mode=mode).record
    for who, vote in zip(seats, votes, strict=True):
        reveal = Reveal(task=TASK, index=0, round=record.round, vote=vote, salt=SALT)
        last = step(record, reveal, who, mode=mode)
        record = last.record
    return last


@pytest.mark.parametrize("state", [state for state in PartState if state.final])
@pytest.mark.parametrize("event", [Tick(), Start(), Abandon(), Withdraw(), Cancel(task=TASK), delivery(begun())])
def test_rule_1_a_final_part_never_changes(state: PartState, event: Event) -> None:
    record = msgspec.structs.replace(begun(state), remaining_nano=0)
    with pytest.raises(ConflictError, match=f"already {state}"):
        step(record, event, CLIENT.node_id)


def test_rule_2_a_waiting_part_starts_with_its_full_time() -> None:
    record = step(begun(PartState.WAITING), Start(), now_ms=NOW_MS + 5).record
    assert (record.state, record.deadline_ms, record.version) == (PartState.ASSIGNED, NOW_MS + 120_005, 1)


def test_rule_3_a_waiting_part_is_refunded_when_an_earlier_phase_failed() -> None:
    done = step(begun(PartState.WAITING), Abandon())
    assert done.record.state is PartState.REFUNDED
    stood_by = [(20, f"balance:{node}") for node in PRODUCERS]  # .02 of R*Q = 1,000
    assert [(t.amount_nano, t.target) for t in done.transfers] == [*stood_by, (3_740, f"balance:{CLIENT.node_id}")]


def test_rule_4_a_delivery_must_be_for_the_current_attempt_and_in_time() -> None:
    record = begun()
    assert undrawn(record).state is PartState.DRAWING
    early = msgspec.structs.replace(delivery(record), attempt=1)
    with pytest.raises(ConflictError, match="attempt 1"):
        step(record, early, PRODUCERS[0])
    with pytest.raises(ConflictError, match="deadline"):
        step(record, delivery(record), PRODUCERS[0], now_ms=record.deadline_ms)


@pytest.mark.parametrize(
    ("event", "who"),
    [
        (Decline(task=TASK, index=0, attempt=0, reason="busy"), PRODUCERS[0]),
        (Skip(task=TASK, index=0, attempt=0, reason="slow"), CLIENT.node_id),
    ],
)
def test_rules_5_and_6_whoever_gives_up_is_replaced_and_not_punished(event: Event, who: str) -> None:
    done = step(begun(), event, who)
    assert (done.record.state, done.record.attempt) == (PartState.ASSIGNED, 1)
    assert done.transfers == ()
    assert done.scores == ()
    with pytest.raises(ConflictError):
        step(delivered(begun()), event, who)


def test_rule_6_the_last_missed_deadline_refunds_everything() -> None:
    record, now_ms = begun(), NOW_MS
    for attempt in range(3):
        assert record.attempt == attempt
        now_ms = record.deadline_ms
        done = step(record, Tick(), now_ms=now_ms)
        record = done.record
    assert record.state is PartState.REFUNDED
    assert [(t.target, t.amount_nano) for t in done.transfers] == [
        ("burnt", 60),
        (f"balance:{CLIENT.node_id}", 3_740),
    ]


def test_rule_16_who_declined_is_not_paid_for_standing_by() -> None:
    record = step(begun(), Decline(task=TASK, index=0, attempt=0, reason="busy"), PRODUCERS[0]).record
    record = step(record, Skip(task=TASK, index=0, attempt=1, reason="silent"), CLIENT.node_id).record
    done = step(record, Cancel(task=TASK), CLIENT.node_id)
    assert [(t.target, t.amount_nano) for t in done.transfers] == [
        (f"balance:{PRODUCERS[2]}", 20),
        ("burnt", 20),
        (f"balance:{CLIENT.node_id}", 3_760),
    ]


def test_rule_16_work_that_was_taken_from_somebody_else_pays_nobody_for_standing_by() -> None:
    record = step(begun(), Skip(task=TASK, index=0, attempt=0, reason="silent"), CLIENT.node_id).record
    done = judged(delivered(record), (VALID,) * 3)
    assert {t.target for t in done.transfers if t.amount_nano in {20, 40}} == set()
    assert done.record.state is PartState.VALID


def test_rule_8_of_three_that_committed_two_that_hide_block_no_verdict_and_pay_for_it() -> None:
    record = delivered(begun())
    one, *others = seated(record)
    for who in (one, *others):
        record = step(record, committed(record, who, INVALID), who).record
    record = step(record, Reveal(task=TASK, index=0, round=0, vote=INVALID, salt=SALT), one).record
    done = step(record, Tick(), now_ms=record.deadline_ms)
    assert (done.record.state, done.record.attempt) == (PartState.ASSIGNED, 1)
    fined = {t.source: t.amount_nano for t in done.transfers if t.target == "burnt"}
    assert {who: fined[f"stake:{who}"] for who in others} == dict.fromkeys(others, 100)


def shown(record: PartRecord, maker: str, ledger: str = OPERATOR.node_id, **changes: object) -> bytes:
    """What the producer signed when it showed its work."""
    fields = {"index": 0, "attempt": record.attempt, "validator": seated(record)[0], "result_hash": b"o" * 32}
    identity = next(who for who in map(party, ("producer 0", "producer 1")) if who.node_id == maker)
    body = canonical.encode(Shown(**(fields | changes)))  # type: ignore[arg-type]
    return envelope.sign(identity, kind=SHOWN, receiver=ledger, task=TASK, body=body, clock=ManualClock())


def test_rule_17_who_shows_other_work_than_it_delivered_is_convicted_by_its_own_signature() -> None:
    record = delivered(begun())
    one, two, _ = seated(record)
    record = step(record, committed(record, two, VALID), two).record
    done = step(record, Expose(task=TASK, index=0, round=0, shown=shown(record, PRODUCERS[0])), one)
    assert (done.record.state, done.record.attempt) == (PartState.ASSIGNED, 1)
    assert {(t.source.split(":")[0], t.target, t.amount_nano) for t in done.transfers} == {
        ("escrow", f"balance:{one}", 100),  # its fee
        ("stake", f"balance:{CLIENT.node_id}", 100),  # which the client gets back
        ("stake", "burnt", 1_900),
    }
    assert {event.node for event in done.scores} == {one, PRODUCERS[0]}


def test_rule_17_only_a_seat_with_the_producers_own_word_on_this_delivery_exposes_it() -> None:
    record = delivered(begun())
    one = seated(record)[0]

    def expose(raw: bytes, who: str = one) -> None:
        step(record, Expose(task=TASK, index=0, round=0, shown=raw), who)

    with pytest.raises(ConflictError, match="what the producer delivered"):
        expose(shown(record, PRODUCERS[0], result_hash=b"r" * 32))
    with pytest.raises(ProtocolError, match="receiver"):  # clients choose the ids of tasks, also on a ledger of theirs
        expose(shown(record, PRODUCERS[0], ledger=CLIENT.node_id))
    with pytest.raises(ProtocolError, match="another delivery"):
        expose(shown(record, PRODUCERS[0], attempt=1))
    with pytest.raises(ProtocolError):
        expose(shown(record, PRODUCERS[1]))
    with pytest.raises(ProtocolError):
        expose(shown(record, PRODUCERS[0])[:-1])
    with pytest.raises(ConflictError, match="may not vote"):
        expose(shown(record, PRODUCERS[0]), PRODUCERS[1])
    waiting = undrawn(begun())
    with pytest.raises(ConflictError, match="no seat is judging"):
        step(waiting, Expose(task=TASK, index=0, round=0, shown=shown(record, PRODUCERS[0])), one)


def test_rule_7_the_last_commitment_begins_the_reveal_phase() -> None:
    record = delivered(begun())
    for number, who in enumerate(seated(record)):
        assert record.state is PartState.DELIVERED
        record = step(record, committed(record, who, VALID), who, now_ms=NOW_MS + number).record
    assert (record.state, record.deadline_ms) == (PartState.REVEALING, NOW_MS + 2 + 30_000)


def test_rule_7_without_any_commitment_the_round_ends_without_votes() -> None:
    record = delivered(begun())
    record = step(record, Tick(), now_ms=record.deadline_ms).record
    assert (record.state, record.round, len(record.rulings)) == (PartState.DRAWING, 1, 1)
    record = drawn(record)
    record = step(record, Tick(), now_ms=record.deadline_ms).record
    assert record.state is PartState.REFUNDED


def test_rule_8_a_commitment_binds_every_field_of_a_vote() -> None:
    own = {"validator": "v", "task": TASK, "index": 0, "round": 0}
    other = [own | change for change in ({"validator": "w"}, {"task": "t"}, {"index": 1}, {"round": 1})]
    digests = {panel.commitment(VALID, SALT, **fields) for fields in [own, *other]}  # type: ignore[arg-type]
    digests |= {panel.commitment(INVALID, SALT, **own), panel.commitment(VALID, b"t" * 16, **own)}  # type: ignore[arg-type]
    assert len(digests) == 7


def test_rule_9_worked_numbers_of_a_valid_part() -> None:
    done = judged(delivered(begun()), (VALID, VALID, VALID))
    paid = [t.amount_nano for t in done.transfers]
    assert paid == [100, 100, 100, 1_000, 2_500]
    assert (done.record.state, done.record.remaining_nano) == (PartState.VALID, 0)


def test_rule_9_worked_numbers_of_an_invalid_part() -> None:
    done = judged(delivered(begun()), (INVALID, INVALID, VALID))
    moved = {(t.source.split(":")[0], t.target.split(":")[0], t.amount_nano) for t in done.transfers}
    assert moved == {
        ("escrow", "balance", 100),  # each of the two in the majority
        ("stake", "burnt", 100),  # the dissenter's fee, once
        ("stake", "balance", 200),  # of the penalty 2 * R*Q = 2,000 the client's cost of judging
        ("stake", "burnt", 1_800),  # and the rest
    }
    assert (done.record.attempt, done.record.round, done.record.remaining_nano) == (1, 1, 3_600)


def test_rule_9_what_the_client_has_heard_is_not_made_again() -> None:
    assert judged(delivered(begun()), (INVALID,) * 3, mode=Mode.STREAM).record.state is PartState.INVALID


def test_rule_10_redraws_are_counted_per_attempt() -> None:
    record = judged(delivered(begun()), (UNSURE,) * 3).record
    assert (record.state, record.round) == (PartState.DRAWING, 1)
    record = judged(drawn(record), (INVALID,) * 3).record
    assert (record.state, record.attempt, record.round) == (PartState.ASSIGNED, 1, 2)
    record = judged(delivered(record), (UNSURE,) * 3).record
    assert (record.state, record.round) == (PartState.DRAWING, 3)
    assert judged(drawn(record), (UNSURE,) * 3).record.state is PartState.REFUNDED


@pytest.mark.parametrize("state", [PartState.WAITING, PartState.ASSIGNED])
def test_rule_14_a_revocation_refunds_what_is_not_delivered_and_says_why(state: PartState) -> None:
    made = step(begun(state), Withdraw())
    assert (made.record.state, made.record.notes, made.record.remaining_nano) == (PartState.CANCELLED, (REVOKED,), 0)
    assert made.transfers[-1].amount_nano == 3_740
    assert made.scores == ()


def test_rule_14_a_delivered_part_is_judged_and_paid_without_a_failover() -> None:
    record = step(delivered(begun()), Withdraw()).record
    assert (record.state, record.notes, len(record.assignment.producers)) == (PartState.DELIVERED, (REVOKED,), 1)
    assert judged(record, (VALID,) * 3).record.state is PartState.VALID
    assert judged(record, (INVALID,) * 3).record.state is PartState.INVALID


def test_rule_11_after_a_cancel_a_delivered_part_ends_with_its_judgement() -> None:
    record = step(delivered(begun()), Cancel(task=TASK), CLIENT.node_id).record
    assert judged(record, (VALID,) * 3).record.state is PartState.VALID
    assert judged(record, (INVALID,) * 3).record.state is PartState.INVALID


def test_rule_11_a_cancel_while_the_seats_wait_to_be_drawn_pays_the_producer_a_part() -> None:
    done = step(undrawn(begun()), Cancel(task=TASK), CLIENT.node_id)
    assert done.record.state is PartState.CANCELLED
    assert [(move.target, move.amount_nano) for move in done.transfers] == [
        (f"balance:{PRODUCERS[0]}", 400),
        ("burnt", 600),
        *((f"balance:{maker}", 20) for maker in PRODUCERS[1:]),
        *((f"balance:{judge}", 2) for judge in VALIDATORS),
        ("burnt", 300),
        (f"balance:{CLIENT.node_id}", 2_800 - 2 * 20 - 6 * 2 - 300),
    ]
    assert done.scores == ()


def test_rule_15_a_link_kept_back_is_a_late_cancel() -> None:
    record = undrawn(begun())
    done = step(record, Tick(), now_ms=record.deadline_ms)
    assert (done.record.state, done.record.notes) == (PartState.CANCELLED, ("the client kept its link back",))
    assert done.transfers[0].target == f"balance:{PRODUCERS[0]}"
    with pytest.raises(ConflictError, match="deadline"):
        step(record, drawing(record, RULES), CLIENT.node_id, now_ms=record.deadline_ms)


def test_rule_15_only_the_next_link_of_each_chain_draws() -> None:
    record = undrawn(begun())
    own = chain(TASK, 0)
    for wrong in (own.tip, own.link(1), bytes(32), LEDGER.link(0)):
        with pytest.raises(ConflictError, match="next link of the client's"):
            step(record, drawing(record, RULES, link=wrong), CLIENT.node_id)
    for wrong in (LEDGER.tip, LEDGER.link(1), own.link(0)):
        with pytest.raises(ConflictError, match="next link of the ledger's"):
            step(record, drawing(record, RULES), CLIENT.node_id, link=wrong)
    with pytest.raises(InputError, match="Only the client"):
        step(record, drawing(record, RULES), PRODUCERS[0])
    for other in ({"round": 1}, {"attempt": 1}):
        with pytest.raises(ConflictError, match="attempt 0, round 0"):
            step(record, drawing(record, RULES, **other), CLIENT.node_id)


def test_rule_15_whom_the_client_saw_is_whom_the_seats_are_drawn_from() -> None:
    record = undrawn(begun())
    signed = drawing(record, RULES)
    less = msgspec.structs.replace(record, left_out=(VALIDATORS[0],))
    with pytest.raises(ConflictError, match="another pool"):
        step(less, signed, CLIENT.node_id)
    assert VALIDATORS[0] not in seated(drawn(less))


def test_rule_15_either_link_alone_changes_the_seats() -> None:
    """What one side can choose tells it nothing: each seating is as likely as every other."""
    record = undrawn(begun())
    found = set()
    for number in range(20):
        mine, theirs = Chain(b"%032d" % number), Chain(b"%032d" % (number + 50))
        for ours, yours in ((mine, LEDGER), (chain(TASK, 0), theirs)):
            this = msgspec.structs.replace(record, client_tip=ours.tip, ledger_tip=yours.tip)
            event = drawing(this, RULES, link=ours.link(0))
            found.add(frozenset(seated(step(this, event, CLIENT.node_id, link=yours.link(0)).record)))
    assert len(found) >= 12  # of the 20 rounds of 3 that 6 validators can make


def test_rule_10_a_redraw_prefers_who_has_not_judged_this_delivery() -> None:
    record = delivered(begun())
    first = set(seated(record))
    assert not first & set(seated(drawn(judged(record, (UNSURE,) * 3).record)))
    few = delivered(begun(validators=3))
    again = drawn(judged(few, (UNSURE,) * 3).record)
    assert set(seated(again)) == set(VALIDATORS[:3])


def test_rule_10_votes_are_counted_against_a_full_round_however_many_could_be_drawn() -> None:
    two = drawn(undrawn(begun(validators=3), (VALIDATORS[0],)))
    assert set(seated(two)) == set(VALIDATORS[1:3])
    assert judged(two, (VALID, VALID)).record.state is PartState.VALID
    assert judged(two, (VALID, UNSURE)).record.state is PartState.DRAWING
    nobody = step(begun(), delivery(begun()), PRODUCERS[0], left_out=tuple(VALIDATORS[:5]))
    assert (nobody.record.state, nobody.record.notes) == (
        PartState.REFUNDED,
        ("too few validators can judge it now",),
    )
    assert sum(move.amount_nano for move in nobody.transfers) == 3_800


@given(votes=st.lists(st.tuples(*[st.sampled_from([VALID, INVALID, UNSURE])] * 3), min_size=6, max_size=6))
def test_stake_is_locked_before_the_draw_and_covers_every_penalty(votes: list[tuple[Vote, Vote, Vote]]) -> None:
    record = begun()
    assert panel.locks(record, RULES) == dict.fromkeys(PRODUCERS, 2_000)
    for ballot in votes:
        if record.state is PartState.ASSIGNED:
            before = record
            record = undrawn(record)
            grown = panel.shifted(before, record, RULES)
            assert grown == {judge.node: 200 for judge in panel.pool(record, RULES)}
        waiting, record = record, drawn(record)
        assert all(nano < 0 for nano in panel.shifted(waiting, record, RULES).values())
        held = panel.locks(record, RULES)
        assert all(held[seat] == 200 for seat in seated(record))
        done = judged(record, ballot)
        taken = {t.source.removeprefix("stake:"): 0 for t in done.transfers if t.source.startswith("stake:")}
        for transfer in done.transfers:
            if transfer.source.startswith("stake:"):
                taken[transfer.source.removeprefix("stake:")] += transfer.amount_nano
        assert all(held[node] >= nano for node, nano in taken.items()), "a penalty comes out of what is held"
        record = done.record
        if record.state.final:
            assert not panel.locks(record, RULES)
            return
    raise AssertionError("six ballots decide every part")


def test_a_deadline_is_due_from_its_very_millisecond() -> None:
    record = begun()
    assert not due(record, record.deadline_ms - 1)
    assert due(record, record.deadline_ms)
    with pytest.raises(ConflictError, match="has not passed"):
        step(record, Tick(), now_ms=record.deadline_ms - 1)


@pytest.mark.parametrize(
    ("states", "end"),
    [
        ({PartState.VALID}, TaskState.COMPLETED),
        ({PartState.VALID, PartState.REFUNDED}, TaskState.PARTIAL),
        ({PartState.VALID, PartState.CANCELLED}, TaskState.PARTIAL),
        ({PartState.CANCELLED, PartState.INVALID}, TaskState.CANCELLED),
        ({PartState.INVALID, PartState.REFUNDED}, TaskState.FAILED),
        ({PartState.VALID, PartState.WAITING}, None),
    ],
)
def test_a_task_ends_as_its_parts_did(states: set[PartState], end: TaskState | None) -> None:
    assert closing_state(states) is end


def test_the_default_stake_covers_a_part_of_two_thousand_units() -> None:
    """C = 1,000 nano per character: the penalty on the longest part is 0.004 ANT, the minimum stake 10 ANT."""
    long = Terms(node="n", price_nano=2_000 * 1_000 * 2, quality_ppm=PPM // 2)
    assert 2 * long.reward_nano == 4_000_000 < RULES.min_stake_nano == 10 * NANO


@pytest.mark.parametrize(
    ("event", "who", "said"),
    [
        (Start(), "", "started"),
        (Abandon(), "", "abandoned"),
        (Decline(task=TASK, index=0, attempt=0, reason="busy"), PRODUCERS[0], "declined"),
        (Skip(task=TASK, index=0, attempt=0, reason="slow"), CLIENT.node_id, "skipped"),
        (Reveal(task=TASK, index=0, round=0, vote=VALID, salt=SALT), VALIDATORS[0], "revealed"),
        (delivery(begun()), PRODUCERS[0], "delivered"),
    ],
)
def test_what_comes_in_the_wrong_state_is_told_what_cannot_be_done(event: Event, who: str, said: str) -> None:
    with pytest.raises(ConflictError, match=rf" is drawing.*\b{said}\b"):
        step(undrawn(begun()), event, who)


def test_rule_5_a_skip_of_an_attempt_that_is_over_is_none() -> None:
    with pytest.raises(ConflictError, match=r"is at attempt 0, not 1\. Read the task anew"):
        step(begun(), Skip(task=TASK, index=0, attempt=1, reason="slow"), CLIENT.node_id)


def test_rule_6_notes_say_who_did_not_deliver_and_why() -> None:
    record = step(begun(), Decline(task=TASK, index=0, attempt=0, reason="busy"), PRODUCERS[0]).record
    record = step(record, Skip(task=TASK, index=0, attempt=1, reason="slow"), CLIENT.node_id).record
    record = step(record, Tick(), now_ms=record.deadline_ms).record
    assert record.notes == (
        f"attempt 0, {PRODUCERS[0]}: declined: busy",
        f"attempt 1, {PRODUCERS[1]}: skipped by the client: slow",
        f"attempt 2, {PRODUCERS[2]}: delivered nothing in time",
        "no producer delivered",
    )


def test_every_phase_has_its_own_time_and_a_final_part_has_none() -> None:
    record = step(begun(), delivery(begun()), PRODUCERS[0], now_ms=NOW_MS + 1).record
    assert record.deadline_ms == NOW_MS + 1 + 1_000 * RULES.draw_s
    record = step(record, drawing(record, RULES), CLIENT.node_id, now_ms=NOW_MS + 2).record
    assert record.deadline_ms == NOW_MS + 2 + 1_000 * RULES.commit_s
    assert judged(record, (VALID,) * 3).record.deadline_ms == 0
    assert step(begun(), Cancel(task=TASK), CLIENT.node_id).record.deadline_ms == 0


def test_rule_7_and_8_a_seat_votes_once() -> None:
    record = delivered(begun())
    one, two, three = seated(record)
    record = step(record, committed(record, one, VALID), one).record
    with pytest.raises(ConflictError, match=rf"^{one} has already committed on part 0 .* in round 0\. Reveal"):
        step(record, committed(record, one, INVALID), one)
    for who in (two, three):
        record = step(record, committed(record, who, VALID), who).record
    with pytest.raises(
        ConflictError, match=rf"^The vote {one} reveals on part 0 .* is not the one .*\. Reveal the com"
    ):
        step(record, Reveal(task=TASK, index=0, round=0, vote=INVALID, salt=SALT), one)
    reveal = Reveal(task=TASK, index=0, round=0, vote=VALID, salt=SALT)
    record = step(record, reveal, one).record
    with pytest.raises(ConflictError, match=rf"^{one} has already revealed on part 0 .* in round 0\. Its vote"):
        step(record, reveal, one)


def test_rule_8_whoever_committed_to_nothing_pays_and_the_others_are_asked_again() -> None:
    record = delivered(begun())
    one, *others = seated(record)
    record = step(record, committed(record, one, VALID), one).record
    record = step(record, Tick(), now_ms=record.deadline_ms).record
    done = step(record, Reveal(task=TASK, index=0, round=0, vote=VALID, salt=SALT), one, now_ms=record.deadline_ms - 1)
    assert done.record.state is PartState.DRAWING
    assert {(t.source, t.target, t.amount_nano) for t in done.transfers} == {
        (f"stake:{who}", "burnt", 10)
        for who in others  # a tenth of what dissent costs
    }


def test_rule_17_a_seat_that_committed_cannot_expose_and_an_exposed_part_waits_for_no_appeal() -> None:
    record = delivered(begun())
    one, two, three = seated(record)
    proof = Expose(task=TASK, index=0, round=0, shown=shown(record, PRODUCERS[0]))
    late = step(record, committed(record, one, VALID), one).record
    with pytest.raises(ConflictError, match=rf"^{one} has committed to a vote on part 0 .*\. Reveal it\."):
        step(late, proof, one)
    rules = msgspec.structs.replace(RULES, appeal_s=60)
    context = Context(
        ledger=OPERATOR.node_id, client=CLIENT.node_id, mode=Mode.VERIFIED, rules=rules, now_ms=NOW_MS, sender=one
    )
    done = transition(record, proof, context)
    outcome = done.record.rulings[0].outcome
    assert (outcome.majority, set(outcome.abstained)) == ((one,), {two, three})
    assert ("stake", "burnt", 1_900) in {(t.source.split(":")[0], t.target, t.amount_nano) for t in done.transfers}


def test_rule_9_a_new_producer_begins_with_nothing_of_the_one_before() -> None:
    record = judged(delivered(begun()), (INVALID,) * 3).record
    assert (record.attempt, record.delivery, record.commits, record.reveals) == (1, None, {}, {})
    assert record.version == 8  # a delivery, a draw, three commitments, three votes
    last = judged(delivered(judged(delivered(record), (INVALID,) * 3).record), (INVALID,) * 3).record
    assert (last.state, last.attempt) == (PartState.INVALID, 2)


def unseen() -> Vote:
    return Vote(verdict=Verdict.ABSENT, score_ppm=None)


def test_rule_10_that_nothing_was_shown_counts_only_when_every_round_says_so() -> None:
    record = judged(delivered(begun()), (unseen(),) * 3).record
    assert (record.state, record.round, record.rulings[0].outcome.verdict) == (PartState.DRAWING, 1, None)
    assert set(record.rulings[0].outcome.abstained) == set(seated_of(record, 0))
    last = judged(drawn(record), (unseen(),) * 3).record
    assert last.rulings[1].outcome.verdict is Verdict.INVALID
    assert (last.state, last.attempt) == (PartState.ASSIGNED, 1)
    # One round in which most could see it, and the last one says nothing either.
    mixed = judged(delivered(begun()), (unseen(), UNSURE, UNSURE)).record
    assert judged(drawn(mixed), (unseen(),) * 3).record.rulings[1].outcome.verdict is None


def seated_of(record: PartRecord, number: int) -> list[str]:
    return [seat.node for seat in record.seatings[number].seats]


def test_what_may_lead_to_a_draw_is_known_before() -> None:
    record = delivered(begun())
    seats = seated(record)
    reveal = Reveal(task=TASK, index=0, round=0, vote=UNSURE, salt=SALT)
    assert leads_to_a_draw(begun(), delivery(begun()))
    assert leads_to_a_draw(record, Tick())
    assert not leads_to_a_draw(begun(), Tick())
    record = step(record, committed(record, seats[0], UNSURE), seats[0]).record
    assert not leads_to_a_draw(record, Tick())
    assert not leads_to_a_draw(record, committed(record, seats[1], UNSURE))
    for who in seats[1:]:
        record = step(record, committed(record, who, UNSURE), who).record
    assert leads_to_a_draw(record, Tick())
    for who in seats[:2]:
        assert not leads_to_a_draw(record, reveal)
        record = step(record, reveal, who).record
    assert leads_to_a_draw(record, reveal)
    assert not leads_to_a_draw(record, msgspec.structs.replace(reveal, round=appeals.JURY))


def test_rule_14_a_part_that_waits_for_its_seats_is_still_judged_after_a_revocation() -> None:
    record = step(undrawn(begun()), Withdraw()).record
    assert (record.state, record.notes) == (PartState.DRAWING, (REVOKED,))
    assert judged(drawn(record), (VALID,) * 3).record.state is PartState.VALID


def test_rule_16_a_part_that_was_delivered_once_owes_no_hold_fees() -> None:
    record = judged(delivered(begun()), (INVALID,) * 3).record
    for _ in range(2):
        done = step(record, Tick(), now_ms=record.deadline_ms)
        record = done.record
    assert record.state is PartState.REFUNDED
    assert [(t.target, t.amount_nano) for t in done.transfers] == [(f"balance:{CLIENT.node_id}", 3_500)]


def test_who_sat_and_voted_is_remembered_with_the_verdict() -> None:
    record = delivered(begun())
    turnout = judged(record, (VALID, VALID, UNSURE)).turnout
    assert {(one.node, one.voted) for one in turnout} == set(zip(seated(record), (True, True, False), strict=True))


def test_rule_13_a_vote_of_another_round_is_refused_by_its_number() -> None:
    record = delivered(begun())
    one = seated(record)[0]
    late = msgspec.structs.replace(committed(record, one, VALID), round=1)
    with pytest.raises(ConflictError, match=r"^part 0 .* is in round 0, not 1\. Drop this vote\."):
        step(record, late, one)

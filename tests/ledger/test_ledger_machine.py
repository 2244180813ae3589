"""The state machine of one part, rule by rule, without any ledger."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_market import CLIENT, INVALID, SALT, UNSURE, VALID, committed, delivery, party, producer, seated, task_id

from antiphon.economy.types import NANO, PPM, Assignment, Part, Rules, Terms, Vote
from antiphon.errors import ConflictError
from antiphon.ledger import panel
from antiphon.ledger.base import PartRecord, PartState, TaskState
from antiphon.ledger.flow import closing_state
from antiphon.ledger.machine import REVOKED, Abandon, Context, Event, Start, Step, Tick, Withdraw, due, transition
from antiphon.ledger.operations import Cancel, Decline, Reveal, Skip

RULES = Rules()
TASK = task_id(1)
NOW_MS = 1_700_000_000_000
PRODUCERS = [party(f"producer {i}").node_id for i in range(3)]
VALIDATORS = [party(f"validator {i}").node_id for i in range(6)]


def terms(node: str, price_nano: int) -> Terms:
    return Terms(node=node, price_nano=price_nano, quality_ppm=PPM // 2)


def begun(state: PartState = PartState.ASSIGNED, validators: int = 6) -> PartRecord:
    """R = 2,000 at Q = .5 for producers, 200 for validators: reserve 2,000 + 3 attempts * 3 seats * 200."""
    return PartRecord(
        task=TASK,
        part=Part(index=0, units=10),
        state=state,
        assignment=Assignment(
            index=0,
            producers=tuple(terms(node, 2_000) for node in PRODUCERS),
            validators=tuple(terms(node, 200) for node in VALIDATORS[:validators]),
            reserve_nano=3_800,
        ),
        deadline_ms=NOW_MS + 120_000,
        remaining_nano=3_800,
    )


def step(record: PartRecord, event: Event, who: str = "", *, now_ms: int = NOW_MS, mode: str = "verified") -> Step:
    context = Context(client=CLIENT.node_id, mode=mode, rules=RULES, now_ms=now_ms, sender=who)
    return transition(record, event, context)


def delivered(record: PartRecord) -> PartRecord:
    return step(record, delivery(record), producer(record)).record


def judged(record: PartRecord, votes: tuple[Vote, ...], mode: str = "verified") -> Step:
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
    assert [(t.amount_nano, t.target) for t in done.transfers] == [(3_800, f"balance:{CLIENT.node_id}")]


def test_rule_4_a_delivery_must_be_for_the_current_attempt_and_in_time() -> None:
    record = begun()
    assert delivered(record).state is PartState.DELIVERED
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
    assert sum(t.amount_nano for t in done.transfers) == 3_800


def test_rule_7_the_last_commitment_begins_the_reveal_phase() -> None:
    record = delivered(begun())
    for number, who in enumerate(seated(record)):
        assert record.state is PartState.DELIVERED
        record = step(record, committed(record, who, VALID), who, now_ms=NOW_MS + number).record
    assert (record.state, record.deadline_ms) == (PartState.REVEALING, NOW_MS + 2 + 30_000)


def test_rule_7_without_any_commitment_the_round_ends_without_votes() -> None:
    record = delivered(begun())
    record = step(record, Tick(), now_ms=record.deadline_ms).record
    assert (record.state, record.round, len(record.rulings)) == (PartState.DELIVERED, 1, 1)
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
    assert judged(delivered(begun()), (INVALID,) * 3, mode="stream").record.state is PartState.INVALID


def test_rule_10_redraws_are_counted_per_attempt() -> None:
    record = judged(delivered(begun()), (UNSURE,) * 3).record
    assert (record.state, record.round) == (PartState.DELIVERED, 1)
    record = judged(record, (INVALID,) * 3).record
    assert (record.state, record.attempt, record.round) == (PartState.ASSIGNED, 1, 2)
    record = judged(delivered(record), (UNSURE,) * 3).record
    assert (record.state, record.round) == (PartState.DELIVERED, 3)
    assert judged(record, (UNSURE,) * 3).record.state is PartState.REFUNDED


@pytest.mark.parametrize("state", [PartState.WAITING, PartState.ASSIGNED])
def test_rule_14_a_revocation_refunds_what_is_not_delivered_and_says_why(state: PartState) -> None:
    made = step(begun(state), Withdraw())
    assert (made.record.state, made.record.notes, made.record.remaining_nano) == (PartState.CANCELLED, (REVOKED,), 0)
    assert [(move.target, move.amount_nano) for move in made.transfers] == [(f"balance:{CLIENT.node_id}", 3_800)]
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


@given(seats=st.integers(1, 3), round_=st.integers(0, 9))
def test_every_round_has_a_full_panel_of_different_validators(seats: int, round_: int) -> None:
    record = msgspec.structs.replace(begun(validators=2 * 3 if seats == 3 else seats), round=round_)
    panel_ = [seat.node for seat in panel.seats(record, RULES)]
    assert len(set(panel_)) == seats


@given(votes=st.lists(st.tuples(*[st.sampled_from([VALID, INVALID, UNSURE])] * 3), min_size=6, max_size=6))
def test_locked_stake_never_grows_and_covers_every_penalty(votes: list[tuple[Vote, Vote, Vote]]) -> None:
    record = begun()
    assert panel.locks(record, RULES)[PRODUCERS[0]] == 2_000
    for ballot in votes:
        if record.state is PartState.ASSIGNED:
            record = delivered(record)
        held = panel.locks(record, RULES)
        done = judged(record, ballot)
        taken = {t.source.removeprefix("stake:"): 0 for t in done.transfers if t.source.startswith("stake:")}
        for transfer in done.transfers:
            if transfer.source.startswith("stake:"):
                taken[transfer.source.removeprefix("stake:")] += transfer.amount_nano
        freed = panel.released(held, panel.locks(done.record, RULES))
        assert all(freed[node] >= nano for node, nano in taken.items()), "a penalty comes out of what it frees"
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

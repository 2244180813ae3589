"""What every ledger backend must do. Subclass `LedgerConformance` and give it a `market` fixture."""

from __future__ import annotations

import asyncio

import pytest
from ledger_market import (
    ADA,
    CLIENT,
    CLONE,
    INVALID,
    OPERATOR,
    SALT,
    SPEECH,
    UNSURE,
    VALID,
    Market,
    chain,
    committed,
    consent,
    delivery,
    drawing,
    party,
    producer,
    seated,
    task_id,
)

from antiphon.economy.selection import judging_cost
from antiphon.economy.settlement import hold_fee, penalty
from antiphon.economy.types import NANO, Mode, Part, Role, Rules
from antiphon.errors import AntiphonError, ConflictError, FundsError, InputError, ProtocolError, UnavailableError
from antiphon.ledger import registration
from antiphon.ledger.audits import audit_of
from antiphon.ledger.listing import every_node
from antiphon.ledger.operations import (
    VOUCHER_KIND,
    Cancel,
    Decline,
    Deposit,
    Heartbeat,
    OpenTask,
    Pay,
    Register,
    Retire,
    Reveal,
    Revoke,
    Selector,
    ServiceOffer,
    Skip,
    Stake,
    Unstake,
    Voucher,
)
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState, TaskState
from antiphon.protocol import canonical, envelope
from antiphon.protocol.consent import grant_id
from antiphon.protocol.identity import Identity

RULES = Rules(appeal_s=0)


async def everything_held(market: Market) -> int:
    """Balances, stakes and escrows of everybody, in nano."""
    accounts = [await market.ledger.account(owner) for owner in market.people]
    return sum(a.balance_nano + a.stake_nano + a.escrow_nano for a in accounts)


def vouched(market: Market, judge: Identity, client: Identity) -> bytes:
    body = canonical.encode(Voucher(client=client.node_id))
    return envelope.sign(judge, kind=VOUCHER_KIND, receiver=OPERATOR.node_id, task="", body=body, clock=market.clock)


def probe(node: str, **more: object) -> OpenTask:
    """A synthetic order for one producer."""
    fields = {
        "task": task_id(1),
        "selector": Selector(service="speech", language="en-us", node=node),
        "parts": (Part(index=0, units=10),),
        "mode": Mode.VERIFIED,
        "request_hash": bytes(32),
        "tips": (chain(task_id(1), 0).tip,),
        "max_total_nano": NANO,
        "synthetic": True,
    } | more
    return OpenTask(**fields)  # type: ignore[arg-type]


class LedgerConformance:
    """The suite."""

    async def test_a_valid_part_pays_producer_and_validators_and_returns_the_rest(self, market: Market) -> None:
        before = await market.ledger.account(CLIENT.node_id)
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        record = await market.judge(task_id(1))
        assert record.state is PartState.VALID
        after = await market.ledger.account(CLIENT.node_id)
        paid = {t.target: t.amount_nano for t in record.rulings[0].settlement.transfers}
        asked = await market.ledger.node(producer(record), Role.PROCESSOR)
        assert paid[f"balance:{producer(record)}"] == asked.offers[0].price_nano * 100
        assert all(paid[f"balance:{seat}"] == 10_000 for seat in seated(record))
        assert before.balance_nano - after.balance_nano == paid[f"balance:{producer(record)}"] + 30_000
        assert after.escrow_nano == 0

    async def test_the_same_envelope_again_changes_nothing(self, market: Market) -> None:
        await market.fund(CLIENT, 5)
        before = await market.ledger.account(CLIENT.node_id)
        await market.ledger.submit(market.last)
        assert await market.ledger.account(CLIENT.node_id) == before

    async def test_a_refused_envelope_is_refused_again_with_the_same_words(self, market: Market) -> None:
        raw = market.sign(CLIENT, Stake(amount_nano=10**15))
        with pytest.raises(FundsError) as first:
            await market.ledger.submit(raw)
        await market.fund(CLIENT, 10**15)
        with pytest.raises(FundsError) as second:
            await market.ledger.submit(raw)
        assert str(first.value) == str(second.value)

    async def test_a_second_delivery_is_a_conflict(self, market: Market) -> None:
        await market.open(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        await market.do(producer(record), delivery(record))
        with pytest.raises(ConflictError, match="drawing"):
            await market.do(producer(record), delivery(record, result_hash=b"x" * 32))

    async def test_which_delivery_is_audited_follows_from_its_draw_and_stands_in_the_receipt(
        self, market: Market
    ) -> None:
        """The first delivery commits to nothing, the others to a trace."""
        await market.open(task_id(1), units=(1,) * 40)
        rules, found = await market.rules(task_id(1)), []
        for index in range(40):
            root = b"t" * 32 if index else b""
            record = await market.deliver(task_id(1), index, trace_root=root)
            assert record.delivery is not None
            assert record.delivery.trace_root == root
            found.append(audit_of(record, record.round, record.delivery, rules))
            await market.judge(task_id(1), index)
        receipt = await build(market.ledger, task_id(1))
        audit(receipt)
        told = [part["rulings"][0]["audited"] for part in receipt.statement["parts"]]
        assert told == [beacon is not None for beacon in found]
        assert not told[0]
        assert True in told
        assert False in told[1:]
        assert len({beacon for beacon in found if beacon}) == sum(told)

    async def test_only_the_assigned_producer_delivers(self, market: Market) -> None:
        await market.open(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        with pytest.raises(ConflictError, match="belongs to"):
            await market.do(record.assignment.producers[1].node, delivery(record))

    async def test_nobody_sits_before_work_is_delivered_and_the_client_has_opened_its_link(
        self, market: Market
    ) -> None:
        await market.open(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        with pytest.raises(ConflictError, match="cannot be drawn for"):
            await market.do(CLIENT, drawing(record, RULES))
        record = await market.deliver(task_id(1), draws=False)
        assert (record.state, record.seatings, record.left_out) == (PartState.DRAWING, (), ())
        for who in (judge.node for judge in record.assignment.validators):
            with pytest.raises(ConflictError, match="cannot be committed"):
                await market.do(who, committed(record, who, VALID))
        with pytest.raises(InputError, match="Only the client"):
            await market.do(producer(record), drawing(record, RULES))
        with pytest.raises(ConflictError, match="next link"):
            await market.do(CLIENT, drawing(record, RULES, link=bytes(32)))
        with pytest.raises(ConflictError, match="another pool"):
            await market.do(CLIENT, drawing(record, RULES, pool_hash=bytes(32)))
        drawn = await market.draw(task_id(1))
        assert (drawn.state, len(seated(drawn))) == (PartState.DELIVERED, 3)
        with pytest.raises(ConflictError, match="cannot be drawn for"):
            await market.do(CLIENT, drawing(drawn, RULES))

    async def test_stake_is_held_of_all_who_may_be_drawn_and_then_of_the_seats(self, market: Market) -> None:
        async def held() -> dict[str, int]:
            judges = [party(f"validator {i}").node_id for i in range(7)]
            return {who: (await market.ledger.account(who)).locked_nano for who in judges}

        await market.open(task_id(1))
        assert set((await held()).values()) == {0}
        await market.deliver(task_id(1), draws=False)
        assert set((await held()).values()) == {20_000}
        record = await market.draw(task_id(1))
        assert await held() == dict.fromkeys(await held(), 0) | dict.fromkeys(seated(record), 20_000)

    async def test_who_is_silent_or_has_no_free_stake_at_delivery_is_not_drawn_and_the_record_says_so(
        self, market: Market
    ) -> None:
        await market.open(task_id(1))
        gone, poor = party("validator 0"), party("validator 1")
        await market.beat(gone, role=Role.VALIDATOR, live=False)
        await market.do(poor, Unstake(amount_nano=100 * NANO))
        record = await market.deliver(task_id(1))
        assert set(record.left_out) == {gone.node_id, poor.node_id}
        assert not set(record.left_out) & set(seated(record))
        assert (await market.judge(task_id(1))).state is PartState.VALID
        audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)

    async def test_when_everybody_seems_silent_nobody_is_left_out(self, market: Market) -> None:
        """So it is after the ledger itself was away."""
        await market.open(task_id(1))
        for number in range(6):
            await market.beat(party(f"validator {number}"), role=Role.VALIDATOR, live=False)
        assert (await market.deliver(task_id(1), draws=False)).left_out == ()

    async def test_a_delivery_that_too_few_can_judge_is_refunded(self, market: Market) -> None:
        await market.open(task_id(1))
        for number in range(6):
            await market.do(party(f"validator {number}"), Unstake(amount_nano=100 * NANO))
        record = await market.deliver(task_id(1), draws=False)
        assert (record.state, record.notes[-1]) == (PartState.REFUNDED, "too few validators can judge it now")
        assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 1_000 * NANO
        audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)

    async def test_a_client_that_keeps_its_link_back_has_cancelled_late_and_pays_as_if_it_were_good(
        self, market: Market
    ) -> None:
        for number, cancels in ((1, True), (2, False)):
            before = (await market.ledger.account(CLIENT.node_id)).balance_nano
            await market.open(task_id(number))
            record = await market.deliver(task_id(number), draws=False)
            maker = producer(record)
            earned = (await market.ledger.account(maker)).balance_nano
            if cancels:
                await market.do(CLIENT, Cancel(task=task_id(number)))
            else:
                market.clock.advance(RULES.draw_s)  # type: ignore[attr-defined]
                assert await market.ledger.expire() == 1
            assert (await market.ledger.part(task_id(number), 0)).state is PartState.CANCELLED
            reward_nano = record.assignment.producers[0].reward_nano
            stood_by = [*record.assignment.producers[1:], *record.assignment.validators]
            held_nano = sum(terms.reward_nano * RULES.hold_ppm // 10**6 for terms in stood_by)
            cost_nano = reward_nano + held_nano + judging_cost(record.assignment, RULES)
            unjudged_nano = reward_nano * RULES.unjudged_ppm // 10**6
            assert (await market.ledger.account(maker)).balance_nano == earned + unjudged_nano
            assert (await market.ledger.account(CLIENT.node_id)).balance_nano == before - cost_nano
            assert all([(await market.ledger.account(who)).locked_nano == 0 for who in market.people])
            audit(await build(market.ledger, task_id(number)), ledger=OPERATOR.node_id)

    async def test_only_seats_commit_and_only_once(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        with pytest.raises(ConflictError, match="may not vote"):
            await market.do(producer(record), committed(record, producer(record), VALID))
        seat = seated(record)[0]
        await market.do(seat, committed(record, seat, VALID))
        with pytest.raises(ConflictError, match="already committed"):
            await market.do(seat, committed(record, seat, INVALID))

    async def test_a_vote_that_was_not_committed_cannot_be_revealed(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        seats = seated(record)
        for seat in seats:
            await market.commit(task_id(1), 0, seat, VALID)
        with pytest.raises(ConflictError, match="not the one it committed"):
            await market.reveal(task_id(1), 0, seats[0], INVALID)
        bad = Reveal(task=task_id(1), index=0, round=0, vote=VALID, salt=b"t" * 16)
        with pytest.raises(ConflictError, match="not the one it committed"):
            await market.do(seats[0], bad)
        await market.reveal(task_id(1), 0, seats[0], VALID)
        with pytest.raises(ConflictError, match="already revealed"):
            await market.reveal(task_id(1), 0, seats[0], VALID)

    async def test_votes_stay_hidden_until_all_have_committed(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        seats = seated(await market.ledger.part(task_id(1), 0))
        await market.commit(task_id(1), 0, seats[0], VALID)
        with pytest.raises(ConflictError, match="cannot be revealed"):
            await market.reveal(task_id(1), 0, seats[0], VALID)

    async def test_an_invalid_result_passes_to_the_next_producer_with_fresh_seats(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        first = await market.ledger.part(task_id(1), 0)
        record = await market.judge(task_id(1), votes=(INVALID, INVALID, INVALID))
        assert (record.state, record.attempt, record.round) == (PartState.ASSIGNED, 1, 1)
        punished = await market.ledger.account(producer(first))
        assert punished.stake_nano == 100 * NANO - 2 * first.assignment.producers[0].reward_nano
        await market.deliver(task_id(1))
        assert (await market.judge(task_id(1))).state is PartState.VALID

    async def test_a_vote_for_the_first_delivery_never_counts_for_the_second(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        first = await market.ledger.part(task_id(1), 0)
        await market.judge(task_id(1), votes=(INVALID, INVALID, INVALID))
        await market.deliver(task_id(1))
        await market.judge(task_id(1), votes=(INVALID, INVALID, INVALID))
        await market.deliver(task_id(1))
        with pytest.raises(ConflictError, match="round 2, not 0"):
            await market.do(seated(first)[0], committed(first, seated(first)[0], INVALID))

    async def test_in_stream_mode_an_invalid_result_ends_the_part(self, market: Market) -> None:
        await market.open(task_id(1), mode=Mode.STREAM)
        await market.deliver(task_id(1))
        record = await market.judge(task_id(1), votes=(INVALID, INVALID, VALID))
        assert record.state is PartState.INVALID
        assert (await market.ledger.task(task_id(1))).state is TaskState.FAILED

    async def test_no_majority_draws_again_then_refunds_and_punishes_nobody(self, market: Market) -> None:
        held = await everything_held(market)
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        record = await market.judge(task_id(1), votes=(UNSURE, UNSURE, VALID))
        assert (record.state, record.attempt, record.round) == (PartState.DRAWING, 0, 1)
        assert not {seat.node for seat in record.seatings[0].seats} & set(seated(await market.draw(task_id(1))))
        record = await market.judge(task_id(1), votes=(VALID, INVALID, UNSURE))
        assert record.state is PartState.REFUNDED
        assert await everything_held(market) == held
        assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 1_000 * NANO

    async def test_silence_passes_the_part_on_and_at_last_refunds_it(self, market: Market) -> None:
        await market.open(task_id(1))
        for attempt in range(3):
            record = await market.ledger.part(task_id(1), 0)
            assert record.attempt == attempt
            market.clock.advance(RULES.deliver_s)  # type: ignore[attr-defined]
            assert await market.ledger.expire() == 1
        record = await market.ledger.part(task_id(1), 0)
        assert record.state is PartState.REFUNDED
        held_nano = sum(hold_fee(terms, RULES) for terms in record.assignment.producers)
        assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 1_000 * NANO - held_nano

    async def test_a_late_delivery_is_a_conflict_even_before_anybody_calls_expire(self, market: Market) -> None:
        await market.open(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        market.clock.advance(RULES.deliver_s)  # type: ignore[attr-defined]
        with pytest.raises(ConflictError, match="belongs to"):
            await market.do(producer(record), delivery(record))
        assert (await market.ledger.part(task_id(1), 0)).attempt == 1

    async def test_a_missing_validator_delays_but_does_not_stop_a_part(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        seats = seated(await market.ledger.part(task_id(1), 0))
        for seat in seats[:2]:
            await market.commit(task_id(1), 0, seat, VALID)
        market.clock.advance(RULES.commit_s)  # type: ignore[attr-defined]
        with pytest.raises(ConflictError, match="cannot be committed"):
            await market.commit(task_id(1), 0, seats[2], VALID)
        for seat in seats[:2]:
            await market.reveal(task_id(1), 0, seat, VALID)
        assert (await market.ledger.part(task_id(1), 0)).state is PartState.VALID

    async def test_whoever_hides_a_committed_vote_pays_for_it(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        seats = seated(await market.ledger.part(task_id(1), 0))
        for seat in seats:
            await market.commit(task_id(1), 0, seat, VALID)
        for seat in seats[:2]:
            await market.reveal(task_id(1), 0, seat, VALID)
        market.clock.advance(RULES.reveal_s)  # type: ignore[attr-defined]
        assert await market.ledger.expire() == 1
        assert (await market.ledger.part(task_id(1), 0)).state is PartState.VALID
        assert (await market.ledger.account(seats[2])).stake_nano == 100 * NANO - 10_000

    async def test_decline_and_skip_pass_the_part_on(self, market: Market) -> None:
        await market.open(task_id(1))
        first = await market.ledger.part(task_id(1), 0)
        await market.do(producer(first), Decline(task=task_id(1), index=0, attempt=0, reason="busy"))
        with pytest.raises(ConflictError, match="attempt 1, not 0"):
            await market.do(CLIENT, Skip(task=task_id(1), index=0, attempt=0, reason="slow"))
        await market.do(CLIENT, Skip(task=task_id(1), index=0, attempt=1, reason="slow"))
        record = await market.ledger.part(task_id(1), 0)
        assert record.attempt == 2
        assert [note.split(": ", 1)[1] for note in record.notes] == ["declined: busy", "skipped by the client: slow"]

    async def test_only_the_client_skips_and_cancels(self, market: Market) -> None:
        await market.open(task_id(1))
        with pytest.raises(InputError, match="Only the client"):
            await market.do(party("producer 0"), Skip(task=task_id(1), index=0, attempt=0, reason=""))
        with pytest.raises(InputError, match="Only the client"):
            await market.do(party("producer 0"), Cancel(task=task_id(1)))

    async def test_cancel_refunds_what_is_undelivered_and_pays_what_is_delivered(self, market: Market) -> None:
        await market.open(task_id(1), units=(100, 200))
        await market.deliver(task_id(1), 0)
        await market.do(CLIENT, Cancel(task=task_id(1)))
        judged, undone = await market.ledger.parts(task_id(1))
        assert (judged.state, undone.state) == (PartState.DELIVERED, PartState.CANCELLED)
        assert (await market.judge(task_id(1), 0)).state is PartState.VALID
        assert (await market.ledger.task(task_id(1))).state is TaskState.PARTIAL
        with pytest.raises(ConflictError, match="already closed"):
            await market.do(CLIENT, Cancel(task=task_id(1)))

    async def test_a_delivered_part_of_a_cancelled_task_has_no_failover(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        await market.do(CLIENT, Cancel(task=task_id(1)))
        record = await market.judge(task_id(1), votes=(INVALID, INVALID, INVALID))
        assert record.state is PartState.INVALID

    async def test_a_later_phase_waits_for_the_earlier_one(self, market: Market) -> None:
        parts = (Part(index=0, units=10), Part(index=1, units=10, phase=1))
        await market.open(task_id(1), parts=parts)
        assert (await market.ledger.part(task_id(1), 1)).state is PartState.WAITING
        await market.deliver(task_id(1), 0)
        await market.judge(task_id(1), 0)
        assert (await market.ledger.part(task_id(1), 1)).state is PartState.ASSIGNED

    async def test_a_later_phase_is_refunded_when_the_earlier_one_fails(self, market: Market) -> None:
        parts = (Part(index=0, units=10), Part(index=1, units=10, phase=1), Part(index=2, units=10, phase=2))
        await market.open(task_id(1), parts=parts, mode=Mode.STREAM)
        await market.deliver(task_id(1), 0)
        await market.judge(task_id(1), 0, (INVALID, INVALID, INVALID))
        states = [record.state for record in await market.ledger.parts(task_id(1))]
        assert states == [PartState.INVALID, PartState.REFUNDED, PartState.REFUNDED]
        assert (await market.ledger.task(task_id(1))).state is TaskState.FAILED

    async def test_a_closed_task_has_an_auditable_receipt(self, market: Market) -> None:
        await market.open(task_id(1), units=(30, 40))
        with pytest.raises(ConflictError, match="still open"):
            await build(market.ledger, task_id(1))
        for index in range(2):
            await market.deliver(task_id(1), index)
            await market.judge(task_id(1), index)
        report = audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)
        assert (report.state, report.parts, report.rulings) == (TaskState.COMPLETED, 2, 2)
        assert sum(report.net_nano.values()) == 0

    async def test_nothing_is_opened_when_money_is_missing(self, market: Market) -> None:
        with pytest.raises(FundsError, match="more than the 1 nano allowed"):
            await market.open(task_id(1), max_total_nano=1)
        await market.do(CLIENT, Stake(amount_nano=1_000 * NANO))
        with pytest.raises(FundsError, match="less than"):
            await market.open(task_id(1))
        with pytest.raises(InputError, match="no task"):
            await market.ledger.task(task_id(1))
        assert (await market.ledger.account(party("producer 0").node_id)).locked_nano == 0

    async def test_a_task_id_is_used_once(self, market: Market) -> None:
        await market.open(task_id(1))
        with pytest.raises(ConflictError, match="exists already"):
            await market.open(task_id(1))

    async def test_the_escrow_is_what_was_quoted_or_less(self, market: Market) -> None:
        parts = (Part(index=0, units=100), Part(index=1, units=50))
        quoted = await market.ledger.quote(SPEECH, parts)
        await market.open(task_id(1), parts=parts)
        held = (await market.ledger.account(CLIENT.node_id)).escrow_nano
        assert 0 < held <= quoted.total_nano
        assert held == sum(record.remaining_nano for record in await market.ledger.parts(task_id(1)))

    async def test_locked_stake_cannot_be_withdrawn_and_is_released_at_the_end(self, market: Market) -> None:
        await market.open(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        who = producer(record)
        account = await market.ledger.account(who)
        terms, rules = record.assignment.producers[0], (await market.ledger.task(task_id(1))).rules
        assert account.locked_nano == penalty(terms, rules, judging_cost(record.assignment, rules))
        with pytest.raises(FundsError, match="take back"):
            await market.do(who, Unstake(amount_nano=account.stake_nano))
        await market.do(CLIENT, Cancel(task=task_id(1)))
        await market.do(who, Unstake(amount_nano=account.stake_nano))
        left = await market.ledger.account(who)
        stood_by_nano = hold_fee(terms, rules)
        assert (left.stake_nano, left.unbonding_nano, left.balance_nano) == (0, account.stake_nano, stood_by_nano)
        assert left.unbonding_until_ms == market.clock.now_ms() + RULES.unbond_s * 1000
        market.clock.advance(RULES.unbond_s - 1)  # type: ignore[attr-defined]
        await market.ledger.expire()
        assert (await market.ledger.account(who)).balance_nano == stood_by_nano
        market.clock.advance(1)  # type: ignore[attr-defined]
        await market.ledger.expire()
        assert (await market.ledger.account(who)).balance_nano == account.stake_nano + stood_by_nano

    async def test_only_the_operator_deposits(self, market: Market) -> None:
        with pytest.raises(InputError, match="Only the ledger's operator"):
            await market.do(CLIENT, Deposit(account=CLIENT.node_id, amount_nano=1))

    async def test_unsigned_forged_stale_and_misdirected_envelopes_are_refused(self, market: Market) -> None:
        raw = market.sign(CLIENT, Stake(amount_nano=1))
        with pytest.raises(ProtocolError):
            await market.ledger.submit(raw[:-1] + bytes([raw[-1] ^ 1]))
        with pytest.raises(ProtocolError):
            await market.ledger.submit(b"")
        other = envelope.sign(CLIENT, kind="ledger", receiver=CLIENT.node_id, task="", body=b"", clock=market.clock)
        with pytest.raises(ProtocolError, match="Wrong receiver"):
            await market.ledger.submit(other)
        work = envelope.sign(CLIENT, kind="work", receiver=OPERATOR.node_id, task="", body=b"", clock=market.clock)
        with pytest.raises(InputError, match="no operation"):
            await market.ledger.submit(work)
        market.clock.advance(3_600)  # type: ignore[attr-defined]
        with pytest.raises(ProtocolError, match="stale"):
            await market.ledger.submit(raw)

    async def test_silent_and_retired_nodes_are_not_offered(self, market: Market) -> None:
        assert len(await market.ledger.offers(SPEECH, Role.PROCESSOR)) == 3
        await market.beat(party("producer 0"), live=False)
        await market.do(party("producer 1"), Retire(role=Role.PROCESSOR))
        assert len(await market.ledger.offers(SPEECH, Role.PROCESSOR)) == 1
        market.clock.advance(RULES.live_s + 1)  # type: ignore[attr-defined]
        assert await market.ledger.offers(SPEECH, Role.PROCESSOR) == ()
        with pytest.raises(UnavailableError):
            await market.ledger.quote(SPEECH, (Part(index=0, units=1),))
        await market.beat(party("producer 0"))
        assert len(await market.ledger.offers(SPEECH, Role.PROCESSOR)) == 1
        with pytest.raises(InputError, match="not registered"):
            await market.beat(party("producer 1"))

    async def test_nobody_registers_without_stake(self, market: Market) -> None:
        poor = party("poor")
        offer = ServiceOffer(service="speech", price_nano=1)
        joins = Register(role=Role.PROCESSOR, offers=(offer,), seal_key=poor.seal_public, endpoint="test:poor")
        with pytest.raises(FundsError, match="Stake first"):
            await market.do(poor, joins)
        await market.fund(poor, RULES.min_stake_nano)
        await market.do(poor, Stake(amount_nano=RULES.min_stake_nano - 1))
        with pytest.raises(FundsError, match="Stake first"):
            await market.do(poor, joins)
        await market.do(poor, Stake(amount_nano=1))
        await market.do(poor, joins)
        assert (await market.ledger.node(poor.node_id, Role.PROCESSOR)).endpoint == "test:poor"

    async def test_a_registration_has_kilobytes_not_megabytes(self, market: Market) -> None:
        who = party("producer 0")
        voices = tuple(f"voice-{number}" * 6 for number in range(1_000))
        offer = ServiceOffer(service="speech", price_nano=1, voices=voices)
        with pytest.raises(InputError, match="more than 16384"):
            await market.do(
                who, Register(role=Role.PROCESSOR, offers=(offer,), seal_key=who.seal_public, endpoint="test:x")
            )

    async def test_nodes_are_found_by_id_and_listed_in_pages(self, market: Market) -> None:
        listed = await every_node(market.ledger)
        assert len(listed) == 10
        assert [record.key for record in listed] == sorted(record.key for record in listed)
        pages, after = [], ""
        while page := await market.ledger.nodes(Role.VALIDATOR, after=after, limit=3):
            pages.append([record.node for record in page])
            after = page[-1].key
        assert [len(page) for page in pages] == [3, 3, 1]
        assert sorted(node for page in pages for node in page) == sorted(
            party(f"validator {i}").node_id for i in range(7)
        )
        for record in listed:
            assert await market.ledger.node(record.node, record.role) == record
        with pytest.raises(InputError, match="not registered"):
            await market.ledger.node(CLIENT.node_id, Role.PROCESSOR)

    async def test_a_node_is_handed_out_with_its_own_signature(self, market: Market) -> None:
        for record in await every_node(market.ledger):
            told = registration.check(record, ledger=OPERATOR.node_id, now_ms=market.clock.now_ms())
            assert told == record
            assert told.seal_key == market.people[record.node].seal_public

    async def test_an_older_registration_never_takes_a_newer_ones_place(self, market: Market) -> None:
        who = party("producer 0")
        offer = ServiceOffer(service="speech", price_nano=7)
        old = market.sign(
            who, Register(role=Role.PROCESSOR, offers=(offer,), seal_key=who.seal_public, endpoint="test:old")
        )
        market.clock.advance(1)  # type: ignore[attr-defined]
        await market.do(
            who, Register(role=Role.PROCESSOR, offers=(offer,), seal_key=who.seal_public, endpoint="test:new")
        )
        with pytest.raises(ConflictError, match="later registration"):
            await market.ledger.submit(old)
        assert (await market.ledger.node(who.node_id, Role.PROCESSOR)).endpoint == "test:new"

    async def test_a_heartbeat_from_another_place_is_refused(self, market: Market) -> None:
        with pytest.raises(ConflictError, match="Register anew"):
            await market.do(party("producer 0"), Heartbeat(role=Role.PROCESSOR, endpoint="inproc:elsewhere"))

    async def test_a_node_that_is_silent_for_long_leaves_and_may_come_back_with_its_name(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        who = producer(await market.judge(task_id(1)))
        market.clock.advance(RULES.silent_s + 1)  # type: ignore[attr-defined]
        await market.ledger.expire()
        assert await every_node(market.ledger) == ()
        with pytest.raises(InputError, match="not registered"):
            await market.beat(market.people[who])
        identity = market.people[who]
        offer = ServiceOffer(service="speech", price_nano=7)
        await market.do(
            identity, Register(role=Role.PROCESSOR, offers=(offer,), seal_key=identity.seal_public, endpoint="test:x")
        )
        assert (await market.ledger.node(who, Role.PROCESSOR)).settled == {"speech": 1}

    async def test_score_memory_moves_with_verdicts_and_restarts_after_retirement(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        who = producer(await market.judge(task_id(1)))
        node = await market.ledger.node(who, Role.PROCESSOR)
        assert (node.quality_ppm["speech"], node.settled["speech"]) == (530_000, 1)  # .5 + .1 * (.8 - .5)
        await market.do(who, Retire(role=Role.PROCESSOR))
        back = Register(role=Role.PROCESSOR, offers=node.offers, seal_key=node.seal_key, endpoint=node.endpoint)
        await market.do(who, back)
        node = await market.ledger.node(who, Role.PROCESSOR)
        assert (node.quality_ppm["speech"], node.settled["speech"]) == (500_000, 0)

    async def test_retirement_does_not_wash_off_a_bad_name(self, market: Market) -> None:
        await market.open(task_id(1))
        await market.deliver(task_id(1))
        who = producer(await market.ledger.part(task_id(1), 0))
        await market.judge(task_id(1), votes=(INVALID, INVALID, INVALID))
        node = await market.ledger.node(who, Role.PROCESSOR)
        assert node.quality_ppm["speech"] == 440_000  # .5 + .1 * (-.1 - .5)
        await market.do(who, Retire(role=Role.PROCESSOR))
        back = Register(role=Role.PROCESSOR, offers=node.offers, seal_key=node.seal_key, endpoint=node.endpoint)
        await market.do(who, back)
        node = await market.ledger.node(who, Role.PROCESSOR)
        assert node.quality_ppm["speech"] == 440_000

    async def test_work_in_progress_counts_as_load(self, market: Market) -> None:
        await market.open(task_id(1))
        who = producer(await market.ledger.part(task_id(1), 0))
        loads = {offer.node: offer.load for offer in await market.ledger.offers(SPEECH, Role.PROCESSOR)}
        assert loads[who] == 1
        assert sum(loads.values()) == 1
        await market.do(CLIENT, Cancel(task=task_id(1)))
        assert all(offer.load == 0 for offer in await market.ledger.offers(SPEECH, Role.PROCESSOR))

    async def test_only_validators_open_synthetic_tasks_and_may_name_the_node(self, market: Market) -> None:
        wanted = party("producer 2").node_id
        selector = Selector(service="speech", language="en-gb", node=wanted)
        with pytest.raises(InputError, match="registered validator"):
            await market.open(task_id(1), selector=selector, synthetic=True)
        with pytest.raises(InputError, match="Only a synthetic task"):
            await market.open(task_id(1), selector=selector)
        assert wanted in {offer.node for offer in await market.ledger.offers(selector, Role.PROCESSOR)}

    async def test_a_probe_looks_like_any_other_task_until_it_is_closed(self, market: Market) -> None:
        judge, stranger, wanted = party("validator 0"), party("a stranger"), party("producer 2").node_id
        market.people[stranger.node_id] = stranger
        await market.fund(judge, NANO)
        await market.do(judge, Pay(account=stranger.node_id, amount_nano=NANO))
        assert (await market.ledger.account(stranger.node_id)).balance_nano == NANO
        await market.do(stranger, probe(wanted, voucher=vouched(market, judge, stranger)))
        await market.open(task_id(2), units=(10,))
        shown, ordinary = await market.ledger.task(task_id(1)), await market.ledger.task(task_id(2))
        assert (shown.synthetic, shown.selector) == (False, ordinary.selector)
        assert shown in await market.ledger.tasks(stranger.node_id)
        part, other = await market.ledger.part(task_id(1), 0), await market.ledger.part(task_id(2), 0)
        assert producer(part) == wanted
        assert len(part.assignment.producers) == len(other.assignment.producers)
        pools = [{terms.node for terms in record.assignment.validators} for record in (part, other)]
        assert pools[0] == pools[1] >= {judge.node_id}, "whoever is missing would be whose probe it is"
        with pytest.raises(ConflictError, match="still open"):
            await market.ledger.evidence(task_id(1))
        await market.deliver(task_id(1))
        await market.judge(task_id(1))
        closed = await market.ledger.task(task_id(1))
        assert (closed.synthetic, closed.selector.node) == (True, wanted)
        audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)

    async def test_only_a_staked_validator_vouches_and_only_for_the_client_it_names(self, market: Market) -> None:
        judge, stranger, wanted = party("validator 0"), party("a stranger"), party("producer 2").node_id
        market.people[stranger.node_id] = stranger
        await market.fund(stranger, NANO)
        for voucher, said in (
            (b"", "registered validator"),
            (vouched(market, party("producer 0"), stranger), "registered validator"),
            (vouched(market, stranger, stranger), "registered validator"),
            (vouched(market, judge, ADA), "not for this client"),
        ):
            with pytest.raises(InputError, match=said):
                await market.do(stranger, probe(wanted, voucher=voucher))
        old = vouched(market, judge, stranger)
        market.clock.advance(120)  # type: ignore[attr-defined]
        with pytest.raises(ProtocolError, match="stale"):
            await market.do(stranger, probe(wanted, voucher=old))
        await market.do(judge, Unstake(amount_nano=95 * NANO))
        with pytest.raises(InputError, match="registered validator"):
            await market.do(stranger, probe(wanted, voucher=vouched(market, judge, stranger)))

    async def test_nobody_pays_what_it_has_not(self, market: Market) -> None:
        held = await everything_held(market)
        with pytest.raises(FundsError):
            await market.do(ADA, Pay(account=CLIENT.node_id, amount_nano=1))
        assert await everything_held(market) == held

    async def test_nobody_works_on_or_judges_their_own_task(self, market: Market) -> None:
        offer = ServiceOffer(service="speech", price_nano=1)
        await market.do(CLIENT, Stake(amount_nano=500 * NANO))
        for role in (Role.PROCESSOR, Role.VALIDATOR):
            await market.do(
                CLIENT, Register(role=role, offers=(offer,), seal_key=CLIENT.seal_public, endpoint="test:client")
            )
        await market.open(task_id(1), units=[10] * 20)
        for record in await market.ledger.parts(task_id(1)):
            producers = {terms.node for terms in record.assignment.producers}
            validators = {terms.node for terms in record.assignment.validators}
            assert CLIENT.node_id not in producers | validators
            assert not producers & validators

    async def test_a_long_poll_returns_as_soon_as_the_part_changes(self, market: Market) -> None:
        await market.open(task_id(1))
        record = await market.ledger.part(task_id(1), 0)
        waiting = asyncio.create_task(market.ledger.part(task_id(1), 0, newer_than=record.version, wait_s=20.0))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await market.deliver(task_id(1), draws=False)
        changed = await asyncio.wait_for(waiting, 15)
        assert changed.state is PartState.DRAWING

    async def test_a_validator_hears_of_its_seat_at_once_and_of_each_once(self, market: Market) -> None:
        everybody = [party(f"validator {number}").node_id for number in range(7)]
        await market.open(task_id(1), units=(100, 50))
        waiting = {who: asyncio.create_task(market.ledger.seats(who, wait_s=25.0)) for who in everybody}
        await asyncio.sleep(0.05)
        assert not any(poll.done() for poll in waiting.values())
        record = await market.deliver(task_id(1))
        for who in seated(record):
            (seat,) = await asyncio.wait_for(waiting[who], 15)
            assert (seat.task, seat.index, seat.attempt, seat.round) == (task_id(1), 0, 0, 0)
            assert seat.deadline_ms == record.deadline_ms
            assert await market.ledger.seats(who, newer_than=seat.number, wait_s=0.0) == ()
        for who, poll in waiting.items():
            assert poll.done() is (who in seated(record))
            poll.cancel()
        await market.judge(task_id(1))
        assert [await market.ledger.seats(who) for who in everybody] == [()] * 7

    async def test_a_long_poll_ends_after_its_time(self, market: Market) -> None:
        await market.open(task_id(1))
        for wait_s in (0.05, 0.0, -1.0, float("nan")):
            record = await market.ledger.part(task_id(1), 0, newer_than=0, wait_s=wait_s)
            assert record.version == 0

    async def test_tasks_are_listed_newest_first(self, market: Market) -> None:
        for number in range(3):
            await market.open(task_id(number))
        listed = await market.ledger.tasks(CLIENT.node_id, limit=2)
        assert [record.task for record in listed] == [task_id(2), task_id(1)]
        assert await market.ledger.tasks("nobody") == ()

    @pytest.mark.parametrize(
        "change",
        [
            {"units": (0,)},
            {"units": (100_001,)},
            {"units": [1] * 5_001},
            {"max_total_nano": 0},
            {"selector": Selector(service="x" * 65)},
            {"selector": Selector(service="speech", voice="a\nb")},
            {"parts": (Part(index=1, units=1),)},
        ],
    )
    async def test_absurd_tasks_are_refused(self, market: Market, change: dict[str, object]) -> None:
        with pytest.raises(InputError):
            await market.open(task_id(1), **change)  # type: ignore[arg-type]

    async def test_a_mode_that_does_not_exist_is_refused(self, market: Market) -> None:
        body = canonical.pack(probe("", mode="sometimes", synthetic=False))
        raw = envelope.sign(
            CLIENT, kind="ledger", receiver=OPERATOR.node_id, task=task_id(1), body=body, clock=market.clock
        )
        with pytest.raises(ProtocolError, match="sometimes"):
            await market.ledger.submit(raw)

    @pytest.mark.parametrize("price_nano", [0, -1, 10**12])
    async def test_absurd_prices_are_refused(self, market: Market, price_nano: int) -> None:
        offer = ServiceOffer(service="speech", price_nano=price_nano)
        absurd = Register(role=Role.PROCESSOR, offers=(offer,), seal_key=bytes(32), endpoint="x")
        with pytest.raises(InputError, match="price"):
            await market.do(CLIENT, absurd)

    async def test_questions_about_nothing_say_so(self, market: Market) -> None:
        for question in (market.ledger.task, market.ledger.parts, market.ledger.evidence):
            with pytest.raises(AntiphonError, match="no task"):
                await question(task_id(9))
        with pytest.raises(AntiphonError, match="no part"):
            await market.ledger.part(task_id(9), 0)
        with pytest.raises(AntiphonError):
            await market.do(CLIENT, Reveal(task=task_id(9), index=0, round=0, vote=VALID, salt=SALT))

    async def test_numbers_beyond_every_table_are_refused_politely(self, market: Market) -> None:
        await market.open(task_id(1))
        with pytest.raises(InputError):
            await market.do(CLIENT, Skip(task=task_id(1), index=2**63, attempt=0, reason=""))
        with pytest.raises(InputError, match="no part"):
            await market.ledger.part(task_id(1), 2**63)
        assert await market.ledger.tasks(limit=-5) == ()

    async def test_a_validators_own_prompt_is_worked_judged_and_paid_like_any_other(self, market: Market) -> None:
        owner, wanted = party("validator 0"), party("producer 2").node_id
        await market.fund(owner, NANO)
        prompt = probe(wanted)
        await market.do(owner, prompt)
        record = await market.ledger.part(task_id(1), 0)
        assert producer(record) == wanted
        assert owner.node_id not in {terms.node for terms in record.assignment.validators}
        await market.deliver(task_id(1))
        assert (await market.judge(task_id(1))).state is PartState.VALID
        assert (await market.ledger.task(task_id(1))).synthetic

    async def test_a_service_that_needs_consent_is_not_opened_without_one(self, market: Market) -> None:
        held = await everything_held(market)
        with pytest.raises(InputError, match="needs a consent"):
            await market.open(task_id(1), selector=CLONE)
        raw = consent(market.clock)
        await market.open(task_id(2), selector=CLONE, grants=(raw,))
        named = (await market.ledger.task(task_id(2))).grants
        assert [(ref.grantor, ref.id) for ref in named] == [(ADA.node_id, grant_id(raw))]
        assert (await market.ledger.quote(CLONE, (Part(index=0, units=1),))).total_nano > 0
        assert await everything_held(market) == held

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"begins_s": -20, "lasts_s": 10}, "expired"),
            ({"begins_s": 10}, "not valid before"),
            ({"grantee": party("somebody else").node_id}, "was given to"),
        ],
    )
    async def test_a_consent_that_is_not_in_force_for_the_client_opens_nothing(
        self, market: Market, change: dict[str, object], said: str
    ) -> None:
        for selector in (CLONE, SPEECH):  # a task that names a consent relies on it, whatever its service
            with pytest.raises(InputError, match=said):
                await market.open(task_id(1), selector=selector, grants=(consent(market.clock, **change),))  # type: ignore[arg-type]
        own = consent(market.clock, grantee=CLIENT.node_id)
        await market.open(task_id(1), selector=CLONE, grants=(own,))

    async def test_what_is_no_consent_opens_nothing(self, market: Market) -> None:
        raw = consent(market.clock)
        order = envelope.sign(ADA, kind="order", receiver=ADA.node_id, task="", body=b"", clock=market.clock)
        for grants in ((b"",), (raw[:-1],), (raw + b"\0",), (order,), (raw, raw), (bytes(5_000),), (raw, b"x")):
            with pytest.raises((InputError, ProtocolError)):
                await market.open(task_id(1), selector=CLONE, grants=grants)
        many = tuple(consent(market.clock) for _ in range(17))
        with pytest.raises(InputError, match="at most 16"):
            await market.open(task_id(1), selector=CLONE, grants=many)

    async def test_a_revoked_consent_opens_nothing_even_if_it_was_never_used(self, market: Market) -> None:
        raw = consent(market.clock)
        assert not await market.ledger.revoked(ADA.node_id, grant_id(raw))
        await market.do(ADA, Revoke(grant=grant_id(raw)))
        assert await market.ledger.revoked(ADA.node_id, grant_id(raw))
        with pytest.raises(InputError, match="was revoked"):
            await market.open(task_id(1), selector=CLONE, grants=(consent(market.clock), raw))
        await market.do(ADA, Revoke(grant=grant_id(raw)))
        assert (await market.ledger.account(CLIENT.node_id)).escrow_nano == 0

    async def test_somebody_elses_revocation_has_no_effect(self, market: Market) -> None:
        raw = consent(market.clock)
        await market.open(task_id(1), selector=CLONE, grants=(raw,))
        for who in (CLIENT, OPERATOR, party("producer 0")):
            await market.do(who, Revoke(grant=grant_id(raw)))
            assert not await market.ledger.revoked(ADA.node_id, grant_id(raw))
        assert (await market.ledger.part(task_id(1), 0)).state is PartState.ASSIGNED
        await market.open(task_id(2), selector=CLONE, grants=(raw,))
        for absurd in ("", "x" * 32, "0" * 31, "0" * 33):
            with pytest.raises(InputError, match="no id of a consent"):
                await market.do(ADA, Revoke(grant=absurd))

    async def test_a_revocation_ends_every_task_that_relies_on_it_and_no_other(self, market: Market) -> None:
        held = await everything_held(market)
        raw, other = consent(market.clock), consent(market.clock)
        parts = (Part(index=0, units=30), Part(index=1, units=10, phase=1))
        await market.open(task_id(1), selector=CLONE, grants=(raw,), parts=parts)
        await market.open(task_id(2), selector=CLONE, grants=(other, raw))
        await market.open(task_id(3), selector=CLONE, grants=(other,))
        await market.open(task_id(4))
        await market.do(ADA, Revoke(grant=grant_id(raw)))
        for number in (1, 2):
            assert (await market.ledger.task(task_id(number))).state is TaskState.CANCELLED
            for record in await market.ledger.parts(task_id(number)):
                assert (record.state, record.notes[-1]) == (PartState.CANCELLED, "consent revoked")
        for number in (3, 4):
            assert (await market.ledger.part(task_id(number), 0)).state is PartState.ASSIGNED
        late = await market.ledger.part(task_id(1), 0)
        with pytest.raises(ConflictError, match="already cancelled"):
            await market.do(producer(late), delivery(late))
        for number in (3, 4):
            await market.do(CLIENT, Cancel(task=task_id(number)))
        assert await everything_held(market) == held
        producers = [r.assignment.producers for n in range(1, 5) for r in await market.ledger.parts(task_id(n))]
        held_nano = sum(hold_fee(terms, RULES) for team in producers for terms in team)
        assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 1_000 * NANO - held_nano
        assert all([(await market.ledger.account(who)).locked_nano == 0 for who in market.people])

    async def test_what_was_delivered_before_a_revocation_is_judged_and_paid_without_a_failover(
        self, market: Market
    ) -> None:
        for number, vote in ((1, VALID), (2, INVALID)):
            raw = consent(market.clock)
            await market.open(task_id(number), units=(100, 50), selector=CLONE, grants=(raw,))
            await market.deliver(task_id(number), 0)
            await market.do(ADA, Revoke(grant=grant_id(raw)))
            delivered, undone = await market.ledger.parts(task_id(number))
            assert (delivered.state, delivered.notes) == (PartState.DELIVERED, ("consent revoked",))
            assert undone.state is PartState.CANCELLED
            judged = await market.judge(task_id(number), 0, (vote, vote, vote))
            assert judged.state.value == vote.verdict.value
            assert await market.ledger.revoked(ADA.node_id, grant_id(raw)), "so nobody hands it out"
        assert (await market.ledger.task(task_id(1))).state is TaskState.PARTIAL
        assert (await market.ledger.task(task_id(2))).state is TaskState.CANCELLED
        for number in (1, 2):
            audit(await build(market.ledger, task_id(number)), ledger=OPERATOR.node_id)

    async def test_a_receipt_tells_whose_voice_by_whom_and_that_it_was_revoked(self, market: Market) -> None:
        raw = consent(market.clock, grantee=CLIENT.node_id)
        await market.open(task_id(1), selector=CLONE, grants=(raw,))
        market.clock.advance(5)  # type: ignore[attr-defined]
        await market.do(ADA, Revoke(grant=grant_id(raw)))
        receipt = await build(market.ledger, task_id(1))
        audit(receipt, ledger=OPERATOR.node_id)
        (told,) = receipt.statement["consents"]
        assert (told["subject"], told["grantor"], told["grantee"]) == ("Ada", ADA.node_id, CLIENT.node_id)
        assert (told["uses"], told["references"]) == (["enrol", "speak", "convert"], [(b"r" * 32).hex()])
        assert told["revoked_ms"] == market.clock.now_ms()
        assert told["until_ms"] - told["not_before_ms"] == 10**10

    async def test_a_long_poll_hears_of_a_revocation_at_once(self, market: Market) -> None:
        raw = consent(market.clock)
        await market.open(task_id(1), selector=CLONE, grants=(raw,))
        waiting = asyncio.create_task(market.ledger.part(task_id(1), 0, newer_than=0, wait_s=20.0))
        await asyncio.sleep(0.05)
        await market.do(ADA, Revoke(grant=grant_id(raw)))
        assert (await asyncio.wait_for(waiting, 15)).state is PartState.CANCELLED

"""A round's shares: honest contributors are paid, poison, noise, replays and copies are not, and everybody sees why."""

from __future__ import annotations

import numpy as np
import pytest
from contributors import BASE, HELD_OUT, LEARNER, POOL, honest, name, noisy, pieces_of, round_of, scaled

from antiphon.economy.types import PPM
from antiphon.errors import InputError
from antiphon.genki.contribution import Round, appraise, explain, over_rounds, screen, shares, sketch
from antiphon.genki.contribution.admitting import admit
from antiphon.genki.contribution.appraising import SURE, Line
from antiphon.genki.contribution.sharing import shares as shared
from antiphon.genki.learning import Parameters

HONEST = {name(number): honest(number) for number in range(6)}
BAD = name(15)


def with_bad(update: Parameters, **more: object) -> dict[str, Parameters]:
    return HONEST | {BAD: update}


def flipped() -> Parameters:
    return honest(15, pieces=[(x, (y + 1) % 4) for x, y in pieces_of(300, 90)])


def test_honest_work_is_paid_in_whole_ppm_that_sum_to_a_million() -> None:
    found = appraise(round_of(HONEST, pool=POOL))
    assert sum(found.shares.values()) == PPM
    assert len(found.shares) == 6
    assert all(line.credit > 0.5 and line.error_nats == 0 for line in found.lines)
    assert sum(line.value_nats or 0 for line in found.lines) == pytest.approx(found.gain_nats)


@pytest.mark.parametrize(
    "poison",
    [flipped, lambda: scaled(flipped(), 10), lambda: scaled(honest(15), -1), lambda: noisy(scaled(honest(15), 0), 0)],
    ids=["label flip", "scaled", "sign", "nothing"],
)
def test_poison_counts_for_nothing_and_earns_nothing(poison) -> None:
    found = screen(round_of(with_bad(poison())))
    assert set(found.counted) == set(HONEST)
    assert BAD in found.left_out
    paid = appraise(round_of(with_bad(poison()), pool=POOL))
    assert BAD not in paid.shares
    assert paid.shares.keys() == HONEST.keys()


def test_a_scaled_update_counts_no_more_than_an_honest_one() -> None:
    kept = admit(BASE, with_bad(scaled(honest(15), 100)))
    lengths = {who: np.sqrt(sum(np.square(one).sum() for one in update.values())) for who, update in kept.kept.items()}
    assert lengths[BAD] <= 1.5 * sorted(lengths.values())[3] * 1.001
    assert kept.scales[BAD] < 0.03


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3])
def test_the_first_committer_is_paid_and_a_copy_earns_nothing(share: float) -> None:
    found = appraise(round_of(with_bad(noisy(HONEST[name(2)], share)), pool=POOL))
    assert BAD not in found.shares
    assert found.shares == appraise(round_of(HONEST, pool=POOL)).shares  # nor does it cost the original anything
    first = appraise(round_of({BAD: noisy(HONEST[name(2)], share)} | HONEST, pool=POOL))
    assert name(2) not in first.shares


def test_yesterdays_update_and_an_aggregate_are_known_again() -> None:
    known = {"the update of round 3": sketch(noisy(honest(15), 0.1))}
    assert "the update of round 3" in admit(BASE, with_bad(honest(15)), known).refused[BAD]
    assert BAD not in appraise(round_of(with_bad(honest(15)), pool=POOL, known=known)).shares


def test_an_update_that_helps_and_was_not_worked_for_is_not_paid() -> None:
    # Of a round with another beacon: it has learnt from other pieces than those dealt to it.
    stale = noisy(honest(15, beacon=b"yesterday"), 0.5)
    found = appraise(
        round_of(with_bad(stale), pool=POOL, past={BAD: [Line(contributor=BAD, work=ratio) for ratio in (0.0, 0.1)]})
    )
    line = found.lines[-1]
    assert (line.value_nats or 0) > 0
    assert line.share_ppm <= PPM // 100
    assert BAD in appraise(round_of(with_bad(stale))).shares  # without a pool nobody asks for work


def test_what_cannot_be_told_from_nothing_earns_nothing_and_many_rounds_tell_more_than_one() -> None:
    """An update that helps a little, perhaps by chance: paid when it helps in each round, not after it did harm."""
    luck = noisy(scaled(HONEST[name(0)], 0.0), 0.0) | {"weight": 0.03 * HONEST[name(1)]["weight"]}
    found = appraise(round_of({BAD: luck}))
    (line,) = found.lines
    value, noise = line.value_nats or 0, line.noise_nats or 0
    assert value > 0
    again = [Line(contributor=BAD, value_nats=value, noise_nats=noise)] * 7
    harm = [Line(contributor=BAD, alone_nats=-10 * value, noise_nats=noise, reason="it makes the held-out loss worse")]
    assert line.sure == (value >= SURE * noise)
    assert appraise(round_of({BAD: luck}, past={BAD: again})).lines[0].sure
    spoilt = appraise(round_of({BAD: luck}, past={BAD: [*again[:2], *harm]})).lines[0]
    assert not spoilt.sure
    assert spoilt.share_ppm == 0
    assert "cannot be told from nothing" in "\n".join(explain(appraise(round_of({BAD: luck}, past={BAD: harm}))))


def test_with_few_held_out_pieces_the_noise_is_not_told_and_takes_nothing_from_anybody() -> None:
    found = appraise(Round(LEARNER, BASE, HONEST, HELD_OUT[:7], b"beacon"))
    assert all(line.sure and line.noise_nats == 0 for line in found.lines)


@pytest.mark.parametrize("fault", ["nan", "infinite", "architecture", "shape", "empty"])
def test_a_faulty_update_is_refused_and_the_round_goes_on(fault: str) -> None:
    bad = {key: one.copy() for key, one in honest(15).items()}
    if fault in {"nan", "infinite"}:
        bad["weight"][0, 0] = np.nan if fault == "nan" else np.inf
    bad = {"other": bad["weight"]} if fault == "architecture" else bad
    bad = {"weight": bad["weight"][:3], "bias": bad["bias"]} if fault == "shape" else bad
    bad = {} if fault == "empty" else bad
    found = appraise(round_of(with_bad(bad), pool=POOL))
    assert found.shares.keys() == HONEST.keys()
    assert found.lines[-1].reason


def test_two_honest_contributors_with_the_same_data_are_no_copies() -> None:
    twins = {name(number): honest(number, pieces=pieces_of(400, 90)) for number in (0, 1)}
    assert not admit(BASE, twins | {name(number): HONEST[name(number)] for number in (2, 3, 4)}).refused


def test_a_round_without_any_good_update_pays_nobody() -> None:
    found = appraise(round_of({BAD: flipped()}, pool=POOL))
    assert found.shares == {}
    assert found.gain_nats == 0


def test_a_round_needs_pieces_to_measure_on() -> None:
    with pytest.raises(InputError, match="held-out"):
        screen(round_of(HONEST).__class__(LEARNER, BASE, HONEST, [], b""))


def test_more_than_eight_are_estimated_with_an_error() -> None:
    many = {name(number): honest(number) for number in range(10)}
    found = appraise(round_of(many, pool=POOL), pairs=3)
    true = appraise(round_of(many, pool=POOL), exactly=10)
    assert found.evaluations < 100 < true.evaluations
    for line, right in zip(found.lines, true.lines, strict=True):
        assert line.error_nats
        assert line.value_nats == pytest.approx(right.value_nats, rel=0.01)


def test_every_share_is_explained_to_the_sum() -> None:
    found = appraise(round_of(with_bad(flipped()), pool=POOL))
    text = "\n".join(explain(found))
    assert "makes the held-out loss worse" in text
    for who, share in found.shares.items():
        assert f"{share} ppm" in "\n".join(explain(found, who))
    with pytest.raises(InputError, match="nothing in this round"):
        explain(found, name(9))


def test_shares_of_rounds_add_up_by_what_was_earned() -> None:
    assert over_rounds([{"a": 1.0, "b": -5.0}, {"a": 1.0, "b": 2.0}, {}]) == {"a": 500_000, "b": 500_000}
    assert shares({}) == {}
    with pytest.raises(InputError, match="numbers"):
        shared({"a": float("nan")})


def test_thirds_sum_to_a_million() -> None:
    found = shares({"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0})
    assert found == {"a": 333_334, "b": 333_333, "c": 333_333, "d": 0}


def test_nobodys_declared_amount_weighs() -> None:
    # The only inputs are updates and pieces: the aggregate of those that count is their plain mean.
    found = screen(round_of(HONEST))
    assert list(found.counted) == list(HONEST)
    assert len(HELD_OUT) == 200

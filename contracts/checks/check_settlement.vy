# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Symbolic checks of `settlement`: no seat is paid or fined more than was set apart for it
@license MIT
@dev A check fails by Panic(1). Any other revert means that the arguments are none that can be.
"""

import settlement

_PANIC: constant(Bytes[36]) = b"\x4e\x48\x7b\x71\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
PPM: constant(uint256) = 1_000_000
MONEY: constant(uint256) = 2**60  # nano: all of the token, as deployed


@internal
@pure
def _holds(so: bool):
    if not so:
        raw_revert(_PANIC)


@internal
@pure
def _rules() -> settlement.Rules:
    # `economy.types.Rules` as deployed.
    return settlement.Rules(
        seats=3,
        redraws=1,
        penalty_ppm=2 * PPM,
        dissent_ppm=PPM,
        absent_ppm=100_000,
        score_tolerance_ppm=50_000,
        missed_reading_ppm=500_000,
        deliver_s=120,
        draw_s=60,
        commit_s=60,
        reveal_s=60,
    )


@internal
@pure
def _cast(a: uint256, b: uint256, c: uint256) -> settlement.Cast:
    """
    @notice Three votes as numbers that are known on each path: what is read by a number that is not, is not decided.
    """
    cast: settlement.Cast = empty(settlement.Cast)
    cast.count = 3
    assert a <= 5 and b <= 5 and c <= 5
    for verdict: uint256 in range(6):
        if a == verdict:
            cast.verdicts[0] = verdict
        if b == verdict:
            cast.verdicts[1] = verdict
        if c == verdict:
            cast.verdicts[2] = verdict
    return cast


@external
@pure
def check_a_verdict_is_that_of_most(a: uint256, b: uint256, c: uint256):
    cast: settlement.Cast = self._cast(a, b, c)
    outcome: settlement.Outcome = settlement._tally(cast, 3)
    numbers: uint256[6] = empty(uint256[6])
    for i: uint256 in range(3):
        numbers[cast.verdicts[i]] += 1
    self._holds(outcome.verdict <= 2)
    self._holds(outcome.absent == (numbers[4] >= 2))
    if not outcome.absent:
        self._holds((outcome.verdict == 1) == (numbers[1] >= 2 or (numbers[1] == 1 and numbers[2] == 0 and numbers[5] == 2)))
        self._holds((outcome.verdict == 2) == (numbers[2] >= 2 or (numbers[2] == 1 and numbers[1] == 0 and numbers[5] == 2)))


@external
@pure
def check_a_score_is_between_the_majoritys(x: uint256, y: uint256, z: uint256):
    cast: settlement.Cast = self._cast(1, 1, 1)
    assert x <= PPM and y <= PPM and z <= PPM
    cast.scores[0] = x
    cast.scores[1] = y
    cast.scores[2] = z
    outcome: settlement.Outcome = settlement._tally(cast, 3)
    below: uint256 = 0
    above: uint256 = 0
    for score: uint256 in [x, y, z]:
        if score <= outcome.score_ppm:
            below += 1
        if score >= outcome.score_ppm:
            above += 1
    self._holds(outcome.verdict == 1 and below >= 2 and above >= 2)


@external
@pure
def check_a_vote_is_worth_its_fee_at_most(score: uint256, median: uint256):
    assert score <= PPM and median <= PPM
    self._holds(settlement._worth(score, 0, median, self._rules()) <= PPM)
    self._holds(settlement._worth(score, 1, median, self._rules()) <= PPM // 2)


@external
@pure
def check_a_seat_is_fined_no_more_than_is_locked(asked: uint256, verdict: uint256, judged: uint256, absent: bool):
    assert asked < MONEY and verdict <= 5 and judged <= 2
    outcome: settlement.Outcome = settlement.Outcome(verdict=convert(judged, uint8), score_ppm=0, absent=absent)
    fee: uint256 = 0
    fine: uint256 = 0
    fee, fine = settlement._share(asked, verdict, 0, 0, outcome, self._rules())
    self._holds(fee == 0 or fine == 0)
    self._holds(fee <= asked)
    self._holds(fee + fine <= settlement._validator_exposure(asked, self._rules()))


@external
@pure
def check_a_penalty_is_no_more_than_is_locked(reward: uint256, judging: uint256, most: uint256):
    assert reward < MONEY and judging <= most and most < MONEY
    penalty: uint256 = 0
    to_client: uint256 = 0
    penalty, to_client = settlement._penalty(reward, judging, self._rules())
    self._holds(to_client <= penalty and to_client == judging)
    self._holds(penalty <= settlement._producer_exposure(reward, most, self._rules()))

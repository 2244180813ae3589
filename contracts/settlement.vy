# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Settlement: what follows from one round of votes on one delivery
@license MIT
@notice The integers of `antiphon.economy.votes` and `antiphon.economy.settlement`, rule by rule, to the unit. Rewards
        here are R*Q, which is the asking price whatever Q is, so the chain needs no score memory.
@dev Pure. A reading is one word: 24 bytes of the hash of its key, then its value + 2**63. Offset values keep their
     order and their differences, and make halves round down as Python's do. A vote gives its readings in ascending
     order, each key once; whoever stores votes checks that (`_check_vote`), so nothing here can revert later.
"""

struct Rules:
    seats: uint256  # odd
    redraws: uint256
    penalty_ppm: uint256
    dissent_ppm: uint256
    absent_ppm: uint256
    score_tolerance_ppm: uint256
    missed_reading_ppm: uint256
    deliver_s: uint256
    draw_s: uint256
    commit_s: uint256
    reveal_s: uint256

struct Vote:
    verdict: uint8  # 0 = none revealed
    score_ppm: uint256
    readings: DynArray[uint256, 32]

struct Outcome:
    verdict: uint8  # 0 = no majority
    score_ppm: uint256
    absent: bool  # most seats say that they were shown nothing

struct Result:
    verdict: uint8
    score_ppm: uint256
    absent: bool
    reward: uint256  # to the producer, out of escrow
    fees: DynArray[uint256, 7]  # to each seat, out of escrow
    fines: DynArray[uint256, 7]  # of each seat, out of its stake, burnt
    penalty: uint256  # of the producer, out of its stake
    to_client: uint256  # of the penalty; the rest is burnt


PPM: constant(uint256) = 1_000_000
VALID: constant(uint8) = 1
INVALID: constant(uint8) = 2
INCONCLUSIVE: constant(uint8) = 3
ABSENT: constant(uint8) = 4
MAX_SEATS: constant(uint256) = 7
MAX_READINGS: constant(uint256) = 32
READING_TOLERANCE: constant(uint256) = 1_000
_OFFSET: constant(uint256) = 2**63
_VALUE: constant(uint256) = 2**64 - 1
_MAX_READING: constant(uint256) = 10**12


@internal
@pure
def _check_rules(rules: Rules):
    assert rules.seats % 2 == 1 and rules.seats <= MAX_SEATS, "settlement: seats out of bounds"
    assert rules.redraws <= 3, "settlement: redraws out of bounds"
    assert rules.penalty_ppm <= 20 * PPM, "settlement: penalty out of bounds"
    assert rules.dissent_ppm <= 10 * PPM, "settlement: dissent out of bounds"
    assert rules.absent_ppm <= PPM, "settlement: absence out of bounds"
    assert 0 < rules.score_tolerance_ppm and rules.score_tolerance_ppm <= PPM, "settlement: tolerance out of bounds"
    assert rules.missed_reading_ppm <= PPM, "settlement: missed reading out of bounds"
    for seconds: uint256 in [rules.deliver_s, rules.draw_s, rules.commit_s, rules.reveal_s]:
        assert 60 <= seconds and seconds <= 86_400, "settlement: deadline out of bounds"


@internal
@pure
def _check_vote(vote: Vote):
    assert VALID <= vote.verdict and vote.verdict <= ABSENT, "settlement: no such verdict"
    if vote.verdict <= INVALID:
        assert vote.score_ppm <= PPM, "settlement: score out of bounds"
    else:
        assert vote.score_ppm == 0, "settlement: a score without a verdict"
    last: uint256 = 0
    for reading: uint256 in vote.readings:
        assert last == 0 or reading >> 64 > last >> 64, "settlement: readings not in order"
        amount: uint256 = reading & _VALUE
        assert _OFFSET - _MAX_READING <= amount and amount <= _OFFSET + _MAX_READING, "settlement: reading out of bounds"
        last = reading


@internal
@pure
def _dissent(reward: uint256, rules: Rules) -> uint256:
    return rules.dissent_ppm * reward // PPM


@internal
@pure
def _producer_exposure(reward: uint256, judging: uint256, rules: Rules) -> uint256:
    return max(1, max(rules.penalty_ppm * reward // PPM, judging))


@internal
@pure
def _validator_exposure(reward: uint256, rules: Rules) -> uint256:
    return max(1, reward + self._dissent(reward, rules))


@internal
@pure
def _settle(
    reward: uint256,
    fees: DynArray[uint256, 7],
    votes: DynArray[Vote, 7],
    committed: DynArray[bool, 7],
    absent_stands: bool,
    rules: Rules,
) -> Result:
    """
    @param reward R*Q of the producer.
    @param fees R*Q of each seat.
    @param votes What each seat revealed; verdict 0 = nothing.
    @param committed Whether each seat committed to a vote.
    @param absent_stands Whether "shown nothing" judges: only when this is the last round, and all before it said so, too.
    """
    result: Result = empty(Result)
    outcome: Outcome = self._tally(votes, committed, rules.seats)
    result.absent = outcome.absent
    if outcome.absent and not absent_stands:
        outcome.verdict = 0
    result.verdict = outcome.verdict
    result.score_ppm = outcome.score_ppm
    missed: uint256[7] = self._missed(votes, outcome.verdict)
    total: uint256 = 0
    for i: uint256 in range(len(fees), bound=MAX_SEATS):
        verdict: uint8 = votes[i].verdict
        fee: uint256 = 0
        fine: uint256 = 0
        if outcome.verdict != 0 and not outcome.absent and verdict == outcome.verdict:
            fee = fees[i] * self._worth(votes[i].score_ppm, missed[i], outcome.score_ppm, rules) // PPM
        elif verdict == 0 and not committed[i]:
            fine = self._dissent(fees[i], rules) * rules.absent_ppm // PPM
        elif verdict == 0:
            fine = self._dissent(fees[i], rules)
        elif outcome.verdict != 0 and not outcome.absent and verdict <= INVALID:
            fine = self._dissent(fees[i], rules)
        total += fee
        result.fees.append(fee)
        result.fines.append(fine)
    if outcome.verdict == VALID:
        result.reward = reward
    elif outcome.verdict == INVALID:
        result.penalty = max(rules.penalty_ppm * reward // PPM, total)
        result.to_client = min(result.penalty, total)
    return result


@internal
@pure
def _tally(votes: DynArray[Vote, 7], committed: DynArray[bool, 7], size: uint256) -> Outcome:
    valid: uint256 = 0
    invalid: uint256 = 0
    absent: uint256 = 0
    hidden: uint256 = 0
    for i: uint256 in range(len(votes), bound=MAX_SEATS):
        verdict: uint8 = votes[i].verdict
        if verdict == VALID:
            valid += 1
        elif verdict == INVALID:
            invalid += 1
        elif verdict == ABSENT:
            absent += 1
        elif verdict == 0 and committed[i]:
            hidden += 1
    full: uint256 = max(size, len(votes))
    if 2 * absent > full:
        return Outcome(verdict=INVALID, score_ppm=0, absent=True)
    if 2 * (valid + invalid) <= full - hidden or valid == invalid:
        return empty(Outcome)
    side: uint8 = INVALID
    if valid > invalid:
        side = VALID
    scores: DynArray[uint256, 7] = []
    for i: uint256 in range(len(votes), bound=MAX_SEATS):
        if votes[i].verdict == side:
            scores.append(votes[i].score_ppm)
    return Outcome(verdict=side, score_ppm=self._median(scores), absent=False)


@internal
@pure
def _worth(score: uint256, missed: uint256, median: uint256, rules: Rules) -> uint256:
    """
    @notice How close the score is, times what its readings leave, in ppm (`closeness`, `care`).
    """
    distance: uint256 = max(score, median) - min(score, median)
    close: uint256 = 0
    if distance < rules.score_tolerance_ppm:
        close = PPM - distance * PPM // rules.score_tolerance_ppm
    left: uint256 = PPM
    for i: uint256 in range(missed, bound=MAX_SEATS * MAX_READINGS):
        left = left * rules.missed_reading_ppm // PPM
    return close * left // PPM


@internal
@pure
def _missed(votes: DynArray[Vote, 7], side: uint8) -> uint256[7]:
    """
    @notice How many of the majority's common readings each of its seats lacks or gives otherwise.
    @dev One walk over all votes together, by key: the largest round there can be must fit into a block, or its money
         would be stuck. The first version looked each key up in each vote, and did not.
    """
    missed: uint256[7] = empty(uint256[7])
    place: uint256[7] = empty(uint256[7])
    seats: uint256 = len(votes)
    members: uint256 = 0
    for i: uint256 in range(seats, bound=MAX_SEATS):
        if votes[i].verdict == side:
            members += 1
    for step: uint256 in range(MAX_SEATS * MAX_READINGS):
        key: uint256 = max_value(uint256)
        for i: uint256 in range(seats, bound=MAX_SEATS):
            if votes[i].verdict == side and place[i] < len(votes[i].readings):
                key = min(key, votes[i].readings[place[i]] >> 64)
        if key == max_value(uint256):
            break
        given: DynArray[uint256, 7] = []
        # 0 = not given: no value that `_check_vote` allows is so small.
        values: uint256[7] = empty(uint256[7])
        for i: uint256 in range(seats, bound=MAX_SEATS):
            if votes[i].verdict == side and place[i] < len(votes[i].readings):
                reading: uint256 = votes[i].readings[place[i]]
                if reading >> 64 == key:
                    values[i] = reading & _VALUE
                    given.append(reading & _VALUE)
                    place[i] += 1
        if 2 * len(given) <= members:
            continue
        common: uint256 = self._median(given)
        for i: uint256 in range(seats, bound=MAX_SEATS):
            if values[i] == 0 or max(values[i], common) - min(values[i], common) > READING_TOLERANCE:
                missed[i] += 1
    return missed


@internal
@pure
def _median(numbers: DynArray[uint256, 7]) -> uint256:
    ordered: DynArray[uint256, 7] = numbers
    count: uint256 = len(numbers)
    for i: uint256 in range(1, count, bound=MAX_SEATS):
        for back: uint256 in range(i, bound=MAX_SEATS):
            at: uint256 = i - back
            if ordered[at - 1] <= ordered[at]:
                break
            swapped: uint256 = ordered[at]
            ordered[at] = ordered[at - 1]
            ordered[at - 1] = swapped
    middle: uint256 = count // 2
    if count % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2

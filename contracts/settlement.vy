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

struct Cast:
    count: uint256
    verdicts: uint256[7]  # 0 = committed to nothing, 5 = hidden: committed and not revealed
    scores: uint256[7]

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
HIDDEN: constant(uint256) = 5
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
def _check_verdict(verdict: uint256, score_ppm: uint256):
    assert 1 <= verdict and verdict <= 4, "settlement: no such verdict"
    if verdict <= 2:
        assert score_ppm <= PPM, "settlement: score out of bounds"
    else:
        assert score_ppm == 0, "settlement: score of no verdict"


@internal
@pure
def _check_vote(vote: Vote):
    self._check_verdict(convert(vote.verdict, uint256), vote.score_ppm)
    last: uint256 = 0
    for reading: uint256 in vote.readings:
        last = self._check_reading(reading, last)


@internal
@pure
def _check_reading(reading: uint256, last: uint256) -> uint256:
    """
    @notice Returns the reading, to be the `last` of the next one; 0 before the first.
    """
    assert last == 0 or reading >> 64 > last >> 64, "settlement: readings unordered"
    amount: uint256 = reading & _VALUE
    assert _OFFSET - _MAX_READING <= amount and amount <= _OFFSET + _MAX_READING, "settlement: no such reading"
    return reading


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
    cast: Cast = empty(Cast)
    readings: DynArray[uint256, MAX_SEATS * MAX_READINGS] = []
    ends: uint256[7] = empty(uint256[7])
    cast.count = len(fees)
    for i: uint256 in range(len(fees), bound=MAX_SEATS):
        cast.verdicts[i] = convert(votes[i].verdict, uint256)
        if cast.verdicts[i] == 0 and committed[i]:
            cast.verdicts[i] = HIDDEN
        cast.scores[i] = votes[i].score_ppm
        for reading: uint256 in votes[i].readings:
            readings.append(reading)
        ends[i] = len(readings)
    result: Result = empty(Result)
    outcome: Outcome = self._tally(cast, rules.seats)
    result.absent = outcome.absent
    if outcome.absent and not absent_stands:
        outcome.verdict = 0
    result.verdict = outcome.verdict
    result.score_ppm = outcome.score_ppm
    missed: uint256[7] = self._missed(cast, readings, ends, outcome.verdict)
    total: uint256 = 0
    for i: uint256 in range(len(fees), bound=MAX_SEATS):
        fee: uint256 = 0
        fine: uint256 = 0
        fee, fine = self._share(fees[i], cast.verdicts[i], cast.scores[i], missed[i], outcome, rules)
        total += fee
        result.fees.append(fee)
        result.fines.append(fine)
    if outcome.verdict == VALID:
        result.reward = reward
    elif outcome.verdict == INVALID:
        result.penalty, result.to_client = self._penalty(reward, total, rules)
    return result


@internal
@pure
def _share(
    asked: uint256, verdict: uint256, score: uint256, missed: uint256, outcome: Outcome, rules: Rules
) -> (uint256, uint256):
    """
    @notice What a seat gets, and what it loses.
    """
    judged: bool = outcome.verdict != 0 and not outcome.absent
    if judged and verdict == convert(outcome.verdict, uint256):
        return asked * self._worth(score, missed, outcome.score_ppm, rules) // PPM, 0
    if verdict == 0:
        return 0, self._dissent(asked, rules) * rules.absent_ppm // PPM
    if verdict == HIDDEN or (judged and verdict <= 2):
        return 0, self._dissent(asked, rules)
    return 0, 0


@internal
@pure
def _penalty(reward: uint256, judging: uint256, rules: Rules) -> (uint256, uint256):
    """
    @notice What a producer loses, and what of it the client gets.
    """
    penalty: uint256 = max(rules.penalty_ppm * reward // PPM, judging)
    return penalty, min(penalty, judging)


@internal
@pure
def _tally(cast: Cast, size: uint256) -> Outcome:
    numbers: uint256[6] = empty(uint256[6])
    for i: uint256 in range(cast.count, bound=MAX_SEATS):
        numbers[cast.verdicts[i]] += 1
    full: uint256 = max(size, cast.count)
    if 2 * numbers[4] > full:
        return Outcome(verdict=INVALID, score_ppm=0, absent=True)
    if 2 * (numbers[1] + numbers[2]) <= full - numbers[HIDDEN] or numbers[1] == numbers[2]:
        return empty(Outcome)
    side: uint256 = 2
    if numbers[1] > numbers[2]:
        side = 1
    scores: DynArray[uint256, 7] = []
    for i: uint256 in range(cast.count, bound=MAX_SEATS):
        if cast.verdicts[i] == side:
            scores.append(cast.scores[i])
    return Outcome(verdict=convert(side, uint8), score_ppm=self._median(scores), absent=False)


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
def _missed(
    cast: Cast, readings: DynArray[uint256, MAX_SEATS * MAX_READINGS], ends: uint256[7], judged: uint8
) -> uint256[7]:
    """
    @notice How many of the majority's common readings each of its seats lacks or gives otherwise.
    @param readings Those of all seats, one seat after the other; `ends` says where each seat's end.
    @dev One walk over all votes together, by key: the largest round there can be must fit into a block, or its money
         would be stuck. The first version looked each key up in each vote, and did not.
    """
    missed: uint256[7] = empty(uint256[7])
    place: uint256[7] = empty(uint256[7])
    stop: uint256[7] = empty(uint256[7])
    seats: uint256 = cast.count
    members: uint256 = 0
    for i: uint256 in range(seats, bound=MAX_SEATS):
        if cast.verdicts[i] == convert(judged, uint256):
            members += 1
            stop[i] = ends[i]
            if i > 0:
                place[i] = ends[i - 1]
    for step: uint256 in range(MAX_SEATS * MAX_READINGS):
        key: uint256 = max_value(uint256)
        for i: uint256 in range(seats, bound=MAX_SEATS):
            if place[i] < stop[i]:
                key = min(key, readings[place[i]] >> 64)
        if key == max_value(uint256):
            break
        given: DynArray[uint256, 7] = []
        # 0 = not given: no value that `_check_vote` allows is so small.
        values: uint256[7] = empty(uint256[7])
        for i: uint256 in range(seats, bound=MAX_SEATS):
            if place[i] < stop[i]:
                reading: uint256 = readings[place[i]]
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

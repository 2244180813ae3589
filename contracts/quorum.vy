# pragma version 0.4.3
# pragma optimize codesize
# SPDX-License-Identifier: MIT
"""
@title Quorum: parts settled in one step by what their validators signed
@license MIT
@notice The cheap paths, for when a relay brings what everybody has signed. Nobody owns this contract; its rules are final.

        1. A session (`purse`) funds a client's parts, the same for each, until it expires.
        2. A producer says the hash of its work, the seats are drawn, and the client signs the assignment: part, attempt,
           round, producer, price, hash of the work, seats with their fees. Only then the producer gives its work away.
        3. Each seat signs its vote on that assignment. Anybody brings the votes of all seats, or, once the assignment is
           due, of enough of them (`settle`): who leaves a vote out gives its seat time to bring it.
        4. Clients and seats may sign all assignments and votes of many parts at once (`settle_batch`). Such a batch has
           every vote, signed by its seat.
        5. Or all parties sign what many parts change for each of them (`netting`).
        6. A part is settled once. VALID and INVALID are settled; what has no verdict is not, and its money goes home.
        7. A part that ends without votes pays for what was heard (`vouchers`).
        8. Nodes answer with a bond, locked in the registry. Nobody is fined for what it has not signed: a producer loses
           its penalty only if it signed the assignment, a seat that has not voted loses nothing.
"""

from interfaces import IRegistry
import netting
import purse
import settlement
import signed
import vouchers

initializes: purse
initializes: netting[purse := purse]
initializes: vouchers[purse := purse]
exports: (
    purse.deposit, purse.withdraw, purse.open_session, purse.close, purse.balances, purse.sessions,
    purse.relay_of, purse.session_count, purse.is_settled, purse.held, netting.settle_net, netting.burnt, netting.sweep,
    vouchers.redeem,
)

struct Ballot:
    verdict: uint256  # 0 = no vote is brought
    score_ppm: uint256
    readings: uint256  # how many of the case's readings are its
    signature: uint256[2]  # r and vs (EIP-2098)

struct Case:
    session: uint256
    part: uint256
    attempt: uint256
    round: uint256
    producer: address
    reward: uint256  # R*Q
    due: uint256  # from then on, votes may be missing
    task: bytes32  # hash of the order
    result: bytes32  # hash of the work
    client: uint256[2]  # signature
    consent: uint256[2]  # the producer's signature; needed for INVALID
    seats: DynArray[uint256, 7]  # fee * 2**160 + address; by address, ascending
    ballots: DynArray[Ballot, 7]  # one for each seat
    readings: DynArray[uint256, 56]  # of all ballots, one after the other; at most 8 each

struct Judged:
    verdict: uint8
    fees: uint256[7]
    fines: uint256[7]
    penalty: uint256
    to_client: uint256
    spent: uint256

event Bonded:
    node: indexed(address)
    bond: uint256

event Leaving:
    node: indexed(address)
    ready: uint256

event Settled:
    session: indexed(uint256)
    part: indexed(uint256)
    verdict: uint8
    spent: uint256


VALID: constant(uint8) = 1
INVALID: constant(uint8) = 2
INCONCLUSIVE: constant(uint256) = 3
# A bond answers for all that was signed while it stood: no session outlasts this.
LEAVE_S: constant(uint256) = purse.MAX_SESSION_S
MAX_READINGS: constant(uint256) = 8
MAX_ROWS: constant(uint256) = 1_024
_ADDRESS: constant(uint256) = 2**160 - 1
_ASSIGNMENT: constant(bytes32) = keccak256(
    "Assignment(uint256 session,uint256 part,uint256 attempt,uint256 round,address producer,uint256 reward,uint256 due,bytes32 task,bytes32 result,uint256[] seats)"
)
_VOTE: constant(bytes32) = keccak256("Vote(bytes32 assignment,uint8 verdict,uint256 score_ppm,uint256[] readings)")
_BATCH: constant(bytes32) = keccak256("Batch(bytes32 evidence,uint256[] sessions,address[] parties,uint256[] rows)")

registry: public(immutable(IRegistry))
rules: immutable(settlement.Rules)
bonds: public(HashMap[address, uint256])
# When a bond may be taken back; 0 = it stands.
leaves_at: public(HashMap[address, uint256])


@deploy
def __init__(registry_: address, rules_: settlement.Rules):
    settlement._check_rules(rules_)
    registry = IRegistry(registry_)
    purse.__init__(staticcall IRegistry(registry_).token())
    rules = rules_


# Bonds


@external
def bond(amount: uint256):
    """
    @notice A node locks stake of its own (`registry.trust` comes first) to answer for what it signs. Ends leaving.
    """
    extcall registry.lock(msg.sender, amount)
    self.bonds[msg.sender] += amount
    self.leaves_at[msg.sender] = 0
    log Bonded(node=msg.sender, bond=self.bonds[msg.sender])


@external
def leave():
    """
    @notice Begin to take the bond back. Until `release` it answers as before.
    """
    assert self.bonds[msg.sender] > 0, "quorum: no bond"
    assert self.leaves_at[msg.sender] == 0, "quorum: leaving already"
    self.leaves_at[msg.sender] = block.timestamp + LEAVE_S
    log Leaving(node=msg.sender, ready=block.timestamp + LEAVE_S)


@external
def release(node: address):
    """
    @notice Anybody: unlock the bond of a node whose leaving is over.
    """
    assert self.leaves_at[node] != 0, "quorum: not leaving"
    assert block.timestamp >= self.leaves_at[node], "quorum: too early"
    amount: uint256 = self.bonds[node]
    self.bonds[node] = 0
    self.leaves_at[node] = 0
    extcall registry.unlock(node, amount)
    log Bonded(node=node, bond=0)


# One part


@external
def settle(case: Case):
    """
    @notice Anybody: settle one part by its votes.
    """
    funds: purse.Session = purse._session(case.session)
    assert case.part < funds.parts, "quorum: no such part"
    assert block.timestamp < funds.expires, "quorum: session expired"
    assert not purse._is_settled(case.session, case.part), "quorum: settled already"
    seats: uint256 = len(case.seats)
    assert 0 < seats and seats <= rules.seats and seats == len(case.ballots), "quorum: seats out of bounds"
    fees: uint256[7] = empty(uint256[7])
    last: uint256 = 0
    cost: uint256 = case.reward
    for i: uint256 in range(seats, bound=7):
        node: uint256 = case.seats[i] & _ADDRESS
        assert node > last, "quorum: seats not in order"
        assert node != convert(case.producer, uint256), "quorum: a producer judges itself"
        last = node
        fees[i] = case.seats[i] >> 160
        cost += fees[i]
    assert case.reward < purse.MAX_MONEY and cost <= funds.part_max, "quorum: dearer than allowed"
    domain: bytes32 = signed._domain()
    assignment: bytes32 = keccak256(
        abi_encode(
            _ASSIGNMENT, case.session, case.part, case.attempt, case.round, case.producer, case.reward, case.due,
            case.task, case.result, keccak256(slice(abi_encode(case.seats), 64, 32 * seats)),
        )
    )
    digest: bytes32 = signed._digest(domain, assignment)
    signed._check(digest, case.client, funds.client)
    cast: settlement.Cast = empty(settlement.Cast)
    cast.count = seats
    ends: uint256[7] = empty(uint256[7])
    at: uint256 = 0
    for i: uint256 in range(seats, bound=7):
        ballot: Ballot = case.ballots[i]
        if ballot.verdict == 0:
            # Nobody is fined for what it has not signed: who has brought no vote abstains.
            assert block.timestamp >= case.due, "quorum: a vote is missing"
            assert ballot.readings == 0, "quorum: readings without a vote"
            cast.verdicts[i] = INCONCLUSIVE
            ends[i] = at
            continue
        assert ballot.readings <= MAX_READINGS, "quorum: too many readings"
        settlement._check_verdict(ballot.verdict, ballot.score_ppm)
        listed: bytes32 = keccak256(b"")
        if ballot.readings > 0:
            readings: DynArray[uint256, MAX_READINGS] = []
            for n: uint256 in range(ballot.readings, bound=MAX_READINGS):
                readings.append(case.readings[at + n])
            at += ballot.readings
            listed = keccak256(slice(abi_encode(readings), 64, 32 * ballot.readings))
        content: bytes32 = keccak256(abi_encode(_VOTE, assignment, ballot.verdict, ballot.score_ppm, listed))
        node: address = convert(case.seats[i] & _ADDRESS, address)
        signed._check(signed._digest(domain, content), ballot.signature, node)
        cast.verdicts[i] = ballot.verdict
        cast.scores[i] = ballot.score_ppm
        ends[i] = at
    assert at == len(case.readings), "quorum: readings of nobody"
    done: Judged = self._judge(cast, fees, case.readings, ends, case.reward)
    purse._mark(case.session, case.part)
    purse._spend(case.session, done.spent)
    for i: uint256 in range(seats, bound=7):
        node: address = convert(case.seats[i] & _ADDRESS, address)
        if done.fees[i] > 0:
            purse.balances[node] += done.fees[i]
        if done.fines[i] > 0:
            self._fine(node, done.fines[i], funds.client, 0)
    if done.verdict == INVALID:
        signed._check(digest, case.consent, case.producer)
        self._fine(case.producer, done.penalty, funds.client, done.to_client)
    elif case.reward > 0:
        purse.balances[case.producer] += case.reward
    log Settled(session=case.session, part=case.part, verdict=done.verdict, spent=done.spent)


# Many parts


@external
def settle_batch(
    evidence: bytes32,
    sessions: DynArray[uint256, 16],
    parties: DynArray[address, 64],
    signatures: DynArray[uint256[2], 64],
    rows: DynArray[uint256, MAX_ROWS],
):
    """
    @notice Anybody: settle many parts, whose clients and seats have signed all of this once. Parts that are settled
            already are passed over, so that nobody can stop a batch by settling one of them first.
    @param evidence Hash of the assignments and votes; what it covers is between the parties.
    @param sessions Number * 256 + the place of its client among the parties.
    @param parties By address, ascending. Clients, seats and producers of INVALID work must have signed; (0, 0) = not.
    @param rows For each part: part + session's place * 2**16 + producer's place * 2**24 + seats * 2**32 +
           reward * 2**160. Then for each seat, by place, ascending: place + verdict * 2**8 + readings * 2**16 +
           score * 2**32 + fee * 2**160, followed by its readings.
    """
    present: uint256 = self._present(
        keccak256(
            abi_encode(
                _BATCH,
                evidence,
                keccak256(slice(abi_encode(sessions), 64, 32 * len(sessions))),
                keccak256(slice(abi_encode(parties), 64, 32 * len(parties))),
                keccak256(slice(abi_encode(rows), 64, 32 * len(rows))),
            )
        ),
        parties,
        signatures,
    )
    funds: DynArray[purse.Session, 16] = []
    spent: uint256[16] = empty(uint256[16])
    earned: uint256[64] = empty(uint256[64])
    for word: uint256 in sessions:
        session: purse.Session = purse._session(word >> 8)
        assert block.timestamp < session.expires, "quorum: session expired"
        assert parties[word & 255] == session.client, "quorum: not its client"
        assert (present >> (word & 255)) & 1 == 1, "quorum: not signed by all"
        funds.append(session)
    at: uint256 = 0
    for step: uint256 in range(MAX_ROWS):
        if at >= len(rows):
            break
        head: uint256 = rows[at]
        at += 1
        place: uint256 = (head >> 16) & 255
        producer: uint256 = (head >> 24) & 255
        reward: uint256 = head >> 160
        cast: settlement.Cast = empty(settlement.Cast)
        cast.count = (head >> 32) & 255
        assert 0 < cast.count and cast.count <= rules.seats, "quorum: seats out of bounds"
        fees: uint256[7] = empty(uint256[7])
        ends: uint256[7] = empty(uint256[7])
        nodes: uint256[7] = empty(uint256[7])
        readings: DynArray[uint256, 56] = []
        cost: uint256 = reward
        for i: uint256 in range(cast.count, bound=7):
            word: uint256 = rows[at]
            at += 1
            nodes[i] = word & 255
            assert (present >> nodes[i]) & 1 == 1, "quorum: not signed by all"
            assert i == 0 or nodes[i] > nodes[i - 1], "quorum: seats not in order"
            assert nodes[i] != producer, "quorum: a producer judges itself"
            cast.verdicts[i] = (word >> 8) & 255
            cast.scores[i] = (word >> 32) & (2**32 - 1)
            fees[i] = word >> 160
            cost += fees[i]
            settlement._check_verdict(cast.verdicts[i], cast.scores[i])
            count: uint256 = (word >> 16) & 255
            assert count <= MAX_READINGS, "quorum: too many readings"
            for n: uint256 in range(count, bound=MAX_READINGS):
                readings.append(rows[at + n])
            at += count
            ends[i] = len(readings)
        part: uint256 = head & 65_535
        session: uint256 = sessions[place] >> 8
        assert part < funds[place].parts, "quorum: no such part"
        assert cost <= funds[place].part_max, "quorum: dearer than allowed"
        if purse._is_settled(session, part):
            continue
        done: Judged = self._judge(cast, fees, readings, ends, reward)
        purse._mark(session, part)
        spent[place] += done.spent
        for i: uint256 in range(cast.count, bound=7):
            earned[nodes[i]] += done.fees[i]
            if done.fines[i] > 0:
                self._fine(parties[nodes[i]], done.fines[i], funds[place].client, 0)
        if done.verdict == INVALID:
            assert (present >> producer) & 1 == 1, "quorum: not signed by all"
            self._fine(parties[producer], done.penalty, funds[place].client, done.to_client)
        else:
            assert producer < len(parties), "quorum: no such party"
            earned[producer] += reward
        log Settled(session=session, part=part, verdict=done.verdict, spent=done.spent)
    for i: uint256 in range(len(sessions), bound=16):
        purse._spend(sessions[i] >> 8, spent[i])
    for i: uint256 in range(len(parties), bound=64):
        if earned[i] > 0:
            purse.balances[parties[i]] += earned[i]


@external
@view
def rules_in_force() -> settlement.Rules:
    return rules


@internal
@view
def _present(content: bytes32, parties: DynArray[address, 64], signatures: DynArray[uint256[2], 64]) -> uint256:
    """
    @notice One bit for each party that has signed.
    """
    assert len(parties) == len(signatures), "quorum: parties without a signature"
    digest: bytes32 = signed._digest(signed._domain(), content)
    present: uint256 = 0
    last: uint256 = 0
    for i: uint256 in range(len(parties), bound=64):
        node: uint256 = convert(parties[i], uint256)
        assert node > last, "quorum: parties not in order"
        last = node
        if signatures[i][0] != 0:
            signed._check(digest, signatures[i], parties[i])
            present |= 1 << i
    return present


@internal
@view
def _judge(
    cast: settlement.Cast, fees: uint256[7], readings: DynArray[uint256, 56], ends: uint256[7], reward: uint256
) -> Judged:
    """
    @notice What follows from one round. Readings are checked here, each seat's by itself.
    """
    done: Judged = empty(Judged)
    outcome: settlement.Outcome = settlement._tally(cast, rules.seats)
    assert outcome.verdict != 0 and not outcome.absent, "quorum: no verdict"
    missed: uint256[7] = empty(uint256[7])
    if len(readings) > 0:
        at: uint256 = 0
        for i: uint256 in range(cast.count, bound=7):
            last: uint256 = 0
            for n: uint256 in range(ends[i] - at, bound=MAX_READINGS):
                last = settlement._check_reading(readings[at + n], last)
            at = ends[i]
        missed = settlement._missed(cast, readings, ends, outcome.verdict)
    total: uint256 = 0
    for i: uint256 in range(cast.count, bound=7):
        done.fees[i], done.fines[i] = settlement._share(
            fees[i], cast.verdicts[i], cast.scores[i], missed[i], outcome, rules
        )
        total += done.fees[i]
    done.verdict = outcome.verdict
    done.spent = total
    if outcome.verdict == VALID:
        done.spent += reward
    else:
        done.penalty, done.to_client = settlement._penalty(reward, total, rules)
    return done


@internal
def _fine(node: address, due: uint256, to: address, to_amount: uint256):
    # Never more than the bond, as `economy.settlement` never takes more than the stake.
    taken: uint256 = min(due, self.bonds[node])
    if taken > 0:
        self.bonds[node] -= taken
        extcall registry.take(node, taken, to, min(taken, to_amount))

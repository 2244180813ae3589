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

from interfaces import IAppeal
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
    seat: uint256  # fee * 2**160 + address
    vote: uint256  # verdict * 2**8 + readings * 2**16 + score * 2**32; 0 = none is brought
    signature: uint256[2]  # r and vs (EIP-2098)

struct Case:
    place: uint256  # session * 2**96 + part * 2**64 + attempt * 2**32 + round
    producer: address
    reward: uint256  # R*Q
    due: uint256  # from then on, votes may be missing
    task: bytes32  # hash of the order
    result: bytes32  # hash of the work
    client: uint256[2]  # signature
    consent: uint256[2]  # the producer's signature; needed where anybody is fined
    alike: bytes32  # hash of the readings of each ballot that says ALIKE
    ballots: DynArray[Ballot, 7]  # one for each seat, by address, ascending
    readings: DynArray[uint256, 56]  # of the other ballots, one after the other; at most 8 each

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
# Seats that listened to one sound measure the same. Then nobody misses a reading, and their hash is enough.
ALIKE: constant(uint256) = 255
MAX_ROWS: constant(uint256) = 1_024
_ADDRESS: constant(uint256) = 2**160 - 1
_NUMBER: constant(uint256) = 2**32 - 1
_ASSIGNMENT: constant(bytes32) = keccak256(
    "Assignment(uint256 session,uint256 part,uint256 attempt,uint256 round,address producer,uint256 reward,uint256 due,bytes32 task,bytes32 result,uint256[] seats)"
)
_VOTE: constant(bytes32) = keccak256("Vote(bytes32 assignment,uint8 verdict,uint256 score_ppm,uint256[] readings)")
_BATCH: constant(bytes32) = keccak256("Batch(bytes32 evidence,uint256[] sessions,address[] parties,uint256[] rows)")

registry: public(immutable(IRegistry))
# Where fines wait.
appeal: public(immutable(IAppeal))
rules: immutable(settlement.Rules)
bonds: public(HashMap[address, uint256])
# When a bond may be taken back; 0 = it stands.
leaves_at: public(HashMap[address, uint256])


@deploy
def __init__(registry_: address, appeal_: address, rules_: settlement.Rules):
    settlement._check_rules(rules_)
    registry = IRegistry(registry_)
    appeal = IAppeal(appeal_)
    purse.__init__(staticcall IRegistry(registry_).token())
    rules = rules_


# Bonds


@external
def bond(amount: uint256):
    """
    @notice A node locks stake of its own (`registry.trust` comes first) to answer for what it signs. Ends leaving.
    """
    extcall registry.lock(msg.sender, amount)
    self.leaves_at[msg.sender] = 0
    self._set_bond(msg.sender, self.bonds[msg.sender] + amount)


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
    self.leaves_at[node] = 0
    self._set_bond(node, 0)
    extcall registry.unlock(node, amount)


@external
def carry_out(node: address, taken: uint256, to: address, to_amount: uint256, freed: uint256):
    """
    @notice Appeal: of what was handed over to it, take a penalty, and give some back to the node's bond.
    """
    assert msg.sender == appeal.address, "quorum: not the appeal"
    if taken > 0:
        extcall registry.take(node, taken, to, to_amount)
    self._set_bond(node, self.bonds[node] + freed)


# One part


@external
def settle(case: Case):
    """
    @notice Anybody: settle one part by its votes.
    """
    session: uint256 = case.place >> 96
    part: uint256 = (case.place >> 64) & _NUMBER
    funds: purse.Session = self._running(session)
    assert not purse._is_settled(session, part), "quorum: settled already"
    seats: uint256 = len(case.ballots)
    assert 0 < seats and seats <= rules.seats, "quorum: seats out of bounds"
    words: DynArray[uint256, 7] = []
    fees: uint256[7] = empty(uint256[7])
    nodes: address[7] = empty(address[7])
    producer: uint256 = convert(case.producer, uint256)
    last: uint256 = 0
    cost: uint256 = case.reward
    for i: uint256 in range(seats, bound=7):
        word: uint256 = case.ballots[i].seat
        words.append(word)
        node: uint256 = word & _ADDRESS
        assert node > last, "quorum: seats not in order"
        assert node != producer, "quorum: a producer judges itself"
        last = node
        nodes[i] = convert(node, address)
        fees[i] = word >> 160
        cost += fees[i]
    self._check_part(part, funds.parts, cost, funds.part_max)
    domain: bytes32 = signed._domain()
    assignment: bytes32 = keccak256(
        abi_encode(
            _ASSIGNMENT, session, part, (case.place >> 32) & _NUMBER, case.place & _NUMBER, case.producer, case.reward,
            case.due, case.task, case.result, keccak256(slice(abi_encode(words), 64, 32 * seats)),
        )
    )
    digest: bytes32 = signed._digest(domain, assignment)
    signed._check(digest, case.client, funds.client)
    cast: settlement.Cast = empty(settlement.Cast)
    cast.count = seats
    ends: uint256[7] = empty(uint256[7])
    alike: uint256 = 0
    at: uint256 = 0
    for i: uint256 in range(seats, bound=7):
        vote: uint256 = case.ballots[i].vote
        if vote == 0:
            # Nobody is fined for what it has not signed: who has brought no vote abstains.
            assert block.timestamp >= case.due, "quorum: a vote is missing"
            cast.verdicts[i] = INCONCLUSIVE
            ends[i] = at
            continue
        cast.verdicts[i] = (vote >> 8) & 255
        cast.scores[i] = vote >> 32
        settlement._check_verdict(cast.verdicts[i], cast.scores[i])
        count: uint256 = (vote >> 16) & 255
        listed: bytes32 = keccak256(b"")
        if count == ALIKE:
            listed = case.alike
            alike |= 1 << cast.verdicts[i]
        elif count > 0:
            self._check_count(count)
            readings: DynArray[uint256, MAX_READINGS] = []
            for n: uint256 in range(count, bound=MAX_READINGS):
                readings.append(case.readings[at + n])
            at += count
            listed = keccak256(slice(abi_encode(readings), 64, 32 * count))
        if count != ALIKE:
            alike |= 256 << cast.verdicts[i]
        ends[i] = at
        content: bytes32 = keccak256(abi_encode(_VOTE, assignment, cast.verdicts[i], cast.scores[i], listed))
        signed._check(signed._digest(domain, content), case.ballots[i].signature, nodes[i])
    assert at == len(case.readings), "quorum: readings of nobody"
    done: Judged = self._judge(cast, fees, case.readings, ends, case.reward)
    # Who shares the verdict is held against the others' readings: those of all of them are there, or alike.
    assert (alike & (alike >> 8)) >> done.verdict & 1 == 0, "quorum: readings are missing"
    purse._mark(session, part)
    purse._spend(session, done.spent)
    fined: uint256 = done.penalty
    for i: uint256 in range(seats, bound=7):
        if done.fees[i] > 0:
            purse.balances[nodes[i]] += done.fees[i]
        fined += done.fines[i]
    if done.verdict == VALID and case.reward > 0:
        purse.balances[case.producer] += case.reward
    if fined > 0:
        signed._check(digest, case.consent, case.producer)
        # What can be taken of anybody is handed over to an appeal.
        loss: uint256 = done.spent
        if done.verdict == INVALID:
            loss = done.penalty
        held: IAppeal.Held = IAppeal.Held(
            client=funds.client,
            producer=case.producer,
            verdict=convert(done.verdict, uint256),
            reward=case.reward,
            penalty=done.penalty,
            to_client=done.to_client,
            locked=self._hand_over(case.producer, max(rules.penalty_ppm * case.reward // settlement.PPM, loss)),
            penalty_ppm=rules.penalty_ppm,
            dissent_ppm=rules.dissent_ppm,
            work=case.result,
            seats=nodes,
            verdicts=cast.verdicts,
            asked=fees,
            paid=done.fees,
            fines=done.fines,
            locks=empty(uint256[7]),
        )
        for i: uint256 in range(seats, bound=7):
            if cast.verdicts[i] <= 2:
                held.locks[i] = self._hand_over(nodes[i], settlement._validator_exposure(fees[i], rules))
        extcall appeal.hold((session << 16) | part, held)
    log Settled(session=session, part=part, verdict=done.verdict, spent=done.spent)


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
           reward * 2**160. Then for each seat: place + verdict * 2**8 + readings * 2**16 +
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
    needed: uint256 = 0
    funds: DynArray[purse.Session, 16] = []
    spent: uint256[16] = empty(uint256[16])
    earned: uint256[64] = empty(uint256[64])
    for word: uint256 in sessions:
        session: purse.Session = self._running(word >> 8)
        assert parties[word & 255] == session.client, "quorum: not its client"
        needed |= 1 << (word & 255)
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
        taken: uint256 = 1 << producer
        cost: uint256 = reward
        for i: uint256 in range(cast.count, bound=7):
            word: uint256 = rows[at]
            at += 1
            nodes[i] = word & 255
            assert (taken >> nodes[i]) & 1 == 0, "quorum: no seat for it"
            taken |= 1 << nodes[i]
            cast.verdicts[i] = (word >> 8) & 255
            cast.scores[i] = (word >> 32) & (2**32 - 1)
            fees[i] = word >> 160
            cost += fees[i]
            settlement._check_verdict(cast.verdicts[i], cast.scores[i])
            count: uint256 = (word >> 16) & 255
            self._check_count(count)
            for n: uint256 in range(count, bound=MAX_READINGS):
                readings.append(rows[at + n])
            at += count
            ends[i] = len(readings)
        needed |= taken ^ (1 << producer)
        part: uint256 = head & 65_535
        session: uint256 = sessions[place] >> 8
        self._check_part(part, funds[place].parts, cost, funds[place].part_max)
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
            needed |= 1 << producer
            self._fine(parties[producer], done.penalty, funds[place].client, done.to_client)
        else:
            assert producer < len(parties), "quorum: no such party"
            earned[producer] += reward
        log Settled(session=session, part=part, verdict=done.verdict, spent=done.spent)
    assert needed & present == needed, "quorum: not signed by all"
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
def _running(session: uint256) -> purse.Session:
    found: purse.Session = purse._session(session)
    assert block.timestamp < found.expires, "quorum: session expired"
    return found


@internal
@pure
def _check_part(part: uint256, parts: uint256, cost: uint256, part_max: uint256):
    assert part < parts, "quorum: no such part"
    assert cost <= part_max, "quorum: dearer than allowed"


@internal
@pure
def _check_count(readings: uint256):
    assert readings <= MAX_READINGS, "quorum: too many readings"


@internal
@view
def _present(content: bytes32, parties: DynArray[address, 64], signatures: DynArray[uint256[2], 64]) -> uint256:
    """
    @notice One bit for each party that has signed.
    """
    assert len(parties) == len(signatures), "quorum: lists differ in length"
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
def _hand_over(node: address, due: uint256) -> uint256:
    locked: uint256 = min(due, self.bonds[node])
    self._set_bond(node, self.bonds[node] - locked)
    return locked


@internal
def _set_bond(node: address, amount: uint256):
    self.bonds[node] = amount
    log Bonded(node=node, bond=amount)


@internal
def _fine(node: address, due: uint256, to: address, to_amount: uint256):
    # Never more than the bond, as `economy.settlement` never takes more than the stake.
    taken: uint256 = min(due, self.bonds[node])
    if taken > 0:
        self.bonds[node] -= taken
        extcall registry.take(node, taken, to, min(taken, to_amount))

# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Quorum: a part settled in one step by what its validators signed
@license MIT
@notice The cheap path, for when a relay brings what everybody has signed. Nobody owns this contract; its rules are final.

        1. A session sets a client's money apart for a number of parts, the same for each, until it expires. So every
           part that has a number is funded, whatever happens to the others.
        2. A producer says the hash of its work, the seats are drawn, and the client signs the assignment: part, attempt,
           round, producer, price, hash of the work, seats with their fees. Only then the producer gives its work away.
        3. Each seat signs its vote on that assignment. Anybody brings the votes of all seats, or, once the assignment is
           due, of enough of them: who leaves a vote out gives its seat time to bring it.
        4. A part is settled once. VALID and INVALID are settled; what has no verdict is not, and its money goes home.
        5. Nodes answer with a bond, locked in the registry. Nobody is fined for what it has not signed: a producer loses
           its penalty only if it signed the assignment, a seat that has not voted loses nothing.
        6. When the session has expired anybody's `close` returns to the client what is left.
@dev Conservation: the token's balance here is at least balances + sessions (`held`).
"""

from ethereum.ercs import IERC20
from interfaces import IRegistry
import settlement

struct Session:
    client: address
    expires: uint256
    parts: uint256
    part_max: uint256
    left: uint256

struct Ballot:
    seat: uint256  # fee * 2**160 + address
    verdict: uint8  # 0 = no vote is brought
    score_ppm: uint256
    signature: uint256[2]  # r and vs (EIP-2098)
    readings: DynArray[uint256, 8]

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
    ballots: DynArray[Ballot, 7]  # by address, ascending

event Deposited:
    owner: indexed(address)
    amount: uint256

event Withdrawn:
    owner: indexed(address)
    amount: uint256

event SessionOpened:
    session: indexed(uint256)
    client: indexed(address)
    parts: uint256
    part_max: uint256
    expires: uint256

event SessionClosed:
    session: indexed(uint256)
    returned: uint256

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


PPM: constant(uint256) = 1_000_000
VALID: constant(uint8) = 1
INVALID: constant(uint8) = 2
INCONCLUSIVE: constant(uint8) = 3
MAX_SESSION_S: constant(uint256) = 7 * 86_400
# A bond answers for all that was signed while it stood: no session outlasts this.
LEAVE_S: constant(uint256) = MAX_SESSION_S
MAX_PARTS: constant(uint256) = 65_536
MAX_MONEY: constant(uint256) = 2**96
MAX_BATCH: constant(uint256) = 100
_ADDRESS: constant(uint256) = 2**160 - 1
_HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
_DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_ASSIGNMENT: constant(bytes32) = keccak256(
    "Assignment(uint256 session,uint256 part,uint256 attempt,uint256 round,address producer,uint256 reward,uint256 due,bytes32 task,bytes32 result,uint256[] seats)"
)
_VOTE: constant(bytes32) = keccak256("Vote(bytes32 assignment,uint8 verdict,uint256 score_ppm,uint256[] readings)")

asset: immutable(IERC20)
registry: public(immutable(IRegistry))
rules: immutable(settlement.Rules)
balances: public(HashMap[address, uint256])
sessions: public(HashMap[uint256, Session])
session_count: public(uint256)
# By session and part // 256: one bit for each part that is settled.
settled: HashMap[uint256, HashMap[uint256, uint256]]
bonds: public(HashMap[address, uint256])
# When a bond may be taken back; 0 = it stands.
leaves_at: public(HashMap[address, uint256])
# Balances + sessions.
held: public(uint256)


@deploy
def __init__(registry_: address, rules_: settlement.Rules):
    settlement._check_rules(rules_)
    registry = IRegistry(registry_)
    asset = IERC20(staticcall registry.token())
    rules = rules_


# Money


@external
@nonreentrant
def deposit(amount: uint256):
    """
    @notice Bring money in. The token must move exactly what it is asked to.
    """
    assert amount > 0, "quorum: nothing to deposit"
    before: uint256 = staticcall asset.balanceOf(self)
    assert extcall asset.transferFrom(msg.sender, self, amount, default_return_value=True), "quorum: transfer failed"
    assert staticcall asset.balanceOf(self) == before + amount, "quorum: token takes a fee"
    self.balances[msg.sender] += amount
    self.held += amount
    log Deposited(owner=msg.sender, amount=amount)


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take free money out.
    """
    assert amount > 0, "quorum: nothing to withdraw"
    assert self.balances[msg.sender] >= amount, "quorum: insufficient balance"
    self.balances[msg.sender] -= amount
    self.held -= amount
    assert extcall asset.transfer(msg.sender, amount, default_return_value=True), "quorum: transfer failed"
    log Withdrawn(owner=msg.sender, amount=amount)


@external
def open_session(parts: uint256, part_max: uint256, expires: uint256) -> uint256:
    """
    @notice Set money apart for `parts` parts, at most `part_max` for each. Returns the session's number.
    """
    assert block.timestamp < expires and expires <= block.timestamp + MAX_SESSION_S, "quorum: expiry out of bounds"
    assert 0 < parts and parts <= MAX_PARTS, "quorum: parts out of bounds"
    assert 0 < part_max and part_max < MAX_MONEY, "quorum: money out of bounds"
    limit: uint256 = parts * part_max
    assert limit <= self.balances[msg.sender], "quorum: insufficient balance"
    self.balances[msg.sender] -= limit
    session: uint256 = self.session_count + 1
    self.session_count = session
    self.sessions[session] = Session(
        client=msg.sender, expires=expires, parts=parts, part_max=part_max, left=limit
    )
    log SessionOpened(session=session, client=msg.sender, parts=parts, part_max=part_max, expires=expires)
    return session


@external
def close(session: uint256):
    """
    @notice Anybody, once it has expired: what no part took goes back to the client's balance.
    """
    left: uint256 = self.sessions[session].left
    assert left > 0, "quorum: session is empty"
    assert block.timestamp >= self.sessions[session].expires, "quorum: session is running"
    self.sessions[session].left = 0
    self.balances[self.sessions[session].client] += left
    log SessionClosed(session=session, returned=left)


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


# Settling


@external
def settle(case: Case):
    """
    @notice Anybody: settle one part by its votes.
    """
    assert not self._is_settled(case.session, case.part), "quorum: settled already"
    self._settle(case, self._domain())


@external
def settle_batch(cases: DynArray[Case, 100]):
    """
    @notice Anybody: settle many parts. Those that are settled already are passed over, so that nobody can stop a batch
            by settling one of them first.
    """
    domain: bytes32 = self._domain()
    for case: Case in cases:
        if not self._is_settled(case.session, case.part):
            self._settle(case, domain)


@external
@view
def is_settled(session: uint256, part: uint256) -> bool:
    return self._is_settled(session, part)


@external
@view
def rules_in_force() -> settlement.Rules:
    return rules


@internal
@view
def _is_settled(session: uint256, part: uint256) -> bool:
    return self.settled[session][part >> 8] >> (part & 255) & 1 == 1


@internal
@view
def _domain() -> bytes32:
    return keccak256(abi_encode(_DOMAIN, keccak256("Antiphon quorum"), keccak256("1"), chain.id, self))


@internal
@pure
def _digest(domain: bytes32, content: bytes32) -> bytes32:
    return keccak256(concat(b"\x19\x01", domain, content))


@internal
@pure
def _check_signature(digest: bytes32, signature: uint256[2], signer: address):
    s: uint256 = signature[1] & (2**255 - 1)
    assert s <= _HALF_ORDER, "quorum: malleable signature"
    assert signer != empty(address), "quorum: signed by nobody"
    assert ecrecover(digest, (signature[1] >> 255) + 27, signature[0], s) == signer, "quorum: wrong signature"


@internal
@view
def _assignment(case: Case) -> bytes32:
    """
    @notice Hash of what client, producer and seats agree on; who sits there is checked on the way.
    """
    seats: DynArray[uint256, 7] = []
    last: uint256 = 0
    cost: uint256 = case.reward
    for ballot: Ballot in case.ballots:
        node: uint256 = ballot.seat & _ADDRESS
        assert node > last, "quorum: seats not in order"
        assert node != convert(case.producer, uint256), "quorum: a producer judges itself"
        last = node
        cost += ballot.seat >> 160
        seats.append(ballot.seat)
    assert 0 < len(seats) and len(seats) <= rules.seats, "quorum: seats out of bounds"
    assert case.reward < MAX_MONEY and cost <= self.sessions[case.session].part_max, "quorum: dearer than allowed"
    listed: bytes32 = keccak256(slice(abi_encode(seats), 64, 32 * len(seats)))
    return keccak256(
        abi_encode(
            _ASSIGNMENT, case.session, case.part, case.attempt, case.round, case.producer, case.reward, case.due,
            case.task, case.result, listed,
        )
    )


@internal
@view
def _votes(case: Case, assignment: bytes32, domain: bytes32) -> DynArray[settlement.Vote, 7]:
    """
    @notice The votes that were signed; a seat without one abstains.
    """
    votes: DynArray[settlement.Vote, 7] = []
    for ballot: Ballot in case.ballots:
        if ballot.verdict == 0:
            assert block.timestamp >= case.due, "quorum: a vote is missing"
            votes.append(settlement.Vote(verdict=INCONCLUSIVE, score_ppm=0, readings=[]))
            continue
        listed: bytes32 = keccak256(slice(abi_encode(ballot.readings), 64, 32 * len(ballot.readings)))
        content: bytes32 = keccak256(abi_encode(_VOTE, assignment, ballot.verdict, ballot.score_ppm, listed))
        node: address = convert(ballot.seat & _ADDRESS, address)
        self._check_signature(self._digest(domain, content), ballot.signature, node)
        vote: settlement.Vote = settlement.Vote(
            verdict=ballot.verdict, score_ppm=ballot.score_ppm, readings=ballot.readings
        )
        settlement._check_vote(vote)
        votes.append(vote)
    return votes


@internal
def _settle(case: Case, domain: bytes32):
    client: address = self.sessions[case.session].client
    assert case.part < self.sessions[case.session].parts, "quorum: no such part"
    assert block.timestamp < self.sessions[case.session].expires, "quorum: session expired"
    assignment: bytes32 = self._assignment(case)
    digest: bytes32 = self._digest(domain, assignment)
    self._check_signature(digest, case.client, client)
    votes: DynArray[settlement.Vote, 7] = self._votes(case, assignment, domain)
    fees: DynArray[uint256, 7] = []
    committed: DynArray[bool, 7] = []
    for ballot: Ballot in case.ballots:
        fees.append(ballot.seat >> 160)
        committed.append(True)
    result: settlement.Result = settlement._settle(case.reward, fees, votes, committed, False, rules)
    assert result.verdict != 0, "quorum: no verdict"
    self.settled[case.session][case.part >> 8] |= 1 << (case.part & 255)
    spent: uint256 = result.reward
    for i: uint256 in range(len(fees), bound=7):
        node: address = convert(case.ballots[i].seat & _ADDRESS, address)
        if result.fees[i] > 0:
            spent += result.fees[i]
            self.balances[node] += result.fees[i]
        self._fine(node, result.fines[i], client, 0)
    if result.verdict == INVALID:
        self._check_signature(digest, case.consent, case.producer)
        self._fine(case.producer, result.penalty, client, result.to_client)
    elif result.reward > 0:
        self.balances[case.producer] += result.reward
    self.sessions[case.session].left -= spent
    log Settled(session=case.session, part=case.part, verdict=result.verdict, spent=spent)


@internal
def _fine(node: address, due: uint256, to: address, to_amount: uint256):
    # Never more than the bond, as `economy.settlement` never takes more than the stake.
    if due == 0:
        return
    taken: uint256 = min(due, self.bonds[node])
    if taken > 0:
        self.bonds[node] -= taken
        extcall registry.take(node, taken, to, min(taken, to_amount))

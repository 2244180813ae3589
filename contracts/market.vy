# pragma version 0.4.3
# pragma optimize codesize
# SPDX-License-Identifier: MIT
"""
@title Market: a task settled step by step on the chain, with nobody's good will
@license MIT
@notice The path "alone": for when a relay or a party is silent or lies.

            OPEN --deliver--> DELIVERED --draw--> COMMIT --> REVEAL --settle--> ENDED
              |                   |                            |
              +--deadline--> ENDED+                            +--no majority, redraws left--> DELIVERED

        1. Money comes in as a deposit, is set apart by a session, and from it by a task. What no settlement pays out
           goes back to the client's balance. Balances are withdrawn whenever their owner wants.
        2. A producer is bound by delivering, not before: then its stake is locked.
        3. Seats are drawn after delivery, by the hash of a block that did not exist at delivery.
        4. Votes are committed, then revealed. `settle` computes reward, fees, fines, penalty and refund. A penalty, and a
           fine for a vote, wait for an appeal (contract `appeal`); nothing else waits for them.
        5. Every state but ENDED has a deadline. After it anybody's `settle` moves the task on; rounds are bounded.
        6. Nothing that ends a task moves tokens, is pausable, or asks anybody but the caller for anything.
@dev Conservation: the token's balance here is at least balances + sessions + escrow (`held`).
"""

from ethereum.ercs import IERC20
from interfaces import IAppeal
from interfaces import IRegistry
import governed
import settlement

initializes: governed
exports: (
    governed.pause_entry, governed.withdraw_proposal, governed.name_owner, governed.accept_owner, governed.renounce,
    governed.delay, governed.owner, governed.heir, governed.paused, governed.ready_at,
)

struct Session:
    client: address
    agent: address  # who may open tasks in it, beside the client
    left: uint256
    expires: uint256

struct Task:
    client: address
    producer: address
    state: uint8
    round: uint8
    all_absent: bool  # every round so far was shown nothing
    verdict: uint8
    version: uint256  # of the rules: those in force when it was opened
    units: uint256
    reward: uint256  # R*Q of the producer
    fee_max: uint256  # the most that one seat is paid
    reserve: uint256
    locked: uint256  # of the producer's stake
    deadline: uint256
    anchor: uint256  # block of the delivery, or of the round before
    committed: uint256
    revealed: uint256
    order: bytes32
    work: bytes32

struct Seat:
    node: address
    fee: uint256
    locked: uint256
    commitment: bytes32

event Deposited:
    owner: indexed(address)
    amount: uint256

event Withdrawn:
    owner: indexed(address)
    amount: uint256

event SessionOpened:
    session: indexed(uint256)
    client: indexed(address)
    limit: uint256
    expires: uint256

event SessionClosed:
    session: indexed(uint256)
    returned: uint256

event Opened:
    task: indexed(uint256)
    client: indexed(address)
    producer: indexed(address)
    order: bytes32
    reserve: uint256

event Delivered:
    task: indexed(uint256)
    work: bytes32

event Drawn:
    task: indexed(uint256)
    round: uint8
    seats: DynArray[address, 7]

event Anchored:
    task: indexed(uint256)
    block_number: uint256

event Committed:
    task: indexed(uint256)
    seat: indexed(address)

event Revealed:
    task: indexed(uint256)
    seat: indexed(address)
    vote: settlement.Vote

event Judged:
    task: indexed(uint256)
    round: uint8
    result: settlement.Result

event Ended:
    task: indexed(uint256)
    refund: uint256

event RulesChanged:
    version: uint256
    rules: settlement.Rules


OPEN: constant(uint8) = 1
DELIVERED: constant(uint8) = 2
COMMIT: constant(uint8) = 3
REVEAL: constant(uint8) = 4
ENDED: constant(uint8) = 5
PROCESSOR: constant(uint8) = 1
VALIDATOR: constant(uint8) = 2
MAX_UNITS: constant(uint256) = 2**32
MAX_MONEY: constant(uint256) = 2**96
MAX_SESSION_S: constant(uint256) = 90 * 86_400
# Blocks from delivery to the block whose hash draws the seats. A chain keeps 256 hashes.
DRAW_BLOCKS: constant(uint256) = 2
KEPT_BLOCKS: constant(uint256) = 256
# Drawn in order until all seats are taken by validators that can sit: not the producer, not in an earlier round, trusting
# this market, with enough free stake.
CANDIDATES: constant(uint256) = 24

asset: immutable(IERC20)
registry: public(immutable(IRegistry))
# Where fines wait.
appeal: public(immutable(IAppeal))
balances: public(HashMap[address, uint256])
sessions: public(HashMap[uint256, Session])
session_count: public(uint256)
tasks: public(HashMap[uint256, Task])
task_count: public(uint256)
# By task and round.
seats: HashMap[uint256, HashMap[uint8, DynArray[Seat, 7]]]
# By task, round and seat.
votes: HashMap[uint256, HashMap[uint8, HashMap[uint256, settlement.Vote]]]
sat: HashMap[uint256, HashMap[address, bool]]
rules: HashMap[uint256, settlement.Rules]
version: public(uint256)
# Balances + sessions + escrow.
held: public(uint256)


@deploy
def __init__(registry_: address, appeal_: address, delay_s: uint256, rules: settlement.Rules):
    governed.__init__(delay_s)
    settlement._check_rules(rules)
    registry = IRegistry(registry_)
    appeal = IAppeal(appeal_)
    asset = IERC20(staticcall registry.token())
    self.rules[0] = rules


# Money


@external
@nonreentrant
def deposit(amount: uint256):
    """
    @notice Bring money in. The token must move exactly what it is asked to.
    """
    governed._check_entry()
    assert amount > 0, "market: nothing to deposit"
    before: uint256 = staticcall asset.balanceOf(self)
    assert extcall asset.transferFrom(msg.sender, self, amount, default_return_value=True), "market: transfer failed"
    assert staticcall asset.balanceOf(self) == before + amount, "market: token takes a fee"
    self.balances[msg.sender] += amount
    self.held += amount
    log Deposited(owner=msg.sender, amount=amount)


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take free money out. Never paused.
    """
    assert amount > 0, "market: nothing to withdraw"
    assert self.balances[msg.sender] >= amount, "market: insufficient balance"
    self.balances[msg.sender] -= amount
    self.held -= amount
    assert extcall asset.transfer(msg.sender, amount, default_return_value=True), "market: transfer failed"
    log Withdrawn(owner=msg.sender, amount=amount)


@external
def open_session(agent: address, limit: uint256, expires: uint256) -> uint256:
    """
    @notice Set a part of the deposit apart for tasks until it expires. Returns the session's number.
    """
    governed._check_entry()
    assert block.timestamp < expires and expires <= block.timestamp + MAX_SESSION_S, "market: expiry out of bounds"
    assert 0 < limit and limit <= self.balances[msg.sender], "market: insufficient balance"
    self.balances[msg.sender] -= limit
    session: uint256 = self.session_count + 1
    self.session_count = session
    self.sessions[session] = Session(client=msg.sender, agent=agent, left=limit, expires=expires)
    log SessionOpened(session=session, client=msg.sender, limit=limit, expires=expires)
    return session


@external
def close_session(session: uint256):
    """
    @notice Anybody, once it has expired: what no task took goes back to the client's balance.
    """
    assert self.sessions[session].left > 0, "market: session is empty"
    assert block.timestamp >= self.sessions[session].expires, "market: session is running"
    left: uint256 = self.sessions[session].left
    self.sessions[session].left = 0
    self.balances[self.sessions[session].client] += left
    log SessionClosed(session=session, returned=left)


# Tasks


@external
def open(
    session: uint256, producer: address, units: uint256, reward_max: uint256, fee_max: uint256, order: bytes32
) -> uint256:
    """
    @notice Order work of one producer. Returns the task's number.
    @param reward_max The most that the work may cost; the price is the producer's own, as registered now.
    @param fee_max The most that one seat is paid. A validator that asks more is paid this, too.
    @param order Hash of the order, which client and producer hold.
    """
    governed._check_entry()
    client: address = self.sessions[session].client
    assert client != empty(address), "market: no such session"
    assert msg.sender == client or msg.sender == self.sessions[session].agent, "market: not yours to spend"
    assert block.timestamp < self.sessions[session].expires, "market: session expired"
    assert 0 < units and units < MAX_UNITS, "market: units out of bounds"
    assert fee_max < MAX_MONEY, "market: fee out of bounds"
    price: uint256 = 0
    free: uint256 = 0
    price, free = staticcall registry.offer(producer, PROCESSOR, self)
    assert free > 0, "market: producer takes no work here"
    reward: uint256 = price * units
    assert reward <= reward_max, "market: dearer than allowed"
    rules: settlement.Rules = self.rules[self.version]
    reserve: uint256 = reward + rules.seats * fee_max
    assert reserve <= self.sessions[session].left, "market: session spent"
    self.sessions[session].left -= reserve
    task: uint256 = self.task_count + 1
    self.task_count = task
    self.tasks[task] = Task(
        client=client,
        producer=producer,
        state=OPEN,
        round=0,
        all_absent=True,
        verdict=0,
        version=self.version,
        units=units,
        reward=reward,
        fee_max=fee_max,
        reserve=reserve,
        locked=0,
        deadline=block.timestamp + rules.deliver_s,
        anchor=0,
        committed=0,
        revealed=0,
        order=order,
        work=empty(bytes32),
    )
    log Opened(task=task, client=client, producer=producer, order=order, reserve=reserve)
    return task


@external
def deliver(task: uint256, work: bytes32):
    """
    @notice The producer binds itself to its work, and its stake to the judgement.
    @param work Hash of the delivery.
    """
    self._check_state(task, OPEN)
    job: Task = self.tasks[task]
    assert msg.sender == job.producer, "market: not the producer"
    rules: settlement.Rules = self.rules[job.version]
    locked: uint256 = settlement._producer_exposure(job.reward, rules.seats * job.fee_max, rules)
    self.tasks[task].work = work
    self.tasks[task].locked = locked
    self.tasks[task].state = DELIVERED
    self.tasks[task].deadline = block.timestamp + rules.draw_s
    self.tasks[task].anchor = block.number
    extcall registry.lock(job.producer, locked)
    log Delivered(task=task, work=work)


@external
def draw(task: uint256) -> bool:
    """
    @notice Anybody: draw the seats. False = the chain no longer knows the block; a new one is waited for.
    """
    self._check_state(task, DELIVERED)
    job: Task = self.tasks[task]
    assert block.number > job.anchor + DRAW_BLOCKS, "market: the block is not there yet"
    if block.number > job.anchor + DRAW_BLOCKS + KEPT_BLOCKS:
        self.tasks[task].anchor = block.number
        log Anchored(task=task, block_number=block.number)
        return False
    seed: bytes32 = keccak256(abi_encode(blockhash(job.anchor + DRAW_BLOCKS), self, task, job.round))
    rules: settlement.Rules = self.rules[job.version]
    seats: DynArray[address, 7] = self._seat(task, job, seed, rules)
    assert len(seats) > 0, "market: no validator can sit"
    self.tasks[task].state = COMMIT
    self.tasks[task].deadline = block.timestamp + rules.commit_s
    self.tasks[task].committed = 0
    self.tasks[task].revealed = 0
    log Drawn(task=task, round=job.round, seats=seats)
    return True


@external
def commit(task: uint256, seat: uint256, commitment: bytes32):
    """
    @notice A seat binds itself to a vote that nobody can read yet (`commitment_of`).
    """
    self._check_state(task, COMMIT)
    round: uint8 = self.tasks[task].round
    self._check_seat(task, round, seat)
    assert commitment != empty(bytes32), "market: empty commitment"
    assert self.seats[task][round][seat].commitment == empty(bytes32), "market: committed already"
    self.seats[task][round][seat].commitment = commitment
    committed: uint256 = self.tasks[task].committed + 1
    self.tasks[task].committed = committed
    if committed == len(self.seats[task][round]):
        self.tasks[task].state = REVEAL
        self.tasks[task].deadline = block.timestamp + self.rules[self.tasks[task].version].reveal_s
    log Committed(task=task, seat=msg.sender)


@external
def reveal(task: uint256, seat: uint256, vote: settlement.Vote, salt: bytes32):
    """
    @notice A seat opens its vote: when all have committed, or when the time for that is over.
    """
    self._end_commits(task)
    self._check_state(task, REVEAL)
    round: uint8 = self.tasks[task].round
    self._check_seat(task, round, seat)
    settlement._check_vote(vote)
    assert self.votes[task][round][seat].verdict == 0, "market: revealed already"
    commitment: bytes32 = self._commitment(task, round, msg.sender, vote, salt)
    assert self.seats[task][round][seat].commitment == commitment, "market: not the committed vote"
    self.votes[task][round][seat] = vote
    self.tasks[task].revealed += 1
    log Revealed(task=task, seat=msg.sender, vote=vote)


@external
def settle(task: uint256):
    """
    @notice Anybody: what is due now. Refund of what was not delivered or not drawn in time; judgement of a round whose
            votes are all open or whose time is over.
    """
    self._end_commits(task)
    job: Task = self.tasks[task]
    assert OPEN <= job.state and job.state < ENDED, "market: wrong state"
    if job.state == REVEAL:
        assert job.revealed == job.committed or block.timestamp > job.deadline, "market: too early"
        self._judge(task, job)
        return
    assert block.timestamp > job.deadline, "market: too early"
    self._end(task, job, job.reserve, job.locked)


@external
def carry_out(node: address, taken: uint256, to: address, to_amount: uint256, freed: uint256):
    """
    @notice Appeal: of what was handed over to it, take a penalty, and free some.
    """
    assert msg.sender == appeal.address, "market: not the appeal"
    self._free(node, taken + freed, taken, to, to_amount)


# What anybody can ask


@external
@view
def rules_of(version: uint256) -> settlement.Rules:
    """
    @notice The rules of one version; `version()` is in force for new tasks.
    """
    return self.rules[version]


@external
@view
def seats_of(task: uint256, round: uint8) -> DynArray[Seat, 7]:
    """
    @notice Who was drawn for one round, and what it has committed.
    """
    return self.seats[task][round]


@external
@view
def vote_of(task: uint256, round: uint8, seat: uint256) -> settlement.Vote:
    """
    @notice What a seat revealed; verdict 0 = nothing.
    """
    return self.votes[task][round][seat]


@external
@view
def commitment_of(task: uint256, round: uint8, node: address, vote: settlement.Vote, salt: bytes32) -> bytes32:
    """
    @notice What `node` commits for this vote. Compute it at home: who asks a public node tells it the vote.
    """
    return self._commitment(task, round, node, vote, salt)


@external
@pure
def preview(
    reward: uint256,
    fees: DynArray[uint256, 7],
    votes: DynArray[settlement.Vote, 7],
    committed: DynArray[bool, 7],
    absent_stands: bool,
    rules: settlement.Rules,
) -> settlement.Result:
    """
    @notice What `settle` would compute from these votes.
    """
    settlement._check_rules(rules)
    for vote: settlement.Vote in votes:
        if vote.verdict != 0:
            settlement._check_vote(vote)
    return settlement._settle(reward, fees, votes, committed, absent_stands, rules)


# Rules


@external
def propose_rules(rules: settlement.Rules):
    """
    @notice Owner: other rules, within bounds. In force for new tasks after the delay.
    """
    settlement._check_rules(rules)
    governed._propose(keccak256(abi_encode(rules)))


@external
def adopt_rules(rules: settlement.Rules):
    """
    @notice Anybody: put a proposal in force whose delay has passed.
    """
    governed._adopt(keccak256(abi_encode(rules)))
    self.version += 1
    self.rules[self.version] = rules
    log RulesChanged(version=self.version, rules=rules)


@internal
@view
def _check_state(task: uint256, state: uint8):
    assert self.tasks[task].state == state, "market: wrong state"
    assert block.timestamp <= self.tasks[task].deadline, "market: too late"


@internal
@view
def _check_seat(task: uint256, round: uint8, seat: uint256):
    assert seat < len(self.seats[task][round]), "market: no such seat"
    assert self.seats[task][round][seat].node == msg.sender, "market: not your seat"


@internal
@view
def _commitment(task: uint256, round: uint8, node: address, vote: settlement.Vote, salt: bytes32) -> bytes32:
    return keccak256(abi_encode(chain.id, self, task, round, node, vote, salt))


@internal
def _end_commits(task: uint256):
    if self.tasks[task].state == COMMIT and block.timestamp > self.tasks[task].deadline:
        self.tasks[task].state = REVEAL
        self.tasks[task].deadline += self.rules[self.tasks[task].version].reveal_s


@internal
def _seat(task: uint256, job: Task, seed: bytes32, rules: settlement.Rules) -> DynArray[address, 7]:
    able: DynArray[Seat, 7] = []
    # A draw of more begins with the draw of fewer: most find their seats among these few.
    for count: uint256 in [2 * rules.seats + 2, CANDIDATES]:
        able = []
        for node: address in staticcall registry.draw(seed, count):
            if len(able) == rules.seats:
                break
            if node == job.producer or node == job.client or self.sat[task][node]:
                continue
            price: uint256 = 0
            free: uint256 = 0
            price, free = staticcall registry.offer(node, VALIDATOR, self)
            fee: uint256 = min(price * job.units, job.fee_max)
            locked: uint256 = settlement._validator_exposure(fee, rules)
            if free >= locked:
                able.append(Seat(node=node, fee=fee, locked=locked, commitment=empty(bytes32)))
        if len(able) == rules.seats:
            break
    # An odd number, so that conclusive votes of all seats are no tie.
    if len(able) > 0 and len(able) % 2 == 0:
        able.pop()
    seated: DynArray[address, 7] = []
    for seat: Seat in able:
        seated.append(seat.node)
        self.sat[task][seat.node] = True
        self.seats[task][job.round].append(seat)
        extcall registry.lock(seat.node, seat.locked)
    return seated


@internal
def _judge(task: uint256, job: Task):
    fees: DynArray[uint256, 7] = []
    votes: DynArray[settlement.Vote, 7] = []
    committed: DynArray[bool, 7] = []
    for i: uint256 in range(len(self.seats[task][job.round]), bound=7):
        fees.append(self.seats[task][job.round][i].fee)
        votes.append(self.votes[task][job.round][i])
        committed.append(self.seats[task][job.round][i].commitment != empty(bytes32))
    rules: settlement.Rules = self.rules[job.version]
    last: bool = convert(job.round, uint256) >= rules.redraws
    result: settlement.Result = settlement._settle(
        job.reward, fees, votes, committed, last and job.all_absent, rules
    )
    spent: uint256 = result.reward
    held: IAppeal.Held = IAppeal.Held(
        client=job.client,
        producer=job.producer,
        verdict=convert(result.verdict, uint256),
        reward=job.reward,
        penalty=result.penalty,
        to_client=result.to_client,
        locked=job.locked,
        penalty_ppm=rules.penalty_ppm,
        dissent_ppm=rules.dissent_ppm,
        work=job.work,
        seats=empty(address[7]),
        verdicts=empty(uint256[7]),
        asked=empty(uint256[7]),
        paid=empty(uint256[7]),
        fines=empty(uint256[7]),
        locks=empty(uint256[7]),
    )
    judged: bool = result.verdict != 0 and not result.absent
    # What nobody can dispute is taken at once: votes that were hidden or not given, and "shown to nobody".
    fined: uint256 = 0
    if judged:
        fined = result.penalty
        for i: uint256 in range(len(fees), bound=7):
            if votes[i].verdict != 0:
                fined += result.fines[i]
    for i: uint256 in range(len(fees), bound=7):
        seat: Seat = self.seats[task][job.round][i]
        spent += result.fees[i]
        self.balances[seat.node] += result.fees[i]
        held.seats[i] = seat.node
        held.verdicts[i] = convert(votes[i].verdict, uint256)
        held.asked[i] = fees[i]
        held.paid[i] = result.fees[i]
        if fined > 0 and (held.verdicts[i] == 1 or held.verdicts[i] == 2):
            held.locks[i] = seat.locked
            held.fines[i] = result.fines[i]
        else:
            self._free(seat.node, seat.locked, result.fines[i], job.client, 0)
    assert spent <= job.reserve, "market: payments exceed the reserve"
    self.balances[job.producer] += result.reward
    log Judged(task=task, round=job.round, result=result)
    if result.verdict == 0 and not last:
        self.tasks[task].state = DELIVERED
        self.tasks[task].round = job.round + 1
        self.tasks[task].all_absent = job.all_absent and result.absent
        self.tasks[task].deadline = block.timestamp + rules.draw_s
        self.tasks[task].anchor = block.number
        return
    self.tasks[task].verdict = result.verdict
    locked: uint256 = job.locked
    if fined > 0:
        extcall appeal.hold(task, held)
        locked = 0
    elif result.penalty > 0:
        self._free(job.producer, job.locked, result.penalty, job.client, result.to_client)
        locked = 0
    self._end(task, job, job.reserve - spent, locked)


@internal
def _free(node: address, locked: uint256, taken: uint256, to: address, to_amount: uint256):
    # What is locked is the most that can be taken (`_producer_exposure`, `_validator_exposure`).
    if taken > 0:
        extcall registry.take(node, taken, to, to_amount)
    if locked > taken:
        extcall registry.unlock(node, locked - taken)


@internal
def _end(task: uint256, job: Task, refund: uint256, locked: uint256):
    self.tasks[task].state = ENDED
    self.tasks[task].locked = 0
    self.tasks[task].reserve = 0
    self.balances[job.client] += refund
    if locked > 0:
        extcall registry.unlock(job.producer, locked)
    log Ended(task=task, refund=refund)

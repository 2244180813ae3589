# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Appeal: a larger jury judges again, and the side that was wrong pays for it
@license MIT
@notice The integers of `antiphon.economy.appeal`, to the unit. Nobody owns this contract; it holds no token.

            HELD --appeal--> DRAWING --draw--> COMMIT --> REVEAL --settle--> OVER
              |                 |                |
              +----deadline-----+----deadline----+--> OVER: carried out

        1. A market that fines somebody for its vote, or a producer for its work, hands over what can be taken of anybody
           (`hold`). What its escrow pays is not held back. Any market may; what it says concerns its own locks only.
        2. Whoever is fined may appeal, once. It locks a fee for each ticket of the jury, the dearest that a seat asked.
        3. Tickets fall on validators by stake, by the hash of a block that did not exist at the appeal. Those of the
           first panel count with the votes that it gave; the client's, and those of who does not vote, for the verdict.
        4. A verdict falls when more than half of all tickets are against it, and at least two jurors gave a verdict.
        5. Jurors commit, then reveal. Who commits locks the price of dissent; who does not commit pays nothing.
        6. Every state but OVER has a deadline. After it anybody's `settle` ends the appeal. Nothing here can be paused.
@dev A dispute's content is known by its hash, and given again by who calls; the events have it. What is locked of a
     node for one dispute is all that this dispute can take: a market's by `carry_out`, its own by the registry.
"""

from interfaces import IAppeal
from interfaces import IMarket
from interfaces import IRegistry

implements: IAppeal

struct Terms:
    appeal_s: uint256
    draw_s: uint256
    commit_s: uint256
    reveal_s: uint256

struct Dispute:
    state: uint8
    deadline: uint256
    content: bytes32  # hash of what is held
    appellant: address
    bond: uint256  # locked of the appellant
    anchor: uint256  # block of the appeal
    jury: bytes32  # hash of the tickets
    jurors: uint256
    committed: uint256
    revealed: uint256

struct Count:
    against: uint256  # tickets
    so: uint256
    heard: uint256  # jurors that gave a verdict
    agreed: DynArray[address, 48]
    opposed: DynArray[address, 48]
    hidden: DynArray[address, 48]
    unsure: DynArray[address, 48]

struct Share:
    node: address
    amount: uint256
    locked_here: bool  # by this contract, not by the market

event Held:
    dispute: indexed(bytes32)
    market: indexed(address)
    reference: indexed(uint256)
    held: IAppeal.Held
    deadline: uint256

event Appealed:
    dispute: indexed(bytes32)
    appellant: indexed(address)
    bond: uint256
    anchor: uint256

event Anchored:
    dispute: indexed(bytes32)
    anchor: uint256

event Drawn:
    dispute: indexed(bytes32)
    tickets: DynArray[address, 48]

event Committed:
    dispute: indexed(bytes32)
    juror: indexed(address)

event Revealed:
    dispute: indexed(bytes32)
    juror: indexed(address)
    verdict: uint8
    score_ppm: uint256

event Decided:
    dispute: indexed(bytes32)
    overturned: bool
    against: uint256


HELD: constant(uint8) = 1
DRAWING: constant(uint8) = 2
COMMIT: constant(uint8) = 3
REVEAL: constant(uint8) = 4
OVER: constant(uint8) = 5
VALID: constant(uint256) = 1
INVALID: constant(uint256) = 2
NO_SIDE: constant(uint256) = 3
PPM: constant(uint256) = 1_000_000
# As many as the largest pool of `economy.types.Rules`.
TICKETS: constant(uint256) = 48
MIN_HEARD: constant(uint256) = 2
MAX_SOURCES: constant(uint256) = 56
MAX_PAYMENTS: constant(uint256) = 112
DRAW_BLOCKS: constant(uint256) = 2
KEPT_BLOCKS: constant(uint256) = 256

registry: public(immutable(IRegistry))
terms: immutable(Terms)
disputes: public(HashMap[bytes32, Dispute])
# By dispute and juror: its commitment; once revealed, its verdict.
votes: HashMap[bytes32, HashMap[address, bytes32]]


@deploy
def __init__(registry_: address, terms_: Terms):
    for seconds: uint256 in [terms_.appeal_s, terms_.draw_s, terms_.commit_s, terms_.reveal_s]:
        assert 60 <= seconds and seconds <= 7 * 86_400, "appeal: deadline out of bounds"
    registry = IRegistry(registry_)
    terms = terms_


@external
def hold(reference: uint256, held: IAppeal.Held):
    """
    @notice Market: hand over what can be taken for one verdict. It stays locked by the market until `carry_out`.
    @param reference The market's own number of what was judged, once for each.
    """
    id: bytes32 = self._id(msg.sender, reference)
    assert self.disputes[id].state == 0, "appeal: held already"
    self.disputes[id].state = HELD
    self.disputes[id].deadline = block.timestamp + terms.appeal_s
    self.disputes[id].content = keccak256(abi_encode(held))
    log Held(
        dispute=id, market=msg.sender, reference=reference, held=held, deadline=block.timestamp + terms.appeal_s
    )


@external
def appeal(market: address, reference: uint256, held: IAppeal.Held):
    """
    @notice Whoever is fined: ask for a jury. Locks the sender's stake (`registry.trust` comes first).
    """
    id: bytes32 = self._check(market, reference, HELD, held)
    self._check_time(id)
    fined: bool = msg.sender == held.producer and held.penalty > 0
    for i: uint256 in range(7):
        if held.seats[i] == msg.sender and held.fines[i] > 0:
            fined = True
    assert fined, "appeal: not fined"
    bond: uint256 = max(1, TICKETS * self._fee(held))
    self.disputes[id].state = DRAWING
    self.disputes[id].deadline = block.timestamp + terms.draw_s
    self.disputes[id].appellant = msg.sender
    self.disputes[id].bond = bond
    self.disputes[id].anchor = block.number
    extcall registry.lock(msg.sender, bond)
    log Appealed(dispute=id, appellant=msg.sender, bond=bond, anchor=block.number)


@external
def draw(market: address, reference: uint256, held: IAppeal.Held) -> bool:
    """
    @notice Anybody: draw the jury. False = the chain no longer knows the block; a new one is waited for.
    """
    id: bytes32 = self._check(market, reference, DRAWING, held)
    self._check_time(id)
    at: uint256 = self.disputes[id].anchor + DRAW_BLOCKS
    assert block.number > at, "appeal: the block is not there yet"
    if block.number > at + KEPT_BLOCKS:
        self.disputes[id].anchor = block.number
        log Anchored(dispute=id, anchor=block.number)
        return False
    seed: bytes32 = keccak256(abi_encode(blockhash(at), self, id))
    tickets: DynArray[address, TICKETS] = staticcall registry.sample(seed, TICKETS)
    jurors: uint256 = 0
    last: address = empty(address)
    for node: address in tickets:
        if node != last and self._may_judge(held, node):
            jurors += 1
        last = node
    self.disputes[id].state = COMMIT
    self.disputes[id].deadline = block.timestamp + terms.commit_s
    self.disputes[id].jury = keccak256(abi_encode(tickets))
    self.disputes[id].jurors = jurors
    log Drawn(dispute=id, tickets=tickets)
    return True


@external
def commit(
    market: address,
    reference: uint256,
    held: IAppeal.Held,
    tickets: DynArray[address, TICKETS],
    ticket: uint256,
    commitment: bytes32,
):
    """
    @notice A juror binds itself to a vote that nobody can read yet (`commitment_of`), and locks the price of dissent.
    @param ticket The place of one of its tickets.
    """
    id: bytes32 = self._check(market, reference, COMMIT, held)
    self._check_time(id)
    self._check_jury(id, tickets)
    assert tickets[ticket] == msg.sender and self._may_judge(held, msg.sender), "appeal: not a juror"
    # Nobody else's numbers bind a juror.
    assert staticcall registry.trusts(msg.sender, market), "appeal: market not trusted"
    assert convert(commitment, uint256) > 4, "appeal: empty commitment"
    assert self.votes[id][msg.sender] == empty(bytes32), "appeal: committed already"
    self.votes[id][msg.sender] = commitment
    committed: uint256 = self.disputes[id].committed + 1
    self.disputes[id].committed = committed
    if committed == self.disputes[id].jurors:
        self.disputes[id].state = REVEAL
        self.disputes[id].deadline = block.timestamp + terms.reveal_s
    extcall registry.lock(msg.sender, self._dissent(held))
    log Committed(dispute=id, juror=msg.sender)


@external
def reveal(market: address, reference: uint256, verdict: uint8, score_ppm: uint256, salt: bytes32):
    """
    @notice A juror opens its vote: when all have committed, or when the time for that is over.
    """
    id: bytes32 = self._id(market, reference)
    self._end_commits(id)
    assert self.disputes[id].state == REVEAL, "appeal: wrong state"
    self._check_time(id)
    assert 1 <= verdict and verdict <= 4, "appeal: no such verdict"
    commitment: bytes32 = self._commitment(id, msg.sender, verdict, score_ppm, salt)
    assert self.votes[id][msg.sender] == commitment, "appeal: not the committed vote"
    self.votes[id][msg.sender] = convert(verdict, bytes32)
    self.disputes[id].revealed += 1
    log Revealed(dispute=id, juror=msg.sender, verdict=verdict, score_ppm=score_ppm)


@external
def settle(market: address, reference: uint256, held: IAppeal.Held, tickets: DynArray[address, TICKETS]):
    """
    @notice Anybody: end a dispute that nobody appealed in time, or whose votes are all open, or whose time is over.
    @param tickets Those that were drawn; none if none were.
    """
    id: bytes32 = self._id(market, reference)
    self._end_commits(id)
    dispute: Dispute = self.disputes[id]
    assert HELD <= dispute.state and dispute.state < OVER, "appeal: wrong state"
    assert dispute.content == keccak256(abi_encode(held)), "appeal: not what is held"
    done: bool = dispute.state == REVEAL and dispute.revealed == dispute.committed
    assert done or block.timestamp > dispute.deadline, "appeal: too early"
    self.disputes[id].state = OVER
    if dispute.state == HELD:
        self._carry_out(market, held)
        return
    if dispute.jury == empty(bytes32):
        assert len(tickets) == 0, "appeal: not the jury"
    else:
        self._check_jury(id, tickets)
    count: Count = self._count(id, held, tickets)
    overturned: bool = count.heard >= MIN_HEARD and 2 * count.against > len(tickets)
    wrong: DynArray[address, 96] = []
    if overturned:
        # They voted for the verdict, and more than half is against it.
        for node: address in count.agreed:
            wrong.append(node)
    elif 2 * count.so > len(tickets):
        for node: address in count.opposed:
            wrong.append(node)
    for node: address in count.hidden:
        wrong.append(node)
    if overturned:
        self._overturn(market, held, wrong, count.opposed)
    else:
        self._carry_out(market, held)
        self._pay_jury(dispute.appellant, self._fee(held), count.agreed)
        for node: address in wrong:
            self._take(node, self._dissent(held), empty(address), 0)
    # What is still locked by this contract.
    kept: uint256 = dispute.bond
    if not overturned:
        kept -= self._fee(held) * max(1, len(count.agreed))
    extcall registry.unlock(dispute.appellant, kept)
    self._free(held, count.unsure)
    if overturned:
        self._free(held, count.opposed)
    else:
        self._free(held, count.agreed)
        if len(wrong) == len(count.hidden):
            self._free(held, count.opposed)
    log Decided(dispute=id, overturned=overturned, against=count.against)


# What anybody can ask


@external
@view
def id_of(market: address, reference: uint256) -> bytes32:
    """
    @notice What a dispute is called here.
    """
    return self._id(market, reference)


@external
@view
def terms_in_force() -> Terms:
    return terms


@external
@view
def vote_of(dispute: bytes32, juror: address) -> bytes32:
    """
    @notice What a juror committed; 1 to 4 = the verdict that it revealed.
    """
    return self.votes[dispute][juror]


@external
@view
def commitment_of(dispute: bytes32, juror: address, verdict: uint8, score_ppm: uint256, salt: bytes32) -> bytes32:
    """
    @notice What `juror` commits for this vote. Compute it at home: who asks a public node tells it the vote.
    """
    return self._commitment(dispute, juror, verdict, score_ppm, salt)


# Money


@internal
def _carry_out(market: address, held: IAppeal.Held):
    """
    @notice What the first verdict would take.
    """
    for i: uint256 in range(7):
        fine: uint256 = min(held.fines[i], held.locks[i])
        self._return(market, held.seats[i], held.locks[i], fine, empty(address), 0)
    taken: uint256 = min(held.penalty, held.locked)
    self._return(market, held.producer, held.locked, taken, held.client, min(taken, held.to_client))


@internal
def _pay_jury(appellant: address, fee: uint256, agreed: DynArray[address, TICKETS]):
    if fee == 0:
        return
    for node: address in agreed:
        self._take(appellant, fee, node, fee)
    if len(agreed) == 0:
        # It held everybody's stake, and let nobody hear the work.
        self._take(appellant, fee, empty(address), 0)


@internal
def _overturn(
    market: address, held: IAppeal.Held, wrong: DynArray[address, 96], right: DynArray[address, TICKETS]
):
    """
    @notice Fines of who was wrong, paid out as far as they reach: to the client first (by the producer only), then to
            who was outvoted, to the jurors that were right in equal parts of their fees, and to a producer that was
            wrongly fined. The rest is burnt.
    """
    sources: DynArray[Share, MAX_SOURCES] = []
    targets: DynArray[Share, MAX_SOURCES] = []
    paid: uint256 = 0
    outvoted: uint256 = 0
    total: uint256 = 0
    freed: uint256[7] = held.locks
    for i: uint256 in range(7):
        paid += held.paid[i]
        if held.verdicts[i] == held.verdict:
            owed: uint256 = min(held.paid[i] + held.dissent_ppm * held.asked[i] // PPM, held.locks[i])
            freed[i] -= owed
            total += owed
            sources.append(Share(node=held.seats[i], amount=owed, locked_here=False))
        elif held.verdicts[i] == VALID or held.verdicts[i] == INVALID:
            outvoted += held.asked[i]
            targets.append(Share(node=held.seats[i], amount=held.asked[i], locked_here=False))
    for node: address in wrong:
        owed: uint256 = self._dissent(held)
        total += owed
        sources.append(Share(node=node, amount=owed, locked_here=True))
    made: uint256 = held.locked
    if held.verdict == VALID:
        loss: uint256 = held.reward + paid
        taken: uint256 = min(max(held.penalty_ppm * held.reward // PPM, loss), held.locked)
        made -= taken
        back: uint256 = min(taken, loss)
        extcall IMarket(market).carry_out(held.producer, back, held.client, back, 0)
        total += taken - back
        sources.append(Share(node=held.producer, amount=taken - back, locked_here=False))
    fee: uint256 = self._fee(held)
    there: uint256 = total - min(total, outvoted)
    share: uint256 = fee
    if fee * len(right) > there:
        share = fee * there // (fee * len(right))
    for node: address in right:
        targets.append(Share(node=node, amount=share, locked_here=True))
    if held.verdict == INVALID:
        targets.append(Share(node=held.producer, amount=held.reward, locked_here=False))
    self._pay(market, sources, targets)
    for i: uint256 in range(7):
        self._return(market, held.seats[i], freed[i], 0, empty(address), 0)
    self._return(market, held.producer, made, 0, empty(address), 0)


@internal
def _pay(market: address, sources: DynArray[Share, MAX_SOURCES], targets: DynArray[Share, MAX_SOURCES]):
    """
    @notice From each source in turn to each target in turn; what is left is burnt.
    """
    left: uint256 = 0
    owed: uint256 = 0
    source: uint256 = 0
    target: uint256 = 0
    if len(targets) > 0:
        owed = targets[0].amount
    if len(sources) > 0:
        left = sources[0].amount
    for step: uint256 in range(MAX_PAYMENTS):
        if source == len(sources):
            break
        to: address = empty(address)
        amount: uint256 = left
        if target < len(targets):
            to = targets[target].node
            amount = min(left, owed)
            owed -= amount
        left -= amount
        if amount > 0:
            to_amount: uint256 = 0
            if to != empty(address):
                to_amount = amount
            if sources[source].locked_here:
                self._take(sources[source].node, amount, to, to_amount)
            else:
                extcall IMarket(market).carry_out(sources[source].node, amount, to, to_amount, 0)
        if left == 0:
            source += 1
            if source < len(sources):
                left = sources[source].amount
        elif owed == 0:
            target += 1
            if target < len(targets):
                owed = targets[target].amount


@internal
def _take(node: address, amount: uint256, to: address, to_amount: uint256):
    if amount > 0:
        extcall registry.take(node, amount, to, to_amount)


@internal
def _return(market: address, node: address, locked: uint256, taken: uint256, to: address, to_amount: uint256):
    if locked > 0:
        extcall IMarket(market).carry_out(node, taken, to, to_amount, locked - taken)


@internal
def _free(held: IAppeal.Held, jurors: DynArray[address, TICKETS]):
    for node: address in jurors:
        extcall registry.unlock(node, self._dissent(held))


# Votes


@internal
@view
def _count(id: bytes32, held: IAppeal.Held, tickets: DynArray[address, TICKETS]) -> Count:
    count: Count = empty(Count)
    last: address = empty(address)
    verdict: uint256 = 0
    for node: address in tickets:
        if node != last:
            verdict = self._vote_of_panel(held, node)
            if verdict == 0 and node != held.client:
                verdict = convert(self.votes[id][node], uint256)
                if verdict > 4:
                    count.hidden.append(node)
                elif verdict == VALID or verdict == INVALID:
                    count.heard += 1
                    if verdict == held.verdict:
                        count.agreed.append(node)
                    else:
                        count.opposed.append(node)
                elif verdict > 0:
                    count.unsure.append(node)
        last = node
        if verdict == held.verdict:
            count.so += 1
        elif verdict == VALID or verdict == INVALID:
            count.against += 1
    return count


@internal
@pure
def _vote_of_panel(held: IAppeal.Held, node: address) -> uint256:
    """
    @notice 0 = it did not sit.
    """
    for i: uint256 in range(7):
        if held.seats[i] == node:
            return NO_SIDE if held.verdicts[i] == 0 else held.verdicts[i]
    return 0


@internal
@pure
def _may_judge(held: IAppeal.Held, node: address) -> bool:
    return node != held.client and node != held.producer and self._vote_of_panel(held, node) == 0


@internal
@pure
def _fee(held: IAppeal.Held) -> uint256:
    """
    @notice Of a juror: it hears the same work as a seat, and is paid as the dearest of them.
    """
    fee: uint256 = 0
    for asked: uint256 in held.asked:
        fee = max(fee, asked)
    return fee


@internal
@pure
def _dissent(held: IAppeal.Held) -> uint256:
    return held.dissent_ppm * self._fee(held) // PPM


@internal
@view
def _id(market: address, reference: uint256) -> bytes32:
    return keccak256(abi_encode(market, reference))


@internal
@view
def _check(market: address, reference: uint256, state: uint8, held: IAppeal.Held) -> bytes32:
    id: bytes32 = self._id(market, reference)
    assert self.disputes[id].state == state, "appeal: wrong state"
    assert self.disputes[id].content == keccak256(abi_encode(held)), "appeal: not what is held"
    return id


@internal
@view
def _check_time(id: bytes32):
    assert block.timestamp <= self.disputes[id].deadline, "appeal: too late"


@internal
@view
def _check_jury(id: bytes32, tickets: DynArray[address, TICKETS]):
    assert keccak256(abi_encode(tickets)) == self.disputes[id].jury, "appeal: not the jury"


@internal
@view
def _commitment(id: bytes32, juror: address, verdict: uint8, score_ppm: uint256, salt: bytes32) -> bytes32:
    return keccak256(abi_encode(chain.id, self, id, juror, verdict, score_ppm, salt))


@internal
def _end_commits(id: bytes32):
    if self.disputes[id].state == COMMIT and self.disputes[id].committed > 0 and (
        block.timestamp > self.disputes[id].deadline
    ):
        self.disputes[id].state = REVEAL
        self.disputes[id].deadline += terms.reveal_s

# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Epochs: validators' weights become newly issued money
@license MIT
@notice One service's weights, consensus and emission. Nobody owns this contract; its rules are final. An epoch has four
        phases of fixed length:

        1. Open: nodes take columns, validators take seats, and commit to their weights (`commitment_of`). A seat goes to
           whoever has more stake than its holder.
        2. Reveal: a validator shows its weights. A lost reveal is given again, a failed one erases nothing. Stake counts
           as it is then. Only weights revealed in this epoch count. Nobody weighs itself.
        3. Post: anybody computes the consensus and posts its columns and the dividends, with a bond.
        4. Challenge, from the post to the epoch's end: anybody has one column, or one validator's dividends, computed
           here. If it comes out otherwise, the post is void and its bond lost: half to the challenger, half burnt. While
           the post phase lasts, somebody else can post.

        After its end anybody finishes the epoch: the token issues its emission, at most once for an epoch and within the
        token's own cap; a tree of payments is computed out of what was posted, and each is claimed once by Merkle proof.
        An epoch without a standing post issues nothing.
@dev The integers are those of `antiphon.economy.epochs` (see `consensus`). Payments of epochs are: part of the emission
     to nodes by rank, part to validators by dividends, each rounded down, the rest to the treasury. The emission is what
     the token pays out of what it issues: its burn share is off already.
     Conservation: the token's balance here is at least bonds + what is not claimed yet (`held`).
"""

from ethereum.ercs import IERC20
from interfaces import IIssued
from interfaces import IRegistry
import consensus

struct Terms:
    open_s: uint256
    reveal_s: uint256
    post_s: uint256
    challenge_s: uint256
    kappa_ppm: uint256
    emission: uint256  # of an epoch, what the token burns of it included
    nodes_ppm: uint256
    validators_ppm: uint256
    bond: uint256

struct Post:
    poster: address
    content: bytes32  # hash of columns and dividends
    ranks: uint256

struct Payments:
    root: bytes32
    claimed: uint256[5]  # a bit for each place

event ColumnTaken:
    column: indexed(uint256)
    node: indexed(address)

event SeatTaken:
    seat: indexed(uint256)
    validator: indexed(address)

event Committed:
    epoch: indexed(uint256)
    validator: indexed(address)

event Revealed:
    epoch: indexed(uint256)
    validator: indexed(address)
    stake: uint256
    weights: DynArray[uint256, 64]

event Posted:
    epoch: indexed(uint256)
    poster: indexed(address)
    columns: DynArray[uint256, 512]
    dividends: DynArray[uint256, 64]

event Struck:
    epoch: indexed(uint256)
    poster: indexed(address)
    challenger: indexed(address)

event Finished:
    epoch: indexed(uint256)
    emission: uint256
    root: bytes32

event Claimed:
    epoch: indexed(uint256)
    place: indexed(uint256)
    to: indexed(address)
    amount: uint256


PPM: constant(uint256) = 1_000_000
BURNT: constant(address) = 0x000000000000000000000000000000000000dEaD
MAX_COLUMNS: constant(uint256) = 1_024
MAX_SEATS: constant(uint256) = 64
# Places in the tree of payments: columns, then seats, then the treasury.
SEATS_AT: constant(uint256) = MAX_COLUMNS
TREASURY_AT: constant(uint256) = MAX_COLUMNS + MAX_SEATS
_HALF: constant(uint256) = 2**128 - 1
_ADDRESS: constant(uint256) = 2**160 - 1
# A seat's word: 48 bits of stake, 32 of its weights' sum, 16 of their words, then the epoch of the reveal.
_TOTAL: constant(uint256) = 48
_WORDS: constant(uint256) = 80
_EPOCH: constant(uint256) = 96

asset: immutable(IERC20)
registry: public(immutable(IRegistry))
treasury: public(immutable(address))
terms: immutable(Terms)
# When the first epoch began.
first_s: public(immutable(uint256))

columns: public(uint256)
seats: public(uint256)
# By place and number: holder, and above it the epoch from which on it holds the place.
holders: HashMap[uint256, HashMap[uint256, uint256]]
holder_count: public(HashMap[uint256, uint256])
# From 1; 0 = none.
column_of: public(HashMap[address, uint256])
seat_of: public(HashMap[address, uint256])
# By epoch and validator.
commitments: public(HashMap[uint256, HashMap[address, bytes32]])
revealed: HashMap[uint256, uint256]
# By seat * 64 + word: 16 weights of 16 bits.
rows: HashMap[uint256, uint256]
posts: public(HashMap[uint256, Post])
payments: HashMap[uint256, Payments]
# Bonds that came back or were won, by owner.
bonds: public(HashMap[address, uint256])
held: public(uint256)


@deploy
def __init__(registry_: address, treasury_: address, terms_: Terms):
    assert treasury_ != empty(address), "epochs: no treasury"
    for seconds: uint256 in [terms_.open_s, terms_.reveal_s, terms_.post_s, terms_.challenge_s]:
        assert 60 <= seconds and seconds <= 7 * 86_400, "epochs: phase out of bounds"
    assert 0 < terms_.kappa_ppm and terms_.kappa_ppm <= PPM, "epochs: kappa out of bounds"
    assert terms_.emission < 2**96 and terms_.bond < 2**96, "epochs: money out of bounds"
    # What is below 2 cannot be halved, and a free post could be struck and given again for nothing.
    assert terms_.bond >= 2, "epochs: no bond"
    assert terms_.nodes_ppm + terms_.validators_ppm <= PPM, "epochs: parts out of bounds"
    registry = IRegistry(registry_)
    asset = IERC20(staticcall IRegistry(registry_).token())
    treasury = treasury_
    terms = terms_
    first_s = block.timestamp


@external
@view
def terms_in_force() -> Terms:
    return terms


@external
@view
def epoch() -> uint256:
    """
    @notice Number of the running epoch, from 0.
    """
    return self._epoch()


# Places


@external
def take_column():
    """
    @notice A registered node takes a column: its number, which keeps it as long as it is registered.
    """
    self._check_phase(0, terms.open_s)
    assert self.column_of[msg.sender] == 0, "epochs: has a column"
    assert self._is_node(msg.sender), "epochs: not registered"
    column: uint256 = self.columns
    assert column < MAX_COLUMNS, "epochs: no column is free"
    self.columns = column + 1
    self._take_column(column)


@external
def replace_column(column: uint256):
    """
    @notice Take the column of a node that is registered no more.
    """
    self._check_phase(0, terms.open_s)
    assert column < self.columns, "epochs: no such column"
    assert self.column_of[msg.sender] == 0, "epochs: has a column"
    assert self._is_node(msg.sender), "epochs: not registered"
    before: address = self._holder(column)
    assert not self._is_node(before), "epochs: column is taken"
    self.column_of[before] = 0
    self._take_column(column)


@external
def take_seat(seat: uint256):
    """
    @notice A validator takes the next seat, or that of a validator with less stake.
    """
    self._check_phase(0, terms.open_s)
    assert self.seat_of[msg.sender] == 0, "epochs: has a seat"
    weight: uint256 = staticcall registry.weight(msg.sender)
    assert weight > 0, "epochs: no stake"
    if seat == self.seats:
        assert seat < MAX_SEATS, "epochs: no seat is free"
        self.seats = seat + 1
    else:
        assert seat < self.seats, "epochs: no such seat"
        before: address = self._holder(SEATS_AT + seat)
        assert staticcall registry.weight(before) < weight, "epochs: seat is taken"
        self.seat_of[before] = 0
    self.seat_of[msg.sender] = seat + 1
    self._hold(SEATS_AT + seat)
    log SeatTaken(seat=seat, validator=msg.sender)


@external
@view
def holder(place: uint256, number: uint256) -> (address, uint256):
    """
    @notice Who held a place, number by number, and from which epoch on.
    """
    word: uint256 = self.holders[place][number]
    return convert(word & _ADDRESS, address), word >> 160


# Weights


@external
@view
def commitment_of(epoch: uint256, validator: address, weights: DynArray[uint256, 64], salt: bytes32) -> bytes32:
    return self._commitment(epoch, validator, weights, salt)


@external
def commit(commitment: bytes32):
    """
    @notice Commit to this epoch's weights. The last commitment counts.
    """
    self._check_phase(0, terms.open_s)
    assert self.seat_of[msg.sender] != 0, "epochs: no seat"
    self.commitments[self._epoch()][msg.sender] = commitment
    log Committed(epoch=self._epoch(), validator=msg.sender)


@external
def reveal(weights: DynArray[uint256, 64], salt: bytes32):
    """
    @notice Show the weights that were committed to.
    @param weights 16 columns a word, 16 bits each, the first in the lowest bits.
    """
    self._check_phase(terms.open_s, terms.reveal_s)
    epoch: uint256 = self._epoch()
    assert self.seat_of[msg.sender] != 0, "epochs: no seat"
    committed: bytes32 = self.commitments[epoch][msg.sender]
    assert self._commitment(epoch, msg.sender, weights, salt) == committed, "epochs: not what was committed to"
    seat: uint256 = self.seat_of[msg.sender] - 1
    assert self.revealed[seat] >> _EPOCH != epoch + 1, "epochs: revealed already"
    total: uint256 = 0
    for i: uint256 in range(len(weights), bound=MAX_SEATS):
        word: uint256 = weights[i]
        last: uint256 = 0
        for n: uint256 in range(16):
            weight: uint256 = (word >> (16 * n)) & 65_535
            total += weight
            if weight > 0:
                last = 16 * i + n + 1
        assert last <= self.columns, "epochs: a weight for nobody"
        self.rows[seat * 64 + i] = word
    own: uint256 = self.column_of[msg.sender]
    if own > 0 and (own - 1) >> 4 < len(weights):
        assert (weights[(own - 1) >> 4] >> (16 * ((own - 1) & 15))) & 65_535 == 0, "epochs: weighs itself"
    stake: uint256 = staticcall registry.weight(msg.sender)
    self.revealed[seat] = stake | (total << _TOTAL) | (len(weights) << _WORDS) | ((epoch + 1) << _EPOCH)
    log Revealed(epoch=epoch, validator=msg.sender, stake=stake, weights=weights)


@external
@view
def compute_column(column: uint256) -> consensus.Column:
    """
    @notice A column as the weights revealed in this epoch give it.
    """
    return self._column(column)


# Consensus


@external
@nonreentrant
def post(columns: DynArray[uint256, 512], dividends: DynArray[uint256, 64]):
    """
    @notice Post this epoch's consensus, with the bond.
    @param columns Two a word, the first in the lower half: rank, consensus * 2**63, bonded * 2**95 (`consensus.Column`).
    @param dividends Of each seat, as `consensus._dividend` sums them up over all columns.
    """
    self._check_phase(terms.open_s + terms.reveal_s, terms.post_s)
    epoch: uint256 = self._epoch()
    assert self.posts[epoch].poster == empty(address), "epochs: posted already"
    assert len(columns) == (self.columns + 1) // 2 and len(dividends) == self.seats, "epochs: post of another size"
    ranks: uint256 = 0
    for word: uint256 in columns:
        ranks += (word & (2**63 - 1)) + ((word >> 128) & (2**63 - 1))
    assert 0 < ranks and ranks <= 2**62, "epochs: no consensus"
    for dividend: uint256 in dividends:
        assert dividend < 2**64, "epochs: dividend out of bounds"
    self.posts[epoch] = Post(
        poster=msg.sender, content=keccak256(abi_encode(columns, dividends)), ranks=ranks
    )
    before: uint256 = staticcall asset.balanceOf(self)
    assert extcall asset.transferFrom(msg.sender, self, terms.bond, default_return_value=True), "epochs: transfer failed"
    assert staticcall asset.balanceOf(self) == before + terms.bond, "epochs: token takes a fee"
    self.held += terms.bond
    log Posted(epoch=epoch, poster=msg.sender, columns=columns, dividends=dividends)


@external
def challenge_column(column: uint256, columns: DynArray[uint256, 512], dividends: DynArray[uint256, 64]):
    """
    @notice Anybody: have one column computed here. The rest of the post is given again.
    """
    epoch: uint256 = self._epoch()
    self._check_content(epoch, columns, dividends)
    assert column < 2 * len(columns), "epochs: no such column"
    posted: uint256 = (columns[column >> 1] >> (128 * (column & 1))) & _HALF
    assert consensus._packed(self._column(column)) != posted, "epochs: the column is right"
    self._strike(epoch)


@external
def challenge_dividend(seat: uint256, columns: DynArray[uint256, 512], dividends: DynArray[uint256, 64]):
    """
    @notice Anybody: have one validator's dividends computed here, out of its weights and the posted columns.
    """
    epoch: uint256 = self._epoch()
    self._check_content(epoch, columns, dividends)
    assert seat < len(dividends), "epochs: no such seat"
    total: uint256 = 0
    word: uint256 = self.revealed[seat]
    if word >> _EPOCH == epoch + 1:
        found: consensus.Seat = self._seat(word)
        whole: uint256 = consensus._stakes(self._seats(0))
        row: uint256 = 0
        for i: uint256 in range(2 * len(columns), bound=MAX_COLUMNS):
            if i & 15 == 0:
                row = 0
                if i >> 4 < (word >> _WORDS) & 65_535:
                    row = self.rows[seat * 64 + (i >> 4)]
            found.weight = (row >> (16 * (i & 15))) & 65_535
            if found.weight > 0:
                column: consensus.Column = consensus._unpacked((columns[i >> 1] >> (128 * (i & 1))) & _HALF)
                total += consensus._dividend(found, whole, column, self.posts[epoch].ranks)
    assert total != dividends[seat], "epochs: the dividends are right"
    self._strike(epoch)


# Emission


@external
@nonreentrant
def finish(epoch: uint256, columns: DynArray[uint256, 512], dividends: DynArray[uint256, 64]):
    """
    @notice Anybody, once the epoch has ended: issue its emission and lay down who may claim what. The post is given
            again. Its bond comes back. If the token refuses (its cap is reached, its entry paused), call again later.
    """
    assert epoch < self._epoch(), "epochs: still running"
    assert self.payments[epoch].root == empty(bytes32), "epochs: finished already"
    self._check_content(epoch, columns, dividends)
    before: uint256 = staticcall asset.balanceOf(self)
    extcall IIssued(asset.address).issue(self, terms.emission)
    emission: uint256 = staticcall asset.balanceOf(self) - before
    root: bytes32 = self._root(epoch, emission, columns, dividends, self.posts[epoch].ranks)
    self.payments[epoch].root = root
    self.bonds[self.posts[epoch].poster] += terms.bond
    self.held += emission
    log Finished(epoch=epoch, emission=emission, root=root)


@external
@nonreentrant
def claim(epoch: uint256, place: uint256, number: uint256, amount: uint256, proof: DynArray[bytes32, 11]):
    """
    @notice Anybody: pay out one payment of an epoch to whoever held the place then.
    @param number Which of the place's holders that was (`holder`).
    """
    assert place <= TREASURY_AT, "epochs: no such place"
    node: bytes32 = keccak256(abi_encode(epoch, place, amount))
    at: uint256 = place
    for other: bytes32 in proof:
        node = self._pair(node, other) if at & 1 == 0 else self._pair(other, node)
        at = at >> 1
    assert len(proof) == 11 and node == self.payments[epoch].root, "epochs: wrong proof"
    assert (self.payments[epoch].claimed[place >> 8] >> (place & 255)) & 1 == 0, "epochs: claimed already"
    self.payments[epoch].claimed[place >> 8] |= 1 << (place & 255)
    to: address = treasury
    if place != TREASURY_AT:
        word: uint256 = self.holders[place][number]
        after: uint256 = self.holders[place][number + 1]
        assert word != 0 and word >> 160 <= epoch, "epochs: not the holder then"
        assert after == 0 or after >> 160 > epoch, "epochs: not the holder then"
        to = convert(word & _ADDRESS, address)
    log Claimed(epoch=epoch, place=place, to=to, amount=amount)
    self._pay(to, amount)


@external
@nonreentrant
def withdraw_bond():
    """
    @notice Take out bonds that came back or were won.
    """
    amount: uint256 = self.bonds[msg.sender]
    assert amount > 0, "epochs: no bond"
    self.bonds[msg.sender] = 0
    self._pay(msg.sender, amount)


@external
@nonreentrant
def sweep():
    """
    @notice Anybody: send what was burnt to the burn address.
    """
    amount: uint256 = self.bonds[BURNT]
    assert amount > 0, "epochs: nothing is burnt"
    self.bonds[BURNT] = 0
    self._pay(BURNT, amount)


@internal
@view
def _epoch() -> uint256:
    return (block.timestamp - first_s) // self._length()


@internal
@view
def _length() -> uint256:
    return terms.open_s + terms.reveal_s + terms.post_s + terms.challenge_s


@internal
@view
def _check_phase(begins: uint256, lasts: uint256):
    at: uint256 = (block.timestamp - first_s) % self._length()
    assert begins <= at and at < begins + lasts, "epochs: wrong phase"


@internal
@view
def _is_node(node: address) -> bool:
    return staticcall registry.role_of(node) != 0


@internal
@view
def _holder(place: uint256) -> address:
    return convert(self.holders[place][self.holder_count[place] - 1] & _ADDRESS, address)


@internal
def _hold(place: uint256):
    number: uint256 = self.holder_count[place]
    self.holders[place][number] = convert(msg.sender, uint256) | (self._epoch() << 160)
    self.holder_count[place] = number + 1


@internal
def _take_column(column: uint256):
    self.column_of[msg.sender] = column + 1
    self._hold(column)
    log ColumnTaken(column=column, node=msg.sender)


@internal
@view
def _commitment(epoch: uint256, validator: address, weights: DynArray[uint256, 64], salt: bytes32) -> bytes32:
    return keccak256(abi_encode(chain.id, self, epoch, validator, weights, salt))


@internal
@pure
def _seat(word: uint256) -> consensus.Seat:
    return consensus.Seat(stake=word & (2**48 - 1), total=(word >> _TOTAL) & (2**32 - 1), weight=0)


@internal
@view
def _seats(column: uint256) -> DynArray[consensus.Seat, 64]:
    """
    @notice Whose weights count, with their weight in this column.
    """
    found: DynArray[consensus.Seat, 64] = []
    epoch: uint256 = self._epoch()
    for i: uint256 in range(self.seats, bound=MAX_SEATS):
        word: uint256 = self.revealed[i]
        if word >> _EPOCH != epoch + 1:
            continue
        seat: consensus.Seat = self._seat(word)
        if column >> 4 < (word >> _WORDS) & 65_535:
            seat.weight = (self.rows[i * 64 + (column >> 4)] >> (16 * (column & 15))) & 65_535
        found.append(seat)
    return found


@internal
@view
def _column(column: uint256) -> consensus.Column:
    return consensus._column(self._seats(column), terms.kappa_ppm)


@internal
@view
def _check_content(epoch: uint256, columns: DynArray[uint256, 512], dividends: DynArray[uint256, 64]):
    assert self.posts[epoch].poster != empty(address), "epochs: nothing is posted"
    assert keccak256(abi_encode(columns, dividends)) == self.posts[epoch].content, "epochs: not what was posted"


@internal
def _strike(epoch: uint256):
    poster: address = self.posts[epoch].poster
    self.posts[epoch] = empty(Post)
    won: uint256 = terms.bond // 2
    self.bonds[msg.sender] += won
    self.bonds[BURNT] += terms.bond - won
    log Struck(epoch=epoch, poster=poster, challenger=msg.sender)


@internal
@view
def _root(
    epoch: uint256,
    emission: uint256,
    columns: DynArray[uint256, 512],
    dividends: DynArray[uint256, 64],
    ranks: uint256,
) -> bytes32:
    """
    @notice Of the tree of payments: 2,048 places, of which those above the treasury's are empty.
    """
    nodes: bytes32[2048] = empty(bytes32[2048])
    left: uint256 = emission
    whole: uint256 = emission * terms.nodes_ppm // PPM
    for i: uint256 in range(2 * len(columns), bound=MAX_COLUMNS):
        amount: uint256 = whole * ((columns[i >> 1] >> (128 * (i & 1))) & (2**63 - 1)) // ranks
        left -= amount
        nodes[i] = keccak256(abi_encode(epoch, i, amount))
    whole = emission * terms.validators_ppm // PPM
    total: uint256 = 0
    for dividend: uint256 in dividends:
        total += dividend
    for i: uint256 in range(len(dividends), bound=MAX_SEATS):
        amount: uint256 = whole * dividends[i] // max(1, total)
        left -= amount
        nodes[SEATS_AT + i] = keccak256(abi_encode(epoch, SEATS_AT + i, amount))
    nodes[TREASURY_AT] = keccak256(abi_encode(epoch, TREASURY_AT, left))
    size: uint256 = 2048
    for level: uint256 in range(11):
        size = size >> 1
        for i: uint256 in range(size, bound=1024):
            nodes[i] = self._pair(nodes[2 * i], nodes[2 * i + 1])
    return nodes[0]


@internal
@pure
def _pair(one: bytes32, two: bytes32) -> bytes32:
    return keccak256(concat(one, two))


@internal
def _pay(to: address, amount: uint256):
    self.held -= amount
    assert extcall asset.transfer(to, amount, default_return_value=True), "epochs: transfer failed"

# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Stake tree: draws by weight in O(log n)
@license MIT
@notice Each owner has a leaf with a weight. A draw walks from the root to a leaf by the sums on its way. It sees the
        weights that stood when the epoch began: who moves stake after the randomness is known moves no draw, and anybody
        can have a draw of this epoch made again, with the same result.
@dev One storage word holds the weights of four children, 48 bits each, and above them the epoch of the last change.
     A second word holds the four sums as they were when that epoch began. The tree grows upwards when it is full:
     n owners take ceil(log4(n)) levels. A leaf that was given back is used again in a later epoch, so that the leaves
     of one epoch keep their owners.
"""

struct Slot:
    now: uint256
    before: uint256

struct Freed:
    leaf: uint256
    epoch: uint256


_BITS: constant(uint256) = 48
_MASK: constant(uint256) = 2**48 - 1
_SUMS: constant(uint256) = 2**192 - 1
_EPOCH: constant(uint256) = 192
MAX_HEIGHT: constant(uint256) = 8  # 65,536 leaves
MAX_DRAWN: constant(uint256) = 24
MAX_SAMPLE: constant(uint256) = 48

tree_epoch_s: immutable(uint256)
height: uint256
leaves: uint256
leaf_owner: HashMap[uint256, address]
leaf_number: HashMap[address, uint256]  # from 1; 0 = none
slots: HashMap[uint256, Slot]
freed: HashMap[uint256, Freed]
freed_first: uint256
freed_next: uint256


@deploy
def __init__(epoch_s: uint256):
    assert epoch_s >= 60, "stake_tree: epoch too short"
    tree_epoch_s = epoch_s
    self.height = 1


@internal
@view
def _epoch() -> uint256:
    return block.timestamp // tree_epoch_s


@internal
@view
def _total() -> uint256:
    """
    @notice Sum of all weights as they stood when the epoch began.
    """
    return self._sum(self._at_start((self.height - 1) << 32))


@internal
@view
def _weight(owner: address) -> uint256:
    """
    @notice The owner's weight now. It counts in draws from the next epoch on.
    """
    number: uint256 = self.leaf_number[owner]
    if number == 0:
        return 0
    leaf: uint256 = number - 1
    return (self.slots[leaf >> 2].now >> (_BITS * (leaf & 3))) & _MASK


@internal
def _set(owner: address, weight: uint256):
    """
    @notice Give the owner this weight. A leaf is taken for the first positive one, and kept until `_release`.
    """
    number: uint256 = self.leaf_number[owner]
    if number == 0:
        if weight == 0:
            return
        number = self._take_leaf(owner)
    self._write(number - 1, weight)


@internal
def _release(owner: address):
    """
    @notice Give the owner's leaf back. Its weight must be 0.
    """
    number: uint256 = self.leaf_number[owner]
    if number == 0:
        return
    assert self._weight(owner) == 0, "stake_tree: leaf has weight"
    self.leaf_number[owner] = 0
    self.freed[self.freed_next] = Freed(leaf=number - 1, epoch=self._epoch())
    self.freed_next += 1


@internal
@view
def _draw(seed: bytes32, count: uint256) -> DynArray[address, MAX_DRAWN]:
    """
    @notice `count` owners without replacement, each with probability in proportion to its weight; fewer when there
            are not so many.
    @dev What is drawn is taken off the sums on its way, so no ticket is void and the walk always ends. The remainder
         of 256 bits by at most 48 favours small tickets by less than 2**-207.
    """
    owners: DynArray[address, MAX_DRAWN] = []
    drawn: DynArray[uint256, MAX_DRAWN] = []
    weights: DynArray[uint256, MAX_DRAWN] = []
    left: uint256 = self._total()
    for i: uint256 in range(count, bound=MAX_DRAWN):
        if left == 0:
            break
        ticket: uint256 = convert(keccak256(abi_encode(seed, i)), uint256) % left
        leaf: uint256 = 0
        weight: uint256 = 0
        leaf, weight = self._find(ticket, drawn, weights)
        drawn.append(leaf)
        weights.append(weight)
        owners.append(self.leaf_owner[leaf])
        left -= weight
    return owners


@internal
@view
def _sample(seed: bytes32, size: uint256) -> DynArray[address, MAX_SAMPLE]:
    """
    @notice One owner for each of `size` equal stretches of all weights; fewer when there is less weight than that.
    """
    owners: DynArray[address, MAX_SAMPLE] = []
    total: uint256 = self._total()
    for i: uint256 in range(size, bound=MAX_SAMPLE):
        first: uint256 = total * i // size
        width: uint256 = total * (i + 1) // size - first
        if width == 0:
            continue
        ticket: uint256 = first + convert(keccak256(abi_encode(seed, i)), uint256) % width
        owners.append(self.leaf_owner[self._find(ticket, [], [])[0]])
    return owners


@internal
@view
def _find(
    at: uint256, drawn: DynArray[uint256, MAX_DRAWN], weights: DynArray[uint256, MAX_DRAWN]
) -> (uint256, uint256):
    ticket: uint256 = at
    index: uint256 = 0
    size: uint256 = 0
    height: uint256 = self.height
    for step: uint256 in range(height, bound=MAX_HEIGHT):
        level: uint256 = height - 1 - step
        sums: uint256 = self._at_start((level << 32) | index)
        found: bool = False
        for child: uint256 in range(4):
            below: uint256 = (index << 2) | child
            size = (sums >> (_BITS * child)) & _MASK
            for i: uint256 in range(len(drawn), bound=MAX_DRAWN):
                if drawn[i] >> (2 * level) == below:
                    size -= weights[i]
            if ticket < size:
                index = below
                found = True
                break
            ticket -= size
        assert found, "stake_tree: sums do not add up"
    return index, size


@internal
def _take_leaf(owner: address) -> uint256:
    first: uint256 = self.freed_first
    leaf: uint256 = 0
    if first < self.freed_next and self.freed[first].epoch < self._epoch():
        leaf = self.freed[first].leaf
        self.freed_first = first + 1
    else:
        leaf = self.leaves
        self.leaves = leaf + 1
        if leaf == 1 << (2 * self.height):
            self._grow()
    self.leaf_owner[leaf] = owner
    self.leaf_number[owner] = leaf + 1
    return leaf + 1


@internal
def _grow():
    height: uint256 = self.height
    assert height < MAX_HEIGHT, "stake_tree: full"
    root: uint256 = (height - 1) << 32
    self.slots[height << 32] = Slot(
        now=(self._epoch() << _EPOCH) | self._sum(self.slots[root].now & _SUMS),
        before=self._sum(self._at_start(root)),
    )
    self.height = height + 1


@internal
def _write(leaf: uint256, weight: uint256):
    old: uint256 = (self.slots[leaf >> 2].now >> (_BITS * (leaf & 3))) & _MASK
    epoch: uint256 = self._epoch()
    total: uint256 = 0
    for level: uint256 in range(self.height, bound=MAX_HEIGHT):
        at: uint256 = (level << 32) | (leaf >> (2 * (level + 1)))
        place: uint256 = _BITS * ((leaf >> (2 * level)) & 3)
        word: uint256 = self.slots[at].now
        if word >> _EPOCH != epoch:
            self.slots[at].before = word & _SUMS
        child: uint256 = ((word >> place) & _MASK) + weight - old
        assert child <= _MASK, "stake_tree: weight out of bounds"
        sums: uint256 = (word & (_SUMS - (_MASK << place))) | (child << place)
        self.slots[at].now = (epoch << _EPOCH) | sums
        total = self._sum(sums)
    assert total <= _MASK, "stake_tree: weight out of bounds"


@internal
@view
def _at_start(at: uint256) -> uint256:
    word: uint256 = self.slots[at].now
    if word >> _EPOCH == self._epoch():
        return self.slots[at].before
    return word & _SUMS


@internal
@pure
def _sum(sums: uint256) -> uint256:
    return (sums & _MASK) + ((sums >> 48) & _MASK) + ((sums >> 96) & _MASK) + (sums >> 144)

# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Assets: whose a model is, what it was made from, and who earns from it
@license MIT
@notice An asset is the hash of its content. Nobody owns this contract; its rules are final.

        1. Who has an asset first commits to it (`commitment_of`), and publishes it later: content, parents, contributors
           with their shares, and what it asks of assets made from it. None of that changes afterwards.
        2. The first who has committed owns it, not the first who publishes: an older commitment takes a published
           content over, with all that it has earned. A commitment is good for `PUBLISH_S`, and nothing is paid out
           before an asset is that old, so no money is gone by then.
        3. Anybody pays for an asset. The money is divided along its lineage at once, by numbers laid down when it was
           published; each contributor takes its part out when it likes (`claim`).
@dev The arithmetic is that of `antiphon.economy.royalty`, to the unit. Whether an asset is a near copy of another, and
     whether it names all its parents, is judged elsewhere: this contract sees hashes.
     Conservation: the token's balance here is at least the sum of what is earned and not yet taken (`held`).
"""

from ethereum.ercs import IERC20

struct Asset:
    content: bytes32
    owner: address
    committed: uint256
    published: uint256
    asked_ppm: uint256

event Committed:
    owner: indexed(address)
    commitment: bytes32

event Published:
    asset: indexed(uint256)
    content: indexed(bytes32)
    owner: indexed(address)
    parents: DynArray[uint256, 4]

event TakenOver:
    asset: indexed(uint256)
    heir: indexed(uint256)

event Paid:
    asset: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event Claimed:
    asset: indexed(uint256)
    contributor: indexed(address)
    amount: uint256


PPM: constant(uint256) = 1_000_000
LEVELS: constant(uint256) = 8
MAX_ASKED_PPM: constant(uint256) = 300_000
MAX_PARENTS_PPM: constant(uint256) = 600_000
MAX_FLOOR_PPM: constant(uint256) = 50_000
MAX_PARENTS: constant(uint256) = 4
MAX_ANCESTORS: constant(uint256) = 32
MAX_CONTRIBUTORS: constant(uint256) = 32
# A commitment must be older than what a block's maker can choose its time by, or a thief could slip one in before a
# publication that it sees.
SETTLE_S: constant(uint256) = 60
PUBLISH_S: constant(uint256) = 7 * 86_400
_NUMBER: constant(uint256) = 2**64 - 1
_LEVEL: constant(uint256) = 64
_PART: constant(uint256) = 72

asset: immutable(IERC20)
floor_ppm: public(immutable(uint256))
# When each was made.
commitments: public(HashMap[bytes32, uint256])
assets: public(HashMap[uint256, Asset])
count: public(uint256)
# By content: the asset that has it now.
number_of: public(HashMap[bytes32, uint256])
# Ancestors: number, level * 2**64, ppm * 2**72.
lineage: HashMap[uint256, DynArray[uint256, MAX_ANCESTORS]]
# Address, and share in ppm * 2**160.
contributors: HashMap[uint256, DynArray[uint256, MAX_CONTRIBUTORS]]
earned: public(HashMap[uint256, uint256])
# By asset and place.
taken: public(HashMap[uint256, HashMap[uint256, uint256]])
held: public(uint256)


@deploy
def __init__(token: address, floor_: uint256):
    assert floor_ <= MAX_FLOOR_PPM, "assets: floor out of bounds"
    asset = IERC20(token)
    floor_ppm = floor_


@external
@view
def commitment_of(owner: address, content: bytes32, salt: bytes32) -> bytes32:
    return self._commitment(owner, content, salt)


@external
def commit(commitment: bytes32):
    """
    @notice Say that one has an asset, without saying which.
    """
    assert self.commitments[commitment] == 0, "assets: committed already"
    self.commitments[commitment] = block.timestamp
    log Committed(owner=msg.sender, commitment=commitment)


@external
def publish(
    content: bytes32,
    salt: bytes32,
    parents: DynArray[uint256, 4],
    asked_ppm: uint256,
    contributors: DynArray[address, 32],
    shares: DynArray[uint256, 32],
) -> uint256:
    """
    @notice Publish what was committed to. Returns the asset's number.
    @param parents Numbers of the assets that it was made from.
    @param asked_ppm What it asks of assets made from it.
    @param shares Of each contributor, in ppm; a million together.
    """
    committed: uint256 = self.commitments[self._commitment(msg.sender, content, salt)]
    assert committed != 0, "assets: not committed"
    assert block.timestamp >= committed + SETTLE_S, "assets: too early"
    assert block.timestamp <= committed + PUBLISH_S, "assets: commitment expired"
    assert asked_ppm <= MAX_ASKED_PPM, "assets: share out of bounds"
    before: uint256 = self.number_of[content]
    assert before == 0 or committed < self.assets[before].committed, "assets: content is taken"
    number: uint256 = self.count + 1
    self.count = number
    self.number_of[content] = number
    self.assets[number] = Asset(
        content=content, owner=msg.sender, committed=committed, published=block.timestamp, asked_ppm=asked_ppm
    )
    self._set_contributors(number, contributors, shares)
    self.lineage[number] = self._divide(parents)
    log Published(asset=number, content=content, owner=msg.sender, parents=parents)
    if before != 0:
        self.earned[number] = self.earned[before]
        self.earned[before] = 0
        log TakenOver(asset=before, heir=number)
    return number


@external
@nonreentrant
def pay(number: uint256, amount: uint256):
    """
    @notice Pay for the use of an asset: the money is divided along its lineage.
    """
    assert amount > 0 and amount < 2**128, "assets: amount out of bounds"
    assert self.assets[number].published != 0, "assets: no such asset"
    held: uint256 = staticcall asset.balanceOf(self)
    assert extcall asset.transferFrom(msg.sender, self, amount, default_return_value=True), "assets: transfer failed"
    assert staticcall asset.balanceOf(self) == held + amount, "assets: token takes a fee"
    self.held += amount
    left: uint256 = amount
    for word: uint256 in self.lineage[number]:
        part: uint256 = amount * (word >> _PART) // PPM
        left -= part
        self.earned[self._heir(word & _NUMBER)] += part
    self.earned[self._heir(number)] += left
    log Paid(asset=number, payer=msg.sender, amount=amount)


@external
@nonreentrant
def claim(number: uint256, place: uint256) -> uint256:
    """
    @notice Anybody: pay out to a contributor what its share of an asset has brought. Returns the amount.
    """
    assert self._heir(number) == number, "assets: taken over"
    assert block.timestamp > self.assets[number].published + PUBLISH_S, "assets: too early"
    due: uint256 = self._due(number, place)
    amount: uint256 = due - self.taken[number][place]
    assert amount > 0, "assets: nothing to claim"
    self.taken[number][place] = due
    self.held -= amount
    who: address = convert(self.contributors[number][place] & (2**160 - 1), address)
    log Claimed(asset=number, contributor=who, amount=amount)
    assert extcall asset.transfer(who, amount, default_return_value=True), "assets: transfer failed"
    return amount


@external
@view
def lineage_of(number: uint256) -> DynArray[uint256, 32]:
    """
    @notice Ancestors, as number + level * 2**64 + ppm * 2**72.
    """
    return self.lineage[number]


@external
@view
def contributors_of(number: uint256) -> DynArray[uint256, 32]:
    """
    @notice As address + share * 2**160.
    """
    return self.contributors[number]


@internal
@view
def _commitment(owner: address, content: bytes32, salt: bytes32) -> bytes32:
    return keccak256(abi_encode(chain.id, self, owner, content, salt))


@internal
@view
def _heir(number: uint256) -> uint256:
    """
    @notice The asset itself, or the one that took its content over.
    """
    return self.number_of[self.assets[number].content]


@internal
def _set_contributors(number: uint256, contributors: DynArray[address, 32], shares: DynArray[uint256, 32]):
    assert len(contributors) == len(shares) and len(shares) > 0, "assets: contributors without shares"
    total: uint256 = 0
    words: DynArray[uint256, MAX_CONTRIBUTORS] = []
    for i: uint256 in range(len(shares), bound=MAX_CONTRIBUTORS):
        assert contributors[i] != empty(address) and contributors[i] != self, "assets: no contributor"
        assert shares[i] <= PPM, "assets: shares do not sum to a million"
        total += shares[i]
        words.append(convert(contributors[i], uint256) | (shares[i] << 160))
    assert total == PPM, "assets: shares do not sum to a million"
    self.contributors[number] = words


@internal
@view
def _divide(parents: DynArray[uint256, 4]) -> DynArray[uint256, MAX_ANCESTORS]:
    """
    @notice `economy.royalty.division`, in the same order.
    """
    found: DynArray[uint256, MAX_ANCESTORS] = []
    asked: uint256 = 0
    for i: uint256 in range(len(parents), bound=MAX_PARENTS):
        parent: uint256 = parents[i]
        assert self.assets[parent].published != 0, "assets: no such parent"
        assert self._heir(parent) == parent, "assets: parent was taken over"
        for k: uint256 in range(i, bound=MAX_PARENTS):
            assert parents[k] != parent, "assets: parent named twice"
        share: uint256 = self.assets[parent].asked_ppm
        asked += share
        own: uint256 = share
        above: DynArray[uint256, MAX_ANCESTORS] = self.lineage[parent]
        for word: uint256 in above:
            own -= share * (word >> _PART) // PPM
        found = self._added(found, parent | (1 << _LEVEL) | (own << _PART))
        for word: uint256 in above:
            level: uint256 = min(((word >> _LEVEL) & 255) + 1, LEVELS - 1)
            part: uint256 = share * (word >> _PART) // PPM
            found = self._added(found, (word & _NUMBER) | (level << _LEVEL) | (part << _PART))
    assert asked <= MAX_PARENTS_PPM, "assets: parents ask too much"
    for level: uint256 in range(1, LEVELS):
        found = self._raised(found, level)
    return found


@internal
@pure
def _added(words: DynArray[uint256, MAX_ANCESTORS], word: uint256) -> DynArray[uint256, MAX_ANCESTORS]:
    found: DynArray[uint256, MAX_ANCESTORS] = words
    who: uint256 = word & (2**72 - 1)
    for i: uint256 in range(len(found), bound=MAX_ANCESTORS):
        if found[i] & (2**72 - 1) == who:
            found[i] += (word >> _PART) << _PART
            return found
    assert len(found) < MAX_ANCESTORS, "assets: too many ancestors"
    found.append(word)
    return found


@internal
@view
def _raised(words: DynArray[uint256, MAX_ANCESTORS], level: uint256) -> DynArray[uint256, MAX_ANCESTORS]:
    found: DynArray[uint256, MAX_ANCESTORS] = words
    total: uint256 = 0
    for word: uint256 in words:
        if (word >> _LEVEL) & 255 == level:
            total += word >> _PART
    if total == 0 or total >= floor_ppm:
        return found
    left: uint256 = floor_ppm
    first: uint256 = MAX_ANCESTORS
    for i: uint256 in range(len(words), bound=MAX_ANCESTORS):
        if (words[i] >> _LEVEL) & 255 == level:
            first = min(first, i)
            part: uint256 = (words[i] >> _PART) * floor_ppm // total
            left -= part
            found[i] = (words[i] & (2**72 - 1)) | (part << _PART)
    found[first] += left << _PART
    return found


@internal
@view
def _due(number: uint256, place: uint256) -> uint256:
    total: uint256 = self.earned[number]
    assert place < len(self.contributors[number]), "assets: no such contributor"
    if place > 0:
        return total * (self.contributors[number][place] >> 160) // PPM
    left: uint256 = total
    for i: uint256 in range(1, len(self.contributors[number]), bound=MAX_CONTRIBUTORS):
        left -= total * (self.contributors[number][i] >> 160) // PPM
    return left

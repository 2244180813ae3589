# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Registry: who works on the network, for what price, and with what at stake
@license MIT
@notice A node is one address with one role. Its stake answers for what it does: a market that the node trusts locks a
        part of it for each piece of work and can take no more than it has locked. Nobody else can, the owner included.
        Validators' stake is a tree (`stake_tree`), out of which seats are drawn. A relay's stake is its bond: two
        contradicting statements signed by it cost all of it.

        One identity has two keys. The address signs transactions; an Ed25519 key signs messages. The address vouches
        for the Ed25519 key by registering it. The Ed25519 key vouches for the address by a signature of
        `binding_message`, which is kept here. This chain cannot check Ed25519, so whoever reads a node checks it before
        believing the key. Claiming another's key therefore brings nothing, and keys need not be unique here: if they
        were, anybody could keep a key's owner out by claiming it first.
@dev Conservation: the token's balance here is at least stakes + unbonding + claims + burnt.
"""

from ethereum.ercs import IERC20
from interfaces import IRegistry
import governed
import stake_tree

implements: IRegistry
initializes: governed
initializes: stake_tree
exports: (
    governed.pause_entry, governed.withdraw_proposal, governed.name_owner, governed.accept_owner, governed.renounce,
    governed.delay, governed.owner, governed.heir, governed.paused, governed.ready_at,
)

struct Node:
    role: uint8  # 1 processor, 2 validator, 3 trainer, 4 relay; 0 = not registered
    stake: uint256
    locked: uint256  # of the stake: held by markets
    unbonding: uint256
    unbonded_at: uint256  # when what is unbonding may be withdrawn
    price: uint256  # C, per unit of work
    services: bytes32  # hash of the services it offers, as its signed record lists them
    key: bytes32  # Ed25519
    proof: bytes32[2]  # Ed25519 signature of `binding_message`
    endpoint: String[256]

struct Terms:
    min_stake: uint256  # with less, a node gets no work and no weight
    unbond_s: uint256
    report_ppm: uint256  # of a relay's bond: what goes to whoever proves its contradiction

event Registered:
    node: indexed(address)
    role: indexed(uint8)
    key: indexed(bytes32)

event Updated:
    node: indexed(address)

event Left:
    node: indexed(address)

event Staked:
    node: indexed(address)
    amount: uint256

event Unstaked:
    node: indexed(address)
    amount: uint256
    ready: uint256

event Withdrawn:
    owner: indexed(address)
    amount: uint256

event Trusted:
    node: indexed(address)
    market: indexed(address)
    trusted: bool

event Locked:
    node: indexed(address)
    market: indexed(address)
    amount: uint256

event Unlocked:
    node: indexed(address)
    market: indexed(address)
    amount: uint256

event Taken:
    node: indexed(address)
    to: indexed(address)
    amount: uint256
    to_amount: uint256

event Contradicted:
    relay: indexed(address)
    reporter: indexed(address)
    amount: uint256

event TermsChanged:
    terms: Terms


PPM: constant(uint256) = 1_000_000
VALIDATOR: constant(uint8) = 2
RELAY: constant(uint8) = 4
MAX_PRICE: constant(uint256) = 2**64
MAX_UNBOND_S: constant(uint256) = 30 * 86_400
MAX_REPORT_PPM: constant(uint256) = 200_000  # what a relay that reports itself gets back is bounded, too
BURNT: constant(address) = 0x000000000000000000000000000000000000dEaD
_DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_HEAD: constant(bytes32) = keccak256("Head(bytes32 book,uint64 sequence,bytes32 digest)")
_HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

# Stake per unit of weight in the tree, so that all the money there can be fits into its 48 bits.
weight_unit: public(immutable(uint256))
asset: immutable(IERC20)
nodes: public(HashMap[address, Node])
terms: public(Terms)
trusts: public(HashMap[address, HashMap[address, bool]])
# By market and node.
locks: public(HashMap[address, HashMap[address, uint256]])
# Penalties that went to somebody, to be claimed.
claims: public(HashMap[address, uint256])
# Penalties that went to nobody, to be sent to the burn address.
burnt: public(uint256)


@deploy
def __init__(token: address, unit: uint256, epoch_s: uint256, delay_s: uint256, terms: Terms):
    governed.__init__(delay_s)
    stake_tree.__init__(epoch_s)
    assert unit > 0, "registry: no weight unit"
    asset = IERC20(token)
    weight_unit = unit
    self._check_terms(terms)
    self.terms = terms


# Nodes


@external
def register(
    role: uint8,
    key: bytes32,
    proof: bytes32[2],
    services: bytes32,
    price: uint256,
    endpoint: String[256],
    stake: uint256,
):
    """
    @notice Become a node. Takes at least the minimum stake.
    @param key The Ed25519 key that signs the node's messages.
    @param proof That key's signature of `binding_message(msg.sender, key)`: bytes 0-31 and 32-63.
    """
    governed._check_entry()
    assert 1 <= role and role <= 4, "registry: no such role"
    assert self.nodes[msg.sender].role == 0, "registry: registered already"
    assert price < MAX_PRICE, "registry: price out of bounds"
    assert stake >= self.terms.min_stake, "registry: stake below the minimum"
    self.nodes[msg.sender] = Node(
        role=role,
        stake=0,
        locked=0,
        unbonding=0,
        unbonded_at=0,
        price=price,
        services=services,
        key=key,
        proof=proof,
        endpoint=endpoint,
    )
    log Registered(node=msg.sender, role=role, key=key)
    self._add_stake(stake)


@external
def update(services: bytes32, price: uint256, endpoint: String[256]):
    """
    @notice Change what the node offers. Work that is under way keeps its price.
    """
    self._check_registered(msg.sender)
    assert price < MAX_PRICE, "registry: price out of bounds"
    self.nodes[msg.sender].services = services
    self.nodes[msg.sender].price = price
    self.nodes[msg.sender].endpoint = endpoint
    log Updated(node=msg.sender)


@external
def replace_key(key: bytes32, proof: bytes32[2]):
    """
    @notice Change the Ed25519 key, with its own proof.
    """
    self._check_registered(msg.sender)
    self.nodes[msg.sender].key = key
    self.nodes[msg.sender].proof = proof
    log Registered(node=msg.sender, role=self.nodes[msg.sender].role, key=key)


@external
def trust(market: address, trusted: bool):
    """
    @notice Let a market lock stake of the sender's, or stop it. What it has locked already stays locked.
    """
    self.trusts[msg.sender][market] = trusted
    log Trusted(node=msg.sender, market=market, trusted=trusted)


@external
@view
def binding_message(node: address, key: bytes32) -> Bytes[120]:
    """
    @notice What the Ed25519 key signs to say that it belongs to `node`, on this chain and in this registry only.
    """
    return concat(
        b"antiphon/1 bind\x00",
        convert(chain.id, bytes32),
        convert(self, bytes20),
        convert(node, bytes20),
        key,
    )


# Stake


@external
def stake(amount: uint256):
    """
    @notice Add to the sender's stake.
    """
    governed._check_entry()
    self._check_registered(msg.sender)
    self._add_stake(amount)


@external
def unstake(amount: uint256):
    """
    @notice Begin to take stake back. While anything is locked the minimum stays (`economy.settlement.withdrawable`).
            More unstaking before the delay is over starts the delay anew for all that is unbonding.
    """
    node: Node = self.nodes[msg.sender]
    kept: uint256 = 0
    if node.locked > 0:
        kept = max(node.locked, self.terms.min_stake)
    assert amount > 0, "registry: nothing to unstake"
    assert node.stake >= kept and amount <= node.stake - kept, "registry: stake is locked"
    ready: uint256 = block.timestamp + self.terms.unbond_s
    self.nodes[msg.sender].unbonding += amount
    self.nodes[msg.sender].unbonded_at = ready
    self._set_stake(msg.sender, node.stake - amount)
    log Unstaked(node=msg.sender, amount=amount, ready=ready)


@external
def withdraw():
    """
    @notice Pay out what has unbonded.
    """
    amount: uint256 = self.nodes[msg.sender].unbonding
    assert amount > 0, "registry: nothing is unbonding"
    assert block.timestamp >= self.nodes[msg.sender].unbonded_at, "registry: still unbonding"
    self.nodes[msg.sender].unbonding = 0
    self._pay(msg.sender, amount)


@external
def leave():
    """
    @notice Be a node no more. Everything must be unstaked first; it is withdrawn as ever.
    """
    self._check_registered(msg.sender)
    assert self.nodes[msg.sender].stake == 0, "registry: unstake first"
    # A relay that could come back as something else would take its bond out of reach of its contradictions.
    assert self.nodes[msg.sender].unbonding == 0, "registry: withdraw first"
    self.nodes[msg.sender] = empty(Node)
    stake_tree._release(msg.sender)
    log Left(node=msg.sender)


@external
def claim():
    """
    @notice Pay out what others' penalties brought the sender.
    """
    amount: uint256 = self.claims[msg.sender]
    assert amount > 0, "registry: nothing to claim"
    self.claims[msg.sender] = 0
    self._pay(msg.sender, amount)


@external
def sweep():
    """
    @notice Anybody: send what was burnt to the burn address.
    """
    amount: uint256 = self.burnt
    assert amount > 0, "registry: nothing is burnt"
    self.burnt = 0
    self._pay(BURNT, amount)


@external
def refresh(node: address):
    """
    @notice Anybody: weigh a node by the minimum stake that is in force now.
    """
    self._weigh(node)


# Draws


@external
@view
def draw(seed: bytes32, count: uint256) -> DynArray[address, 24]:
    """
    @notice Validators by stake, without replacement, as the stakes stood when this epoch began. The same seed draws the
            same ones until the epoch ends, so a draw that was made elsewhere is proven by calling this.
    @param count At most 24.
    """
    return stake_tree._draw(seed, count)


@external
@view
def is_draw(seed: bytes32, seats: DynArray[address, 24]) -> bool:
    """
    @notice Whether the seed draws these, in this order. So anybody shows that a list of seats is not what was drawn.
    """
    drawn: DynArray[address, 24] = stake_tree._draw(seed, len(seats))
    return keccak256(abi_encode(drawn)) == keccak256(abi_encode(seats))


@external
@view
def sample(seed: bytes32, size: uint256) -> DynArray[address, 48]:
    """
    @notice `size` tickets for validators by stake, as it stood when this epoch began: all weights in a row are cut into
            so many equal stretches, and one ticket falls into each. So a node has tickets as its share of the stake
            says, give or take the two stretches at its ends. Equal owners are neighbours.
    @param size At most 48.
    """
    return stake_tree._sample(seed, size)


@external
@view
def drawable() -> uint256:
    """
    @notice Sum of the weights that this epoch draws from.
    """
    return stake_tree._total()


@external
@view
def weight(node: address) -> uint256:
    """
    @notice A validator's weight, in draws from the next epoch on.
    """
    return stake_tree._weight(node)


# Markets and epochs


@external
@view
def role_of(node: address) -> uint8:
    """
    @notice A node's role; 0 if it is not registered.
    """
    return self.nodes[node].role


@external
@view
def token() -> address:
    return asset.address


@external
@view
def offer(node: address, role: uint8, market: address) -> (uint256, uint256):
    """
    @notice C of a node in this role, and how much of its stake this market can lock: 0 when it has another role, does
            not trust the market, or has less than the minimum stake. Such a node gets no work. Never reverts: a node
            that has left since a draw's epoch began must not stop the draw.
    """
    found: Node = self.nodes[node]
    if found.role != role or not self.trusts[node][market] or found.stake < self.terms.min_stake:
        return 0, 0
    return found.price, found.stake - found.locked


@external
def lock(node: address, amount: uint256):
    """
    @notice A market that the node trusts sets stake of its apart.
    """
    assert self.trusts[node][msg.sender], "registry: market not trusted"
    assert self.nodes[node].stake >= self.terms.min_stake, "registry: stake below the minimum"
    assert amount <= self.nodes[node].stake - self.nodes[node].locked, "registry: insufficient free stake"
    self.nodes[node].locked += amount
    self.locks[msg.sender][node] += amount
    log Locked(node=node, market=msg.sender, amount=amount)


@external
def unlock(node: address, amount: uint256):
    """
    @notice A market gives back what it has locked.
    """
    self._unlock(node, amount)
    log Unlocked(node=node, market=msg.sender, amount=amount)


@external
def take(node: address, amount: uint256, to: address, to_amount: uint256):
    """
    @notice A market takes a penalty out of what it has locked: `to_amount` of it for `to`, the rest is burnt.
    @dev No token moves here, so that no token can keep a market from settling.
    """
    assert to_amount <= amount, "registry: more than the penalty"
    self._unlock(node, amount)
    self._set_stake(node, self.nodes[node].stake - amount)
    self.claims[to] += to_amount
    self.burnt += amount - to_amount
    log Taken(node=node, to=to, amount=amount, to_amount=to_amount)


# Relays


@external
def contradict(
    relay: address,
    book: bytes32,
    sequence: uint64,
    digests: bytes32[2],
    v: uint8[2],
    r: bytes32[2],
    s: bytes32[2],
):
    """
    @notice Anybody: a relay signed two different heads of one book at one place. It loses its whole bond, what is
            unbonding included; a share goes to the reporter, the rest is burnt.
    @dev EIP-712 `Head(book,sequence,digest)`, signed by the relay's address.
    """
    assert self.nodes[relay].role == RELAY, "registry: not a relay"
    assert digests[0] != digests[1], "registry: no contradiction"
    for i: uint256 in range(2):
        assert convert(s[i], uint256) <= _HALF_ORDER, "registry: malleable signature"
        content: bytes32 = keccak256(abi_encode(_HEAD, book, sequence, digests[i]))
        digest: bytes32 = keccak256(concat(b"\x19\x01", self._domain(), content))
        assert ecrecover(digest, v[i], r[i], s[i]) == relay, "registry: wrong signature"
    # What a market has locked of it stays: that is spoken for.
    taken: uint256 = self.nodes[relay].stake - self.nodes[relay].locked
    amount: uint256 = taken + self.nodes[relay].unbonding
    assert amount > 0, "registry: no bond left"
    self.nodes[relay].unbonding = 0
    self._set_stake(relay, self.nodes[relay].locked)
    reward: uint256 = amount * self.terms.report_ppm // PPM
    self.claims[msg.sender] += reward
    self.burnt += amount - reward
    log Contradicted(relay=relay, reporter=msg.sender, amount=amount)


# Rules


@external
def propose_terms(terms: Terms):
    """
    @notice Owner: other terms, within bounds. In force after the delay.
    """
    self._check_terms(terms)
    governed._propose(keccak256(abi_encode(terms)))


@external
def adopt_terms(terms: Terms):
    """
    @notice Anybody: put a proposal in force whose delay has passed.
    """
    governed._adopt(keccak256(abi_encode(terms)))
    self.terms = terms
    log TermsChanged(terms=terms)


@internal
@view
def _check_terms(terms: Terms):
    assert 0 < terms.min_stake and terms.min_stake < 2**96, "registry: minimum stake out of bounds"
    assert 3_600 <= terms.unbond_s and terms.unbond_s <= MAX_UNBOND_S, "registry: unbonding delay out of bounds"
    assert terms.report_ppm <= MAX_REPORT_PPM, "registry: report share out of bounds"


@internal
@view
def _check_registered(node: address):
    assert self.nodes[node].role != 0, "registry: not registered"


@internal
@view
def _domain() -> bytes32:
    return keccak256(abi_encode(_DOMAIN, keccak256("Antiphon relay"), keccak256("1"), chain.id, self))


@internal
def _unlock(node: address, amount: uint256):
    assert amount <= self.locks[msg.sender][node], "registry: more than the market has locked"
    self.locks[msg.sender][node] -= amount
    self.nodes[node].locked -= amount


@internal
def _add_stake(amount: uint256):
    assert amount > 0, "registry: nothing to stake"
    self._set_stake(msg.sender, self.nodes[msg.sender].stake + amount)
    self._collect(msg.sender, amount)
    log Staked(node=msg.sender, amount=amount)


@internal
def _set_stake(node: address, amount: uint256):
    self.nodes[node].stake = amount
    self._weigh(node)


@internal
def _weigh(node: address):
    if self.nodes[node].role != VALIDATOR:
        return
    amount: uint256 = self.nodes[node].stake
    weight: uint256 = 0
    if amount >= self.terms.min_stake:
        weight = amount // weight_unit
    stake_tree._set(node, weight)


@internal
@nonreentrant
def _collect(owner: address, amount: uint256):
    # A token that keeps a fee would leave less here than is owed.
    before: uint256 = staticcall asset.balanceOf(self)
    assert extcall asset.transferFrom(owner, self, amount, default_return_value=True), "registry: transfer failed"
    assert staticcall asset.balanceOf(self) == before + amount, "registry: token takes a fee"


@internal
def _pay(to: address, amount: uint256):
    assert extcall asset.transfer(to, amount, default_return_value=True), "registry: transfer failed"
    log Withdrawn(owner=to, amount=amount)

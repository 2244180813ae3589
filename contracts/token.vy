# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title ANT: the network's own token
@license MIT
@notice ERC-20 with permit (EIP-2612) and payments by signature (EIP-3009: what x402 pays with). 9 decimals, so that
        its smallest unit is the nano of `antiphon.economy`.
        New tokens come only out of emission: at most a cap in each epoch, of which a share is burnt at once.
@dev Registry and market work with any ERC-20 that moves exactly what it is asked to move. This one is for emission.
"""

from ethereum.ercs import IERC20
import governed

implements: IERC20
initializes: governed
exports: (
    governed.pause_entry, governed.withdraw_proposal, governed.name_owner, governed.accept_owner, governed.renounce,
    governed.delay, governed.owner, governed.heir, governed.paused, governed.ready_at,
)

struct Emission:
    issuer: address  # who may issue: the contract, or the multi-signature, that pays validators' weights
    cap: uint256  # most that one epoch issues, in nano, what is burnt included
    burn_ppm: uint256  # share of every issue that is burnt

event Issued:
    to: indexed(address)
    epoch: indexed(uint256)
    amount: uint256
    burnt: uint256

event EmissionChanged:
    issuer: indexed(address)
    cap: uint256
    burn_ppm: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)


PPM: constant(uint256) = 1_000_000
name: public(constant(String[8])) = "Antiphon"
symbol: public(constant(String[3])) = "ANT"
decimals: public(constant(uint8)) = 9
version: public(constant(String[1])) = "1"
_DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_PERMIT: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
_TRANSFER_WITH: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
_RECEIVE_WITH: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
_CANCEL: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")
# Half of the order of secp256k1: the upper half would be a second signature of the same permit.
_HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

# No emission is ever above it, whoever owns the contract.
cap_limit: public(immutable(uint256))
epoch_s: public(immutable(uint256))

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)
nonces: public(HashMap[address, uint256])
# Which of an owner's authorizations are used or cancelled (EIP-3009); their nonces are random.
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
emission: public(Emission)
issued: public(HashMap[uint256, uint256])


@deploy
def __init__(supply: uint256, cap: uint256, epoch_seconds: uint256, delay_s: uint256):
    """
    @param supply What exists from the start, in nano; it belongs to the deployer.
    @param cap The cap per epoch that no proposal can go above, in nano.
    """
    governed.__init__(delay_s)
    assert epoch_seconds >= 60, "token: epoch too short"
    assert supply < 2**96 and cap < 2**96, "token: supply out of bounds"
    cap_limit = cap
    epoch_s = epoch_seconds
    self._mint(msg.sender, supply)


@external
@view
def epoch() -> uint256:
    """
    @notice Number of the running epoch.
    """
    return block.timestamp // epoch_s


@external
def transfer(to: address, amount: uint256) -> bool:
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    allowed: uint256 = self.allowance[owner][msg.sender]
    assert allowed >= amount, "token: insufficient allowance"
    if allowed != max_value(uint256):
        self.allowance[owner][msg.sender] = allowed - amount
    self._transfer(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self._approve(msg.sender, spender, amount)
    return True


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return self._domain()


@external
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Approve by signature (EIP-2612): the owner needs no gas.
    """
    assert block.timestamp <= deadline, "token: permit expired"
    nonce: uint256 = self.nonces[owner]
    self._check_signed(owner, keccak256(abi_encode(_PERMIT, owner, spender, amount, nonce, deadline)), v, r, s)
    self.nonces[owner] = nonce + 1
    self._approve(owner, spender, amount)


@external
def transferWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Anybody: carry out a payment that its owner has signed (EIP-3009); the owner needs no gas.
    """
    self._check_authorization(owner, nonce, valid_after, valid_before)
    content: bytes32 = keccak256(abi_encode(_TRANSFER_WITH, owner, to, amount, valid_after, valid_before, nonce))
    self._check_signed(owner, content, v, r, s)
    self._use(owner, nonce)
    self._transfer(owner, to, amount)


@external
def receiveWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice As `transferWithAuthorization`, but only its receiver can carry it out: nobody comes before a contract that
            does more with the money.
    """
    assert msg.sender == to, "token: not the receiver"
    self._check_authorization(owner, nonce, valid_after, valid_before)
    content: bytes32 = keccak256(abi_encode(_RECEIVE_WITH, owner, to, amount, valid_after, valid_before, nonce))
    self._check_signed(owner, content, v, r, s)
    self._use(owner, nonce)
    self._transfer(owner, to, amount)


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Anybody: take back an authorization that its owner does not want carried out.
    """
    assert not self.authorizationState[authorizer][nonce], "token: authorization used already"
    self._check_signed(authorizer, keccak256(abi_encode(_CANCEL, authorizer, nonce)), v, r, s)
    self.authorizationState[authorizer][nonce] = True
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@external
def burn(amount: uint256):
    """
    @notice Destroy tokens of one's own.
    """
    self._burn(msg.sender, amount)


@external
def issue(to: address, amount: uint256):
    """
    @notice Emission: `amount` counts against the epoch's cap; the burn share of it is never paid out.
    """
    governed._check_entry()
    assert msg.sender == self.emission.issuer, "token: not the issuer"
    epoch: uint256 = block.timestamp // epoch_s
    total: uint256 = self.issued[epoch] + amount
    assert total <= self.emission.cap, "token: above the cap of the epoch"
    self.issued[epoch] = total
    burnt: uint256 = amount * self.emission.burn_ppm // PPM
    self._mint(to, amount - burnt)
    log Issued(to=to, epoch=epoch, amount=amount, burnt=burnt)


@external
def propose_emission(emission: Emission):
    """
    @notice Owner: who issues, how much in an epoch, and what share is burnt. In force after the delay.
    """
    assert emission.cap <= cap_limit, "token: cap out of bounds"
    assert emission.burn_ppm <= PPM, "token: burn share out of bounds"
    governed._propose(keccak256(abi_encode(emission)))


@external
def adopt_emission(emission: Emission):
    """
    @notice Anybody: put a proposal in force whose delay has passed.
    """
    governed._adopt(keccak256(abi_encode(emission)))
    self.emission = emission
    log EmissionChanged(issuer=emission.issuer, cap=emission.cap, burn_ppm=emission.burn_ppm)


@internal
@view
def _domain() -> bytes32:
    # Made anew each time: after a fork of the chain, a permit for one branch is none for the other.
    return keccak256(abi_encode(_DOMAIN, keccak256(name), keccak256(version), chain.id, self))


@internal
@view
def _check_signed(owner: address, content: bytes32, v: uint8, r: bytes32, s: bytes32):
    assert owner != empty(address), "token: no owner"
    assert convert(s, uint256) <= _HALF_ORDER, "token: malleable signature"
    digest: bytes32 = keccak256(concat(b"\x19\x01", self._domain(), content))
    assert ecrecover(digest, v, r, s) == owner, "token: wrong signature"


@internal
@view
def _check_authorization(owner: address, nonce: bytes32, valid_after: uint256, valid_before: uint256):
    assert block.timestamp > valid_after, "token: authorization not valid yet"
    assert block.timestamp < valid_before, "token: authorization expired"
    assert not self.authorizationState[owner][nonce], "token: authorization used already"


@internal
def _use(owner: address, nonce: bytes32):
    self.authorizationState[owner][nonce] = True
    log AuthorizationUsed(authorizer=owner, nonce=nonce)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _transfer(owner: address, to: address, amount: uint256):
    assert to != empty(address) and to != self, "token: wrong recipient"
    assert self.balanceOf[owner] >= amount, "token: insufficient balance"
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=owner, receiver=to, value=amount)


@internal
def _mint(to: address, amount: uint256):
    assert to != empty(address) and to != self, "token: wrong recipient"
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)


@internal
def _burn(owner: address, amount: uint256):
    assert self.balanceOf[owner] >= amount, "token: insufficient balance"
    self.balanceOf[owner] -= amount
    self.totalSupply -= amount
    log IERC20.Transfer(sender=owner, receiver=empty(address), value=amount)

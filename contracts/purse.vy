# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Purse: free balances, sessions, and which of their parts are settled
@license MIT
@notice A session sets a client's money apart for a number of parts, the same for each, until it expires. So every part
        that has a number is funded, whatever happens to the others. One bit says that a part is settled. When the
        session has expired anybody's `close` returns to the client what is left. A session can name the one relay that
        may spend it, so that it is never promised twice.
@dev Conservation: the token's balance here is at least balances + sessions + what `netting` has burnt (`held`). A session is two words, and 256
     parts share one, because reading and writing words is most of what settling costs.
"""

from ethereum.ercs import IERC20

struct Session:
    client: address
    expires: uint256
    parts: uint256
    part_max: uint256
    left: uint256

struct Packed:
    terms: uint256  # client, then 32 bits of parts, then expiry
    money: uint256  # 128 bits of what is left, then what a part may cost

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


MAX_SESSION_S: constant(uint256) = 7 * 86_400
MAX_PARTS: constant(uint256) = 65_536
MAX_MONEY: constant(uint256) = 2**96
_ADDRESS: constant(uint256) = 2**160 - 1
_PARTS: constant(uint256) = 160
_EXPIRES: constant(uint256) = 192
_LEFT: constant(uint256) = 2**128 - 1
_PART_MAX: constant(uint256) = 128

asset: immutable(IERC20)
balances: public(HashMap[address, uint256])
packed_sessions: HashMap[uint256, Packed]
# Ed25519 key of the relay that a session is given to; empty: none, it is spent by its client alone.
relay_of: public(HashMap[uint256, bytes32])
session_count: public(uint256)
# By session * 256 + part // 256: one bit for each part that is settled.
settled: HashMap[uint256, uint256]
# Balances + sessions + burnt.
held: public(uint256)


@deploy
def __init__(token: address):
    asset = IERC20(token)


@external
@nonreentrant
def deposit(amount: uint256):
    """
    @notice Bring money in. The token must move exactly what it is asked to.
    """
    assert amount > 0, "purse: nothing to deposit"
    before: uint256 = staticcall asset.balanceOf(self)
    assert extcall asset.transferFrom(msg.sender, self, amount, default_return_value=True), "purse: transfer failed"
    assert staticcall asset.balanceOf(self) == before + amount, "purse: token takes a fee"
    self.balances[msg.sender] += amount
    self.held += amount
    log Deposited(owner=msg.sender, amount=amount)


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take free money out.
    """
    assert amount > 0, "purse: nothing to withdraw"
    assert self.balances[msg.sender] >= amount, "purse: insufficient balance"
    self.balances[msg.sender] -= amount
    self._pay(msg.sender, amount)
    log Withdrawn(owner=msg.sender, amount=amount)


@external
def open_session(parts: uint256, part_max: uint256, expires: uint256, relay: bytes32 = empty(bytes32)) -> uint256:
    """
    @notice Set money apart for `parts` parts, at most `part_max` for each, to be spent at `relay`, which no settlement
            looks at: relays take no session that names another. Returns the session's number.
    """
    assert block.timestamp < expires and expires <= block.timestamp + MAX_SESSION_S, "purse: expiry out of bounds"
    assert 0 < parts and parts <= MAX_PARTS, "purse: parts out of bounds"
    assert 0 < part_max and part_max < MAX_MONEY, "purse: money out of bounds"
    limit: uint256 = parts * part_max
    assert limit <= self.balances[msg.sender], "purse: insufficient balance"
    self.balances[msg.sender] -= limit
    session: uint256 = self.session_count + 1
    self.session_count = session
    self.packed_sessions[session] = Packed(
        terms=convert(msg.sender, uint256) | (parts << _PARTS) | (expires << _EXPIRES),
        money=limit | (part_max << _PART_MAX),
    )
    if relay != empty(bytes32):
        self.relay_of[session] = relay
    log SessionOpened(session=session, client=msg.sender, parts=parts, part_max=part_max, expires=expires)
    return session


@external
def close(session: uint256):
    """
    @notice Anybody, once it has expired: what no part took goes back to the client's balance.
    """
    found: Session = self._session(session)
    assert found.left > 0, "purse: session is empty"
    assert block.timestamp >= found.expires, "purse: session is running"
    self.packed_sessions[session].money = found.part_max << _PART_MAX
    self.balances[found.client] += found.left
    log SessionClosed(session=session, returned=found.left)


@external
@view
def sessions(session: uint256) -> Session:
    return self._session(session)


@external
@view
def is_settled(session: uint256, part: uint256) -> bool:
    return part < MAX_PARTS and self._is_settled(session, part)


@internal
@view
def _session(session: uint256) -> Session:
    terms: uint256 = self.packed_sessions[session].terms
    money: uint256 = self.packed_sessions[session].money
    return Session(
        client=convert(terms & _ADDRESS, address),
        expires=terms >> _EXPIRES,
        parts=(terms >> _PARTS) & (2**32 - 1),
        part_max=money >> _PART_MAX,
        left=money & _LEFT,
    )


@internal
@view
def _is_settled(session: uint256, part: uint256) -> bool:
    return (self.settled[(session << 8) | (part >> 8)] >> (part & 255)) & 1 == 1


@internal
def _mark(session: uint256, part: uint256):
    self.settled[(session << 8) | (part >> 8)] |= 1 << (part & 255)


@internal
def _spend(session: uint256, amount: uint256):
    """
    @notice Take money out of a session. Whoever calls has checked that its parts allow it, and credits it to others.
    """
    money: uint256 = self.packed_sessions[session].money
    assert amount <= money & _LEFT, "purse: more than the session has"
    self.packed_sessions[session].money = money - amount


@internal
def _pay(to: address, amount: uint256):
    self.held -= amount
    assert extcall asset.transfer(to, amount, default_return_value=True), "purse: transfer failed"

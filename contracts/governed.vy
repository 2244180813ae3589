# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Governed: what an owner may do to a contract, and how slowly
@license MIT
@notice An owner proposes; after a delay anybody adopts. What is proposed is bounded by the contract that uses this
        module. The owner can stop entry at once and nothing else: no function here reaches money, and no exit asks
        whether entry is paused.
@dev A proposal is known by the hash of its content, so this module needs to know nothing of what is decided.
"""

event Proposed:
    digest: indexed(bytes32)
    ready: uint256

event ProposalWithdrawn:
    digest: indexed(bytes32)

event Adopted:
    digest: indexed(bytes32)

event EntryPaused:
    paused: bool

event OwnerNamed:
    heir: indexed(address)

event OwnerChanged:
    owner: indexed(address)


MIN_DELAY: constant(uint256) = 3_600
MAX_DELAY: constant(uint256) = 30 * 86_400

# Seconds from a proposal to its adoption.
delay: public(immutable(uint256))
owner: public(address)
heir: public(address)
paused: public(bool)
# When a proposal may be adopted; 0 = not proposed.
ready_at: public(HashMap[bytes32, uint256])


@deploy
def __init__(delay_s: uint256):
    assert MIN_DELAY <= delay_s and delay_s <= MAX_DELAY, "governed: delay out of bounds"
    delay = delay_s
    self.owner = msg.sender


@external
def pause_entry(paused: bool):
    """
    @notice Stop, or allow again, what brings new money or new work in. Takes effect at once.
    """
    self._check_owner()
    self.paused = paused
    log EntryPaused(paused=paused)


@external
def withdraw_proposal(digest: bytes32):
    """
    @notice Take a proposal back before it is adopted.
    """
    self._check_owner()
    assert self.ready_at[digest] != 0, "governed: not proposed"
    self.ready_at[digest] = 0
    log ProposalWithdrawn(digest=digest)


@external
def name_owner(heir: address):
    """
    @notice Name the next owner, who becomes it by `accept_owner`. A mistyped address changes nothing.
    """
    self._check_owner()
    self.heir = heir
    log OwnerNamed(heir=heir)


@external
def accept_owner():
    """
    @notice The named heir takes over.
    """
    assert msg.sender == self.heir, "governed: not the heir"
    self.owner = msg.sender
    self.heir = empty(address)
    log OwnerChanged(owner=msg.sender)


@external
def renounce():
    """
    @notice Nobody owns the contract any more: its rules are final. Only while entry is open, or it would stay shut.
    """
    self._check_owner()
    assert not self.paused, "governed: entry is paused"
    self.owner = empty(address)
    self.heir = empty(address)
    log OwnerChanged(owner=empty(address))


@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "governed: not the owner"


@internal
@view
def _check_entry():
    assert not self.paused, "governed: entry is paused"


@internal
def _propose(digest: bytes32):
    self._check_owner()
    assert self.ready_at[digest] == 0, "governed: proposed already"
    self.ready_at[digest] = block.timestamp + delay
    log Proposed(digest=digest, ready=block.timestamp + delay)


@internal
def _adopt(digest: bytes32):
    ready: uint256 = self.ready_at[digest]
    assert ready != 0, "governed: not proposed"
    assert block.timestamp >= ready, "governed: too early"
    self.ready_at[digest] = 0
    log Adopted(digest=digest)

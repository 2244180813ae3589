# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Symbolic checks of `purse` and `netting`: no call makes or loses money, none blocks an exit, a part ends once
@license MIT
@dev This contract is its own token. A check fails by Panic(1). Any other revert means that the arguments are none that
     can be.
"""

import netting
import purse

initializes: purse
initializes: netting[purse := purse]
exports: (purse.deposit, purse.withdraw, purse.open_session, purse.close, netting.settle_net, netting.sweep)

interface Self:
    def settle_net(
        evidence: bytes32,
        expires: uint256,
        burnt: uint256,
        spends: DynArray[netting.Spend, 64],
        changes: DynArray[netting.Change, 64],
        clients: DynArray[uint256, 64],
        signatures: DynArray[uint256[2], 64],
    ): nonpayable
    def open_session(parts: uint256, part_max: uint256, expires: uint256, relay: bytes32) -> uint256: nonpayable

_PANIC: constant(Bytes[36]) = b"\x4e\x48\x7b\x71\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
MONEY: constant(uint256) = 2**96


@deploy
def __init__():
    purse.__init__(self)


@internal
@pure
def _holds(so: bool):
    if not so:
        raw_revert(_PANIC)


@external
def transfer(to: address, amount: uint256) -> bool:
    return True


@external
def check_a_part_ends_once_and_ends_no_other(session: uint256, part: uint256, other: uint256, another: uint256):
    assert part < purse.MAX_PARTS and another < purse.MAX_PARTS and session < 2**128 and other < 2**128
    assert session != other or part != another
    self._holds(not purse._is_settled(session, part))
    purse._mark(session, part)
    self._holds(purse._is_settled(session, part))
    self._holds(not purse._is_settled(other, another))


@external
def check_what_a_session_pays_is_what_it_loses(session: uint256, terms: uint256, money: uint256, amount: uint256):
    purse.packed_sessions[session] = purse.Packed(terms=terms, money=money)
    before: purse.Session = purse._session(session)
    purse._spend(session, amount)
    after: purse.Session = purse._session(session)
    self._holds(after.left + amount == before.left)
    self._holds(after.part_max == before.part_max and after.client == before.client)
    self._holds(after.parts == before.parts and after.expires == before.expires)


@external
def check_a_session_takes_what_it_sets_apart_and_gives_it_back(free: uint256, parts: uint256, part_max: uint256, expires: uint256):
    assert free < MONEY and parts < 2**16 and part_max < 2**64 and expires < 2**40
    purse.balances[self] = free
    session: uint256 = extcall Self(self).open_session(parts, part_max, expires, empty(bytes32))
    found: purse.Session = purse._session(session)
    self._holds(purse.balances[self] + found.left == free and found.client == self)
    self._holds(found.left == parts * part_max and found.part_max == part_max and found.parts == parts)
    self._holds(found.expires == expires)


@external
def check_an_expired_session_always_comes_home(session: uint256, client: address, parts: uint256, money: uint256, free: uint256):
    assert parts <= purse.MAX_PARTS and free < MONEY and block.timestamp > 0
    purse.packed_sessions[session] = purse.Packed(terms=convert(client, uint256) | (parts << 160), money=money)
    purse.balances[client] = free
    left: uint256 = money & (2**128 - 1)
    assert 0 < left and left < MONEY
    self._holds(raw_call(self, abi_encode(session, method_id=method_id("close(uint256)")), revert_on_failure=False))
    self._holds(purse.balances[client] == free + left)
    self._holds(purse._session(session).left == 0)


@external
def check_free_money_always_goes_out(free: uint256, amount: uint256, others: uint256):
    assert free < MONEY and others < MONEY and 0 < amount and amount <= free
    purse.balances[self] = free
    purse.held = free + others
    self._holds(raw_call(self, abi_encode(amount, method_id=method_id("withdraw(uint256)")), revert_on_failure=False))
    self._holds(purse.balances[self] + amount == free)
    self._holds(purse.held + amount == free + others)
    # Not more than there is.
    more: uint256 = free - amount + 1
    self._holds(not raw_call(self, abi_encode(more, method_id=method_id("withdraw(uint256)")), revert_on_failure=False))


@external
def check_a_batch_makes_and_loses_no_money(
    part_max: uint256, left: uint256, spent: uint256, burnt: uint256, free: uint256[2], amounts: int256[2]
):
    """
    @notice One part, two parties; whatever they have signed.
    """
    assert free[0] < MONEY and free[1] < MONEY and burnt < MONEY and part_max < MONEY and left < MONEY
    client: address = 0x1111111111111111111111111111111111111111
    other: address = 0x2222222222222222222222222222222222222222
    purse.packed_sessions[1] = purse.Packed(
        terms=convert(client, uint256) | (1 << 160) | (2**63 << 192), money=left | (part_max << 128)
    )
    purse.balances[client] = free[0]
    purse.balances[other] = free[1]
    extcall Self(self).settle_net(
        empty(bytes32),
        max_value(uint256),
        burnt,
        [netting.Spend(session=1, word=0, parts=1, amount=spent)],
        [netting.Change(party=client, amount=amounts[0]), netting.Change(party=other, amount=amounts[1])],
        [0],
        [[1, 1], [2, 1]],
    )
    kept: uint256 = purse._session(1).left
    self._holds(left == kept + spent and spent <= part_max)
    self._holds(purse.balances[client] + purse.balances[other] + kept + netting.burnt == free[0] + free[1] + left)
    self._holds(purse._is_settled(1, 0))


@external
@pure
def check_bits_of_a_word_are_counted(word: uint256):
    assert word < 2**32
    count: uint256 = 0
    for i: uint256 in range(32):
        count = unsafe_add(count, (word >> i) & 1)
    self._holds(netting._count(word) == count)


@external
@pure
def check_the_highest_bit_of_a_word_is_found(word: uint256):
    length: uint256 = netting._length(word)
    self._holds(length <= 256 and (length == 256 or word >> length == 0))
    self._holds(length == 0 or (word >> unsafe_sub(length, 1)) & 1 == 1)

# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Netting: a whole batch of parts settled by what it changes for each party
@license MIT
@notice Every party signs the same statement: which parts of which sessions end, what that takes out of each session, and
        what each party's balance changes by. The chain computes no rewards here: who signs has computed them, by the
        settlements that the batch's evidence lists.

        1. What sessions give equals what the balances change by in total, plus what is burnt. So nothing is made or lost.
        2. Each party of a change has signed, and so has each session's client. Whoever is missing stops the batch: its
           parts are then settled by quorum.
        3. A session gives at most what its parts may cost, and only for parts that were not settled before. A balance pays
           at most what it has.
        4. A batch is settled once, because each of its parts is; before it expires, and while its sessions run.
@dev Conservation: `burnt` is a third place where money is, beside balances and sessions.
"""

import purse
import signed

uses: purse

struct Spend:
    session: uint256
    word: uint256  # parts 256 * word to 256 * word + 255
    parts: uint256  # a bit for each
    amount: uint256

struct Change:
    party: address
    amount: int256

event Netted:
    batch: indexed(bytes32)
    evidence: indexed(bytes32)
    spent: uint256


BURNT: constant(address) = 0x000000000000000000000000000000000000dEaD
MAX_NETTED: constant(uint256) = 64
_NET: constant(bytes32) = keccak256(
    "Net(bytes32 evidence,uint256 expires,uint256 burnt,Spend[] spends,Change[] changes)Change(address party,int256 amount)Spend(uint256 session,uint256 word,uint256 parts,uint256 amount)"
)
_CHANGE: constant(bytes32) = keccak256("Change(address party,int256 amount)")
_SPEND: constant(bytes32) = keccak256("Spend(uint256 session,uint256 word,uint256 parts,uint256 amount)")

# Penalties that went to nobody, to be sent to the burn address.
burnt: public(uint256)


@external
def settle_net(
    evidence: bytes32,
    expires: uint256,
    burnt: uint256,
    spends: DynArray[Spend, MAX_NETTED],
    changes: DynArray[Change, MAX_NETTED],
    clients: DynArray[uint256, MAX_NETTED],
    signatures: DynArray[uint256[2], MAX_NETTED],
):
    """
    @notice Anybody: settle a batch that all its parties have signed.
    @param evidence Hash of the settlements that the changes sum up; what it covers is between the parties.
    @param changes By party, ascending. A party whose balance does not change is listed with 0.
    @param clients For each spend, the place of its session's client among the changes.
    @param signatures r and vs of each party (EIP-2098).
    """
    assert block.timestamp < expires, "netting: batch expired"
    assert len(spends) > 0, "netting: no parts"
    assert len(changes) == len(signatures) and len(spends) == len(clients), "netting: lists differ in length"
    listed: DynArray[bytes32, MAX_NETTED] = []
    for spend: Spend in spends:
        listed.append(keccak256(abi_encode(_SPEND, spend)))
    spend_hash: bytes32 = keccak256(slice(abi_encode(listed), 64, 32 * len(listed)))
    listed = []
    for change: Change in changes:
        listed.append(keccak256(abi_encode(_CHANGE, change)))
    batch: bytes32 = keccak256(
        abi_encode(
            _NET, evidence, expires, burnt, spend_hash, keccak256(slice(abi_encode(listed), 64, 32 * len(listed)))
        )
    )
    digest: bytes32 = signed._digest(signed._domain(), batch)
    spent: uint256 = 0
    for i: uint256 in range(len(spends), bound=MAX_NETTED):
        self._spend(spends[i], changes[clients[i]].party)
        spent += spends[i].amount
    total: int256 = convert(burnt, int256)
    last: uint256 = 0
    for i: uint256 in range(len(changes), bound=MAX_NETTED):
        party: address = changes[i].party
        assert convert(party, uint256) > last, "netting: parties not in order"
        last = convert(party, uint256)
        signed._check(digest, signatures[i], party)
        amount: int256 = changes[i].amount
        total += amount
        if amount > 0:
            purse.balances[party] += convert(amount, uint256)
        elif amount < 0:
            assert purse.balances[party] >= convert(-amount, uint256), "netting: insufficient balance"
            purse.balances[party] -= convert(-amount, uint256)
    assert total == convert(spent, int256), "netting: changes do not add up"
    self.burnt += burnt
    log Netted(batch=batch, evidence=evidence, spent=spent)


@external
@nonreentrant
def sweep():
    """
    @notice Anybody: send what was burnt to the burn address.
    """
    amount: uint256 = self.burnt
    assert amount > 0, "netting: nothing is burnt"
    self.burnt = 0
    purse._pay(BURNT, amount)


@internal
def _spend(spend: Spend, client: address):
    session: purse.Session = purse._session(spend.session)
    assert client == session.client, "netting: not its client"
    assert block.timestamp < session.expires, "netting: session expired"
    assert spend.parts != 0, "netting: no parts"
    assert spend.word < purse.MAX_PARTS >> 8, "netting: no such part"
    # Bits above the session's last part.
    assert (spend.word << 8) + self._length(spend.parts) <= session.parts, "netting: no such part"
    assert spend.amount <= self._count(spend.parts) * session.part_max, "netting: dearer than allowed"
    at: uint256 = (spend.session << 8) | spend.word
    before: uint256 = purse.settled[at]
    assert before & spend.parts == 0, "netting: part settled already"
    purse.settled[at] = before | spend.parts
    purse._spend(spend.session, spend.amount)


@internal
@pure
def _count(word: uint256) -> uint256:
    """
    @notice How many bits are set.
    """
    # Sums of 2, 4 and 8 bits side by side; a product would overflow, so the bytes are halved on.
    left: uint256 = word
    left -= (left >> 1) & (max_value(uint256) // 3)
    left = (left & (max_value(uint256) // 5)) + ((left >> 2) & (max_value(uint256) // 5))
    left = (left + (left >> 4)) & (max_value(uint256) // 17)
    left = (left + (left >> 8)) & (max_value(uint256) // 257)
    left = (left + (left >> 16)) & (max_value(uint256) // 65_537)
    left = (left + (left >> 32)) & (max_value(uint256) // 4_294_967_297)
    left += left >> 64
    return (left + (left >> 128)) & 511


@internal
@pure
def _length(word: uint256) -> uint256:
    """
    @notice The place above the highest bit that is set; 0 if none is.
    """
    left: uint256 = word
    length: uint256 = 0
    for step: uint256 in [128, 64, 32, 16, 8, 4, 2, 1]:
        if left >> step > 0:
            left = left >> step
            length += step
    if left > 0:
        length += 1
    return length

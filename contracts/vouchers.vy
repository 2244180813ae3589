# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Vouchers: a part that ended before it was judged, paid for as far as it was heard
@license MIT
@notice While sound arrives the client signs what it owes so far: each voucher replaces the one before (x402's scheme
        `batch-settlement` is the model). A voucher needs no transaction; the producer brings its last one, or none.

        1. A voucher is for one part of one session and for one producer. It pays once, because the part ends with it.
        2. Only its producer brings it: somebody else would bring a lower one.
        3. Not before it is due: until then the part's verdict, by quorum or netted, goes before what was heard.
        4. Not after its session has expired: then what is left is the client's again (`purse.close`).
"""

import purse
import signed

uses: purse

struct Voucher:
    session: uint256
    part: uint256
    amount: uint256  # all that is owed for the part
    position: uint256  # bytes of sound that were heard
    stream: bytes32  # running hash of the part's sound, up to there
    due: uint256
    signature: uint256[2]  # r and vs of the session's client (EIP-2098)

event Redeemed:
    session: indexed(uint256)
    part: indexed(uint256)
    producer: indexed(address)
    amount: uint256


MAX_VOUCHERS: constant(uint256) = 64
_VOUCHER: constant(bytes32) = keccak256(
    "Voucher(uint256 session,uint256 part,address producer,uint256 amount,uint256 position,bytes32 stream,uint256 due)"
)


@external
def redeem(vouchers: DynArray[Voucher, MAX_VOUCHERS]):
    """
    @notice A producer: be paid by vouchers. Parts that are settled already are passed over.
    """
    domain: bytes32 = signed._domain()
    total: uint256 = 0
    for voucher: Voucher in vouchers:
        session: purse.Session = purse._session(voucher.session)
        assert voucher.due <= block.timestamp and block.timestamp < session.expires, "vouchers: not due, or expired"
        assert voucher.part < session.parts and voucher.amount <= session.part_max, "vouchers: part out of bounds"
        content: bytes32 = keccak256(
            abi_encode(
                _VOUCHER, voucher.session, voucher.part, msg.sender, voucher.amount, voucher.position, voucher.stream,
                voucher.due,
            )
        )
        signed._check(signed._digest(domain, content), voucher.signature, session.client)
        if not purse._is_settled(voucher.session, voucher.part):
            purse._mark(voucher.session, voucher.part)
            purse._spend(voucher.session, voucher.amount)
            total += voucher.amount
            log Redeemed(session=voucher.session, part=voucher.part, producer=msg.sender, amount=voucher.amount)
    purse.balances[msg.sender] += total

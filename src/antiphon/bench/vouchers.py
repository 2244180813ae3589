"""How many vouchers one thread of a producer checks in a second: each another one, signed as a client signs it."""

from __future__ import annotations

import time

import msgspec

from antiphon.clock import SystemClock
from antiphon.ledger.evm.config import ChainFile, Deployed
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.relay.vouchers import Voucher, Vouchers
from antiphon.ledger.vouchers import HEARD, Funds, Heard, check_next, owed_nano
from antiphon.protocol import Identity, canonical, envelope

COUNT = 2_000
CHUNK_BYTES = 96_000
REWARD_NANO, UNITS = 10**9, 20_000 * 15
TASK = "0" * 32


class Rates(msgspec.Struct, frozen=True):
    """Vouchers a second of processor time, best of three: other processes do not count."""

    chain: float  # the chain's signature alone: EIP-712, recovered by secp256k1
    whole: float  # with the client's envelope (Ed25519), and whether it goes on from the one before
    signed: float  # by a client, for the chain and as an envelope


def measured(count: int = COUNT) -> Rates:
    """One thread, this machine, now. Needs coincurve and the other libraries of `antiphon[evm]`."""
    quorum = Deployed("0x" + "12" * 20, "")
    chain = ChainFile(chain_id=31_337, first_block=1, confirmations=1, contracts={"quorum": quorum})
    vouchers, key, clock = Vouchers(chain), from_hex("11" * 32), SystemClock()
    client, producer = Identity.generate(), Identity.generate()
    funds = Funds(session=1, part=0, payer=key.address, part_nano=REWARD_NANO, due_s=2**31)
    address = "0x" + "34" * 20

    def sign(number: int) -> bytes:
        position = (number + 1) * CHUNK_BYTES
        owed = owed_nano(REWARD_NANO, UNITS, 48_000, position, funds)
        heard = Heard(index=0, attempt=0, position=position, stream=bytes(32), amount_nano=owed, signature=b"")
        heard = msgspec.structs.replace(heard, signature=vouchers.sign(Voucher.of(funds, address, heard), key))
        body = canonical.encode(heard)
        return envelope.sign(client, kind=HEARD, receiver=producer.node_id, task=TASK, body=body, clock=clock)

    began = time.process_time()
    made = [sign(number) for number in range(count)]
    signed_s = time.process_time() - began
    heard = [canonical.decode(Heard, envelope.verify_at(raw, producer.node_id).body) for raw in made]
    whole_s, chain_s = [], []
    for _ in range(3):
        began, before = time.process_time(), None
        for raw in made:
            told = canonical.decode(Heard, envelope.verify_at(raw, producer.node_id).body)
            check_next(before, told, owed=owed_nano(REWARD_NANO, UNITS, 48_000, told.position, funds))
            vouchers.check(Voucher.of(funds, address, told), funds.payer)
            before = told
        whole_s.append(time.process_time() - began)
        began = time.process_time()
        for one in heard:
            vouchers.check(Voucher.of(funds, address, one), funds.payer)
        chain_s.append(time.process_time() - began)
    return Rates(chain=count / min(chain_s), whole=count / min(whole_s), signed=count / signed_s)

"""Vouchers as the chain takes them: signed by the session's key, brought by the producer (`contracts/vouchers.vy`).

EIP-712 over session, part, producer, amount, position, stream hash and when it is due; the domain has chain and
contract. So a voucher for another network, contract, session, part or producer is signed by nobody here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from antiphon.errors import ConflictError, InputError, ProtocolError
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contract
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.outbox import Outbox, Receipt
from antiphon.ledger.vouchers import SIGNATURE_BYTES, Funds, Heard

MAX_VOUCHERS = 64
"""That the contract takes at once."""
_LOW = 2**255 - 1
_HALF_ORDER = 57896044618658097711785492504343953926418782139537452191302581570759080747168
_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_VOUCHER = (
    b"Voucher(uint256 session,uint256 part,address producer,uint256 amount,uint256 position,bytes32 stream,uint256 due)"
)


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """One part's voucher, with what it takes to redeem it."""

    session: int
    part: int
    producer: str  # address
    amount: int
    position: int
    stream: bytes
    due: int
    signature: bytes = b""

    @classmethod
    def of(cls, funds: Funds, producer: str, heard: Heard) -> Voucher:
        """What the chain is shown of `heard`."""
        return cls(
            session=funds.session,
            part=funds.part,
            producer=producer,
            amount=heard.amount_nano,
            position=heard.position,
            stream=heard.stream,
            due=funds.due_s,
            signature=heard.signature,
        )


class Vouchers:
    """Makes and checks vouchers of one contract on one chain. What is the same for all is hashed once."""

    def __init__(self, chain: ChainFile) -> None:
        from eth_utils.crypto import keccak

        self._keccak = keccak
        fields = (keccak(_DOMAIN), keccak(b"Antiphon quorum"), keccak(b"1"), _word(chain.chain_id))
        self._domain = b"\x19\x01" + keccak(b"".join(fields) + _address(chain.contracts["quorum"].address))
        self._kind = keccak(_VOUCHER)

    def digest(self, voucher: Voucher) -> bytes:
        """EIP-712's, 32 bytes. Raises InputError for what is no voucher."""
        numbers = (voucher.session, voucher.part, voucher.amount, voucher.position, voucher.due)
        if len(voucher.stream) != 32 or not all(0 <= number < 2**256 for number in numbers):
            raise InputError("The voucher has a field out of bounds", "Ask the client for another one.")
        content = (
            self._kind,
            _word(voucher.session),
            _word(voucher.part),
            _address(voucher.producer),
            _word(voucher.amount),
            _word(voucher.position),
            voucher.stream,
            _word(voucher.due),
        )
        return bytes(self._keccak(self._domain + self._keccak(b"".join(content))))

    def sign(self, voucher: Voucher, key: Key) -> bytes:
        """r and vs, 64 bytes."""
        v, r, s = key.sign_hash(self.digest(voucher))
        return _word(r) + _word((v - 27) << 255 | s)

    def signer(self, voucher: Voucher) -> str:
        """The address that signed, in lower case; empty when nobody did."""
        from coincurve import PublicKey

        signature = voucher.signature
        if len(signature) != SIGNATURE_BYTES:
            return ""
        vs = int.from_bytes(signature[32:], "big")
        if vs & _LOW > _HALF_ORDER:
            return ""  # the other half is a second signature of the same voucher; the contract refuses it as well
        recoverable = signature[:32] + _word(vs & _LOW) + bytes([vs >> 255])
        try:
            key = PublicKey.from_signature_and_message(recoverable, self.digest(voucher), hasher=None)
        except Exception:  # noqa: BLE001 - whatever it is, nobody signed it
            return ""
        return "0x" + bytes(self._keccak(key.format(compressed=False)[1:])[12:]).hex()

    def check(self, voucher: Voucher, payer: str) -> None:
        """Raise ProtocolError unless the session's client has signed it."""
        if self.signer(voucher) != payer.lower():
            raise ProtocolError(
                f"The voucher for part {voucher.part} of session {voucher.session} is not signed by {payer}",
                "Sign it with the key that opened the session, for this chain and contract.",
            )


async def redeem(outbox: Outbox, quorum: Contract, vouchers: Sequence[Voucher]) -> Receipt:
    """Bring vouchers to the chain; each part pays once, so the same ones are brought once.

    Raises ConflictError for none or too many, and what the contract refuses (not due yet, session expired)."""
    if not 0 < len(vouchers) <= MAX_VOUCHERS:
        raise ConflictError(f"{len(vouchers)} vouchers are not 1 to {MAX_VOUCHERS}", "Bring some of them.")
    data = quorum.encode("redeem", [_packed(voucher) for voucher in vouchers])
    named = ",".join(f"{one.session}/{one.part}/{one.amount}" for one in vouchers)
    return await outbox.send(f"redeem:{named}", quorum.address, data)


def _packed(voucher: Voucher) -> tuple[object, ...]:
    signature = [int.from_bytes(voucher.signature[at : at + 32], "big") for at in (0, 32)]
    return (
        voucher.session,
        voucher.part,
        voucher.amount,
        voucher.position,
        voucher.stream,
        voucher.due,
        signature,
    )


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _address(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address.removeprefix("0x"))

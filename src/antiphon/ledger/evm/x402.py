"""x402, version 2, scheme `exact` on EVM: an HTTP client pays a request by an EIP-3009 authorization of the token.

The server answers 402 with what it accepts (`required`, header PAYMENT-REQUIRED); the client sends the same request
with a signed authorization (PAYMENT-SIGNATURE); `Facilitator` checks it, and carries it out before the first byte of
the answer (PAYMENT-RESPONSE). All three headers are JSON in base64. Specification: x402-foundation/x402,
specs/x402-specification-v2.md, specs/schemes/exact/scheme_exact_evm.md and specs/transports-v2/http.md.

1. Version, scheme, chain and token are ours. 2. The authorization is signed by who pays. 3. It is for us, over no less
than the price, and its time has begun and does not end before it can be in a block. 4. It was not used, on the chain or
by another request that is being answered. 5. Its payer has the money.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Any

import msgspec

from antiphon.errors import InputError
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.outbox import Outbox

VERSION = 2
SCHEME = "exact"
MAX_HEADER_BYTES = 8_192
TIMEOUT_S = 120
"""How long an authorization may wait: from the 402 to the block that it is in."""
LEAST_S = 10
"""So much of its time must be left when it is checked."""
TOKEN_NAME, TOKEN_VERSION = "Antiphon", "1"
_FIELDS = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


class PaymentRefusedError(InputError):
    """`reason` is the specification's word for it."""

    def __init__(self, reason: str, what: str, hint: str = "") -> None:
        super().__init__(what, hint or "Ask without a payment, and pay what the answer says.")
        self.reason = reason


class Requirement(msgspec.Struct, frozen=True, rename="camel"):
    """One way to pay."""

    scheme: str
    network: str  # CAIP-2
    asset: str
    amount: str  # in the token's smallest unit
    pay_to: str
    max_timeout_seconds: int
    extra: dict[str, Any] = {}


class Authorization(msgspec.Struct, frozen=True, rename={"valid_after": "validAfter", "valid_before": "validBefore"}):
    """What EIP-3009 has the payer sign."""

    payer: str = msgspec.field(name="from")
    to: str
    value: str
    valid_after: str
    valid_before: str
    nonce: str


class _Exact(msgspec.Struct, frozen=True):
    signature: str
    authorization: Authorization


class _Payload(msgspec.Struct, frozen=True):
    version: int = msgspec.field(name="x402Version")
    accepted: Requirement
    payload: _Exact


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization that was found good, and is held for one request."""

    payer: str
    to: str
    value: int
    valid_after: int
    valid_before: int
    nonce: bytes
    signature: tuple[int, bytes, bytes]  # v, r, s

    @property
    def key(self) -> str:
        """What distinguishes it from all others."""
        return f"x402:{self.payer.lower()}:{self.nonce.hex()}"


def header(value: object) -> str:
    """JSON in base64."""
    return base64.b64encode(msgspec.json.encode(value)).decode("ascii")


class Facilitator:
    """Checks and carries out payments in our token, to one address, on one chain."""

    def __init__(self, contracts: Contracts, outbox: Outbox, pay_to: str) -> None:
        self._contracts, self._outbox, self._pay_to = contracts, outbox, pay_to
        self._held: set[str] = set()

    @property
    def network(self) -> str:
        return f"eip155:{self._contracts.chain.chain_id}"

    def requirement(self, nano: int) -> Requirement:
        """What a payment of this price looks like."""
        return Requirement(
            scheme=SCHEME,
            network=self.network,
            asset=self._contracts.token.address,
            amount=str(nano),
            pay_to=self._pay_to,
            max_timeout_seconds=TIMEOUT_S,
            extra={"name": TOKEN_NAME, "version": TOKEN_VERSION, "assetTransferMethod": "eip3009"},
        )

    def required(self, nano: int, url: str, error: str) -> str:
        """The header PAYMENT-REQUIRED."""
        told = {"url": url, "description": "Sound for a text", "mimeType": "audio/mpeg"}
        body = {"x402Version": VERSION, "error": error, "resource": told, "accepts": [self.requirement(nano)]}
        return header(body | {"extensions": {}})

    async def hold(self, raw: str, nano: int) -> Payment:
        """The payment in the header PAYMENT-SIGNATURE, held for this request until `settle` or `release`.

        Raises PaymentRefusedError, and UnavailableError while the chain is away.
        """
        payload = _read(raw)
        required = self.requirement(nano)
        given = payload.accepted
        if payload.version != VERSION:  # 1
            raise PaymentRefusedError("invalid_x402_version", f"x402 version {payload.version} is not {VERSION}")
        if given.scheme != SCHEME:
            raise PaymentRefusedError("unsupported_scheme", f"The scheme {given.scheme[:40]!r} is not {SCHEME}")
        if given.network != self.network:
            raise PaymentRefusedError("invalid_network", f"The network {given.network[:40]!r} is not {self.network}")
        if given.asset.lower() != required.asset.lower():
            raise PaymentRefusedError("invalid_payload", f"The token {given.asset[:50]!r} is not {required.asset}")
        payment = _payment(payload.payload)
        if self._signer(payload.payload) != payment.payer.lower():  # 2
            raise PaymentRefusedError(
                "invalid_exact_evm_payload_signature", f"The authorization is not signed by {payment.payer}"
            )
        await self._check(payment, nano)
        self._held.add(payment.key)
        return payment

    async def _check(self, payment: Payment, nano: int) -> None:
        """Rules 3 to 5."""
        prefix = "invalid_exact_evm_payload_"
        if payment.to.lower() != self._pay_to.lower():
            raise PaymentRefusedError(f"{prefix}recipient_mismatch", f"The payment goes to {payment.to}")
        if payment.value < nano:
            raise PaymentRefusedError(
                f"{prefix}authorization_value", f"The payment is over {payment.value} nano, the price is {nano}"
            )
        token, now_s = self._contracts.token, (await self._contracts.rpc.block("latest")).time_s
        if payment.valid_after > now_s:
            raise PaymentRefusedError(f"{prefix}authorization_valid_after", "The authorization is not valid yet")
        if payment.valid_before < now_s + LEAST_S:
            raise PaymentRefusedError(f"{prefix}authorization_valid_before", "The authorization has expired")
        used = await token.read("authorizationState", payment.payer, payment.nonce)
        if used or payment.key in self._held:
            raise PaymentRefusedError(f"{prefix}nonce_used", "The authorization was used already")
        if await token.read("balanceOf", payment.payer) < payment.value:
            raise PaymentRefusedError("insufficient_funds", f"{payment.payer} has less than {payment.value} nano")

    async def settle(self, payment: Payment) -> str:
        """Carry it out; the header PAYMENT-RESPONSE once it is final. Raises what `Outbox.send` raises.

        The transaction has a name of its own: if another process was faster with this payment, it is refused here.
        """
        token = self._contracts.token
        v, r, s = payment.signature
        terms = (payment.payer, payment.to, payment.value, payment.valid_after, payment.valid_before, payment.nonce)
        data = token.encode("transferWithAuthorization", *terms, v, r, s)
        try:
            receipt = await self._outbox.send(f"{payment.key}:{secrets.token_hex(8)}", token.address, data)
        finally:
            self.release(payment)
        done = {"success": True, "transaction": receipt.hash, "network": self.network, "payer": payment.payer}
        return header(done | {"amount": str(payment.value)})

    def release(self, payment: Payment) -> None:
        """No request waits with it any more: it may be used for another."""
        self._held.discard(payment.key)

    def _signer(self, signed: _Exact) -> str:
        from eth_account import Account
        from eth_account.messages import encode_typed_data

        one = signed.authorization
        domain = {
            "name": TOKEN_NAME,
            "version": TOKEN_VERSION,
            "chainId": self._contracts.chain.chain_id,
            "verifyingContract": self._contracts.token.address,
        }
        types = {"TransferWithAuthorization": [{"name": name, "type": kind} for name, kind in _FIELDS]}
        message = {
            "from": one.payer,
            "to": one.to,
            "value": int(one.value),
            "validAfter": int(one.valid_after),
            "validBefore": int(one.valid_before),
            "nonce": bytes.fromhex(one.nonce.removeprefix("0x")),
        }
        try:
            made = encode_typed_data(domain, types, message)
            return str(Account.recover_message(made, signature=signed.signature)).lower()
        except Exception:  # noqa: BLE001 - whatever it is, nobody signed it
            return ""


def _read(raw: str) -> _Payload:
    if len(raw) > MAX_HEADER_BYTES:
        raise PaymentRefusedError("invalid_payload", f"The payment has more than {MAX_HEADER_BYTES} bytes")
    try:
        return msgspec.json.decode(base64.b64decode(raw, validate=True), type=_Payload)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError) as e:
        raise PaymentRefusedError("invalid_payload", "The payment cannot be read: it is no x402 of version 2") from e


def _payment(signed: _Exact) -> Payment:
    one = signed.authorization
    try:
        signature, nonce = (bytes.fromhex(text.removeprefix("0x")) for text in (signed.signature, one.nonce))
        numbers = [int(text) for text in (one.value, one.valid_after, one.valid_before)]
        addresses = [bytes.fromhex(text.removeprefix("0x")) for text in (one.payer, one.to)]
    except ValueError as e:
        raise PaymentRefusedError("invalid_payload", "The authorization has a field that is no number") from e
    sizes = (len(signature), len(nonce), *map(len, addresses))
    if sizes != (65, 32, 20, 20) or not all(0 <= number < 2**256 for number in numbers):
        raise PaymentRefusedError("invalid_payload", "The authorization has a field of another size")
    value, after, before = numbers
    v = signature[64] if signature[64] >= 27 else signature[64] + 27
    return Payment(
        payer=one.payer,
        to=one.to,
        value=value,
        valid_after=after,
        valid_before=before,
        nonce=nonce,
        signature=(v, signature[:32], signature[32:64]),
    )


__all__ = ["Facilitator", "Payment", "PaymentRefusedError", "Requirement", "header"]

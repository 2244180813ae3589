"""x402 as its public client speaks it: what it signs is taken, once; else it is refused with the word for it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from eth_account import Account
from evm_anvil import DEV_KEYS, Anvil
from x402.http.utils import decode_payment_required_header, decode_payment_response_header
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.schemas import PaymentRequirements

from antiphon.economy.types import NANO
from antiphon.errors import AntiphonError
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.evm.x402 import Facilitator, PaymentRefusedError, header

PRICE = 3 * NANO // 1_000
PAYER = Account.from_key("0x" + "5a" * 32)


@pytest.fixture
async def till(anvil: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path) -> AsyncIterator[Facilitator]:
    """Paid to the first of anvil's accounts, which has all of the token; the payer has one ANT."""
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain[0])
    key = from_hex(DEV_KEYS[0])
    outbox = await Outbox.open(rpc, key, tmp_path / "outbox.db", confirmations=1, fees=Fees())
    await outbox.send("give", contracts.token.address, contracts.token.encode("transfer", PAYER.address, NANO))
    yield Facilitator(contracts, outbox, key.address)
    await rpc.close()


def paid(till: Facilitator, nano: int = PRICE, payer=PAYER, **changes: object) -> str:
    """What the public client sends for what we ask."""
    required = decode_payment_required_header(till.required(nano, "http://test/v1/audio/speech", "Payment required"))
    (accepted,) = required.accepts
    accepted = accepted.model_copy(update=changes)
    payload = ExactEvmScheme(payer).create_payment_payload(accepted)
    body = {"x402Version": 2, "payload": payload, "accepted": json.loads(accepted.model_dump_json(by_alias=True))}
    return base64.b64encode(json.dumps(body).encode()).decode()


def with_field(raw: str, path: str, value: object) -> str:
    body = json.loads(base64.b64decode(raw))
    at = body
    *way, last = path.split(".")
    for step in way:
        at = at[step]
    at[last] = value
    return header(body)


async def test_the_public_client_pays_once(till: Facilitator) -> None:
    token, raw = till._contracts.token, paid(till)
    payment = await till.hold(raw, PRICE)
    with pytest.raises(PaymentRefusedError, match="used already"):
        await till.hold(raw, PRICE)
    told = decode_payment_response_header(await till.settle(payment))
    assert (told.success, told.payer, told.network, told.amount) == (True, PAYER.address, "eip155:31337", str(PRICE))
    assert told.transaction.startswith("0x")
    assert await token.read("balanceOf", PAYER.address) == NANO - PRICE
    with pytest.raises(PaymentRefusedError, match="used already"):
        await till.hold(raw, PRICE)
    with pytest.raises(AntiphonError, match="used already"):
        await till.settle(payment)
    assert await token.read("balanceOf", PAYER.address) == NANO - PRICE


async def test_what_is_asked_is_what_the_specification_says(till: Facilitator) -> None:
    (accepted,) = decode_payment_required_header(till.required(PRICE, "http://test/", "no")).accepts
    assert isinstance(accepted, PaymentRequirements)
    assert accepted.extra == {"name": "Antiphon", "version": "1", "assetTransferMethod": "eip3009"}
    assert (accepted.scheme, accepted.amount, accepted.max_timeout_seconds) == ("exact", str(PRICE), 120)


async def test_a_payment_that_is_released_pays_another_request(till: Facilitator) -> None:
    raw = paid(till)
    till.release(await till.hold(raw, PRICE))
    await till.settle(await till.hold(raw, PRICE))


async def test_everything_else_is_refused_with_its_word(till: Facilitator) -> None:
    raw, prefix = paid(till), "invalid_exact_evm_payload_"
    poor = Account.create()
    wrong = {
        "": "invalid_payload",
        "!": "invalid_payload",
        header([1]): "invalid_payload",
        "A" * 9_000: "invalid_payload",
        with_field(raw, "x402Version", 1): "invalid_x402_version",
        with_field(raw, "accepted.scheme", "upto"): "unsupported_scheme",
        with_field(raw, "accepted.network", "eip155:1"): "invalid_network",
        with_field(raw, "accepted.asset", PAYER.address): "invalid_payload",
        with_field(raw, "payload.authorization.nonce", "0x00"): "invalid_payload",
        with_field(raw, "payload.authorization.value", "much"): "invalid_payload",
        with_field(raw, "payload.authorization.value", str(2**256)): "invalid_payload",
        with_field(raw, "payload.authorization.value", str(PRICE + 1)): f"{prefix}signature",
        with_field(raw, "payload.authorization.from", poor.address): f"{prefix}signature",
        with_field(raw, "payload.signature", "0x" + "11" * 65): f"{prefix}signature",
        paid(till, PRICE - 1): f"{prefix}authorization_value",
        paid(till, pay_to=PAYER.address): f"{prefix}recipient_mismatch",
        paid(till, max_timeout_seconds=1): f"{prefix}authorization_valid_before",
        paid(till, network="eip155:1"): "invalid_network",
        paid(till, extra={"name": "Other", "version": "1"}): f"{prefix}signature",
        paid(till, payer=poor): "insufficient_funds",
    }
    for sent, reason in wrong.items():
        with pytest.raises(PaymentRefusedError) as refused:
            await till.hold(sent, PRICE)
        assert refused.value.reason == reason, refused.value

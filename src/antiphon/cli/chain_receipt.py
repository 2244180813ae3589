"""What a receipt of emission says, for `antiphon receipt`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from antiphon.cli.figures import ant, counted

if TYPE_CHECKING:
    from antiphon.ledger.evm.epochs.receipts import EmissionReceipt


def audited(receipt: EmissionReceipt, trusted: str | None) -> tuple[str, str]:
    """What a check found, at length and in short. Raises ProtocolError."""
    from antiphon.ledger.evm.epochs.receipts import audit
    from antiphon.ledger.evm.epochs.terms import moment_text

    found = audit(receipt, contract=trusted)
    weights = f"from the weights of {counted(found.validators, 'validator')}"
    long = "\n".join(
        (
            f"Valid     epoch {found.epoch} of chain {found.chain_id}",
            f"Contract  {found.contract}",
            f"Block     {found.block}, {moment_text(found.time_s)}: {found.block_hash}",
            f"Computed  consensus and {counted(len(found.paid), 'payment')} again, {weights}",
            f"Money     {ant(found.emission_nano)} was paid out, all of it accounted for",
            "Compare the block's hash with any node of the chain that you trust.",
        )
    )
    return long, f"epoch {found.epoch} of chain {found.chain_id}, {ant(found.emission_nano)}"


def shown(receipt: EmissionReceipt, *, as_json: bool) -> str:
    """Every amount, once it is known to be true."""
    from antiphon.ledger.evm.epochs.payments import SEATS_AT, TREASURY_AT
    from antiphon.ledger.evm.epochs.receipts import audit

    found = audit(receipt)
    if as_json:
        return json.dumps(msgspec.to_builtins(found, str_keys=True), indent=2)

    def name(place: int) -> str:
        if place == TREASURY_AT:
            return "treasury"
        return f"seat {place - SEATS_AT}" if place >= SEATS_AT else f"column {place}"

    lines = [f"Epoch     {found.epoch} of chain {found.chain_id}, block {found.block}", ""]
    lines += [
        f"{ant(nano):>14}  {name(place):<12} {receipt.holders.get(place, 'nobody')}"
        for place, nano in found.paid.items()
    ]
    return "\n".join([*lines, "", "Verified: weights, consensus, payments, and their root in the block."])

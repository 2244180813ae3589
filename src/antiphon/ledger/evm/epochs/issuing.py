"""That epochs issue the token: its owner proposes it, and after the token's delay anybody puts it in force."""

from __future__ import annotations

from antiphon.ledger.evm.contracts import checked_address
from antiphon.ledger.evm.epochs.terms import Terms


def emission(epochs: str, terms: Terms, burn_ppm: int) -> tuple[str, int, int]:
    """What is proposed: who issues, how much an epoch of the token, and what is burnt of it. While the token's epoch is
    no longer than one here, this much is enough."""
    return checked_address(epochs), terms.emission_nano, burn_ppm


def proposal(proposed: tuple[str, int, int]) -> bytes:
    """By what the token knows that this was proposed."""
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    return keccak(encode(["(address,uint256,uint256)"], [proposed]))

"""What a contract, or the chain's node, refuses: one line with the remedy, as the class of error it is."""

from __future__ import annotations

from antiphon.errors import AntiphonError, BusyError, ConflictError, FundsError, InputError, UnavailableError
from antiphon.ledger.evm.rpc import RefusedError

_ERROR_STRING = bytes.fromhex("08c379a0")  # Error(string)
_MAX_REASON = 200
_FUNDS = {
    "token: insufficient balance": "Get more of the token: `antiphon chain status` shows what the key holds.",
    "token: insufficient allowance": "Repeat the command: it allows the amount first.",
    "market: insufficient balance": "Deposit more: antiphon chain deposit ANT",
    "purse: insufficient balance": "Deposit more: antiphon chain deposit ANT",
    "registry: stake below the minimum": "Stake more: antiphon chain stake ANT",
    "registry: insufficient free stake": "Stake more, or wait until what is locked is free.",
    "registry: stake is locked": "Wait until running work has released it, or take back less.",
}
_HINTS = {
    "registry: not registered": "Register it first: antiphon chain stake ANT --role ROLE",
    "registry: registered already": "It is a node already: leave --role out.",
    "registry: still unbonding": "`antiphon chain unstake` says when it is free.",
    "governed: entry is paused": "No new money comes in for now; withdrawing works.",
    "token: above the cap of the epoch": "Finish the epoch in an hour: the token issues no more before.",
    "token: not the issuer": "Epochs issue it once its owner has proposed it: antiphon chain epoch run",
    "quorum: session expired": "Open another session.",
    "market: session expired": "Open another session.",
}
_NODES: tuple[tuple[tuple[str, ...], type[AntiphonError], str], ...] = (
    (("insufficient funds", "insufficient balance"), FundsError, "Send the chain key some of the chain's own coin."),
    (("gas limit", "out of gas", "gas required exceeds"), UnavailableError, "A block is too small: do less at once."),
    (("underpriced", "fee cap", "max fee per gas"), UnavailableError, "Raise --max-fee, or try again later."),
    (("rate limit", "too many requests"), BusyError, "Retry later."),
)
"""What nodes of all kinds say, in lower case, before the code runs."""


def reason(data: bytes) -> str:
    """The string of a revert; empty when there is none."""
    if not data.startswith(_ERROR_STRING) or len(data) < 68:
        return ""
    size = min(int.from_bytes(data[36:68], "big"), _MAX_REASON)
    return data[68 : 68 + size].decode("utf-8", "replace")


def told(refused: RefusedError) -> AntiphonError:
    """The refusal as the error that a user meets."""
    why, words = reason(refused.data), refused.what.lower()
    if not why and "execution reverted: " in words:
        why = refused.what.split("execution reverted: ", 1)[1].strip()
    if why in _FUNDS:
        return FundsError(f"The contract refuses: {why}", _FUNDS[why])
    if why or "revert" in words:
        hint = _HINTS.get(why, "Nothing was changed.")
        return ConflictError(f"The contract refuses: {why or 'without a reason'}", hint)
    for parts, kind, hint in _NODES:
        if any(part in words for part in parts):
            return kind(f"The chain's node refuses: {refused.what}", hint)
    return InputError(f"The chain's node refuses: {refused.what}", "Check --rpc and the chain file.")

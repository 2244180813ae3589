"""The chain's narrow edge: what a miner and a validator ask of Bittensor, and in which words it refuses.

Two keep this Protocol: `sdk.BittensorChain` (the SDK's client) and `offline.OfflineClient` (a chain on this machine).
A chain speaks for one hotkey, which signs what changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import msgspec

from antiphon.errors import ConflictError

U16_MAX = 65_535
RAO = 1_000_000_000
"""Smallest units in one TAO, or in one of a subnet's own tokens."""


class Neuron(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One registered hotkey. Blocks are numbers; `endpoint` is ip:port, empty where nothing is served."""

    uid: int
    hotkey: str  # ss58
    stake_rao: int
    permit: bool  # to set weights
    registered: int  # block
    updated: int  # block of its last weights or commit
    endpoint: str = ""


class Metagraph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A subnet at one block. `neurons` are in the order of their uids."""

    netuid: int
    block: int
    tempo: int  # blocks of an epoch
    epoch: int  # its number
    last_epoch: int  # block in which it began
    neurons: tuple[Neuron, ...]

    @cached_property
    def by_hotkey(self) -> dict[str, Neuron]:
        return {neuron.hotkey: neuron for neuron in self.neurons}


class Hyperparameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the subnet's owner set, as far as weights depend on it."""

    rate_limit: int  # blocks between two weights or commits of one hotkey
    version_key: int  # weights of older software are refused; 0: of none
    commit_reveal: bool
    reveal_epochs: int  # from a commit to its reveal
    min_weights: int  # fewest uids in one vector
    max_weight: int  # of the vector's sum, in 65535ths
    min_stake_rao: int  # least stake of whoever sets weights


class Chain(Protocol):
    """See the module. Every method raises `UnreachableError` when nobody answers, `UnavailableError` when the answer
    cannot be read (a runtime that changed), and `RefusedError` when the chain says no."""

    @property
    def hotkey(self) -> str:
        """ss58 of whoever this speaks for."""

    async def block(self) -> int: ...

    async def block_s(self) -> float:
        """Seconds between two blocks."""

    async def metagraph(self) -> Metagraph: ...

    async def hyperparameters(self) -> Hyperparameters: ...

    async def serve(self, host: str, port: int) -> None:
        """Publish where this hotkey's node is reached: an IP address and a port."""

    async def set_weights(self, uids: Sequence[int], values: Sequence[int], version_key: int) -> None:
        """Set this hotkey's weights (u16), or commit to them where the subnet has commit-reveal: the chain reveals
        them by itself, `reveal_epochs` later."""

    async def weights(self, uid: int) -> dict[int, int]:
        """What is in force of a validator's weights: revealed, by uid."""

    async def close(self) -> None: ...


class Refusal(StrEnum):
    """Why a chain says no."""

    NO_SUBNET = "no such subnet"
    NOT_REGISTERED = "not registered"
    NO_PERMIT = "no validator permit"
    STAKE = "too little stake"
    VERSION_KEY = "wrong version key"
    RATE = "rate limit"
    WEIGHTS = "unusable weights"
    ENDPOINT = "unusable endpoint"
    REGISTERED = "registered already"
    OTHER = "refused"


_HINTS = {
    Refusal.NO_SUBNET: "Check --netuid and --network: numbers differ between networks.",
    Refusal.NOT_REGISTERED: "Register it: btcli subnets register --netuid N, or name another key with --hotkey.",
    Refusal.NO_PERMIT: "Permits go to the hotkeys with most stake, at the next epoch: add stake, or wait for it.",
    Refusal.STAKE: "Add stake to this hotkey: btcli stake add.",
    Refusal.VERSION_KEY: "Update this program: the subnet's owner asks for a newer one.",
    Refusal.RATE: "Nothing is lost: it is tried again when the time has come.",
    Refusal.WEIGHTS: "Weights are whole numbers of 0-65535, one for each uid, and not all 0.",
    Refusal.ENDPOINT: "Give a public IP address and a port that others reach.",
    Refusal.REGISTERED: "Nothing is left to do: start its miner or validator.",
    Refusal.OTHER: "Look the words up in the SDK's list: btcli explain.",
}


class RefusedError(ConflictError):
    """The chain said no. `refusal` is the reason, for whoever decides what to do about it."""

    def __init__(self, refusal: Refusal, what: str) -> None:
        super().__init__(what, _HINTS[refusal])
        self.refusal = refusal

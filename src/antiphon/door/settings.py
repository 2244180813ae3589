"""Which network is used, as which client: read once, at the door."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("antiphon")

DEFAULT_VOICE = "hibari"
DEFAULT_RPC = "http://127.0.0.1:8545"
"""Where a chain's node listens unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`ledger` None: the network that the data folder serves, else the embedded one. `ledger_id` None: the ledger that
    answered there first. `private_nodes` None: as the ledger's own address is. `rpc` and `chain`: a node of the chain
    and the chain file (None: in the data folder), for a ledger that is a relay (`evm:URL`). `chain_key` in hex, or the
    `chain_password` of the one in the data folder, signs what is settled there and what is owed for a stream, and opens
    a session where another relay was lost. `tell` is called with what a person should read, such as the id of a ledger
    that is met for the first time."""

    home: Path
    ledger: str | None = None
    profile: str = "antiphon"
    ledger_id: str | None = None
    private_nodes: bool | None = None
    rpc: str = DEFAULT_RPC
    chain: Path | None = None
    chain_key: str = field(default="", repr=False)
    chain_password: str = field(default="", repr=False)
    tell: Callable[[str], None] = field(default=log.warning, compare=False)


def default_home() -> Path:
    """The data folder of this user on this system."""
    import platformdirs

    return Path(platformdirs.user_data_dir("antiphon", appauthor=False))

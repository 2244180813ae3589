"""The compiled contracts that belong to this version: interface, bytecode, and the hash of their sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from antiphon.errors import StateError

CONTRACTS = ("token", "registry", "appeal", "market", "quorum", "epochs", "assets")
"""In the order in which they are deployed: each names those before it."""
_HERE = Path(__file__).parent / "artefacts"
"""Where an installed wheel keeps them."""
_SOURCES = Path(__file__).parents[4] / "contracts" / "artefacts"
"""Where a checkout keeps them."""


class Artefact(msgspec.Struct, frozen=True):
    """One contract as the compiler made it (scripts/compile_contracts.py)."""

    contract: str
    sources_sha256: str
    runtime_bytes: int
    abi: list[dict[str, Any]]
    bytecode: str

    def is_at(self, code: bytes) -> bool:
        """Whether this contract's code runs where `code` was read. What follows it there are its immutable values."""
        runtime = code[: self.runtime_bytes]
        return len(runtime) == self.runtime_bytes and runtime in bytes.fromhex(self.bytecode.removeprefix("0x"))


@cache
def artefact(contract: str) -> Artefact:
    """The committed artefact. Raises StateError when the installation is incomplete."""
    for folder in (_HERE, _SOURCES):
        file = folder / f"{contract}.json"
        if file.is_file():
            return msgspec.json.decode(file.read_bytes(), type=Artefact)
    raise StateError(f"The compiled contract {contract!r} is missing", "Install antiphon anew.")

"""The chain file: which chain a network lives on, where its contracts are, and which version of them.

1. Unknown fields are refused, so that a typing error is heard. 2. A chain file of other contracts than the installed
ones is refused before anything is asked or paid. 3. What stands on the chain is held against the artefacts themselves
(`contracts.Contracts.open`), so a chain file need not be believed either.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from antiphon.errors import InputError, OutputError
from antiphon.ledger.evm.artefacts import CONTRACTS, artefact

MAX_BYTES = 64 * 1024
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Deployed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a contract is, and from which sources it was made."""

    address: str
    sources_sha256: str


class ChainFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network's place on one chain."""

    chain_id: int
    first_block: int  # nothing happened before it
    confirmations: int  # a block is final when so many follow it; 0 = what the chain itself calls finalized
    burn_ppm: int = 0  # share of each issue that the token burns, as `antiphon chain deploy` proposed it
    contracts: dict[str, Deployed]


def load(file: Path) -> ChainFile:
    """Raises InputError with the remedy: missing, unreadable, or of another version of the contracts."""
    try:
        with file.open("rb") as stream:
            found = msgspec.json.decode(stream.read(MAX_BYTES), type=ChainFile)
    except FileNotFoundError as e:
        raise InputError(
            f"There is no chain file {file}", "Ask the network for its own (--chain), or: antiphon chain deploy"
        ) from e
    except OSError as e:
        raise InputError(f"{file} cannot be read: {e.strerror}", "Check its owner and mode.") from e
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise InputError(f"{file} is no chain file: {e}", "Take the one that `antiphon chain deploy` wrote.") from e
    return check(found, str(file))


def check(found: ChainFile, name: str) -> ChainFile:
    """The same, if it fits this version (rule 2)."""
    if missing := [contract for contract in CONTRACTS if contract not in found.contracts]:
        raise InputError(
            f"{name} does not say where the contracts {', '.join(missing)} are: it is of an older version",
            "Take the network's newer file, or deploy anew: antiphon chain deploy --chain FILE",
        )
    for contract in CONTRACTS:
        deployed = found.contracts[contract]
        if not _ADDRESS.fullmatch(deployed.address):
            raise InputError(f"{name} does not say where the contract {contract!r} is", "Take the complete file.")
        own = artefact(contract).sources_sha256
        if deployed.sources_sha256 != own:
            raise InputError(
                f"{name} is for another version of the contract {contract!r} ({deployed.sources_sha256[:12]}, "
                f"here {own[:12]})",
                "Install the antiphon that this network runs on, or use another network's chain file.",
            )
    return found


def save(file: Path, chain: ChainFile) -> None:
    """Written beside and renamed: nobody reads half of it."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(chain), indent=2) + b"\n")
        beside.replace(file)
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another place: --chain FILE") from e

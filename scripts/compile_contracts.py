"""Compile contracts/*.vy into contracts/artefacts/*.json, which are committed: a user needs no compiler.

    .venv-contracts/bin/python scripts/compile_contracts.py          # write
    .venv-contracts/bin/python scripts/compile_contracts.py --check  # compare, and fail on any difference

An artefact holds the ABI, the creation bytecode (which ends with the immutables' place), its runtime size, the
compiler's version, and one hash over the sources that the contract was made of, comments included.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent / "contracts"
ARTEFACTS = ROOT / "artefacts"
SOURCES = {
    "token": ("token.vy", "governed.vy"),
    "registry": ("registry.vy", "governed.vy", "stake_tree.vy", "interfaces/IRegistry.vyi"),
    "appeal": ("appeal.vy", "interfaces/IAppeal.vyi", "interfaces/IMarket.vyi", "interfaces/IRegistry.vyi"),
    "market": ("market.vy", "governed.vy", "settlement.vy", "interfaces/IAppeal.vyi", "interfaces/IRegistry.vyi"),
    "quorum": (
        "quorum.vy",
        "netting.vy",
        "purse.vy",
        "settlement.vy",
        "signed.vy",
        "vouchers.vy",
        "interfaces/IAppeal.vyi",
        "interfaces/IRegistry.vyi",
    ),
    "assets": ("assets.vy",),
    "epochs": ("epochs.vy", "consensus.vy", "interfaces/IIssued.vyi", "interfaces/IRegistry.vyi"),
}
MAX_RUNTIME_BYTES = 24_576
"""EIP-170: a chain takes no larger contract."""


def sources_hash(contract: str) -> str:
    """SHA-256 over names and contents of all files that the contract is made of."""
    digest = hashlib.sha256()
    for name in SOURCES[contract]:
        content = (ROOT / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def compile_contract(contract: str) -> dict[str, object]:
    """The artefact of one contract, made now. Needs vyper (contracts/requirements.txt)."""
    import vyper
    from vyper.compiler import compile_from_file_input
    from vyper.compiler.input_bundle import FilesystemInputBundle

    bundle = FilesystemInputBundle([ROOT])
    made = compile_from_file_input(
        bundle.load_file(f"{contract}.vy"),
        input_bundle=bundle,
        output_formats=["abi", "bytecode", "bytecode_runtime", "layout"],
    )
    size = len(made["bytecode_runtime"]) // 2 - 1
    # Immutable values lie behind the code, and count.
    deployed = size + _immutable_bytes(made["layout"].get("code_layout", {}))
    if deployed > MAX_RUNTIME_BYTES:
        raise SystemExit(f"{contract} has {deployed} bytes, more than a chain takes ({MAX_RUNTIME_BYTES})")
    return {
        "contract": contract,
        "compiler": f"vyper {vyper.__version__}",
        "sources": list(SOURCES[contract]),
        "sources_sha256": sources_hash(contract),
        "runtime_bytes": size,
        "abi": made["abi"],
        "bytecode": made["bytecode"],
    }


def _immutable_bytes(layout: dict[str, Any]) -> int:
    """Of a contract and its modules."""
    return sum(one["length"] if "length" in one else _immutable_bytes(one) for one in layout.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if an artefact is not what comes out")
    check = parser.parse_args().check
    stale = []
    for contract in SOURCES:
        path = ARTEFACTS / f"{contract}.json"
        made = compile_contract(contract)
        if check:
            if not path.is_file() or json.loads(path.read_text()) != made:
                stale.append(contract)
        else:
            path.write_text(json.dumps(made, indent=1) + "\n")
            print(f"{path.relative_to(ROOT.parent)}: {made['runtime_bytes']} bytes")
    if stale:
        print(f"Not what the sources give: {', '.join(stale)}. Run scripts/compile_contracts.py and commit.")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

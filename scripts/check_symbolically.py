"""Decide, for all values at once, what contracts/checks/*.vy say of the contracts' own modules. Takes a minute or two.

    .venv-contracts/bin/python scripts/check_symbolically.py            # all
    .venv-contracts/bin/python scripts/check_symbolically.py purse      # those of one file

halmos (an environment of its own, contracts/requirements-symbolic.txt) runs EVM bytecode with symbols for numbers. It
reads what foundry builds; vyper's bytecode is put into the same form here, and its call of `forge` finds nothing to do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "contracts"
HALMOS = os.environ.get("HALMOS", str(ROOT.parent / ".venv-symbolic" / "bin" / "halmos"))
OPTIONS = ("--storage-layout", "generic", "--loop", "70", "--solver-timeout-assertion", "60000")
"""Vyper hashes a mapping's slot before its key; a query that takes a minute is not decided, which is a failure."""


def as_foundry(file: Path) -> dict[str, object]:
    """What foundry would have built of one contract, as far as halmos reads it."""
    import vyper
    from vyper.compiler import compile_from_file_input
    from vyper.compiler.input_bundle import FilesystemInputBundle

    bundle = FilesystemInputBundle([ROOT])
    made = compile_from_file_input(
        bundle.load_file(str(file.relative_to(ROOT))),
        input_bundle=bundle,
        output_formats=["abi", "bytecode", "bytecode_runtime", "method_identifiers"],
    )
    selectors = {name: number.removeprefix("0x").rjust(8, "0") for name, number in made["method_identifiers"].items()}
    return {
        "abi": made["abi"],
        "bytecode": {"object": made["bytecode"], "linkReferences": {}},
        "deployedBytecode": {"object": made["bytecode_runtime"], "linkReferences": {}},
        "methodIdentifiers": selectors,
        "metadata": {"compiler": {"version": vyper.__version__}},
        "ast": {
            "absolutePath": file.name,
            "nodes": [{"nodeType": "ContractDefinition", "name": file.stem, "contractKind": "contract"}],
        },
    }


def main() -> int:
    named = "|".join(sys.argv[1:]) or "."
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for file in (ROOT / "checks").glob("*.vy"):
            built = root / "out" / f"{file.stem}.sol"
            built.mkdir(parents=True)
            (built / f"{file.stem}.json").write_text(json.dumps(as_foundry(file)))
        forge = root / "bin" / "forge"
        forge.parent.mkdir()
        forge.write_text("#!/bin/sh\n")
        forge.chmod(0o755)
        path = f"{forge.parent}:{os.environ['PATH']}"
        command = [HALMOS, "--root", folder, "--match-contract", named, *OPTIONS]
        return subprocess.run(command, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

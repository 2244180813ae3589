"""Every command of docs/chain.md and of `antiphon chain --help` runs as it is written, on a real chain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_shell import blocks
from test_docs_commands import HELPS

pytest.importorskip("web3", reason="antiphon[evm] is not installed")
from evm_anvil import DEV_KEYS, Anvil

PAGE = blocks(Path(__file__).parents[2] / "docs" / "chain.md")


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    made = Anvil(block_s=0.1).start()
    yield made
    made.kill()


def run(script: str, anvil: Anvil, folder: Path) -> str:
    """As one shell session; `antiphon` is this one."""
    program = f'set -euo pipefail\nexport PATH="{folder}/bin:$PATH"\n{script}\n'
    (folder / "bin").mkdir(exist_ok=True)
    command = folder / "bin" / "antiphon"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m antiphon "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "ANTIPHON_HOME": str(folder / "home"), "ANTIPHON_RPC": anvil.url}
    done = subprocess.run(
        ["bash", "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_of_the_chain_and_its_helps_run_as_written(anvil: Anvil, tmp_path: Path) -> None:
    lines = [line for block in PAGE if not block.reason for line in block.commands]
    assert len(lines) == 8
    more = [line for line in HELPS["chain"] if line not in lines]
    told = run("\n".join([*lines, *more]), anvil, tmp_path)
    for words in ("quorum    0x", "Balance  60 ANT", "Stake    100 ANT, 100 ANT of it bonded", '"role": "validator"'):
        assert words in told
    assert DEV_KEYS[0] not in told

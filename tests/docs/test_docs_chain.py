"""Every command of docs/chain.md and of `antiphon chain --help` runs as it is written, on a real chain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from docs_shell import blocks
from test_docs_commands import HELPS

if find_spec("web3") is None:  # not imported here: antiphon.ledger.evm comes first, and keeps the recursion limit
    pytest.skip("antiphon[evm] is not installed", allow_module_level=True)
from evm_anvil import DEV_KEYS, Anvil, free_port

PAGE = blocks(Path(__file__).parents[2] / "docs" / "chain.md")


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    made = Anvil(block_s=0.1).start()
    yield made
    made.kill()


WAIT = "until (echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.2; done"
LIVE = 'until [ "$(antiphon nodes | grep -c live)" = 4 ]; do sleep 1; done'


def session(lines: list[str], port: int, second: int) -> str:
    """One shell session: what runs until it is ended is waited for before the next line."""
    made = ["set -euo pipefail", "trap 'kill $(jobs -p) 2> /dev/null; wait' EXIT"]
    for line in lines:
        if line.startswith("antiphon say"):
            made.append(LIVE)
        given = line if "--port" in line else line.replace("relay serve", f"relay serve --port {port}")
        made.append(given.replace(":7412", f":{port}").replace("7413", str(second)))
        if "relay serve" in line:
            made.append(WAIT.format(port=second if "--port" in line else port))
    return "\n".join(made)


def run(script: str, anvil: Anvil, folder: Path) -> str:
    """`antiphon` is this one; what it prints, with a data folder of its own."""
    (folder / "bin").mkdir(exist_ok=True)
    command = folder / "bin" / "antiphon"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m antiphon "$@"\n')
    command.chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "ANTIPHON_HOME": str(folder / "home"), "ANTIPHON_RPC": anvil.url, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_page_of_the_chain_and_its_helps_run_as_written(anvil: Anvil, tmp_path: Path) -> None:
    lines = [line for block in PAGE if not block.reason for line in block.commands]
    more = [line for verb in ("chain", "relay") for line in HELPS[verb] if not any(line in one for one in lines)]
    told = run(session([*lines, *more], free_port(), free_port()), anvil, tmp_path)
    for words in (
        "quorum    0x",
        "Balance  60 ANT",
        "Stake    100 ANT, 100 ANT of it bonded",
        '"role": "validator"',
        "3 of 3 votes with the majority",
        "Settled  1 of 1 task on the chain",
        "Session  2 at ",
        "Closed   0",
    ):
        assert words in told
    assert all((tmp_path / name).stat().st_size > 50_000 for name in ("hello.wav", "over.wav"))
    assert not any(key in told for key in DEV_KEYS)

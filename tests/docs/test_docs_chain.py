"""Every command of the pages of the chain and of `antiphon chain --help` runs as it is written, on a real chain."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from docs_shell import blocks, in_help, warm
from test_docs_commands import HELPS

from antiphon.cli.chain_epoch import epoch

if find_spec("web3") is None:  # not imported here: antiphon.ledger.evm comes first, and keeps the recursion limit
    pytest.skip("antiphon[evm] is not installed", allow_module_level=True)
from evm_anvil import DEV_KEYS, Anvil, free_port

DOCS = Path(__file__).parents[2] / "docs"
PAGE, EPOCHS = blocks(DOCS / "chain.md"), blocks(DOCS / "chain-epochs.md")


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    made = Anvil(block_s=0.1).start()
    yield made
    made.kill()


WAIT = "until (echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.2; done"
LIVE = 'until [ "$(antiphon nodes | grep -c live)" = 4 ]; do sleep 1; done'


WATCH = """ANTIPHON_COLD=1 antiphon chain epoch watch > watched 2>&1 &
for try in {1..1000}; do grep -qs "Bonds of 10 ANT came back" watched && break; kill -0 $! || break; sleep 0.2; done
cat watched"""
BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null; wait' EXIT"


def session(lines: list[str], port: int, second: int) -> str:
    """One shell session: what runs until it is ended is waited for before the next line."""
    made = [BEGIN]
    for line in lines:
        if line.startswith("antiphon say"):
            made.append(LIVE)
        given = line if "--port" in line else line.replace("relay serve", f"relay serve --port {port}")
        given = f"ANTIPHON_COLD=1 {given}" if line.endswith("&") else given
        made.append(given.replace(":7412", f":{port}").replace("7413", str(second)))
        if "relay serve" in line:
            made.append(WAIT.format(port=second if "--port" in line else port))
    return "\n".join(made)


def run(script: str, anvil: Anvil, folder: Path, programs: Path) -> str:
    """What it prints, with a data folder of its own."""
    path = f"{programs}:{os.environ['PATH']}"
    environment = {**os.environ, "ANTIPHON_HOME": str(folder / "home"), "ANTIPHON_RPC": anvil.url, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_page_of_the_chain_and_its_helps_run_as_written(anvil: Anvil, tmp_path: Path) -> None:
    """By a warm process, but for what runs until it is ended."""
    lines = [line for block in PAGE if not block.reason for line in block.commands]
    more = [line for verb in ("chain", "relay") for line in HELPS[verb] if not any(line in one for one in lines)]
    more = [line for line in more if "chain report" not in line]  # wants a relay that lied: test_relay_gossip.py
    with warm(tmp_path) as programs:
        told = run(session([*lines, *more], free_port(), free_port()), anvil, tmp_path, programs)
        receipts = (tmp_path / "home" / "receipts").glob("*.json")
        settled = [file for file in receipts if b'"settled"' in file.read_bytes()]
        verified = run(f"antiphon receipt verify {settled[0]}", anvil, tmp_path, programs)
    for words in (
        "quorum    0x",
        "Balance  60 ANT",
        "Stake    100 ANT, 100 ANT of it bonded",
        '"role": "validator"',
        "3 of 3 votes with the majority",
        "Settled  1 of 1 task on the chain",
        "Redeemed 0 ANT",
        "Session  2 at ",
        "Closed   0",
        "Bond     100 ANT, free after ",
        "Claimed  0 ANT",
    ):
        assert words in told, told
    assert "signatures checked" in verified
    assert " ANT  to 0x" in verified
    assert all((tmp_path / name).stat().st_size > 50_000 for name in ("hello.wav", "heard.wav", "over.wav"))
    assert not any(key in told for key in DEV_KEYS)


@pytest.mark.slow
def test_the_page_of_epochs_on_a_chain_runs_as_written(anvil: Anvil, tmp_path: Path) -> None:
    """By a warm process, but for what runs until it is ended."""
    lines = [line for block in EPOCHS if not block.reason for line in block.commands]
    shown = [line for one in epoch.commands.values() for line in in_help(one.epilog or "")]
    assert [line for line in shown if not any(line in one for one in lines)] == []
    script = [line.replace("antiphon chain epoch watch &", WATCH) for line in lines]
    with warm(tmp_path) as programs:
        told = run("\n".join([BEGIN, *script]), anvil, tmp_path, programs)
    for words in (
        "Epochs issue the token now",
        "column taken",
        "seat 1 taken",
        "committed to weights, nodes: 1",
        "weights revealed",
        "consensus posted, with a bond of 10 ANT",
        "What is posted is right.",
        "2 validators revealed",
        "its emission is issued",
        " ANT claimed",
        "Bonds of 10 ANT came back",
        "from the weights of 2 validators",
        "Verified: weights, consensus, payments",
    ):
        assert words in told, told
    assert not any(key in told for key in DEV_KEYS)

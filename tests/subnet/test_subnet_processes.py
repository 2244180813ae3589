"""A chain, a miner and a validator as processes, each killed with SIGKILL and started again: nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from processes import Processes, free_port, processes, until

from antiphon.subnet.hotkeys import load
from antiphon.subnet.memory import Remembered
from antiphon.subnet.offline_service import OfflineClient
from antiphon.subnet.weighing import Sent
from antiphon.transport import HttpTransport


def state(home: Path, key: str, name: str) -> Path:
    (folder,) = (one for one in (home / "subnet").iterdir() if one.name.endswith(key))
    return folder / name


def commits(home: Path, key: str) -> list[Sent]:
    file = state(home, key, "weights.json")
    return msgspec.json.decode(file.read_bytes(), type=list[Sent]) if file.exists() else []


async def in_force(url: str, wallets: Path) -> dict[int, int]:
    async with HttpTransport(allow_private=True) as transport:
        return await OfflineClient(url, load(wallets, "default", "v"), transport).weights(0)


def started(running: Processes, chain_port: int, miner_port: int, url: str, wallets: Path) -> dict[str, list[str]]:
    member = ["--netuid", "1", "--network", url, "--wallets", str(wallets)]
    chain = ["--port", str(chain_port), "--tempo", "6", "--rate-limit", "2", "--block-seconds", "0.25"]
    commands = {
        "chain": ["subnet", "chain", *chain],
        "m": ["subnet", "miner", *member, "--hotkey", "m", "--engine", "chiptune", "--port", str(miner_port)],
        "v": ["subnet", "validator", *member, "--hotkey", "v", "--share", "music=1", "--pause", "0.2"],
    }
    running.start("chain", *commands["chain"])
    until(lambda: " at http" in running.said("chain"), "the chain listens")
    for hotkey, stake in (("v", "1000"), ("m", "0")):
        running.call("subnet", "key", "--wallets", str(wallets), "--hotkey", hotkey)
        running.call("subnet", "register", *member, "--hotkey", hotkey, "--stake", stake)
    return commands


@pytest.mark.slow
@pytest.mark.speaks
def test_who_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    wallets, chain_port, miner_port = tmp_path / "wallets", free_port(), free_port()
    url = f"http://127.0.0.1:{chain_port}"
    with processes(tmp_path) as running:
        commands = started(running, chain_port, miner_port, url, wallets)
        for name in ("m", "v"):
            running.start(name, *commands[name])
        key = load(wallets, "default", "v").ss58
        until(lambda: "are on the chain" in running.said("v"), "weights are set")
        for name in ("v", "chain", "m"):
            before = len(commits(running.home, key))
            running.kill(name)
            running.start(name, *commands[name])
            until(
                lambda before=before: len(commits(running.home, key)) > before + 1, f"weights after {name} was killed"
            )
        until(lambda: running.said("m").count(" at http") == 2, "the miner listens again")
        epochs = [one.epoch for one in commits(running.home, key) if one.taken]
        assert epochs == sorted(set(epochs))
        assert asyncio.run(in_force(url, wallets)) == {1: 65_535}
        memory = msgspec.json.decode(state(running.home, key, "scores.json").read_bytes(), type=dict[str, Remembered])
        (known,) = memory.values()
        assert known.uid == 1
        assert known.judged > 1
        assert running.stop("v") == running.stop("m") == running.stop("chain") == 0


@pytest.mark.slow
def test_an_unregistered_hotkey_a_second_process_and_no_chain_are_said_in_a_line(tmp_path: Path) -> None:
    wallets, chain_port = tmp_path / "wallets", free_port()
    url = f"http://127.0.0.1:{chain_port}"
    member = ["--netuid", "1", "--network", url, "--wallets", str(wallets), "--hotkey"]
    with processes(tmp_path) as running:
        commands = started(running, chain_port, 0, url, wallets)
        running.call("subnet", "key", "--wallets", str(wallets), "--hotkey", "stranger")
        running.start("m", *commands["m"])
        until(lambda: "Miner uid 1" in running.said("m"), "the miner listens")
        running.start("again", *commands["m"])
        running.start("miner", "subnet", "miner", *member, "stranger", "--engine", "chiptune")
        running.start("validator", "subnet", "validator", *member, "stranger")
        running.start("absent", "subnet", "validator", *member, "absent")
        for name, code, words in (
            ("again", 4, "This hotkey's miner runs already"),
            ("miner", 7, "is not registered on subnet 1. Register it: btcli subnets register"),
            ("validator", 7, "is not registered on subnet 1. Register it: btcli subnets register"),
            ("absent", 2, "There is no hotkey"),
        ):
            assert running.wait(name) == code, running.said(name)
            assert words in running.said(name)
            assert "Traceback" not in running.said(name)
        running.kill("chain")
        running.start("alone", "subnet", "miner", *member, "stranger", "--engine", "chiptune")
        assert running.wait("alone") == 4
        assert "does not answer" in running.said("alone")

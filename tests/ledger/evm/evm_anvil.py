"""A real anvil process, and the contracts on it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHAIN = 31_337
START_S = 240.0
DEV_KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
)
"""What anvil gives coin to. Everybody knows these."""


def program() -> str:
    """Path of anvil. Skips where there is no npm to get it with; anything else is a failure."""
    done = subprocess.run([ROOT / "scripts" / "fetch_anvil"], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Anvil:
    """One chain. `block_s` 0: it makes blocks only when asked (`mine`)."""

    state: Path | None = None
    block_s: float = 0
    saves: bool = True  # every second; else only when it is stopped gently
    arguments: tuple[str, ...] = ()
    chain: int = CHAIN
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    cache: tempfile.TemporaryDirectory[str] | None = None
    began: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Anvil:
        """Begin, on another port where somebody took the first one; begin again, on the same."""
        new, self.began = not self.began, True
        end_s = time.monotonic() + START_S
        self._launch()
        while True:
            try:
                self.ask("eth_chainId")
            except OSError:
                assert time.monotonic() < end_s, "anvil does not answer"
                if self.process is not None and self.process.poll() is not None:  # its port was taken
                    self.port = free_port() if new else self.port
                    self._launch()
                time.sleep(0.02 if self.process is None or self.process.poll() is None else 0.2)
            else:
                return self

    def _launch(self) -> None:
        command = [program(), "--port", str(self.port), "--chain-id", str(self.chain), "--silent", *self.arguments]
        command += ["--slots-in-an-epoch", "1"]
        command += ["--block-time", str(self.block_s)] if self.block_s else ["--no-mining"]
        command += ["--state", str(self.state)] if self.state else []
        command += ["--state-interval", "1"] if self.state and self.saves else []
        self.cache = tempfile.TemporaryDirectory(prefix="anvil-")  # anvil's own is in the home, and a kill leaves it
        command += ["--cache-path", self.cache.name]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, method: str, *params: object) -> object:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.loads(answer.read())
        assert "error" not in told, told["error"]
        return told["result"]

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def hold(self) -> None:
        """Stop it where it is, until SIGCONT. Returns once it has stopped, which takes a moment."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        end_s = time.monotonic() + START_S
        while Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < end_s, "anvil does not stop"
            time.sleep(0.01)
        time.sleep(0.1)  # its other threads

    def stop(self) -> None:
        """Gently: with a state file, the state is written."""
        self.end(signal.SIGTERM)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def crash(self) -> None:
        """Kill it, but not while it writes its state: half a state is no state, which is anvil's."""
        assert self.process is not None
        assert self.state is not None
        end_s = time.monotonic() + START_S
        self.hold()
        while not _whole(self.state):
            assert time.monotonic() < end_s, "anvil has written no state"
            self.process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
            self.hold()
        self.kill()

    def end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=300)
            self.process = None
        if self.cache is not None:
            self.cache.cleanup()


def _whole(state: Path) -> bool:
    try:
        return bool(json.loads(state.read_bytes()))
    except (OSError, ValueError):
        return False


def snapshot(source: Path, target: Path) -> Path:
    """A copy of a state file, for a chain of a test's own."""
    shutil.copy(source, target)
    return target

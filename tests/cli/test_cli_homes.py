"""Data folders with real processes: a served network stays one, whoever dies; a ledger is known again."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_running import SENTENCE, finish, start

pytestmark = pytest.mark.slow


@contextmanager
def served(home: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """The process, its ledger's id and its URL."""
    with start("ledger", "serve", "--port", str(port), home=home) as ledger:
        assert ledger.stderr is not None
        words = ledger.stderr.readline().decode().split()
        try:
            yield ledger, words[1], words[3]
        finally:
            ledger.kill()


def rows(home: Path) -> list[list[tuple[object, ...]]]:
    """Everything that a second network on the same data would have changed."""
    db = sqlite3.connect(home / "ledger.db")
    found = [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("accounts", "nodes", "transfers")]
    db.close()
    return found


def test_commands_wait_for_a_served_ledger_and_never_begin_one_of_their_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with served(home) as (ledger, _, url):
        assert url in finish("account", home=home).out
        assert finish("ledger", "unserve", home=home).code == 4
        ledger.send_signal(signal.SIGKILL)
        ledger.wait()
    before = rows(home)
    for words in (("account",), ("nodes",), ("say", SENTENCE, "-o", str(tmp_path / "x.wav"))):
        ended = finish(*words, home=home)
        assert (ended.code, "ledger serve" in ended.complaint) == (4, True)
    assert rows(home) == before
    with served(home) as (ledger, _, again):
        assert again in finish("account", home=home).out
        ledger.send_signal(signal.SIGTERM)
        ledger.wait()
    assert finish("account", home=home).code == 4
    assert finish("ledger", "unserve", home=home).code == 0
    assert f"the network in {home}" in finish("account", home=home).out


@pytest.mark.parametrize("loss", ["missing", "empty"])
def test_a_lost_ledger_is_an_error_with_remedies(tmp_path: Path, loss: str) -> None:
    home = tmp_path / "home"
    with served(home):
        pass
    for file in home.glob("ledger.db*"):
        file.unlink()
    if loss == "empty":
        (home / "ledger.db").touch()
    ended = finish("ledger", "serve", "--port", "0", home=home)
    assert (ended.code, loss in ended.complaint, "backup" in ended.complaint) == (7, True, True)
    finish("ledger", "unserve", home=home)
    ended = finish("account", home=home)
    assert (ended.code, loss in ended.complaint) == (7, True)


def test_a_ledger_is_shown_once_and_a_change_of_it_is_an_error(tmp_path: Path) -> None:
    guest = tmp_path / "guest"
    with served(tmp_path / "first") as (ledger, first, url):
        port = int(url.rpartition(":")[2])
        said = finish("--ledger", url, "account", home=guest)
        assert (said.code, first in said.err) == (0, True)
        assert first not in finish("--ledger", url, "account", home=guest).err
        ledger.send_signal(signal.SIGTERM)
        ledger.wait()
    with served(tmp_path / "second", port) as (_, second, _):
        changed = finish("--ledger", url, "account", home=guest)
        assert changed.code == 9
        assert first in changed.complaint
        assert "--ledger-id" in changed.complaint
        wrong = finish("--ledger", url, "--ledger-id", first, "account", home=tmp_path / "other")
        assert wrong.code == 9
        assert finish("--ledger", url, "--ledger-id", "nonsense", "account", home=guest).code == 2
        assert finish("--ledger", url, "--ledger-id", second, "account", home=guest).code == 0
        assert finish("--ledger", url, "account", home=guest).code == 0

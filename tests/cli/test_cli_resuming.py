"""A job that ends in any way keeps its sound, says how to go on, and goes on without paying twice: real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_running import finish, start

from antiphon.audio import read
from antiphon.client.budget import cost_nano
from antiphon.clock import SystemClock
from antiphon.economy import accounts
from antiphon.economy.types import Role
from antiphon.ledger.receipts import build
from antiphon.ledger.records import Account, PartRecord, PartState
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import load_or_create

pytestmark = pytest.mark.slow

LINES = [
    "My grandmother read a long letter from her brother on a cold winter morning.",
    "The river was high that year, and nobody crossed it before the end of May.",
    "In the evening the whole village came together around the old stone well.",
    "A small boat carried apples and bread to the island across the water.",
    "Nobody knew why the clock on the tower had stopped at a quarter past nine.",
    "Her father had planted the two tall trees in front of the yellow house.",
]
BOOK = "\n\n".join(LINES * 5)
SENTENCES = 30
GRANT_NANO = 1_000 * 10**9


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.txt").write_text(BOOK)
    return tmp_path


def command(folder: Path, *more: str, output: str = "book.opus") -> list[str]:
    return ["say", "--file", str(folder / "book.txt"), "-o", str(folder / output), *more]


@dataclass(frozen=True)
class Books:
    """What the ledger of a data folder says of its client."""

    parts: list[PartRecord]
    account: Account
    cost_nano: int  # of all tasks so far, by the ledger's transfers; of closed ones also by their receipts

    @property
    def paid(self) -> int:
        """How many parts were paid for."""
        return sum(part.state is PartState.VALID for part in self.parts)

    @property
    def enrolments(self) -> int:
        return sum(part.part.role is Role.TRAINER for part in self.parts)


def books(home: Path) -> Books:
    return asyncio.run(_books(home))


async def _books(home: Path) -> Books:
    client = load_or_create(home / "keys" / "client.key").node_id
    operator = load_or_create(home / "keys" / "operator.key")
    ledger = await SqlLedger.open(home / "ledger.db", operator=operator, clock=SystemClock())
    try:
        tasks = await ledger.tasks(client, 1_000)
        parts = [part for task in tasks for part in await ledger.parts(task.task)]
        spent = {task.task: spent_nano(home, client, task.task) for task in tasks}
        for task in tasks:
            if task.closed_ms:
                assert cost_nano(await build(ledger, task.task), client) == spent[task.task]
        return Books(parts, await ledger.account(client), sum(spent.values()))
    finally:
        await ledger.close()


def spent_nano(home: Path, client: str, task: str) -> int:
    """What went out of a task's escrow to others, less what penalties brought its client."""
    own = accounts.balance(client)
    with contextlib.closing(sqlite3.connect(home / "ledger.db")) as db:
        moves = db.execute("SELECT source, target, nano FROM transfers WHERE task = ?", (task,)).fetchall()
    out = sum(nano for source, target, nano in moves if source == accounts.escrow(task) and target != own)
    return int(out - sum(nano for source, target, nano in moves if source.startswith("stake:") and target == own))


def counts(said: str, what: str) -> int:
    """How many sentences the command says this of."""
    return sum(int(line.split()[0]) for line in said.splitlines() if what in line)


GONE = "nobody keeps the sound any more"
UNJUDGED = "not judged yet: bought again"


def kept_files(home: Path) -> int:
    return len(list(home.glob("jobs/*/*.part")))


def test_a_book_killed_at_any_moment_is_playable_and_goes_on_without_paying_twice(book):
    home, seed = book / "home", random.randrange(1_000_000)
    rng = random.Random(seed)
    unjudged = 0
    for turn in range(3):
        more = ("--resume",) if (home / "jobs").is_dir() and list((home / "jobs").iterdir()) else ()
        with start(*command(book, *more), home=home) as process:
            wanted = kept_files(home) + rng.randrange(1, 7)
            deadline = time.monotonic() + 300
            while kept_files(home) < wanted and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
            said = process.communicate()[1].decode()
        unjudged += counts(said, UNJUDGED)
        assert process.returncode in {-signal.SIGKILL, 0}, (seed, said)
        if (book / "book.opus").stat().st_size > 8_192:  # more than headers and a breath
            assert read(book / "book.opus").duration_s > 0.5, (seed, turn)
    ended = finish(*command(book, "--resume"), home=home)
    assert ended.code == 0, (seed, ended.err)
    in_vain, unjudged = counts(ended.err, GONE), unjudged + counts(ended.err, UNJUDGED)
    assert "made and paid for before" in ended.err
    assert read(book / "book.opus").duration_s > SENTENCES * 3
    assert sorted(path.name for path in book.iterdir()) == ["book.opus", "book.txt", "home"]
    assert not list((home / "jobs").iterdir())
    told = books(home)
    # What was not judged yet when it was bought again may have been found valid since.
    assert SENTENCES + in_vain <= told.paid <= SENTENCES + in_vain + unjudged, seed
    held = told.account.escrow_nano  # of killed runs, until the ledger's deadlines have passed
    assert told.account.balance_nano + held == GRANT_NANO - told.cost_nano, seed


def test_ctrl_c_keeps_the_sound_and_tells_the_command_that_goes_on(book):
    home = book / "home"
    with start(*command(book, output="book.wav"), home=home) as process:
        while kept_files(home) < 2 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].decode().strip().splitlines()[-1]
    assert process.returncode == 130
    assert said.endswith("--resume")
    assert f"sound are in {book / 'book.wav'}" in said
    assert read(book / "book.wav").duration_s > 1
    again = finish(*command(book, output="book.wav"), home=home)
    assert (again.code, "unfinished job" in again.complaint) == (2, True)
    anew = finish("say", "Something else.", "-o", str(book / "other.wav"), "--resume", home=home)
    assert (anew.code, "no unfinished job" in anew.complaint) == (2, True)
    kept = kept_files(home)
    words = said[said.index("antiphon say") :].split()[1:]
    ended = finish(*words, "--json", home=home)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["kept"] >= kept
    assert len(told["parts"]) == SENTENCES - told["kept"]


SMALL_DISK = """
mount -t tmpfs -o size=900k tmpfs "$1/out" || exit 77
cd "$1"; shift; "$@" 2>said; code=$?
cp out/book.wav kept.wav; df --output=avail out | tail -1 > left; exit $code
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_full_disk_ends_the_job_at_once_and_what_is_written_stays_playable(book):
    home = book / "home"
    (book / "out").mkdir()
    words = [sys.executable, "-m", "antiphon", "--home", str(home)]
    # Fewer than 20 s fit. What a pipe holds nobody knows, so nothing is refused before it begins.
    said = ["sh", "-c", f"cat {book}/book.txt | {' '.join(words)} say -o out/book.wav"]
    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(book), *said],
        capture_output=True,
        timeout=600,
        check=False,
    )
    if ended.returncode in {1, 77} and not (book / "said").exists():
        pytest.skip("no mounts here")
    told = (book / "said").read_text()
    assert ended.returncode == 6, told
    assert "The disk is full while writing" in told
    assert "--resume" in told
    sound = read(book / "kept.wav")
    assert 10 < sound.duration_s < 20
    whole = (book / "kept.wav").read_bytes()
    assert len(whole) - 46 <= int.from_bytes(whole[40:44], "little") <= len(whole) - 44
    assert books(home).paid < SENTENCES


def test_what_cannot_fit_is_not_begun(book, call, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 1_000, 1_000))
    ended = call("say", "--file", str(book / "book.txt"), "-o", "book.wav")
    assert (ended.code, "are needed in" in ended.complaint) == (6, True)


def test_an_interrupted_clone_does_not_pay_for_its_voice_twice(book):
    home = book / "home"
    him = str(book / "him.wav")
    assert finish("say", *LINES[:3], "--voice", "bm_george:0.5+am_puck:0.5", "-q", "-o", him, home=home).code == 0
    words = ["clone", "--reference", him, "--own-voice", "--file", str(book / "book.txt"), "-o", str(book / "c.opus")]
    with start(*words, home=home) as process:
        while kept_files(home) < 3 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1].decode()
    assert process.returncode == 143, said
    before = books(home).enrolments
    (book / "book.txt").write_text("\n\n".join(LINES[:5]))  # shorter, so that the test ends
    ended = finish(*words, "--resume", home=home)
    assert ended.code == 0, ended.err
    assert books(home).enrolments == before == 1
    assert not list((home / "jobs").iterdir())

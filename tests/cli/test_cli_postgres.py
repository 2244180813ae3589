"""`ledger serve --db`, as the guide shows it, on a real PostgreSQL server."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from cli_running import Running, finish, start
from postgres_server import PASSWORD, PostgresServer, postgres

from antiphon.errors import StateError
from antiphon.protocol import load_or_create

__all__ = ["postgres"]
GUIDE = Path(__file__).parents[2] / "docs" / "run-a-network.md"
pytestmark = pytest.mark.slow


def shown() -> list[str]:
    """The guide's words after `antiphon --home ~/antiphon-pg`, up to the URL."""
    shows = r"^antiphon --home ~/antiphon-pg (ledger serve --db) postgresql://"
    found = re.search(shows, GUIDE.read_text(), re.MULTILINE)
    assert found, "the guide shows a ledger in PostgreSQL"
    return found[1].split()


def served(log: Path, *words: str, home: Path) -> Running:
    """A ledger that has said where it is."""
    with log.open("ab") as out:
        process = start(*words, "--port", "0", home=home, stdout=out, stderr=out)
    end_s = time.monotonic() + 300
    while " at http" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end_s, "it starts in time"
        time.sleep(0.05)
    return process


def test_a_ledger_in_postgres_outlives_kill_and_shows_no_password(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.do(f"DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    escaped = PASSWORD.replace("/", "%2F").replace("@", "%40")
    url, home = postgres.new().replace("postgres@", f"reader:{escaped}@", 1), tmp_path / "home"
    logs = [tmp_path / f"{n}.log" for n in range(2)]
    with served(logs[0], *shown(), url, home=home) as first:
        assert "1,000" in finish("account", home=home).out
        first.kill()
    without = finish("ledger", "serve", "--port", "0", home=home)
    assert (without.code, "--db" in without.complaint) == (StateError.exit_code, True)
    monkeypatch.setenv("ANTIPHON_DB", url)
    with served(logs[1], "ledger", "serve", home=home) as second:
        assert "1,000" in finish("account", home=home).out
        second.terminate()
        assert second.wait(300) == 0
    elsewhere = finish("ledger", "serve", "--port", "0", home=tmp_path / "other")
    said = elsewhere.err + without.err + "".join(log.read_text() for log in logs)
    assert (elsewhere.code, "its own key" in elsewhere.complaint) == (StateError.exit_code, True)
    assert PASSWORD not in said
    assert escaped not in said


@pytest.mark.parametrize("url", ["mysql://me:s3cr3t@x/y", "postgresql://me:s3/cr3t@127.0.0.1/y", "ledger.db"])
def test_what_is_no_database_is_refused_without_being_shown(tmp_path: Path, url: str) -> None:
    ended = finish("ledger", "serve", "--db", url, home=tmp_path / "home")
    assert (ended.code, "postgresql://USER@HOST" in ended.complaint) == (2, True)
    assert "cr3t" not in ended.err + ended.out


def test_a_folder_with_a_ledger_of_its_own_keeps_it(tmp_path: Path, postgres: PostgresServer) -> None:
    load_or_create(tmp_path / "keys" / "operator.key")
    (tmp_path / "ledger.db").write_bytes(b"SQLite format 3\0 and so on")
    ended = finish("ledger", "serve", "--db", postgres.new(), home=tmp_path)
    assert (ended.code, "a ledger of its own" in ended.complaint) == (StateError.exit_code, True)

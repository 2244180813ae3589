"""A data folder: whose ledger lies in it, whether that is served, and who uses it now.

1. A folder whose ledger was served is served, running or not, until `unserve`: its network is never opened within a
   command. Else a command, while the server is down, would register the nodes anew as its own.
2. A server begins only when no command uses the folder (`network.lock`), and a command holds that lock while it does.
3. A ledger that is missing or empty beside its operator's key is lost, not new: nobody begins another in its place.
   While a ledger is founded, `ledger.founding` says so, so that a founding that was cut off is taken up again.
4. A ledger may lie elsewhere, in a PostgreSQL database; then the folder holds its operator's key and no ledger.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from antiphon.errors import OutputError, StateError, UnavailableError
from antiphon.protocol import Identity, load_or_create

LEDGER = "ledger.db"
SERVED = "ledger.url"
"""Where the folder's ledger is served; kept when the server ends."""
FOUNDING = "ledger.founding"
MAX_URL_BYTES = 2_048
LEAVING_S = 3.0
"""How long a server waits for a command that is just leaving."""


def served_at(home: Path) -> str:
    """The URL at which the folder's ledger is served, running or not; empty: it is not served."""
    file = home / SERVED
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_URL_BYTES).decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as e:
        raise StateError(f"{file} cannot be read: {e.strerror}", "Check its owner and mode.") from e


def note_served(home: Path, url: str) -> None:
    """Leave the ledger's address for other commands. Written beside and renamed: nobody reads half of it."""
    beside = home / f".{SERVED}.{os.getpid()}"
    try:
        beside.write_text(url)
        beside.replace(home / SERVED)
    except OSError as e:
        raise OutputError(f"{home / SERVED} cannot be written: {e.strerror}", "Choose another --home.") from e


def unserve(home: Path) -> None:
    """Let commands open the folder's network themselves again."""
    (home / SERVED).unlink(missing_ok=True)


def not_served(home: Path, url: str) -> UnavailableError:
    """What to say when a served folder's ledger does not answer."""
    return UnavailableError(
        f"The ledger of {home} is served at {url}, and nobody answers there",
        f"Start it: antiphon --home {home} ledger serve. To do without a server again: "
        f"antiphon --home {home} ledger unserve",
    )


def begins(home: Path, *, elsewhere: bool = False) -> bool:
    """Whether a ledger is founded now; then call `begun` once it is. Raises StateError (rules 3 and 4)."""
    key = home / "keys" / "operator.key"
    for _ in range(2):  # another process may have founded it between two looks
        if (home / FOUNDING).exists():
            return True
        if (home / LEDGER).exists() and (home / LEDGER).stat().st_size > 0:
            if elsewhere:
                raise StateError(
                    f"{home} has a ledger of its own, {LEDGER}", "Leave --db out, or choose another --home."
                )
            return False
    if elsewhere and key.exists():
        return False
    if key.exists():
        load_or_create(key)  # one that is damaged says so itself
        raise StateError(
            f"The ledger {home / LEDGER} is {'empty' if (home / LEDGER).exists() else 'missing'}, but the key of its "
            "operator is here",
            "Restore it from a backup; one in PostgreSQL is named by --db. To begin another network: choose another "
            f"--home, or move {key} away (all money and stakes of the old ledger are lost with it).",
        )
    _touch(home / FOUNDING)
    return True


def begun(home: Path) -> None:
    """The ledger is founded, with everything that belongs to its beginning."""
    (home / FOUNDING).unlink(missing_ok=True)


def operator_of(home: Path) -> Identity:
    """The identity of the ledger that lives in `home`, stored anew only together with a new ledger.

    A ledger that lost its key is opened with a stranger's, and says so itself.
    """
    key = home / "keys" / "operator.key"
    if (home / LEDGER).exists() and not key.exists() and not (home / FOUNDING).exists():
        return Identity.generate()
    return load_or_create(key)


def own_ledger(home: Path) -> str:
    """The node id of the ledger that belongs to the folder; empty if there is none."""
    key = home / "keys" / "operator.key"
    return load_or_create(key).node_id if key.exists() else ""


@contextmanager
def presence(home: Path) -> Iterator[Callable[[], bool]]:
    """A shared lock, held while a command uses the folder's network; yields a test for "nobody else holds it".

    Raises UnavailableError for a folder whose ledger is served (rule 1).
    """
    with _lock_file(home) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if url := served_at(home):
            raise not_served(home, url)

        def alone() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            # Kept: whoever starts this network now waits until we have said goodbye, and registers after it.
            return True

        yield alone


@contextmanager
def nobody_present(home: Path) -> Iterator[None]:
    """No command uses the folder's network, and none begins to (rule 2). Raises UnavailableError."""
    with _lock_file(home) as file:
        end_s = time.monotonic() + LEAVING_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as e:
                if time.monotonic() >= end_s:
                    raise UnavailableError(f"A command uses the network in {home} now", "Serve it when it ends.") from e
                time.sleep(0.05)
        yield


def _lock_file(home: Path) -> IO[str]:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (home / "network.lock").open("a")
    except OSError as e:
        raise OutputError(f"{home} cannot be written: {e.strerror}", "Choose another folder with --home.") from e


def _touch(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch()
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another folder with --home.") from e

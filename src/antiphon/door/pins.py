"""Which ledger answers at which address: shown once, remembered in the data folder, insisted on from then on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from antiphon.errors import AntiphonError, InputError, OutputError, ProtocolError, StateError
from antiphon.protocol.identity import check_node_id

FILE = "ledgers.json"
MAX_BYTES = 1 << 20
MAX_PINS = 4_096


def known(home: Path, url: str) -> str:
    """The node id of the ledger that answered at this address before; empty if none did."""
    return _read(home).get(_address(url), "")


def named(ledger_id: str) -> str:
    """A ledger id as a user gives it. Raises InputError."""
    try:
        check_node_id(ledger_id)
    except AntiphonError as e:
        raise InputError(f"{ledger_id[:80]!r} is no id of a ledger", "It has 64 hex digits: see ledgers.json.") from e
    return ledger_id


def changed(home: Path, url: str, before: str, error: ProtocolError) -> ProtocolError:
    """What to say when another ledger answers than the one that is known."""
    return ProtocolError(
        f"{url} is not the ledger that this data folder knows ({before}): {error.what}",
        "Somebody may stand between you and it: do not go on. If its operator says that it is a new ledger, name that "
        f"one with --ledger-id ID, and {home / FILE} remembers it.",
    )


def remember(home: Path, url: str, ledger_id: str, tell: Callable[[str], None]) -> None:
    """Keep it, and tell so if it is new."""
    pins = _read(home)
    if pins.get(_address(url)) == ledger_id:
        return
    tell(f"Ledger {ledger_id} answers at {url}; remembered. Compare it with what its operator names.")
    pins.pop(_address(url), None)
    while len(pins) >= MAX_PINS:
        del pins[next(iter(pins))]
    pins[_address(url)] = ledger_id
    file = home / FILE
    beside = file.with_name(f".{FILE}.{os.getpid()}")
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(pins)) + b"\n")
        beside.replace(file)
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another folder with --home.") from e


def _address(url: str) -> str:
    return url.rstrip("/")


def _read(home: Path) -> dict[str, str]:
    file = home / FILE
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise StateError(f"{file} is longer than {MAX_BYTES} bytes", "Remove what you do not know from it.")
        return msgspec.json.decode(raw, type=dict[str, str])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as e:
        raise StateError(f"{file} cannot be read: {e.strerror}", "Check its owner and mode.") from e
    except msgspec.MsgspecError as e:
        raise StateError(f"{file} is damaged: {e}", "Restore it; without it no known ledger is recognised.") from e

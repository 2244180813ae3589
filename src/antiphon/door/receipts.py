"""Receipts in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from antiphon.errors import InputError, OutputError
from antiphon.ledger.receipts import AuditReport, audit
from antiphon.protocol import receipt as receipts
from antiphon.protocol.receipt import Receipt


def receipt_path(home: Path, task: str) -> Path:
    """Where the receipt of a task of the ledger lies in a data folder, once it does."""
    return home / "receipts" / f"{task}.json"


def save_receipt(home: Path, done: Receipt) -> Path:
    """Write a receipt into the data folder, for its owner's eyes only: it says who ordered what; returns its path."""
    path = receipt_path(home, done.task)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as stream:
            stream.write(receipts.dump(done))
        part.replace(path)
    except OSError as e:
        raise OutputError(f"The receipt cannot be written to {path}: {e.strerror}", "Free space, or set --home.") from e
    return path


def verify_receipt(path: Path, *, ledger: str | None = None) -> AuditReport:
    """Check every signature of a receipt, and compute every quote, draw, vote and payment again, offline. `ledger`: the
    one that is trusted. Raises `InputError` for a file that cannot be read, `ProtocolError` for what does not hold."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}", "Give the path of a receipt.") from e
    return audit(receipts.load(data), ledger=ledger)

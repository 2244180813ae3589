"""A receipt says who ordered what: it is its owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

from antiphon.door.receipts import save_receipt
from antiphon.protocol import Receipt


def test_receipts_are_for_their_owners_eyes_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = save_receipt(tmp_path, Receipt(ledger="a" * 64, task="b" * 32, envelopes=()))
        file = save_receipt(tmp_path, Receipt(ledger="a" * 64, task="b" * 32, envelopes=()))
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in file.parent.iterdir()] == [file.name]

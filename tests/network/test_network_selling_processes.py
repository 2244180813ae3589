"""Data is sold between processes: the buyer has another data folder, and fetches the sealed pieces over HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import processes

from antiphon.audio import AudioWriter, Waveform, format_named

pytest.importorskip("obstore", reason="needs antiphon[s3]")
pytestmark = pytest.mark.slow


def facts(said: str) -> dict[str, Any]:
    """The JSON in what a command said."""
    found: dict[str, Any] = json.loads(said[said.index("{") :])
    return found


def test_a_stranger_buys_over_http_and_the_seller_is_paid(tmp_path: Path) -> None:
    recordings, buyer = tmp_path / "recordings", tmp_path / "buyer"
    recordings.mkdir()
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
    with AudioWriter(recordings / "tone.wav", format_named("wav"), 16_000, 1) as writer:
        writer.write(Waveform(tone.astype(np.float32)[None], 16_000))
    with processes(tmp_path) as run:
        run.call("data", "add", str(recordings), "--as", "music", "--licence", "CC0-1.0", "--consent", "mine")
        id_ = json.loads(run.call("data", "share", "recordings", "--price", "2", "--json"))["id"]
        run.start("ledger", "ledger", "serve", "--port", "0")
        run.until_said("ledger", "^Ledger ")
        url = re.findall(r"http://\S+", run.said("ledger"))[0]
        for name in ("validator", "validator-2", "validator-3"):
            run.start(name, "node", "validator", "--name", name, "--probe-every", "0")
            run.until_said(name, r"^validator .* at http://")
        run.start("seller", "node", "seller")
        run.until_said("seller", r"^processor .* at http://")
        run.start("store", "dama", "serve", "--port", "0")
        run.until_said("store", "^Serving ")
        store = re.findall(r"http://\S+", run.said("store"))[0]
        mine = facts(run.call("--ledger", url, "account", "--json", home=buyer))["owner"]
        run.call("account", "deposit", "10", "--to", mine)
        words = ("data", "buy", id_, "-o", str(tmp_path / "bought"), "--store", store, "--json")
        bought = facts(run.call("--ledger", url, *words, home=buyer))
        assert bought["paid_nano"] >= 2 * 10**9
        assert (tmp_path / "bought" / "tone.wav").read_bytes() == (recordings / "tone.wav").read_bytes()
        seller = facts(run.call("account", "--name", "seller", "--json"))
        assert seller["balance_nano"] == 2 * 10**9

"""Cloned voices and music in a network of processes, started as the guide says; and a consent that is taken back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from processes import Processes, free_port, processes, until

from antiphon.audio import read

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[2] / "docs" / "run-a-network.md"
SPOKEN = (
    "The old lighthouse stood at the end of the pier, and every evening somebody lit its lamp. "
    "Fishermen could see it from twenty miles away."
)


def documented(block: int) -> list[tuple[str, ...]]:
    """The commands of a block of the guide, without program and data folder."""
    text = GUIDE.read_text().split("```sh\n")[block].split("```", 1)[0]
    return [tuple(shlex.split(line)[3:]) for line in text.splitlines()]


def start(run: Processes, port: int) -> None:
    """One validator is enough here: what three of them do is tested elsewhere."""
    rules = run.folder / "rules.json"
    rules.write_text(json.dumps({"seats": 1, "deliver_s": 300, "commit_s": 180, "reveal_s": 60}))
    run.start("ledger", "ledger", "serve", "--port", str(port), "--rules", str(rules))
    until((run.home / "ledger.url").exists, "the ledger is up")
    nodes = [*documented(3), ("node", "processor", "--engine", "hibari"), ("node", "validator", "--probe-every", "0")]
    for number, words in enumerate(nodes):
        run.start(f"node-{number}", *words)
    for number in range(len(nodes)):
        until(lambda name=f"node-{number}": " at http" in run.said(name), "the node is live")  # type: ignore[misc]


def test_clones_and_music_come_from_processes_and_a_revoked_consent_is_refused(tmp_path: Path) -> None:
    with processes(tmp_path) as run:
        start(run, free_port())
        reference, consent = str(tmp_path / "him.wav"), str(tmp_path / "him.consent")
        run.call("say", SPOKEN, "-q", "-o", reference)

        clone, compose = documented(4)
        assert clone[0] == "clone"
        assert compose[0] == "compose"
        told = json.loads(run.call(*(reference if word == "me.wav" else word for word in clone[:-1]),
                                   str(tmp_path / "me.opus"), "--json"))  # fmt: skip
        assert read(tmp_path / "me.opus").duration_s > 0.5
        assert "Valid" in run.call("receipt", "verify", told["receipts"][-1])

        told = json.loads(run.call(*compose[:-1], str(tmp_path / "shop.opus"), "--json"))
        assert read(tmp_path / "shop.opus").duration_s == pytest.approx(20, abs=0.1)
        assert "Valid" in run.call("receipt", "verify", told["receipts"][-1])

        run.call("consent", "grant", "--reference", reference, "--subject", "A test", "-o", consent)
        run.call("voices", "add", "him", "--reference", reference, "--consent", consent, "-q")
        run.call(
            "say",
            "This is still allowed, and anybody may hear it.",
            "--voice",
            "him",
            "-q",
            "-o",
            str(tmp_path / "a.wav"),
        )
        before = json.loads(run.call("account", "--json"))
        run.call("consent", "revoke", consent)
        run.start("refused", "say", "This is not.", "--voice", "him", "-o", str(tmp_path / "b.wav"))
        assert run.wait("refused") == 2
        assert "revoked" in run.said("refused")
        assert not (tmp_path / "b.wav").exists()
        assert json.loads(run.call("account", "--json")) == before
        for node in range(5):
            assert "Traceback" not in run.said(f"node-{node}")

"""The real command in processes of its own: from a first sentence to its receipt, and every way to stop it."""

from __future__ import annotations

import json
import signal
import struct
import time
from pathlib import Path

import pytest
from cli_running import SENTENCE, finish, start

pytestmark = pytest.mark.slow

MANY = " ".join([SENTENCE] * 8)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A data folder, and what the first sentence ever said in it left behind."""
    folder = tmp_path_factory.mktemp("spoken")
    ended = finish("say", *SENTENCE.split(), "--json", "-o", str(folder / "out.wav"), home=folder / "home")
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_a_new_user_gets_audio_figures_and_a_receipt(spoken):
    folder, told = spoken
    raw = (folder / "out.wav").read_bytes()
    samples = struct.unpack("<I", raw[40:44])[0] // 2
    assert raw[:4] == b"RIFF"
    assert samples / 24_000 == pytest.approx(told["seconds"], abs=0.002)
    assert 2.0 < told["seconds"] < 8.0
    assert told["figures"]["WER"] == pytest.approx(0.0, abs=0.1)
    assert 0 < told["paid_nano"] <= told["quoted_nano"]
    assert [part["state"] for part in told["parts"]] == ["valid"]
    assert sorted(path.name for path in folder.iterdir()) == ["home", "out.wav"]


def test_account_task_and_receipt_tell_of_the_same_payment(spoken, call, monkeypatch, tmp_path):
    folder, told = spoken
    monkeypatch.setenv("ANTIPHON_HOME", str(folder / "home"))
    account = json.loads(call("account", "--json").out)
    assert account["escrow_nano"] == 0
    assert account["balance_nano"] == 1_000 * 10**9 - told["paid_nano"]
    assert "balance is 1,0" in call("account", "deposit", "50").out
    task = told["tasks"][0]
    assert task[:12] in call("task", "list").out
    assert "Money" in call("task", "show", task[:6]).out
    assert call("nodes").out.count("live") == 14
    receipt = told["receipts"][0]
    assert "all accounts sum to 0" in call("receipt", "verify", receipt).out
    shown = call("receipt", "show", receipt).out
    assert "naturalness (DistillMOS)" in shown
    assert "by 3 of 3 votes" in shown
    assert "its price" in shown
    assert shown.rstrip().endswith("computed again.")

    forged = json.loads(Path(receipt).read_text())
    forged["statement"]["quote"]["total_nano"] += 1
    (tmp_path / "number.json").write_text(json.dumps(forged))
    shortened = json.loads(Path(receipt).read_text())
    del shortened["envelopes"][2]
    (tmp_path / "shorter.json").write_text(json.dumps(shortened))
    for name in ("number.json", "shorter.json"):
        ended = call("receipt", "verify", str(tmp_path / name))
        assert (ended.code, ended.out) == (9, "")
    several = call("receipt", "verify", receipt, str(tmp_path / "number.json"), "nowhere.json")
    assert several.code == 9
    assert several.out.count("valid") == 1
    assert several.err.count("antiphon: ") == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_refunds_and_leaves_no_half_file(tmp_path, call, number, code):
    home, out = tmp_path / "home", tmp_path / "out.opus"
    with start("say", MANY, "-o", str(out), home=home) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"Quote")
        time.sleep(0.5)
        process.send_signal(number)
        said = process.stderr.read().decode()
    assert process.returncode == code
    (line,) = said.strip().splitlines()
    assert line.startswith("antiphon: Cancelled. ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "work"]
    account = json.loads(call("account", "--json").out)
    assert account["escrow_nano"] == 0 or "in escrow until" in line


def test_what_could_cost_too_much_is_not_bought_and_a_reader_that_goes_away_ends_the_work(tmp_path):
    home = tmp_path / "home"
    ended = finish("say", SENTENCE, "--max-cost", "0.000001", "-o", str(tmp_path / "x.wav"), home=home)
    assert ended.code == 3
    assert "more than --max-cost 0.000001 ANT" in ended.complaint
    assert not (tmp_path / "x.wav").exists()
    with start("say", MANY, "-o", "-", home=home) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1000)[:4] == b"RIFF"
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 6
    assert "went away" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_served_ledger_is_found(tmp_path):
    home = tmp_path / "home"
    with start("ledger", "serve", "--port", "0", home=home) as ledger:
        assert ledger.stderr is not None
        assert b" at http://127.0.0.1:" in ledger.stderr.readline()
        url = (home / "ledger.url").read_text().strip()
        assert url in finish("account", home=home).out
        ended = finish("say", SENTENCE, "-o", str(tmp_path / "out.wav"), home=home)
        assert (ended.code, "antiphon node processor --engine hibari" in ended.complaint) == (4, True)
        ended = finish("--ledger", url, "account", "deposit", "5", home=tmp_path / "other")
        assert (ended.code, "operator" in ended.complaint) == (2, True)
        ledger.send_signal(signal.SIGTERM)
    assert ledger.returncode == 0

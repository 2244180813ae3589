"""`antiphon epoch`: called, explained, configured, verified, and killed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_running import Ended, finish, start


def test_an_epoch_is_called_explained_and_verified_offline(call: Callable[..., Ended], tmp_path: Path) -> None:
    assert "committing" in call("epoch", "show").out
    ran = call("epoch", "run", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["emission_nano"] > 0
    assert (
        sum(one["amount_nano"] for one in told["payments"]) == told["emission_nano"] == told["supply"]["emitted_nano"]
    )
    shown = call("epoch", "show", "1", "--receipt", str(tmp_path / "epoch.json"))
    assert "owner's share" in shown.out
    assert "41% nodes, 41% validators, 18% owner" in shown.out
    verified = call("receipt", "verify", str(tmp_path / "epoch.json"))
    assert (verified.code, "Valid     epoch 1" in verified.out) == (0, True)
    assert "every amount computed again" in call("receipt", "show", str(tmp_path / "epoch.json")).out
    receipt = json.loads((tmp_path / "epoch.json").read_text())
    receipt["statement"]["payments"][0]["amount_nano"] += 1
    (tmp_path / "epoch.json").write_text(json.dumps(receipt))
    assert "payments.0.amount_nano" in call("receipt", "verify", str(tmp_path / "epoch.json")).complaint


def test_rules_are_set_for_the_next_epochs(call: Callable[..., Ended]) -> None:
    changed = call(
        "epoch", "rules", "--set", "emission_nano=0", "--set", "liquid_ppm=[700000, 900000]", "--set", "yuma3=true"
    )
    assert changed.code == 0, changed.err
    assert call("epoch", "rules", "--set", "burn_ppm=50000").code == 0  # on top of those
    told = call("epoch", "rules").err
    assert "next epoch on: liquid_ppm=[700000, 900000]" in told.replace("yuma3=true, ", "")
    assert "burn_ppm=50000" in told
    assert json.loads(call("epoch", "rules", "--json").out)["yuma3"] is False
    assert call("epoch", "run").code == 0
    assert json.loads(call("epoch", "rules", "--json").out)["liquid_ppm"] == [700_000, 900_000]
    again = call("epoch", "run")
    assert "Nothing was paid." in again.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "99"), "no epoch 99"),
        (("show", "0"), "0"),
        (("rules", "--set", "emission_nano"), "sets nothing"),
        (("rules", "--set", "emission_nano=lots"), "no value"),
        (("rules", "--set", "emission=1"), "no rules"),
        (("rules", "--set", "nodes_ppm=900000"), "at most the whole"),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[..., Ended], words: tuple[str, ...], said: str) -> None:
    ended = call("epoch", *words)
    assert ended.code == 2
    assert said in ended.err


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_paid_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert finish("epoch", "run", home=home).code == 0
    for number in range(6):
        with start("epoch", "run", home=home) as process:
            time.sleep(0.5 + 0.15 * number)
            process.send_signal(signal.SIGKILL)
            process.wait()
    last = json.loads(finish("epoch", "run", "--json", home=home).out)
    emitted_nano = 0
    for number in range(1, last["epoch"] + 1):
        file = tmp_path / f"{number}.json"
        assert finish("epoch", "show", str(number), "--receipt", str(file), home=home).code == 0
        assert finish("receipt", "verify", str(file), home=home).code == 0
        emitted_nano += json.loads(file.read_text())["statement"]["emission_nano"]
    assert emitted_nano == last["supply"]["emitted_nano"]


def test_a_validator_may_stay_out_of_epochs(call: Callable[..., Ended]) -> None:
    ended = call("node", "validator", "--no-weights", "--probe-every", "0")
    assert "No ledger is served" in ended.complaint  # the command itself is whole

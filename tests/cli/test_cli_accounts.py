"""What a node earned can be seen by its owner, and spent."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli_running import Ended


def account(call: Callable[..., Ended], *more: str) -> dict[str, int | str]:
    told: dict[str, int | str] = json.loads(call("account", *more, "--json").out)
    return told


@pytest.mark.slow
def test_what_a_node_earned_is_seen_and_moved(call: Callable[..., Ended]) -> None:
    assert call("say", "Somebody has to be paid for this.", "-o", "paid.wav").code == 0
    nodes = {name: account(call, "--name", name) for name in ("hibari-1", "hibari-2")}
    (name,) = (name for name, found in nodes.items() if found["balance_nano"])
    earned, before = nodes[name]["balance_nano"], account(call)["balance_nano"]
    assert isinstance(earned, int)
    assert isinstance(before, int)
    assert call("account", "pay", f"{earned / 1e9:.9f}", "--name", name).code == 0
    assert account(call, "--name", name)["balance_nano"] == 0
    assert account(call)["balance_nano"] == before + earned
    again = call("account", "pay", "1", "--name", name)
    assert (again.code, "0 ANT" in again.complaint) == (3, True)
    back = call("account", "pay", "0.5", "--to", str(nodes[name]["owner"]))
    assert back.code == 0
    assert account(call, "--name", name)["balance_nano"] == 500_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("account", "pay", "1"), "Nobody to pay"),
        (("account", "pay", "1", "--to", "bob"), "not a node id"),
        (("account", "pay", "0", "--to", "bob"), "no positive amount"),
        (("account", "--name", "nobody"), "no key 'nobody'"),
        (("account", "unstake", "5", "--name", "../client"), "no key"),
    ],
)
def test_a_payment_that_names_nobody_is_refused(call: Callable[..., Ended], words: tuple[str, ...], said: str) -> None:
    ended = call(*words)
    assert ended.code == 2
    assert said in ended.complaint

"""`antiphon subnet`, as far as no chain is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cli_running import Ended


@pytest.mark.parametrize("command", ["register", "miner --engine hibari", "validator"])
@pytest.mark.parametrize(
    ("network", "hint"),
    [
        ("ofline", "Did you mean offline or finney?"),
        ("Finney", "Did you mean finney or offline?"),
        ("127.0.0.1:9944", "Choose from: offline, finney, test, local, archive, devnet."),
    ],
)
def test_a_network_that_there_is_not_is_told_with_the_nearest(
    call: Callable[..., Ended], command: str, network: str, hint: str
) -> None:
    ended = call("subnet", *command.split(), "--netuid", "1", "--network", network)
    assert ended.code == 2
    assert f"There is no network '{network}'. {hint}" in ended.err

from __future__ import annotations

import pytest

from antiphon.bench import exchange
from antiphon.errors import UnavailableError


@pytest.mark.slow
def test_the_benchmark_measures_every_row_that_it_promises() -> None:
    rows = list(exchange.run(0.6))
    assert all(set(row) == {"name", "value", "unit", "target"} for row in rows)
    assert len(rows) == 2 * 3
    assert sum(bool(row["target"]) for row in rows) == 2
    assert all(row["value"] > 0 for row in rows)


def test_a_peer_that_does_not_start_is_named() -> None:
    with pytest.raises(UnavailableError, match=r"/bin/false .* did not start"):
        exchange._bittensor(0.1, 1, "/bin/false")

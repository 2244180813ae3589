from __future__ import annotations

import pytest

from antiphon.errors import UnavailableError
from antiphon.nodes.transport import bench


@pytest.mark.slow
def test_the_benchmark_measures_every_row_that_it_promises() -> None:
    rows = bench.run(0.6)
    values = {row["name"]: row["value"] for row in rows}
    assert all(set(row) == {"name", "value", "unit", "target", "reached"} for row in rows)
    assert set(values) == {
        "http_exchange_signed",
        "http_exchange_signed_p50",
        "http_exchange_bare",
        "http_exchange_bare_p50",
        "http_exchange_bare-tuned",
        "http_exchange_bare-tuned_p50",
        "http_exchange_signed_of_bare",
        "http_exchange_signed_of_bare-tuned",
    }
    assert all(value > 0 for value in values.values())


def test_a_peer_that_does_not_start_is_named() -> None:
    with pytest.raises(UnavailableError, match=r"/bin/false .* did not start"):
        bench._bittensor(0.1, "/bin/false")

"""A module's `World` of contracts: built once for the module, and as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest) -> Iterator[object]:
    import boa

    with boa.env.anchor():
        yield request.module.World()


@pytest.fixture
def world(built: object) -> Iterator[object]:
    import boa

    with boa.env.anchor():
        yield built

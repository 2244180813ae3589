"""A chain that tests move by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from chains import LocalChain

from antiphon.subnet.offline import Rules
from antiphon.transport import InProcessTransport


@pytest.fixture
async def transport() -> AsyncIterator[InProcessTransport]:
    made = InProcessTransport()
    yield made
    await made.close()


@pytest.fixture
def chain_of(tmp_path: Path, transport: InProcessTransport) -> Callable[[Rules], LocalChain]:
    return lambda rules: LocalChain(tmp_path, transport, rules)

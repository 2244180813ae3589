"""For all rooms: what no test should have to ask for itself.

Properties are not timed, neither by example nor by how long examples take to make: a busy machine is no failing
rule. A test that hangs ends by the timeout in pyproject.toml.

Every error of the rooms in `SAY_WHAT_TO_DO` that a test meets says what happened and what to do next.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import antiphon.ledger.evm  # noqa: F401 - keeps Python's recursion limit, before a test imports what raises it
from antiphon.errors import AntiphonError

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


SAY_WHAT_TO_DO = (
    "antiphon.economy",
    "antiphon.ledger.machine",
    "antiphon.protocol",
    "antiphon.soundstorm.audit",
    "antiphon.soundstorm.decoding",
)


@pytest.fixture(autouse=True)
def _errors_say_what_to_do_next(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    silent: list[str] = []
    make = AntiphonError.__init__

    def noted(self: AntiphonError, what: str, hint: str = "") -> None:
        make(self, what, hint)
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals["__name__"] == "antiphon.errors":
            frame = frame.f_back
        if not (what and hint) and frame.f_globals["__name__"].startswith(SAY_WHAT_TO_DO):
            silent.append(f"{type(self).__name__}: {self}")

    monkeypatch.setattr(AntiphonError, "__init__", noted)
    yield
    assert not silent, "errors that do not say what to do next"

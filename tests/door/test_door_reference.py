"""Whose voice it is, is said by a person: by nothing that merely is not False."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from antiphon.bench.cloning import REFERENCES
from antiphon.door.reference import reference_of
from antiphon.door.settings import Settings
from antiphon.errors import InputError

RECORDING = REFERENCES / "allison.opus"


@pytest.mark.parametrize("said", [None, "", "no", "false", 0, 1, [], False])
def test_nothing_but_a_plain_yes_makes_a_voice_ones_own(said: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="consent of its owner"):
        reference_of(Settings(tmp_path), RECORDING, own_voice=said, consent=None)
    assert not (tmp_path / "keys").exists()  # nothing was signed


@pytest.mark.slow
def test_a_reference_shows_neither_voice_nor_consent_to_a_log(tmp_path: Path) -> None:
    reference = reference_of(Settings(tmp_path), RECORDING, own_voice=True, consent=None)
    assert len(repr(reference)) < 500

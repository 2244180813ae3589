"""What is committed is what the sources give."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import compile_contracts as made


@pytest.mark.parametrize("contract", made.SOURCES)
def test_an_artefact_names_the_sources_that_are_here(contract: str) -> None:
    committed = json.loads((made.ARTEFACTS / f"{contract}.json").read_text())
    assert committed["sources_sha256"] == made.sources_hash(contract)


@pytest.mark.parametrize("contract", made.SOURCES)
def test_compiling_again_gives_the_committed_artefact(contract: str) -> None:
    pytest.importorskip("vyper", reason="vyper is not installed here: scripts/check runs this in .venv-contracts")
    assert json.loads((made.ARTEFACTS / f"{contract}.json").read_text()) == made.compile_contract(contract)


def test_every_source_belongs_to_an_artefact() -> None:
    named = {name for names in made.SOURCES.values() for name in names}
    sources = {path.relative_to(made.ROOT).as_posix() for path in made.ROOT.rglob("*.vy*")}
    assert named == {name for name in sources if not name.startswith("checks/")}

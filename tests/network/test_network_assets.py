"""A processor runs a model that was pulled, announces it, and gets the orders that ask for it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from assets_made import CLOCK, OWNER

from antiphon import models
from antiphon.dama import Card, Manifest, Shelf, asset_id, shipped, sign
from antiphon.door.composing import Compose
from antiphon.door.settings import Settings
from antiphon.door.speaking import Say
from antiphon.economy.types import Role
from antiphon.engines import registry
from antiphon.errors import InputError, ModelError
from antiphon.ledger.matching import serves
from antiphon.network.embedded import processing, processing_asset
from antiphon.services import MusicRequest

RUBY = shipped()["ruby-1"]


def pulled(shelf: Shelf, card: Card) -> str:
    """The weights of the Ruby that ships, as somebody else's asset."""
    manifest = Manifest(card=card, files=RUBY.files)
    asset = asset_id(manifest)
    folder = shelf.folder(asset)
    folder.mkdir(parents=True)
    for file in manifest.files:
        (folder / file.name).write_bytes(models.read("ruby-1", file.name))
    (folder / "asset.signed").write_bytes(sign(OWNER, manifest, CLOCK))
    return asset


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "assets")


def test_it_runs_the_model_announces_it_and_is_found_by_it(shelf: Shelf) -> None:
    asset = pulled(shelf, msgspec.structs.replace(RUBY.card, name="theirs"))
    runner, ours = processing_asset("ruby", asset, shelf), processing("ruby")
    wanted = Compose(prompt="calm waltz", seconds=8, seed=1, asset=asset)
    composition, _ = wanted.composition()
    assert composition.engine == "ruby"
    assert serves(runner.offers[0], composition.selector, Role.PROCESSOR)
    assert not serves(ours.offers[0], composition.selector, Role.PROCESSOR)
    assert ours.offers[0].asset == asset_id(RUBY)
    request = next(composition.requests())
    assert isinstance(request, MusicRequest)
    assert b"".join(runner.produce(request, 0)) == b"".join(ours.produce(request, 0))


def test_what_it_cannot_run_is_told_at_once(shelf: Shelf) -> None:
    asset = pulled(shelf, msgspec.structs.replace(RUBY.card, name="theirs"))
    with pytest.raises(InputError, match="is for the engine ruby, not chiptune"):
        processing_asset("chiptune", asset, shelf)
    other = pulled(shelf, msgspec.structs.replace(RUBY.card, engine="chiptune"))
    with pytest.raises(InputError, match="no other weights"):
        processing_asset("chiptune", other, shelf)
    with pytest.raises(InputError, match="not on this machine"):
        processing_asset("ruby", "ab" * 32, shelf)
    weights = shelf.folder(asset) / "ruby-1-generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="damaged"):
        processing_asset("ruby", asset, shelf)


def test_an_engine_with_other_weights_stays_behind_the_guard(shelf: Shelf) -> None:
    folder = shelf.folder(pulled(shelf, RUBY.card))
    made = registry.with_weights("ruby", folder)
    assert "behind its guard" in repr(made)
    assert made is not registry.load("ruby")


def test_orders_name_the_model_and_what_is_none_is_told(tmp_path: Path) -> None:
    asset = asset_id(shipped()["soundstorm-16k"])
    said = Say(text="Hello.", engine="soundstorm", asset=asset).order(Settings(home=tmp_path))
    assert (said.selector.engine, said.selector.asset) == ("soundstorm", asset)
    for bad in ("abc", "AB" * 32, 3):
        with pytest.raises(InputError, match="is no asset"):
            Compose(prompt="calm waltz", asset=bad).composition()  # type: ignore[arg-type]
        with pytest.raises(InputError, match="is no asset"):
            Say(text="Hello.", asset=bad).order(Settings(home=tmp_path))  # type: ignore[arg-type]

"""An asset is what its files and its card are, and no other thing goes by its name."""

from __future__ import annotations

import numpy as np
import pytest
from assets_made import CARD, CLOCK, OWNER, folder_of, signed_of

from antiphon import models
from antiphon.dama import Card, Manifest, asset_id, open_signed, pack, shipped, sign
from antiphon.errors import InputError, ProtocolError
from antiphon.models import tensors
from antiphon.protocol import canonical, envelope


def test_the_same_files_and_card_are_the_same_asset_and_any_change_is_another(tmp_path):
    one = asset_id(pack(folder_of(tmp_path / "a"), CARD))
    assert asset_id(pack(folder_of(tmp_path / "b"), CARD)) == one
    assert asset_id(pack(folder_of(tmp_path / "c", seed=1), CARD)) != one
    (tmp_path / "b" / "config.json").write_text('{"levels": 9}')
    assert asset_id(pack(tmp_path / "b", CARD)) != one
    assert asset_id(pack(tmp_path / "a", Card(name="ruby", version="2", licence="CC-BY-4.0"))) != one


def test_a_signed_manifest_says_who_signed_it_and_cannot_be_changed(tmp_path):
    raw = signed_of(folder_of(tmp_path / "a"))
    found = open_signed(raw)
    assert (found.owner, found.asset) == (OWNER.node_id, asset_id(found.manifest))
    assert open_signed(raw, found.asset) == found
    with pytest.raises(ProtocolError, match="where"):
        open_signed(raw, "0" * 64)
    for place in range(0, len(raw), 97):
        with pytest.raises((ProtocolError, InputError)):
            open_signed(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], found.asset)


def test_what_is_unsigned_or_another_message_is_no_asset(tmp_path):
    manifest = pack(folder_of(tmp_path / "a"), CARD)
    with pytest.raises(ProtocolError):
        open_signed(canonical.encode(manifest))
    body = canonical.encode(manifest)
    other = envelope.sign(OWNER, kind="order", receiver=OWNER.node_id, task="", body=body, clock=CLOCK)
    with pytest.raises(ProtocolError, match="is no asset"):
        open_signed(other)


@pytest.mark.parametrize("name", ["model.pt", "model.bin", "weights.pkl", "..safetensors", "run.py", "model"])
def test_weights_are_never_pickled_and_nothing_runs(tmp_path, name):
    folder = folder_of(tmp_path / "a")
    (folder / name).write_bytes(b"x")
    with pytest.raises(InputError) as refused:
        pack(folder, CARD) if not name.startswith(".") else Manifest(card=CARD, files=(_file(name),))
    assert "no file of an asset" in refused.value.what


def _file(name: str):
    from antiphon.dama import AssetFile

    return AssetFile(name=name, size=1, sha256="0" * 64)


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    folder = folder_of(tmp_path / "a")
    for name, data in (("b.safetensors", b"\xff" * 100), ("b.onnx", b"graph"), ("b.safetensors", b"")):
        (folder / name).write_bytes(data)
        with pytest.raises(InputError):
            pack(folder, CARD)
        (folder / name).unlink()


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    folder = folder_of(tmp_path / "a")
    broken = {"w": np.array([1.0, np.nan], np.float32)}
    (folder / "b.safetensors").write_bytes(tensors.dump(broken))
    with pytest.raises(InputError, match=r"w in b\.safetensors holds values that are no numbers"):
        pack(folder, CARD)


def test_links_and_folders_are_no_files_of_an_asset(tmp_path):
    folder = folder_of(tmp_path / "a")
    (folder / "more.json").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="no plain file"):
        pack(folder, CARD)
    (folder / "more.json").unlink()
    (folder / "deep").mkdir()
    with pytest.raises(InputError, match="no plain file"):
        pack(folder, CARD)


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "x" * 65}, {"licence": " "}, {"rounds": -1}, {"figures": {"loss": float("nan")}}],
)
def test_a_card_has_bounds(change):
    with pytest.raises(InputError):
        Card(**({"name": "ruby", "version": "1", "licence": "MIT"} | change))


def test_what_ships_with_us_are_assets_by_the_catalogue_alone():
    found = shipped()
    assert {"kokoro-82m-int8", "soundstorm-16k", "distillmos"} <= found.keys()
    assert "whisper-tiny-en" not in found, "its weights are no form that we share"
    card = found["soundstorm-16k"].card
    assert (card.engine, card.licence) == ("soundstorm", "CC-BY-SA-3.0")
    assert found["soundstorm-16k"].size == models.find("soundstorm-16k").size
    assert len({asset_id(manifest) for manifest in found.values()}) == len(found)


def test_a_card_too_long_to_keep_is_not_signed(tmp_path):
    manifest = pack(folder_of(tmp_path / "a"), CARD)
    large = Manifest(card=CARD, files=manifest.files)
    assert len(sign(OWNER, large, CLOCK)) < 2_000

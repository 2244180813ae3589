"""`antiphon dama`: from a folder of weights to somebody else's machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from assets_made import folder_of
from cli_running import finish

CARDS = "c7e6b0e48b74b412f4ccff7974ae21e6a2a7272ff99fe40966d015063f387ccd"


def test_a_folder_is_published_shown_fetched_verified_and_dropped(call, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "ruby")
    assert call("dama", "push", str(folder)).code == 2, "it has no licence"
    card = ("--licence", "CC-BY-4.0", "--engine", "ruby", "--rounds", "3", "--figure", "perplexity=3.25")
    committed = call("dama", "push", str(folder), *card, "--commit")
    assert (committed.code, "publish it within a week" in committed.out) == (0, True)
    assert not json.loads(call("dama", "list", "--json").out)[-1].get("owner")
    pushed = json.loads(call("dama", "push", str(folder), *card, "--json").out)
    asset = pushed["asset"]
    assert asset in committed.out
    assert call("dama", "push", str(folder), *card).code == 0, "again, it goes on"
    again = call("dama", "push", str(folder), *card, "--asked", "0")
    assert (again.code, "other terms" in again.err) == (2, True)
    shown = call("dama", "show", asset[:10]).out
    assert "ruby 1, for the engine ruby" in shown
    assert "Figure    perplexity 3.25" in shown
    assert "100% to" in shown
    pulled = json.loads(call("dama", "pull", asset[:10], "--json").out)
    assert sorted(path.name for path in Path(pulled["folder"]).iterdir()) == [
        "README.md",
        "asset.signed",
        "config.json",
        "model.safetensors",
    ]
    assert call("dama", "verify").code == 0
    weights = Path(pulled["folder"]) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    broken = call("dama", "verify", asset[:10])
    assert (broken.code, "model.safetensors" in broken.out) == (10, True)
    assert call("dama", "drop", asset[:10]).out == f"Dropped   {asset}\n"
    assert "No assets here" in call("dama", "verify").out


def test_what_is_neither_a_folder_nor_ours_is_named_before_its_licence(call) -> None:
    refused = call("dama", "push", "voice-crads")
    assert (refused.code, "no folder" in refused.err, "voice-cards" in refused.err) == (2, True, True)


def test_a_model_made_from_another_names_it_and_shares_are_no_more_than_the_whole(call) -> None:
    call("dama", "push", "voice-cards")
    other = "ab" * 32
    too_much = call("dama", "push", "distillmos", "--parent", CARDS[:8], "--share", f"{other}=101")
    assert (too_much.code, "more than the whole" in too_much.err) == (2, True)
    call("dama", "push", "distillmos", "--parent", CARDS[:8])
    listed = {row["name"]: row for row in json.loads(call("dama", "list", "--json").out)}
    assert listed["distillmos"]["parents"] == [CARDS]
    assert "10% to c7e6b0e48b74, level 1" in call("dama", "show", listed["distillmos"]["asset"]).out
    assert call("dama", "show", "c7e6").code == 2, "too few digits"
    assert call("dama", "push", "nowhere", "--licence", "MIT").code == 2


def test_a_near_copy_is_named_and_only_a_validator_can_mark_it(call) -> None:
    call("dama", "push", "voice-cards")
    call("dama", "pull", CARDS)
    same = json.loads(call("dama", "compare", CARDS, CARDS, "--json").out)
    assert (same["near_copy"], same["weights"], same["behaviour"]) == (True, 1.0, None)
    marked = call("dama", "compare", CARDS, CARDS, "--mark", "nobody")
    assert (marked.code, "in its lineage" in marked.err) == (2, True)


@pytest.mark.slow
def test_somebody_else_fetches_what_a_folder_serves(call, tmp_path: Path, home: Path) -> None:
    pytest.importorskip("obstore", reason="the extra antiphon[s3] is not installed")
    owner = json.loads(call("dama", "push", "voice-cards", "--json").out)["owner"]
    command = [sys.executable, "-m", "antiphon", "--home", str(home), "dama", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            url = server.stderr.readline().split()[-1]
            away = str(tmp_path / "away")
            asked = ("--home", away, "dama", "pull", CARDS, "--owner", owner, "--store", url)
            assert call(*asked).code == 0
            assert call("--home", away, "dama", "verify").code == 0
            assert "nobody has published it" in call("--home", away, "dama", "verify").out
            assert call(*asked[:-1], url + "nothing/", "--json").code == 0, "it is here already"
        finally:
            server.terminate()
            assert server.wait(20) == 143


def test_what_is_started_without_a_store_says_so(tmp_path: Path) -> None:
    ended = finish("dama", "serve", "--port", "0", home=tmp_path / "home")
    assert (ended.code, "is no folder of assets" in ended.err) == (2, True)


@pytest.mark.slow
@pytest.mark.speaks
def test_a_sentence_pays_who_published_its_model_and_its_receipt_proves_it(call) -> None:
    asset = json.loads(call("dama", "push", "soundstorm-16k", "--json").out)["asset"]
    said = call("say", "--engine", "soundstorm", "Whoever made this voice is paid.", "-o", "paid.wav")
    assert said.code == 0
    found = json.loads(call("dama", "revenue", asset, "--json").out)
    (use,) = found["uses"]
    path = said.err.partition("Receipt  ")[2].split()[0]
    receipt = json.loads(Path(path).read_text())
    ruling = receipt["statement"]["parts"][0]["rulings"][0]
    assert (use["task"], use["used"]) == (receipt["task"], asset)
    reward = ruling["producer"]["price_nano"] * ruling["producer"]["quality_ppm"] // 1_000_000
    assert found["earned_nano"] == use["amount_nano"] == reward // 10
    assert found["proven"] == [receipt["task"]]
    assert call("receipt", "verify", path).code == 0
    early = call("dama", "claim", asset)
    assert (early.code, "too young" in early.err) == (7, True)

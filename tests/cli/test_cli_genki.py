"""`antiphon genki publish`: what a federation has trained becomes an asset of those who trained it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="needs antiphon[genki]")
pytest.importorskip("torch", reason="needs antiphon[train]")

import torch

from antiphon.economy.types import PPM
from antiphon.genki.rounds.contributor import Contributor
from antiphon.genki.rounds.coordinator import Coordinator
from antiphon.genki.rounds.embedded import Local, LocalGrid
from antiphon.genki.rounds.learners import learner_for
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.store import Store
from antiphon.music import compose, read, to_midi
from antiphon.protocol.identity import Identity
from antiphon.ruby import starter


@pytest.fixture
def federation(home: Path, tmp_path: Path) -> list[str]:
    """One round of a tiny Ruby, coordinated in `home`; its contributors."""
    torch.set_num_threads(1)
    plan = Plan(name="little", model="ruby-tiny", rounds=1, local_steps=3)
    learner = learner_for(plan)
    songs = tmp_path / "songs"
    songs.mkdir()
    for seed in range(3):
        (songs / f"{seed}.mid").write_bytes(to_midi(compose(read("march in C major"), 16, seed)))
    pieces = learner.read(songs)
    parties = [
        Contributor(Identity.from_seed(bytes([n + 1]) * 32), learner, [pieces[n]], tmp_path / str(n), plan)
        for n in range(2)
    ]
    with LocalGrid([Local(one) for one in parties]) as grid:
        Coordinator(learner, Store(home / "genki" / "at-little", plan), grid, held_out=pieces[2:]).run()
    return [one.id for one in parties]


def test_a_federation_s_model_is_an_asset_whose_contributors_have_what_they_earned(call, federation, home) -> None:
    explained = call("genki", "explain", "little", "--round", "1", "--who", federation[0][:8]).out
    assert federation[0][:12] in explained
    assert federation[1][:12] not in explained
    bare = call("genki", "publish", "little")
    assert (bare.code, "without a licence" in bare.complaint) == (2, True)
    made = json.loads(call("genki", "publish", "little", "--licence", "CC0-1.0", "--json").out)
    assert set(made["shares"]) == set(federation)
    assert sum(made["shares"].values()) == PPM
    again = json.loads(call("genki", "publish", "little", "--licence", "CC0-1.0", "--json").out)
    assert (again["asset"], again["sent"]) == (made["asset"], 0)
    shown = call("dama", "show", made["asset"][:12]).out
    assert "for the engine ruby" in shown
    for who, ppm in made["shares"].items():
        assert f"{ppm / 10_000:g}% of {who[:12]}" in shown

    folder = Path(json.loads(call("dama", "pull", made["asset"], "--json").out)["folder"])
    assert sorted(file.name for file in folder.iterdir()) == [
        "asset.signed",
        "generator.onnx",
        "generator.safetensors",
        "rounds.json",
    ]
    assert starter.load(folder).config.name == "ruby-tiny"
    assert call("genki", "explain", str(folder / "rounds.json"), "--round", "1").out.count("ppm") == 2


def test_what_cannot_be_published_is_told(call, home: Path) -> None:
    assert "holds no federation" in call("genki", "publish", "nobody").complaint
    Store(home / "genki" / "at-early", Plan(name="early", model="ruby-tiny"))
    assert "No round of early is over" in call("genki", "publish", "early", "--licence", "CC0-1.0").complaint
    Store(home / "genki" / "at-storm", Plan(name="storm"))
    assert "No engine runs soundstorm-tiny" in call("genki", "publish", "storm", "--licence", "CC0-1.0").complaint
    Store(
        home / "genki" / "at-hidden",
        Plan(name="hidden", model="ruby-tiny", secure=True, screen=False, clip_norm=1.0, min_parties=3),
    )
    said = call("genki", "vote", "hidden", "--held-out", str(home)).complaint
    assert "Nobody saw the updates of hidden" in said
    assert "--who is told of a round" in call("genki", "explain", "early", "--who", "abc").complaint

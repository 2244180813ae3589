"""Ruby as a learner of rounds: it reads, learns, is measured, and refuses what is another model's."""

from pathlib import Path

import numpy as np
import pytest

from antiphon.errors import InputError
from antiphon.music import compose, read, to_midi

torch = pytest.importorskip("torch")

from antiphon.genki.learning import Learner, difference  # noqa: E402
from antiphon.genki.rounds.contributor import Contributor  # noqa: E402
from antiphon.genki.rounds.learners import learner_for  # noqa: E402
from antiphon.genki.rounds.plan import Plan  # noqa: E402
from antiphon.genki.ruby_learner import RubyLearner  # noqa: E402
from antiphon.protocol.identity import Identity  # noqa: E402

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from antiphon.genki.rounds.coordinator import Coordinator  # noqa: E402
from antiphon.genki.rounds.embedded import Local, LocalGrid  # noqa: E402
from antiphon.genki.rounds.store import Store  # noqa: E402


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    for seed in range(3):
        (folder / f"{seed}.mid").write_bytes(to_midi(compose(read("march in C major"), 16, seed)))
    (folder / "broken.mid").write_bytes(b"MThd")
    return folder


def test_local_steps_make_its_own_pieces_likelier_and_are_repeatable(songs: Path) -> None:
    torch.set_num_threads(1)
    learner: Learner = RubyLearner("tiny")
    pieces = learner.read(songs)
    assert [piece.name for piece in pieces] == ["0.mid", "1.mid", "2.mid"]
    before = learner.initial()
    after = learner.learn(before, pieces, steps=6, seed=1)
    again = learner.learn(before, pieces, steps=6, seed=1)
    assert all((after[name] == again[name]).all() for name in after)
    assert any(np.abs(moved).max() > 0 for moved in difference(after, before).values())
    assert learner.losses(after, pieces).mean() < learner.losses(before, pieces).mean()
    assert (learner.losses(after, pieces) == learner.losses(after, pieces)).all()


def test_parameters_of_another_model_are_refused(songs: Path) -> None:
    learner = RubyLearner("tiny")
    odd = learner.initial()
    odd["heads"] = odd["heads"][:, :, :-1]
    with pytest.raises(InputError, match="another architecture"):
        learner.losses(odd, learner.read(songs))


def test_a_plan_names_it_and_it_begins_with_the_weights_that_ship(songs: Path) -> None:
    shipped = learner_for(Plan(model="ruby-base"))
    assert shipped.name == "ruby-base"
    begun, held = shipped.initial(), shipped.read(songs)
    assert shipped.losses(begun, held).mean() < 1.5 < RubyLearner("base").losses(RubyLearner().initial(), held).mean()
    assert learner_for(Plan(model="ruby-tiny")).name == "ruby-tiny"
    with pytest.raises(InputError, match="no adapters"):
        learner_for(Plan(model="ruby-base", rank=4))


def test_a_federation_of_contributors_makes_it_better(songs: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(model="ruby-tiny", rounds=2, local_steps=4)
    learner = learner_for(plan)
    pieces = learner.read(songs)
    nodes = [
        Local(Contributor(Identity.from_seed(bytes([n + 1]) * 32), learner, [pieces[n]], tmp_path / str(n), plan))
        for n in range(2)
    ]
    store = Store(tmp_path / "at", plan)
    with LocalGrid(nodes) as grid:
        after = Coordinator(learner, store, grid, held_out=pieces[2:]).run()
    assert [len(report.accepted) for report in store.reports()] == [2, 2]
    assert learner.losses(after, pieces[2:]).mean() < learner.losses(learner.initial(), pieces[2:]).mean()


def test_a_folder_without_music_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no music"):
        RubyLearner("tiny").read(tmp_path)

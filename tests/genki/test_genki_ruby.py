"""Ruby as a learner of rounds: it reads, learns, is measured, and refuses what is another model's."""

from pathlib import Path

import numpy as np
import pytest

from antiphon.errors import InputError
from antiphon.music import compose, read, to_midi

torch = pytest.importorskip("torch")

from antiphon.genki.learning import Learner, difference  # noqa: E402
from antiphon.genki.ruby_learner import RubyLearner  # noqa: E402


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


def test_a_folder_without_music_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no music"):
        RubyLearner("tiny").read(tmp_path)

"""The generator on the chip's tokens as a learner: it learns, the same way twice, whole or by adapters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs antiphon[train]")

from antiphon.errors import InputError
from antiphon.genki import learning
from antiphon.genki.chip_learner import ChipLearner
from antiphon.genki.learning import Learner
from antiphon.music import compose, read
from antiphon.music.midi import to_midi

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower with more, and far slower on a machine that has other work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tunes")
    for seed in range(2):
        (made / f"{seed}.mid").write_bytes(to_midi(compose(read("a calm waltz in F major"), 8.0, seed)))
    (made / "notes.txt").write_text("no music")
    return made


@pytest.mark.parametrize("rank", [0, 2])
def test_it_learns_and_the_same_twice(folder: Path, rank: int) -> None:
    learner: Learner = ChipLearner("tiny", rank, frames=120)
    pieces, begun = learner.read(folder), learner.initial()
    assert len(pieces) == 2
    learnt = learner.learn(begun, pieces, steps=6, seed=3)
    assert learning.digest(learnt) == learning.digest(learner.learn(begun, pieces, steps=6, seed=3))
    assert learning.digest(begun) == learning.digest(learner.initial())
    before, after = learner.losses(begun, pieces), learner.losses(learnt, pieces)
    assert (before == learner.losses(begun, pieces)).all()
    assert after.mean() < 0.9 * before.mean()


def test_adapters_are_few_and_begin_as_the_model_that_they_are_added_to(folder: Path) -> None:
    whole, adapters = ChipLearner("tiny", frames=120), ChipLearner("tiny", 2, frames=120)
    pieces = whole.read(folder)[:1]
    np.testing.assert_allclose(
        whole.losses(whole.initial(), pieces), adapters.losses(adapters.initial(), pieces), rtol=1e-5
    )
    sizes = [sum(value.size for value in learner.initial().values()) for learner in (whole, adapters)]
    assert sizes[1] < 0.6 * sizes[0]
    assert all(".a" in name or ".b" in name or name in ("heads", "biases") for name in adapters.initial())


def test_a_folder_without_music_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no music"):
        ChipLearner("tiny").read(tmp_path)

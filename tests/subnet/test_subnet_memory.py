"""The score memory: what moves it, what does not, and whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.economy.types import PPM, Verdict, Vote
from antiphon.errors import InputError, OutputError, StateError
from antiphon.services import Service
from antiphon.subnet.chain import Metagraph, Neuron
from antiphon.subnet.memory import RULES, ScoreMemory

GOOD = Vote(verdict=Verdict.VALID, score_ppm=900_000)
BAD = Vote(verdict=Verdict.INVALID, score_ppm=0)
UNCLEAR = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)


def neuron(uid: int, hotkey: str, registered: int = 5) -> Neuron:
    return Neuron(uid=uid, hotkey=hotkey, stake_rao=0, permit=False, registered=registered, updated=registered)


def graph(*neurons: Neuron) -> Metagraph:
    return Metagraph(netuid=1, block=100, tempo=20, epoch=5, last_epoch=100, neurons=neurons)


def test_scores_move_it_and_what_could_not_be_measured_does_not(tmp_path: Path) -> None:
    memory, one = ScoreMemory(tmp_path / "m.json"), neuron(0, "a")
    assert memory.weights_ppm(graph(one)) == {}
    assert memory.judged(one, Service.SPEECH, GOOD)
    assert memory.quality_ppm("a", Service.SPEECH) == 500_000 + 400_000 * RULES.score_alpha_ppm // PPM
    before = memory.quality_ppm("a", Service.SPEECH)
    assert not memory.judged(one, Service.SPEECH, UNCLEAR)
    assert memory.quality_ppm("a", Service.SPEECH) == before
    memory.judged(one, Service.SPEECH, BAD)
    after_bad = memory.quality_ppm("a", Service.SPEECH)
    memory.missed(one, Service.SPEECH)
    assert 0 < memory.quality_ppm("a", Service.SPEECH) < after_bad < before
    assert memory.quality_ppm("a", Service.MUSIC) == 0


def test_a_weight_is_the_services_shares_and_nobody_has_credit(tmp_path: Path) -> None:
    shares = {Service.SPEECH: 1, Service.MUSIC: 3}
    memory = ScoreMemory(tmp_path / "m.json", shares_ppm=shares)
    one, two, three = neuron(0, "a"), neuron(1, "b"), neuron(2, "c")
    for service in shares:
        memory.judged(one, service, GOOD)
    memory.judged(two, Service.SPEECH, GOOD)
    memory.missed(three, Service.SPEECH)
    weights = memory.weights_ppm(graph(one, two, three))
    assert weights == {0: 600_000, 1: 150_000}
    with pytest.raises(InputError, match="shares must not be negative"):
        ScoreMemory(tmp_path / "m.json", shares_ppm={Service.SPEECH: -1})


@pytest.mark.parametrize(
    "now",
    [neuron(0, "z"), neuron(0, "a", registered=90), neuron(1, "a"), None],
    ids=["uid changed hands", "registered anew", "came back elsewhere", "left"],
)
def test_a_memory_ends_with_its_registration(tmp_path: Path, now: Neuron | None) -> None:
    memory = ScoreMemory(tmp_path / "m.json")
    memory.judged(neuron(0, "a"), Service.SPEECH, GOOD)
    later = graph(*([now] if now else []))
    assert memory.weights_ppm(later) == {}
    assert memory.meet(later) == ["a"]
    assert len(memory) == 0


def test_it_survives_a_restart_and_a_damaged_file_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    memory = ScoreMemory(file)
    memory.judged(neuron(3, "a"), Service.SPEECH, GOOD)
    memory.save()
    assert ScoreMemory(file).weights_ppm(graph(neuron(3, "a"))) == memory.weights_ppm(graph(neuron(3, "a")))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(StateError, match="is damaged"):
        ScoreMemory(file)
    (tmp_path / "file").write_bytes(b"")
    unwritable = ScoreMemory(tmp_path / "absent.json")
    unwritable._file = tmp_path / "file" / "m.json"
    with pytest.raises(OutputError, match="cannot be written"):
        unwritable.save()

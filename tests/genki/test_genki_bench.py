"""The federations behind `antiphon bench --only genki`, for one round: what is told of attackers is what they do."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from antiphon.bench import federation, poisoning
from antiphon.bench.federation import BAD, Turn, handed_in, music, name
from antiphon.genki.contribution import Round, screen
from antiphon.genki.learning import Parameters

pytestmark = pytest.mark.slow


def handed(attack) -> dict[str, Parameters]:
    return handed_in(federation.model(0), 0, (0, 1, 2, 3, 6, 7), music().base, {}, attack)


def round_of(updates: dict[str, Parameters]) -> Round:
    return Round(federation.model(0), music().base, updates, music().held_out, b"0", music().pool)


@pytest.mark.parametrize("attack", [poisoning.scaled, poisoning.sign_flip, poisoning.copied])
def test_poison_and_copies_are_left_out_of_a_real_round_of_music(attack) -> None:
    found = screen(round_of(handed(attack)))
    assert set(found.left_out) == {name(who) for who in BAD}
    assert len(found.counted) == 4


def test_the_back_doors_motif_is_learnt_by_whoever_plants_it() -> None:
    planted = handed(poisoning.back_door)[name(6)]
    honest = handed(Turn.honest)[name(6)]
    losses = [
        federation.model(0).losses({key: music().base[key] + one for key, one in update.items()}, [poisoning.trigger()])
        for update in (planted, honest)
    ]
    assert losses[0][0] < losses[1][0] - 0.5


def test_a_free_rider_has_only_what_others_handed_in() -> None:
    before = handed(Turn.honest)
    turn = Turn(1, 6, music().base, before, {}, lambda own, hand: pytest.fail("it does no work"), [])
    stale = poisoning.yesterdays(turn)
    near = [np.abs(stale["output"] - update["output"]).mean() for update in before.values()]
    assert int(np.argmin(near)) == 0

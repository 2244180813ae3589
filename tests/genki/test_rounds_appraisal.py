"""A coordinator appraises each round, keeps the shares beside it, and everybody can see why they are as they are."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from linear import pieces_of

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from federations import Federation, Saboteur

from antiphon.economy.types import PPM
from antiphon.errors import InputError
from antiphon.genki.rounds.history import history, read_history


def test_each_round_has_shares_that_are_explained_and_those_of_all_rounds_sum_to_a_million(tmp_path: Path) -> None:
    federation = Federation(tmp_path, rounds=3, screen=True)
    federation.run()
    found, names = history(federation.store()), {one.node_id for one in federation.identities}
    for number, told in enumerate(found.rounds, 1):
        assert told.appraisal is not None
        assert sum(told.appraisal.shares.values()) == PPM
        assert {line.contributor for line in told.appraisal.lines} == names
        said = found.explained(number)
        assert all(any(line.startswith(name[:12]) for line in said) for name in names)
    one = federation.identities[0].node_id
    assert one[:12] in found.explained(1, one[:8])[1]
    assert sum(found.shares().values()) == PPM
    assert found.shares().keys() <= names


def test_a_coordinator_that_is_killed_ends_with_the_same_shares(tmp_path: Path) -> None:
    straight, killed = (Federation(tmp_path / one, rounds=4, screen=True, pool=8) for one in ("straight", "killed"))
    straight.run()
    killed.run_until_killed("committing")
    killed.run()
    assert history(killed.store()).shares() == history(straight.store()).shares()


def test_with_a_pool_work_is_proven_and_whoever_sends_anything_earns_nothing(tmp_path: Path) -> None:
    without, federation = (Federation(tmp_path / str(pool), rounds=3, screen=True, pool=pool) for pool in (0, 60))
    without.run()
    idle = Saboteur("ones")
    federation.run(beside=[idle])
    lines = [line for one in federation.store().appraisals() for line in one.lines if line.contributor != idle.id]
    assert all(line.advantage_nats is not None and line.work is not None for line in lines if not line.reason)
    assert federation.store().updates(1) != without.store().updates(1)
    assert history(federation.store()).shares().get(idle.id, 0) == 0


def test_another_pool_than_the_plan_s_is_told_at_once(tmp_path: Path) -> None:
    federation = Federation(tmp_path, pool=8)
    federation.pool = pieces_of(77, 7)
    with pytest.raises(InputError, match="pool has 8 pieces, and 7 are here"):
        federation.contributor(0)
    with pytest.raises(InputError, match="pool has 8 pieces, and 7 are here"):
        federation.run()


def test_what_was_not_appraised_and_what_is_no_history_is_told(tmp_path: Path) -> None:
    federation = Federation(tmp_path, rounds=1, screen=False)
    federation.run()
    found = history(federation.store())
    assert found.shares() == {}
    with pytest.raises(InputError, match="Round 1 was not appraised"):
        found.explained(1)
    with pytest.raises(InputError, match="no round 2"):
        found.explained(2)
    file = tmp_path / "rounds.json"
    file.write_bytes(msgspec.json.encode(found))
    assert read_history(file) == found
    for content in (b"", b"{}", b"\xff"):
        file.write_bytes(content)
        with pytest.raises(InputError, match="holds no rounds"):
            read_history(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_history(tmp_path / "none.json")

"""What is started before the first sound, and what only after it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from antiphon.audio import Waveform
from antiphon.cli.app import run
from antiphon.cli.delivering import CommandJob, deliver
from antiphon.cli.options import OutputOptions
from antiphon.client.events import Sound
from antiphon.door.connecting import connect
from antiphon.door.ordering import SoundOrder
from antiphon.door.settings import Settings
from antiphon.economy.types import Role
from antiphon.ledger.listing import every_node
from antiphon.ledger.operations import Selector

pytestmark = pytest.mark.slow


def _settings(home) -> Settings:
    return Settings(home, None, "antiphon")


@pytest.mark.parametrize("streams", [True, False])
def test_judges_of_a_stream_load_after_its_first_sound_and_others_before(home, tmp_path, streams) -> None:
    loading = []

    async def produce(session, policy):
        loading.append(session.judges is not None)
        yield Sound(Waveform(np.zeros((1, 480), np.float32), 24_000), 1)
        loading.append(session.judges is not None)
        await asyncio.wrap_future(session.judges)

    output_options = OutputOptions(str(tmp_path / "out.wav"), None, as_json=False, quiet=True)
    hibari = Selector(service="speech", language="en-us", engine="hibari")
    order = SoundOrder(produce, hibari, rate_hz=24_000, streams=streams)
    deliver(_settings(home), output_options, CommandJob(order))
    assert loading == [not streams, True]


def test_work_of_one_engine_starts_its_nodes_and_every_validator(home) -> None:
    async def live(engine: str) -> dict[Role, list[str]]:
        async with connect(_settings(home), engine=engine) as session:
            nodes = [node for node in await every_node(session.ledger) if node.live]
        return {
            role: sorted(node.offers[0].engine for node in nodes if node.role is role)
            for role in (Role.PROCESSOR, Role.TRAINER, Role.VALIDATOR)
        }

    for engine, processors in (("mimic", ["mimic"]), ("hibari", ["hibari", "hibari"]), ("somebody-elses", [])):
        found = run(live(engine))
        assert found[Role.PROCESSOR] == processors
        assert found[Role.TRAINER] == []
        assert len(found[Role.VALIDATOR]) == 3
    whole = run(live(""))
    assert set(whole[Role.PROCESSOR]) == {"hibari", "kokoro", "espeak", "mimic", "chiptune", "soundstorm", "ruby"}
    assert whole[Role.TRAINER] == ["mimic", "soundstorm"]

"""Clones of one to four words by real cloners, every recorded voice in turn: honest ones pass, cheats do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from antiphon.bench import short_clones
from antiphon.bench.clone_cheats import Speaker, Studio
from antiphon.bench.short_clones import AAC, CHEATS, TEXTS, honest, orders, references, vote
from antiphon.bench.sound import consent_to
from antiphon.economy.types import Verdict
from antiphon.engines.base import Cloner
from antiphon.engines.mimic import MimicEngine
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.judges.cloning import CloneMeters
from antiphon.judges.speech.judge import new_meters
from antiphon.nodes.evaluation.rendering import render

VOICES = ("allison-aac", "ivrvoice", "librivox")
"""Unlike each other: June, whose voice is like Allison's, passes for her now and then (docs/judging.md)."""
Room = tuple[Studio, CloneMeters, Sequence[Speaker]]


@pytest.fixture(scope="module", params=[MimicEngine, SoundStormEngine], ids=["mimic", "soundstorm"])
def room(request: pytest.FixtureRequest) -> Room:
    studio = Studio(cast(Cloner, request.param()))
    clips = references()
    speakers = [studio.enrol(name, clips[name], consent_to(clips[name])) for name in VOICES]
    return studio, CloneMeters(new_meters(render), studio.render), speakers


@pytest.mark.slow
@pytest.mark.speaks
def test_what_was_refunded_from_a_phones_recording_is_valid(room: Room) -> None:
    studio, judges, speakers = room
    (first, *_) = orders(speakers, 1, 1)
    assert (first.speaker.name, first.text) == ("allison-aac", "I never said this.")
    assert vote(judges, first, honest(first, studio)).verdict is Verdict.VALID


@pytest.mark.slow
@pytest.mark.speaks
def test_honest_words_are_valid(room: Room) -> None:
    studio, judges, speakers = room
    found = [vote(judges, order, honest(order, studio)).verdict for order in orders(speakers, 6, 2)]
    assert found == [Verdict.VALID] * 6


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize("name", CHEATS)
def test_cheats_of_the_same_length_are_rejected(name: str, room: Room) -> None:
    studio, judges, speakers = room
    found = [vote(judges, order, CHEATS[name](order, studio)).verdict for order in orders(speakers, 3, 3)]
    assert found == [Verdict.INVALID] * 3


def test_the_texts_are_of_one_to_four_words_and_the_voices_all_that_ship() -> None:
    assert len(set(TEXTS)) == len(TEXTS) >= 60
    assert {len(text.split()) for text in TEXTS} == {1, 2, 3, 4}
    names = {file.stem for file in short_clones.REFERENCES.glob("*.opus")}
    assert set(references()) == names | set(AAC)

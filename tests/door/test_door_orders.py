"""Programs are not type-checked by themselves: what is of another kind is told in a line, before anything starts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import antiphon
from antiphon.audio import Waveform
from antiphon.door.settings import Settings
from antiphon.door.sound import Outcome, Sound
from antiphon.errors import InputError

TONE = Waveform(np.sin(np.arange(24_000, dtype=np.float32) / 10)[None] * np.float32(0.1), 24_000)
SOUND = Sound(TONE, Outcome(figures={}, score=None, paid_nano=0, tasks=(), receipts=()))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"text": "half of a character: \udcff"}, "no whole Unicode"),
        ({"voice": 3}, "voice is 3"),
        ({"language": 4}, "language is 4"),
        ({"engine": 4}, "engine is 4"),
        ({"options": [1]}, "options is"),
        ({"engine": "chiptune"}, "chiptune has no voice"),
    ],
)
def test_speech(tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        antiphon.Say(**{"text": "Hello.", **fields}).order(Settings(tmp_path))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"seconds": float("inf")}, "inf s of music is outside"),
        ({"seconds": float("nan")}, "nan s of music is outside"),
        ({"seconds": "5"}, "seconds is '5'"),
        ({"loop": "no"}, "loop is 'no'"),
    ],
)
def test_music(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        antiphon.Compose(**{"prompt": "calm theme", **fields}).composition()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reference": b"123"}, "reference is a bytes"),
        ({"voice": 3}, "voice is 3"),
        ({"voice": "me", "speech": 7, "text": ""}, "speech is a int"),
    ],
)
def test_clones(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        antiphon.Clone(**{"text": "Hello.", **fields}).check()


@pytest.mark.parametrize("loudness", ["loud", float("nan"), 500, -90.0])
def test_loudness(loudness: Any) -> None:
    with pytest.raises(InputError, match="The loudness is"):
        SOUND.encode("wav", loudness=loudness)


@pytest.mark.parametrize(
    ("fields", "says"), [({"home": 5}, "home is a int"), ({"ledger": 3}, "ledger is 3"), ({"profile": None}, "profile")]
)
def test_places(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        antiphon.Network(**fields)

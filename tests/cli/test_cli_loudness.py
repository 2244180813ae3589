"""`--loudness LUFS|off` means the same wherever sound is written."""

from __future__ import annotations

import click
import pytest

from antiphon.audio import MUSIC_LUFS, SPEECH_LUFS
from antiphon.cli.loudness import MUSIC, SPEECH, Loudness


def test_the_defaults_are_the_librarys():
    assert (float(SPEECH), float(MUSIC)) == (SPEECH_LUFS, MUSIC_LUFS)


def test_a_number_or_off_is_taken():
    kind = Loudness()
    assert kind.convert("-18.5", None, None) == -18.5
    assert kind.convert("OFF", None, None) is None


@pytest.mark.parametrize("text", ["loud", "3", "-41", "nan", "", "-inf"])
def test_everything_else_is_refused(text):
    with pytest.raises(click.BadParameter, match="neither off nor -40 to -5 LUFS"):
        Loudness().convert(text, None, None)

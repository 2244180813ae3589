"""Chip recordings, heard as notes on the grid."""

import numpy as np
import pytest

from antiphon.audio import Waveform
from antiphon.codecs.chip import ChipCodec
from antiphon.errors import InputError
from antiphon.music import arrange, compose, read
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import arranged
from antiphon.ruby.recordings import read_recording
from antiphon.ruby.scores import piece_of


def test_a_recording_of_the_chip_is_its_piece_again() -> None:
    score = compose(read("march in C major, 120 bpm, no echo"), 8, 2, loop=True)
    piece = arranged(read_recording(ChipCodec().decode(arrange(score))))
    written = piece_of(score)
    assert piece.quarter_bpm == pytest.approx(120, rel=0.01)
    assert (piece.tonic, piece.mode) == (0, "major")
    steps = min(piece.tokens.shape[1], written.tokens.shape[1])
    both = (grid.onsets(piece.tokens) & grid.onsets(written.tokens)[:, : piece.tokens.shape[1]])[:, :steps]
    assert both[grid.BASS].sum() > 0.8 * grid.onsets(written.tokens)[grid.BASS].sum()


def test_silence_and_hours_are_told() -> None:
    with pytest.raises(InputError, match="Nothing begins"):
        read_recording(Waveform(np.zeros((2, 44_100), np.float32), 44_100))
    with pytest.raises(InputError, match="over 120"):
        read_recording(Waveform(np.zeros((1, 44_100 * 130), np.float32), 44_100))

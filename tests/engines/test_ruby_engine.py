"""The engine ruby with the weights that ship: pieces that fit their orders, windows that fit each other."""

import numpy as np
import pytest

from antiphon import engines
from antiphon.codecs.chip import ChipCodec
from antiphon.engines import scored
from antiphon.engines.ruby import RubyEngine
from antiphon.errors import InputError
from antiphon.music import arrange
from antiphon.ruby import changing, starter
from antiphon.ruby import steps as grid
from antiphon.ruby.packing import packed
from antiphon.ruby.scores import piece_of
from antiphon.services import MusicRequest, SpeechRequest

pytestmark = pytest.mark.slow


def order(prompt: str = "jazz lounge, F major, 120 bpm", seconds: float = 12.0, seed: int = 4, **more) -> MusicRequest:
    return MusicRequest(prompt=prompt, seconds=seconds, seed=seed, start_s=0.0, stop_s=seconds, **more)


@pytest.fixture(scope="module")
def engine() -> RubyEngine:
    return RubyEngine(threads=1)


def samples(engine: RubyEngine, request: MusicRequest) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in engine.generate(request, 9)], axis=1)


def test_it_is_installed_under_its_name() -> None:
    assert engines.load("ruby").capabilities.service == "music"
    assert "ruby" in scored.ENGINES


def test_the_weights_are_a_ruby_of_this_version() -> None:
    assert starter.load(threads=1).config.text_dim > 384


def test_a_piece_is_played_by_all_parts_in_its_key_tempo_and_length(engine: RubyEngine) -> None:
    score = engine.score_of(order())
    assert (score.tempo_bpm, score.tonic, score.mode, score.seconds) == (120.0, 5, "major", 12.0)
    assert {track.name for track in score.tracks} >= {"lead", "bass", "drums"}
    classes = [note.pitch % 12 for track in score.tracks if track.name != "drums" for note in track.notes]
    inside = sum(one in {5, 7, 9, 10, 0, 2, 4} for one in classes) / len(classes)
    assert inside > 0.75


def test_windows_are_cut_from_one_piece_and_the_score_is_what_sounds(engine: RubyEngine) -> None:
    whole = samples(engine, order())
    assert whole.shape == (2, 12 * 44_100)
    window = MusicRequest(prompt=order().prompt, seconds=12.0, seed=4, start_s=5.0, stop_s=7.5)
    assert (samples(engine, window) == whole[:, 5 * 44_100 : int(7.5 * 44_100)]).all()
    assert (ChipCodec().decode(arrange(engine.score_of(order()))).samples[:, : whole.shape[1]] == whole).all()


def test_what_is_given_of_a_piece_is_in_it(engine: RubyEngine) -> None:
    piece = piece_of(engine.score_of(order(seconds=16.0, loop=True)))
    held = changing.without_part(piece.tokens, "lead")
    made = piece_of(engine.score_of(order(seconds=16.0, loop=True, seed=8, options={"given": packed(held)})))
    bars = slice(0, piece.tokens.shape[1] - piece.bar_steps)  # a loop's last bar may turn to its beginning
    assert (made.tokens[grid.BASS, bars] == piece.tokens[grid.BASS, bars]).all()
    assert (made.tokens[grid.LEAD, bars] != piece.tokens[grid.LEAD, bars]).any()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (order(options={"given": "no grid"}), "cannot be read"),
        (order(options={"temperature": 9}), "temperature"),
        (order(options={"colour": "red"}), "colour"),
        (SpeechRequest(text="Hello.", voice="hibari"), "makes music"),
    ],
)
def test_what_it_cannot_do_is_told_before_anything_is_made(engine: RubyEngine, request_, words: str) -> None:
    with pytest.raises(InputError, match=words):
        engine.check(request_)

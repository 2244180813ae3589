"""Filling in: what is given stays, windows join, loops close, and orders carry pieces."""

import numpy as np
import pytest

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.music import compose, plan, read, to_midi, to_musicxml, to_xm
from antiphon.music.meter import METERS
from antiphon.ruby import changing, writing
from antiphon.ruby import steps as grid
from antiphon.ruby.conditions import DIM, POSITIONS, Attributes, positions, vector
from antiphon.ruby.filling import DECODING, UNKNOWN, filled, unknown
from antiphon.ruby.packing import packed, unpacked
from antiphon.ruby.scores import piece_of
from antiphon.soundstorm.decoding import DecodingInput, generate
from antiphon.soundstorm.inputs import Inputs

torch = pytest.importorskip("torch")

from antiphon.ruby.training.trainer import LAYOUT, generator  # noqa: E402
from antiphon.soundstorm.training.export import torch_logits  # noqa: E402
from antiphon.soundstorm.training.model import Generator  # noqa: E402

CONFIG = generator("tiny")
NOTHING = np.zeros(DIM, np.float32)


@pytest.fixture(scope="module")
def fill():
    """A tiny Ruby of random weights, heads included."""
    model = Generator(CONFIG, 3)
    with torch.no_grad():
        model.heads.normal_(0, 0.2, generator=torch.Generator().manual_seed(1))
    logits = torch_logits(model)

    def run(job: DecodingInput) -> Tokens:
        return generate(logits, [job], LAYOUT, DECODING)[0].grid.tokens

    return run


def places(steps: int) -> Tokens:
    return positions(METERS["4/4"], steps)


def test_all_is_made_and_what_was_given_stays(fill) -> None:
    given = unknown(64)
    given[:, 20:28] = 1
    given[grid.BASS] = 7
    made = filled(fill, given, places(64), NOTHING, 5, CONFIG)
    assert (made < UNKNOWN[:, None]).all()
    assert (made[:, 20:28] == given[:, 20:28]).all()
    assert (made[grid.BASS] == 7).all()


def test_the_same_seed_is_the_same_piece_and_another_is_another(fill) -> None:
    one, again, other = (filled(fill, unknown(48), places(48), NOTHING, seed, CONFIG) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_long_pieces_are_made_in_windows_that_see_what_came_before() -> None:
    seen: list[DecodingInput] = []

    def count(job: DecodingInput) -> Tokens:
        seen.append(job)
        assert job.given is not None
        return np.where(job.given == UNKNOWN[:, None], 0, job.given).astype(np.uint16)

    made = filled(count, unknown(1000), places(1000), NOTHING, 1, CONFIG)
    assert made.shape == (10, 1000)
    assert not made.any()
    assert [job.frames for job in seen] == [CONFIG.window] * len(seen)
    assert [job.prompt_frames for job in seen[1:]] >= [CONFIG.window // 3] * (len(seen) - 1)
    assert len({job.key for job in seen}) == len(seen)


def test_a_hole_in_the_middle_is_filled_in_sight_of_both_sides() -> None:
    seen: list[DecodingInput] = []

    def keep(job: DecodingInput) -> Tokens:
        seen.append(job)
        return np.zeros((10, job.frames - job.prompt_frames), np.uint16)

    given = np.zeros((10, 96), np.uint16)
    given[:, 32:48] = UNKNOWN[:, None]
    filled(keep, given, places(96), NOTHING, 1, CONFIG)
    (job,) = seen
    assert (job.prompt_frames, job.frames, job.to_make(0, LAYOUT)) == (32, 96, 16)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("prompt", ["boss fight, A minor", "waltz, no drums", "reggae, modulate up a step"])
def test_a_plan_becomes_a_score_of_its_length_key_and_parts(fill, prompt: str, loop: bool) -> None:
    planned = plan(read(prompt), 14, 9, loop=loop)
    score = writing.write(planned, NOTHING, fill, CONFIG)
    assert score.seconds == planned.seconds
    assert (score.tonic, score.mode, score.tempo_bpm, score.loop) == (
        planned.tonic, planned.mode, planned.tempo_bpm, loop,
    )  # fmt: skip
    assert (len(score.track("drums").notes) > 0) == planned.wants("drums")
    assert all(note.stop <= score.ticks for track in score.tracks for note in track.notes)
    assert to_midi(score)[:4] == b"MThd"
    assert b"<score-partwise" in to_musicxml(score)
    assert to_xm(score)[:17] == b"Extended Module: "


def test_a_grid_travels_as_text() -> None:
    tokens = piece_of(compose(read("march"), 30, 1)).tokens
    tokens[:, 30:60] = UNKNOWN[:, None]
    assert (unpacked(packed(tokens)) == tokens).all()
    assert len(packed(tokens)) < 4_000


@pytest.mark.parametrize("text", ["", "&&&", "aGVsbG8=", packed(np.full((10, 4), 200, np.uint16)), "A" * 50_000])
def test_what_is_no_grid_is_told(text: str) -> None:
    with pytest.raises(InputError):
        unpacked(text)


def test_a_bomb_is_not_blown_up() -> None:
    with pytest.raises(InputError, match="at most"):
        unpacked(packed(np.zeros((10, 100_000), np.uint16)))


def test_bars_shares_and_parts_are_opened() -> None:
    piece = piece_of(compose(read("march, 4/4"), 30, 1, loop=True))
    bar = piece.bar_steps

    def open_bars(tokens: Tokens) -> list[int]:
        return sorted({int(step) // bar + 1 for step in np.flatnonzero((tokens == UNKNOWN[:, None]).all(axis=0))})

    assert open_bars(changing.without_bars(piece.tokens, bar, 3, 4)) == [3, 4]
    assert len(open_bars(changing.varied(piece.tokens, bar, 0.5, 1))) == round(piece.tokens.shape[1] / bar / 2)
    added = changing.without_part(piece.tokens, "counter")
    assert {level for level in range(10) if (added[level] == UNKNOWN[level]).all()} == set(grid.LEVELS_OF["counter"])
    assert changing.whole_bars(piece, 5 * bar).shape[1] == 5 * bar
    with pytest.raises(InputError, match="Bars"):
        changing.without_bars(piece.tokens, bar, 0, 4)
    with pytest.raises(InputError, match="Parts"):
        changing.without_part(piece.tokens, "flute")


def test_positions_tell_bars_phrases_and_ends() -> None:
    told = positions(METERS["3/4"], 12 * 8)
    assert told.max() < POSITIONS
    assert told[0] != told[12] != told[24]
    assert told[36] == positions(METERS["3/4"], 12 * 12)[36]
    assert told[-1] != positions(METERS["3/4"], 12 * 8, closes=False)[-1]


def test_what_is_not_said_is_zero_and_what_is_said_is_not() -> None:
    assert not vector(Attributes()).any()
    said = vector(Attributes(style="boss", mode="minor", bpm=120.0, instruments=("no drums",)))
    assert sorted(said[said != 0]) == [-1.0, 1.0, 1.0, 1.0]


def test_a_generator_sees_all_levels_of_what_is_given(fill) -> None:
    shown: list[Inputs] = []
    model = torch_logits(Generator(CONFIG, 3))

    def spy(inputs: Inputs, level: int):
        shown.append(inputs)
        return model(inputs, level)

    given = unknown(16)
    given[grid.LEAD] = 9
    job = DecodingInput(places(16), unknown(0), bytes(32), NOTHING, given)
    made = generate(spy, [job], LAYOUT, DECODING)[0].grid.tokens
    assert (made[grid.LEAD] == 9).all()
    assert all((inputs.tokens[0, grid.LEAD] == 9).all() for inputs in shown)

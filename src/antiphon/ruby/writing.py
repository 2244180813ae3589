"""From a plan to a score by Ruby: the plan is the composer's (tempo, key, metre, bars), the notes are not."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.music.composer import finished
from antiphon.music.meter import SIXTEENTH
from antiphon.music.planning import Plan
from antiphon.music.score import Note, Score
from antiphon.ruby import steps as grid
from antiphon.ruby.conditions import positions
from antiphon.ruby.filling import UNKNOWN, Fill, filled, unknown
from antiphon.soundstorm.inputs import Floats
from antiphon.soundstorm.layout import GeneratorConfig

_SEAM_BARS = 2
"""Of a loop's beginning are seen when its last bar is made again, so that it leads there."""

_SEAM_SEED = 1_000_003


def write(planned: Plan, text: Floats, fill: Fill, config: GeneratorConfig, *, given: Tokens | None = None) -> Score:
    """The score of a plan. `given [10, bars]` holds what is known already, in C, from the first bar line on."""
    return score_of(planned, tokens_of(planned, text, fill, config, given=given))


def tokens_of(
    planned: Plan, text: Floats, fill: Fill, config: GeneratorConfig, *, given: Tokens | None = None
) -> Tokens:
    """[10, T] all columns of the plan's bars."""
    count = planned.bars * planned.bar // SIXTEENTH
    known = unknown(count)
    if given is not None:
        known[:, : given.shape[1]] = given[:, :count]
    known = without_unwanted(planned, known)
    lead = list(grid.LEVELS_OF["lead"])
    intro = _intro_steps(planned)
    known[lead, :intro] = np.where(known[lead, :intro] == UNKNOWN[lead, None], 0, known[lead, :intro])
    places = positions(planned.meter, count, opens=not planned.loop, closes=not planned.loop)
    made = filled(fill, known, places, text, planned.seed, config)
    if planned.loop and planned.bars > _SEAM_BARS + 1:
        made = _closed(planned, made, known, places, text, fill, config)
    return made


def score_of(planned: Plan, tokens: Tokens) -> Score:
    """Columns of a plan's bars as its score, in the plan's key."""
    parts = grid.decode(grid.Columns(tokens, planned.tonic))
    last = planned.tonic
    if planned.lifted is not None and planned.brief.modulation:
        last = (planned.tonic + planned.brief.modulation) % 12
        start = planned.sections[planned.lifted].start
        for name in grid.VOICES:
            parts[name] = [_raised(note, planned.brief.modulation, start) for note in parts[name]]
    return finished(planned, parts, [], last)


def without_unwanted(planned: Plan, known: Tokens) -> Tokens:
    """`known [10, T]` with silence for what is unknown of parts that the prompt does without."""
    made = known.copy()
    for levels in map(list, _unwanted(planned)):
        made[levels] = np.where(made[levels] == UNKNOWN[levels, None], 0, made[levels])
    return made


def _unwanted(planned: Plan) -> Iterable[tuple[int, ...]]:
    """Levels of parts that the prompt does without."""
    for part in ("lead", "bass", "drums"):
        if not planned.wants(part):
            yield grid.LEVELS_OF[part]
    if not any(planned.wants(role) for role in ("counter", "chords", "arpeggio")):
        yield grid.LEVELS_OF["counter"]


def _closed(
    planned: Plan, made: Tokens, known: Tokens, places: Tokens, text: Floats, fill: Fill, config: GeneratorConfig
) -> Tokens:
    """The last bar once more, in sight of the beginning that follows it."""
    bar = planned.bar // SIXTEENTH
    seen = min(made.shape[1], config.window - _SEAM_BARS * bar)
    start = _intro_steps(planned)
    after = made[:, start : start + _SEAM_BARS * bar]
    around = np.concatenate([made[:, -seen:], after], axis=1)
    around[:, seen - bar : seen] = known[:, -bar:]
    where = np.concatenate([places[-seen:], places[start : start + _SEAM_BARS * bar]])
    again = filled(fill, around, where, text, planned.seed + _SEAM_SEED, config)
    return np.concatenate([made[:, :-bar], again[:, seen - bar : seen]], axis=1)


def _intro_steps(planned: Plan) -> int:
    return planned.intro * planned.bar // SIXTEENTH


def _raised(note: Note, semitones: int, start: int) -> Note:
    return msgspec.structs.replace(note, pitch=note.pitch + semitones) if note.start >= start else note

"""Music without an end, made a few bars ahead of what is heard, by words that may change while it plays."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Tokens
from antiphon.codecs.chip.layout import FRAME_RATE_HZ, RATE_HZ
from antiphon.codecs.chip.synth import State, render
from antiphon.errors import InputError
from antiphon.music.arranger import arrange
from antiphon.music.brief import MusicBrief, read
from antiphon.music.meter import SIXTEENTH, TICKS
from antiphon.music.planning import Plan, plan
from antiphon.music.score import Section
from antiphon.ruby.conditions import condition, positions
from antiphon.ruby.filling import DECODING, filled, filler, unknown
from antiphon.ruby.writing import score_of, without_unwanted
from antiphon.soundstorm.decoding import DecodingOptions
from antiphon.soundstorm.serving import Generator

LIVE: Final = msgspec.structs.replace(DECODING, passes=(5, 8, 5, 1, 4, 2, 1, 1, 1, 1))
"""Half the passes: a stretch has a tenth of a piece's tokens."""

FIRST: Final = msgspec.structs.replace(DECODING, passes=(3, 4, 3, 1, 2, 1, 1, 1, 1, 1))
"""For the one bar with which other words begin: somebody waits for it."""

STRETCH_S: Final = 3.0
"""So much is made at once, in whole bars."""

CONTEXT_STEPS: Final = 32
FIRST_CONTEXT_STEPS: Final = 16
"""Columns that are seen of what came before, and by the bar that somebody waits for."""

PLACE_STEPS: Final = 2
"""Other words are followed from the next eighth on."""

CHUNK_FRAMES: Final = 6
_PLANNED_S: Final = 16.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bars by one plan. `tokens [10, T]` in C, `before [10, C]` what they followed, `registers [10, F]` at 60 Hz."""

    planned: Plan
    number: int
    before: Tokens
    tokens: Tokens
    registers: Tokens

    @property
    def frames(self) -> int:
        return int(self.registers.shape[1])

    def places(self) -> frozenset[int]:
        """Frames at which other music may begin."""
        return frozenset(_frame(self.planned, step) for step in range(0, self.tokens.shape[1], PLACE_STEPS))

    def until(self, frame: int) -> Tokens:
        """The last `FIRST_CONTEXT_STEPS` columns before a frame."""
        count = math.ceil(frame / FRAME_RATE_HZ / _step_s(self.planned) - 1e-6)
        return np.concatenate([self.before, self.tokens[:, :count]], axis=1)[:, -FIRST_CONTEXT_STEPS:]


class Writer:
    """Writes stretches. The same words at the same places by the same seed are the same music, on one machine."""

    def __init__(self, model: Generator, seed: int) -> None:
        self._model, self._seed = model, seed

    def begin(self, brief: MusicBrief, last: Stretch | None = None, frame: int = 0) -> Stretch:
        """The first bar by new words, after `last` up to `frame`. A key that the words leave open stays as it was."""
        before = unknown(0) if last is None else last.until(frame)
        if last is not None and brief.tonic is None:
            brief = msgspec.structs.replace(brief, tonic=last.planned.tonic)
        planned = plan(brief, _PLANNED_S, self._seed, loop=True)
        return self._made(planned, before, 0 if last is None else last.number + 1, bars=1, played=0, options=FIRST)

    def follow(self, last: Stretch) -> Stretch:
        """The bars after a whole stretch, by the same words."""
        bar = last.planned.bar // SIXTEENTH
        bars = max(1, round(STRETCH_S / last.planned.bar_s))
        played = min(last.tokens.shape[1], CONTEXT_STEPS // bar * bar) or bar  # of the same plan, in whole bars
        before = last.tokens[:, -played:]
        return self._made(last.planned, before, last.number + 1, bars=bars, played=played, options=LIVE)

    def _made(
        self, planned: Plan, before: Tokens, number: int, *, bars: int, played: int, options: DecodingOptions
    ) -> Stretch:
        """`played` columns of `before` go to the arranger too, so that notes sound on over the bar line."""
        bar, seen = planned.bar // SIXTEENTH, before.shape[1]
        known = np.concatenate([before, without_unwanted(planned, unknown(bars * bar))], axis=1)
        where = positions(planned.meter, known.shape[1], first=-seen % bar, opens=not number, closes=False)
        fill = filler(self._model, planned.scale, options)
        seed = self._seed + 1_000_003 * number
        tokens = filled(fill, known, where, condition(planned, planned.brief.prompt), seed, self._model.config)
        heard = tokens[:, seen - played :]
        score = score_of(_of_bars(planned, heard.shape[1] // bar), heard)
        registers = arrange(msgspec.structs.replace(score, loop=False)).tokens
        return Stretch(planned, number, before, tokens[:, seen:], registers[:, _frame(planned, played) :])


class Live:
    """Plays stretch after stretch: `chunk` gives what is heard next, `say` other words. Close it, or use `with`."""

    def __init__(self, writer: Writer, prompt: str) -> None:
        """Raises `InputError` for words in a language that nobody here reads."""
        self._writer = writer
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="ruby")
        self._state = State()
        self._asked: Future[Stretch] | None = None
        self._now: Stretch
        self._next: Future[Stretch]
        self._frame: int
        self._places: frozenset[int]
        try:
            self._enter(writer.begin(brief_of(prompt)))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """What is being made is dropped."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def planned(self) -> Plan:
        """By what is played now."""
        return self._now.planned

    @property
    def at_bar(self) -> bool:
        """A stretch is over, and nothing was heard of the next."""
        return self._frame == self._now.frames

    def say(self, prompt: str) -> None:
        """Play by other words as soon as a bar of them is made. Raises `InputError` as at the beginning."""
        brief = brief_of(prompt)
        if self._asked is not None:
            self._asked.cancel()
        self._next.cancel()  # unless it is being made already
        self._asked = self._pool.submit(self._writer.begin, brief, self._now, self._frame)

    def chunk(self) -> Waveform:
        """The next tenth of a second or less, in stereo at 44,100 Hz; waits where it is not made yet."""
        if self._asked is not None and self._asked.done() and self._frame in self._places:
            self._enter(self._asked.result())
        elif self.at_bar:
            self._enter(self._following())
        stop = min(self._frame + CHUNK_FRAMES, *(place for place in self._places if place > self._frame))
        sound, self._state = render(self._state, self._now.registers[:, self._frame : stop])
        self._frame = stop
        return Waveform(sound, RATE_HZ)

    def _following(self) -> Stretch:
        if self._asked is not None:
            return self._asked.result()
        return self._next.result()

    def _enter(self, stretch: Stretch) -> None:
        self._now, self._frame = stretch, 0
        self._places = stretch.places() | {stretch.frames}
        self._asked = None
        self._next = self._pool.submit(self._writer.follow, stretch)


def brief_of(prompt: str) -> MusicBrief:
    """A prompt without what only a piece with an end has. Raises `InputError` where nothing of it is read."""
    brief = read(prompt)
    if not prompt.strip() or not brief.understood:
        raise InputError("These words are in no language that is read", "Say it in English, for example: calm waltz")
    return msgspec.structs.replace(
        brief, dynamics=None, structure="", seconds=None, bars=None, intro=None, ending=None, modulation=None
    )


def _of_bars(planned: Plan, bars: int) -> Plan:
    seconds = round(bars * planned.bar_s * FRAME_RATE_HZ) / FRAME_RATE_HZ
    return msgspec.structs.replace(
        planned, bars=bars, sections=(Section("A", 0, bars, 0),), seconds=seconds, intro=0, skipped=0, lifted=None
    )


def _step_s(planned: Plan) -> float:
    return SIXTEENTH / TICKS * 60 / planned.quarter_bpm


def _frame(planned: Plan, step: int) -> int:
    return round(step * _step_s(planned) * FRAME_RATE_HZ)

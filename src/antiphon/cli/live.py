"""`antiphon compose --live`: music that is made while it plays, by words that change whenever a line is typed."""

from __future__ import annotations

import queue
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.audio import Format
    from antiphon.cli.options import OutputOptions
    from antiphon.music.planning import Plan
    from antiphon.ruby.playing import Live

ENGINE: Final = "ruby"
AHEAD_S: Final = 0.15
"""Sound is written at most so long before it is due: what is in a pipe cannot be changed."""

EXPECTED_LUFS: Final = -24.0
"""How loud the chip plays, roughly."""

MAX_RANDOM_SEED: Final = 1_000_000

_OTHERS: Final = (
    "loop", "source", "vary", "bars", "part", "midi", "score", "stems", "module", "as_json", "options",
    "resume", "asset",
)  # fmt: skip
_NAMES: Final = {"source": "from", "as_json": "json", "options": "option"}

Lines = queue.SimpleQueue[tuple[str, float] | None]


def play(prompt: str, options: OutputOptions, form: Format, given: dict[str, Any]) -> None:
    """Write music at the pace at which it is heard, until `--seconds`, a bar line after the input ends, or Ctrl-C.

    Raises `InputError` for options that are of a whole piece, `OutputError` where it cannot be written.
    """
    _check(given)
    from antiphon.audio import AudioWriter
    from antiphon.cli.levels import level_for
    from antiphon.codecs.chip.layout import RATE_HZ
    from antiphon.ruby import starter
    from antiphon.ruby.playing import Live, Writer

    seed = secrets.randbelow(MAX_RANDOM_SEED) if given["seed"] is None else given["seed"]
    tell = _silent if options.quiet else _told
    options = replace(options, expected_lufs=EXPECTED_LUFS)
    with (
        Live(Writer(starter.load(threads=1), seed), prompt) as live,
        AudioWriter(options.output, form, RATE_HZ, 2) as target,
    ):
        tell(f"Seed     {seed}")
        tell(f"Playing  {_about(live.planned)}. Type other words and press Enter; Ctrl-C ends.")
        level = level_for(options, RATE_HZ, 2)
        clock = _Clock()
        talk = _Talk(live, _lines(sys.stdin), tell, ends=given["seconds"] is None)
        try:
            while not (talk.over and live.at_bar) and clock.played_s < (given["seconds"] or float("inf")):
                talk.listen()
                sound = live.chunk()
                target.write(sound if level is None else level.push(sound))
                talk.written()
                clock.wait(sound.duration_s)
        except KeyboardInterrupt:
            tell("")
        if level is not None:
            target.write(level.finish())
    tell(f"Played   {clock.played_s:.1f} s")
    if clock.late:
        tell(f"Note     {clock.late} times it was late, {clock.late_s:.1f} s in all: this machine is too busy.")


class _Clock:
    """The pace of a listener who began when the first sound was written."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self.played_s = self.late_s = 0.0
        self.late = 0

    def wait(self, written_s: float) -> None:
        """So much more was written: wait until no more than `AHEAD_S` is ahead."""
        if not self.played_s:
            self._began_s = time.monotonic()
        self.played_s += written_s
        ahead = self.played_s - (time.monotonic() - self._began_s)
        if ahead > AHEAD_S:
            time.sleep(ahead - AHEAD_S)
        elif ahead < 0:  # a gap was heard, and the rest comes later by as much
            self.late, self.late_s = self.late + 1, self.late_s - ahead
            self._began_s -= ahead


class _Talk:
    """What is typed, and when it is first heard."""

    def __init__(self, live: Live, lines: Lines, tell: Callable[[str], None], *, ends: bool) -> None:
        self._live, self._lines, self._tell, self._ends = live, lines, tell, ends
        self._asked_s: float | None = None
        self._before: Plan = live.planned
        self.over = False

    def listen(self) -> None:
        """Take up what was typed since; the last line counts."""
        while not self._lines.empty():
            if (line := self._lines.get()) is None:
                self.over = self._ends
            elif line[0]:
                self._say(*line)

    def _say(self, words: str, typed_s: float) -> None:
        try:
            self._live.say(words)
        except InputError as error:
            self._tell(f"Note     {error}")
        else:
            self._asked_s = typed_s

    def written(self) -> None:
        """Tell of a change whose first sound was just written."""
        if self._live.planned is not self._before and self._asked_s is not None:
            after_s = time.monotonic() - self._asked_s
            self._tell(f"Playing  {_about(self._live.planned)}, {after_s:.2f} s after it was typed.")
            self._before, self._asked_s = self._live.planned, None


def _check(given: dict[str, Any]) -> None:
    if named := [f"--{_NAMES.get(name, name)}" for name in _OTHERS if given.get(name)]:
        raise InputError(f"{' and '.join(named)} belong to a whole piece", "Leave them out, or leave --live out.")
    if given["engine"] not in {None, "", ENGINE}:
        raise InputError(f"Only {ENGINE} plays live", f"Leave --engine out, or give --engine {ENGINE}.")
    if given["seconds"] is not None and given["seconds"] <= 0:
        raise InputError(f"--seconds {given['seconds']:g} is no length", "Give a number above 0, or none.")


def _lines(stream: TextIO) -> Lines:
    """Lines with the moment each was typed, and None where they end; they come while others work."""
    found: Lines = queue.SimpleQueue()

    def read() -> None:
        for line in stream:
            found.put((line.strip(), time.monotonic()))
        found.put(None)

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    return found


def _about(planned: Plan) -> str:
    from antiphon.pictures.naming import key_name

    words = planned.brief.prompt or planned.style_name
    key = key_name(planned.tonic + (12 if planned.mode == "minor" else 0))
    return f"{words!r}: {key}, {planned.tempo_bpm:g} bpm"


def _told(line: str) -> None:
    click.echo(line, err=True)


def _silent(_: str) -> None:
    pass

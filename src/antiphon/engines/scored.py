"""Engines whose pieces can be written down: their notes are a function of the order, so whoever ordered repeats it."""

from __future__ import annotations

from typing import Final

from antiphon.music import Score
from antiphon.music.planning import Plan
from antiphon.services import MusicRequest

DEFAULT: Final = "chiptune"
RETRAINED: Final = "ruby"
"""Which of them runs other weights than those that ship."""
ENGINES: Final = (DEFAULT, RETRAINED)


def plan_of(request: MusicRequest, engine: str) -> Plan:
    """What a piece will be; `engine` is one of `ENGINES`, or empty for the default. Raises `InputError`."""
    from antiphon.engines import chiptune, ruby

    return ruby.plan_of(request) if engine == "ruby" else chiptune.plan_of(request)


def score_of(request: MusicRequest, engine: str) -> Score:
    """Its notes. Raises `InputError`, and `ModelError` where the engine's model is missing."""
    if engine == "ruby":
        from antiphon.engines.ruby import RubyEngine

        return RubyEngine().score_of(request)
    from antiphon.engines import chiptune

    return chiptune.score_of(request)

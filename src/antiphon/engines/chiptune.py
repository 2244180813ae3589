"""chiptune: a composer and a sound chip. Free words in, stereo music out, every window of a piece bit for bit.

It also plays what an order fixes: a MIDI file, or a sound effect by its name (`antiphon.music.fixed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip.layout import RATE_HZ
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options
from antiphon.engines.pieces import BriefOptions, Pieces, music_request
from antiphon.errors import InputError
from antiphon.music import MusicBrief, Score, compose, fixed, plan
from antiphon.music.planning import Plan
from antiphon.services import MusicRequest, Request, Service


class ChiptuneOptions(BriefOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The composer's; or `midi`, a file to be played; or `effect`: the prompt names a sound effect."""

    midi: str = ""
    effect: bool = False


class ChiptuneEngine:
    """Composes by the request's own seed: all windows of a piece fit together, wherever they are made."""

    name: ClassVar[str] = "chiptune"
    Options: ClassVar[type[ChiptuneOptions]] = ChiptuneOptions

    def __init__(self) -> None:
        self._pieces = Pieces(score_of)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.MUSIC,
            languages=("en",),
            voices=(),
            rate_hz=RATE_HZ,
            channels=2,
            rtf=0.006,
            streams=True,
            seeded=True,
            licence="MIT",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` for other services, and for options that cannot be read."""
        asked = music_request(request, self.name)
        if asked.fixed:
            read_options(ChiptuneOptions, asked.options, self.name)
            fixed.registers(asked)
        else:
            _brief(asked)

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002 - see below
        """The window in chunks of a second. The piece follows `request.seed`, not `seed`, which differs by window.

        A loop whose whole bars last longer or shorter than `request.seconds` goes round, or is cut, within it.
        """
        asked = music_request(request, self.name)
        return iter((fixed.sound(asked),)) if asked.fixed else self._pieces.window(asked)


def score_of(request: MusicRequest) -> Score:
    """The notes of the whole piece that a request is a window of. Raises `InputError`."""
    return compose(_brief(request), request.seconds, request.seed, loop=request.loop)


def plan_of(request: MusicRequest) -> Plan:
    """What the whole piece will be, with what has to be told of it. Raises `InputError`.

    Its seconds are those that were ordered, or for a loop the whole bars nearest to them.
    """
    return plan(_brief(request), request.seconds, request.seed, loop=request.loop)


def _brief(request: MusicRequest) -> MusicBrief:
    if request.fixed:
        raise InputError("A MIDI file or an effect is no composition", "Use: antiphon render, or antiphon effect.")
    return read_options(ChiptuneOptions, request.options, ChiptuneEngine.name).over(request.prompt)

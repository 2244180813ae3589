"""chiptune: a composer and a sound chip. Free words in, stereo music out, every window of a piece bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip.layout import RATE_HZ
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options
from antiphon.engines.pieces import BriefOptions, Pieces, music_request
from antiphon.music import MusicBrief, Score, compose, plan
from antiphon.music.planning import Plan
from antiphon.services import MusicRequest, Request, Service


class ChiptuneEngine:
    """Composes by the request's own seed: all windows of a piece fit together, wherever they are made."""

    name: ClassVar[str] = "chiptune"
    Options: ClassVar[type[BriefOptions]] = BriefOptions

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
        _brief(music_request(request, self.name))

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002 - see below
        """The window in chunks of a second. The piece follows `request.seed`, not `seed`, which differs by window.

        A loop whose whole bars last longer or shorter than `request.seconds` goes round, or is cut, within it.
        """
        return self._pieces.window(music_request(request, self.name))


def score_of(request: MusicRequest) -> Score:
    """The notes of the whole piece that a request is a window of. Raises `InputError`."""
    return compose(_brief(request), request.seconds, request.seed, loop=request.loop)


def plan_of(request: MusicRequest) -> Plan:
    """What the whole piece will be, with what has to be told of it. Raises `InputError`.

    Its seconds are those that were ordered, or for a loop the whole bars nearest to them.
    """
    return plan(_brief(request), request.seconds, request.seed, loop=request.loop)


def _brief(request: MusicRequest) -> MusicBrief:
    return read_options(BriefOptions, request.options, ChiptuneEngine.name).over(request.prompt)

"""ruby: a masked generator writes the notes, the composer's plan says tempo, key, metre and length, the chip plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip.layout import RATE_HZ
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options
from antiphon.engines.lazy import Lazy
from antiphon.engines.pieces import BriefOptions, Pieces, music_request
from antiphon.music import Score, plan
from antiphon.music.planning import Plan
from antiphon.ruby import starter, writing
from antiphon.ruby.conditions import condition
from antiphon.ruby.filling import DECODING, filler
from antiphon.ruby.packing import unpacked
from antiphon.ruby.tonality import STRENGTH
from antiphon.services import MusicRequest, Request, Service
from antiphon.soundstorm.decoding import DecodingOptions
from antiphon.soundstorm.serving import Generator


class RubyOptions(BriefOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The composer's, and how tokens are drawn: `temperature` of candidates, `guidance` by the words (1: none), and
    `in_key`: what a note outside the key's scale costs, in nats (0: nothing).

    `given` is what is known of the piece already (`antiphon.ruby.packing`); the rest is made to fit it.
    """

    temperature: Annotated[float, msgspec.Meta(ge=0.1, le=2)] = DECODING.temperature
    guidance: Annotated[float, msgspec.Meta(ge=1, le=5)] = DECODING.guidance
    in_key: Annotated[float, msgspec.Meta(ge=0, le=10)] = STRENGTH
    given: str = ""

    def decoding(self) -> DecodingOptions:
        return msgspec.structs.replace(DECODING, temperature=self.temperature, guidance=self.guidance)


class RubyEngine:
    """Writes by the request's own seed. On processors that round alike, the same request is the same piece."""

    name: ClassVar[str] = "ruby"
    Options: ClassVar[type[RubyOptions]] = RubyOptions

    def __init__(self, model: Generator | None = None, *, threads: int | None = None) -> None:
        """`model` of your own, or None for the one that ships."""
        self._model = Lazy(lambda: model or starter.load(threads=threads))
        self._pieces = Pieces(self.score_of)

    def with_weights(self, folder: Path) -> RubyEngine:
        """Ruby with an export of somebody's own. Raises `ModelError` where it is none."""
        return RubyEngine(starter.load(folder))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.MUSIC,
            languages=("en",),
            voices=(),
            rate_hz=RATE_HZ,
            channels=2,
            rtf=0.1,
            streams=True,
            seeded=True,
            licence="GPL-3.0-or-later",
        )

    def warm_up(self) -> None:
        self._model()

    def check(self, request: Request) -> None:
        """Raise `InputError` for other services, and for options that cannot be read."""
        asked = music_request(request, self.name)
        options = _options(asked)
        options.over(asked.prompt)
        if options.given:
            unpacked(options.given)

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002 - as the chiptune engine
        """The window in chunks of a second. The piece follows `request.seed`, not `seed`, which differs by window."""
        return self._pieces.window(music_request(request, self.name))

    def score_of(self, request: MusicRequest) -> Score:
        """The notes of the whole piece that a request is a window of. Raises `InputError`."""
        options, planned, model = _options(request), plan_of(request), self._model()
        given = unpacked(options.given) if options.given else None
        told = condition(planned, request.prompt)
        fill = filler(model, planned.scale, options.decoding(), strength=options.in_key)
        return writing.write(planned, told, fill, model.config, given=given)


def plan_of(request: MusicRequest) -> Plan:
    """What the whole piece will be but for its notes. Raises `InputError`."""
    return plan(_options(request).over(request.prompt), request.seconds, request.seed, loop=request.loop)


def _options(request: MusicRequest) -> RubyOptions:
    return read_options(RubyOptions, request.options, RubyEngine.name)

"""chiptune: a composer and a sound chip. Free words in, stereo music out, every window of a piece bit for bit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip.layout import FRAME_RATE_HZ, FRAME_SAMPLES, RATE_HZ
from antiphon.codecs.chip.synth import State, render
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options
from antiphon.errors import InputError
from antiphon.music import MusicBrief, Score, arrange, compose, overridden, plan, read
from antiphon.music.planning import Plan
from antiphon.services import MusicRequest, Request, Service

CHUNK_FRAMES = 60
"""Frames of 1/60 s in one chunk of audio."""

KEPT_FRAMES = 10 * 60
"""The chip's state is kept every so many frames, so that a later window need not begin at the beginning."""

KEPT_PIECES = 8
"""Compositions kept, for the other windows of a piece. A piece of ten minutes takes 2 MB."""

TAIL_FRAMES = 5 * 60
"""Longer than any drum sounds: what of a loop's end is played before its beginning."""

_Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ChiptuneEngine:
    """Composes by the request's own seed: all windows of a piece fit together, wherever they are made."""

    name: ClassVar[str] = "chiptune"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """What stands above the prompt.

        `key` e.g. `A minor`, `meter` e.g. `6/8`, `form` e.g. `AABA`, `parts` e.g. `square lead, no drums`.

        What is not given is left to the prompt.
        """

        style: str = ""
        mood: str = ""
        tempo_bpm: Annotated[float, msgspec.Meta(ge=30, le=300)] | None = None
        key: str = ""
        meter: str = ""
        form: str = ""
        parts: str = ""
        energy: _Unit | None = None
        brightness: _Unit | None = None
        density: _Unit | None = None

    def __init__(self) -> None:
        self._pieces = _Pieces()

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
        _brief(_music(request))

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002 - see below
        """The window in chunks of a second. The piece follows `request.seed`, not `seed`, which differs by window.

        A loop whose whole bars last longer or shorter than `request.seconds` goes round, or is cut, within it.
        """
        asked = _music(request)
        piece = self._pieces.of(asked)
        return piece.samples(round(asked.start_s * RATE_HZ), round(asked.stop_s * RATE_HZ))


def score_of(request: MusicRequest) -> Score:
    """The notes of the whole piece that a request is a window of. Raises `InputError`."""
    return compose(_brief(request), request.seconds, request.seed, loop=request.loop)


def plan_of(request: MusicRequest) -> Plan:
    """What the whole piece will be, with what has to be told of it. Raises `InputError`.

    Its seconds are those that were ordered, or for a loop the whole bars nearest to them.
    """
    return plan(_brief(request), request.seconds, request.seed, loop=request.loop)


def _music(request: Request) -> MusicRequest:
    if not isinstance(request, MusicRequest):
        raise InputError("The engine chiptune makes music, not speech", "Choose a speech engine, or compose.")
    return request


def _brief(request: MusicRequest) -> MusicBrief:
    options = read_options(ChiptuneEngine.Options, request.options, ChiptuneEngine.name)
    given = msgspec.structs.asdict(options)
    return overridden(read(request.prompt), structure=given.pop("form"), **given)


class _Piece:
    """A composition as registers, and the chip's state at some of its frames."""

    def __init__(self, score: Score) -> None:
        self._tokens = arrange(score).tokens  # [10, F]
        self._length = round(score.seconds * RATE_HZ)
        self._loop = score.loop
        self._again = round(score.second(score.loop_start) * FRAME_RATE_HZ) * FRAME_SAMPLES
        first = State()
        if score.loop and not self._again:
            # The drums of the end sound on into the beginning.
            _, first = render(first, self._tokens[:, -TAIL_FRAMES:])
        self._states = [first]  # of frames 0, KEPT_FRAMES, ...
        self._lock = threading.Lock()

    def samples(self, start: int, stop: int) -> Iterator[Waveform]:
        """Samples `start` to `stop` in chunks; a loop goes round."""
        while start < stop:
            inside = self._place(start)
            end = min(inside + stop - start, self._length)
            yield from self._once(inside, end)
            if not self._loop:
                return
            start += end - inside

    def _place(self, sample: int) -> int:
        """Where a sample of the order stands in the piece: a loop goes round, after its introduction."""
        if not self._loop or sample < self._length:
            return sample
        return self._again + (sample - self._length) % (self._length - self._again)

    def _once(self, start: int, stop: int) -> Iterator[Waveform]:
        frame, state = self._state_before(start // FRAME_SAMPLES)
        last = -(-stop // FRAME_SAMPLES)
        while frame < last:
            until = min(frame + CHUNK_FRAMES, last)
            sound, state = render(state, self._tokens[:, frame:until])
            begin, end = max(start - frame * FRAME_SAMPLES, 0), min(stop - frame * FRAME_SAMPLES, sound.shape[1])
            if end > begin:
                yield Waveform(np.ascontiguousarray(sound[:, begin:end]), RATE_HZ)
            frame = until

    def _state_before(self, frame: int) -> tuple[int, State]:
        """The nearest kept frame at or before `frame`, and the chip's state before it."""
        with self._lock:
            while len(self._states) <= frame // KEPT_FRAMES:
                begin = (len(self._states) - 1) * KEPT_FRAMES
                _, state = render(self._states[-1], self._tokens[:, begin : begin + KEPT_FRAMES])
                self._states.append(state)
            kept = frame // KEPT_FRAMES
            return kept * KEPT_FRAMES, self._states[kept]


class _Pieces:
    """The last few compositions, by everything that decides them."""

    def __init__(self) -> None:
        self._pieces: OrderedDict[bytes, _Piece] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, request: MusicRequest) -> _Piece:
        """The piece of a request, composed if it is not kept."""
        key = msgspec.msgpack.encode(msgspec.structs.replace(request, start_s=0.0, stop_s=min(1.0, request.seconds)))
        with self._lock:
            piece = self._pieces.get(key)
            if piece is None:
                piece = self._pieces[key] = _Piece(score_of(request))
            self._pieces.move_to_end(key)
            while len(self._pieces) > KEPT_PIECES:
                self._pieces.popitem(last=False)
            return piece

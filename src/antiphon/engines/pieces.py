"""Scores as sound, window by window: what engines that compose have in common.

Every window of a piece is cut from one composition, so all fit together, wherever they are made.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip.layout import FRAME_RATE_HZ, FRAME_SAMPLES, RATE_HZ
from antiphon.codecs.chip.synth import State, render
from antiphon.errors import InputError
from antiphon.music import MusicBrief, Score, arrange, overridden, read
from antiphon.services import MusicRequest, Request

CHUNK_FRAMES = 60
"""Frames of 1/60 s in one chunk of audio."""

KEPT_FRAMES = 10 * 60
"""The chip's state is kept every so many frames, so that a later window need not begin at the beginning."""

KEPT_PIECES = 8
"""Compositions kept, for the other windows of a piece. A piece of ten minutes takes 2 MB."""

TAIL_FRAMES = 5 * 60
"""Longer than any drum sounds: what of a loop's end is played before its beginning."""

_Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BriefOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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

    def over(self, prompt: str) -> MusicBrief:
        """The brief of a prompt under these options. Raises `InputError`."""
        given = {name: getattr(self, name) for name in BriefOptions.__struct_fields__}
        brief = overridden(read(prompt), structure=given.pop("form"), **given)
        if not brief.understood:
            raise InputError(
                f"The prompt is in a language that is not read: {', '.join(brief.unread)}",
                "Say it in English, German, Spanish, French, Italian or Japanese, or by --option.",
            )
        return brief


def music_request(request: Request, engine: str) -> MusicRequest:
    """Raises `InputError` for requests of another service."""
    if not isinstance(request, MusicRequest):
        raise InputError(f"The engine {engine} makes music, not speech", "Choose a speech engine, or compose.")
    return request


class Piece:
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


class Pieces:
    """The last few compositions, by everything that decides them."""

    def __init__(self, compose: Callable[[MusicRequest], Score]) -> None:
        self._compose = compose
        self._pieces: OrderedDict[bytes, Piece] = OrderedDict()
        self._lock = threading.Lock()

    def window(self, request: MusicRequest) -> Iterator[Waveform]:
        """The request's window in chunks of a second."""
        return self.of(request).samples(round(request.start_s * RATE_HZ), round(request.stop_s * RATE_HZ))

    def of(self, request: MusicRequest) -> Piece:
        """The piece of a request, composed if it is not kept."""
        key = msgspec.msgpack.encode(msgspec.structs.replace(request, start_s=0.0, stop_s=min(1.0, request.seconds)))
        with self._lock:
            piece = self._pieces.get(key)
            if piece is None:
                piece = self._pieces[key] = Piece(self._compose(request))
            self._pieces.move_to_end(key)
            while len(self._pieces) > KEPT_PIECES:
                self._pieces.popitem(last=False)
            return piece

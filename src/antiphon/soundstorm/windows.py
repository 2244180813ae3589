"""Audio of any length in windows, streaming, and dialogue by turns.

Each window sees [the voice's prompt | the last frames made | new frames]. The prompt is the same in every window, so
the voice cannot wander away by small steps; the tail lets a window go on where the one before ended.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import msgspec
import numpy as np

from antiphon.codecs.base import TokenGrid, Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.decoding import DecodingInput
from antiphon.soundstorm.inputs import Floats
from antiphon.soundstorm.layout import MAX_FRAMES, Layout

MAX_TOTAL_FRAMES = 600_000
"""Longest piece (200 min at 50 Hz)."""

Run = Callable[[DecodingInput], TokenGrid]
"""One window to the grid of its target. Usually `lambda job: generate(logits, [job], layout, options)[0].grid`."""

RunBatch = Callable[[Sequence[DecodingInput]], Sequence[TokenGrid]]
"""Several windows in one run."""


class WindowOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`window` frames at most in one generation, of which `overlap` repeat what the window before made.

    `first` (0: no limit) bounds the new frames of the very first window: a short one makes the first sound early.
    """

    window: int = 1_500  # 30 s at 50 Hz, the longest the paper's generator sees
    overlap: int = 100
    first: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.window <= MAX_FRAMES or not 0 <= self.overlap < self.window or self.first < 0:
            raise ValueError(f"window must be within 1..{MAX_FRAMES}, overlap below it, first not negative")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: `semantic [P]` at the codec's frame rate and `acoustic [K, P]` tokens of the same audio. P may be 0."""

    semantic: Tokens
    acoustic: Tokens
    text: Floats | None = None  # a description, for generators with a text condition

    def __post_init__(self) -> None:
        if self.acoustic.ndim != 2 or self.semantic.shape != self.acoustic.shape[1:]:
            raise InputError(
                f"A prompt's semantic {self.semantic.shape} and acoustic {self.acoustic.shape} tokens differ in frames",
                "Make both from the same audio.",
            )

    @property
    def frames(self) -> int:
        return int(self.semantic.shape[0])

    @classmethod
    def none(cls, layout: Layout) -> Prompt:
        """No prompt: a voice of the generator's choice."""
        return cls(np.zeros(0, np.uint16), np.zeros((layout.levels, 0), np.uint16))


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker's turn: who, and the semantic tokens `[T]` of what is said."""

    speaker: str
    semantic: Tokens


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to be made: semantic tokens `[T]`, in whose voice, and the key of each window's noise."""

    semantic: Tokens
    voice: Prompt
    key: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Span:
    """`new` frames from `start`, made in sight of the `tail` frames before."""

    start: int
    tail: int
    new: int


def spans(frames: int, prompt: int, options: WindowOptions, *, tail: int = 0) -> tuple[Span, ...]:
    """How `frames` frames are made, when `tail` frames are there already. Raises `InputError` for too long a prompt."""
    if frames > MAX_TOTAL_FRAMES:
        raise InputError(f"{frames} frames are more than {MAX_TOTAL_FRAMES}", "Split the text.")
    room = options.window - prompt
    if room <= options.overlap:
        raise InputError(
            f"A prompt of {prompt} frames leaves no room in a window of {options.window}",
            f"Use at most {options.window - options.overlap - 1} frames of it.",
        )
    made: list[Span] = []
    start = 0
    while start < frames:
        seen = min(options.overlap, start + tail)
        most = min(room - seen, options.first) if options.first and not start else room - seen
        made.append(Span(start, seen, min(most, frames - start)))
        start += made[-1].new
    return tuple(made)


def stream(
    run: Run, semantic: Tokens, voice: Prompt, key: Callable[[int], bytes], options: WindowOptions | None = None
) -> Iterator[TokenGrid]:
    """New frames of each window as soon as they are made; `key(n)` is the key of window n (`task_key(id, seed, n)`)."""
    return _go_on(run, semantic, voice, key, options or WindowOptions(), _first(voice, 0), 0)


def long(
    run: Run, semantic: Tokens, voice: Prompt, key: Callable[[int], bytes], options: WindowOptions | None = None
) -> TokenGrid:
    """All of `stream` in one grid. Raises `InputError` when there is nothing to generate."""
    return joined(stream(run, semantic, voice, key, options))


def dialogue(
    run: Run,
    turns: Sequence[Turn],
    voices: Mapping[str, Prompt],
    key: Callable[[int], bytes],
    options: WindowOptions | None = None,
) -> Iterator[tuple[str, TokenGrid]]:
    """Turn by turn: speaker and new frames. Each sees its own prompt and the end of its own last turn, so that two
    voices never mix. Raises `InputError` for a speaker without a voice."""
    options = options or WindowOptions()
    for turn in turns:
        if turn.speaker not in voices:
            raise InputError(
                f"There is no voice for the speaker {turn.speaker}", f"Give one of {', '.join(sorted(voices))}."
            )
    tails: dict[str, Prompt] = {}
    window = 0
    for turn in turns:
        voice = voices[turn.speaker]
        tail = tails.get(turn.speaker, _first(voice, 0))
        made = []
        for grid in _go_on(run, turn.semantic, voice, key, options, tail, window):
            made.append(grid.tokens)
            yield turn.speaker, grid
            window += 1
        if made:
            said = Prompt(turn.semantic, np.concatenate(made, axis=1))
            tails[turn.speaker] = _last(_add(tail, said), options.overlap)


def joined(grids: Iterator[TokenGrid]) -> TokenGrid:
    """One grid of all. Raises `InputError` for none."""
    parts = list(grids)
    if not parts:
        raise InputError("There are no semantic tokens to generate from", "Give at least one.")
    return replace(parts[0], tokens=np.concatenate([part.tokens for part in parts], axis=1))


def together(
    run: RunBatch, pieces: Sequence[Piece], batch: int, options: WindowOptions | None = None
) -> Iterator[tuple[int, TokenGrid]]:
    """Many pieces, up to `batch` of them at a time in one run: number and whole grid of each, as it is done.

    Every piece gets the windows it would get alone; a float32 graph may round sums of a batch otherwise.
    Raises `InputError` for a batch of none, and for pieces without semantic tokens.
    """
    if batch < 1:
        raise InputError("A batch holds at least one piece")
    options = options or WindowOptions()
    waiting = iter(enumerate(pieces))
    active: list[_Active] = []
    while True:
        for number, piece in islice(waiting, batch - len(active)):
            windows = _asked(piece.semantic, piece.voice, piece.key, options, _first(piece.voice, 0), 0)
            if (job := next(windows, None)) is None:
                raise InputError("There are no semantic tokens to generate from", "Give at least one.")
            active.append(_Active(number, windows, job, []))
        if not active:
            return
        for one, grid in zip(list(active), run([one.job for one in active]), strict=True):
            one.made.append(grid)
            if (job := _next(one.windows, grid)) is not None:
                one.job = job
                continue
            active.remove(one)
            yield one.number, joined(iter(one.made))


@dataclass(slots=True, eq=False)
class _Active:
    """A piece that is being made: its next window, and what was made of it."""

    number: int
    windows: Generator[DecodingInput, TokenGrid]
    job: DecodingInput
    made: list[TokenGrid]


def _go_on(
    run: Run,
    semantic: Tokens,
    voice: Prompt,
    key: Callable[[int], bytes],
    options: WindowOptions,
    tail: Prompt,
    window: int,
) -> Iterator[TokenGrid]:
    """Windows over `semantic`, after `tail` of the same speaker; the first window is number `window`."""
    windows = _asked(semantic, voice, key, options, tail, window)
    job = next(windows, None)
    while job is not None:
        grid = run(job)
        yield grid
        job = _next(windows, grid)


def _next(windows: Generator[DecodingInput, TokenGrid], grid: TokenGrid) -> DecodingInput | None:
    """The window after the one `grid` was made of; None: that was the last."""
    try:
        return windows.send(grid)
    except StopIteration:
        return None


def _asked(
    semantic: Tokens, voice: Prompt, key: Callable[[int], bytes], options: WindowOptions, tail: Prompt, window: int
) -> Generator[DecodingInput, TokenGrid]:
    """Each window as the generator is asked for it; it is sent the window's grid."""
    done = tail
    for span in spans(semantic.shape[0], voice.frames, options, tail=done.frames):
        seen = _last(done, span.tail)
        new = semantic[span.start : span.start + span.new]
        grid = yield DecodingInput(
            np.concatenate([voice.semantic, seen.semantic, new]),
            np.concatenate([voice.acoustic, seen.acoustic], axis=1),
            key(window),
            voice.text,
        )
        window += 1
        done = _last(_add(done, Prompt(new, grid.tokens)), options.overlap)


def _first(voice: Prompt, frames: int) -> Prompt:
    return Prompt(voice.semantic[:frames], voice.acoustic[:, :frames])


def _last(voice: Prompt, frames: int) -> Prompt:
    start = voice.frames - frames
    return Prompt(voice.semantic[start:], voice.acoustic[:, start:]) if start > 0 else voice


def _add(before: Prompt, after: Prompt) -> Prompt:
    return Prompt(
        np.concatenate([before.semantic, after.semantic]), np.concatenate([before.acoustic, after.acoustic], axis=1)
    )

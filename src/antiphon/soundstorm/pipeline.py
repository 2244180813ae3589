"""All parts of the generator together: recordings, texts and semantic tokens to sound, in the voice of a prompt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Codec, TokenGrid, Tokens
from antiphon.errors import InputError
from antiphon.soundstorm import windows
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions, task_key
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.semantic import SemanticTokenizer
from antiphon.soundstorm.serving import Generator
from antiphon.soundstorm.text import TextStage
from antiphon.soundstorm.windows import Piece, Prompt, Turn


@dataclass(frozen=True, slots=True)
class Spoken:
    """Sound, the seconds it took to make, and the generator's passes."""

    wave: Waveform
    took_s: float
    passes: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What makes speech. `text` None: semantic tokens are those of recordings."""

    codec: Codec
    tokenizer: SemanticTokenizer
    generator: Generator
    text: TextStage | None
    phonemise: Callable[[str], str]
    options: DecodingOptions = field(default_factory=DecodingOptions)

    def check(self) -> None:
        """Raises `InputError` when the parts do not fit together."""
        self.generator.layout.fits(self.codec)
        self.generator.layout.hears(self.tokenizer.name, self.tokenizer.vocabulary)
        if self.text is not None and self.text.config.semantic != self.tokenizer.name:
            raise InputError(
                f"The text stage makes tokens of {self.text.config.semantic}, not of {self.tokenizer.name}",
                "Train it on data of this tokenizer.",
            )
        self.options.plan(self.generator.layout)

    def prompt(self, wave: Waveform, seconds: float) -> Prompt:
        """The beginning of a recording as the generator is shown it, at most half of its window."""
        seconds = min(seconds, self.generator.windows.window / 2 / self.codec.frame_rate_hz)
        start = Waveform(wave.samples[:, : round(seconds * wave.rate_hz)], wave.rate_hz)
        grid = self.codec.encode(start)
        return Prompt(align(self.tokenizer.encode(start), grid.frames), grid.tokens)

    def heard(self, wave: Waveform) -> Tokens:
        """Semantic tokens of a recording at the codec's frame rate."""
        return self.tokenizer.aligned(wave, max(1, round(wave.duration_s * self.codec.frame_rate_hz)))

    def read(self, text: str, task: str, seed: int) -> Tokens:
        """Semantic tokens of a text at the codec's frame rate. Raises `InputError` without a text stage."""
        if self.text is None:
            raise InputError("A text needs a text stage", "Give the folder that `train text` made, by --text.")
        said = self.text.say(self.phonemise(text), task_key(task, seed))
        return self.at_frames(said.tokens, said.frame_rate_hz)

    def at_frames(self, semantic: Tokens, rate_hz: float | None = None) -> Tokens:
        """Semantic tokens of `rate_hz` (the tokenizer's own) at the codec's frames. Raises `InputError` for one that
        the tokenizer does not have."""
        if semantic.size and int(semantic.max()) >= self.tokenizer.vocabulary:
            raise InputError(
                f"There is no semantic token {int(semantic.max())}: {self.tokenizer.name} has "
                f"{self.tokenizer.vocabulary}",
                "Give tokens of the tokenizer that the generator was trained with.",
            )
        seconds = semantic.shape[0] / (rate_hz or self.tokenizer.frame_rate_hz)
        return align(semantic, max(1, round(seconds * self.codec.frame_rate_hz)))

    def say(self, text: str, voice: Prompt, task: str, seed: int) -> Spoken:
        """A text, by way of the text stage, whose time counts."""
        began = time.perf_counter()
        made = self.speak(self.read(text, task, seed), voice, task, seed)
        return replace(made, took_s=time.perf_counter() - began)

    def speak(self, semantic: Tokens, voice: Prompt, task: str, seed: int) -> Spoken:
        """Any length, in windows, as the network makes it."""
        run, passes = self.generator.runner(self.options), 0

        def counted(job: DecodingInput) -> TokenGrid:
            nonlocal passes
            passes += len(self.options.plan(self.generator.layout))
            return run(job)

        began = time.perf_counter()
        grid = windows.long(counted, semantic, voice, lambda n: task_key(task, seed, n), self.generator.windows)
        return Spoken(self.codec.decode(grid), time.perf_counter() - began, passes)

    def together(self, pieces: Sequence[Piece], batch: int) -> Iterator[tuple[int, TokenGrid]]:
        """Acoustic tokens of many pieces, up to `batch` in one run: number and tokens of each, as it is done."""

        def run(jobs: Sequence[DecodingInput]) -> list[TokenGrid]:
            return [result.grid for result in self.generator.generate(jobs, self.options)]

        return windows.together(run, pieces, batch, self.generator.windows)

    def dialogue(
        self, turns: Sequence[tuple[str, str]], voices: Mapping[str, Prompt], task: str, seed: int
    ) -> Iterator[tuple[int, Waveform]]:
        """(speaker, text) in turn to number and sound of each turn. Each speaker goes on where it ended before."""
        said = [Turn(speaker, self.read(text, f"{task} {n}", seed)) for n, (speaker, text) in enumerate(turns)]
        run, key = self.generator.runner(self.options), lambda n: task_key(task, seed, n)
        grids = windows.dialogue(run, said, voices, key, self.generator.windows)
        for number, turn in enumerate(said):
            made: list[TokenGrid] = []
            while sum(grid.frames for grid in made) < turn.semantic.shape[0]:
                made.append(next(grids)[1])
            yield number, self.codec.decode(windows.joined(iter(made)))

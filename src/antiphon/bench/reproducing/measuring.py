"""Sentences to be made again from their semantic tokens, and what is heard in what was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

import numpy as np

from antiphon.analysis import embed_independent
from antiphon.audio import resample
from antiphon.audio.waveform import Samples, Waveform
from antiphon.bench.cheats import synthesise
from antiphon.bench.clips import HELD_OUT_SPEAKERS, RATE_HZ, recording, spoken
from antiphon.bench.sentences import HELD_OUT, WARM_UP
from antiphon.bench.speaking import Naturalness, SpeechQuality, Transcriber
from antiphon.codecs.base import Codec, TokenGrid, Tokens
from antiphon.codecs.neural.measures import mel_distance
from antiphon.soundstorm.decoding import DecodingInput, task_key
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.pipeline import Spoken
from antiphon.soundstorm.semantic import SemanticTokenizer
from antiphon.soundstorm.windows import Prompt

PROMPT_S = 3.0
LEARNT_VOICE = "hibari"
"""Whom the models that a row trains learn from: our fastest engine."""

Run = Callable[[DecodingInput], TokenGrid]


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence, its recording and semantic tokens `[T]`, and whose voice it is to be made in."""

    text: str
    recording: Waveform
    semantic: Tokens
    speaker: str


@dataclass(frozen=True, slots=True)
class Cases:
    """The same for every curve of a row."""

    codec: Codec
    cases: Sequence[Case]
    prompts: Mapping[str, Prompt]
    voices: Mapping[str, Samples]
    own_voice: bool  # whether the recordings are of the speakers, and can be compared with
    seed: int = 0
    transcriber: Transcriber = field(default_factory=Transcriber)
    naturalness: Naturalness = field(default_factory=Naturalness)

    def heard(self, run: Run) -> dict[str, float]:
        """By quality (`row.QUALITIES`): words by a recogniser, likeness to the speaker, and what it took."""
        heard = SpeechQuality(self.transcriber, self.naturalness, self.voices)
        distances = []
        for number, case in enumerate(self.cases):
            job = self.job(case.semantic, case.speaker, number)
            began = time.perf_counter()
            wave = self.codec.decode(run(job))
            heard.add(Spoken(wave, time.perf_counter() - began, 0), case.text, case.speaker)
            distances.append(mel_distance(case.recording, wave))
        found = {"wer": 100 * heard.errors / heard.words, "speed": heard.took_s / heard.made_s}
        for name, values in (("likeness", heard.likeness), ("mos", heard.mos)):
            if values:
                found[name] = mean(values)
        return found | ({"mel": mean(distances)} if self.own_voice else {})

    def job(self, semantic: Tokens, speaker: str, number: int) -> DecodingInput:
        """What a generator is given: the speaker's prompt, and what is to be said."""
        prompt = self.prompts[speaker]
        said = np.concatenate([prompt.semantic, semantic])
        return DecodingInput(said, prompt.acoustic, task_key(f"reproduce-{number}", self.seed))

    def long(self, seconds: float) -> DecodingInput:
        """One long piece, for its time alone: the sentences end to end, as often as needed."""
        said = np.concatenate([case.semantic for case in self.cases])
        return self.job(np.resize(said, round(seconds * self.codec.frame_rate_hz)), self.cases[0].speaker, 0)


def strangers(codec: Codec, tokenizer: SemanticTokenizer, count: int) -> Cases:
    """Sentences that nothing was trained on, in voices that were not either: for the models that ship."""
    prompts = {name: _prompt(codec, tokenizer, recording(name)) for name in HELD_OUT_SPEAKERS}
    voices = {name: embed_independent(recording(name)) for name in prompts}
    names = list(prompts)
    cases = [
        Case(clip.text, clip.wave, _heard(codec, tokenizer, clip.wave), names[number % len(names)])
        for number, clip in enumerate(spoken(("bm_george",), count))
    ]
    return Cases(codec, cases, prompts, voices, own_voice=False)


def own(codec: Codec, tokenizer: SemanticTokenizer, count: int) -> Cases:
    """Sentences that nothing was trained on, by the voice that a row's models learn from."""
    waves = list(said_by_us(HELD_OUT[:count]))
    prompt = next(iter(said_by_us((WARM_UP,))))
    cases = [
        Case(text, wave, _heard(codec, tokenizer, wave), LEARNT_VOICE)
        for text, wave in zip(HELD_OUT, waves, strict=False)
    ]
    voices = {LEARNT_VOICE: embed_independent(prompt)}
    return Cases(codec, cases, {LEARNT_VOICE: _prompt(codec, tokenizer, prompt)}, voices, own_voice=True)


def said_by_us(texts: Sequence[str]) -> Iterator[Waveform]:
    """Each text in `LEARNT_VOICE`."""
    for number, text in enumerate(texts):
        yield resample(synthesise(text, LEARNT_VOICE, number), RATE_HZ)


def _heard(codec: Codec, tokenizer: SemanticTokenizer, wave: Waveform) -> Tokens:
    return tokenizer.aligned(wave, max(1, round(wave.duration_s * codec.frame_rate_hz)))


def _prompt(codec: Codec, tokenizer: SemanticTokenizer, wave: Waveform) -> Prompt:
    start = Waveform(wave.samples[:, : round(PROMPT_S * wave.rate_hz)], wave.rate_hz)
    grid = codec.encode(start)
    return Prompt(align(tokenizer.encode(start), grid.frames), grid.tokens)

"""How well our generator speaks, on a test set: words, voice, naturalness, drift, passes and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np

from antiphon.audio import read
from antiphon.audio.waveform import Samples, Waveform
from antiphon.bench.figure import Figure, figure
from antiphon.codecs.base import Codec, TokenGrid, Tokens
from antiphon.errors import InputError
from antiphon.hearing import embed_independent, mean_voice
from antiphon.judges.base import Evidence
from antiphon.judges.naturalness import DistillMosJudge
from antiphon.judges.words import WordsJudge
from antiphon.services import SpeechRequest
from antiphon.soundstorm.data import find
from antiphon.soundstorm.data.manifest import Source
from antiphon.soundstorm.decoding import DecodingOptions, task_key
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.semantic import SemanticTokenizer
from antiphon.soundstorm.serving import Generator
from antiphon.soundstorm.text import TextStage
from antiphon.soundstorm.windows import Voice, long

MAX_CLIP_S = 30.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What is measured. `text` None: semantic tokens are those of the recordings."""

    codec: Codec
    tokenizer: SemanticTokenizer
    generator: Generator
    text: TextStage | None
    phonemise: Callable[[str], str]


@dataclass(slots=True)
class _Seen:
    wer: list[float] = field(default_factory=list)
    cer: list[float] = field(default_factory=list)
    mos: list[float] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    nearest: list[bool] = field(default_factory=list)
    made_s: float = 0.0
    took_s: float = 0.0


def evaluated(
    folder: Path, parts: Parts, *, prompt_s: float = 3.0, clips: int = 20, long_s: float = 30.0, seed: int = 0
) -> Iterator[Figure]:
    """Figures of a test set `SPEAKER/NAME.wav` with texts. Each clip is prompted by another of its speaker.

    Raises `InputError` when the parts do not fit together or no clip has a text and a companion.
    """
    parts.generator.layout.fits(parts.codec)
    if parts.tokenizer.vocabulary != parts.generator.layout.semantic_vocabulary:
        raise InputError(
            f"The generator knows {parts.generator.layout.semantic_vocabulary} semantic tokens, the tokenizer makes "
            f"{parts.tokenizer.vocabulary}",
            "Use the tokenizer its data was prepared with.",
        )
    if parts.text is not None and parts.text.config.semantic != parts.tokenizer.name:
        raise InputError(
            f"The text stage makes tokens of {parts.text.config.semantic}, not of {parts.tokenizer.name}",
            "Train it on data of this tokenizer.",
        )
    pairs = _pairs(folder, clips)
    voices = _voices(pairs)
    words, quality, seen = WordsJudge(), DistillMosJudge(), _Seen()
    for number, (clip, prompt) in enumerate(pairs):
        voice = _prompt(read(prompt.file, max_s=MAX_CLIP_S), parts, prompt_s)
        made, took_s = _speak(_semantic(clip, parts, seed), voice, parts, f"evaluate-{number}", seed)
        seen.made_s, seen.took_s = seen.made_s + made.duration_s, seen.took_s + took_s
        _judge(seen, made, clip, voices, words, quality)
    options = DecodingOptions()
    speakers = len(voices)
    yield figure("clips", float(len(pairs)), "", note=f"{speakers} speakers, {seen.made_s:.0f} s made")
    yield _mean("word error rate", seen.wer, "ratio", "<= 0.08" if parts.text is None else "<= 0.1")
    yield _mean("character error rate", seen.cer, "ratio")
    yield _mean("likeness to the speaker", seen.likeness, "cosine")
    yield _mean(f"nearest of {speakers} speakers is the prompt's", [float(n) for n in seen.nearest], "ratio", ">= 0.8")
    yield _mean("naturalness (DistillMOS)", seen.mos, "MOS", ">= 3.5")
    yield figure("passes", float(len(options.plan(parts.generator.layout))), "", "<= 27")
    yield figure("real-time factor", seen.took_s / max(seen.made_s, 1e-9), "", "<= 0.1", "generator and codec")
    if long_s:
        yield _drift(pairs, parts, prompt_s, long_s, seed)


def _pairs(folder: Path, clips: int) -> list[tuple[Source, Source]]:
    """Clips with a text, and another clip of the same speaker; speakers in turn."""
    by_speaker: dict[str, list[Source]] = {}
    for source in find([folder])[0]:
        if source.text:
            by_speaker.setdefault(source.speaker, []).append(source)
    rounds: list[tuple[int, str, Source, Source]] = []
    for speaker, members in by_speaker.items():
        around = [*members, members[0]]
        if len(members) > 1:
            rounds.extend((turn, speaker, one, other) for turn, (other, one) in enumerate(pairwise(around)))
    chosen = [(one, other) for _, _, one, other in sorted(rounds, key=lambda row: row[:2])[:clips]]
    if not chosen:
        raise InputError(f"No speaker in {folder} has two clips with texts", "Give SPEAKER/NAME.wav and NAME.txt.")
    return chosen


def _voices(pairs: list[tuple[Source, Source]]) -> dict[str, Samples]:
    """Each speaker's mean embedding over the clips used; one too short to be told is left out."""
    found: dict[str, list[Samples]] = {}
    for clip, prompt in pairs:
        for source in (clip, prompt):
            try:
                found.setdefault(source.speaker, []).append(embed_independent(read(source.file, max_s=MAX_CLIP_S)))
            except InputError:
                continue
    return {speaker: mean_voice(np.stack(rows)) for speaker, rows in found.items()}


def _prompt(wave: Waveform, parts: Parts, prompt_s: float) -> Voice:
    start = Waveform(wave.samples[:, : round(prompt_s * wave.rate_hz)], wave.rate_hz)
    grid = parts.codec.encode(start)
    return Voice(align(parts.tokenizer.encode(start), grid.frames), grid.tokens)


def _semantic(clip: Source, parts: Parts, seed: int) -> Tokens:
    """Semantic tokens of a clip at the codec's frame rate: heard, or made from its text."""
    rate_hz = parts.codec.frame_rate_hz
    if parts.text is not None:
        said = parts.text.say(parts.phonemise(clip.text), task_key(clip.name, seed))
        return align(said.tokens, max(1, round(said.tokens.shape[0] * rate_hz / said.frame_rate_hz)))
    wave = read(clip.file, max_s=MAX_CLIP_S)
    return parts.tokenizer.aligned(wave, max(1, round(wave.duration_s * rate_hz)))


def _speak(semantic: Tokens, voice: Voice, parts: Parts, task: str, seed: int) -> tuple[Waveform, float]:
    """Sound, and the seconds it took to make."""
    began = time.perf_counter()
    grid: TokenGrid = long(parts.generator.runner(), semantic, voice, lambda n: task_key(task, seed, n))
    return parts.codec.decode(grid), time.perf_counter() - began


def _judge(
    seen: _Seen, made: Waveform, clip: Source, voices: dict[str, Samples], words: WordsJudge, quality: DistillMosJudge
) -> None:
    request = SpeechRequest(text=clip.text, voice="prompt")
    evidence = Evidence(request, made, made.rate_hz, made.samples.shape[1])
    measured = {one.name: one.value for one in (*words.measure(evidence), *quality.measure(evidence))}
    for name, values in (("wer", seen.wer), ("cer", seen.cer), ("distillmos", seen.mos)):
        value = measured.get(name)
        if value is not None:
            values.append(value)
    try:
        heard = embed_independent(made)
    except InputError:  # no speech to tell a voice by
        seen.nearest.append(False)
        return
    if clip.speaker in voices:
        seen.likeness.append(float(heard @ voices[clip.speaker]))
        nearest = max(voices, key=lambda name: float(heard @ voices[name]))
        seen.nearest.append(nearest == clip.speaker)


def _drift(pairs: list[tuple[Source, Source]], parts: Parts, prompt_s: float, long_s: float, seed: int) -> Figure:
    """How much less the last third of a long piece is like the prompt's speaker than the first, in parts of that."""
    speaker = pairs[0][0].speaker
    mine = [clip for clip, _ in pairs if clip.speaker == speaker]
    semantic = np.concatenate([_semantic(clip, parts, seed) for clip in mine])
    frames = round(long_s * parts.codec.frame_rate_hz)
    semantic = np.resize(semantic, frames)  # repeats what there is
    prompt = read(pairs[0][1].file, max_s=MAX_CLIP_S)
    made, _ = _speak(semantic, _prompt(prompt, parts, prompt_s), parts, "evaluate-long", seed)
    third = made.samples.shape[1] // 3
    try:
        voice = embed_independent(prompt)
        first, last = (
            float(embed_independent(Waveform(made.samples[:, part], made.rate_hz)) @ voice)
            for part in (slice(0, third), slice(2 * third, None))
        )
    except InputError as error:
        return figure(f"drift over {long_s:g} s", None, "ratio", "<= 0.05", str(error))
    note = f"likeness {first:.2f} in the first third, {last:.2f} in the last"
    return figure(f"drift over {long_s:g} s", (first - last) / max(abs(first), 1e-9), "ratio", "<= 0.05", note)


def _mean(name: str, values: list[float], unit: str, target: str = "") -> Figure:
    if not values:
        return figure(name, None, unit, target, "nothing could be measured")
    return figure(name, mean(values), unit, target)

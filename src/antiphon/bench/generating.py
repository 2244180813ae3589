"""How our generator speaks with voices it never heard: words, voices, naturalness, drift, passes, time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from antiphon.analysis import embed_independent
from antiphon.audio.waveform import Samples, Waveform
from antiphon.bench.clips import COMPARED, HELD_OUT_SPEAKERS, Clip, recording
from antiphon.bench.figure import Figure
from antiphon.bench.speaking import PAPER_S, Naturalness, SpeechQuality, Transcriber, long_figures
from antiphon.soundstorm.audit import Task
from antiphon.soundstorm.decoding import DecodingInput, task_key
from antiphon.soundstorm.pipeline import Pipeline

PROMPT_S = 3.0
SENTENCES = 3
"""Of each speaker."""
SPEAKERS = 10
AUDIT_PROMPT_S, AUDITED_FRAMES = 1.0, 150


def speakers(clips: Sequence[Clip]) -> dict[str, Waveform]:
    """Ten to be told apart: those whose voice is asked for, and others who are only there to be confused with."""
    found = {name: recording(name) for name in (*HELD_OUT_SPEAKERS, *COMPARED)}
    for clip in clips:
        if len(found) < SPEAKERS:
            found.setdefault(clip.speaker, clip.wave)
    return found


def speech_figures(
    parts: Pipeline, clips: Sequence[Clip], voices: Mapping[str, Waveform], seed: int
) -> Iterator[Figure]:
    """What `clips` say, in each of the voices that are asked for: from the clips' semantic tokens, and from texts."""
    known: dict[str, Samples] = {name: embed_independent(wave) for name, wave in voices.items()}
    asked = [name for name in voices if name not in COMPARED]
    prompts = {name: parts.prompt(voices[name], PROMPT_S) for name in asked}
    said = [parts.heard(clip.wave) for clip in clips]
    parts.speak(said[0], prompts[asked[0]], "warm-up", seed)  # loads what is loaded on first use
    transcriber, quality = Transcriber(), Naturalness()
    turns = [(name, (SENTENCES * turn + n) % len(clips)) for turn, name in enumerate(asked) for n in range(SENTENCES)]
    heard = SpeechQuality(transcriber, quality, known)
    for task, (name, number) in enumerate(turns):
        heard.add(parts.speak(said[number], prompts[name], f"semantic-{task}", seed), clips[number].text, name)
    yield from heard.figures("semantic -> speech: ", "<= 0.08", "generator and codec")
    yield from long_figures(
        parts, np.concatenate(said), voices[asked[0]], PROMPT_S, PAPER_S, seed, "semantic -> speech: "
    )
    if parts.text is None:
        return
    heard = SpeechQuality(transcriber, quality, known)
    for task, (name, number) in enumerate(turns):
        heard.add(parts.say(clips[number].text, prompts[name], f"text-{task}", seed), clips[number].text, name)
    yield from heard.figures("text -> speech: ", "<= 0.1", "text stage, generator and codec")


def audit_tasks(parts: Pipeline, clips: Sequence[Clip], voices: Mapping[str, Waveform], count: int) -> list[Task]:
    """Short generations of real speech, each with a seed of its own."""
    asked = [name for name in voices if name not in COMPARED]
    prompts = [parts.prompt(voices[name], AUDIT_PROMPT_S) for name in asked]
    said = [parts.heard(clip.wave)[:AUDITED_FRAMES] for clip in clips]
    tasks = []
    for number in range(count):
        voice, semantic = prompts[number % len(prompts)], said[number % len(said)]
        job = DecodingInput(np.concatenate([voice.semantic, semantic]), voice.acoustic, task_key("audit", number))
        tasks.append(Task(parts.generator.name, parts.generator.layout, parts.options, job))
    return tasks

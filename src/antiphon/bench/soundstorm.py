"""The area `soundstorm`: how well our generator speaks, with the models that ship, or on a test set of one's own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from antiphon import models
from antiphon.analysis import embed_independent, mean_voice
from antiphon.audio import read
from antiphon.audio.waveform import Samples
from antiphon.bench.clips import HELD_OUT_VOICES, recorded, spoken
from antiphon.bench.cloning import cloning_figures
from antiphon.bench.codec import codec_figures
from antiphon.bench.figure import Figure, Step, figure
from antiphon.bench.generating import audit_tasks, speakers, speech_figures
from antiphon.bench.speaking import Naturalness, SpeechQuality, Transcriber, long_figures
from antiphon.bench.step_audit import Other, audit_figures
from antiphon.engines.base import Cloner
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm import serving, starter
from antiphon.soundstorm.audit import INT8_FOR_FLOAT
from antiphon.soundstorm.data import find
from antiphon.soundstorm.data.manifest import Source
from antiphon.soundstorm.inputs import Logits
from antiphon.soundstorm.pipeline import Pipeline
from antiphon.soundstorm.serving import Generator

MAX_CLIP_S = 30.0
SEED = 31_000
SENTENCES = 20
SAYING = ("bm_george",)
"""Whose sentences are said again in other voices."""


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("the speech codec", 120),
        Step("speech of the generator", 180),
        Step("the generator as a cloner", 120),
        Step(f"audits of passes, {tries} of each cheat", 3.0 * tries),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - the signature of all areas
    """The models that ship, on speakers and sentences that they have not learnt from. `tries` audits of each cheat.
    Each step before its figures."""
    from antiphon.codecs.neural import load as load_codec
    from antiphon.engines.english import readings

    coding, speech, clones, audits = steps(tries)
    yield coding
    for found in codec_figures(load_codec(), [*recorded(), *spoken(HELD_OUT_VOICES, SENTENCES)]):
        yield found
    try:
        shipped = starter.load()
    except ModelError as error:
        yield figure("generator", None, "", note=str(error))
        return

    def phonemise(text: str) -> str:
        return " ".join(reading for reading, _ in readings(text, british=False))

    yield speech
    parts = Pipeline(shipped.codec, shipped.tokenizer, shipped.generator, shipped.text, phonemise, starter.DECODING)
    parts.check()
    voices = speakers(list(spoken(HELD_OUT_VOICES[1:3], 2)))
    clips = list(spoken(SAYING, SENTENCES))
    for found in speech_figures(parts, clips, voices, SEED):
        yield found
    yield clones
    for found in cloning_figures(cast(Cloner, SoundStormEngine(shipped))):
        yield msgspec.structs.replace(found, name=f"as a cloner, {found.name}")
    if parts.generator.config.objective != "maskgit":
        yield figure("step audit", None, "", note="only a generator of masked tokens has passes that can be audited")
        return
    yield audits
    exact = starter.load(precision="float32").generator
    one, torch, small, shallow = _others(exact)
    honest = {
        "1 thread for all": Other(one),
        "torch for ONNX": Other(torch),
        "int8 for float32": Other(small, INT8_FOR_FLOAT),
    }
    cheats = {"int8 weights for float32": small, "half of the layers": shallow}
    tasks = audit_tasks(parts, clips, voices, tries)
    for found in audit_figures(exact, tasks, honest, cheats):
        yield found


def _others(generator: Generator) -> list[Logits | str]:
    """The shipped generator on one thread, by torch, in int8, and with half of its layers; why not, where it cannot."""
    try:
        one: Logits = starter.load(threads=1, precision="float32").generator
    except ModelError as error:
        return [str(error)] * 4
    try:
        from antiphon.soundstorm.training.export import export, restored, torch_logits
        from antiphon.soundstorm.training.model import Generator as Network
    except ModelError as error:
        return [one, *[str(error)] * 3]
    weights = models.path(starter.MODEL) / f"{starter.MODEL}-generator.safetensors"
    whole = restored(weights.read_bytes(), generator.config)
    halved = Network(msgspec.structs.replace(generator.config, layers=max(1, generator.config.layers // 2)))
    known = whole.state_dict()
    halved.load_state_dict({name: known[name] for name in halved.state_dict()})
    with tempfile.TemporaryDirectory() as folder:
        export(whole, Path(folder))
        small = serving.load(Path(folder), precision="int8", threads=1)
    return [one, torch_logits(whole), small, torch_logits(halved.eval())]


def evaluated(
    folder: Path, parts: Pipeline, *, prompt_s: float = 3.0, clips: int = 20, long_s: float = 30.0, seed: int = 0
) -> Iterator[Figure]:
    """Figures of a test set `SPEAKER/NAME.wav` with texts. Each clip is prompted by another of its speaker.

    Raises `InputError` when the parts do not fit together or no clip has a text and a companion.
    """
    parts.check()
    pairs = _pairs(folder, clips)
    heard = SpeechQuality(Transcriber(), Naturalness(), _voices(pairs))
    for number, (clip, prompt) in enumerate(pairs):
        voice = parts.prompt(read(prompt.file, max_s=MAX_CLIP_S), prompt_s)
        task = f"evaluate-{number}"
        if parts.text is not None:
            made = parts.say(clip.text, voice, task, seed)
        else:
            made = parts.speak(parts.heard(read(clip.file, max_s=MAX_CLIP_S)), voice, task, seed)
        heard.add(made, clip.text, clip.speaker)
    layout = parts.generator.layout
    passes = len(parts.options.plan(layout))
    yield from heard.figures("", "<= 0.08" if parts.text is None else "<= 0.1", "all parts")
    # The paper's number is of one stack of levels; of several, each coarsest level takes its passes.
    yield figure("passes of a window", float(passes), "", "<= 27" if layout.coarse == 1 else "")
    if long_s:
        mine = [clip for clip, _ in pairs if clip.speaker == pairs[0][0].speaker]
        said = np.concatenate([parts.heard(read(clip.file, max_s=MAX_CLIP_S)) for clip in mine])
        yield from long_figures(parts, said, read(pairs[0][1].file, max_s=MAX_CLIP_S), prompt_s, long_s, seed)


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

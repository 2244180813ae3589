"""Ways to write the int8 graph, and what each costs: error, tokens that differ, time, and another instruction set.

    python scripts/measure_int8.py
    python scripts/measure_int8.py --emulator "qemu-x86_64 -cpu Haswell"

The generator that ships says a few sentences in float32; every pass of it is computed again by int8 graphs, one job a
call, and each pass's decisions are judged as an audit would (`excess`, in logits). With an emulator (Debian's
qemu-user) the same passes are computed on an emulated processor with AVX2 and no VNNI, where products of 8-bit numbers
with other signs saturate. It takes ten minutes.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from antiphon.engines import english
from antiphon.engines.soundstorm.engine import _prompts
from antiphon.models import path as model_path
from antiphon.soundstorm import starter
from antiphon.soundstorm.audit import Opening, Task, excess_of
from antiphon.soundstorm.decoding import DecodingInput, batch, generate, task_key
from antiphon.soundstorm.inputs import Floats, Inputs, Logits, align

SENTENCES = (
    "The tide is in before noon.",
    "Nine museums open at ten.",
    "Who left the garden gate open?",
    "Please bring the small blue lamp.",
)
KINDS = {"S8": (False, False), "S8, 7 bits": (False, True), "U8": (True, False), "U8, 7 bits": (True, True)}
"""Weights signed or not, and whether they are held to 7 bits, so that no sum of two products saturates."""
VOCABULARY, MARGIN = 1024, 1e-3
NAMES = ("semantic", "tokens", "prompt", "valid")


@dataclass(frozen=True, slots=True)
class Passed:
    """One pass of an honest float32 generation."""

    task: Task
    opening: Opening


def graphs(out: Path) -> dict[str, Path]:
    """The int8 graphs, by what is asked of the weights."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from antiphon.soundstorm.training.export import _graph, restored

    folder = model_path(starter.MODEL)
    config = starter.load(precision="float32").generator.config
    model = restored((folder / f"{starter.MODEL}-generator.safetensors").read_bytes(), config)
    whole = out / "whole.onnx"
    whole.write_bytes(_graph(model))
    made = {"float32": whole}
    for name, (unsigned, reduced) in KINDS.items():
        made[name] = out / f"{name.replace(', ', '-').replace(' ', '-')}.onnx"
        kind = QuantType.QUInt8 if unsigned else QuantType.QInt8
        quantize_dynamic(
            whole, made[name], op_types_to_quantize=["MatMul"], per_channel=True, weight_type=kind, reduce_range=reduced
        )
    return made


def passes(models: starter.Starter, logits: Logits) -> list[Passed]:
    """Every pass of the sentences by `logits`, each in another of our voices."""
    voices = list(_prompts().values())
    found = []
    for number, sentence in enumerate(SENTENCES):
        phonemes = " ".join(reading for reading, _ in english.readings(sentence, british=False))
        said = models.text.say(phonemes, task_key("int8", number), speed=1.0)
        frames = round(said.tokens.shape[0] * models.codec.frame_rate_hz / said.frame_rate_hz)
        voice = voices[number % len(voices)]
        semantic = np.concatenate([voice.semantic, align(said.tokens, frames)])
        job = DecodingInput(semantic, voice.acoustic, task_key("int8", number))
        layout = models.generator.layout
        task = Task(models.generator.name, layout, starter.DECODING, job)
        trace = generate(logits, [job], layout, starter.DECODING, traced=True)[0].trace
        assert trace is not None
        pairs = [Opening(step.index, *trace.grids[step.index : step.index + 2], (), ()) for step in task.steps]
        found.extend(Passed(task, opening) for opening in pairs)
    return found


def logits_of(graph: Path) -> Logits:
    """A graph on this machine, on one thread."""
    session = _session(str(graph))

    def logits(inputs: Inputs, level: int) -> Floats:
        made = session.run(None, _arrays(inputs, level))[0]
        return np.asarray(made[..., :VOCABULARY], np.float32)

    return logits


def logits_by(graph: Path, made: list[Passed], emulator: str, folder: Path) -> tuple[list[Floats], float]:
    """Guided logits `[T, V]` of each pass, and seconds a pass."""
    cases = []
    for one in made:
        step = one.task.steps[one.opening.index]
        inputs = batch([one.task.job], [one.opening.before], one.task.layout)
        cases.append((inputs, step.level))
        if one.task.options.guidance_of(step.level, one.task.layout) != 1.0:
            cases.append((inputs.unconditional(one.task.layout.null), step.level))
    asked, answered = folder / "asked.npz", folder / "answered.npz"
    np.savez(asked, **{f"{n}-{k}": v for n, case in enumerate(cases) for k, v in _arrays(*case).items()})
    command = [*shlex.split(emulator), sys.executable, __file__, "--worker", str(graph), str(asked), str(answered)]
    subprocess.run(command, check=True)
    with np.load(answered) as answer:
        raw = [answer[str(n)] for n in range(len(cases))]
        seconds = float(answer["seconds"]) / len(cases)
    found, at = [], 0
    for one in made:
        step = one.task.steps[one.opening.index]
        logits = raw[at][0, :, : one.task.layout.vocabulary[step.level]]
        at += 1
        if (guidance := one.task.options.guidance_of(step.level, one.task.layout)) != 1.0:
            free = raw[at][0, :, : one.task.layout.vocabulary[step.level]]
            logits, at = free + np.float32(guidance) * (logits - free), at + 1
        found.append(logits)
    return found, seconds


def _arrays(inputs: Inputs, level: int) -> dict[str, np.ndarray]:
    return {name: getattr(inputs, name) for name in NAMES} | {"level": np.array(level, np.int64)}


def _session(graph: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def worker(graph: str, asked: str, answered: str) -> None:
    """What runs on the other processor: ONNX Runtime alone."""
    session = _session(graph)
    with np.load(asked) as cases:
        count = 1 + max(int(name.split("-")[0]) for name in cases.files)
        feeds = [{name: cases[f"{n}-{name}"] for name in (*NAMES, "level")} for n in range(count)]
    session.run(None, feeds[0])
    began = time.process_time()
    made = {str(n): session.run(None, feed)[0] for n, feed in enumerate(feeds)}
    np.savez(answered, seconds=time.process_time() - began, **made)


def _excess(made: list[Passed], judged: list[Floats]) -> np.ndarray:
    """How far each pass's decisions lie behind the best by other logits, where guidance widens nothing."""
    found = []
    for one, logits in zip(made, judged, strict=True):
        step = one.task.steps[one.opening.index]
        widened = max(1.0, 2 * one.task.options.guidance_of(step.level, one.task.layout) - 1)
        found.append(excess_of(one.task, step, one.opening, logits, widened * MARGIN) / widened)
    return np.array(found)


def _error(made: list[Passed], exact: list[Floats], other: list[Floats]) -> str:
    """Of logits of unknown tokens, over their deviation; and how often another token is the likeliest."""
    unknown = [one.opening.before[one.task.steps[one.opening.index].level] >= VOCABULARY for one in made]
    pairs = [(o[f], e[f]) for o, e, f in zip(other, exact, unknown, strict=True)]
    error = np.concatenate([(o - e).ravel() for o, e in pairs]).std()
    size = np.concatenate([e.ravel() for _, e in pairs]).std()
    differ = np.concatenate([o.argmax(1) != e.argmax(1) for o, e in pairs]).mean()
    return f"error {error / size:.4f}, {100 * differ:.1f}% of the likeliest tokens differ"


def _judged(made: list[Passed], judged: list[Floats]) -> str:
    excess = np.sort(_excess(made, judged))
    return f"excess median {np.median(excess):.3f}, worst {', '.join(f'{one:.3f}' for one in excess[::-1][:3])}"


@click.command(help=__doc__)
@click.option("--emulator", default="", help="Command of an emulated processor, as qemu-x86_64 -cpu Haswell.")
@click.option("--emulated-passes", default=14, show_default=True, help="How many of the passes it computes.")
@click.option("--kind", "kinds", multiple=True, default=tuple(KINDS), type=click.Choice(list(KINDS)))
@click.option("--worker", "work", nargs=3, hidden=True)
def main(emulator: str, emulated_passes: int, kinds: tuple[str, ...], work: tuple[str, str, str] | None) -> None:
    if work:
        worker(*work)
        return
    models = starter.load(precision="float32", threads=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = graphs(folder)
        made = passes(models, logits_of(written["float32"]))
        exact, seconds = logits_by(written["float32"], made, "", folder)
        click.echo(f"{len(made)} passes; float32 {1000 * seconds:.0f} ms of CPU a call")
        for kind in kinds:
            here, seconds = logits_by(written[kind], made, "", folder)
            click.echo(
                f"{kind}: {_error(made, exact, here)}; float32 judged by it: {_judged(made, here)}; "
                f"{1000 * seconds:.0f} ms"
            )
            if not emulator:
                continue
            own = passes(models, logits_of(written[kind]))[:emulated_passes]
            mine, _ = logits_by(written[kind], own, "", folder)
            there, seconds = logits_by(written[kind], own, emulator, folder)
            right, _ = logits_by(written["float32"], own, "", folder)
            click.echo(f"  emulated, for float32: {_error(own, right, there)}; {1000 * seconds:.0f} ms")
            click.echo(f"  emulated, for here: {_error(own, mine, there)}; here judged by it: {_judged(own, there)}")


if __name__ == "__main__":
    main()

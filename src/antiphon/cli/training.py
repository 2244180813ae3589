"""What `antiphon soundstorm train` runs: each stage, from its data to its exported model."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.settings import applied
from antiphon.errors import InputError, StateError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from antiphon.audio.waveform import Waveform
    from antiphon.soundstorm.data import Shards
    from antiphon.soundstorm.training.profiles import TrainConfig
    from antiphon.trackers import Tracker

SEMANTIC = "semantic.safetensors"
EXPORTED = "exported"
HELD_OUT = 0.05
SHOWN = ("loss", "tokens", "accuracy", "valid_loss", "valid_accuracy")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked on the command line."""

    profile: str
    data: Path | str
    out: Path
    resume: bool
    steps: int | None
    threads: int | None
    track: str | None
    kind: str | None
    codec: str | None
    without: tuple[str, ...] = ()
    revoiced: bool = False
    other_data: bool = False
    begin_with: Path | None = None
    config: Path | None = None
    settings: tuple[str, ...] = ()


def semantic_file(path: Path) -> Path:
    """The file, or the one in a folder."""
    return path / SEMANTIC if path.is_dir() else path


def exported(path: Path) -> Path:
    """The export of a run's folder, or the folder itself."""
    return path / EXPORTED if (path / EXPORTED).is_dir() else path


def english(text: str) -> str:
    """Phonemes of a text as our engines read it; none where there is nothing to read."""
    from antiphon.engines.english import readings

    return " ".join(reading for reading, _ in readings(text, british=False))


class Bar:
    """One row of progress on stderr; silent where nobody looks."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def at(self, done: int, total: int, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)


@contextmanager
def shown(unit: str) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TextColumn("{task.fields[note]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task("", total=None, note=""))


def train_semantic(options: Options) -> Iterator[str]:
    """k-means of features; no torch."""
    import msgspec

    from antiphon.soundstorm.data import find
    from antiphon.soundstorm.semantic import learn
    from antiphon.soundstorm.semantic import profile as semantic_profile
    from antiphon.soundstorm.semantic_sources import source

    config = semantic_profile("paper" if options.profile == "base" else options.profile)
    config = applied(config, options.config, options.settings)
    if options.steps is not None:
        config = msgspec.structs.replace(config, passes=options.steps)
    path = options.out / SEMANTIC
    if path.is_file() and not options.resume:
        raise StateError(f"{path} is there already", "Choose another folder, or delete it.")
    features = source(config.features, beside=options.config.parent if options.config else None)
    # By hash: should there be more than is heard, all speakers are heard of.
    sources = sorted(find([_folder(options)])[0], key=lambda one: hashlib.sha256(one.name.encode()).digest())
    bad: list[str] = []
    with shown("files") as bar:
        tokenizer = learn(
            lambda: _waves([source.file for source in sources], bar, bad),
            config,
            features=features,
            report=lambda line: bar.at(len(sources), len(sources), f"inertia {line['inertia']:.3f}"),
        )
    tokenizer.save(path)
    clusters = tokenizer.clusters
    yield f"Tokenizer   {tokenizer.name}, {tokenizer.frame_rate_hz:g} tokens a second"
    yield f"Clusters    {clusters.size}, {clusters.used:.0%} used, perplexity {clusters.perplexity:.0f}"
    yield f"Inertia     {clusters.inertia / clusters.mean.shape[0]:.3f} of the variance"
    if bad:
        yield f"Left out    {len(bad)} files: {bad[0]}"
    yield f"Written     {path}"


def _waves(files: list[Path], bar: Bar, bad: list[str]) -> Iterator[Waveform]:
    from antiphon.audio import read
    from antiphon.errors import AntiphonError

    for number, file in enumerate(files, 1):
        try:
            yield read(file)
        except AntiphonError as error:
            bad.append(str(error))
        bar.at(number, len(files))


def train_codec(options: Options) -> Iterator[str]:
    """From a folder of audio; what is prepared of it is kept in the run's folder."""
    from antiphon.cli.validating import codec_evaluation
    from antiphon.codecs import training as codecs
    from antiphon.codecs.training import data
    from antiphon.codecs.training.export import export

    begun(options)
    config = _sized(codecs.profile(options.profile), options)
    prepared = options.out / "prepared"
    while not (prepared / data.CLIPS).is_file():
        if not _first():
            time.sleep(0.2)  # the first process prepares for all; should it fail, torchrun ends the others
            continue
        report = data.prepare(_folder(options), prepared, config.codec, copies=config.copies, seed=config.seed)
        yield f"Prepared    {len(report['clips'])} clips, {len(report['bad'])} left out"  # type: ignore[arg-type]
    with _reporting(options, config.steps) as (tell, tracker):
        trainer = codecs.run(
            config,
            prepared,
            options.out,
            report=tell,
            evaluate=None if tracker is None else codec_evaluation(prepared, config, tracker),
            evaluate_every=config.save_every,
        )
    if unfinished := _unfinished(trainer.step, config.steps):
        yield unfinished
    elif _first():
        export(trainer.average.eval().cpu(), config.codec, options.out / EXPORTED)
        yield f"Exported    {options.out / EXPORTED}"


def train_generator(options: Options) -> Iterator[str]:
    """From a token set. About one speaker in twenty is only looked at."""
    from antiphon.cli.validating import looking
    from antiphon.codecs.neural import NeuralCodec
    from antiphon.soundstorm.data import Shards
    from antiphon.soundstorm.data.makers import open_codec
    from antiphon.soundstorm.tokenset import Joined, Revoiced, TokenSet
    from antiphon.soundstorm.training.export import export
    from antiphon.soundstorm.training.loop import run

    begun(options)
    tokens = Shards(options.data, options.without)
    learnt, held_out = tokens.split(HELD_OUT)
    chosen = learnt if len(learnt) else tokens
    config, weights = generator_config(options, tokens)
    learnt_from: TokenSet = Revoiced(chosen, chosen.sayings()) if config.revoiced else chosen
    if config.joined:
        learnt_from = Joined(learnt_from, chosen.speakers(), config.frames)
    codec = open_codec(options.codec) if options.codec is not None else None
    if codec is not None:
        tokens.require(codec)
    with _reporting(options, config.steps) as (tell, tracker):
        trainer = run(
            config,
            learnt_from,
            options.out,
            weights=weights,
            codebooks=codec.codebooks() if isinstance(codec, NeuralCodec) else None,
            other=("data",) if options.other_data else (),
            report=tell,
            evaluate=looking(held_out, config, codec, tracker) if len(held_out) and len(learnt) else None,
            evaluate_every=config.save_every,
        )
    average = trainer.averaged().cpu()
    if unfinished := _unfinished(trainer.step, config.steps):
        yield unfinished
    if _first() and (config.minutes or not unfinished):  # who sets a time wants what it gave
        export(average, options.out / EXPORTED)
        yield f"Exported    {options.out / EXPORTED}"


def generator_config(options: Options, tokens: Shards) -> tuple[TrainConfig, bytes | None]:
    """What a generator is trained by: the profile, then what was asked; and the weights to begin with, if any.

    A run that goes on keeps what it once began with.
    """
    import msgspec

    from antiphon.codecs.training.export import fingerprint
    from antiphon.soundstorm.serving import WEIGHTS
    from antiphon.soundstorm.training.profiles import TrainConfig, profile
    from antiphon.training import checkpoint, read_config

    config = msgspec.structs.replace(profile(options.profile, tokens.layout()), data=tokens.fingerprint)
    weights = None
    if checkpoint.found(options.out) and (options.out / "config.json").is_file():
        config = msgspec.structs.replace(config, begun_with=read_config(options.out, TrainConfig).begun_with)
    elif options.begin_with is not None:
        file = exported(options.begin_with) / WEIGHTS if options.begin_with.is_dir() else options.begin_with
        try:
            weights = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}", "Give what `train generator` made.") from error
        config = msgspec.structs.replace(config, begun_with=fingerprint(weights))
    config = _sized(config, options)
    return msgspec.structs.replace(config, revoiced=True) if options.revoiced else config, weights


def train_text(options: Options) -> Iterator[str]:
    """From the recordings of a token set that have phonemes, aligned first."""
    from antiphon.soundstorm.data import Shards
    from antiphon.soundstorm.text import TextConfig, english_symbols
    from antiphon.soundstorm.training.text_data import aligned
    from antiphon.soundstorm.training.text_export import export
    from antiphon.soundstorm.training.text_profiles import profile
    from antiphon.soundstorm.training.text_trainer import run

    begun(options)
    tokens = Shards(options.data, options.without)
    spoken = tokens.spoken()
    pairs = [(spoken.entry(n).phonemes, spoken.native(n)[1]) for n in range(len(spoken))]
    if not pairs:
        raise InputError(f"No recording in {options.data} has phonemes", "Prepare recordings with NAME.txt beside.")
    text = TextConfig(
        kind=options.kind or "parallel",  # type: ignore[arg-type]  # click checked it
        symbols=english_symbols(),
        semantic=tokens.semantic.name,
        semantic_vocabulary=tokens.semantic.vocabulary[0],
        frame_rate_hz=tokens.semantic.frame_rate_hz,
        frames_per_symbol=round(sum(len(t) for _, t in pairs) / sum(len(p) for p, _ in pairs), 3),
    )
    config = _sized(profile("paper" if options.profile == "base" else options.profile, text), options)
    lines, sounds, left_out = aligned(pairs, config.text, longest=config.longest)
    yield f"Aligned     {len(lines)} recordings, {len(left_out)} left out"
    with _reporting(options, config.steps) as (tell, _):
        trainer = run(config, lines, options.out, report=tell)
    average = trainer.averaged().cpu()
    if unfinished := _unfinished(trainer.step, config.steps):
        yield unfinished
    if _first() and (config.minutes or not unfinished):  # who sets a time wants what it gave
        export(average, sounds, options.out / EXPORTED)
        yield f"Exported    {options.out / EXPORTED}"


STAGES: dict[str, Callable[[Options], Iterator[str]]] = {
    "codec": train_codec,
    "semantic": train_semantic,
    "generator": train_generator,
    "text": train_text,
}


def begun(options: Options) -> None:
    """A run is gone on with only when that was asked. Raises `StateError`; `ModelError` without torch."""
    from antiphon.training import checkpoint

    there = checkpoint.found(options.out)
    if there and not options.resume:
        raise StateError(
            f"{options.out} holds a run at {there[-1].stem}", "Go on with --resume, or choose another folder."
        )
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)


FIXED = ("data", "begun_with", "generator.layout", "text.symbols", "text.semantic", "text.semantic_vocabulary",
         "text.frame_rate_hz", "text.frames_per_symbol")  # fmt: skip
"""Settings that nobody chooses."""


def _sized(config: Any, options: Options) -> Any:
    """The profile, then the file, then the settings of the command line, the last of which are its options."""
    import msgspec

    config = applied(config, options.config, options.settings, fixed=FIXED)
    return config if options.steps is None else msgspec.structs.replace(config, steps=options.steps)


def _folder(options: Options) -> Path:
    if not isinstance(options.data, Path):
        raise InputError(f"{options.data} is no folder of audio", "Only token sets may lie in buckets.")
    return options.data


def _first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _unfinished(step: int, steps: int) -> str | None:
    return None if step >= steps else f"Stopped     at step {step} of {steps}; the same command with --resume goes on"


@contextmanager
def _reporting(options: Options, steps: int) -> Iterator[tuple[Callable[[dict[str, float]], None], Tracker | None]]:
    """Lines of the log as a bar, and to a tracker; on no terminal as text, so that a log file shows them."""
    tracker: Tracker | None = _tracker(options) if _first() else None
    with shown("steps") as bar:

        def tell(line: dict[str, float]) -> None:
            figures = {name: value for name, value in line.items() if name != "step"}
            note = ", ".join(f"{name} {figures[name]:.3f}" for name in SHOWN if name in figures)
            bar.at(int(line["step"]), steps, note)
            if not sys.stderr.isatty():
                click.echo(f"step {int(line['step'])} of {steps}: {note}", err=True)
            if tracker is not None:
                tracker.log(int(line["step"]), figures)

        try:
            yield tell, tracker
        finally:
            if tracker is not None:
                tracker.close()


def _tracker(options: Options) -> Tracker | None:
    if options.track is None:
        return None
    from antiphon.trackers import TensorBoard, WeightsAndBiases

    folder = options.out / options.track
    if options.track == "tensorboard":
        return TensorBoard(folder)
    return WeightsAndBiases(folder, "antiphon-soundstorm", {"profile": options.profile, "data": str(options.data)})

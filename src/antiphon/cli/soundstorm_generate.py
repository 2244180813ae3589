"""`antiphon soundstorm generate` and `dialogue`: sound by the models that ship, or by one's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.errors import AntiphonError, InputError, OutputError

if TYPE_CHECKING:
    from antiphon.audio.waveform import Waveform
    from antiphon.soundstorm.generating import Wanted
    from antiphon.soundstorm.pipeline import Pipeline
    from antiphon.soundstorm.windows import Prompt

_FOLDER = click.Path(path_type=Path, file_okay=False)
LIST = "made.jsonl"
PAUSE_S = 0.35

GENERATE_EPILOG = """\b
Recordings keep their words and timing; texts (each line of a .txt, --say) need a text stage; a .tsv holds semantic
tokens, a line each: item_name, semantic_audio.
\b
Examples:
  antiphon soundstorm generate recordings --prompt me.wav --out made
  antiphon soundstorm generate --say "The tide is in." --prompt me.wav --out made
  antiphon soundstorm generate lines.txt --prompt me.wav --out made --batch 8 --set first=8
"""
DIALOGUE_EPILOG = """\b
FILE has a line for each turn: NAME: text.
\b
Example:
  antiphon soundstorm dialogue play.txt --voice anna=me.wav --voice ben=other.wav -o play.wav
"""

F = TypeVar("F", bound=Callable[..., Any])


def _model_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--codec", default="speech", show_default=True, metavar="NAME",
                         help="speech, chip, or the folder of an exported codec."),
            click.option("--semantic", type=click.Path(path_type=Path), help="What `train semantic` made."),
            click.option("--generator", type=_FOLDER, help="What `train generator` or `export` made; without it the "
                         "models that ship."),
            click.option("--text", type=_FOLDER, help="What `train text` made."),
            click.option("--prompt-seconds", "prompt_s", default=3.0, show_default=True,
                         type=click.FloatRange(0.5, 10), help="How much of a prompt is shown."),
            click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all randomness."),
            click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of decoding: first (passes of "
                         "a coarsest level), passes, temperature, noise, guidance, guided_levels, schedule."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(epilog=GENERATE_EPILOG)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--say", "says", multiple=True, metavar="TEXT", help="A text to be said; as often as needed.")
@click.option("--prompt", "prompts", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="A recording "
              "of the voice; with several, everything is made in each.")  # fmt: skip
@click.option("--out", required=True, type=_FOLDER, help="Where NAME.wav (of several prompts PROMPT/NAME.wav) goes.")
@click.option("--batch", default=4, show_default=True, type=click.IntRange(1, 256), help="Windows in one run.")
@click.option("--tokens", is_flag=True, help="Also write NAME.npy, acoustic tokens [levels, frames].")
@_model_options
def generate(
    sources: tuple[Path, ...], says: tuple[str, ...], prompts: tuple[Path, ...], out: Path, batch: int, tokens: bool,
    codec: str, semantic: Path | None, generator: Path | None, text: Path | None, prompt_s: float, seed: int,
    settings: tuple[str, ...],
) -> None:  # fmt: skip
    """Make sound from recordings, texts or semantic tokens, in the voice of a prompt.

    What is in --out already is not made again. What cannot be used is listed, never fatal.
    """
    from antiphon.cli.training import shown
    from antiphon.soundstorm.generating import wanted

    asked = wanted(sources, says)
    made_by = pipeline_of(codec, semantic, generator, text, settings)
    voices = _voices(made_by, {path.stem: path for path in prompts}, prompt_s) if prompts else {"": _no_prompt(made_by)}
    if prompts and len(voices) < len(prompts):
        raise InputError("Two prompts have the same file name", "Name them apart.")
    names = list(voices)
    jobs = [(voice, one) for voice in names for one in asked]
    left_out: list[str] = []
    seconds, done = 0.0, 0
    with shown("files") as bar:
        for done, wave in enumerate(_made(made_by, jobs, voices, out, batch, tokens, seed, left_out), 1):
            seconds += wave.duration_s
            bar.at(done, len(jobs))
    click.echo(f"Made        {seconds:.1f} s in {out}")
    if there := len(jobs) - done - len(left_out):
        click.echo(f"There       {there} already")
    if left_out:
        click.echo(f"Left out    {len(left_out)}")
    for line in left_out[:5]:
        click.echo(f"            {line}")
    if len(left_out) == len(jobs):
        raise InputError("Nothing could be made", "See above.")


def _made(
    pipeline: Pipeline, jobs: list[tuple[str, Wanted]], voices: Mapping[str, Prompt], out: Path, batch: int,
    tokens: bool, seed: int, left_out: list[str],
) -> Iterator[Waveform]:  # fmt: skip
    """Sound of each job as it is written, a batch of pieces at a time, so that memory does not grow with them."""
    from antiphon.soundstorm.decoding import task_key
    from antiphon.soundstorm.windows import Piece

    several = len(voices) > 1
    todo = [(voice, one, out / (voice if several else "") / f"{one.name}.wav") for voice, one in jobs]
    done = _done(out)
    todo = [row for row in todo if str(row[2].relative_to(out)) not in done]
    for start in range(0, len(todo), 4 * batch):
        ready = []
        for voice, one, file in todo[start : start + 4 * batch]:
            try:
                said = one.tokens(pipeline, seed)
            except AntiphonError as error:
                left_out.append(f"{one.source}: {error}")
                continue
            key = lambda window, name=one.name: task_key(name, seed, window)  # noqa: E731
            ready.append((voice, one, file, Piece(said, voices[voice], key)))
        for number, grid in pipeline.together([row[3] for row in ready], batch):
            voice, one, file, _ = ready[number]
            wave = pipeline.codec.decode(grid)
            _write(file, wave)
            if tokens:
                _save(file.with_suffix(".npy"), grid.tokens)
            told = {"name": str(file.relative_to(out)), "source": one.source, "prompt": voice, "seed": seed,
                    "seconds": round(wave.duration_s, 3), "generator": pipeline.generator.name}  # fmt: skip
            _append(out / LIST, told)
            yield wave


@click.command(epilog=DIALOGUE_EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--voice", "voices", multiple=True, required=True, metavar="NAME=FILE", help="A recording of each speaker."
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="wav, flac, mp3, opus, by its ending.",
)
@_model_options
def dialogue(
    file: Path, voices: tuple[str, ...], out: Path, codec: str, semantic: Path | None, generator: Path | None,
    text: Path | None, prompt_s: float, seed: int, settings: tuple[str, ...],
) -> None:  # fmt: skip
    """Make a conversation of FILE, each speaker in the voice of a recording."""
    import numpy as np

    from antiphon.audio import AudioWriter, Waveform, format_of
    from antiphon.soundstorm.generating import script

    turns = script(file)
    named = dict(_pair(one) for one in voices)
    if missing := {speaker for speaker, _ in turns} - set(named):
        raise InputError(f"{sorted(missing)[0]} has no voice", f"Give --voice {sorted(missing)[0]}=FILE.")
    made_by = pipeline_of(codec, semantic, generator, text, settings)
    prompts = _voices(made_by, named, prompt_s)
    rate_hz = made_by.codec.rate_hz
    pause = Waveform(np.zeros((made_by.codec.channels, round(PAUSE_S * rate_hz)), np.float32), rate_hz)
    with AudioWriter(out, format_of(out), rate_hz, made_by.codec.channels) as writer:
        for number, wave in made_by.dialogue(turns, prompts, file.stem, seed):
            click.echo(f"{turns[number][0]:<12}{turns[number][1]}")
            if number:
                writer.write(pause)
            writer.write(wave)
    click.echo(f"Written     {out}")


def pipeline_of(
    codec: str, semantic: Path | None, generator: Path | None, text: Path | None, settings: tuple[str, ...]
) -> Pipeline:
    """The parts, opened; without a generator those that ship with us. Raises `InputError` or `ModelError` for what is
    not there or does not fit."""
    from antiphon.cli.settings import applied
    from antiphon.cli.training import english, exported, semantic_file
    from antiphon.soundstorm import DecodingOptions, serving, starter
    from antiphon.soundstorm.data.makers import open_codec
    from antiphon.soundstorm.pipeline import Pipeline
    from antiphon.soundstorm.semantic import load
    from antiphon.soundstorm.text import load as load_text

    if generator is None:
        if semantic is not None or text is not None:
            raise InputError("A tokenizer or text stage of your own needs its generator", "Give --generator FOLDER.")
        ours = starter.load()
        options = applied(starter.DECODING, None, settings)
        made_by = Pipeline(ours.codec, ours.tokenizer, ours.generator, ours.text, english, options)
    else:
        if semantic is None:
            raise InputError("A generator needs its tokenizer", "Give --semantic: what `train semantic` made.")
        made_by = Pipeline(
            codec=open_codec(codec),
            tokenizer=load(semantic_file(semantic)),
            generator=serving.load(exported(generator)),
            text=None if text is None else load_text(exported(text)),
            phonemise=english,
            options=applied(DecodingOptions(), None, settings),
        )
    made_by.check()
    return made_by


def _voices(pipeline: Pipeline, files: Mapping[str, Path], seconds: float) -> dict[str, Prompt]:
    from antiphon.audio import read

    return {name: pipeline.prompt(read(file, max_s=600.0), seconds) for name, file in files.items()}


def _no_prompt(pipeline: Pipeline) -> Prompt:
    from antiphon.soundstorm.windows import Prompt

    return Prompt.none(pipeline.generator.layout)


def _pair(told: str) -> tuple[str, Path]:
    name, sign, file = told.partition("=")
    if not sign or not name.strip() or not file.strip():
        raise InputError(f"{told!r} is no voice", "Write NAME=FILE.")
    return name.strip(), Path(file.strip())


def _write(file: Path, wave: Waveform) -> None:
    from antiphon.audio import AudioWriter

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{file.parent} cannot be made: {error.strerror}", "Choose another place.") from error
    with AudioWriter(file, "wav", wave.rate_hz, wave.channels) as writer:
        writer.write(wave)


def _save(file: Path, tokens: Any) -> None:
    import numpy as np

    try:
        np.save(file, tokens)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}", "Choose another place.") from error


def _done(out: Path) -> set[str]:
    """Names of the list of what was made; a line that was cut off is none."""
    found = set()
    if (out / LIST).is_file():
        for line in (out / LIST).read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.add(str(json.loads(line)["name"]))
            except (ValueError, KeyError, TypeError):
                continue
    return found


def _append(file: Path, told: dict[str, Any]) -> None:
    try:
        with file.open("a+b") as handle:
            handle.seek(max(0, handle.tell() - 1))
            cut = handle.read(1) not in (b"", b"\n")  # what a killed run left of a line stays a line of its own
            handle.write(b"\n" * cut + json.dumps(told).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}", "Choose another place.") from error

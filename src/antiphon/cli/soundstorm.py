"""`antiphon soundstorm`: prepare data, train every part of our generator, and measure it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.groups import Verbs
from antiphon.cli.soundstorm_generate import dialogue, generate, pipeline_of
from antiphon.cli.soundstorm_layouts import export_data, import_codec, import_features, import_tokens
from antiphon.cli.soundstorm_reproduce import reproduce
from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from antiphon.bench.figure import Figure
    from antiphon.cli.training import Options
    from antiphon.soundstorm.pipeline import Pipeline

STAGES = ("codec", "semantic", "generator", "text")
PROFILES = ("tiny", "small", "base", "paper")

EPILOG = """\b
Examples, from recordings to a voice:
  antiphon soundstorm train semantic --data recordings --out semantic
  antiphon soundstorm prepare recordings --codec speech --semantic semantic --out tokens
  antiphon soundstorm train generator --data tokens --out generator
  antiphon soundstorm train text --data tokens --out text
"""
PREPARE_EPILOG = """\b
A file's speaker is its folder's name; NAME.txt beside NAME.wav is its text.
\b
Examples:
  antiphon soundstorm prepare recordings --codec speech --semantic semantic --out tokens --jobs 2
  antiphon soundstorm prepare files.tsv --codec chip --semantic semantic --out tokens --licence CC0-1.0
"""
TRAIN_EPILOG = """\b
codec and semantic learn from folders of audio, generator and text from what `prepare` made of them.
Ctrl-C stops after the step in progress; the same command with --resume goes on from there.
\b
Examples:
  antiphon soundstorm train codec --profile small --data recordings --out codec
  antiphon soundstorm train generator --profile tiny --data tokens --out generator --steps 100
  antiphon soundstorm train generator --profile paper --data tokens --out generator --set batch=32
  torchrun --nproc-per-node 2 -m antiphon soundstorm train generator --data tokens --out generator --resume
"""
EVALUATE_EPILOG = """\b
Examples:
  antiphon soundstorm evaluate heldout --codec speech --semantic semantic --generator generator
  antiphon soundstorm evaluate heldout --codec speech --semantic semantic --generator generator --text text
"""
EXPORT_EPILOG = """\b
The folder holds weights (safetensors), ONNX graphs, config.json and a card; soundstorm.load("FOLDER") opens it.
\b
Examples:
  antiphon soundstorm export generator model --licence CC0-1.0
  antiphon soundstorm export generator model --licence CC0-1.0 --data tokens --evaluation figures.json
"""
_FOLDER = click.Path(path_type=Path, file_okay=False)

DIALS = {
    "batch": "batch",
    "learning_rate": "learning_rate",
    "precision": "precision",
    "device": "hardware.device",
    "strategy": "hardware.strategy",
    "accumulate": "hardware.accumulate",
    "recompute": "hardware.recompute",
    "compile_blocks": "hardware.compile",
    "packed": "packed",
    "minutes": "minutes",
    "save_minutes": "save_minutes",
    "fusion": "generator.fusion",
    "objective": "generator.objective",
    "features": "features",
}
"""Options of `train` that are a setting each, by the setting's name."""


class _Place(click.ParamType[Path | str]):
    """A folder, or a bucket's URL."""

    name = "folder or URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        return value if isinstance(value, str) and "://" in value else _FOLDER.convert(value, param, ctx)


@click.group(cls=Verbs, epilog=EPILOG)
def soundstorm() -> None:
    """Prepare data for our speech generator, train its parts, measure it.

    Training needs PyTorch: pip install 'antiphon[train]'. Preparing and measuring do not.
    """


@soundstorm.command(epilog=PREPARE_EPILOG)
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--codec", required=True, metavar="NAME", help="speech, chip, or the folder of an exported codec.")
@click.option("--semantic", required=True, type=click.Path(path_type=Path), help="What `train semantic` made.")
@click.option("--out", required=True, type=_FOLDER, help="Where the token set goes; an unfinished one is gone on with.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes.")
@click.option("--licence", default="", help="Licence of files whose manifest tells none.")
@click.option("--per-shard", default=64, show_default=True, type=click.IntRange(1, 1_000_000), help="Recordings in a "
              "file: thousands, where there are millions.")  # fmt: skip
@click.option("--phonemes/--no-phonemes", default=True, show_default=True, help="Read texts aloud, as English.")
def prepare(
    folders: tuple[Path, ...], codec: str, semantic: Path, out: Path, jobs: int, licence: str,
    per_shard: int, phonemes: bool,
) -> None:  # fmt: skip
    """Turn folders of audio into a token set. Files that cannot be used are listed, never fatal."""
    from antiphon.cli.training import english, semantic_file, shown
    from antiphon.soundstorm.data import prepare as prepared
    from antiphon.soundstorm.data.makers import makers

    needed = makers(codec, semantic_file(semantic), english if phonemes else None)
    with shown("files") as bar:
        report = prepared(folders, needed, out, jobs=jobs, licence=licence, per_shard=per_shard, progress=bar.at)
    click.echo(f"Recordings  {report.recordings}, {report.hours:.2f} h, {report.with_text} with text")
    click.echo(f"Speakers    {len(report.speakers)}")
    for name, seconds in report.licences.items():
        click.echo(f"Licence     {name}: {seconds / 3600:.2f} h")
    if report.rejected:
        click.echo(f"Left out    {len(report.rejected)} files; {out / 'report.json'} tells why")
    for one in report.rejected[:5]:
        click.echo(f"            {one.path}: {one.reason}")


@soundstorm.command(epilog=TRAIN_EPILOG)
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--profile", default="small", show_default=True, type=click.Choice(PROFILES), help="Size and recipe.")
@click.option("--data", required=True, type=_Place(), help="Folder of audio, or a token set (also s3://BUCKET/NAME).")
@click.option("--out", required=True, type=_FOLDER, help="Checkpoints and log; the result goes into its `exported`.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--steps", type=click.IntRange(1), help="Instead of the profile's number.")
@click.option("--threads", type=click.IntRange(1), help="Of PyTorch in this process; by default all cores.")
@click.option("--other-data", is_flag=True, help="Go on with another token set than the run began with.")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]),
              help="Of products; by default bfloat16 where the device computes with it.")  # fmt: skip
@click.option("--batch", type=click.IntRange(1), help="Examples a step, over all processes.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Its highest value.")
@click.option("--device", metavar="NAME", help="cpu, cuda or cuda:N; by default a GPU where there is one.")
@click.option("--strategy", type=click.Choice(["ddp", "fsdp"]), help="Of several processes: each holds the whole model "
              "(ddp), or a share of it.")  # fmt: skip
@click.option("--accumulate", type=click.IntRange(1), help="Learn from a batch in so many parts: less memory.")
@click.option("--recompute", is_flag=True, default=None, help="Make activations again instead of keeping them.")
@click.option("--compile", "compile_blocks", is_flag=True, default=None, help="Compile the blocks (torch.compile).")
@click.option("--packed", is_flag=True, default=None, help="Let short recordings share rows of a generator's batch.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="End after so long, with a checkpoint.")
@click.option("--save-minutes", type=click.FloatRange(0, min_open=True), help="Also keep a checkpoint as often.")
@click.option("--fusion", type=click.Choice(["sum", "unet"]), help="Of the generator's levels: sum.")
@click.option("--features", metavar="NAME", help="Of the semantic clusters: whisper-tiny-en, whisper-base, mel, or "
              "onnx:FILE, which `import-features` makes of HuBERT and WavLM.")  # fmt: skip
@click.option("--track", type=click.Choice(["tensorboard", "wandb"]), help="Also send figures there (wandb: offline).")
@click.option(
    "--codec",
    metavar="NAME",
    help="Of the generator's tokens: it begins with what they mean, and --track also gets samples to hear.",
)
@click.option("--without", multiple=True, metavar="PATTERN", help="Leave out speakers of a token set, e.g. 'noisy-*'.")
@click.option("--revoiced", is_flag=True, help="Speakers named NAME-at-CHANGE are changed copies of NAME's recordings, "
              "file by file: the generator learns each with another copy's semantic tokens.")  # fmt: skip
@click.option("--kind", type=click.Choice(["autoregressive", "parallel"]), help="Of the text stage: parallel.")
@click.option("--objective", type=click.Choice(["maskgit", "diffusion"]), help="Of the generator: maskgit.")
@click.option("--begin-with", type=click.Path(path_type=Path), help="A trained generator, whose weights are "
              "learnt on with, also in another order of levels.")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="What differs from the profile: "
              "TOML, or the config.json of a run.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="One setting, as "
              "generator.dropout=0, by its name in a run's config.json; docs/soundstorm.md has a table.")  # fmt: skip
def train(
    stage: str,
    profile: str,
    data: Path | str,
    out: Path,
    resume: bool,
    steps: int | None,
    threads: int | None,
    other_data: bool,
    track: str | None,
    codec: str | None,
    without: tuple[str, ...],
    revoiced: bool,
    kind: str | None,
    begin_with: Path | None,
    config: Path | None,
    settings: tuple[str, ...],
    **dials: object,
) -> None:
    """Train one part: codec, semantic clusters, generator or text stage."""
    from antiphon.cli import training

    options: Options = training.Options(
        profile=profile, data=data, out=out, resume=resume, steps=steps, threads=threads, track=track, without=without,
        revoiced=revoiced, kind=kind, codec=codec, other_data=other_data, begin_with=begin_with, config=config,
        settings=(*settings, *(f"{DIALS[k]}={_toml(v)}" for k, v in dials.items() if v is not None)),
    )  # fmt: skip
    for line in training.STAGES[stage](options):
        click.echo(line)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@soundstorm.command(epilog=EVALUATE_EPILOG)
@click.argument("folder", type=_FOLDER)
@click.option("--codec", required=True, metavar="NAME", help="speech, chip, or the folder of an exported codec.")
@click.option("--semantic", required=True, type=click.Path(path_type=Path), help="What `train semantic` made.")
@click.option("--generator", required=True, type=_FOLDER, help="What `train generator` made.")
@click.option("--text", type=_FOLDER, help="What `train text` made: then speech is made from the texts alone.")
@click.option("--prompt", "prompt_s", default=3.0, show_default=True, type=click.FloatRange(0.5, 10), help="Seconds.")
@click.option("--clips", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Most clips to make.")
@click.option("--long", "long_s", default=30.0, show_default=True, type=click.FloatRange(0, 600),
              help="Seconds of the piece on which drift is measured; 0 leaves it out.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all randomness.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of decoding: first (passes of a coarsest "
              "level), passes, temperature, noise, guidance, guided_levels, schedule.")  # fmt: skip
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Also write figures as JSON.")
def evaluate(
    folder: Path,
    codec: str,
    semantic: Path,
    generator: Path,
    text: Path | None,
    prompt_s: float,
    clips: int,
    long_s: float,
    seed: int,
    settings: tuple[str, ...],
    file: Path | None,
) -> None:
    """Measure on FOLDER, a test set of SPEAKER/NAME.wav with NAME.txt beside.

    Prints word and character errors, likeness to the prompt, nearest speaker, naturalness, drift, passes and time.
    """
    from antiphon.bench.soundstorm import evaluated
    from antiphon.cli.bench import _line

    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "Give a folder of SPEAKER/NAME.wav.")
    parts = pipeline_of(codec, semantic, generator, text, settings)
    found = []
    for figure in evaluated(folder, parts, prompt_s=prompt_s, clips=clips, long_s=long_s, seed=seed):
        found.append(figure)
        click.echo(_line(figure))
    if file is not None:
        _write_figures(file, parts, folder, found)


def _write_figures(file: Path, parts: Pipeline, folder: Path, figures: list[Figure]) -> None:
    """The figures as JSON, with the names of what they are of. Raises `OutputError`."""
    import msgspec

    told = {
        "generator": parts.generator.name,
        "codec": parts.codec.name,
        "tokenizer": parts.tokenizer.name,
        "data": folder.resolve().name,
        "figures": [msgspec.to_builtins(figure) for figure in figures],
    }
    try:
        file.write_text(json.dumps(told, indent=2) + "\n")
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another place.") from e


@soundstorm.command(epilog=EXPORT_EPILOG)
@click.argument("run", type=_FOLDER)
@click.argument("folder", type=_FOLDER)
@click.option("--licence", required=True, metavar="NAME", help="Under which you give the weights on, e.g. CC0-1.0.")
@click.option("--data", type=_Place(), help="The token set it learnt from: the card tells what that holds.")
@click.option("--without", multiple=True, metavar="PATTERN", help="As in training.")
@click.option("--evaluation", type=click.Path(path_type=Path, dir_okay=False), help="What `evaluate --json` wrote of "
              "this generator.")  # fmt: skip
def export(
    run: Path, folder: Path, licence: str, data: Path | str | None, without: tuple[str, ...], evaluation: Path | None
) -> None:
    """Make FOLDER, a model to give on, from RUN, which `train generator` made."""
    from antiphon.cli.exporting import exported_folder

    config = exported_folder(run, folder, licence, data, without, evaluation)
    layout = config.generator.layout
    click.echo(f"Model       {config.name}")
    click.echo(f"Codec       {layout.codec}")
    click.echo(f"Tokenizer   {layout.semantic}")
    click.echo(f"Written     {folder}")


soundstorm.add_command(generate)
soundstorm.add_command(reproduce)
soundstorm.add_command(dialogue)
soundstorm.add_command(import_tokens)
soundstorm.add_command(export_data)
soundstorm.add_command(import_codec)
soundstorm.add_command(import_features)

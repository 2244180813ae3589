"""`antiphon soundstorm import` and `export-data`: token sets of the public SoundStorm code, read and written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.errors import InputError, ModelError

if TYPE_CHECKING:
    from antiphon.soundstorm.data.layouts import SeedItem
    from antiphon.soundstorm.data.preparing import Kind

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, file_okay=False)

IMPORT_EPILOG = """\b
SOURCE is dump/train as scripts of the public code write it (semantic_token.tsv, acoustic_token/), or the list of
semantic tokens with ACOUSTIC beside: a .pth (read in safe mode) or a folder of NAME.npy, [levels, frames].
\b
Examples:
  antiphon soundstorm export-data tokens dump/train
  antiphon soundstorm import dump/train --out imported --codec hificodec --clusters 1000 --speaker-ends _
"""

FEATURES_EPILOG = """\b
FOLDER holds config.json and model.safetensors or pytorch_model.bin, as the hub has them.
\b
Example:
  antiphon soundstorm import-features hubert-base hubert.onnx --layer 9
  antiphon soundstorm train semantic --features onnx:hubert.onnx --data recordings --out semantic
"""
CODEC_EPILOG = """\b
Files of weights are read without running any code: safetensors, or a state dictionary saved by torch.
\b
Examples:
  antiphon soundstorm import-codec encodec model.safetensors codec
  antiphon soundstorm import-codec hificodec HiFi-Codec-16k-320d codec --config config_16k_320d.json
"""


@click.command("import", epilog=IMPORT_EPILOG)
@click.argument("source", type=_PATH)
@click.argument("acoustic", required=False, type=_PATH)
@click.option("--out", required=True, type=_FOLDER, help="Where the token set goes.")
@click.option("--codec", "codec_name", required=True, metavar="NAME", help="Whose acoustic tokens they are: speech, "
              "the folder of an exported codec, or a name of your own.")  # fmt: skip
@click.option("--codes", type=click.IntRange(2, 65_536), help="Of each level, for a codec of your own name: 1024.")
@click.option("--rate", type=click.FloatRange(1, 1000), help="Its frames a second, for a name of your own: 50.")
@click.option("--groups", default=1, show_default=True, type=click.IntRange(1, 64), help="Its groups of levels, as "
              "HiFi-Codec's 2, for a name of your own.")  # fmt: skip
@click.option("--semantic", type=_PATH, help="The tokenizer that made the semantic tokens, if it is ours.")
@click.option("--clusters", default=1000, show_default=True, type=click.IntRange(2, 65_535), help="Without --semantic.")
@click.option("--semantic-rate", default=50.0, show_default=True, type=click.FloatRange(1, 1000),
              help="Semantic tokens a second, without --semantic.")  # fmt: skip
@click.option("--speaker-ends", default="", metavar="TEXT", help="A name begins with its speaker, up to this: '_'.")
@click.option("--licence", default="", help="Licence of the recordings.")
def import_tokens(
    source: Path, acoustic: Path | None, out: Path, codec_name: str, codes: int | None, rate: float | None, groups: int,
    semantic: Path | None, clusters: int, semantic_rate: float, speaker_ends: str, licence: str,
) -> None:  # fmt: skip
    """Turn tokens that other code made into a token set, to train a generator on."""
    from antiphon.soundstorm.data.importing import import_items
    from antiphon.soundstorm.data.layouts import dumped, read_items
    from antiphon.soundstorm.data.preparing import Kind

    listed, heard = (source, acoustic) if acoustic is not None else dumped(source)
    items = read_items(listed, heard)
    codec = _codec(codec_name, items, codes, rate, groups)
    if semantic is None:
        tokenizer = Kind(name=f"imported-{clusters}", vocabulary=(clusters,), frame_rate_hz=semantic_rate)
    else:
        tokenizer = _tokenizer(semantic)
    report = import_items(items, (codec, tokenizer), out, speaker_ends=speaker_ends, licence=licence)
    click.echo(f"Recordings  {report.recordings}, {report.hours:.2f} h, {report.with_text} with text")
    click.echo(f"Speakers    {len(report.speakers)}")
    click.echo(f"Codec       {codec.name}, {len(codec.vocabulary)} levels, {codec.frame_rate_hz:g} frames a second")


@click.command("export-data", epilog="\b\nExample:\n  antiphon soundstorm export-data tokens dump/train\n")
@click.argument("tokens", type=_FOLDER)
@click.argument("folder", type=_FOLDER)
@click.option("--torch", "torch_file", is_flag=True, help="Acoustic tokens as one .pth instead of arrays.")
def export_data(tokens: Path, folder: Path, torch_file: bool) -> None:
    """Write a token set as the public code's dump/train: semantic_token.tsv and acoustic_token/."""
    from antiphon.soundstorm.data import Shards
    from antiphon.soundstorm.data.importing import export_items

    count = export_items(Shards(tokens), folder, torch_file=torch_file)
    click.echo(f"Recordings  {count}")
    click.echo(f"Written     {folder}")


@click.command("import-codec", epilog=CODEC_EPILOG)
@click.argument("kind", type=click.Choice(("encodec", "academicodec", "dac", "hificodec")))
@click.argument("checkpoint", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("folder", type=_FOLDER)
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="The JSON beside a HiFi-Codec.")
@click.option("--rate", "rate_hz", type=click.IntRange(8_000, 48_000), help="Its sample rate in Hz: of EnCodec 24000, "
              "of AcademiCodec 16000, of HiFi-Codec what its JSON says, of DAC it must be given.")  # fmt: skip
def import_codec(kind: str, checkpoint: Path, folder: Path, config: Path | None, rate_hz: int | None) -> None:
    """Make FOLDER, a codec to prepare and train with, of weights as their project publishes them."""
    try:
        from antiphon.codecs.checkpoints import export_checkpoint
    except ImportError as error:
        raise ModelError("Importing a codec needs PyTorch", "Run `pip install 'antiphon[train]'`.") from error

    model = export_checkpoint(kind, checkpoint, folder, config=config, rate_hz=rate_hz)
    click.echo(f"Codec       {model.name}")
    click.echo(f"Tokens      {model.levels} levels of {model.codes}, {model.rate_hz / model.hop:g} frames a second")
    click.echo(f"Written     {folder}")


@click.command("import-features", epilog=FEATURES_EPILOG)
@click.argument("folder", type=_FOLDER)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--layer", default=9, show_default=True, type=click.IntRange(0, 64), help="Whose output tells what is "
              "said; 0 is what the first is given.")  # fmt: skip
def import_features(folder: Path, file: Path, layer: int) -> None:
    """Make FILE, semantic features for `train semantic`, of a folder with HuBERT's or WavLM's published weights."""
    try:
        from antiphon.soundstorm.speech_encoders import export
    except ImportError as error:
        raise ModelError("Importing features needs PyTorch", "Run `pip install 'antiphon[train]'`.") from error

    config = export(folder, layer, file).config
    click.echo(
        f"Features    {config.model_type}, layer {layer} of {config.num_hidden_layers}, {config.hidden_size} wide"
    )
    click.echo(f"Written     {file}")


def _codec(name: str, items: dict[str, SeedItem], codes: int | None, rate: float | None, groups: int) -> Kind:
    from antiphon.codecs.base import depth_of
    from antiphon.soundstorm.data.makers import CODECS, open_codec
    from antiphon.soundstorm.data.preparing import Kind

    if name in CODECS or Path(name).is_dir():
        if codes or rate or groups > 1:
            raise InputError(f"{name} knows its codes, rate and groups", "Leave --codes, --rate and --groups out.")
        ours = open_codec(name)
        return Kind(
            name=ours.name, vocabulary=tuple(ours.vocabulary), frame_rate_hz=ours.frame_rate_hz, depth=depth_of(ours)
        )
    levels = next(iter(items.values())).acoustic.shape[0]
    if levels % groups:
        raise InputError(f"{levels} levels are not {groups} groups of equal size", "Give another --groups.")
    each = levels // groups
    depth = tuple(level % each for level in range(levels)) if groups > 1 else ()
    return Kind(name=name, vocabulary=(codes or 1024,) * levels, frame_rate_hz=rate or 50.0, depth=depth)


def _tokenizer(semantic: Path) -> Kind:
    from antiphon.cli.training import semantic_file
    from antiphon.soundstorm.data.preparing import Kind
    from antiphon.soundstorm.semantic import load

    ours = load(semantic_file(semantic))
    return Kind(name=ours.name, vocabulary=(ours.vocabulary,), frame_rate_hz=ours.frame_rate_hz)

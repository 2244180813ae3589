"""A generator as a folder of its own: weights, graphs, a card, and a `config.json` that tells what it belongs to.

`antiphon soundstorm export` writes one, `load` opens it. Every file is named there by its hash, the codec, the
tokenizer and the training data by their names and hashes, so that nothing is served with what it was not trained for.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from antiphon.codecs.base import Codec
from antiphon.errors import InputError, ModelError, OutputError
from antiphon.soundstorm import serving
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.semantic import SemanticTokenizer
from antiphon.soundstorm.serving import GRAPHS, WEIGHTS, Generator, Precision

CONFIG, CARD = "config.json", "README.md"
FILES = (WEIGHTS, *GRAPHS.values())
FORMAT = 1
MAX_CONFIG_BYTES = 1 << 20

T = TypeVar("T")


class FileIdentity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file must be."""

    sha256: str
    bytes: int


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the weights come from."""

    data: str  # hash of the token set
    steps: int
    seed: int
    begun_with: str = ""  # fingerprint of the weights it went on from


class FolderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config.json`. `generator.layout` names codec and tokenizer, each with its hash."""

    model_type: Literal["antiphon-soundstorm"] = "antiphon-soundstorm"
    format: int = FORMAT
    antiphon_version: str
    name: str  # of the profile, and the fingerprint of the weights
    generator: GeneratorConfig
    training: Training
    files: dict[str, FileIdentity]


class _Kind(msgspec.Struct, frozen=True):
    """As much of a `config.json` as tells whether the rest can be read."""

    model_type: str = ""
    format: int = 0


def identity(path: Path) -> FileIdentity:
    """Raises `ModelError` when the file cannot be read."""
    try:
        with path.open("rb") as handle:
            return FileIdentity(sha256=hashlib.file_digest(handle, "sha256").hexdigest(), bytes=path.stat().st_size)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", "Export the model again.") from error


def write(exported: Path, out: Path, config: FolderConfig, card: str) -> None:
    """Write the model in `exported` into `out`, which comes to be with all of it or not at all.

    Raises `InputError` where something lies in `out`, `OutputError` when it cannot be written.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out} is there already", "Choose another folder, or delete it.")
    try:
        with _whole(out) as folder:
            for name in config.files:
                shutil.copyfile(exported / name, folder / name)
            (folder / CARD).write_text(card)
            (folder / CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}", "Choose another place.") from error


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its name at the end."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent.resolve()))
    try:
        folder.chmod(0o755)
        yield folder
        folder.replace(out.resolve())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_config(folder: Path) -> FolderConfig:
    """Raises `ModelError` for anything but a folder that `write` of this version made."""
    path = folder / CONFIG
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ModelError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes", "Export the model again.")
        blob = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{folder} holds no exported model: {CONFIG} cannot be read ({error.strerror})",
            "Make such a folder by `antiphon soundstorm export RUN FOLDER`.",
        ) from error
    kind = _decoded(blob, _Kind, path)
    if kind.model_type != "antiphon-soundstorm":
        raise ModelError(
            f"{path} is of another kind of model: {kind.model_type or 'unnamed'}",
            "Make such a folder by `antiphon soundstorm export RUN FOLDER`.",
        )
    if kind.format != FORMAT:
        raise ModelError(
            f"{path} is of format {kind.format}, this version reads {FORMAT}",
            "Export the model again, or install the version that wrote it.",
        )
    return _decoded(blob, FolderConfig, path)


def _decoded(blob: bytes, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(blob, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ModelError(f"{path} cannot be understood: {error}", "Export the model again.") from error


def load(
    folder: Path | str,
    *,
    codec: Codec | None = None,
    tokenizer: SemanticTokenizer | None = None,
    precision: Precision = "float32",
    threads: int | None = None,
) -> Generator:
    """The generator of a folder, its files checked by their hashes, and that it is for `codec` and `tokenizer`.

    Raises `ModelError` when a file is missing, changed or of another version, `InputError` for another codec or
    tokenizer.
    """
    folder = Path(folder)
    config = read_config(folder)
    if codec is not None:
        config.generator.layout.fits(codec)
    if tokenizer is not None:
        config.generator.layout.hears(tokenizer.name, tokenizer.vocabulary)
    _check(folder, config.files, (WEIGHTS, GRAPHS[precision]))
    generator = serving.load(folder, precision=precision, threads=threads)
    if (generator.config, generator.name) != (config.generator, config.name):
        raise ModelError(
            f"{folder / CONFIG} tells of {config.name}, the graph is of {generator.name} or set up otherwise",
            "Export the model again.",
        )
    return generator


def _check(folder: Path, files: Mapping[str, FileIdentity], names: tuple[str, ...]) -> None:
    """Raises `ModelError` unless the files are what `config.json` says."""
    for name in names:
        if name not in files:
            raise ModelError(f"{folder / CONFIG} names no {name}", "Export the model again.")
        if identity(folder / name) != files[name]:
            raise ModelError(
                f"{folder / name} is not the file that {CONFIG} names: it was changed or is not whole",
                "Copy the folder again, or export the model again.",
            )

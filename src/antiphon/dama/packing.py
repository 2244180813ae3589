"""From files to a manifest: a folder of one's own, or a model that ships with us. Weights are looked at, never run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from antiphon.dama.manifest import MAX_FILES, WEIGHTS, AssetFile, Card, Manifest, asset_id
from antiphon.errors import InputError, ModelError
from antiphon.models import CATALOG, Model, open_session, tensors

MAX_LOOKED_AT_BYTES = 2 << 30


def pack(folder: Path, card: Card) -> Manifest:
    """The manifest of a folder's files. Raises `InputError` for a folder that is no asset."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "Name the folder that holds the weights.")
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if len(paths) > MAX_FILES:
        raise InputError(f"{folder} holds {len(paths)} files, more than {MAX_FILES}", "Leave out what is no asset.")
    if odd := [path.name for path in paths if path.is_symlink() or not path.is_file()]:
        raise InputError(f"{odd[0]} in {folder} is no plain file", "An asset has files, and no folders in it.")
    files = tuple(_file(path) for path in paths)
    manifest = Manifest(card=card, files=files)
    for path in paths:
        check_weights(path)
    return manifest


def shipped(catalog: Iterable[Model] = CATALOG) -> dict[str, Manifest]:
    """Each model that ships with us and has weights in a form we share, by its name, as the asset that it is."""
    found = {}
    for model in catalog:
        if any(file.name.endswith(WEIGHTS) for file in model.files):
            found[model.name] = of_model(model)
    return found


@cache
def asset_of_engine(engine: str) -> str:
    """The id of the model that an engine of ours uses; empty: it has none, or of a form that we do not share."""
    return next((asset_id(found) for found in shipped().values() if engine and found.card.engine == engine), "")


def of_model(model: Model) -> Manifest:
    """A model of the catalogue as an asset: what was declared there, and nothing else."""
    files = [AssetFile(name=file.name, size=file.size, sha256=file.sha256) for file in model.files]
    card = Card(name=model.name, version=model.version, licence=model.licence, engine=model.engine)
    return Manifest(card=card, files=tuple(sorted(files, key=lambda file: file.name)))


def check_weights(path: Path) -> None:
    """Raise `InputError` for weights that cannot be loaded safely, or hold values that are no numbers. A graph may take
    its weights from safetensors beside it, which must be there already, and from nowhere else."""
    if not path.name.lower().endswith(WEIGHTS):
        return
    if path.stat().st_size > MAX_LOOKED_AT_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_LOOKED_AT_BYTES >> 30} GiB", "Split the weights.")
    blob = path.read_bytes()
    try:
        if path.name.lower().endswith(".onnx"):
            open_session(blob, path.name, threads=1, beside=_tensors_beside(path))  # from memory: no other file is read
            return
        for name, tensor in tensors.parse(blob).items():
            if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
                raise InputError(f"{name} in {path.name} holds values that are no numbers", "Train it again.")
    except ModelError as error:
        raise InputError(f"{path.name} is not what its name says: {error.what}", "Export the weights again.") from error


def _tensors_beside(path: Path) -> dict[str, bytes]:
    found = [one for one in sorted(path.parent.glob("*.safetensors")) if one.is_file() and not one.is_symlink()]
    return {one.name: one.read_bytes() for one in found if one.stat().st_size <= MAX_LOOKED_AT_BYTES}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(path: Path) -> AssetFile:
    size = path.stat().st_size
    AssetFile(name=path.name, size=size, sha256="0" * 64)  # refuse it before its bytes are read
    return AssetFile(name=path.name, size=size, sha256=sha256_of(path))

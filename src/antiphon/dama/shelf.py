"""Assets on this machine: `assets/ID/` in the data folder. What lies there was verified; its use verifies it again."""

from __future__ import annotations

import shutil
from pathlib import Path

from antiphon.dama.manifest import MAX_MANIFEST_BYTES, Manifest, SignedManifest, open_signed
from antiphon.dama.packing import sha256_of
from antiphon.errors import InputError, ModelError, ProtocolError
from antiphon.models import Loader, Model, ModelFile

_PULLING = ".pulling-"
SIGNED = "asset.signed"
"""The owner's envelope, beside the files."""


class Shelf:
    """`root` is made by the first pull."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, asset: str) -> Path:
        return self.root / asset

    def pulling(self, asset: str) -> Path:
        """Where it lies until it is whole."""
        return self.root / f"{_PULLING}{asset}"

    def held(self) -> list[str]:
        """Ids of all that are here, in order."""
        return sorted(
            path.parent.name for path in self.root.glob(f"*/{SIGNED}") if not path.parent.name.startswith(".")
        )

    def begun(self) -> list[str]:
        """Ids of those that are fetched in part."""
        return sorted(path.name.removeprefix(_PULLING) for path in self.root.glob(f"{_PULLING}*"))

    def complete(self, asset: str) -> bool:
        return (self.folder(asset) / SIGNED).is_file()

    def signed(self, asset: str) -> SignedManifest:
        """What its owner signed. Raises `InputError` for one that is not here, `ProtocolError` for a forged one."""
        path = self.folder(asset) / SIGNED
        if not path.is_file():
            raise InputError(
                f"The asset {asset[:12]} is not on this machine", f"Fetch it: antiphon dama pull {asset[:12]}"
            )
        with path.open("rb") as file:
            return open_signed(file.read(MAX_MANIFEST_BYTES + 4_097), asset)

    def verify(self, asset: str) -> SignedManifest:
        """Signature, id and every file's hash. Raises `ProtocolError` naming the first file that is another."""
        found = self.signed(asset)
        folder = self.folder(asset)
        for file in found.manifest.files:
            path = folder / file.name
            if not path.is_file() or path.stat().st_size != file.size or sha256_of(path) != file.sha256:
                raise ProtocolError(
                    f"{file.name} of {asset[:12]} is not what its owner signed",
                    f"Fetch it again: antiphon dama drop {asset[:12]}, then antiphon dama pull {asset[:12]}",
                )
        if more := {path.name for path in folder.iterdir()} - {SIGNED} - {file.name for file in found.manifest.files}:
            raise ProtocolError(f"{min(more)} is no file of {asset[:12]}", "Take it away.")
        return found

    def drop(self, asset: str) -> None:
        """Forget an asset, and what was fetched of it."""
        for folder in (self.folder(asset), self.pulling(asset)):
            shutil.rmtree(folder, ignore_errors=True)

    def loader(self, asset: str) -> tuple[Model, Loader]:
        """The asset as a declared model, and the loader of models that reads it: by hash, like those that ship with us.
        Raises `ProtocolError` for a forged manifest; the loader raises `ModelError` for a file that is another."""
        model = as_model(asset, self.signed(asset).manifest)
        return model, Loader((model,), folder=self.root)

    def read(self, asset: str, file: str) -> bytes:
        """One file, verified. Raises `ModelError`."""
        model, loader = self.loader(asset)
        if not (self.folder(asset) / file).is_file():
            raise ModelError(
                f"{asset[:12]} has no file {file}", f"It has: {', '.join(one.name for one in model.files)}."
            )
        return loader.read(model.name, file)


def as_model(asset: str, manifest: Manifest) -> Model:
    """The declaration that loaders read, its name the asset's id."""
    files = tuple(ModelFile(name=file.name, sha256=file.sha256, size=file.size, pieces=()) for file in manifest.files)
    card = manifest.card
    return Model(name=asset, version=card.version, licence=card.licence, files=files, engine=card.engine)

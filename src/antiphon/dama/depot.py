"""Assets in a store: pushed and pulled in pieces, so that both go on where they were cut. The store is never believed.

`assets/ID/OWNER` is the signed manifest, `blobs/SHA256/NUMBER` a piece of a file. Files that several assets share lie
there once. What was pulled counts once every file has the hash that its owner signed; until then it lies apart.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from antiphon.dama.manifest import MAX_MANIFEST_BYTES, AssetFile, SignedManifest, open_signed
from antiphon.dama.packing import check_weights, sha256_of
from antiphon.dama.shelf import SIGNED, Shelf
from antiphon.errors import InputError, OutputError, ProtocolError, UnavailableError, is_full
from antiphon.objects import ObjectStore

PIECE_BYTES = 8 << 20
Tell = Callable[[int, int], None]
"""Bytes that are done, and all."""


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """What a push did, in bytes."""

    asset: str
    sent: int
    there: int


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull did, in bytes. `there`: it was on this machine before."""

    signed: SignedManifest
    folder: Path
    fetched: int
    there: int


class Depot:
    """One store of assets."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.url = store.url

    def push(self, raw: bytes, sources: Callable[[AssetFile], Iterator[bytes]], tell: Tell | None = None) -> Pushed:
        """Send what the store has not. `sources` gives the bytes of a file, in order; they must be what was signed, or
        `ProtocolError` is raised and the asset is not there."""
        signed = open_signed(raw)
        sent = there = 0
        for file in signed.manifest.files:
            missing = [number for number, size in _pieces(file) if self._store.size(_blob(file, number)) != size]
            there += file.size - sum(size for number, size in _pieces(file) if number in missing)
            for number, piece in enumerate(_in_pieces(file, sources(file))):
                if number in missing:
                    self._store.write(_blob(file, number), piece)
                    sent += len(piece)
                    if tell:
                        tell(sent + there, signed.manifest.size)
        self._store.write(f"assets/{signed.asset}/{signed.owner}", raw, new=True)
        return Pushed(asset=signed.asset, sent=sent, there=there)

    def owners(self, asset: str) -> list[str]:
        """Who has signed an asset here; whose it is, the ledger says."""
        return [name.rpartition("/")[2] for name in self._store.names(f"assets/{asset}")]

    def signed(self, asset: str, owner: str) -> tuple[SignedManifest, bytes]:
        """The manifest that this owner signed. Raises `InputError` where there is none, `ProtocolError` for a lie."""
        try:
            raw = self._store.read(f"assets/{asset}/{owner}", MAX_MANIFEST_BYTES + 4_096)
        except FileNotFoundError as error:
            raise InputError(
                f"{self.url} does not have {asset[:12]} of {owner[:12]}", "Name another store with --store."
            ) from error
        found = open_signed(raw, asset)
        if found.owner != owner:
            raise ProtocolError(f"{self.url} has {asset[:12]} as signed by {found.owner[:12]}", "Ask another store.")
        return found, raw

    def pull(self, asset: str, owner: str, shelf: Shelf, tell: Tell | None = None) -> Pulled:
        """Fetch an asset onto the shelf, or go on. Raises `ProtocolError` for bytes that the owner did not sign: they
        are thrown away. `OutputError`: there is no room; `UnreachableError`: go on later."""
        folder = shelf.folder(asset)
        if shelf.complete(asset) and (here := shelf.signed(asset)).owner == owner:
            return Pulled(signed=here, folder=folder, fetched=0, there=here.manifest.size)
        found, raw = self.signed(asset, owner)
        part = shelf.pulling(asset)
        fetched = 0
        with _writing(part):
            part.mkdir(parents=True, exist_ok=True)
            _expect_room(part, found.manifest.size)
            for file in sorted(found.manifest.files, key=lambda file: file.name.lower().endswith(".onnx")):
                # Graphs come last: they are looked at with the weights beside them.
                fetched += self._fetch(file, part / file.name)
                if tell:
                    tell(fetched, found.manifest.size)
            (part / SIGNED).write_bytes(raw)
            shutil.rmtree(folder, ignore_errors=True)  # of another who signed the same
            part.replace(folder)
        return Pulled(signed=found, folder=folder, fetched=fetched, there=found.manifest.size - fetched)

    def read(self, file: AssetFile) -> bytes:
        """One file of a signed manifest, verified. Raises as `pull`."""
        data = b"".join(self._piece(file, number, size) for number, size in _pieces(file))
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise self._lie(file.name)
        return data

    def _fetch(self, file: AssetFile, path: Path) -> int:
        """The rest of a file: bytes that were fetched. Only whole pieces of an earlier try count."""
        there = path.stat().st_size if path.is_file() else 0
        fetched = 0
        with path.open("ab") as out:
            out.truncate(done := min(there, file.size) // PIECE_BYTES * PIECE_BYTES if there != file.size else there)
            for number, size in _pieces(file):
                if number * PIECE_BYTES < done:
                    continue
                out.write(self._piece(file, number, size))
                fetched += size
        if sha256_of(path) != file.sha256:
            path.unlink()
            raise self._lie(file.name)
        try:
            check_weights(path)
        except InputError as error:
            raise ProtocolError(f"{file.name} is what was signed, and unsafe to load: {error.what}") from error
        return fetched

    def _piece(self, file: AssetFile, number: int, size: int) -> bytes:
        try:
            piece = self._store.read(_blob(file, number), size)
        except FileNotFoundError as error:
            raise UnavailableError(
                f"{self.url} lacks a part of {file.name}", "Its push was cut, maybe: ask its owner to push again."
            ) from error
        except InputError as error:
            raise self._lie(file.name) from error
        if len(piece) != size:
            raise self._lie(file.name)
        return piece

    def _lie(self, name: str) -> ProtocolError:
        return ProtocolError(
            f"{self.url} gave other bytes of {name} than the owner signed", "They are not kept. Ask another store."
        )


def _blob(file: AssetFile, number: int) -> str:
    return f"blobs/{file.sha256}/{number:05d}"


def _pieces(file: AssetFile) -> Iterator[tuple[int, int]]:
    """Number and size of each piece."""
    for number in range(-(-file.size // PIECE_BYTES)):
        yield number, min(PIECE_BYTES, file.size - number * PIECE_BYTES)


def _in_pieces(file: AssetFile, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of a file as pieces. Raises `ProtocolError` before the last one for bytes that were not signed."""
    state, kept, total = hashlib.sha256(), bytearray(), 0
    for chunk in chunks:
        state.update(chunk)
        kept += chunk
        total += len(chunk)
        while len(kept) > PIECE_BYTES and total <= file.size:
            yield bytes(kept[:PIECE_BYTES])
            del kept[:PIECE_BYTES]
    if total != file.size or state.hexdigest() != file.sha256:
        raise ProtocolError(f"{file.name} has changed since it was signed", "Sign it as it is: push it again.")
    yield bytes(kept)


def _expect_room(folder: Path, size: int) -> None:
    there = sum(path.stat().st_size for path in folder.iterdir())
    if (free := shutil.disk_usage(folder).free) < size - there:
        raise OutputError(
            f"{folder} has room for {free:,} bytes, and {size - there:,} are to come", "Free some space; it goes on."
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "Free some space; it goes on." if is_full(error) else "Look at the folder's permissions."
        raise OutputError(f"Cannot write to {folder}: {error.strerror}", hint) from error

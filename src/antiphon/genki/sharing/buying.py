"""The buyer's side: sealed pieces are fetched before anything is paid, and opened with the key that was bought.

Both go on where they were cut. `.buying-ID` in the folder holds the sealed pieces, the order's nonce and, once it is
paid for, the sale.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from antiphon import durable
from antiphon.errors import OutputError, is_full
from antiphon.genki.sharing import sealed
from antiphon.genki.sharing.offer import PIECE_BYTES, Listing, SharedClip, SignedOffer, new_nonce, open_sale
from antiphon.objects import ObjectStore

Tell = Callable[[int, int], None]
"""Bytes that are done, and all."""


class Purchase:
    """One offer on its way into a folder."""

    def __init__(self, offer: SignedOffer, folder: Path) -> None:
        self.offer, self.folder = offer, folder
        self._part = folder / f".buying-{offer.id}"

    def fetch(self, store: ObjectStore, tell: Tell | None = None) -> int:
        """Fetch the rest of the sealed pieces: bytes that came. Raises `ProtocolError` for bytes that the seller did
        not sign (they are thrown away), `UnavailableError`, `UnreachableError`, `OutputError`: go on later."""
        listing = sealed.read_listing(store, self.offer)
        self._require_free(listing)
        self._require_room(self.offer.offer.size)
        fetched = 0
        for clip in listing.clips:
            file, whole = self._sealed(clip), _sealed_size(clip, clip.size)
            there = file.stat().st_size if file.is_file() else 0
            first = len(clip.pieces) if there == whole else there // (PIECE_BYTES + sealed.SEALED_MORE_BYTES)
            with self._writing(), file.open("ab") as out:
                if there != whole:
                    out.truncate(first * (PIECE_BYTES + sealed.SEALED_MORE_BYTES))
                for piece in sealed.sealed_pieces(store, self.offer, clip, first):
                    out.write(piece)
                    fetched += len(piece)
                    if tell:
                        tell(fetched, self.offer.offer.size)
        self._keep("listing", msgspec.msgpack.encode(listing))
        return fetched

    @property
    def nonce(self) -> str:
        """Of the one order of this purchase."""
        if found := self._kept("nonce"):
            return found.decode("ascii", "replace")
        self._keep("nonce", (made := new_nonce()).encode())
        return made

    @property
    def paid(self) -> bool:
        return self._kept("sale") is not None

    def keep_sale(self, raw: bytes) -> None:
        """The seller's word, before anything else is done: it was paid for. Raises `ProtocolError` for another's."""
        open_sale(raw, self.offer, self.nonce)
        self._keep("sale", raw)

    def open(self) -> list[Path]:
        """Write the clips with their sidecars, and what proves the purchase; the files. Raises `ProtocolError` for a
        clip that is not what the seller signed, `OutputError`; it goes on when it is called again."""
        raw = self._kept("sale")
        assert raw is not None, "it is opened once it is paid for"
        key = open_sale(raw, self.offer)
        listing = msgspec.msgpack.decode(self._kept("listing") or b"", type=Listing)
        self._require_free(listing)
        made = []
        with self._writing():
            for clip in listing.clips:
                target = self.folder / clip.name
                beside = self._part / f"{clip.name}.open"
                with beside.open("wb") as out:
                    for plain in sealed.opened_pieces(key, clip, self._pieces(clip)):
                        out.write(plain)
                    out.flush()
                    os.fsync(out.fileno())
                durable.replace(target.with_suffix(".json"), _sidecar(clip))
                beside.replace(target)
                made.append(target)
            durable.replace(self.folder / f"{self.offer.id[:12]}.offer", self.offer.raw)
            durable.replace(self.folder / f"{self.offer.id[:12]}.sale", raw)
            shutil.rmtree(self._part)
        return made

    def _pieces(self, clip: SharedClip) -> Iterator[bytes]:
        with self._sealed(clip).open("rb") as stream:
            while piece := stream.read(PIECE_BYTES + sealed.SEALED_MORE_BYTES):
                yield piece

    def _sealed(self, clip: SharedClip) -> Path:
        return self._part / f"{clip.sha256}.sealed"

    def _kept(self, name: str) -> bytes | None:
        file = self._part / name
        return file.read_bytes() if file.is_file() else None

    def _keep(self, name: str, content: bytes) -> None:
        with self._writing():
            durable.replace(self._part / name, content)

    def _require_free(self, listing: Listing) -> None:
        """Raise `OutputError` where a clip would take another file's place: its name is the seller's choice."""
        for clip in listing.clips:
            target = self.folder / clip.name
            beside = target.with_suffix(".json")
            with self._writing():
                other = target.exists() and (target.stat().st_size != clip.size or _sha256(target) != clip.sha256)
                if other or (beside.exists() and beside.read_bytes() != _sidecar(clip)):
                    raise OutputError(
                        f"{self.folder} has other files called as {clip.name}", "Name another folder, or move them."
                    )

    def _require_room(self, size: int) -> None:
        with self._writing():
            self._part.mkdir(mode=durable.PRIVATE_FOLDER, parents=True, exist_ok=True)
            there = sum(file.stat().st_size for file in self._part.iterdir())
            if (free := shutil.disk_usage(self._part).free) < 2 * size - there:
                raise OutputError(
                    f"{self.folder} has room for {free:,} bytes, and {2 * size:,} are needed", "Free some; it goes on."
                )

    def _writing(self) -> _Writing:
        return _Writing(self.folder)


class _Writing:
    """Failures to write as `OutputError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            hint = "Free some space; it goes on." if is_full(error) else "Look at the folder's permissions."
            raise OutputError(f"Cannot write to {self._folder}: {error.strerror}", hint) from error


def _sidecar(clip: SharedClip) -> bytes:
    return msgspec.json.format(msgspec.json.encode(clip.facts), indent=2)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sealed_size(clip: SharedClip, size: int) -> int:
    return size + len(clip.pieces) * sealed.SEALED_MORE_BYTES

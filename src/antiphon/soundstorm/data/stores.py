"""Where a token set lies: a folder, or a bucket (`s3://`, `gs://`, `az://`, `http(s)://`) by `antiphon.objects`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Protocol

from antiphon.errors import InputError, OutputError
from antiphon.objects import Bucket, Folder

MAX_CACHE_BYTES = 64 << 30
"""Shards of buckets that are kept on this machine; the longest unused go first."""

RETRY_S = 60.0
"""How long a bucket that does not answer is asked again, before a run ends with a checkpoint."""


class Store(Protocol):
    def read(self, name: str, most: int) -> bytes:
        """The content of a file of at most so many bytes. Raises `InputError`, `FileNotFoundError`."""

    def path(self, name: str, most: int) -> Path:
        """The file, on this machine. Raises `FileNotFoundError`, `OSError` and `UnreachableError`."""


class Files:
    """A token set in a folder."""

    def __init__(self, root: Path) -> None:
        self._root, self._folder = root, Folder(root)

    def read(self, name: str, most: int) -> bytes:
        return self._folder.read(name, most)

    def path(self, name: str, most: int) -> Path:
        path = self._root / name
        if path.stat().st_size > most:
            raise InputError(f"{path} is larger than {most:,} bytes", "Prepare the set in smaller shards.")
        return path


class Cached:
    """A token set in a bucket. Files that are mapped are fetched once, into `cache`, each version of them anew."""

    def __init__(self, url: str, cache: Path) -> None:
        self._bucket = Bucket(url, request_s=RETRY_S, retry_s=RETRY_S)
        self._cache = cache / hashlib.sha256(url.encode()).hexdigest()[:16]

    def read(self, name: str, most: int) -> bytes:
        return self._bucket.read(name, most)

    def path(self, name: str, most: int) -> Path:
        stem, _, suffix = name.rpartition(".")
        path = self._cache / f"{stem}-{self._bucket.version(name)}.{suffix}"
        if path.is_file():
            os.utime(path)
            return path
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            self._bucket.fetch(name, path, most)
            _bound(self._cache.parent, path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OutputError(f"Cannot write to {self._cache}: {error.strerror}", "Free some space.") from error
        return path


def opened(place: Path | str) -> Store:
    """The store of a folder or a URL."""
    if isinstance(place, Path) or "://" not in place:
        return Files(Path(place))
    import platformdirs

    return Cached(place.rstrip("/"), Path(platformdirs.user_cache_dir("antiphon")) / "tokens")


def _bound(cache: Path, newest: Path) -> None:
    """Forget what was unused longest. A file that another process has mapped stays readable for it."""
    files = sorted((path for path in cache.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in files)
    for path in files:
        if total <= MAX_CACHE_BYTES:
            return
        if path != newest:
            total -= path.stat().st_size
            path.unlink(missing_ok=True)

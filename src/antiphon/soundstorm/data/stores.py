"""Where a token set lies: a folder, or a bucket (`s3://`, `gs://`, `az://`, `http(s)://`) read by obstore."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from antiphon.errors import InputError, ModelError, OutputError, UnreachableError

MAX_CACHE_BYTES = 64 << 30
"""Shards of buckets that are kept on this machine; the longest unused go first."""

RETRY_S = 60.0
"""How long a bucket that does not answer is asked again, before a run ends with a checkpoint."""

CHUNK = 1 << 20


class Store(Protocol):
    def read(self, name: str, most: int) -> bytes:
        """The content of a file of at most so many bytes. Raises `InputError`, `FileNotFoundError`."""

    def path(self, name: str, most: int) -> Path:
        """The file, on this machine. Raises `FileNotFoundError`, `OSError` and `UnreachableError`."""


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str, most: int) -> bytes:
        path = self._root / name
        if path.stat().st_size > most:
            raise InputError(f"{path} is larger than {most:,} bytes", "Prepare the set again.")
        return path.read_bytes()

    def path(self, name: str, most: int) -> Path:
        path = self._root / name
        if path.stat().st_size > most:
            raise InputError(f"{path} is larger than {most:,} bytes", "Prepare the set in smaller shards.")
        return path


class Bucket:
    """Objects under a URL. Credentials and endpoint are the environment's (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, ...).

    Files that are mapped are fetched once, into `cache`, by the identity the bucket gives their content.
    """

    def __init__(self, url: str, cache: Path) -> None:
        try:
            import obstore
            from obstore import store
        except ImportError as error:
            raise ModelError("Token sets in buckets need obstore", "Run `pip install 'antiphon[s3]'`.") from error
        self._url, self._obstore = url, obstore
        self._cache = cache / hashlib.sha256(url.encode()).hexdigest()[:16]
        plain = url.startswith("http://") or os.environ.get("AWS_ENDPOINT", "").startswith("http://")
        options: dict[str, Any] = {"timeout": timedelta(seconds=RETRY_S), "connect_timeout": timedelta(seconds=5)}
        connect: Any = store.from_url
        try:
            self._store: Any = connect(
                url,
                client_options=options | ({"allow_http": True} if plain else {}),
                retry_config={"max_retries": 8, "retry_timeout": timedelta(seconds=RETRY_S)},
            )
        except Exception as error:  # obstore has an exception of its own for every scheme
            raise InputError(
                f"{url} is no place of a token set: {_short(error)}", "Give a folder or s3://BUCKET/NAME."
            ) from error

    def read(self, name: str, most: int) -> bytes:
        return bytes(self._get(name, most).bytes())

    def path(self, name: str, most: int) -> Path:
        head = self._asked(lambda: self._obstore.head(self._store, name), name)
        identity = hashlib.sha256(f"{head['e_tag']} {head['size']} {head['last_modified']}".encode()).hexdigest()[:16]
        stem, _, suffix = name.rpartition(".")
        path = self._cache / f"{stem}-{identity}.{suffix}"
        if path.is_file():
            os.utime(path)
            return path
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            self._fetch(name, path, most)
            _bound(self._cache.parent, path)
        except OSError as error:
            raise OutputError(f"Cannot write to {self._cache}: {error.strerror}", "Free some space.") from error
        return path

    def _fetch(self, name: str, path: Path, most: int) -> None:
        found = self._get(name, most)
        handle, part = tempfile.mkstemp(dir=self._cache, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as out:
                stream = iter(found.stream(min_chunk_size=CHUNK))
                while (chunk := self._asked(lambda: next(stream, None), name)) is not None:
                    out.write(bytes(chunk))
            Path(part).replace(path)
        finally:
            Path(part).unlink(missing_ok=True)

    def _get(self, name: str, most: int) -> Any:
        found = self._asked(lambda: self._obstore.get(self._store, name), name)
        if found.meta["size"] > most:
            raise InputError(f"{self._url}/{name} is larger than {most:,} bytes", "Prepare the set again.")
        return found

    def _asked(self, ask: Any, name: str) -> Any:
        try:
            return ask()
        except FileNotFoundError:
            raise
        except Exception as error:  # obstore has an exception of its own for every cause
            raise UnreachableError(
                f"{self._url}/{name} cannot be had: {_short(error)}",
                "See that it answers, and that the environment has its credentials; what was learnt is kept.",
            ) from error


def opened(place: Path | str) -> Store:
    """The store of a folder or a URL."""
    if isinstance(place, Path) or "://" not in place:
        return Folder(Path(place))
    import platformdirs

    return Bucket(place.rstrip("/"), Path(platformdirs.user_cache_dir("antiphon")) / "tokens")


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


def _short(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]

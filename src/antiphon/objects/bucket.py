"""Objects in a bucket, by obstore. Credentials are the environment's (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`).

A request that is not answered in time is asked again for a while; then the caller hears of it, and can go on later.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from antiphon.errors import InputError, ModelError, OutputError, UnreachableError
from antiphon.objects.base import MAX_OBJECT_BYTES, check_name, too_long

T = TypeVar("T")

REQUEST_S = 60.0
"""How long one object may take."""
CHUNK = 1 << 20
RETRY_S = 30.0
"""How long a bucket that does not answer, or answers that it is busy, is asked again."""


class Bucket:
    """See `ObjectStore`."""

    def __init__(self, url: str, *, request_s: float = REQUEST_S, retry_s: float = RETRY_S) -> None:
        try:
            import obstore
            from obstore import store
        except ImportError as error:
            raise ModelError("Objects in buckets need obstore", "Run `pip install 'antiphon[s3]'`.") from error
        self.url, self._obstore = url.rstrip("/"), obstore
        plain = url.startswith("http://") or os.environ.get("AWS_ENDPOINT", "").startswith("http://")
        options: dict[str, Any] = {"timeout": timedelta(seconds=request_s), "connect_timeout": timedelta(seconds=5)}
        connect: Any = store.from_url
        try:
            self._store: Any = connect(
                self.url,
                client_options=options | ({"allow_http": True} if plain else {}),
                retry_config={"max_retries": 8, "retry_timeout": timedelta(seconds=retry_s)},
            )
        except Exception as error:  # obstore has an exception of its own for every scheme
            raise InputError(
                f"{url} is no place of objects: {_short(error)}", "Give a folder or s3://BUCKET."
            ) from error

    def size(self, name: str) -> int | None:
        try:
            return int(self._asked(lambda: self._obstore.head(self._store, check_name(name)), name)["size"])
        except FileNotFoundError:
            return None

    def read(self, name: str, most: int = MAX_OBJECT_BYTES) -> bytes:
        check_name(name)
        return self._asked(lambda: bytes(self._got(name, most).bytes()), name)

    def version(self, name: str) -> str:
        """Another one whenever the object is another. Raises `FileNotFoundError`."""
        head = self._asked(lambda: self._obstore.head(self._store, check_name(name)), name)
        return hashlib.sha256(f"{head['e_tag']} {head['size']} {head['last_modified']}".encode()).hexdigest()[:16]

    def fetch(self, name: str, path: Path, most: int) -> None:
        """Write an object of at most so many bytes to a file: whole or not at all, and never all of it in memory.
        Raises as `read`, and `OSError` for the file."""
        found = self._asked(lambda: self._got(check_name(name), most), name)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as out:
                stream = iter(found.stream(min_chunk_size=CHUNK))
                while (chunk := self._asked(lambda: next(stream, None), name)) is not None:
                    out.write(bytes(chunk))
            Path(part).replace(path)
        finally:
            Path(part).unlink(missing_ok=True)

    def write(self, name: str, data: bytes, *, new: bool = False) -> bool:
        check_name(name)
        more = {"mode": "create", "use_multipart": False} if new else {}
        try:
            self._asked(lambda: self._obstore.put(self._store, name, data, **more), name, writes=True)
        except FileExistsError:
            return False
        return True

    def names(self, prefix: str) -> list[str]:
        under = check_name(prefix) if prefix else None

        def found() -> list[str]:
            return [str(one["path"]) for page in self._obstore.list(self._store, prefix=under) for one in page]

        return sorted(self._asked(found, prefix))

    def delete(self, name: str) -> None:
        try:
            self._asked(lambda: self._obstore.delete(self._store, check_name(name)), name)
        except FileNotFoundError:
            return

    def _got(self, name: str, most: int) -> Any:
        found = self._obstore.get(self._store, name)
        if found.meta["size"] > most:
            raise too_long(f"{self.url}/{name}", found.meta["size"], most)
        return found

    def _asked(self, ask: Callable[[], T], name: str, *, writes: bool = False) -> T:
        try:
            return ask()
        except (FileExistsError, InputError):
            raise
        except (FileNotFoundError, self._obstore.exceptions.NotFoundError) as error:
            if writes:  # it is the bucket that is missing
                raise OutputError(f"{self.url} cannot be written to: {_short(error)}", "Make the bucket.") from error
            raise FileNotFoundError(f"{self.url}/{name}") from error
        except self._obstore.exceptions.AlreadyExistsError as error:
            raise FileExistsError(f"{self.url}/{name}") from error
        except Exception as error:  # obstore has an exception of its own for every cause
            raise self._explained(error, name, writes=writes) from error

    def _explained(self, error: Exception, name: str, *, writes: bool) -> OutputError | UnreachableError:
        what = f"{self.url}/{name} cannot be {'written' if writes else 'had'}: {_short(error)}"
        kinds = self._obstore.exceptions
        denied = (kinds.PermissionDeniedError, kinds.UnauthenticatedError, kinds.NotSupportedError)
        if writes and (isinstance(error, denied) or "507" in str(error) or "QuotaExceeded" in str(error)):
            return OutputError(what, "See that the bucket has room and that the credentials may write to it.")
        return UnreachableError(what, "See that it answers, and that the environment has its credentials; then go on.")


def _short(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]

"""The last source of a model file, and only when it was asked for: a hub in the shape of Hugging Face's.

Its address tells nothing about a file; its hash does. What arrives is written beside its place and moved there once it
is whole and has the declared hash, so an interrupted download leaves nothing that could be taken for a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from antiphon.errors import ModelError
from antiphon.models.catalog import Model, ModelFile

HUB = "https://huggingface.co"
TIMEOUT_S = 30.0
TRIES = 3
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Hub:
    """`endpoint`: as `HF_ENDPOINT` has it. `folder`: where files are kept, as `<folder>/<model>/<file>`."""

    folder: Path
    endpoint: str = HUB

    def fetch(self, model: Model, file: ModelFile) -> Path:
        """The file, downloaded unless it is there. A download that is cut off goes on where it stopped, `TRIES` times.

        Raises `ModelError` for a hub that does not have it, that cannot be reached, or whose file has another hash.
        """
        place = self.folder / model.name / file.name
        if place.is_file():
            return place
        if not self.endpoint.startswith(("http://", "https://")):
            raise ModelError(f"{self.endpoint!r} is no address of a hub", "Set HF_ENDPOINT to https://HOST.")
        url = f"{self.endpoint.rstrip('/')}/{model.hub}/resolve/main/{quote(file.name)}"
        part = place.with_name(f"{place.name}.{os.getpid()}.part")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as out:
                self._all(url, out, file)
            _check(part, url, file)
            part.replace(place)
        except OSError as error:
            raise ModelError(
                f"Cannot write {place}: {error.strerror}", "Make room, or name another --models."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        return place

    def _all(self, url: str, out: BinaryIO, file: ModelFile) -> None:
        failure = "it ended too early"
        for _ in range(TRIES):
            try:
                with urlopen(_asked(url, out.tell()), timeout=TIMEOUT_S) as answer:  # noqa: S310 - http(s), see above
                    if answer.status != 206:  # from the beginning, whatever was asked
                        out.seek(0)
                        out.truncate()
                    while block := answer.read(_BLOCK_BYTES):
                        if out.tell() + len(block) > file.size:
                            raise ModelError(f"{url} is larger than {file.size:,} bytes: another version", _ELSE)
                        out.write(block)
            except HTTPError as error:
                if error.code < 500 and error.code not in {408, 416, 429}:
                    raise ModelError(f"{url} answers {error.code}", _ELSE) from error
                failure = f"it answers {error.code}"
            except (HTTPException, ConnectionError, TimeoutError) as error:
                failure = type(error).__name__
            except OSError as error:
                if error.errno is not None:  # ours: the disk
                    raise
                failure = str(error)
            if out.tell() == file.size:
                return
        raise ModelError(f"{url} cannot be downloaded: {failure}", "Try again later.")


_ELSE = "Put the file of the declared hash into the models folder; see docs/weights.md."


def _asked(url: str, done: int) -> Request:
    headers = {"User-Agent": "antiphon", **({"Range": f"bytes={done}-"} if done else {})}
    return Request(url, headers=headers)  # noqa: S310 - http(s)


def _check(part: Path, url: str, file: ModelFile) -> None:
    with part.open("rb") as made:
        digest = hashlib.file_digest(made, "sha256").hexdigest()
    if digest != file.sha256:
        raise ModelError(f"{url} has the hash {digest[:12]}..., declared is {file.sha256[:12]}...", _ELSE)

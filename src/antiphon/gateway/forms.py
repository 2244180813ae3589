"""Forms with files: how much of them is read, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from antiphon.gateway.errors import ApiError

MAX_BYTES = 25 << 20
"""As OpenAI's own limit."""
UPLOAD_S = 120.0
KEPT_S = 3_600.0
"""No upload is needed longer; another server of the same data folder may be at work with a younger one."""
_MAX_FIELDS, _MAX_TEXT_BYTES = 32, 4_096
_CHUNK = 1 << 20


@contextlib.asynccontextmanager
async def form_of(
    request: Request, *, max_files: int = 1, max_text_bytes: int = _MAX_TEXT_BYTES
) -> AsyncIterator[FormData]:
    """The form of a request; its files are closed afterwards. Raises `ApiError`. `max_text_bytes`: of each field."""
    _check_head(request)
    try:
        async with asyncio.timeout(UPLOAD_S):
            form = await _Parser(
                request.headers,
                _bounded(request),
                max_files=max_files,
                max_fields=_MAX_FIELDS,
                max_part_size=max_text_bytes,
            ).parse()
    except TimeoutError:
        raise ApiError(408, "body_too_slow", f"The body took longer than {UPLOAD_S:g} s. Send it again.") from None
    except ClientDisconnect:
        raise ApiError(400, "body_incomplete", "The body ended before its end. Send it again.") from None
    except (MultiPartException, MultipartParseError) as error:
        detail = error.message if isinstance(error, MultiPartException) else error
        raise ApiError(400, "invalid_form", f"The form cannot be read: {detail}") from None
    try:
        yield form
    finally:
        await form.close()


def text_in(form: FormData, name: str) -> str:
    """A field of text; empty where there is none."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def keep_uploads(folder: Path, files: Sequence[BinaryIO], heard: Callable[[bytes], None] | None = None) -> list[Path]:
    """Files of a form as ones of their own in the folder, under names of ours: all of them or none. `heard` gets what
    they hold. Raises `ApiError` where there is no room."""
    paths = [folder / secrets.token_hex(16) for _ in files]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, file in zip(paths, files, strict=True):
            with path.open("xb") as copy:
                while data := file.read(_CHUNK):
                    copy.write(data)
                    if heard is not None:
                        heard(data)
    except OSError as error:
        for path in paths:
            path.unlink(missing_ok=True)
        told = f"What was sent cannot be kept: {error.strerror}. Ask again later."
        raise ApiError(507, "not_kept", told, kind="server_error") from None
    return paths


def sweep_uploads(folder: Path) -> None:
    """Remove what a server that was killed left behind: recordings are somebody's voice."""
    for path in folder.glob("*"):
        if path.stat().st_mtime < time.time() - KEPT_S:
            path.unlink(missing_ok=True)


def _check_head(request: Request) -> None:
    """What is told of a body before any of it is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "multipart/form-data":
        told = f"The body is {kind or 'of no kind'!r}. Send a form with the field file, as multipart/form-data."
        raise ApiError(415, "unsupported_media_type", told)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise _too_large()


class _Parser(MultiPartParser):
    async def parse(self) -> FormData:
        """Starlette closes the files of what is no form, not of a body that is too large, too slow or cut."""
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
            raise


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    """The body, of which too much is refused while it arrives: who streams a file tells no length."""
    left = MAX_BYTES
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise _too_large()
        yield chunk


def _too_large() -> ApiError:
    told = f"The body is larger than {MAX_BYTES >> 20} MiB. Send the recording in several parts, or as Opus."
    return ApiError(413, "body_too_large", told)

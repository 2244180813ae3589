"""Forms with files: how much of them is read, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from antiphon.gateway.errors import ApiError

MAX_BYTES = 25 << 20
"""As OpenAI's own limit."""
UPLOAD_S = 120.0
_MAX_FIELDS = 32


@contextlib.asynccontextmanager
async def form_of(request: Request, *, max_files: int = 1) -> AsyncIterator[FormData]:
    """The form of a request; its files are closed afterwards. Raises `ApiError`."""
    _check_head(request)
    try:
        async with asyncio.timeout(UPLOAD_S):
            form = await request.form(max_files=max_files, max_fields=_MAX_FIELDS, max_part_size=4_096)
    except TimeoutError:
        raise ApiError(408, "body_too_slow", f"The body took longer than {UPLOAD_S:g} s. Send it again.") from None
    except ClientDisconnect:
        raise ApiError(400, "body_incomplete", "The body ended before its end. Send it again.") from None
    except (HTTPException, MultipartParseError) as error:
        detail = error.detail if isinstance(error, HTTPException) else error
        raise ApiError(400, "invalid_form", f"The form cannot be read: {detail}") from None
    try:
        yield form
    finally:
        await form.close()


def text_in(form: FormData, name: str) -> str:
    """A field of text; empty where there is none."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _check_head(request: Request) -> None:
    """What is told of a body before any of it is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "multipart/form-data":
        told = f"The body is {kind or 'of no kind'!r}. Send a form with the field file, as multipart/form-data."
        raise ApiError(415, "unsupported_media_type", told)
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise ApiError(411, "length_required", "The body does not say its length. Send content-length.")
    if int(length) > MAX_BYTES:
        told = f"The body is larger than {MAX_BYTES >> 20} MiB. Send the recording in several parts, or as Opus."
        raise ApiError(413, "body_too_large", told)

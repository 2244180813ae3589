"""Errors in the shape that clients of OpenAI's API read, with codes that stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import JSONResponse

from antiphon.errors import (
    AntiphonError,
    BusyError,
    FundsError,
    InputError,
    MarkupError,
    OutputError,
    PartialError,
    RejectedError,
    UnavailableError,
)
from antiphon.gateway.advice import over_http

RETRY_AFTER_S = 1.0

_KINDS: tuple[tuple[type[AntiphonError], int, str, str], ...] = (
    (MarkupError, 400, "invalid_request_error", "invalid_markup"),
    (InputError, 400, "invalid_request_error", "invalid_request"),
    (FundsError, 402, "insufficient_quota", "insufficient_funds"),
    (BusyError, 503, "server_error", "busy"),
    (UnavailableError, 503, "server_error", "unavailable"),
    (RejectedError, 502, "server_error", "rejected"),
    (PartialError, 502, "server_error", "incomplete"),
)
"""The first that fits: error, status, type, code."""


class ApiError(Exception):
    """An answer that is no sound: `status`, and what the body says. `param` names the field that is at fault."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.kind = status, code, param, kind
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"message": str(self), "type": self.kind, "code": self.code, "param": self.param}}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body, self.status, headers=self.headers)


def api_error(error: AntiphonError) -> ApiError:
    """What a client is told of an error of the network. Of what is broken here, nothing but that it is."""
    if isinstance(error, OutputError):
        told = "This server has no room for what it has to keep. Nothing was changed. Ask again later."
        return ApiError(507, "not_kept", told, kind="server_error")
    for kind, status, type_name, code in _KINDS:
        if isinstance(error, kind):
            return ApiError(status, code, over_http(error), kind=type_name, headers=_retry(error, status))
    return ApiError(500, "internal", "Something is wrong here. The log of the server says what.", kind="server_error")


def invalid_value(error: msgspec.ValidationError, kind: object) -> ApiError:
    """What is wrong with a request that should be a `kind`, and what may stand there instead."""
    field = re.search(r"`\$\.(\w+)", str(error)) or re.search(r"required field `(\w+)`", str(error))
    choices = _choices(kind, field[1] if field else "") if "Invalid" in str(error) else ()
    told = f" Values: {', '.join(choices)}." if choices else ""
    return ApiError(400, "invalid_value", f"{error}.{told}", param=field[1] if field else None)


def _choices(kind: object, field: str) -> tuple[str, ...]:
    """What a field may be, where that is one of a few words."""
    found = msgspec.inspect.type_info(kind)
    structs = [one for one in getattr(found, "types", (found,)) if isinstance(one, msgspec.inspect.StructType)]
    words = [str(one.tag) for one in structs if one.tag_field == field]
    for one in structs:
        for inner in one.fields:
            if inner.encode_name == field and isinstance(inner.type, msgspec.inspect.LiteralType):
                words += [str(word) for word in inner.type.values]
    return tuple(dict.fromkeys(words))


def _retry(error: AntiphonError, status: int) -> dict[str, str]:
    wait_s = error.retry_after_s if isinstance(error, BusyError) else RETRY_AFTER_S
    return {"retry-after": str(max(1, round(wait_s)))} if status == 503 else {}

"""The OpenAPI 3.1 document: made of the operations and the structs that requests are read by."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from antiphon import __version__
from antiphon.gateway.network.bodies import ErrorBody, Part, SoundProgress
from antiphon.gateway.network.operations import OPERATIONS, PREFIX, Operation
from antiphon.gateway.network.webhooks import TaskEnded

_REF = "#/components/schemas/{name}"
_ALWAYS = (401, 403, 429, 503)
_PATH = {
    "task": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "webhook": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "voice": {"type": "string", "minLength": 1, "maxLength": 80},
    "ledger_task": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "number": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
}


def document() -> dict[str, Any]:
    """The whole of it."""
    kinds = [ErrorBody, Part, SoundProgress, TaskEnded]
    for one in OPERATIONS:
        kinds += [kind for kind in (one.body, one.form, one.answer, one.query) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    found = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, Any] = {}
    for one in OPERATIONS:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one, found, components)
    told = {
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon network API",
            "version": __version__,
            "summary": "Orders of sound as tasks: quoted, followed, cancelled, accounted for.",
            "description": "Amounts are integers in nano of ANT (1 ANT = 1,000,000,000). See docs/network-api.md.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}],
        "paths": paths,
        "webhooks": {"task.ended": {"post": _ended(found[repr(TaskEnded)])}},
        "components": {
            "schemas": {name: one for name, one in components.items() if name not in _queries()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "antiphon up key create"}},
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return plain


def _operation(one: Operation, schemas: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": [*_path_parameters(one), *_query_parameters(one, components), *_headers(one)],
        "responses": _responses(one, schemas),
    }
    scope = f"Scope of the key: `{one.scope}`." if one.scope else ""
    told["description"] = " ".join(filter(None, (one.told, scope)))
    if one.body is not None:
        content = {"schema": schemas[repr(one.body)], "example": one.asked}
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    if one.form is not None:
        told["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form(schemas[repr(one.form)], components)}},
        }
    return told


def _ended(schema: dict[str, Any]) -> dict[str, Any]:
    """What is posted to webhooks."""
    return {
        "summary": "A task has ended, and what it has cost is known",
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"2XX": {"description": "Any: it has arrived."}, "410": {"description": "Nobody wants it more."}},
    }


def _responses(one: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    if one.answer is not None:
        content: dict[str, Any] = {"application/json": {"schema": schemas[repr(one.answer)], "example": one.example}}
    else:
        content = {kind: {"schema": {"description": told}} for kind, told in one.media.items()}
    found: dict[str, Any] = {str(one.status): {"description": one.summary, "content": content}}
    if one.idempotent:
        found["200"] = {"description": "The task that this idempotency key made before.", "content": content}
    error = {"application/json": {"schema": schemas[repr(ErrorBody)]}}
    for status in sorted({*one.errors, *_ALWAYS}):
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": error}
    found["default"] = {"description": "Any other error.", "content": error}
    return found


def _path_parameters(one: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", one.path)
    return [{"name": name, "in": "path", "required": True, "schema": _PATH[name]} for name in names]


def _query_parameters(one: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    properties = components[one.query.__name__].get("properties", {})
    return [{"name": name, "in": "query", "schema": _without_null(kind)} for name, kind in properties.items()]


def _without_null(kind: dict[str, Any]) -> dict[str, Any]:
    """A query cannot say null: it leaves the parameter out."""
    if "anyOf" not in kind:
        return kind
    (one,) = (option for option in kind["anyOf"] if option != {"type": "null"})
    return dict(one)


def _headers(one: Operation) -> list[dict[str, Any]]:
    if not one.idempotent:
        return []
    told = "Whoever sends a request again with the same key gets the task that it made: nothing is ordered twice."
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": told,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }
    ]


def _form(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """As it is sent: files are binary parts."""
    told: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    properties = {
        name: {"type": "string", "contentMediaType": "application/octet-stream"}
        if kind.get("contentEncoding") == "base64"
        else {key: value for key, value in kind.items() if key != "default"}
        for name, kind in told["properties"].items()
    }
    return told | {"properties": properties}


def _queries() -> set[str]:
    return {one.query.__name__ for one in OPERATIONS} | {one.form.__name__ for one in OPERATIONS if one.form}

"""The OpenAPI document is valid, and says what the API reads and answers."""

from __future__ import annotations

import json

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from antiphon.gateway.network.endpoints import NetworkApi
from antiphon.gateway.network.openapi import document
from antiphon.gateway.network.operations import OPERATIONS, PREFIX


def test_the_document_is_valid_and_plain() -> None:
    told = document()
    validate(told, cls=OpenAPIV31SpecValidator)
    assert json.loads(json.dumps(told)) == told


def test_every_operation_is_in_it_and_is_answered() -> None:
    paths = document()["paths"]
    for one in OPERATIONS:
        told = paths[PREFIX + one.path][one.method.lower()]
        assert told["operationId"] == one.name
        assert callable(getattr(NetworkApi, one.name))
    assert sum(map(len, paths.values())) == len(OPERATIONS)


def test_every_example_is_what_it_is_an_example_of() -> None:
    for one in OPERATIONS:
        if one.body is not None:
            msgspec.convert(one.asked, one.body)
        if one.answer is not None:
            read = msgspec.convert(one.example, one.answer)
            assert json.loads(msgspec.json.encode(read)) == one.example, one.name


def test_every_field_of_an_error_and_a_task_is_described_where_it_is_declared() -> None:
    schemas = document()["components"]["schemas"]
    assert set(schemas["Task"]["required"]) == set(schemas["Task"]["properties"])
    assert schemas["SpeechOrder"]["additionalProperties"] is False
    assert all(schema.get("description") for schema in schemas.values())

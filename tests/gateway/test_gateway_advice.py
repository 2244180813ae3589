"""Who asks over HTTP is told what a client of HTTP can do."""

from __future__ import annotations

import ast
from pathlib import Path

import httpx
import pytest

import antiphon
from antiphon.errors import FundsError, InputError, ModelError
from antiphon.gateway.advice import names_commands, over_http

SOURCES = Path(antiphon.__file__).parent


@pytest.mark.parametrize(("hint", "told"), [
    ("Find one that does: antiphon voices --language de", "Find one that does: GET /v1/audio/voices"),
    ("See `antiphon voices`.", "See `GET /v1/audio/voices`."),
    ("Yours: me. Add one: antiphon voices add.", "Yours: me. Add one: POST /api/v1/voices."),
    ("Choose another (antiphon nodes shows prices).", "Choose another (GET /api/v1/nodes shows prices)."),
    ('Write for example: antiphon compose "calm theme"', 'Write for example: "calm theme"'),
    ("Leave --engine out.", "Leave model out."),
    ("Give the file that `antiphon consent grant` wrote.", "Give the file that `antiphon consent grant` wrote."),
    ("Delete it first: antiphon voices delete me", ""),
    ("Give one of --vary, --bars and --part.", ""),
    ("Write for example 500ms or 1.5s.", "Write for example 500ms or 1.5s."),
])  # fmt: skip
def test_a_command_becomes_the_request_that_does_the_same(hint: str, told: str) -> None:
    assert over_http(InputError("It is wrong", hint)) == f"It is wrong. {told}" if told else "It is wrong"


def test_what_only_the_operator_can_mend_is_said_to_be_theirs() -> None:
    assert over_http(FundsError("It is empty", "antiphon chain session")) == (
        "It is empty. Whoever runs this server can mend it: antiphon chain session"
    )
    told = over_http(ModelError("The model is not installed", "Run: pip install 'antiphon[languages]'"))
    assert told == "The model is not installed. Run: pip install 'antiphon[languages]'"


def hints() -> list[str]:
    """Everything in the source that may be advice of the command line; what is filled in stands as X."""
    found = set()
    for file in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error"):
                found |= {_text(one) for one in node.args[:2]}
    return sorted(told for told in found if names_commands(told))


def _text(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in parts)


def test_no_error_of_the_whole_program_advises_a_command_to_a_client() -> None:
    found = hints()
    assert len(found) > 100
    assert [told for told in found if names_commands(over_http(InputError("It is wrong", told)))] == []


@pytest.mark.slow
def test_a_client_is_told_so(url: str) -> None:
    def told(path: str, **body: object) -> str:
        answer = httpx.post(f"{url}{path}", json=body, timeout=60)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"]["message"])

    spoken = told("/v1/audio/speech", input="Hallo", voice="hibari", language="de")
    assert "GET /v1/audio/voices" in spoken
    assert not names_commands(spoken)
    assert not names_commands(told("/v1/audio/music", prompt="calm", seconds=9_999))
    paused = httpx.post(f"{url}/v1/audio/speech", json={"input": "Wait.\nOne. [pause 20s] Go."}, timeout=60)
    assert (paused.status_code, paused.json()["error"]["code"]) == (400, "invalid_markup")
    assert "line 2, column 6" in paused.json()["error"]["message"]

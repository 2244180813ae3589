"""What to do next, for who asks over HTTP. Errors advise by the command line's words; a client here has requests."""

from __future__ import annotations

import re

from antiphon.errors import AntiphonError, InputError

_REQUESTS = (
    ("voices add", "POST /api/v1/voices"),
    ("voices", "GET /v1/audio/voices"),
    ("engines", "GET /v1/models"),
    ("nodes", "GET /api/v1/nodes"),
    ("epoch show", "GET /api/v1/epochs"),
    ("dama list", "GET /api/v1/models"),
    ("task show", "GET /api/v1/tasks/ID"),
    ("account", "GET /api/v1/revenue"),
)
"""Commands that only look, or learn a voice, and what asks for the same here."""

_FIELDS = {
    "consent": "consent",
    "engine": "model",
    "engine-option": "options",
    "language": "language",
    "own-voice": "own_voice",
    "reference": "file",
    "seconds": "seconds",
    "seed": "seed",
    "speed": "speed",
    "voice": "voice",
}
_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)")
_GIVEN, _ALONE = r"(?: --[a-z]+(?: [^\s.)`]+)?)*", r"(?! (?:delete|show|deposit|pay|check)\b)"
_TRY = re.compile(r'antiphon (?:say|compose) (?=")')
_COMMAND = re.compile(r"(?<![\w-])--[a-z]|\bantiphon (?!consent grant\b)[a-z]")
"""How the command line is advised. A consent is made by a voice's owner, who has the command."""


def over_http(error: AntiphonError) -> str:
    """The error's line. Advice to run a command becomes the request that does the same; where there is none, it is for
    whoever runs the server, or left out where the request alone is wrong."""
    what, hint = _spelled(error.what), _spelled(error.hint)
    if _COMMAND.search(hint):
        hint = "" if isinstance(error, InputError) else f"Whoever runs this server can mend it: {error.hint}"
    return str(AntiphonError(what, hint))


def names_commands(told: str) -> bool:
    """Whether it advises something that only whoever runs the server can do."""
    return bool(_COMMAND.search(told))


def _spelled(told: str) -> str:
    for command, request in _REQUESTS:
        told = re.sub(rf"antiphon {command}\b{_GIVEN}{_ALONE}", request, told)
    return _OPTION.sub(lambda found: _FIELDS.get(found[1], found[0]), _TRY.sub("", told))

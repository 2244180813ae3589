"""One speech server over HTTP: what it lists, and what it says. Blocking; one connection for each question.

Its faults are told as errors that a node can answer with: busy (429, 503), a request that it refuses (other 4xx), and
everything else, a broken connection included, as unavailable. Nothing that it sends is believed beyond a limit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from antiphon.engines.openai.deadline import Deadline
from antiphon.errors import AntiphonError, BusyError, InputError, UnavailableError
from antiphon.protocol import Secret

TIMEOUT_S = 60.0
"""Longest silence of a server, at its start too: large models take their time to load."""
LIST_S = 120.0
"""Longest time for a list, however steadily it comes."""
MAX_LIST_BYTES = 4 << 20
MAX_ERROR_BYTES = 4_096
MAX_RETRY_S = 60.0
_FAULTS = (HTTPException, OSError, ValueError)


class SpeechServer:
    """`url`: what clients take as base URL, such as http://127.0.0.1:8880/v1. Raises `InputError` for what is none."""

    def __init__(self, url: str, key: Secret | None = None) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InputError(f"{url!r} is no URL: {error}", _HINT) from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
            raise InputError(f"{url!r} is not the base URL of a speech server", _HINT)
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, port
        self._base = parts.path.rstrip("/") or "/v1"
        self._key = key
        self.where = f"{parts.scheme}://{parts.netloc}{self._base}"

    def listed(self, path: str) -> Any:
        """The JSON below the base URL; None where the server has nothing of the kind. Raises `UnavailableError`."""
        with self._asked("GET", path, within_s=LIST_S) as answer:
            if 400 <= answer.status < 500 and answer.status not in {401, 403, 429}:
                return None
            self._check(answer)
            body = answer.read(MAX_LIST_BYTES + 1)
            if len(body) > MAX_LIST_BYTES:
                raise UnavailableError(f"{self.where}{path} answers with a list that has no end", _HINT)
            try:
                return json.loads(body)
            except (ValueError, RecursionError):
                return None

    @contextmanager
    def speech(self, body: Mapping[str, object], *, within_s: float) -> Iterator[HTTPResponse]:
        """The answer to /audio/speech, as it comes, all of it `within_s` seconds. Leaving closes the connection, and so
        ends the server's work."""
        with self._asked("POST", "/audio/speech", json.dumps(body).encode(), within_s=within_s) as answer:
            self._check(answer)
            yield answer

    @contextmanager
    def _asked(self, method: str, path: str, body: bytes | None = None, *, within_s: float) -> Iterator[HTTPResponse]:
        headers = {"Accept": "*/*", "Connection": "close", "User-Agent": "antiphon"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.reveal().decode()}"
        connection = self._kind(self._host, self._port, timeout=TIMEOUT_S)
        deadline = Deadline(within_s)
        late = UnavailableError(
            f"The speech server at {self.where} takes more than {within_s:.0f} s", "Ask another node."
        )
        try:
            connection.connect()
            with deadline.over(connection.sock):
                connection.request(method, self._base + path, body, headers)
                with connection.getresponse() as answer:  # it holds the socket
                    yield answer
        except AntiphonError as error:
            raise late if deadline.passed else error from error.__cause__
        except _FAULTS as error:
            raise (
                late
                if deadline.passed
                else UnavailableError(
                    f"The speech server at {self.where} does not answer ({type(error).__name__})", "Is it running?"
                )
            ) from error
        finally:
            connection.close()
        if deadline.passed:  # an answer without a length just seems to end
            raise late

    def _check(self, answer: HTTPResponse) -> None:
        if answer.status == 200:
            return
        told = f"The speech server at {self.where} answers {answer.status}{_message(answer.read(MAX_ERROR_BYTES))}"
        if answer.status in {429, 503}:
            raise BusyError(told, "Try another node.", retry_after_s=_retry_s(answer.headers.get("Retry-After", "")))
        if answer.status in {401, 403}:
            raise UnavailableError(told, "Give its key: --engine-option key_file=FILE.")
        if 400 <= answer.status < 500 and answer.status != 408:
            raise InputError(told, "It does not make this; ask another engine.")
        raise UnavailableError(told, "Ask another node.")


_HINT = "Write openai:http://HOST:PORT/v1."


def _retry_s(told: str) -> float:
    try:
        return min(max(float(told), 0.0), MAX_RETRY_S)
    except ValueError:
        return 1.0


def _message(body: bytes) -> str:
    """What an error says of itself, in the shapes of OpenAI and FastAPI, one line; empty where it says nothing."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for key in ("error", "detail", "message"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    text = " ".join(str(found).split()) if isinstance(found, str) else ""
    return f": {text[:200]}" if text.isprintable() and text else ""

"""A conversation over a WebSocket, by OpenAI's own client: text as it is written in, sound and word times out."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

CHUNKS = (
    "Good mor",
    "ning to all of you who lis",
    "ten. This is heard wh",
    "ile it is writ",
    "ten down, and so are the words that come af",
    "ter it.",
)


def read(connection: Any, until: str) -> list[Any]:
    events = [connection.recv()]
    while events[-1].type not in {until, "error"}:
        events.append(connection.recv())
    return events


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # by openai
def test_text_in_pieces_is_spoken_with_its_words(url: str) -> None:
    client = openai.OpenAI(
        base_url=f"{url}/v1", websocket_base_url=f"{url.replace('http', 'ws', 1)}/v1", api_key="none", max_retries=0
    )
    with client.realtime.connect(model="antiphon") as connection:
        assert connection.recv().type == "session.created"
        connection.send(
            {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "hibari"}}}}
        )
        assert connection.recv().type == "session.updated"
        for chunk in CHUNKS:
            connection.send({"type": "input_text_buffer.append", "delta": chunk})
        first = read(connection, "response.output_audio.delta")  # before the text has ended
        assert first[0].type == "response.created"
        connection.send({"type": "input_text_buffer.commit"})
        events = first + read(connection, "response.done")
    assert events[-1].response.status == "completed"
    sound = b"".join(base64.b64decode(one.delta) for one in events if one.type == "response.output_audio.delta")
    words = [word for one in events if one.type == "response.output_audio_words.delta" for word in one.words]
    assert [word["word"] for word in words] == "".join(CHUNKS).split()
    assert 2.0 < words[-1]["end"] <= len(sound) / 48_000


def test_who_speaks_in_between_stops_it_at_the_word_that_was_heard(url: str) -> None:
    with connect(f"{url.replace('http', 'ws', 1)}/v1/realtime?model=hibari") as socket:

        def told() -> Any:
            return json.loads(socket.recv())

        def tell(**event: object) -> None:
            socket.send(json.dumps(event))

        assert told()["type"] == "session.created"
        tell(type="session.update", session={"voice": "hibari"})
        assert told()["type"] == "session.updated"
        text = "One two three four five six. " + "This goes on for rather a long time. " * 40
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        tell(type="conversation.item.create", item=item)
        tell(type="response.create")
        while told()["type"] != "response.output_audio_words.delta":
            pass
        began_s = time.monotonic()
        tell(type="conversation.item.truncate", item_id="x", content_index=0, audio_end_ms=900)
        kinds = []
        while (event := told())["type"] != "conversation.item.truncated":
            kinds.append((event["type"], event.get("response", {}).get("status")))
        assert time.monotonic() - began_s < 2.0  # on a busy machine
        assert ("response.done", "cancelled") in kinds
        assert event["transcript"].startswith("One two")
        assert event["word"] in {"two", "three", "four"}
        for wrong, code in [
            ({"type": "song"}, "unknown_event"),
            ({"type": "input_text_buffer.append", "delta": 5}, "invalid_value"),
            ({"type": "input_text_buffer.commit"}, "empty_input"),
            ({"type": "session.update", "session": {"voice": "nobody"}}, "unknown_voice"),
            ({"type": "session.update", "session": {"speed": 99}}, "invalid_value"),
            ({"type": "conversation.item.truncate"}, "invalid_value"),
        ]:
            tell(**wrong)
            assert told()["error"]["code"] == code
        socket.send("no json")
        assert told()["error"]["code"] == "invalid_json"


def test_pages_of_others_have_no_conversation(url: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"{url.replace('http', 'ws', 1)}/v1/realtime", additional_headers={"origin": "https://evil.example"})

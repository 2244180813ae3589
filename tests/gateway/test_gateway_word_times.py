"""When each word is heard, told with the sound."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
import openai
import pytest

from antiphon.audio import read

pytestmark = pytest.mark.slow

TEXT = "Good morning to all of you. [pause 1s] How are you today, my friends?"
WORDS = ["Good", "morning", "to", "all", "of", "you.", "How", "are", "you", "today,", "my", "friends?"]


def check(words: list[dict[str, float | str]], seconds: float) -> None:
    assert [one["word"] for one in words] == WORDS
    edges = [edge for one in words for edge in (one["start"], one["end"])]
    assert edges == sorted(edges)
    assert 0.05 < edges[0] < 0.5
    assert seconds - 1.0 < edges[-1] <= seconds
    assert words[6]["start"] - words[5]["end"] == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("form", ["mp3", "wav"])
def test_one_json_object_has_sound_and_words(form: str, url: str, tmp_path: Path) -> None:
    asked = {"input": TEXT, "voice": "hibari", "stream_format": "json", "word_times": True, "response_format": form}
    body = httpx.post(f"{url}/v1/audio/speech", json=asked, timeout=120).json()
    file = tmp_path / f"said.{form}"
    file.write_bytes(base64.b64decode(body["audio"]))
    check(body["words"], read(file).duration_s)


def test_events_bring_words_after_their_sound(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="antiphon",
        voice="hibari",
        input=TEXT,
        response_format="pcm",
        stream_format="sse",
        extra_body={"word_times": True},
    ) as made:
        events = [json.loads(line.removeprefix("data: ")) for line in made.iter_lines() if line]
    sound = sum(len(base64.b64decode(event["audio"])) for event in events if event["type"] == "speech.audio.delta")
    check(
        [word for event in events if event["type"] == "speech.audio.words" for word in event["words"]], sound / 48_000
    )
    assert events[-1]["type"] == "speech.audio.done"


@pytest.mark.parametrize("more", [{"stream_format": "audio"}, {"stream_format": "json", "input": "word " * 4_001}])
def test_words_that_have_no_place_are_refused(more: dict[str, object], url: str) -> None:
    answer = httpx.post(f"{url}/v1/audio/speech", json={"input": TEXT, "word_times": True, **more}, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in {"word_times", "input"}

"""Speech with marks over the API: what is ordered, and what is told of marks that are wrong."""

from __future__ import annotations

import httpx
import numpy as np
import openai
import pytest

pytestmark = pytest.mark.slow

RATE_HZ = 24_000


def pcm(client: openai.OpenAI, text: str, **more: object) -> np.ndarray:
    made = client.audio.speech.create(
        model="antiphon", voice="hibari", input=text, response_format="pcm", extra_body={"seed": 1, **more}
    )
    return np.frombuffer(made.content, "<i2").astype(np.float32)


def longest_quiet_s(sound: np.ndarray) -> float:
    """Of silences between sounds."""
    frames = np.abs(sound[: sound.size // 240 * 240].reshape(-1, 240)).max(axis=1) > 300
    loud = np.flatnonzero(frames)
    return float(np.diff(loud).max()) * 0.01


def test_a_pause_is_heard_and_not_read(client: openai.OpenAI) -> None:
    plain = pcm(client, "Good morning to you. How are you today?")
    paused = pcm(client, "Good morning to you. [pause 2s] How are you today?")
    assert longest_quiet_s(paused) == pytest.approx(2.0, abs=0.25)
    assert longest_quiet_s(plain) < 1.0
    assert paused.size - plain.size == pytest.approx(1.7 * RATE_HZ, abs=0.4 * RATE_HZ)


def test_prosody_changes_pace_pitch_and_loudness(client: openai.OpenAI) -> None:
    sentence = "This is a rather ordinary sentence of a few words."
    plain = pcm(client, f"<speak>{sentence}</speak>", markup="ssml")
    slow = pcm(client, f"<speak><prosody rate='50%'>{sentence}</prosody></speak>", markup="ssml")
    assert slow.size / plain.size == pytest.approx(1.8, abs=0.25)  # the quiet at both ends stays
    both = pcm(
        client, f"<speak>{sentence} <prosody volume='-12dB' pitch='+4st'>{sentence}</prosody></speak>", markup="ssml"
    )
    half = both.size // 2
    ratio_db = 20 * np.log10(np.std(both[:half]) / np.std(both[half:]))
    assert ratio_db == pytest.approx(12.0, abs=2.5)


def test_phonemes_of_a_lexicon_and_of_a_document_are_the_same(client: openai.OpenAI) -> None:
    sentence = "I bought one tomato at the market this morning."
    own = pcm(client, sentence)
    told = pcm(client, sentence, lexicon={"tomato": "/təˈmɑːtoʊ/"})
    written = sentence.replace("tomato", "<phoneme ph='təˈmɑːtoʊ'>tomato</phoneme>")
    assert not np.array_equal(own, told)
    assert np.array_equal(told, pcm(client, f"<speak>{written}</speak>", markup="ssml"))
    assert np.array_equal(pcm(client, sentence, lexicon={"one": "two"}), pcm(client, sentence.replace("one", "two")))


def test_less_than_is_text_where_nobody_asked_for_marks(client: openai.OpenAI) -> None:
    assert np.array_equal(
        pcm(client, "If a < b then <voice> is a word."), pcm(client, "If a < b then <voice> is a word.", markup="text")
    )


def test_a_dialogue_is_one_task_of_an_engine_in_several_voices(url: str) -> None:
    asked = {
        "input": "Ann: Good morning, Ben.\nBen: Good morning, Ann.",
        "markup": "dialogue",
        "voices": {"Ann": "af_heart", "Ben": "bm_george"},
        "response_format": "wav",
    }
    answer = httpx.post(f"{url}/v1/audio/speech", json=asked, timeout=120)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 2 * RATE_HZ * 2


@pytest.mark.parametrize(("asked", "code", "told"), [
    ({"input": "<speak>a <b>c</b></speak>", "markup": "ssml"}, "invalid_markup", "line 1, column 10: <b>"),
    ({"input": "<speak>a", "markup": "ssml"}, "invalid_markup", "line 1, column 9"),
    ({"input": "Ann says hi", "markup": "dialogue"}, "invalid_markup", "Line 1 of the dialogue"),
    ({"input": "Ann: hi", "markup": "dialogue"}, "invalid_request", "Ann"),
    ({"input": "Ann: hi", "markup": "dialogue", "voices": {"Ann": "nobody"}}, "unknown_voice", "nobody"),
    ({"input": "a", "markup": "xml"}, "invalid_value", "xml"),
    ({"input": "a", "lexicon": {"a": ""}}, "invalid_request", "lexicon has no proper entry"),
    ({"input": "a", "lexicon": {"a": "/ʘ/"}}, "invalid_request", "no English phoneme"),
    ({"input": "Hallo", "voice": "espeak-de", "lexicon": {"Hallo": "/halo/"}}, "invalid_request", "takes no phonemes"),
])  # fmt: skip
def test_marks_that_are_wrong_are_told_with_their_place(
    asked: dict[str, object], code: str, told: str, url: str
) -> None:
    answer = httpx.post(f"{url}/v1/audio/speech", json=asked, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), answer.text
    assert told in answer.json()["error"]["message"]

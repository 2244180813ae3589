"""A long text is said to its end: every character is in a part that is ordered, and every word is heard."""

from __future__ import annotations

import re

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.door.dictation import Groups
from antiphon.door.speaking import sentences

LONG = " ".join((
    "Seven green boxes fell off the truck near the station.",
    "Nobody could explain why the street lamps went out at nine, and the baker closed early.",
    "\u201cCome in,\u201d she said; the kettle was already on, the window was open, and a wind came up from the river.",
    "After the storm, two children walked along the beach and found a letter in a bottle.",
    "My brother plays the cello every evening, unless it rains!",
    "Who told the farmer that his horses had crossed the frozen lake?",
    "The museum opens at ten (on Sundays at eleven) and is free for pupils.",
    ("Mountains, valleys, forests and villages passed by the window of the slow train to the coast while the old man "
    "slept, his newspaper on his knees, and the girl beside him counted tunnels, bridges, cows, chimneys and clouds."),
    "In the end everybody agreed that breakfast should be served in the garden.",
))  # fmt: skip


def spoken(text: str) -> str:
    """Letters and digits, in order."""
    return re.sub(r"[\W_]+", "", text)


@given(
    st.lists(st.sampled_from([*LONG.split(), "a" * 700, "Dr.", "3.14", "\n\n", "...", "é", "東京は晴れです。", "?!"]))
)
def test_no_letter_of_a_text_is_in_no_part_or_in_two(words: list[str]) -> None:
    text = " ".join(words)
    assert spoken("".join(sentences(text))) == spoken(text)


@given(st.text(alphabet="ab. ,!\n東。é", max_size=300), st.lists(st.integers(1, 40), min_size=1))
def test_nor_of_one_that_comes_in_chunks(text: str, sizes: list[int]) -> None:
    groups, said, rest = Groups(), "", text
    for size in sizes:
        said += groups.feed(rest[:size])
        rest = rest[size:]
    said += groups.feed(rest) + groups.finish()
    assert spoken(said) == spoken(text)


@pytest.mark.slow
def test_every_word_of_a_long_text_is_heard(client: openai.OpenAI, url: str) -> None:
    """By the recogniser: what it mishears stands in its place, what was dropped would not."""
    sound = client.audio.speech.create(model="antiphon", voice="hibari", input=LONG, response_format="flac").content
    heard = httpx.post(
        f"{url}/v1/audio/transcriptions", files={"file": ("said.flac", sound)}, data={"language": "en"}, timeout=300
    ).json()["text"]
    wanted, found = (re.findall(r"[a-z]+", one.casefold()) for one in (LONG, heard))
    assert len(found) == pytest.approx(len(wanted), rel=0.03)
    for sentence in re.split(r"(?<=[.!?]) ", LONG):
        words = re.findall(r"[a-z]+", sentence.casefold())
        assert sum(word in found for word in words) >= 0.8 * len(words), sentence

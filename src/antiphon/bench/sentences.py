"""Sentences for measuring. `HELD_OUT` is not for tuning; where it was looked at, docs/figures.md says so."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

HELD_OUT = (
    "The committee will publish its findings before the end of the quarter.",
    "Please leave your wet umbrella in the stand beside the door.",
    "Three of the seven bridges were closed because of the flood.",
    "She learned to play the cello when she was already sixty.",
    "Our train was delayed, so we missed the beginning of the concert.",
    "A good map is worth more than a fast horse in these mountains.",
    "He poured the tea slowly and waited for someone to speak.",
    "The price of bread has doubled since last winter.",
    "Nobody could explain why the street lamps went out at nine.",
    "You can see the whole valley from the top of the water tower.",
    "The children built a castle out of cardboard and string.",
    "Every morning the baker opens his window and feeds the sparrows.",
    "If the weather holds, the boats will leave the harbor tomorrow.",
    "My grandfather kept his letters in a green metal box.",
    "The new library has more computers than shelves.",
    "Turn left at the second light and follow the river.",
    "They painted the kitchen yellow to make it feel warmer.",
    "An empty theater is the quietest place in the city.",
    "The doctor asked him to describe the pain in his shoulder.",
    "We counted eleven falling stars before the clouds came back.",
)

WARM_UP = "This sentence only warms the machine up."


@lru_cache(maxsize=1)
def utterances() -> tuple[str, ...]:
    """500 utterances of one to three words: `utterances.txt`."""
    lines = Path(__file__).with_name("utterances.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))

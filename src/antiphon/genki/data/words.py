"""Genre and moods that a description names: words that stand there and can mean nothing else, and no others."""

from __future__ import annotations

import re

from antiphon.music.genres import GENRES
from antiphon.music.lexicon import NEGATIONS
from antiphon.music.styles import MOODS

_SAID_OF_OTHER_THINGS = frozenset({"country", "metal", "tavern"})
_GENRES = (GENRES.keys() - _SAID_OF_OTHER_THINGS) | {"waltz", "lullaby", "ballad", "techno", "ambient"}


def named(description: str) -> tuple[str, tuple[str, ...]]:
    """`(genre, moods)`: the first genre and all moods that are said and not denied ("not sad"); else empty."""
    words = re.findall(r"[a-z][a-z-]*", description.lower().replace("'", ""))
    said = [word for before, word in zip(["", *words], words, strict=False) if before not in NEGATIONS]
    genre = next((word for word in said if word in _GENRES), "")
    return genre, tuple(dict.fromkeys(word for word in said if word in MOODS))

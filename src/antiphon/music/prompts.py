"""Prompts for music without end, by a grammar: what people name varies, and so does how they say it."""

from __future__ import annotations

import random

STYLES = (
    "boss fight",
    "dungeon",
    "overworld adventure",
    "title screen",
    "shop",
    "waltz",
    "lullaby",
    "ballad",
    "techno",
    "rock",
    "march",
    "victory fanfare",
    "haunted house",
    "underwater ambient",
    "racing game",
)
MOODS = (
    "cheerful",
    "sad",
    "calm",
    "tense",
    "heroic",
    "mysterious",
    "romantic",
    "playful",
    "dark",
    "aggressive",
    "dreamy",
)
LEVELS = ("energetic", "gentle", "bright", "warm", "busy", "sparse")
SPEEDS = ("very slow", "slow", "moderate", "fast", "very fast")
PARTS = ("square leads", "triangle bass", "heavy drums", "no drums", "arpeggios", "thin lead", "pulse lead")
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
TEMPI = (64, 200)


def prompts(seed: int, count: int, *, exact: bool = False) -> list[str]:
    """`count` different prompts. About two in three name a tempo and a key; with `exact` all do."""
    rng = random.Random(f"music prompts {seed}")  # noqa: S311 - prompts, not secrets
    found: dict[str, None] = {}
    while len(found) < count:
        found[_prompt(rng, exact)] = None
    return list(found)


def _prompt(rng: random.Random, exact: bool) -> str:
    words = [rng.choice(STYLES)]
    if rng.random() < 0.6:
        words.insert(0, rng.choice(MOODS))
    if rng.random() < 0.25:
        words.insert(0, rng.choice(LEVELS))
    parts = [" ".join(words)]
    if exact or rng.random() < 0.65:
        parts.append(f"{rng.randint(*TEMPI)} bpm")
    elif rng.random() < 0.5:
        parts.append(rng.choice(SPEEDS))
    if exact or rng.random() < 0.65:
        parts.append(f"{rng.choice(TONICS)} {rng.choice(('major', 'minor'))}")
    if rng.random() < 0.35:
        parts.append(rng.choice(PARTS))
    rest = parts[1:]
    rng.shuffle(rest)
    return ", ".join([parts[0], *rest])

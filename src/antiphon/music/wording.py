"""The words of a prompt that are left when numbers, key and instruments are read: style, mood, levels, tempo words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from antiphon.music import meaning
from antiphon.music.genres import GENRES
from antiphon.music.lexicon import CHIP_WORDS, LEXICON, LONGEST, NEGATIONS, STOP_WORDS, Meaning, Sense

CONTRADICTION = 0.4
"""Levels that are further apart than this contradict each other."""

MAX_UNKNOWN = 12
"""Unknown words that are looked up by meaning; more than that is a story."""


class Wording(Meaning, frozen=True, kw_only=True):
    """What a prompt's words say together. `tempo_word` is the word behind `tempo_range_bpm`."""

    tempo_word: str = ""
    waltz: bool = False
    notes: tuple[str, ...] = ()


class _Heard(msgspec.Struct):
    phrase: str
    sense: Sense


def interpret(text: str, *, anything: bool) -> Wording:
    """Read words. `anything`: the prompt already said something by numbers, so silence about style needs no remark."""
    heard, unknown, notes = _listen(text)
    style = _style(heard, notes)
    mood = _first(heard, "mood", notes)
    if unknown and (style is None or mood is None):
        style, mood = _by_meaning(unknown[:MAX_UNKNOWN], style, mood, notes)
    elif not heard and not anything:
        notes.append("The prompt names nothing that the composer knows: it chooses freely.")
    tempo_range, tempo_word = _tempo_range(heard, notes)
    return Wording(
        style=style,
        mood=mood,
        energy=_level(heard, "energy", notes),
        brightness=_level(heard, "brightness", notes),
        density=_level(heard, "density", notes),
        dynamics=_first(heard, "dynamics", notes),
        tempo_range_bpm=tempo_range,
        tempo_word=tempo_word,
        waltz=any(item.sense.style == "waltz" for item in heard),
        notes=tuple(dict.fromkeys(notes)),
    )


def _listen(text: str) -> tuple[list[_Heard], list[str], list[str]]:
    heard: list[_Heard] = []
    unknown: list[str] = []
    notes: list[str] = []
    for clause in re.split(r"[,;.!?()/\n]+", text.lower()):
        words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", clause)
        negated = 0  # words for which a negation still holds
        for phrase, sense in _phrases(words):
            if sense is not None and negated:
                opposite = _negated(sense)
                notes.append(f"Not {phrase}: " + ("taken as the opposite." if opposite else "left out."))
                if opposite:
                    heard.append(_Heard(f"not {phrase}", opposite))
                negated = 0
            elif sense is not None:
                heard.append(_Heard(phrase, sense))
            elif phrase.replace("'", "") in NEGATIONS:
                negated = 3
                continue
            elif not _known(phrase) and not negated:
                unknown.append(phrase)
            negated = max(0, negated - 1)
    return heard, list(dict.fromkeys(unknown)), notes


def _phrases(words: list[str]) -> Iterator[tuple[str, Sense | None]]:
    """The words, longest known phrases first; hyphened words count as one and, if unknown, as their parts."""
    at = 0
    while at < len(words):
        for count in range(min(LONGEST, len(words) - at), 0, -1):
            sense = _look_up(words[at : at + count])
            if sense is not None:
                yield " ".join(words[at : at + count]), sense
                break
        else:
            count = 1
            if "-" in words[at] and words[at] not in CHIP_WORDS:
                yield from _phrases(words[at].split("-"))
            else:
                yield words[at], None
        at += count


def _look_up(words: list[str]) -> Sense | None:
    last = words[-1]
    for ending in (last, last.removesuffix("s"), last.removesuffix("es"), last.removesuffix("'s")):
        sense = LEXICON.get((*words[:-1], ending))
        if sense is not None:
            return sense
    return None


def _known(word: str) -> bool:
    singular = word.removesuffix("s")
    return (
        word in STOP_WORDS
        or word in CHIP_WORDS
        or singular in CHIP_WORDS
        or word.replace("'", "") in STOP_WORDS
        or word.isdigit()
        or len(word) < 3
    )


def _negated(sense: Sense) -> Sense | None:
    """Fast denied is moderate or slower, loud denied is quiet; a style or mood denied says nothing."""
    if sense.tempo_range_bpm is not None:
        low, high = sense.tempo_range_bpm
        return Sense(tempo_range_bpm=(72.0, 126.0) if low >= 104 else (96.0, 132.0) if high <= 104 else None)
    if sense.mood is not None:
        return None
    opposite = Sense(
        energy=_opposite(sense.energy),
        brightness=_opposite(sense.brightness),
        density=_opposite(sense.density),
    )
    return opposite if opposite != Sense() else None


def _opposite(level: float | None) -> float | None:
    return None if level is None else 0.35 if level > 0.5 else 0.6


def _style(heard: list[_Heard], notes: list[str]) -> str | None:
    notes += [
        f"{item.phrase.capitalize()} is not among the styles: {item.sense.style} comes nearest."
        for item in heard
        if item.sense.style and not item.sense.exact
    ]
    # A genre says more of the music than the place where it is played: a shop may have bossa nova.
    ordered = sorted(heard, key=lambda item: item.sense.style not in GENRES)
    return _first(ordered, "style", notes)


def _first(heard: list[_Heard], field: str, notes: list[str]) -> str | None:
    named: dict[str, str] = {}
    for item in heard:
        value = getattr(item.sense, field)
        if value is not None:
            named.setdefault(value, item.phrase)
    if len(named) > 1:
        first, *others = named.values()
        notes.append(f"{first.capitalize()} is the {field}; {' and '.join(others)} comes second and does not count.")
    return next(iter(named), None)


def _level(heard: list[_Heard], field: str, notes: list[str]) -> float | None:
    """The mean of what is said, or the first where words contradict each other."""
    named = [(item.phrase, value) for item in heard if (value := getattr(item.sense, field)) is not None]
    if not named:
        return None
    values = [value for _, value in named]
    if max(values) - min(values) > CONTRADICTION:
        other = next(phrase for phrase, value in named if abs(value - values[0]) > CONTRADICTION)
        notes.append(f"{named[0][0].capitalize()} and {other} contradict each other in {field}: the first counts.")
        return float(values[0])
    return float(round(sum(values) / len(values), 3))


def _tempo_range(heard: list[_Heard], notes: list[str]) -> tuple[tuple[float, float] | None, str]:
    chosen: tuple[float, float] | None = None
    word = ""
    for item in heard:
        said = item.sense.tempo_range_bpm
        if said is None:
            continue
        if chosen is None:
            chosen, word = said, item.phrase
        elif said[0] < chosen[1] and chosen[0] < said[1]:
            chosen = (max(chosen[0], said[0]), min(chosen[1], said[1]))
        else:
            notes.append(f"{word.capitalize()} and {item.phrase} contradict each other: the first counts.")
    return chosen, word


def _by_meaning(
    unknown: list[str], style: str | None, mood: str | None, notes: list[str]
) -> tuple[str | None, str | None]:
    words = " ".join(unknown)
    found = []
    if style is None and (near := meaning.nearest(f"music of {words}", meaning.STYLES)):
        style = near.name
        found.append(f"the style {style}")
    if mood is None and (near := meaning.nearest(words, meaning.MOODS)):
        mood = near.name
        found.append(f"the mood {mood}")
    if found:
        notes.append(f"{words!r} is not in the grammar; by meaning it comes nearest to {' and '.join(found)}.")
    else:
        notes.append(f"{words!r} is not understood and does not count.")
    return style, mood

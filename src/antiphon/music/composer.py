"""Composes: a brief, a length and a seed to a score. Same input, same score, on any machine."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import msgspec

from antiphon.music import backing as second
from antiphon.music import bass, drums, dynamics, melody, progressions
from antiphon.music.brief import MusicBrief
from antiphon.music.forms import LETTERS
from antiphon.music.harmony import chords_of_bar, tonic_symbol
from antiphon.music.meter import METERS, TICKS
from antiphon.music.planning import Plan, plan
from antiphon.music.score import DRUM_NOTES, Chord, Note, Score, Section, Track
from antiphon.music.singing import sung

SWING_BPM = 240
"""Above this tempo eighths are played straight."""

GRID = 3
"""Ticks of a thirty-second."""

Parts = dict[str, list[Note]]


def compose(brief: MusicBrief, seconds: float, seed: int, *, loop: bool = False) -> Score:
    """A piece of exactly `seconds` (a loop: whole bars nearest to it). Raises `InputError` outside 1-600 s."""
    planned = plan(brief, seconds, seed, loop=loop)
    parts: Parts = {"lead": [], "counter": [], "bass": [], "drums": []}
    chords: list[Chord] = []
    home = planned.tonic
    for index, section in enumerate(planned.sections):
        following = planned.sections[index + 1].letter if index + 1 < len(planned.sections) else None
        if index == planned.lifted:
            planned = msgspec.structs.replace(planned, tonic=(home + (planned.brief.modulation or 0)) % 12)
        harmony = progressions.harmony(planned, section, following)
        chords += harmony
        _write(planned, section, harmony, following, parts)
    last, planned = planned.tonic, msgspec.structs.replace(planned, tonic=home)
    return finished(planned, parts, chords, last)


def finished(planned: Plan, parts: Parts, chords: list[Chord], last: int) -> Score:
    """Parts that were written for a plan as its score: with dynamics and, unless it is a loop, the final chord.

    Times of the parts are ticks from the first bar line; `last` is the tonic in which they end.
    """
    end = planned.bars * planned.bar
    shape = dynamics.planned(planned.sections, planned.brief.dynamics, end, planned.bar)
    parts = {name: dynamics.shaded(notes, shape) for name, notes in parts.items()}
    if planned.loop:
        return _score(planned, parts, chords, planned.sections, end, last)
    ticks = round(planned.seconds * planned.quarter_bpm * TICKS / 60)
    chords.append(_end(msgspec.structs.replace(planned, tonic=last), parts, end, ticks + planned.skipped))
    bars = max(1, round((ticks + planned.skipped - end) / planned.bar))
    return _score(planned, parts, chords, (*planned.sections, Section("ending", end, bars, 0)), ticks, last)


def _score(
    planned: Plan, parts: Parts, chords: Sequence[Chord], sections: Sequence[Section], ticks: int, last: int
) -> Score:
    """Everything cut at the start of an upbeat and at the end, and moved so that sound begins at tick 0.

    `last` is the tonic in which it ends.
    """
    skipped = planned.skipped
    tracks = [Track(name, tuple(_cut(notes, skipped, ticks))) for name, notes in parts.items()]
    return Score(
        prompt=planned.brief.prompt,
        seed=planned.seed,
        style=planned.style_name,
        mood=planned.brief.mood,
        tempo_bpm=planned.tempo_bpm,
        meter=planned.meter,
        tonic=planned.tonic,
        mode=planned.mode,
        seconds=planned.seconds,
        loop=planned.loop,
        loop_start=planned.intro * planned.bar if planned.loop else 0,
        key_change=(planned.sections[planned.lifted].start - skipped, last) if planned.lifted is not None else None,
        slows=_slows(planned, ticks),
        pickup=(planned.bar - skipped) % planned.bar,
        ticks=ticks,
        energy=planned.energy,
        brightness=planned.brightness,
        instruments=planned.brief.instruments,
        swing=planned.style.swing and planned.tempo_bpm <= SWING_BPM and planned.meter.unit == 4,
        tracks=tuple(track for track in tracks if track.notes),
        chords=tuple(
            Chord(max(0, c.start - skipped), c.length - max(0, skipped - c.start), c.root, c.steps, c.symbol)
            for c in chords
            if c.start + c.length > skipped
        ),
        sections=tuple(Section(s.letter, max(0, s.start - skipped), s.bars, s.repeat) for s in sections),
        notes=planned.notes,
    )


def _slows(planned: Plan, ticks: int) -> tuple[int, int, int] | None:
    """Where a ritardando begins and ends, and how many ticks late it ends: at most half of the final chord."""
    end = planned.bars * planned.bar - planned.skipped
    if planned.brief.ending != "slowing" or planned.loop or end < planned.bar:
        return None
    return end - planned.bar, end, min(planned.bar // 3, (ticks - end) // 2)


def _cut(notes: Sequence[Note], skipped: int, ticks: int) -> list[Note]:
    """Notes that sound in `ticks` from `skipped` on; none reaches into the next of its part."""
    moved = sorted(
        (n for n in notes if skipped <= n.start < ticks + skipped), key=lambda note: (note.start, note.pitch)
    )
    starts = [note.start for note in moved]
    kept = []
    for note in moved:
        later = bisect.bisect_right(starts, note.start)
        stop = min(note.stop, starts[later] if later < len(starts) else note.stop, ticks + skipped)
        length = max(stop - note.start, 1)
        # Thirty-seconds are the shortest that can be written down; only a piece's last note is not made of them.
        length = max(length - length % GRID, GRID)
        kept.append(msgspec.structs.replace(note, start=note.start - skipped, length=length))
    return kept


# --- parts ---------------------------------------------------------------------------------------------------------


def _write(planned: Plan, section: Section, harmony: Sequence[Chord], following: str | None, parts: Parts) -> None:
    lead = _lead(planned, section, harmony, following, parts)
    if planned.wants("lead"):
        parts["lead"] += lead
    parts["counter"] += _second(planned, section, harmony, lead)
    if planned.wants("bass"):
        name = _choice(planned, "bass", section, planned.style.bass)
        rng = planned.generator(f"bass {section.letter}")
        parts["bass"] += bass.bass_line(planned, name, harmony, rng)
    if planned.wants("drums"):
        name = _drums(planned)
        rng = planned.generator(f"drums {_role(section)}")
        parts["drums"] += drums.drum_part(planned, name, section, rng, fill=not planned.loop or following is not None)


def _role(section: Section) -> str:
    return section.letter if section.letter in LETTERS else "A"


def _choice(planned: Plan, part: str, section: Section, options: Sequence[str]) -> str:
    """A's pattern, and for contrasting sections another where the style has one."""
    rng = planned.generator(f"{part} patterns")
    order = rng.sample(options, len(options))
    return order[max(0, LETTERS.find(_role(section))) % len(order)]


def _drums(planned: Plan) -> str:
    options = planned.style.drums
    if "drums" in planned.brief.instruments or planned.energy > 0.75:
        loud = tuple(name for name in options if name not in ("none", "soft", "heartbeat", "sparse"))
        options = loud or ("waltz" if planned.meter == METERS["3/4"] else "rock",)
    elif planned.energy < 0.2:
        options = tuple(name for name in options if name in ("none", "soft", "brush", "sparse")) or ("soft",)
    # One groove carries the piece; only its variants change.
    return planned.generator("drums patterns").choice(options)


def _lead(planned: Plan, section: Section, harmony: Sequence[Chord], following: str | None, parts: Parts) -> list[Note]:
    if section.letter == "intro":
        return []
    stuff = melody.material(planned, _role(section))
    ending = progressions.ending_of(section, following)
    phrases = progressions.phrases_of(section.bars)
    drawn: list[melody.Drawn] = []
    at = section.start
    for index, bars in enumerate(phrases):
        last = index == len(phrases) - 1
        part = melody.phrase(
            planned, stuff, harmony, at, bars, ending if last else "open", climax=last and len(phrases) > 1
        )
        if section.repeat % 2:
            rng = planned.generator(f"ornaments {section.letter} {section.repeat} {index}")
            part = melody.ornamented(part, 0.1 + 0.2 * planned.density, rng)
        drawn += part
        at += bars * planned.bar
    before = parts["lead"][-1].pitch if parts["lead"] and not section.repeat else None
    return sung(planned, drawn, harmony, before)


def _second(planned: Plan, section: Section, harmony: Sequence[Chord], lead: Sequence[Note]) -> list[Note]:
    """The second pulse: broken or struck chords first; returning and contrasting sections may have a second voice."""
    rng = planned.generator(f"second {section.letter} {section.repeat}")
    asked = planned.brief.instruments
    options = list(planned.style.backing)
    if "arpeggio" in asked:
        options = [name for name in options if name.startswith("arp")] or ["arp16"]
    elif "chords" in asked:
        options = [name for name in options if not name.startswith("arp")] or ["long"]
    if not planned.wants("arpeggio"):
        options = [name for name in options if not name.startswith("arp")] or ["long"]
    if not planned.wants("chords"):
        options = [name for name in options if name.startswith("arp")]
    free = "arpeggio" not in asked and "chords" not in asked and section.letter in LETTERS and planned.wants("lead")
    chance = 0.0 if section.letter == "A" and not section.repeat else 0.5
    voice = lead and planned.wants("counter") and (options or "counter" in asked)
    if voice and ("counter" in asked or (free and rng.random() < chance)):
        if rng.random() < 0.5:
            return second.harmonised(planned, lead, harmony)
        return second.counter(planned, lead, harmony)
    if not options:
        return []
    name = _choice(planned, "backing", section, options)
    return second.backing(planned, name, harmony, planned.generator(f"backing {_role(section)}"))


def _end(planned: Plan, parts: Parts, start: int, stop: int) -> Chord:
    """The final chord: the tonic in every part, held until the piece's end."""
    (home,) = chords_of_bar(tonic_symbol(planned.mode), start, planned.meter, planned.tonic, planned.scale)
    length = max(TICKS // 4, min(stop - start, TICKS if planned.brief.ending == "abrupt" else stop - start))
    if planned.wants("lead"):
        before = parts["lead"][-1].pitch if parts["lead"] else 72
        tonic = before + min(((planned.tonic - before) % 12, (planned.tonic - before) % 12 - 12), key=abs)
        parts["lead"].append(Note(start, length, tonic, round(88 + 20 * planned.energy), "vibrato"))
    if parts["counter"]:
        tones = second.voiced(planned, home)
        steps = tuple(tone - tones[0] for tone in tones[1:])
        parts["counter"].append(Note(start, length, tones[0], 80, "", steps))
    if planned.wants("bass"):
        parts["bass"].append(Note(start, length, bass.root_pitch(home), 100))
    if planned.wants("drums") and _drums(planned) != "none":
        parts["drums"].append(Note(start, TICKS, DRUM_NOTES["kick"], 112))
        if planned.energy > 0.3:
            parts["drums"].append(Note(start, min(2 * TICKS, length), DRUM_NOTES["cymbal"], 100))
    return Chord(start, length, home.root, home.steps, home.symbol)


def shared_bars(first: Score, second_score: Score) -> float:
    """The share of bars of the shorter piece that stand in the other, note for note (pitched parts)."""
    bars = [_bars(score) for score in (first, second_score)]
    return len(bars[0] & bars[1]) / max(1, min(len(bars[0]), len(bars[1])))


def _bars(score: Score) -> set[tuple[tuple[str, int, int, int], ...]]:
    found: dict[int, list[tuple[str, int, int, int]]] = {}
    for track in score.tracks:
        for note in track.notes if track.name != "drums" else ():
            bar, at = divmod(note.start - score.pickup, score.bar_ticks)
            found.setdefault(bar, []).append((track.name, at, note.length, note.pitch))
    return {tuple(bar) for bar in found.values()}

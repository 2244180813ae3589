"""Statistics of melody, harmony and dynamics, of any piece that is read from MIDI, and how ours differ from people's.

People's lead is, of the parts that play one note at a time and not in the bass, the highest that is active in a third
of the bars. Notes are laid on a grid of 24 ticks a beat. A rest lasts a sixteenth at least, and half a beat of it ends
a phrase. Loudness is of audio (recordings, or our chip).
"""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from importlib.resources import files
from typing import Any, Final, NamedTuple

import mido
import numpy as np

from antiphon.audio.waveform import Samples
from antiphon.codecs.chip import ChipCodec
from antiphon.music import arrange, compose, read, to_midi
from antiphon.music.styles import STYLES

Row = dict[str, float]
"""Statistic -> value; those that a piece is too short for are missing."""

PEOPLES: Final = "people.json"
"""Statistic -> its values in music by people that no rule was written on (docs/music.md); no note of it."""

LOUDNESS: Final = "loudness range over 1 s, dB"

GRID = 24
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)


class Tone(NamedTuple):
    start: int
    stop: int
    pitch: int


class Music(NamedTuple):
    lead: list[Tone]
    pitched: list[Tone]
    bar: int  # ticks


def parts_of(file: Any) -> tuple[dict[tuple[int, int], list[Tone]], int]:
    """(track, channel) -> notes in ticks of 1/24 beat, and the ticks of a bar (of the longest that is named)."""
    bar = 4 * GRID
    found: dict[tuple[int, int], list[Tone]] = {}
    scale = GRID / file.ticks_per_beat
    meters: list[int] = []
    for number, track in enumerate(file.tracks):
        now = 0
        open_notes: dict[tuple[int, int], int] = {}
        for message in track:
            now += message.time
            if message.type == "time_signature":
                meters.append(round(4 * GRID * message.numerator / message.denominator))
            if message.type not in ("note_on", "note_off") or message.channel == 9:
                continue
            key = (message.channel, message.note)
            if key in open_notes:
                start = open_notes.pop(key)
                tone = Tone(round(start * scale), max(round(now * scale), round(start * scale) + 1), message.note)
                found.setdefault((number, message.channel), []).append(tone)
            if message.type == "note_on" and message.velocity > 0:
                open_notes[key] = now
    return {key: sorted(tones) for key, tones in found.items()}, (max(meters) if meters else bar)


def lead_of(parts: dict[tuple[int, int], list[Tone]], bar: int) -> list[Tone]:
    end = max(tone.stop for tones in parts.values() for tone in tones)
    candidates = []
    for tones in parts.values():
        alone = float(np.mean([a.stop <= b.start + 3 for a, b in itertools.pairwise(tones)])) if len(tones) > 1 else 0.0
        active = len({tone.start // bar for tone in tones}) / max(1, end / bar)
        height = float(np.mean([tone.pitch for tone in tones]))
        if len(tones) >= 24 and alone >= 0.7 and height >= 55:
            candidates.append((active >= 1 / 3, height, tones))
    return max(candidates, key=lambda item: item[:2])[2] if candidates else []


def opened(file: Any) -> Music | None:
    """None where no part is a lead."""
    parts, bar = parts_of(file)
    named = {
        next((m.name for m in track if m.type == "track_name"), ""): number for number, track in enumerate(file.tracks)
    }
    lead = next((tones for (number, _), tones in parts.items() if named.get("lead") == number), [])
    lead = lead or (lead_of(parts, bar) if parts else [])
    return Music(lead, sorted(tone for tones in parts.values() for tone in tones), bar) if lead else None


def key_of(tones: list[Tone]) -> int:
    """The tonic by Krumhansl's profiles."""
    weights = np.zeros(12)
    for tone in tones:
        weights[tone.pitch % 12] += tone.stop - tone.start
    fits = {(t, m): float(np.corrcoef(np.roll(p, t), weights)[0, 1]) for m, p in PROFILES.items() for t in range(12)}
    return max(fits, key=lambda name: fits[name])[0]


def measured(music: Music) -> Row:
    """All statistics of notes."""
    lead, bar = music.lead, music.bar
    gaps = [max(0, b.start - a.stop) for a, b in itertools.pairwise(lead)]
    span = lead[-1].stop - lead[0].start
    phrases, begin = [], lead[0].start
    for tone, gap in zip(lead, [*gaps, GRID], strict=True):
        if gap >= GRID / 2:
            phrases.append((tone.stop - begin) / GRID)
            begin = tone.stop + gap
    off = [tone for tone in lead if min(tone.start % GRID, -tone.start % GRID) > 2]
    held = [tone for tone in off if tone.stop > -(-tone.start // GRID) * GRID + 3]
    pitches = [tone.pitch for tone in lead]
    out = {
        "rests in the lead, %": 100 * sum(gap for gap in gaps if gap >= GRID / 4) / span,
        "phrase length, beats": float(np.median(phrases)),
        "off-beat onsets, %": 100 * len(off) / len(lead),
        "held over the beat, %": 100 * len(held) / len(lead),
        "lead 10-90% range, semitones": float(np.subtract(*np.percentile(pitches, (90, 10)))),
    }
    bars: dict[int, list[Tone]] = {}
    for tone in lead:
        bars.setdefault(tone.start // bar, []).append(tone)
    shapes = [
        (tuple(round((t.start % bar) / 6) for t in tones), tuple(t.pitch for t in tones)) for tones in bars.values()
    ]
    kept: list[bool] = []
    seen: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    exact = 0
    for rhythm, notes in shapes:
        moved = [other for other in seen.get(rhythm, ())[-2:] if len(notes) >= 3 and other != notes]
        kept += [bool((np.sign(np.diff(notes)) == np.sign(np.diff(other))).all()) for other in moved]
        exact += notes in seen.get(rhythm, ())
        seen.setdefault(rhythm, []).append(notes)
    if len(kept) >= 3:
        out["moved bars that keep their contour, %"] = 100 * float(np.mean(kept))
    fives = [tuple(np.diff(pitches[i : i + 6])) for i in range(len(pitches) - 5)]
    out["repeated 5-interval patterns, %"] = 100 * sum(c for c in Counter(fives).values() if c > 1) / max(1, len(fives))
    out["bars repeated exactly, %"] = 100 * exact / len(shapes)
    counts = Counter(tone.pitch % 12 for tone in music.pitched)
    best = max(sum(counts[(t + step) % 12] for step in MAJOR_SCALE) for t in range(12))
    out["notes outside the best scale, %"] = 100 * (1 - best / len(music.pitched))
    ends, tonic = [], key_of(music.pitched)
    for end in range(4 * bar, music.pitched[-1].stop + 1, 4 * bar):
        sounding = [tone.pitch for tone in music.pitched if end - bar // 2 <= tone.start < end]
        if sounding:
            ends.append((min(sounding) - tonic) % 12)
    if ends:
        out["4-bar ends on the tonic, %"] = 100 * ends.count(0) / len(ends)
        out["4-bar ends on the dominant, %"] = 100 * ends.count(7) / len(ends)
    return out


def loudness_range(mono: Samples, rate: int) -> float:
    """dB between the 10th and the 90th percentile of 1 s windows that are not silent."""
    windows = mono[: len(mono) // rate * rate].reshape(-1, rate)
    power = (windows.astype(np.float64) ** 2).mean(axis=1)
    levels = 10 * np.log10(power[power > 1e-7])
    return float(np.subtract(*np.percentile(levels, (90, 10)))) if len(levels) > 3 else 0.0


def of_ours(seconds: float, seeds: int) -> list[Row]:
    """So many pieces of each style."""
    rows, codec = [], ChipCodec()
    for style, seed in itertools.product(STYLES, range(1, seeds + 1)):
        score = compose(read(style), seconds, seed)
        music = opened(mido.MidiFile(file=io.BytesIO(to_midi(score))))
        if music is None:
            continue
        sound = codec.decode(arrange(score))
        row = measured(music)
        row[LOUDNESS] = loudness_range(sound.mono().samples[0], sound.rate_hz)
        rows.append(row)
    return rows


def of_people() -> list[Row]:
    """What is kept of the pieces by people that we were compared with."""
    found: list[Row] = json.loads(files("antiphon.bench").joinpath(PEOPLES).read_text())
    return found


def within(rows: list[Row], people: list[Row]) -> dict[str, float]:
    """Statistic -> the share of `rows` between people's 10th and 90th percentile."""
    shares = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        theirs = [row[name] for row in people if name in row]
        if theirs:
            low, high = np.percentile(theirs, (10, 90))
            shares[name] = float(np.mean([low <= row[name] <= high for row in rows if name in row]))
    return shares


SYMBOLIC = 11
"""Statistics of notes, which come before that of loudness."""


def told_apart(first: list[Row], second: list[Row]) -> tuple[float, Row]:
    """Share of the other half that a linear classifier of one half gets right (both ways; classes count alike), and
    what each statistic alone is right in. Missing values are the median."""
    names = list(dict.fromkeys(name for row in first + second for name in row))[:SYMBOLIC]
    middle = {name: float(np.median([row[name] for row in first + second if name in row])) for name in names}
    values = np.array([[row.get(name, middle[name]) for name in names] for row in first + second])
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    own = np.arange(len(values)) < len(first)

    def right(table: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        table = np.column_stack([table, table**2, np.ones(len(table))])
        shares = []
        for half in (0, 1):
            learnt = np.arange(len(table)) % 2 == half
            weights = np.where(own, 1 / own[learnt].sum(), 1 / (~own[learnt]).sum())[learnt]
            scaled = table[learnt] * weights[:, None]
            ridge = scaled.T @ table[learnt] + 0.02 * np.eye(table.shape[1])
            answer = table[~learnt] @ np.linalg.solve(ridge, scaled.T @ np.where(own[learnt], 1.0, -1.0)) > 0
            asked = own[~learnt]
            shares.append((np.mean(answer[asked]) + np.mean(~answer[~asked])) / 2)
        return float(np.mean(shares))

    return right(values), {name: right(values[:, [place]]) for place, name in enumerate(names)}

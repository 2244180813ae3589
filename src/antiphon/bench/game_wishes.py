"""Which wishes of sixty prompts in game makers' words are obeyed, and whether those that are not are told.

Tempo, meter, form and parts are read from the MIDI file, the key by Krumhansl-Kessler profiles (of a church mode: its
notes) from its pitches, dynamics from the audio; style and swing from the score's own words.
"""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import mido
import numpy as np

from antiphon.bench.music_statistics import PROFILES
from antiphon.codecs.chip import ChipCodec
from antiphon.music import Score, arrange, compose, read, to_midi
from antiphon.music.harmony import SCALES

SECONDS = 30.0
PROMPTS = "game_prompts.toml"
"""Written before the composer was, and kept."""


class Wish(NamedTuple):
    prompt: str
    name: str
    wanted: Any
    obeyed: bool
    notes: tuple[str, ...]


def wishes() -> Iterator[Wish]:
    """All that the prompts state, each tried on one piece."""
    text = files("antiphon.bench").joinpath(PROMPTS).read_text()
    for number, entry in enumerate(tomllib.loads(text)["prompt"]):
        prompt = entry.pop("text")
        brief = read(prompt)
        score = compose(brief, brief.seconds or SECONDS, 100 + number, loop=brief.loop)
        for name, right in obeyed(entry, score, mido.MidiFile(file=io.BytesIO(to_midi(score)))).items():
            yield Wish(prompt, name, entry[name], right, score.notes)


def key_fits(score: Score, tonic: int, mode: str) -> bool:
    """The best of 24 keys; of a church mode the scale that holds most notes, with its tonic in the bass at the end."""
    weights = np.zeros(12)
    for track in score.tracks:
        for note in track.notes if track.name != "drums" else ():
            for pitch in note.pitches:
                weights[pitch % 12] += note.length
    if mode in PROFILES:
        fits = {
            (t, m): float(np.corrcoef(np.roll(p, t), weights)[0, 1]) for m, p in PROFILES.items() for t in range(12)
        }
        best = max(fits, key=lambda name: fits[name])
        return best == (tonic if tonic >= 0 else best[0], mode)
    home = score.tonic if tonic < 0 else tonic
    held = {name: float(sum(weights[(home + step) % 12] for step in steps)) for name, steps in SCALES.items()}
    return bool(held[mode] >= 0.93 * weights.sum() and held[mode] >= max(held.values()) - 1e-9)


def levels(score: Score) -> np.ndarray[Any, np.dtype[np.float64]]:
    """dB of each second."""
    sound = ChipCodec().decode(arrange(score))
    mono, rate = sound.mono().samples[0], sound.rate_hz
    return np.asarray(
        10 * np.log10((mono[: len(mono) // rate * rate].reshape(-1, rate).astype(np.float64) ** 2).mean(1) + 1e-9)
    )


def dynamics_fit(score: Score, wish: str) -> bool:
    heard = levels(score)[:-2]
    if wish == "crescendo":
        return bool(heard[-5:].mean() - heard[:5].mean() >= 6)
    if wish == "contrast":
        return bool(np.subtract(*np.percentile(heard, (90, 10))) >= 6)
    usual = float(np.median(levels(compose(read(f"{score.style}, {score.tempo_bpm:g} bpm"), SECONDS, 1))))
    return bool(np.median(heard) <= usual - 3) if wish == "soft" else bool(np.median(heard) >= usual - 1)


def ends_abruptly(score: Score) -> bool:
    """Nothing sounds for longer than a beat after the final chord is struck."""
    start = score.chords[-1].start
    return all(note.stop <= start + score.meter.pulse for track in score.tracks for note in track.notes)


def obeyed(wishes: dict[str, Any], score: Score, file: Any) -> dict[str, bool]:
    """Wish -> whether the piece is so."""
    events = [message for track in file.tracks for message in track]
    bpm = next(mido.tempo2bpm(m.tempo) for m in events if m.type == "set_tempo")
    meters = [f"{m.numerator}/{m.denominator}" for m in events if m.type == "time_signature"]
    marks = "".join(m.text for m in events if m.type == "marker" and len(m.text) == 1)
    parts = {track.name for track in score.tracks}
    chords = any(note.chord for note in score.track("counter").notes)
    last = [chord.symbol for chord in score.chords][-2:]
    found: dict[str, bool] = {}
    for name, wish in wishes.items():
        match name:
            case "bpm" | "seconds":
                found[name] = wish[0] <= (bpm if name == "bpm" else score.seconds) <= wish[1]
            case "key":
                found[name] = key_fits(score, *wish)
            case "meter":
                found[name] = meters[-1] == wish
            case "form":
                found[name] = marks == wish or (
                    len(marks) % len(wish) == 0 and marks == wish * (len(marks) // len(wish))
                )
            case "absent" | "present":
                here = {*parts, *(["chords"] if chords else [])} | ({"arpeggio"} if "counter" in parts else set())
                found[name] = all((part in here) == (name == "present") for part in wish)
            case "style":
                found[name] = score.style in wish
            case "swing" | "loop":
                found[name] = getattr(score, name) == wish
            case "dynamics":
                found[name] = dynamics_fit(score, wish)
            case "cadence":
                plagal = wish == "plagal" and last[0][:2] in ("IV", "iv")
                found[name] = plagal or (wish == "abrupt" and ends_abruptly(score))
    return found

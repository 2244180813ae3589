"""Measure the judges of music on labelled tracks and on our composer's pieces; prints the tables of docs/judging.md.

    pip install immich-memories-music==0.1.0
    python scripts/measure_music_judges.py            # labelled tracks, then 50 prompts that name tempo and key
    python scripts/measure_music_judges.py --recorded DIR   # also WAVs of any music: bounds of tones and structure

The 28 tracks were generated from captions: their labels are what was asked for, not what a listener heard. Tempo and
key of our pieces are what the prompt asks for. Prompts are of seeds no threshold was chosen on.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from antiphon.analysis.key import keys_of
from antiphon.analysis.levels import levels_of
from antiphon.analysis.sound import Sound
from antiphon.analysis.structure import structure_of
from antiphon.analysis.tempo import error_of, pulse_of
from antiphon.analysis.tones import tones_of
from antiphon.audio import Waveform
from antiphon.bench import music_cheats
from antiphon.music import prompts as music_prompts
from antiphon.music import read

NAMES = {"C": 0, "C#": 1, "D": 2, "Eb": 3, "E": 4, "F": 5, "F#": 6, "G": 7, "Ab": 8, "A": 9, "Bb": 10, "B": 11}
LABEL = re.compile(r"(\w+\.opus)\s+(\d+) bpm\s+(\S+) (major|minor)")
SECONDS = 30
TEST_SEED = 9_100
OPPOSITES = {
    "energy": ("energetic {}", "gentle {}"),
    "brightness": ("bright {}", "warm {}"),
    "density, by onsets": ("busy {}", "sparse {}"),
    "drums, by noise": ("{}, heavy drums", "{}, no drums"),
}


@dataclass(frozen=True, slots=True)
class Labelled:
    name: str
    mood: str
    audio: Waveform
    tempo_bpm: float
    tonic: int
    mode: str

    @property
    def key(self) -> int:
        return self.tonic + 12 * (self.mode == "minor")


def tracks() -> Iterator[Labelled]:
    """The labelled tracks of `immich-memories-music`."""
    package = distribution("immich-memories-music")
    files = {Path(str(file)).name: Path(str(file.locate())) for file in package.files or ()}
    for line in files["LICENSE-MUSIC"].read_text().splitlines():
        found = LABEL.search(line)
        if found:
            name, bpm, tonic, mode = found.groups()
            yield Labelled(name, name.split("_")[0], excerpt(files[name]), float(bpm), NAMES[tonic], mode)


def composed(count: int) -> Iterator[Labelled]:
    """Our pieces for prompts that name tempo and key."""
    for number, prompt in enumerate(music_prompts.prompts(TEST_SEED, count, exact=True)):
        brief = read(prompt)
        if brief.tempo_bpm is not None and brief.tonic is not None and brief.mode is not None:
            audio = music_cheats.perform(prompt, number).audio
            yield Labelled(prompt, "", audio, brief.tempo_bpm, brief.tonic, brief.mode)


def excerpt(path: Path) -> Waveform:
    """The first half minute."""
    import soundfile

    samples, rate_hz = soundfile.read(path, frames=-1, dtype="float32", always_2d=True)
    return Waveform(np.ascontiguousarray(samples[: SECONDS * rate_hz].T), rate_hz)


def report(title: str, pieces: list[Labelled]) -> None:
    """Tempo and key: right ones, and how the asked one is told from others."""
    sounds = [Sound(piece.audio) for piece in pieces]
    pulses = [pulse_of(sound) for sound in sounds]
    keys = [found for sound in sounds if (found := keys_of(sound)) is not None]
    errors = np.array([error_of(one.best_bpm, piece.tempo_bpm) for one, piece in zip(pulses, pieces, strict=True)])
    own = np.array([one.support(piece.tempo_bpm) for one, piece in zip(pulses, pieces, strict=True)])
    other = np.array([one.support(bpm) for one in pulses for bpm in np.linspace(64, 200, 30)])
    gaps = np.array([one.gap(piece.tonic, piece.mode) for one, piece in zip(keys, pieces, strict=True)])
    others = np.array([one.gap(t, mode) for one in keys for t in range(12) for mode in ("major", "minor")])
    right = sum(one.best == piece.key for one, piece in zip(keys, pieces, strict=True))
    print(f"\n{title}: {len(pieces)} pieces")
    print(f"  tempo within 2%: {np.sum(errors < 0.02)}, 4%: {np.sum(errors < 0.04)} (modulo half and double)")
    print(
        f"  support of the asked tempo: least {own.min():.2f}, median {np.median(own):.2f}; of others {_spread(other)}"
    )
    print(f"  support under .45: asked {np.mean(own < 0.45):.0%}, others {np.mean(other < 0.45):.0%}")
    print(f"  key right: {right}; gap of the asked key: most {gaps.max():.2f}; of others {_spread(others)}")
    print(f"  gap over .4: asked {np.mean(gaps > 0.4):.0%}, others {np.mean(others > 0.4):.0%}")
    if pieces[0].mood:
        energies = [one.energy for sound in sounds if (one := levels_of(sound)) is not None]
        wild = [e for e, p in zip(energies, pieces, strict=True) if p.mood == "energetic"]
        rest = [e for e, p in zip(energies, pieces, strict=True) if p.mood in ("calm", "tender", "nostalgic")]
        print(f"  energetic above calm, tender, nostalgic: {_above(wild, rest):.0%} of pairs")


def levels() -> None:
    """Opposites: how often the piece that should have more of something does, over styles, and over all pairs."""
    print("\nlevels: 15 styles, each with two opposite words")
    for name, words in OPPOSITES.items():
        more, less = (
            [
                _level(name, music_cheats.perform(word.format(style), n, 15).audio)
                for n, style in enumerate(music_prompts.STYLES)
            ]
            for word in words
        )
        same_style = np.mean([a > b for a, b in zip(more, less, strict=True)])
        print(f"  {name}: {_above(more, less):.0%} of all pairs, {same_style:.0%} within a style")


def _level(name: str, audio: Waveform) -> float:
    sound = Sound(audio)
    if name.startswith("drums"):
        return 1 - tones_of(sound).tonality
    if name.startswith("density"):
        return float(np.count_nonzero(sound.flux > 1.5 * sound.flux.mean()))
    found = levels_of(sound)
    return float("nan") if found is None else found.energy if name == "energy" else found.brightness


def recorded(folder: Path) -> None:
    """What tones and structure measure on any music."""
    names = ("tonality", "pitches", "bandwidth", "variety", "repetition", "key fit")
    rows = []
    for path in sorted(folder.glob("*.wav")):
        audio = excerpt(path)
        if audio.duration_s < SECONDS - 1:
            continue
        sound = Sound(audio)
        tones, form, keys = tones_of(sound), structure_of(sound), keys_of(sound)
        if form is not None and keys is not None:
            heard = (tones.tonality, tones.pitches, tones.bandwidth_hz)
            rows.append((*heard, form.variety, form.repetition, keys.fit.max()))
    print(f"\nrecorded: {len(rows)} pieces; least, tenth, median")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        print(f"  {name}: {_spread(np.array(column))}")


def _above(more: list[float], less: list[float]) -> float:
    return float(np.mean(np.array(more)[:, None] > np.array(less)[None]))


def _spread(values: np.ndarray) -> str:
    least, tenth, median = np.percentile(values, (0, 10, 50))
    return f"{least:.2f}, {tenth:.2f}, {median:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recorded", type=Path, help="folder of WAV files")
    parser.add_argument("--count", type=int, default=50, help="prompts for our composer")
    given = parser.parse_args()
    report("labelled tracks", list(tracks()))
    report("our composer", list(composed(given.count)))
    levels()
    if given.recorded:
        recorded(given.recorded)


if __name__ == "__main__":
    main()

"""The styles the composer writes, as tables: tempo, mode, harmony, bass, accompaniment, drums, melody and sound."""

from __future__ import annotations

import msgspec


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """One style. Levels are 0..1. Progressions are four bars of Roman numerals; two in a bar are joined by a space.

    `minor` is the chance of a minor key where the prompt names none. `bass`, `backing` and `drums` name patterns of
    `bass`, `backing` and `drums`; one of each is chosen per piece or section.
    """

    tempo_bpm: tuple[int, int]
    minor: float
    energy: float
    brightness: float
    density: float
    bass: tuple[str, ...]
    backing: tuple[str, ...]
    drums: tuple[str, ...]
    major_chords: tuple[tuple[str, str, str, str], ...]
    minor_chords: tuple[tuple[str, str, str, str], ...]
    meter: int = 4
    syncopation: float = 0.2
    swing: bool = False
    plagal: float = 0.15  # of closes that are plagal
    chromatic: float = 0.4  # of leading notes that may be a semitone below their goal
    leaps: float = 0.3
    lead_duties: tuple[float, ...] = (0.5, 0.25)
    staccato: float = 0.2


STYLES: dict[str, Style] = {
    "boss": Style(
        tempo_bpm=(140, 176),
        minor=0.95,
        energy=0.95,
        brightness=0.6,
        density=0.85,
        bass=("gallop", "drive", "octaves"),
        backing=("arp16", "arp8", "stabs"),
        drums=("battle", "double", "rock"),
        major_chords=(("I", "bVII", "bVI", "V"), ("I", "IV", "bVI bVII", "V")),
        minor_chords=(
            ("i", "VI", "III", "VII"),
            ("i", "i", "VI", "VII"),
            ("i", "VI", "iv", "V"),
            ("i", "bII", "i", "V"),
            ("i", "VI", "bII", "V"),
            ("i", "i", "VI VII", "V"),
            ("i", "iv", "VI", "V7"),
        ),
        leaps=0.45,
        lead_duties=(0.25, 0.5, 0.125),
        syncopation=0.6,
    ),
    "dungeon": Style(
        tempo_bpm=(84, 112),
        minor=1.0,
        energy=0.4,
        brightness=0.25,
        density=0.4,
        bass=("pulse", "beats", "broken"),
        backing=("arp8", "long", "echoes"),
        drums=("sparse", "heartbeat"),
        major_chords=(("I", "bVI", "iv", "V"), ("I", "iv", "I", "V")),
        minor_chords=(
            ("i", "VI", "iv", "i"),
            ("i", "bII", "i", "VI"),
            ("i", "i", "iv", "V"),
            ("i", "ii", "i", "V+"),
            ("i", "VI", "ii", "V"),
            ("i", "iv", "bII", "V"),
        ),
        leaps=0.25,
        lead_duties=(0.125, 0.25),
        syncopation=0.35,
    ),
    "adventure": Style(
        tempo_bpm=(112, 144),
        minor=0.1,
        energy=0.7,
        brightness=0.75,
        density=0.6,
        bass=("two", "drive", "bounce"),
        backing=("arp8", "offbeat", "arp16"),
        drums=("rock", "march", "four"),
        major_chords=(
            ("I", "V", "vi", "IV"),
            ("I", "IV", "bVII", "IV"),
            ("I", "IV", "ii", "V"),
            ("I", "bVII", "IV", "V"),
            ("I", "V", "vi", "IV V"),
            ("I", "iii", "IV", "V"),
            ("I", "vi", "ii", "V"),
        ),
        minor_chords=(
            ("i", "VII", "VI", "VII"),
            ("i", "VII", "VI", "V"),
            ("i", "iv", "VII", "V"),
            ("i", "VI", "iv", "V"),
        ),
        leaps=0.4,
        plagal=0.25,
        syncopation=0.45,
    ),
    "title": Style(
        tempo_bpm=(96, 126),
        minor=0.25,
        energy=0.65,
        brightness=0.7,
        density=0.55,
        bass=("two", "octaves", "drive"),
        backing=("arp16", "arp8", "long"),
        drums=("rock", "halftime", "march"),
        major_chords=(
            ("I", "V", "vi", "IV"),
            ("I", "iii", "vi", "IV"),
            ("I", "V", "vi", "IV V"),
            ("I", "iii", "IV", "V"),
            ("I", "IV", "vi", "V"),
            ("I", "bVI", "bVII", "V"),
        ),
        minor_chords=(
            ("i", "VI", "III", "VII"),
            ("i", "VI", "iv", "V"),
            ("i", "iv", "VI", "V"),
            ("i", "v", "VI", "V7"),
            ("i", "VI VII", "i", "V"),
        ),
        leaps=0.4,
        lead_duties=(0.5, 0.25),
        staccato=0.1,
        plagal=0.25,
        syncopation=0.4,
    ),
    "lounge": Style(
        tempo_bpm=(92, 124),
        minor=0.2,
        energy=0.4,
        brightness=0.5,
        density=0.5,
        bass=("walk", "bossa", "two"),
        backing=("offbeat", "stabs", "comp"),
        drums=("swing", "bossa", "brush"),
        major_chords=(
            ("Imaj7", "vi7", "ii7", "V7"),
            ("Imaj7", "VI7", "ii7", "V7"),
            ("IVmaj7", "iii7", "ii7", "V7"),
            ("Imaj7", "ii7", "iii7 VI7", "ii7 V7"),
        ),
        minor_chords=(("i7", "iv7", "ii7", "V7"), ("i7", "VImaj7", "ii7", "V7"), ("i7", "iv7", "VImaj7", "V7")),
        swing=True,
        leaps=0.3,
        lead_duties=(0.5, 0.25),
        plagal=0.05,
        syncopation=0.75,
        chromatic=0.7,
    ),
    "waltz": Style(
        tempo_bpm=(132, 168),
        minor=0.3,
        energy=0.5,
        brightness=0.6,
        density=0.5,
        bass=("oom",),
        backing=("pah", "arp8"),
        drums=("waltz", "brush"),
        major_chords=(
            ("I", "vi", "ii", "V7"),
            ("I", "vi", "ii", "V"),
            ("I", "I", "V7", "V7"),
            ("I", "IV", "I", "V7"),
            ("I", "VI7", "ii", "V7"),
        ),
        minor_chords=(("i", "iv", "i", "V"), ("i", "VI", "iv", "V7"), ("i", "i", "iv", "V7")),
        meter=3,
        leaps=0.4,
        plagal=0.05,
        syncopation=0.2,
        chromatic=0.6,
    ),
    "lullaby": Style(
        tempo_bpm=(66, 84),
        minor=0.1,
        energy=0.12,
        brightness=0.45,
        density=0.3,
        bass=("beats", "oom"),
        backing=("pah", "arp8"),
        drums=("none", "soft"),
        major_chords=(("I", "IV", "I", "V"), ("I", "vi", "IV", "V"), ("I", "iii", "IV", "V7"), ("I", "I", "ii", "V7")),
        minor_chords=(("i", "iv", "i", "V"), ("i", "VI", "iv", "V7")),
        meter=3,
        leaps=0.2,
        lead_duties=(0.5,),
        staccato=0.0,
        syncopation=0.1,
        chromatic=0.3,
    ),
    "ballad": Style(
        tempo_bpm=(66, 88),
        minor=0.55,
        energy=0.3,
        brightness=0.45,
        density=0.35,
        bass=("two", "beats"),
        backing=("arp8", "comp", "long"),
        drums=("soft", "halftime"),
        major_chords=(
            ("I", "V", "vi", "IV"),
            ("I", "V", "vi", "IV V"),
            ("I", "vi", "IV", "V"),
            ("I", "iii", "IV", "iv V"),
            ("Imaj7", "IVmaj7", "ii7", "V"),
        ),
        minor_chords=(
            ("i", "VI", "III", "VII"),
            ("i", "VI", "iv", "V"),
            ("i", "VII", "VI", "V7"),
            ("i", "iv", "VI", "V"),
            ("i", "v", "VI", "V"),
        ),
        leaps=0.35,
        lead_duties=(0.5, 0.25),
        staccato=0.0,
        plagal=0.3,
        syncopation=0.4,
    ),
    "techno": Style(
        tempo_bpm=(124, 142),
        minor=0.8,
        energy=0.85,
        brightness=0.65,
        density=0.75,
        bass=("offbeat", "octaves", "drive"),
        backing=("arp16", "stabs", "gate"),
        drums=("four", "house"),
        major_chords=(("I", "V", "vi", "IV"), ("I", "IV", "vi", "V"), ("I", "I", "IV", "V")),
        minor_chords=(
            ("i", "VI", "III", "VII"),
            ("i", "i", "VI", "VII"),
            ("i", "VI", "VII", "V"),
            ("i", "i", "VI", "V"),
            ("i", "iv", "VI", "V"),
            ("i", "VI", "iv", "V"),
        ),
        leaps=0.35,
        lead_duties=(0.25, 0.125, 0.5),
        staccato=0.5,
        syncopation=0.7,
        chromatic=0.2,
    ),
    "rock": Style(
        tempo_bpm=(120, 152),
        minor=0.45,
        energy=0.85,
        brightness=0.55,
        density=0.6,
        bass=("drive", "octaves", "two"),
        backing=("power", "stabs", "arp8"),
        drums=("rock", "double"),
        major_chords=(
            ("I", "bVII", "IV", "I"),
            ("I", "bVI", "bVII", "I"),
            ("I", "IV", "V", "IV V"),
            ("I", "bVII", "IV", "V"),
            ("I", "vi", "IV", "V"),
            ("I", "IV", "I", "V"),
        ),
        minor_chords=(
            ("i", "VI", "VII", "i"),
            ("i", "III", "VII", "iv"),
            ("i", "VI", "VII", "V"),
            ("i", "VII", "iv", "V"),
            ("i", "iv", "i", "V"),
            ("i", "III", "iv", "V"),
        ),
        leaps=0.3,
        lead_duties=(0.25, 0.5),
        plagal=0.5,
        syncopation=0.6,
    ),
    "march": Style(
        tempo_bpm=(104, 122),
        minor=0.2,
        energy=0.7,
        brightness=0.65,
        density=0.55,
        bass=("two",),
        backing=("offbeat", "arp8"),
        drums=("march",),
        major_chords=(("I", "I", "IV", "V"), ("I", "V", "I", "V"), ("I", "IV", "II", "V"), ("I", "vi", "II", "V7")),
        minor_chords=(("i", "i", "iv", "V"), ("i", "VI", "iv", "V"), ("i", "V", "i", "V")),
        leaps=0.45,
        lead_duties=(0.5, 0.25),
        staccato=0.5,
        plagal=0.1,
        syncopation=0.15,
        chromatic=0.5,
    ),
    "fanfare": Style(
        tempo_bpm=(126, 152),
        minor=0.02,
        energy=0.9,
        brightness=0.95,
        density=0.65,
        bass=("two", "octaves"),
        backing=("stabs", "arp16", "offbeat"),
        drums=("march", "rock"),
        major_chords=(
            ("I", "bVI", "bVII", "I"),
            ("I", "bVI", "bVII", "V"),
            ("I", "IV", "I", "V"),
            ("I", "ii", "IV", "V"),
            ("I", "vi", "IV", "V"),
        ),
        minor_chords=(("i", "VI", "VII", "V"), ("i", "iv", "i", "V")),
        leaps=0.6,
        lead_duties=(0.5, 0.25),
        staccato=0.3,
        syncopation=0.25,
        chromatic=0.3,
    ),
    "horror": Style(
        tempo_bpm=(72, 104),
        minor=1.0,
        energy=0.35,
        brightness=0.2,
        density=0.35,
        bass=("pulse", "creep"),
        backing=("long", "echoes", "arp8"),
        drums=("heartbeat", "sparse"),
        major_chords=(("I", "bVI", "iv", "V"), ("I", "bVI", "I", "V")),
        minor_chords=(
            ("i", "bII", "VI", "bII"),
            ("i", "bII", "i", "V+"),
            ("i", "vii", "i", "V"),
            ("i", "ii", "bII", "V"),
            ("i", "i", "vii", "V"),
        ),
        leaps=0.5,
        lead_duties=(0.125,),
        staccato=0.1,
        syncopation=0.4,
        chromatic=0.7,
    ),
    "ambient": Style(
        tempo_bpm=(64, 88),
        minor=0.35,
        energy=0.15,
        brightness=0.5,
        density=0.25,
        bass=("long", "beats"),
        backing=("arp8", "arp16", "echoes"),
        drums=("soft",),
        major_chords=(
            ("Imaj7", "iii7", "IVmaj7", "iv"),
            ("Imaj7", "IVmaj7", "Imaj7", "V"),
            ("I", "iii", "IV", "Vsus"),
            ("I", "vi", "IVmaj7", "V"),
        ),
        minor_chords=(
            ("i", "VI", "III", "iv"),
            ("i7", "VImaj7", "i7", "iv7"),
            ("i", "VI", "i", "v"),
            ("i7", "iv7", "VImaj7", "V"),
            ("i", "VImaj7", "iv", "V"),
        ),
        leaps=0.35,
        lead_duties=(0.5, 0.25),
        staccato=0.0,
        plagal=0.5,
        syncopation=0.35,
        chromatic=0.1,
    ),
}
"""Style by the name that `MusicBrief.style` uses."""

CHURCH_CHORDS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "dorian": (("i", "IV", "i", "IV"), ("i", "iim", "i", "IV"), ("i", "VII", "IV", "i"), ("i", "III", "IV", "VII")),
    "phrygian": (("i", "bII", "i", "bII"), ("i", "bII", "III", "bII"), ("i", "VI", "vii-", "bII")),
    "lydian": (("I", "II", "I", "II"), ("I", "II", "vi", "II"), ("I", "V", "II", "V")),
    "mixolydian": (("I", "bVII", "IV", "I"), ("I", "bVII", "I", "bVII"), ("I", "v", "bVII", "IV")),
    "aeolian": (("i", "VI", "VII", "i"), ("i", "VII", "VI", "VII"), ("i", "v", "VI", "VII")),
    "locrian": (("io", "bV", "io", "VI"), ("io", "iv", "bV", "io")),
}
"""Church mode -> progressions that show its own step (P. Tagg, *Everyday Tonality II*)."""

BRIDGES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "major": (
        ("IV", "V", "I", "V"),
        ("vi", "IV", "I", "V"),
        ("IV", "I", "ii", "V"),
        ("ii", "IV", "I", "V"),
        ("IV", "iii", "ii", "V"),
        ("iv", "I", "II", "V"),
    ),
    "minor": (
        ("VI", "iv", "i", "V"),
        ("iv", "i", "ii", "V"),
        ("iv", "V", "i", "V"),
        ("VI", "III", "iv", "V"),
        ("iv", "i", "VI", "V"),
        ("VI", "VII", "i", "V"),
    ),
}
"""What contrasting sections do: begin away from home, and lead back."""


class Mood(msgspec.Struct, frozen=True, kw_only=True):
    """How a mood bends a style: shifts of levels and of the chance of minor, and a factor on the tempo."""

    energy: float = 0.0
    brightness: float = 0.0
    density: float = 0.0
    minor: float = 0.0
    tempo: float = 1.0
    staccato: float = 0.0


MOODS: dict[str, Mood] = {
    "cheerful": Mood(energy=0.1, brightness=0.2, density=0.05, minor=-0.6, tempo=1.05, staccato=0.15),
    "sad": Mood(energy=-0.25, brightness=-0.15, density=-0.1, minor=0.6, tempo=0.85, staccato=-0.2),
    "calm": Mood(energy=-0.35, brightness=-0.1, density=-0.2, minor=-0.1, tempo=0.85, staccato=-0.2),
    "tense": Mood(energy=0.15, density=0.15, minor=0.5, tempo=1.08, staccato=0.1),
    "heroic": Mood(energy=0.15, brightness=0.15, minor=-0.15, staccato=-0.05),
    "mysterious": Mood(energy=-0.1, brightness=-0.1, density=-0.05, minor=0.4, tempo=0.92),
    "romantic": Mood(energy=-0.15, density=-0.05, minor=-0.1, tempo=0.9, staccato=-0.2),
    "playful": Mood(energy=0.05, brightness=0.15, density=0.1, minor=-0.4, tempo=1.05, staccato=0.35),
    "dark": Mood(energy=-0.05, brightness=-0.3, minor=0.7, tempo=0.95),
    "aggressive": Mood(energy=0.25, brightness=0.05, density=0.2, minor=0.6, tempo=1.1),
    "dreamy": Mood(energy=-0.25, brightness=0.05, density=-0.1, minor=-0.1, tempo=0.88, staccato=-0.2),
}
"""Mood by the name that `MusicBrief.mood` uses."""

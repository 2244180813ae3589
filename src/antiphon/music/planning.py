"""What a piece will be before its first note: tempo, key, form and parts, from a brief, a length and a seed."""

from __future__ import annotations

import random

import msgspec

from antiphon.errors import InputError
from antiphon.music.brief import MusicBrief
from antiphon.music.forms import sections_of
from antiphon.music.meter import METERS, TICKS, Meter
from antiphon.music.score import Section
from antiphon.music.style import Style
from antiphon.music.styles import GAME_STYLES, MOODS, STYLES, Mood
from antiphon.services import MAX_MUSIC_S

FRAME_RATE_HZ = 60.0
RING_S = 0.9
"""The final chord rings at least this long, where the piece is long enough for one."""

_ABRUPT_S = 0.3
"""What an abrupt ending needs instead."""

_LONGEST_RING_S = 6.0

TONICS = (0, 2, 4, 5, 7, 9, 11, 10, 3)
"""Keys chosen from where the prompt names none."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`bars` are those before the final chord (which stands on the next downbeat), or all of a loop.

    A piece too short for two bars begins with an upbeat: `skipped` ticks of its first bar are not played.
    """

    brief: MusicBrief
    seed: int
    style_name: str
    tempo_bpm: float
    tonic: int
    mode: str
    meter: Meter
    energy: float
    brightness: float
    density: float
    staccato: float
    seconds: float
    loop: bool
    bars: int
    skipped: int
    sections: tuple[Section, ...]
    intro: int = 0  # bars of introduction, which a loop does not return to
    lifted: int | None = None  # index of the first section in another key
    notes: tuple[str, ...]

    @property
    def style(self) -> Style:
        return STYLES[self.style_name]

    @property
    def scale(self) -> str:
        """A key of `harmony.SCALES`: the church mode that is asked for, or the mode."""
        return self.brief.church or self.mode

    @property
    def bar(self) -> int:
        """Ticks a bar."""
        return self.meter.ticks

    @property
    def bar_s(self) -> float:
        return _bar_s(self.tempo_bpm, self.meter)

    @property
    def intro_s(self) -> float:
        """Seconds of the introduction, to the chip's frame."""
        return round(self.intro * self.bar_s * FRAME_RATE_HZ) / FRAME_RATE_HZ

    @property
    def quarter_bpm(self) -> float:
        """Quarters a minute: in compound metres the tempo counts dotted quarters."""
        return self.tempo_bpm * self.meter.pulse / TICKS

    def generator(self, part: str) -> random.Random:
        """The part's own random numbers: a change of one part leaves the others as they are."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311 - music, not secrets

    def wants(self, role: str) -> bool:
        """False where the prompt says `no drums` and so on."""
        return f"no {role}" not in self.brief.instruments


def _bar_s(tempo_bpm: float, meter: Meter) -> float:
    return meter.ticks / meter.pulse * 60.0 / tempo_bpm


def loop_seconds(tempo_bpm: float, meter: Meter, seconds: float) -> float:
    """The length of a loop: whole bars nearest to `seconds`, to the chip's frame of 1/60 s (1 bar at least)."""
    bar_s = _bar_s(tempo_bpm, meter)
    bars = max(1, min(round(seconds / bar_s), int(MAX_MUSIC_S / bar_s)))
    return round(bars * bar_s * FRAME_RATE_HZ) / FRAME_RATE_HZ


def plan(brief: MusicBrief, seconds: float, seed: int, *, loop: bool = False) -> Plan:
    """Decide everything but the notes. Raises `InputError` for a length outside 1-600 s."""
    if not 1 <= seconds <= MAX_MUSIC_S:
        raise InputError(f"{seconds:g} s of music is outside 1-{MAX_MUSIC_S:g}", "Ask for 1 to 600 seconds.")
    rng = random.Random(f"{seed}/plan")  # noqa: S311 - music, not secrets
    notes = list(brief.notes)
    style_name = brief.style or _style_for(brief, rng)
    style = STYLES[style_name]
    if brief.style is None:
        notes.append(f"No style is named: {style_name} is played.")
    mood = MOODS.get(brief.mood or "", Mood())
    energy = _level(brief.energy, style.energy + mood.energy)
    meter = METERS[brief.meter or style.meter]
    tempo_bpm = _tempo(brief, style, mood, energy, meter, seconds, rng, loop=loop)
    mode = brief.mode or ("minor" if rng.random() < style.minor + mood.minor else "major")
    tonic = brief.tonic if brief.tonic is not None else rng.choice(TONICS)
    length, bars, skipped = (_looped if loop else _ended)(brief, tempo_bpm, meter, seconds, notes)
    rng = random.Random(f"{seed}/form")  # noqa: S311 - music, not secrets
    form, told = sections_of(bars, brief.structure, rng, loop=loop, bar=meter.ticks, intro=brief.intro)
    if loop and brief.intro and not (form and form[0].letter == "intro"):
        notes.append("The loop is too short for an introduction.")
    return Plan(
        brief=brief,
        seed=seed,
        style_name=style_name,
        tempo_bpm=tempo_bpm,
        tonic=tonic,
        mode=mode,
        meter=meter,
        energy=energy,
        brightness=_level(brief.brightness, style.brightness + mood.brightness),
        density=_level(brief.density, style.density + mood.density),
        staccato=min(max(style.staccato + mood.staccato, 0.0), 1.0),
        seconds=length,
        loop=loop,
        bars=bars,
        skipped=skipped,
        sections=form,
        intro=form[0].bars if form and form[0].letter == "intro" else 0,
        lifted=None if loop else _lifted(brief, form, notes),
        notes=(*notes, *told),
    )


def _looped(
    brief: MusicBrief, tempo_bpm: float, meter: Meter, seconds: float, notes: list[str]
) -> tuple[float, int, int]:
    """Seconds, bars and skipped ticks of a loop."""
    length = loop_seconds(tempo_bpm, meter, seconds)
    if abs(length - seconds) > 1e-6:
        notes.append(f"A loop of whole bars at {tempo_bpm:g} bpm lasts {length:.3f} s, not {seconds:g}.")
    notes += _unending(brief)
    return length, round(length / _bar_s(tempo_bpm, meter)), 0


def _ended(
    brief: MusicBrief, tempo_bpm: float, meter: Meter, seconds: float, notes: list[str]
) -> tuple[float, int, int]:
    """The same of a piece that ends; the bars are those before its final chord."""
    bars, skipped = _bars(tempo_bpm, meter, seconds, _ring_s(brief))
    if brief.bars and brief.bars != bars:
        if 0 <= seconds - brief.bars * _bar_s(tempo_bpm, meter) <= _LONGEST_RING_S:
            return seconds, brief.bars, 0
        notes.append(f"{brief.bars} bars at {tempo_bpm:g} bpm do not last {seconds:g} s: the length counts.")
    return seconds, bars, skipped


def _ring_s(brief: MusicBrief) -> float:
    return _ABRUPT_S if brief.ending == "abrupt" else RING_S


def _unending(brief: MusicBrief) -> list[str]:
    """What a loop cannot have."""
    ending = ["A loop has no ending: the one that is asked for is left out."] if brief.ending else []
    return ending + (["A loop ends in the key it began in: it does not modulate."] if brief.modulation else [])


def length_of(brief: MusicBrief, seed: int, *, loop: bool = False) -> float | None:
    """Seconds of the bars that a brief asks for, with the final chord; None where it names none, or a length too."""
    if brief.bars is None or brief.seconds is not None:
        return None
    planned = plan(brief, 30.0, seed, loop=loop)
    seconds = brief.bars * planned.bar_s + (0.0 if loop else max(_ring_s(brief), planned.bar_s / 2))
    return min(max(seconds, 1.0), MAX_MUSIC_S)


def _lifted(brief: MusicBrief, form: tuple[Section, ...], notes: list[str]) -> int | None:
    """The section from which on the piece is in another key: the last that returns, else the last."""
    if not brief.modulation:
        return None
    if len(form) < 2:
        notes.append("The piece is too short to modulate.")
        return None
    return max((index for index, section in enumerate(form) if section.repeat), default=len(form) - 1)


def _level(said: float | None, usual: float) -> float:
    return min(max(usual, 0.0), 1.0) if said is None else said


def _style_for(brief: MusicBrief, rng: random.Random) -> str:
    """A style that suits what is said: the right meter, and near the tempo, energy and mood."""
    mood = MOODS.get(brief.mood or "", Mood())
    target = brief.energy if brief.energy is not None else 0.55 + mood.energy
    low, high = brief.tempo_range_bpm or (brief.tempo_bpm or 0.0, brief.tempo_bpm or 999.0)

    def distance(name: str) -> float:
        style = STYLES[name]
        tempo_gap = max(style.tempo_bpm[0] - high, low - style.tempo_bpm[1], 0.0) / 60
        mode_gap = 0.0 if brief.mode is None else abs(style.minor - (brief.mode == "minor")) / 3
        mood_gap = abs(min(max(style.minor + mood.minor, 0), 1) - style.minor) + abs(
            mood.brightness - style.brightness + 0.5
        )
        triple = METERS[brief.meter or "4/4"].beats == 3 and brief.meter != "7/8"
        meter_gap = 9.0 if (style.meter == "3/4") != triple else 0.0
        return abs(style.energy - target) + tempo_gap + mode_gap + meter_gap + (mood_gap / 2 if brief.mood else 0.0)

    usual = [name for name in GAME_STYLES if name not in ("horror", "march", "fanfare")]
    return rng.choice(sorted(usual, key=distance)[:3])


def _tempo(
    brief: MusicBrief,
    style: Style,
    mood: Mood,
    energy: float,
    meter: Meter,
    seconds: float,
    rng: random.Random,
    *,
    loop: bool,
) -> float:
    """The named tempo, exactly; else one that suits style, mood and energy and lets whole bars fill the length."""
    if brief.tempo_bpm is not None:
        return brief.tempo_bpm
    low, high = brief.tempo_range_bpm or style.tempo_bpm
    if brief.tempo_range_bpm is None:
        slower = TICKS / meter.pulse if meter.compound else 1.0
        low, high = (bound * mood.tempo * (1 + slower) / 2 for bound in (low, high))
    reach = (high - low) / 2
    centre = low + reach * (0.5 + min(max(0.5 + (energy - style.energy), 0.0), 1.0))
    lowest, highest = max(low, centre - reach / 2), min(high, centre + reach / 2)
    if brief.bars:  # the length follows from it
        return float(rng.randint(round(lowest), max(round(highest), round(lowest))))
    if loop:
        whole = [bars * meter.ticks / meter.pulse * 60 / seconds for bars in range(1, 2000)]
        fitting = [bpm for bpm in whole if lowest <= bpm <= highest] or [bpm for bpm in whole if low <= bpm <= high]
        # In frames: a loop of whole frames has exactly this tempo only if its seconds are whole frames.
        return rng.choice(fitting) if fitting else float(round(centre))
    candidates = range(round(lowest), max(round(highest), round(lowest)) + 1)
    shuffled = rng.sample(candidates, len(candidates))
    return float(min(shuffled, key=lambda bpm: _misfit(bpm, meter, seconds)))


def _misfit(bpm: float, meter: Meter, seconds: float) -> float:
    """How far the bars are from a form of fours with a final bar."""
    bars, _ = _bars(bpm, meter, seconds, RING_S)
    ring = seconds / _bar_s(bpm, meter) - bars
    return (0.0 if bars % 4 == 0 else 0.5 if bars % 4 == 2 else 1.0) + (0.3 if not 0.4 <= ring <= 1.1 else 0.0)


def _bars(bpm: float, meter: Meter, seconds: float, ring_s: float) -> tuple[int, int]:
    """Bars before the final chord, and the ticks skipped at the start of a piece too short for whole ones."""
    ticks = (seconds - min(ring_s, seconds / 2)) * bpm * meter.pulse / 60 + 1e-6
    if ticks >= 2 * meter.ticks:
        return int(ticks // meter.ticks), 0
    # Whole beats, the last ones of a bar: as many as there is room for.
    bars = int(ticks // meter.ticks)
    room = ticks - bars * meter.ticks
    skipped = min(start for start in (*meter.beat_ticks, meter.ticks) if meter.ticks - start <= room)
    return (bars, 0) if skipped == meter.ticks else (bars + 1, skipped)

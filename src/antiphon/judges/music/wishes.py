"""What a prompt names beyond tempo, key and levels: metre, style, parts, dynamics, form; each only where it is named,
and where the window can show it."""

from __future__ import annotations

from antiphon.analysis import bars, bass, course, genre, sections, tempo
from antiphon.judges.music import styles
from antiphon.judges.music.clip import Clip, Figures, too_short
from antiphon.music.meter import METERS

_NOT_ASKED = "the prompt names no"
RISE_DB = 8.0
"""What a crescendo rises at least, from the first third to the last. Other pieces rise by up to 7 dB."""
CONTRAST_DB = 9.0
"""Range of the loudness of a piece with contrasts; of other pieces 3 to 8 dB."""
_EVEN = 1 / 4
"""Of the wished rise or range: what any piece has, and no sign of the wish."""
_TRIPLETS = 0.03
"""Beats of three parts are from .05, beats of two at most .02 (swing more, and it is no metre)."""
_HEARD = 0.45
"""Support of an asked tempo below which a piece is taken at its own."""
_GROUPS = {8: "twos", 16: "twos", 12: "threes", 20: "fives", 14: "sevens"}
"""Sixteenths in a simple bar -> how its beats are grouped."""


def read_figures(clip: Clip) -> Figures:
    """`prompt_read`: 1, or inconclusive where all of it is in a language that is not read."""
    brief = clip.brief
    return {"prompt_read": 1.0 if brief.understood else f"the prompt is not read: {', '.join(brief.unread)}"}


def meter_figures(clip: Clip) -> Figures:
    """`meter_gap`: how much less the beats come in the asked groups than in the clearest ones."""
    name = clip.brief.meter
    if name is None:
        return {"meter_gap": f"{_NOT_ASKED} metre"}
    if reason := too_short(clip, bars.MIN_S):
        return {"meter_gap": reason}
    meter = METERS.get(name)
    if meter is None:
        return {"meter_gap": f"{name} cannot be told by ear"}
    group = {2: "twos", 3: "threes", 4: "twos"}[meter.beats] if meter.compound else _GROUPS[meter.sixteenths]
    found = [heard for bpm in _beats(clip) if (heard := bars.bars_of(clip.sound, 60.0 / bpm)) is not None]
    if not found:
        return {"meter_gap": "no bars are heard"}
    return {"meter_gap": min(one.gap(group) + (meter.compound and one.triplets < _TRIPLETS) for one in found)}


def _beats(clip: Clip) -> tuple[float, ...]:
    """Beats a minute: the asked tempo where it is heard, else the clearest pulse, its half and its double."""
    asked, pulse = clip.brief.tempo_bpm, clip.pulse
    if asked is not None and pulse.support(asked) >= _HEARD:
        return (asked,)
    return tuple(bpm for factor in tempo.OCTAVES if tempo.SLOWEST_BPM <= (bpm := factor * pulse.best_bpm) <= 200)


def style_figures(clip: Clip) -> Figures:
    """`style_gap`: how much less likely the asked style is than the likeliest, 0..1."""
    style = clip.brief.style
    if style is None:
        return {"style_gap": f"{_NOT_ASKED} style"}
    if style not in styles.NAMES:
        return {"style_gap": f"nobody has taught the judges what {style} sounds like"}
    if reason := too_short(clip, genre.MIN_S):
        return {"style_gap": reason}
    if clip.pulse.clarity < tempo.MIN_PULSE:
        return {"style_gap": "no pulse is heard"}
    found = genre.features(clip.sound, _beats(clip)[0])
    return {"style_gap": "too little is pitched" if found is None else styles.gap(found, style)}


def part_figures(clip: Clip) -> Figures:
    """`bass_error`, where a bass or its absence is asked for. Other parts are not told apart in a mix."""
    asked = {part for part in clip.brief.instruments if part.split()[-1] == "bass"}
    if not asked:
        return {"bass_error": f"{_NOT_ASKED} bass"}
    if reason := too_short(clip, bass.MIN_S):
        return {"bass_error": reason}
    found = bass.bass_of(clip.sound)
    if found is None:
        return {"bass_error": "there is no sound"}
    return {"bass_error": found if "no bass" in asked else 1 - found}


def dynamics_figures(clip: Clip) -> Figures:
    """`dynamics_error`: what is missing of a crescendo, a diminuendo or contrasts, 0..1."""
    wish = clip.brief.dynamics
    if wish is None:
        return {"dynamics_error": f"{_NOT_ASKED} dynamics"}
    if wish not in ("crescendo", "diminuendo", "contrast"):
        return {"dynamics_error": f"how loud a file is says nothing of how {wish} it is played"}
    if reason := _part_of_a_piece(clip) or too_short(clip, course.MIN_S):
        return {"dynamics_error": reason}
    found = course.course_of(clip.sound)
    if found is None:
        return {"dynamics_error": "there is no sound"}
    if wish == "contrast":
        return {"dynamics_error": _missing(found.range_db, CONTRAST_DB)}
    return {"dynamics_error": _missing(found.rise_db * (1 if wish == "crescendo" else -1), RISE_DB)}


def form_figures(clip: Clip) -> Figures:
    """`form_gap`: how much less alike the sections of one letter are than in the form that fits best."""
    form = clip.brief.structure
    if not form:
        return {"form_gap": f"{_NOT_ASKED} form"}
    if reason := _part_of_a_piece(clip):
        return {"form_gap": reason}
    found = sections.gap(clip.sound, form)
    return {"form_gap": f"{form} cannot be heard in {clip.sound.seconds:.0f} s" if found is None else found}


def _part_of_a_piece(clip: Clip) -> str | None:
    request = clip.evidence.request
    whole = request.start_s == 0 and request.stop_s >= request.seconds
    return None if whole else "this is a window of a piece, not the whole"


def _missing(found: float, wished: float) -> float:
    least = wished * _EVEN
    return min(1.0, max(0.0, (wished - found) / (wished - least)))

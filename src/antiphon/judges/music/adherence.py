"""Adherence: what the prompt asks for against what is heard. What it does not ask for is never held against a piece."""

from __future__ import annotations

from antiphon.analysis import key, levels, structure, tempo, tones
from antiphon.judges.music.clip import Clip, Figures, too_short

_NOT_ASKED = "the prompt names no"


def tempo_figures(clip: Clip) -> Figures:
    """`tempo_bpm` heard; `tempo_support` of the asked tempo: its share of the clearest pulse, 1 = it is the pulse."""
    names = ("tempo_bpm", "tempo_support")
    if reason := too_short(clip, tempo.MIN_S):
        return dict.fromkeys(names, reason)
    pulse = clip.pulse
    if pulse.clarity < tempo.MIN_PULSE:
        return dict.fromkeys(names, "no pulse is heard")
    brief = clip.brief
    asked: float | str = f"{_NOT_ASKED} tempo"
    if brief.tempo_bpm is not None:
        asked = pulse.support(brief.tempo_bpm)
    elif brief.tempo_range_bpm is not None:
        asked = pulse.support_within(*brief.tempo_range_bpm)
    return {"tempo_bpm": pulse.best_bpm, "tempo_support": asked}


def key_figures(clip: Clip) -> Figures:
    """`key` heard (0 = C major ... 23 = B minor); `key_fit`, its correlation with the pitches; `key_gap`, how much less
    the asked key fits; 0 = it is the best."""
    names = ("key", "key_fit", "key_gap")
    if reason := too_short(clip, key.MIN_S):
        return dict.fromkeys(names, reason)
    keys = key.keys_of(clip.sound)
    if keys is None:
        return dict.fromkeys(names, "too little is pitched")
    brief = clip.brief
    asked = f"{_NOT_ASKED} key" if brief.tonic is None else keys.gap(brief.tonic, brief.mode)
    return {"key": float(keys.best), "key_fit": float(keys.fit.max()), "key_gap": asked}


def level_figures(clip: Clip) -> Figures:
    """`energy` and `brightness` heard, 0..1, and how far each stays behind what is asked for."""
    names = ("energy", "energy_error", "brightness", "brightness_error")
    if reason := too_short(clip, levels.MIN_S):
        return dict.fromkeys(names, reason)
    found = levels.levels_of(clip.sound)
    if found is None:
        return dict.fromkeys(names, "there is no sound")
    energy, brightness = clip.brief.energy, clip.brief.brightness
    return {
        "energy": found.energy,
        "energy_error": f"{_NOT_ASKED} energy" if energy is None else levels.shortfall(found.energy, energy),
        "brightness": found.brightness,
        "brightness_error": (
            f"{_NOT_ASKED} brightness" if brightness is None else levels.shortfall(found.brightness, brightness)
        ),
    }


def structure_figures(clip: Clip) -> Figures:
    """`variety` and `repetition`."""
    if reason := too_short(clip, structure.MIN_S):
        return {"variety": reason, "repetition": reason}
    found = structure.structure_of(clip.sound)
    if found is None:
        # Nothing changes: all of it is repeated, and none of it is new. That is known, not missing.
        return {"variety": 0.0, "repetition": 1.0}
    return {"variety": found.variety, "repetition": found.repetition}


def tone_figures(clip: Clip) -> Figures:
    """`tonality`, `pitches`, `bandwidth_hz`; `drums_error`, where drums or their absence are asked for."""
    if reason := too_short(clip, tones.MIN_S):
        return dict.fromkeys(("tonality", "pitches", "bandwidth_hz", "drums_error"), reason)
    found = tones.tones_of(clip.sound)
    drums: float | str = f"{_NOT_ASKED} drums"
    if "drums" in clip.brief.instruments:
        drums = 1 - tones.percussion(found.tonality)
    elif "no drums" in clip.brief.instruments:
        drums = tones.percussion(found.tonality)
    return {
        "tonality": found.tonality,
        "pitches": too_short(clip, tones.MIN_PITCHES_S) or float(found.pitches),
        "bandwidth_hz": found.bandwidth_hz,
        "drums_error": drums,
    }

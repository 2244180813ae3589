"""Instruments in a prompt, as the sound chip's parts: `square lead`, `triangle bass`, `drums`, `no drums`."""

from __future__ import annotations

import re

from antiphon.music.grammar import Found

ROLES = ("lead", "bass", "arpeggio", "chords", "drums", "echo", "counter")

_ROLE_WORDS = {
    "lead": r"leads?|melod(?:y|ies)|solos?|tunes?",
    "bass": r"bass(?:\s?lines?|es)?",
    "arpeggio": r"arp(?:eggio|eggios|eggi|eggiated|eggiation|s|egiated)?(?:\s+chords)?",
    "drums": r"drums?(?:\s?(?:beats?|machine|kits?))?|percussions?|beats?|kicks?|snares?|hi-?\s?hats?|cymbals?",
    "chords": r"chords?|pads?|harmon(?:y|ies)",
    "counter": r"(?:counter|second|harmony)[\s-]?(?:voices?|melod(?:y|ies)|parts?|lines?)|counterpoint|duets?",
    "echo": r"echo(?:es|ing)?|delays?|reverb",
}
_TIMBRE_WORDS = {
    "square": r"squares?|50\s?%|hollow",
    "thin": r"thin|narrow|nasal|reedy|12\.5\s?%|buzzy",
    "pulse": r"pulses?|25\s?%|75\s?%|saw(?:tooth)?s?|synth(?:esi[sz]ers?|s|\s?lead)?",
    "triangle": r"triangles?|sines?",
}
_WAVE = r"(?:[\s-]+(?:waves?|wave-?forms?|duty|cycles?|synths?|pulses?))*"
_STAND_INS = {
    "square lead": "flute recorder clarinet saxophone sax organ accordion whistle ocarina panpipe oboe bassoon",
    "pulse lead": "piano keyboard trumpet brass horn trombone strings orchestra marimba xylophone vibraphone bell "
    "glockenspiel celesta choir vocals vocal singing singer lyrics",
    "thin lead": "guitar guitars violin fiddle cello harpsichord banjo harp mandolin sitar ukulele lute koto",
}
_INSTEAD = {word: stand_in for stand_in, words in _STAND_INS.items() for word in words.split()}
_NOT = r"(?:no|without|minus|not?\s+any|never|zero)\s+(?:any\s+|the\s+|heavy\s+)?"

_PART = re.compile(
    r"(?P<no>\b"
    + _NOT
    + r")?\b(?:(?:"
    + "|".join(f"(?P<t_{name}>{words})" for name, words in _TIMBRE_WORDS.items())
    + rf"){_WAVE}[\s-]+)?\b(?:"
    + "|".join(f"(?P<r_{name}>{words})" for name, words in _ROLE_WORDS.items())
    + r")\b",
    re.IGNORECASE,
)
_WAVE_ALONE = re.compile(
    r"\b(?:" + "|".join(f"(?P<t_{name}>{words})" for name, words in _TIMBRE_WORDS.items()) + rf"){_WAVE}\b",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"(?P<no>\b{_NOT})?\b(?P<word>{'|'.join(sorted(_INSTEAD, key=len, reverse=True))})s?\b", re.IGNORECASE
)
_LESS = re.compile(r"\b(drum|bass|beat)\s?-?less\b", re.IGNORECASE)
_BEAT_IS_TIME = re.compile(r"\bbeats?\s+(?:per|a|/|in|to)\b", re.IGNORECASE)
_DRUM_AND_BASS = re.compile(r"(?<!\w)(?<!no )drum\s*(?:and|&|'?n'?)\s*bass\b(?!\s*line)", re.IGNORECASE)
_CUT = " , "
_ALONE = {"square": "square lead", "thin": "thin lead", "pulse": "pulse lead", "triangle": "triangle bass"}
_TIMBRES_OF = {"lead": _ALONE.keys(), "bass": ("triangle", "square", "pulse")}
"""Parts whose wave can be chosen; the others have the one that the chip leaves them."""


def instruments(text: str) -> Found[tuple[str, ...]]:
    """Parts asked for, each `[timbre] role` or `no role`, in order of mention."""
    found: list[tuple[int, str]] = []
    notes: list[str] = []
    rest = _BEAT_IS_TIME.sub(" ", _DRUM_AND_BASS.sub("dnb", text))
    found += [(m.start(), "no bass" if m[1].lower() == "bass" else "no drums") for m in _LESS.finditer(rest)]
    rest = _LESS.sub(_CUT, rest)
    found += [(match.start(), _part(match)) for match in _PART.finditer(rest)]
    rest = _PART.sub(_CUT, rest)
    found += [(match.start(), _ALONE[_named(match, "t_")]) for match in _WAVE_ALONE.finditer(rest)]
    rest = _WAVE_ALONE.sub(_CUT, rest)
    for match in _WORD.finditer(rest):
        if match["no"]:
            continue  # the chip has none anyway
        stand_in = _INSTEAD[match["word"].lower()]
        notes.append(
            f"The sound chip has no {match['word'].lower()}: a {stand_in.removesuffix(' lead')} wave plays instead."
        )
        found.append((match.start(), stand_in))
    rest = _WORD.sub(_CUT, rest)
    return _settled([name for _, name in sorted(found)], notes, rest)


def _settled(names: list[str], notes: list[str], rest: str) -> Found[tuple[str, ...]]:
    """Of two that say different things of one part, the first counts."""
    kept: dict[str, str] = {}
    for name in names:
        role = name.split()[-1]
        before = kept.get(role)
        if before is None or (before == role and not name.startswith("no ")):
            kept[role] = name
        elif name not in (before, role):
            notes.append(f"{before} and {name} are both named: the first counts.")
    return Found(tuple(kept.values()) or None, tuple(dict.fromkeys(notes)), rest)


def _part(match: re.Match[str]) -> str:
    role = _named(match, "r_")
    if match["no"]:
        return f"no {role}"
    timbre = _named(match, "t_")
    return f"{timbre} {role}" if timbre in _TIMBRES_OF.get(role, ()) else role


def _named(match: re.Match[str], prefix: str) -> str:
    for name, value in match.groupdict().items():
        if name.startswith(prefix) and value:
            return name.removeprefix(prefix)
    return ""

"""The 54 voices of Kokoro-82M v1.0, known without opening a file. Names are the model's own: accent, gender, name."""

from __future__ import annotations

from antiphon.engines.base import Voice

_NAMES = {
    "af": ("heart", "alloy", "aoede", "bella", "jessica", "kore", "nicole", "nova", "river", "sarah", "sky"),
    "am": ("adam", "echo", "eric", "fenrir", "liam", "michael", "onyx", "puck", "santa"),
    "bf": ("alice", "emma", "isabella", "lily"),
    "bm": ("daniel", "fable", "george", "lewis"),
    "ef": ("dora",),
    "em": ("alex", "santa"),
    "ff": ("siwis",),
    "hf": ("alpha", "beta"),
    "hm": ("omega", "psi"),
    "if": ("sara",),
    "im": ("nicola",),
    "jf": ("alpha", "gongitsune", "nezumi", "tebukuro"),
    "jm": ("kumo",),
    "pf": ("dora",),
    "pm": ("alex", "santa"),
    "zf": ("xiaobei", "xiaoni", "xiaoxiao", "xiaoyi"),
    "zm": ("yunjian", "yunxi", "yunxia", "yunyang"),
}

_NATIVE = {
    "a": "American",
    "b": "British",
    "e": "Spanish",
    "f": "French",
    "h": "Hindi",
    "i": "Italian",
    "j": "Japanese",
    "p": "Brazilian Portuguese",
    "z": "Mandarin",
}


def _voice(name: str) -> Voice:
    native = _NATIVE[name[0]]
    # We read English only, so English is what we declare; the timbre stays the speaker's own.
    description = f"{native} English" if name[0] in "ab" else f"English in the timbre of a {native} speaker"
    return Voice(
        name=name,
        language="en-gb" if is_british(name) else "en-us",
        engine="kokoro",
        gender="female" if name[1] == "f" else "male",
        description=description,
    )


def is_british(name: str) -> bool:
    """Whether the voice learnt English with a British accent."""
    return name.startswith("b")


VOICES = tuple(_voice(f"{kind}_{name}") for kind, names in _NAMES.items() for name in names)
BY_NAME = {voice.name: voice for voice in VOICES}

"""The 54 voices of Kokoro-82M v1.0, known without opening a file. Names are the model's own: accent, gender, name."""

from __future__ import annotations

from antiphon.engines.base import Voice

_NAMES = """
af_heart af_alloy af_aoede af_bella af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky
am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa
bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis
ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola
jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo pf_dora pm_alex pm_santa
zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang
""".split()

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
    if name[0] in "ab":
        description = f"{native} English"
    else:
        # We read English only, so English is what we declare; the timbre stays the speaker's own.
        description = f"English in the timbre of a {native} speaker"
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


VOICES = tuple(_voice(name) for name in _NAMES)
BY_NAME = {voice.name: voice for voice in VOICES}

"""The containers Antiphon writes, and how a user names them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import InputError


@dataclass(frozen=True, slots=True)
class Format:
    """One container with one coding. `rates_hz` is empty when every rate can be written as it is."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    rates_hz: tuple[int, ...] = ()
    max_rate_hz: int = 192_000

    def rate_for(self, rate_hz: int) -> int:
        """The rate this format stores for audio of `rate_hz`: the same, or the next higher that it knows."""
        if not self.rates_hz:
            return min(rate_hz, self.max_rate_hz)
        return min((rate for rate in self.rates_hz if rate >= rate_hz), default=max(self.rates_hz))


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format("wav", "audio/wav", (".wav", ".wave")),
        Format("flac", "audio/flac", (".flac",)),
        # The rates of MPEG-1, 2 and 2.5 layer III.
        Format(
            "mp3",
            "audio/mpeg",
            (".mp3",),
            (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        ),
        # RFC 6716, section 2: the five internal rates.
        Format("opus", "audio/ogg; codecs=opus", (".opus",), (8_000, 12_000, 16_000, 24_000, 48_000)),
        Format("ogg", "audio/ogg; codecs=vorbis", (".ogg", ".oga")),
        # The rates of ADTS (ISO/IEC 13818-7, table 35) that FFmpeg's encoder takes.
        Format(
            "aac",
            "audio/aac",
            (".aac",),
            (7_350, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000),
        ),
        Format("pcm", "audio/pcm", (".pcm", ".raw")),
    )
}
"""By name. `ogg` holds Vorbis; `pcm` is headerless signed 16-bit little-endian, channels interleaved."""


def format_named(name: str) -> Format:
    """The format called `name` ("mp3", ".mp3", "MP3"). Raises `InputError` with the choices and the nearest name."""
    wanted = name.strip().lower().lstrip(".")
    for form in FORMATS.values():
        if wanted == form.name or f".{wanted}" in form.suffixes:
            return form
    near = difflib.get_close_matches(wanted, FORMATS, n=1, cutoff=0.5)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise InputError(f"Unknown audio format {name!r}", f"{guess}Formats: {', '.join(FORMATS)}.")


def format_of(path: Path | str) -> Format:
    """The format that a file name's suffix asks for. Raises `InputError` if there is none or it is unknown."""
    suffix = Path(path).suffix
    if not suffix:
        raise InputError(
            f"{str(path)!r} has no suffix that says which audio format to write",
            f"End the name in {', '.join(form.suffixes[0] for form in FORMATS.values())}.",
        )
    return format_named(suffix)

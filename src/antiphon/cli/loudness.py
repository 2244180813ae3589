"""The option `--loudness LUFS|off`, the same for every command that writes sound."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    Base = click.ParamType[float | None]
else:
    Base = click.ParamType  # not generic at runtime before click 8.5

LOUDEST_LUFS, QUIETEST_LUFS = -5.0, -40.0
SPEECH, MUSIC = "-16", "-19"
"""`antiphon.audio.SPEECH_LUFS` and `MUSIC_LUFS`, without loading NumPy for a help text."""

C = TypeVar("C", bound=Callable[..., Any])


class Loudness(Base):
    """A loudness in LUFS, or None for `off`: the sound is written as it was made."""

    name = "LUFS|off"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """The number that was typed, or a usage error."""
        if value is None or str(value).strip().lower() == "off":
            return None
        try:
            lufs = float(str(value))
        except ValueError:
            lufs = math.nan
        if not QUIETEST_LUFS <= lufs <= LOUDEST_LUFS:
            self.fail(f"{value!r} is neither off nor {QUIETEST_LUFS:g} to {LOUDEST_LUFS:g} LUFS.", param, ctx)
        return lufs


def loudness_option(default: str) -> Callable[[C], C]:
    """The option, as the parameter `loudness` of the command: a float, or None for off."""
    return click.option(
        "--loudness",
        type=Loudness(),
        metavar="LUFS|off",
        default=default,
        show_default=True,
        help="Write it this loud (EBU R128), true peak -1 dB; off leaves it as made.",
    )

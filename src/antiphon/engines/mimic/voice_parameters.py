"""What a profile of this engine holds: a voice as a point among Kokoro's, its pitch, its vocal tract, its colour.

The encoding is msgpack, an array in a fixed order, and canonical: one voice has one form, and nothing else is read.
"""

from __future__ import annotations

import math

import msgspec

from antiphon.engines.kokoro_voices import BY_NAME
from antiphon.engines.mimic.timbre import BANDS, MAX_DB, Levels
from antiphon.errors import InputError

VERSION = 1
MAX_DATA_BYTES = 4_096
UNIT = 10_000
"""Weights are whole ten-thousandths: a sum of such numbers is exact on every machine."""

PITCH_HZ = (60.0, 420.0)
RANGE = (0.4, 2.0)
TRACT = (0.8, 1.25)
USUAL_SPREAD = 0.22
"""Standard deviation in octaves of the pitch of Kokoro's own speech: a `pitch_range` of 1."""


class VoiceParameters(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """A cloned voice.

    `timbre` and `manner` mix the two halves of the voices' styles (what the decoder hears, and what durations and
    melody follow), in ten-thousandths. `pitch_hz` is the median, `pitch_range` scales the melody around it in octaves,
    `tract` > 1 raises the formants, `colour_db` are the gains of `timbre.centres_hz()`.
    """

    version: int
    timbre: tuple[tuple[str, int], ...]
    manner: tuple[tuple[str, int], ...]
    pitch_hz: float
    pitch_range: float
    tract: float
    colour_db: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise InputError(
                f"The voice profile is of version {self.version}, this engine reads {VERSION}", "Add the voice again."
            )
        for mix in (self.timbre, self.manner):
            names = [name for name, _ in mix]
            if names != sorted(set(names)) or not set(names) <= BY_NAME.keys():
                raise _damaged("its voices")
            if not all(0 < weight <= UNIT for _, weight in mix) or sum(weight for _, weight in mix) != UNIT:
                raise _damaged("its weights")
        for value, (low, high), what in (
            (self.pitch_hz, PITCH_HZ, "its pitch"),
            (self.pitch_range, RANGE, "its range"),
            (self.tract, TRACT, "its vocal tract"),
        ):
            if not low <= value <= high:  # also False for NaN
                raise _damaged(what)
        if len(self.colour_db) != BANDS or not all(abs(gain) <= MAX_DB for gain in self.colour_db):
            raise _damaged("its colour")

    @property
    def timbre_mix(self) -> dict[str, float]:
        return {name: weight / UNIT for name, weight in self.timbre}

    @property
    def manner_mix(self) -> dict[str, float]:
        return {name: weight / UNIT for name, weight in self.manner}

    def with_tract(self, tract: float, gains_db: Levels) -> VoiceParameters:
        """The same voice with other formants and the colour that goes with them."""
        return msgspec.structs.replace(self, tract=tract, colour_db=tuple(round(float(gain), 2) for gain in gains_db))

    def encode(self) -> bytes:
        """The canonical bytes."""
        return msgspec.msgpack.encode(self)


def decode(data: bytes) -> VoiceParameters:
    """Raises `InputError` for anything that `encode` did not write."""
    if len(data) > MAX_DATA_BYTES:
        raise _damaged(f"{len(data)} bytes")
    try:
        parameters = msgspec.msgpack.decode(data, type=VoiceParameters)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        cause = error.__cause__
        if isinstance(cause, InputError):
            raise cause from None
        raise _damaged(str(error)) from error
    if parameters.encode() != data:
        raise _damaged("its form")
    return parameters


def weights(mix: dict[str, float]) -> tuple[tuple[str, int], ...]:
    """Any positive weights as ten-thousandths in order of names (largest remainders)."""
    total = math.fsum(mix.values())
    exact = {name: UNIT * weight / total for name, weight in mix.items()}
    whole = {name: math.floor(value) for name, value in exact.items()}
    rest = UNIT - sum(whole.values())
    for name in sorted(exact, key=lambda name: (whole[name] - exact[name], name))[:rest]:
        whole[name] += 1
    return tuple((name, weight) for name, weight in sorted(whole.items()) if weight)


def _damaged(what: str) -> InputError:
    return InputError(f"The voice profile is damaged ({what})", "Add the voice again from its reference.")

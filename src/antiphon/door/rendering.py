"""Music that the order itself holds: a MIDI file that the chip plays, or a sound effect by its name."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from antiphon.client.composing import Composition
from antiphon.codecs.chip.layout import FRAME_RATE_HZ
from antiphon.door.composing import MAX_RANDOM_SEED, composed
from antiphon.door.ordering import OrderOptions, SoundOrder, check_text, checked_seed
from antiphon.engines import registry, scored
from antiphon.errors import InputError
from antiphon.music import effects, fixed
from antiphon.services import MAX_MUSIC_S, MusicRequest, Options

PROMPT = "MIDI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Render(OrderOptions):
    """A Standard MIDI file to be played, as its bytes. `seconds`: only so much of it. The rest is as in `Say`."""

    midi: bytes
    seconds: float | None = None

    def composition(self) -> Composition:
        """What is ordered. Raises `InputError`."""
        composition = _fixed(self, PROMPT, 0, {"midi": fixed.packed(self.midi)})
        return composition if self.seconds is None else replace(composition, seconds=self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(OrderOptions):
    """A sound effect that `prompt` names. `seed` None: a new one each time. The rest is as in `Say`."""

    prompt: str

    def composition(self) -> tuple[Composition, effects.Effect]:
        """What is ordered, and what it will be. Raises `InputError`."""
        check_text(self.prompt)
        seed = checked_seed(self.seed)
        seed = secrets.randbelow(MAX_RANDOM_SEED) if seed is None else seed
        return _fixed(self, self.prompt, seed, {"effect": True}), effects.effect(self.prompt, seed)


def rendered(composition: Composition) -> SoundOrder:
    """The order. An effect is as loud as it was made: it is too short to be measured."""
    order = composed(composition)
    return replace(order, loudness_lufs=None) if composition.options.get("effect") else order


def _fixed(order: OrderOptions, prompt: str, seed: int, options: Options) -> Composition:
    """As long as its registers. Raises `InputError` where they cannot be made, or are too long."""
    order.check_options()
    options = {**order.options, **options}
    window = MusicRequest(prompt=prompt, seconds=1.0, seed=seed, start_s=0.0, stop_s=1.0, options=options)
    seconds = fixed.registers(window).tokens.shape[1] / FRAME_RATE_HZ
    if seconds > MAX_MUSIC_S:
        raise InputError(f"It lasts {seconds:.0f} s, over {MAX_MUSIC_S:.0f}", "Cut it into parts, or add --here.")
    composition = Composition(
        prompt=prompt,
        seconds=seconds,
        seed=seed,
        engine=order.engine or scored.DEFAULT,
        options=options,
        mode=order.mode,
        max_total_nano=order.max_cost_nano,
    )
    if composition.engine not in registry.names():
        raise InputError(f"Unknown engine {composition.engine!r}", f"Engines: {', '.join(registry.names())}.")
    registry.load(composition.engine).check(next(composition.requests()))
    return composition

"""What an order fixes is held against the chip's own rendering: every other music is rejected."""

from __future__ import annotations

import io
from collections.abc import Callable

import mido
import numpy as np
import pytest

from antiphon.audio.waveform import Samples, Waveform
from antiphon.economy.scoring import decide
from antiphon.economy.types import Verdict, Vote
from antiphon.engines.chiptune import ChiptuneEngine
from antiphon.errors import InputError
from antiphon.judges.music.evidence import MusicEvidence
from antiphon.judges.music.meters import MusicMeters
from antiphon.judges.music.scoring import FIXED
from antiphon.music import compose, fixed, read, to_midi
from antiphon.music.effects import EFFECTS
from antiphon.services import MusicRequest, Options

TUNE = to_midi(compose(read("boss fight, 150 bpm"), 8.0, 1))
METERS = MusicMeters()
RATE_HZ = 44_100


def order(options: Options, *, prompt: str = "MIDI", seed: int = 0, start_s: float = 0.0, stop_s: float = 0.0):
    window = MusicRequest(prompt=prompt, seconds=1, seed=seed, start_s=0, stop_s=1, options=options)
    seconds = fixed.registers(window).tokens.shape[1] / 60
    return MusicRequest(
        prompt=prompt, seconds=seconds, seed=seed, start_s=start_s, stop_s=stop_s or seconds, options=options
    )


def made(request: MusicRequest) -> Samples:
    return np.concatenate([chunk.samples for chunk in ChiptuneEngine().generate(request, 0)], axis=1)


def judged(request: MusicRequest, samples: Samples) -> Vote:
    audio = Waveform(np.ascontiguousarray(samples, dtype=np.float32), RATE_HZ)
    return decide(FIXED, METERS.measure(MusicEvidence(request, audio, RATE_HZ, samples.shape[1])))


def edited(change: Callable[[object], None]) -> bytes:
    file, out = mido.MidiFile(file=io.BytesIO(TUNE)), io.BytesIO()
    for track in file.tracks:
        for message in track:
            change(message)
    file.save(file=out)
    return out.getvalue()


def _without(channel: int) -> Callable[[object], None]:
    def change(message) -> None:
        if message.type == "note_on" and message.channel == channel:
            message.velocity = 0

    return change


def _moved(semitones: int) -> Callable[[object], None]:
    def change(message) -> None:
        if message.type in {"note_on", "note_off"} and message.channel != 9:
            message.note += semitones

    return change


def _faster(message) -> None:
    if message.type == "set_tempo":
        message.tempo = int(message.tempo * 0.97)


ORDER = order({"midi": fixed.packed(TUNE)})
HONEST = made(ORDER)


def test_every_window_of_an_honest_rendering_scores_in_full() -> None:
    for start_s, stop_s in ((0.0, 0.0), (3.3, 7.77)):
        request = order({"midi": fixed.packed(TUNE)}, start_s=start_s, stop_s=stop_s)
        vote = judged(request, made(request))
        assert vote.verdict is Verdict.VALID
        assert vote.score_ppm > 999_000


@pytest.mark.parametrize("change", [_without(0), _without(2), _without(9), _moved(1), _moved(12), _faster])
def test_other_notes_are_rejected(change: Callable[[object], None]) -> None:
    other = made(order({"midi": fixed.packed(edited(change))}))
    fitted = np.pad(other, ((0, 0), (0, max(0, HONEST.shape[1] - other.shape[1]))))[:, : HONEST.shape[1]]
    assert judged(ORDER, fitted).verdict is Verdict.INVALID


def test_silence_a_fainter_copy_and_a_late_one_are_rejected() -> None:
    for samples in (np.zeros_like(HONEST), HONEST * 0.5, np.roll(HONEST, RATE_HZ // 10, axis=1), HONEST[:, :-RATE_HZ]):
        assert judged(ORDER, samples).verdict is Verdict.INVALID


def test_each_effect_is_accepted_and_another_in_its_place_is_not() -> None:
    names = list(EFFECTS)
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        request = order({"effect": True}, prompt=f"small {name}", seed=5)
        honest = made(request)
        assert judged(request, honest).verdict is Verdict.VALID, name
        false = np.resize(made(order({"effect": True}, prompt=f"small {other}", seed=5)), honest.shape)
        assert judged(request, false).verdict is Verdict.INVALID, name


@pytest.mark.parametrize("midi", ["hello", "####", fixed.packed(b"no midi"), fixed.packed(TUNE)[:-40], "A" * 400_001])
def test_bad_orders_are_refused_by_the_engine_and_inconclusive_to_a_judge(midi: str) -> None:
    request = MusicRequest(prompt="MIDI", seconds=2, seed=0, start_s=0, stop_s=2, options={"midi": midi})
    with pytest.raises(InputError):
        ChiptuneEngine().check(request)
    assert judged(request, HONEST[:, : 2 * RATE_HZ]).verdict is Verdict.INCONCLUSIVE


def test_a_file_and_an_effect_in_one_order_and_a_bomb_are_refused() -> None:
    for options in ({"midi": fixed.packed(TUNE), "effect": True}, {"midi": fixed.packed(bytes(5_000_000))}):
        request = MusicRequest(prompt="coin", seconds=2, seed=0, start_s=0, stop_s=2, options=options)
        with pytest.raises(InputError):
            ChiptuneEngine().check(request)

"""The parts of mimic that need no model: the profile's encoding, alignment, colour, and what a blend is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engines.kokoro_voices import BY_NAME
from antiphon.engines.mimic import onnxcut, timbre, voice_parameters
from antiphon.engines.mimic.alignment import align
from antiphon.engines.mimic.engine import blended
from antiphon.engines.mimic.rendering import moved
from antiphon.engines.mimic.split_model import AcousticFeatures
from antiphon.engines.mimic.voice_parameters import UNIT, VoiceParameters, decode, weights
from antiphon.errors import InputError, ModelError

mixes = st.dictionaries(st.sampled_from(sorted(BY_NAME)), st.floats(1e-3, 1e3), min_size=1, max_size=8)
gains = st.lists(st.floats(-timbre.MAX_DB, timbre.MAX_DB), min_size=timbre.BANDS, max_size=timbre.BANDS)


def some_parameters(**changes: object) -> VoiceParameters:
    mix = weights({"af_heart": 2.0, "bm_george": 1.0})
    fields: dict[str, object] = {
        "version": voice_parameters.VERSION,
        "timbre": mix,
        "manner": mix,
        "pitch_hz": 140.0,
        "pitch_range": 1.0,
        "tract": 0.95,
        "colour_db": (0.0,) * timbre.BANDS,
    }
    return VoiceParameters(**(fields | changes))  # type: ignore[arg-type]


@given(mixes, mixes, st.floats(60, 420), st.floats(0.4, 2.0), st.floats(0.8, 1.25), gains)
def test_voice_parameters_survive_their_encoding(
    timbre_mix: dict[str, float],
    manner: dict[str, float],
    pitch_hz: float,
    spread: float,
    tract: float,
    colour: list[float],
) -> None:
    one = some_parameters(
        timbre=weights(timbre_mix),
        manner=weights(manner),
        pitch_hz=pitch_hz,
        pitch_range=spread,
        tract=tract,
        colour_db=tuple(colour),
    )
    assert decode(one.encode()) == one
    assert len(one.encode()) < voice_parameters.MAX_DATA_BYTES


@given(mixes)
def test_weights_always_sum_to_one(mix: dict[str, float]) -> None:
    assert sum(weight for _, weight in weights(mix)) == UNIT


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"timbre": (("af_heart", 9_999),)},
        {"timbre": (("nobody", UNIT),)},
        {"manner": (("bm_george", 5_000), ("af_heart", 5_000))},
        {"timbre": (("af_heart", 5_000), ("af_heart", 5_000))},
        {"timbre": (("af_heart", 20_000), ("bm_george", -10_000))},
        {"pitch_hz": float("nan")},
        {"pitch_hz": 5_000.0},
        {"pitch_range": 9.0},
        {"tract": 0.0},
        {"colour_db": (0.0,) * 3},
        {"colour_db": (99.0,) * timbre.BANDS},
        {"colour_db": (float("inf"),) * timbre.BANDS},
    ],
)
def test_nothing_outside_its_range_is_a_voice(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        some_parameters(**changes)
    fields = list(msgspec.to_builtins(some_parameters()))
    fields[VoiceParameters.__struct_fields__.index(next(iter(changes)))] = next(iter(changes.values()))
    with pytest.raises(InputError):
        decode(msgspec.msgpack.encode(fields))


@given(st.binary(max_size=300))
def test_no_bytes_but_our_own_are_read(data: bytes) -> None:
    with pytest.raises(InputError):
        decode(data)


def test_a_profile_has_one_form_only() -> None:
    data = some_parameters().encode()
    with pytest.raises(InputError):
        decode(data + b"\x00")
    with pytest.raises(InputError):
        decode(data[:-1])
    fields = list(msgspec.to_builtins(some_parameters()))
    fields[fields.index(140.0)] = 140  # an integer where a float is written: the same value, another form
    with pytest.raises(InputError):
        decode(msgspec.msgpack.encode(fields))


def test_a_blend_keeps_its_weights_and_leaves_the_rest() -> None:
    mixed = blended({"af_heart": 0.6, "am_adam": 0.4}, {"af_heart": 0.2, "bf_emma": 0.3})
    assert mixed == pytest.approx({"af_heart": 0.2 + 0.5 * 0.6, "am_adam": 0.5 * 0.4, "bf_emma": 0.3})


def test_alignment_finds_a_stretched_copy() -> None:
    rng = np.random.default_rng(0)
    steps = np.repeat(rng.normal(size=(20, 16)), 5, axis=0).astype(np.float32)
    slow = np.repeat(steps, 2, axis=0)
    path = align(slow, steps, np.ones(slow.shape[0], np.bool_))
    assert (np.diff(path) >= 0).all()
    assert np.abs(path - np.arange(slow.shape[0]) // 2).max() <= 5


def test_alignment_waits_in_a_pause() -> None:
    rng = np.random.default_rng(1)
    steps = np.repeat(rng.normal(size=(16, 16)), 4, axis=0).astype(np.float32)
    paused = np.insert(steps, [32] * 40, rng.normal(size=(40, 16)).astype(np.float32), axis=0)
    sounding = np.ones(paused.shape[0], np.bool_)
    sounding[32:72] = False
    path = align(paused, steps, sounding)
    assert path[71] - path[32] <= 6
    assert np.abs(path[72:] - np.arange(32, 64)).max() <= 4


def test_colour_turns_one_spectrum_into_another() -> None:
    rng = np.random.default_rng(2)
    white = rng.normal(0, 0.1, 64_000).astype(np.float32)
    wanted = 6 * np.sin(np.arange(timbre.BANDS) / 4)
    wanted -= wanted.mean()
    own = timbre.average_spectrum(white)
    coloured = timbre.filtered(white, timbre.matching(wanted, own), 16_000)
    assert coloured.shape == white.shape
    assert np.abs(timbre.average_spectrum(coloured) - wanted).mean() < 0.5


def test_colour_has_a_limit_and_none_changes_nothing() -> None:
    assert np.abs(timbre.matching(np.full(timbre.BANDS, 99.0), np.zeros(timbre.BANDS))).max() == timbre.MAX_DB
    tone = np.sin(np.arange(24_000) / 10).astype(np.float32)
    same = timbre.filtered(tone, np.zeros(timbre.BANDS), 24_000)
    assert np.abs(same - tone)[600:-600].max() < 1e-3


def test_a_melody_moves_to_its_median_and_keeps_its_silences() -> None:
    hz = np.array([0, 100, 120, 140, 0, 10, 160], np.float32)
    features = AcousticFeatures(np.zeros((512, 4), np.float32), hz, hz * 0, 5)
    out = moved(features, 200.0, 2.0).pitch_hz
    assert out[[0, 4, 5]].tolist() == [0, 0, 10]
    assert np.median(out[hz > 40]) == pytest.approx(200.0, rel=0.02)
    assert np.log2(out[6] / out[1]) == pytest.approx(2 * np.log2(1.6), rel=1e-3)


@pytest.mark.parametrize("blob", [b"", b"\x3a\xff", b"not a model" * 9])
def test_only_models_can_be_cut(blob: bytes) -> None:
    with pytest.raises(ModelError):
        onnxcut.cut(blob, inputs=["a"], outputs=["b"])

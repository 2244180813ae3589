"""mimic with its real models: enrols a recorded voice, speaks with it, and changes the voice of a recording."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

import antiphon.bench
from antiphon import models
from antiphon.analysis import embed_independent, mono_16k, pitch
from antiphon.audio.reference import prepare
from antiphon.audio.waveform import Waveform
from antiphon.engines import english
from antiphon.engines.base import Cloner
from antiphon.engines.mimic import MimicEngine
from antiphon.engines.mimic.onnxcut import cut
from antiphon.engines.mimic.split_model import CONTENT, ENERGY, PITCH
from antiphon.engines.mimic.voice_parameters import decode
from antiphon.errors import InputError, ModelError
from antiphon.services import Clip, CloneRequest, EnrolRequest, SpeechRequest, VoiceProfile

RECORDED = Path(antiphon.bench.__file__).parent / "references"
TEXT = "The tide is in."
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine() -> MimicEngine:
    return MimicEngine()


def a_profile(engine: MimicEngine, name: str) -> VoiceProfile:
    clip = prepare(RECORDED / f"{name}.opus").clip
    return VoiceProfile(
        engine="mimic",
        language="en-us",
        reference=clip.sha256,
        data=engine.enrol(EnrolRequest(reference=clip), 1),
        reference_voice=b"",
        reference_other=b"",
        own_voice=b"",
        own_other=b"",
        fingerprint=b"",
        own_mos=0.0,
    )


@pytest.fixture(scope="module")
def carlo(engine: MimicEngine) -> VoiceProfile:
    return a_profile(engine, "carlo")


@pytest.fixture(scope="module")
def request_of(carlo: VoiceProfile) -> CloneRequest:
    return CloneRequest(profile=carlo, text=TEXT)


def said(engine: MimicEngine, request: CloneRequest, seed: int = 1) -> Waveform:
    chunks = list(engine.generate(request, seed))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


@pytest.fixture(scope="module")
def spoken(engine: MimicEngine, request_of: CloneRequest) -> Waveform:
    return said(engine, request_of)


def test_it_is_a_cloner(engine: MimicEngine) -> None:
    assert isinstance(engine, Cloner)
    assert engine.capabilities.service == "clone"


def test_the_same_reference_gives_the_same_likeness(engine: MimicEngine, carlo: VoiceProfile) -> None:
    assert a_profile(engine, "carlo").data == carlo.data
    assert decode(carlo.data).encode() == carlo.data


def test_the_clone_is_sound_and_the_same_for_one_seed(
    engine: MimicEngine, request_of: CloneRequest, spoken: Waveform
) -> None:
    assert spoken.rate_hz == 24_000
    assert 0.5 < spoken.duration_s < 3
    assert np.isfinite(spoken.samples).all()
    assert np.abs(spoken.samples).max() < 1
    assert np.array_equal(said(engine, request_of).samples, spoken.samples)


def test_the_clone_speaks_at_the_pitch_of_its_reference(carlo: VoiceProfile, spoken: Waveform) -> None:
    track = pitch(mono_16k(spoken))
    assert np.median(track[track > 0]) == pytest.approx(decode(carlo.data).pitch_hz, rel=0.12)


def test_the_clone_is_nearer_its_reference_than_one_of_the_other_sex(spoken: Waveform) -> None:
    carlo, june = (embed_independent(prepare(RECORDED / f"{name}.opus").waveform) for name in ("carlo", "june"))
    heard = embed_independent(spoken)
    assert heard @ carlo > heard @ june


def test_a_blend_is_another_voice(engine: MimicEngine, request_of: CloneRequest, spoken: Waveform) -> None:
    mixed = said(engine, msgspec.structs.replace(request_of, blend={"af_heart": 0.6}))
    assert mixed.samples.shape != spoken.samples.shape or not np.array_equal(mixed.samples, spoken.samples)


def test_a_recording_keeps_its_length_to_the_sample(engine: MimicEngine, carlo: VoiceProfile, spoken: Waveform) -> None:
    clip = Clip(pcm=spoken.to_pcm16(), rate_hz=24_000)
    changed = said(engine, CloneRequest(profile=carlo, speech=clip, blend={"af_heart": 0.9}))
    assert changed.samples.shape == spoken.samples.shape
    assert np.isfinite(changed.samples).all()


def test_a_recording_without_words_is_refused(engine: MimicEngine, carlo: VoiceProfile) -> None:
    hiss = np.random.default_rng(0).normal(0, 0.003, (1, 36_000)).astype(np.float32)
    clip = Clip(pcm=Waveform(hiss, 24_000).to_pcm16(), rate_hz=24_000)
    with pytest.raises(InputError, match="words"):
        list(engine.generate(CloneRequest(profile=carlo, speech=clip), 1))


@pytest.mark.parametrize(
    ("changes", "culprit"),
    [
        ({"options": {"nonsense": 1}}, "nonsense"),
        ({"language": "xx-none"}, "xx-none"),
        ({"blend": {"nobody": 0.5}}, "nobody"),
        ({"text": "... !?"}, "nothing to speak"),
        ({"text": "Привет всем"}, "Прив"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(
    engine: MimicEngine, request_of: CloneRequest, changes: dict[str, object], culprit: str
) -> None:
    with pytest.raises(InputError, match=culprit):
        engine.check(msgspec.structs.replace(request_of, **changes))


def test_a_recording_has_no_other_speed(engine: MimicEngine, carlo: VoiceProfile) -> None:
    with pytest.raises(InputError, match="timing"):
        engine.check(CloneRequest(profile=carlo, speech=Clip(pcm=bytes(48_000), rate_hz=24_000), speed=1.2))


def test_profiles_of_others_and_damaged_ones_are_refused(engine: MimicEngine, request_of: CloneRequest) -> None:
    other = msgspec.structs.replace(request_of.profile, engine="parrot")
    with pytest.raises(InputError, match="parrot"):
        engine.check(msgspec.structs.replace(request_of, profile=other))
    damaged = msgspec.structs.replace(request_of.profile, data=request_of.profile.data[:-2])
    with pytest.raises(InputError, match="damaged"):
        list(engine.generate(msgspec.structs.replace(request_of, profile=damaged), 1))


def test_only_cloning_is_its_business(engine: MimicEngine) -> None:
    with pytest.raises(InputError, match="only clones"):
        engine.check(SpeechRequest(text=TEXT, voice="af_heart"))


def test_noise_cannot_be_enrolled(engine: MimicEngine) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 96_000)).astype(np.float32)
    clip = Clip(pcm=Waveform(noise, 24_000).to_pcm16(), rate_hz=24_000)
    with pytest.raises(InputError, match="voiced"):
        engine.enrol(EnrolRequest(reference=clip), 1)


def test_the_two_halves_make_the_whole(engine: MimicEngine) -> None:
    model = engine._model()
    mix = {"bf_emma": 1.0}
    phonemes = next(english.readings(TEXT, british=True))[0]
    features = model.encode(phonemes, mix, 1.0)
    tokens = [model.vocabulary[char] for char in phonemes if char in model.vocabulary]
    whole = models.session("kokoro-82m-int8", threads=1).run(
        None,
        {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": model.styles["bf_emma"][len(tokens)].astype(np.float32)[None],
            "speed": np.ones(1, np.float32),
        },
    )[0]
    assert np.abs(model.decode(features, mix) - whole.ravel()).max() < 1e-4


def test_a_cut_that_does_not_follow_is_refused() -> None:
    blob = models.read("kokoro-82m-int8")
    with pytest.raises(ModelError, match="does not follow"):
        cut(blob, inputs=[CONTENT, PITCH, ENERGY], outputs=["audio"])

"""soundstorm with the models that ship: its voices, enrolled voices, voice to voice, and audits of what it made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import antiphon.bench
from antiphon.analysis import embed_independent
from antiphon.audio.reference import prepare
from antiphon.audio.waveform import Waveform
from antiphon.bench.step_cheats import HalfThePasses, Unguided
from antiphon.engines.auditing import Claim, Result
from antiphon.engines.base import Cloner
from antiphon.engines.soundstorm import SoundStormEngine, prompts
from antiphon.engines.soundstorm.voices import VOICES
from antiphon.errors import InputError, ModelError
from antiphon.judges.metrics import SURPRISE
from antiphon.services import Clip, CloneRequest, EnrolRequest, MusicRequest, Service, SpeechRequest, VoiceProfile
from antiphon.soundstorm import starter

RECORDED = Path(antiphon.bench.__file__).parent / "references"
TEXT = "The tide is in."
pytestmark = [pytest.mark.slow, pytest.mark.speaks]


@pytest.fixture(scope="module")
def models() -> starter.Starter:
    return starter.load()


@pytest.fixture(scope="module")
def engine(models: starter.Starter) -> SoundStormEngine:
    return SoundStormEngine(models)


def profile_of(data: bytes, engine: str = "soundstorm") -> VoiceProfile:
    return VoiceProfile(
        engine=engine,
        language="en-us",
        reference=bytes(32),
        data=data,
        reference_voice=b"",
        reference_other=b"",
        own_voice=b"",
        own_other=b"",
        fingerprint=b"",
        own_mos=0.0,
    )


@pytest.fixture(scope="module")
def allison(engine: SoundStormEngine) -> VoiceProfile:
    clip = prepare(RECORDED / "allison.opus").clip
    return profile_of(engine.enrol(EnrolRequest(reference=clip), 1))


def said(engine: SoundStormEngine, request: CloneRequest | SpeechRequest, seed: int = 1) -> Waveform:
    chunks = list(engine.generate(request, seed))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def test_it_speaks_and_clones(engine: SoundStormEngine) -> None:
    assert isinstance(engine, Cloner)
    assert engine.capabilities.services == (Service.SPEECH, Service.CLONE)


def test_the_seed_draws_the_sound(engine: SoundStormEngine) -> None:
    request = SpeechRequest(text=TEXT, voice="aspen")
    first, again, other = (said(engine, request, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.samples.shape != other.samples.shape or not np.array_equal(first.samples, other.samples)


def test_voices_differ(engine: SoundStormEngine) -> None:
    text = "The evening tide is in, and the boats rest by the wall until the morning comes."
    heard = [embed_independent(said(engine, SpeechRequest(text=text, voice=name))) for name in ("aspen", "birch")]
    again = embed_independent(said(engine, SpeechRequest(text=text, voice="aspen"), 2))
    assert float(heard[0] @ again) > float(heard[0] @ heard[1]) + 0.1


def test_an_enrolled_voice_speaks(engine: SoundStormEngine, allison: VoiceProfile) -> None:
    made = said(engine, CloneRequest(profile=allison, text="Please tell me how far it is to the nearest library."))
    assert made.rate_hz == 16_000
    assert 1.5 < made.duration_s < 8.0
    assert np.sqrt(np.mean(made.samples**2)) > 0.01


def test_a_recording_keeps_its_length_to_the_sample(engine: SoundStormEngine, allison: VoiceProfile) -> None:
    source = prepare(RECORDED / "librivox.opus").waveform
    part = Waveform(source.samples[:, :70_123], source.rate_hz)
    request = CloneRequest(profile=allison, speech=Clip(pcm=part.to_pcm16(), rate_hz=part.rate_hz))
    made = said(engine, request)
    assert abs(made.duration_s - part.duration_s) <= 1 / 16_000


def test_the_same_reference_gives_the_same_prompt(engine: SoundStormEngine, allison: VoiceProfile) -> None:
    clip = prepare(RECORDED / "allison.opus").clip
    assert engine.enrol(EnrolRequest(reference=clip), 9) == allison.data
    assert len(allison.data) < 4_096


def test_what_cannot_be_a_voice_is_refused(engine: SoundStormEngine) -> None:
    silence = Clip(pcm=bytes(2 * 24_000 * 5), rate_hz=24_000)
    with pytest.raises(InputError):
        engine.enrol(EnrolRequest(reference=silence), 1)
    tone = np.sin(np.arange(24_000 * 5) / 24_000 * 2 * np.pi * 440).astype(np.float32)[None] / 2
    with pytest.raises(InputError):
        engine.enrol(EnrolRequest(reference=Clip(pcm=Waveform(tone, 24_000).to_pcm16(), rate_hz=24_000)), 1)


def test_requests_it_cannot_serve_are_refused_before_work(engine: SoundStormEngine, allison: VoiceProfile) -> None:
    good = CloneRequest(profile=allison, text=TEXT)
    changed = msgspec.structs.replace
    for request, why in (
        (changed(good, profile=profile_of(allison.data, "mimic")), "mimic"),
        (changed(good, profile=profile_of(b"nothing")), "no voice"),
        (changed(good, blend={"af_heart": 0.5}), "mix"),
        (changed(good, language="de"), "de"),
        (changed(good, options={"passes": 99}), "passes"),
        (SpeechRequest(text=TEXT, voice="nobody"), "nobody"),
        (MusicRequest(prompt="a waltz", seconds=5, seed=1, start_s=0, stop_s=5), "speaks and clones"),
    ):
        with pytest.raises(InputError, match=why):
            engine.check(request)


def test_damaged_and_foreign_prompts_are_named(models: starter.Starter, allison: VoiceProfile) -> None:
    data = prompts.read(allison.data)
    with_, encode = msgspec.structs.replace, msgspec.msgpack.encode
    for changed, why in (
        (with_(data, codec="other"), "other models"),
        (with_(data, version=7), "another version"),
        (with_(data, acoustic=data.acoustic[:-2]), "damaged"),
        (with_(data, acoustic=b"\xff" * len(data.acoustic)), "does not have"),
        (with_(data, semantic=b"\xff" * len(data.semantic)), "out of range"),
    ):
        with pytest.raises(InputError, match=why):
            prompts.decode(encode(changed), models)


def test_the_best_stretch_is_where_most_is_spoken() -> None:
    rng = np.random.default_rng(0)
    signal = np.zeros(16_000 * 12, np.float32)
    signal[16_000 * 5 : 16_000 * 9] = 0.1 * rng.standard_normal(16_000 * 4)
    chosen = prompts.best_stretch(signal)
    assert chosen.shape[0] == 16_000 * 4
    assert np.count_nonzero(chosen) > 0.98 * chosen.shape[0]
    np.testing.assert_array_equal(prompts.best_stretch(signal[:100]), signal[:100])


def claim_of(engine: SoundStormEngine, request: CloneRequest | SpeechRequest, seed: int, beacon: bytes) -> Claim:
    """Honest work on a request, and what a beacon opens of it."""
    chunks, trace = engine.traced(request, seed)
    pcm = b"".join(chunk.to_pcm16() for chunk in chunks)
    return Claim(request, seed, trace.root, beacon, trace.open(beacon), Waveform.from_pcm16(pcm, 16_000))


LONG = "The museum opens at nine, and the tide is in before noon, so we walk along the harbour wall until it is dark."


@pytest.mark.parametrize("text", [TEXT, "No.", LONG])
def test_honest_work_passes_its_audit_whatever_is_opened(
    engine: SoundStormEngine, models: starter.Starter, text: str
) -> None:
    for number in range(3):
        claim = claim_of(engine, SpeechRequest(text=text, voice="cedar", speed=0.9), number, bytes([number]) * 32)
        found = engine.audit(claim)
        assert found.result is Result.PASSED, found
        assert found.figure is not None
        assert len(claim.opening) < 64 * 1024


def test_clones_of_texts_and_of_recordings_pass_their_audit(engine: SoundStormEngine, allison: VoiceProfile) -> None:
    source = prepare(RECORDED / "librivox.opus").waveform
    part = Waveform(source.samples[:, :70_123], source.rate_hz)
    recording = Clip(pcm=part.to_pcm16(), rate_hz=part.rate_hz)
    for request in (
        CloneRequest(profile=allison, text=TEXT),
        CloneRequest(profile=allison, speech=recording),
    ):
        found = engine.audit(claim_of(engine, request, 1, bytes(32)))
        assert found.result is Result.PASSED, found


def test_honest_work_of_the_other_precision_is_not_rejected_and_reads_the_same(engine: SoundStormEngine) -> None:
    """The int8 graph judged by float32: further apart than two machines."""
    other = SoundStormEngine(starter.load(precision="float32"))
    for number in range(3):
        claim = claim_of(engine, SpeechRequest(text=TEXT, voice="hazel"), number, bytes([number]) * 32)
        found, own = other.audit(claim), engine.audit(claim)
        assert found.result is Result.PASSED, found
        assert found.figure == pytest.approx(own.figure, abs=SURPRISE.agrees_within)


def test_what_cannot_be_read_or_is_not_the_commitment_is_not_proven(engine: SoundStormEngine) -> None:
    claim = claim_of(engine, SpeechRequest(text=TEXT, voice="cedar"), 1, bytes(32))
    for changed in (
        replace(claim, opening=b""),
        replace(claim, opening=claim.opening[:-40]),
        replace(claim, root=bytes(32)),
        replace(claim, seed=2),
        replace(claim, request=SpeechRequest(text="Other words, and more of them.", voice="cedar")),
        replace(claim, request=SpeechRequest(text=TEXT, voice="birch")),
    ):
        assert engine.audit(changed).result is Result.UNPROVEN


@pytest.mark.parametrize("cheat", [HalfThePasses, Unguided])
def test_less_work_than_was_ordered_fails(models: starter.Starter, engine: SoundStormEngine, cheat: Any) -> None:
    for number in range(3):
        claim = claim_of(cheat(models), SpeechRequest(text=TEXT, voice="cedar"), number, bytes([number]) * 32)
        assert engine.audit(claim).result is Result.FAILED


def test_other_audio_than_the_committed_tokens_fails(engine: SoundStormEngine) -> None:
    claim = claim_of(engine, SpeechRequest(text=TEXT, voice="cedar"), 1, bytes(32))
    samples = claim.audio.samples.copy()
    samples[:, 8_000:12_000] = 0
    for audio in (
        Waveform(samples, 16_000),
        Waveform(claim.audio.samples[:, ::-1].copy(), 16_000),
        Waveform(claim.audio.samples[:, :-2_000], 16_000),
        Waveform(claim.audio.samples, 24_000),
    ):
        assert engine.audit(replace(claim, audio=audio)).result is Result.FAILED
    shifted = Waveform(np.roll(claim.audio.samples, 8), 16_000)  # half a millisecond: a machine that trims elsewhere
    assert engine.audit(replace(claim, audio=shifted)).result is Result.PASSED


def test_the_voices_that_are_listed_have_prompts(engine: SoundStormEngine) -> None:
    for voice in VOICES:
        engine.check(SpeechRequest(text=TEXT, voice=voice.name))
    engine.warm_up()


def test_models_that_were_not_trained_for_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        starter.load(tmp_path)

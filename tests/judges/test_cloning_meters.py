"""Enrolments and clones before the judges: real speech and real models, with a built-in voice as the clone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from cloning_standin import ENGINE, SPOKEN, TEXT, StandIn, altered, clip, say

from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import decide, violations
from antiphon.economy.types import Verdict
from antiphon.judges.cloning import (
    CloneMeters,
    clone_expectation,
    describe,
    enrolment_expectation,
    read_profile,
    write_profile,
)
from antiphon.judges.cloning.expectation import is_short
from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
from antiphon.judges.cloning.voiceprint import crowd, expected, to_bytes
from antiphon.judges.metrics import CLONE_ECHO, CLONE_VOICE, SIMILARITY
from antiphon.judges.speech.cards import card, independent
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.services import CloneRequest, EnrolRequest, VoiceProfile

pytestmark = pytest.mark.slow

STRANGER = "espeak-en-us"


@pytest.fixture(scope="module")
def meters() -> Iterator[SpeechMeters]:
    made = SpeechMeters()
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference() -> Waveform:
    return Waveform(np.concatenate([say(text).samples for text in SPOKEN], axis=1), 24_000)


@pytest.fixture(scope="module")
def order(reference: Waveform) -> EnrolRequest:
    return EnrolRequest(reference=clip(reference))


@pytest.fixture(scope="module")
def profile(order: EnrolRequest) -> VoiceProfile:
    return describe(order, ENGINE, b"hibari", StandIn())


@pytest.fixture(scope="module")
def stranger(order: EnrolRequest) -> VoiceProfile:
    return describe(order, ENGINE, STRANGER.encode(), StandIn())


@pytest.fixture
def standin() -> StandIn:
    return StandIn()


@pytest.fixture
def judges(meters: SpeechMeters, standin: StandIn) -> CloneMeters:
    return CloneMeters(meters, standin)


def _by_name(measurements: tuple[Measurement, ...]) -> dict[str, Measurement]:
    return {f"{m.judge}.{m.name}": m for m in measurements}


def _enrolled(judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile) -> Verdict:
    heard = judges.measure_enrolment(order, write_profile(profile))
    return decide(ENROLMENT.expecting(enrolment_expectation(order)), heard).verdict


def _measure(judges: CloneMeters, request: CloneRequest, audio: Waveform, seed: int = 0) -> tuple[Measurement, ...]:
    samples = audio.samples.shape[1]
    return judges.measure_clone(request, audio, declared_rate_hz=audio.rate_hz, declared_samples=samples, seed=seed)


def _verdict(judges: CloneMeters, request: CloneRequest, audio: Waveform) -> Verdict:
    return decide(CLONE.expecting(clone_expectation(request)), _measure(judges, request, audio)).verdict


def test_an_honest_enrolment_is_valid(judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile) -> None:
    assert _enrolled(judges, order, profile) is Verdict.VALID
    heard = _by_name(judges.measure_enrolment(order, write_profile(profile)))
    assert heard["enrolment.described"].value == pytest.approx(1, abs=1e-5)
    assert heard["enrolment.own"].value == pytest.approx(1, abs=1e-5)
    assert heard["enrolment.own_mos"].value == pytest.approx(0, abs=1e-5)
    assert heard["enrolment.match"].value > 0.8
    assert heard["clone.echo"].value < 0.2


def test_somebody_elses_voice_is_no_clone(judges: CloneMeters, order: EnrolRequest, stranger: VoiceProfile) -> None:
    assert _enrolled(judges, order, stranger) is Verdict.INVALID


@pytest.mark.parametrize("field", ["own_voice", "own_other", "own_mos"])
def test_false_words_about_the_clone_are_found(
    field: str, judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile, stranger: VoiceProfile
) -> None:
    forged = altered(profile, **{field: getattr(stranger, field)})
    assert _enrolled(judges, order, forged) is Verdict.INVALID


def test_false_words_about_the_reference_are_certain(
    judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile, stranger: VoiceProfile
) -> None:
    other = clip(say(TEXT))
    for forged in (
        altered(profile, reference=other.sha256),
        altered(profile, language="en-gb"),
        altered(profile, reference_other=stranger.own_other),
        altered(profile, fingerprint=b""),
    ):
        vote = decide(ENROLMENT.expecting(), judges.measure_enrolment(order, write_profile(forged)))
        assert (vote.verdict, vote.score_ppm) == (Verdict.INVALID, 0)


def test_what_is_no_profile_is_invalid(judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile) -> None:
    nan = to_bytes(np.full(256, np.nan, np.float32))
    for blob in (None, b"", b"\xc1" * 40, write_profile(profile)[:-1], write_profile(altered(profile, own_voice=nan))):
        assert decide(ENROLMENT.expecting(), judges.measure_enrolment(order, blob)).verdict is Verdict.INVALID


def test_a_profile_that_its_engine_refuses_is_invalid(
    judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile
) -> None:
    assert _enrolled(judges, order, altered(profile, data=b"broken")) is Verdict.INVALID


def test_without_the_engine_nobody_can_tell(judges: CloneMeters, order: EnrolRequest, profile: VoiceProfile) -> None:
    foreign = altered(profile, engine="another")
    assert _enrolled(judges, order, foreign) is Verdict.INCONCLUSIVE
    heard = _by_name(judges.measure_enrolment(order, write_profile(foreign)))
    assert "not here" in (heard["enrolment.renders"].reason or "")


def test_a_clone_that_replays_its_reference_is_found(
    judges: CloneMeters, standin: StandIn, order: EnrolRequest, profile: VoiceProfile, reference: Waveform
) -> None:
    standin.instead = reference
    heard = judges.measure_enrolment(order, write_profile(altered(profile, data=b"replays")))
    assert CLONE_ECHO.key in violations(ENROLMENT.expecting(enrolment_expectation(order)), heard)


def test_an_honest_clone_is_valid_and_needs_no_rendering(
    judges: CloneMeters, standin: StandIn, profile: VoiceProfile
) -> None:
    request = CloneRequest(profile=profile, text=TEXT)
    assert _verdict(judges, request, say(TEXT)) is Verdict.VALID
    assert standin.calls == 0


def test_another_speaker_with_the_right_words_is_rejected(
    judges: CloneMeters, standin: StandIn, profile: VoiceProfile
) -> None:
    request = CloneRequest(profile=profile, text=TEXT)
    heard = _measure(judges, request, say(TEXT, STRANGER))
    assert {CLONE_VOICE.key, SIMILARITY.key} <= violations(CLONE.expecting(clone_expectation(request)), heard)
    assert decide(CLONE.expecting(clone_expectation(request)), heard).verdict is Verdict.INVALID
    _measure(judges, request, say(TEXT, STRANGER))
    assert standin.calls == 1  # the second time it is remembered


def test_a_reference_replayed_as_the_answer_is_an_echo(
    judges: CloneMeters, profile: VoiceProfile, reference: Waveform
) -> None:
    request = CloneRequest(profile=profile, text=" ".join(SPOKEN))  # so even its words are right
    heard = _measure(judges, request, reference)
    assert CLONE_ECHO.key in violations(CLONE.expecting(clone_expectation(request)), heard)


def test_an_order_that_no_honest_node_can_meet_punishes_nobody(judges: CloneMeters, profile: VoiceProfile) -> None:
    crafted = altered(profile, own_other=to_bytes(-np.frombuffer(profile.own_other, "<f4")))
    request = CloneRequest(profile=crafted, text=TEXT)
    heard = _measure(judges, request, say(TEXT))
    assert decide(CLONE.expecting(clone_expectation(request)), heard).verdict is Verdict.INCONCLUSIVE
    assert "cannot be met" in (_by_name(heard)["clone.order"].reason or "")


def test_an_order_that_cannot_be_met_in_one_thing_excuses_no_other(judges: CloneMeters, profile: VoiceProfile) -> None:
    crafted = altered(profile, own_other=to_bytes(-np.frombuffer(profile.own_other, "<f4")))
    request = CloneRequest(profile=crafted, text=TEXT)
    assert _verdict(judges, request, say("Something else altogether was said by this node today.")) is Verdict.INVALID


def test_a_doubt_without_the_engine_is_inconclusive(judges: CloneMeters, profile: VoiceProfile) -> None:
    request = CloneRequest(profile=altered(profile, engine="another"), text=TEXT)
    assert _verdict(judges, request, say(TEXT, STRANGER)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("text", ["Why?", "Psst!", "Me.", "I never said this."])
def test_a_few_honest_words_are_valid_whatever_is_heard_in_them(
    text: str, judges: CloneMeters, standin: StandIn, profile: VoiceProfile
) -> None:
    request = CloneRequest(profile=altered(profile, own_mos=5.9), text=text)  # more than any predictor gives
    heard = _measure(judges, request, say(text, seed=5), seed=5)
    assert decide(CLONE.expecting(clone_expectation(request)), heard).verdict is Verdict.VALID
    assert standin.seeds == [5]  # the order's own seed comes first, and it is near enough


@pytest.mark.parametrize(
    ("text", "said", "voice"),
    [
        ("Why?", "Who?", "hibari"),
        ("Psst!", "Yes.", "hibari"),
        ("I never said this.", "I never heard it.", "hibari"),
        ("Why?", "Why?", "bm_george"),
        ("I never said this.", "I never said this.", STRANGER),
    ],
)
def test_another_word_or_voice_in_place_of_a_few_words_is_rejected(
    text: str, said: str, voice: str, judges: CloneMeters, profile: VoiceProfile
) -> None:
    assert _verdict(judges, CloneRequest(profile=profile, text=text), say(said, voice)) is Verdict.INVALID


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_silence_or_noise_in_place_of_a_word_is_rejected(
    level: float, judges: CloneMeters, profile: VoiceProfile
) -> None:
    noise = np.random.default_rng(3).standard_normal((1, 12_000)).astype(np.float32) * np.float32(level)
    request = CloneRequest(profile=profile, text="Why?")
    assert _verdict(judges, request, Waveform(noise, 24_000)) is Verdict.INVALID


@pytest.mark.parametrize("voice", ["hibari", "bm_george"])
def test_a_speech_in_place_of_a_word_is_rejected(voice: str, judges: CloneMeters, profile: VoiceProfile) -> None:
    """More than can be laid over a rendering is no reason to pay no fine."""
    sounds = [say(text, voice, seed).samples for seed in range(5) for text in (*SPOKEN, TEXT)]
    speech = Waveform(np.concatenate(sounds, axis=1), 24_000)
    assert speech.duration_s > 45
    assert _verdict(judges, CloneRequest(profile=profile, text="Why?"), speech) is Verdict.INVALID


@pytest.mark.parametrize("samples", [1, 20, 240, 1_200, 4_800])
def test_a_crumb_of_a_word_is_rejected(samples: int, judges: CloneMeters, profile: VoiceProfile) -> None:
    crumb = Waveform(say("I never said this.").samples[:, 4_800 : 4_800 + samples], 24_000)
    assert _verdict(judges, CloneRequest(profile=profile, text="I never said this."), crumb) is Verdict.INVALID


def test_a_page_whose_words_are_joined_is_not_short(profile: VoiceProfile) -> None:
    page = "\u2014".join(TEXT.replace(" ", "-") for _ in range(9))
    assert not is_short(CloneRequest(profile=profile, text=page))
    assert is_short(CloneRequest(profile=profile, text="Unbelievable, absolutely unbelievable, everybody!"))


def test_a_few_words_without_the_engine_or_by_one_that_varies_are_inconclusive(
    judges: CloneMeters, standin: StandIn, profile: VoiceProfile
) -> None:
    foreign = CloneRequest(profile=altered(profile, engine="another"), text="Why?")
    heard = _measure(judges, foreign, say("Why?"))
    assert decide(CLONE.expecting(clone_expectation(foreign)), heard).verdict is Verdict.INCONCLUSIVE
    assert "not here" in (_by_name(heard)["clone.order"].reason or "")
    standin.fickle = True  # as a profile could make an engine be, to have honest nodes punished
    request = CloneRequest(profile=profile, text="Why?")
    heard = _measure(judges, request, say("Why?", "bf_emma"))
    assert decide(CLONE.expecting(clone_expectation(request)), heard).verdict is Verdict.INCONCLUSIVE
    assert "apart from each other" in (_by_name(heard)["clone.order"].reason or "")
    assert _verdict(judges, request, Waveform(np.zeros((1, 12_000), np.float32), 24_000)) is Verdict.INVALID


def test_silence_and_a_wrong_length_are_invalid(judges: CloneMeters, profile: VoiceProfile) -> None:
    request = CloneRequest(profile=profile, text=TEXT)
    audio = say(TEXT)
    assert _verdict(judges, request, Waveform(np.zeros_like(audio.samples), 24_000)) is Verdict.INVALID
    longer = judges.measure_clone(request, audio, declared_rate_hz=24_000, declared_samples=audio.samples.shape[1] + 9)
    assert decide(CLONE.expecting(clone_expectation(request)), longer).score_ppm == 0
    nothing = judges.measure_clone(request, None, declared_rate_hz=24_000, declared_samples=5)
    assert decide(CLONE.expecting(clone_expectation(request)), nothing).verdict is Verdict.INVALID


def test_a_recordings_own_speaker_is_another_speaker(judges: CloneMeters, profile: VoiceProfile) -> None:
    source = say(TEXT, STRANGER)
    request = CloneRequest(profile=profile, speech=clip(source))
    heard = _by_name(_measure(judges, request, source))
    assert heard["clone.timing"].value == pytest.approx(1)
    assert heard["clone.duration_error"].value == 0
    assert heard["words.wer"].value == 0  # its words are what we hear in it ourselves
    assert _verdict(judges, request, source) is Verdict.INVALID


def test_a_blend_is_expected_between_its_voices(profile: VoiceProfile) -> None:
    mixed = expected(profile, {"am_michael": 0.5})
    alone = expected(profile, {})
    other, reference = independent("am_michael"), card("am_michael")
    assert mixed is not None
    assert alone is not None
    assert other is not None
    assert reference is not None
    assert mixed.other @ other == pytest.approx(float(mixed.other @ alone.other), abs=0.01)
    assert mixed.voice @ reference.embedding == pytest.approx(float(mixed.voice @ alone.voice), abs=0.01)
    assert expected(profile, {"nobody": 0.5}) is None


def test_the_crowd_is_built_in_voices_that_sound_like_people() -> None:
    voices = crowd()
    assert voices.shape[0] >= 25
    assert np.allclose(np.linalg.norm(voices, axis=1), 1, atol=1e-3)


def test_a_profile_survives_its_delivery(profile: VoiceProfile) -> None:
    assert read_profile(write_profile(profile)) == profile

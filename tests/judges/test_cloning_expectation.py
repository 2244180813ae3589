"""What is expected of a clone follows from its order alone."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import decide, violations
from antiphon.economy.types import Verdict
from antiphon.errors import InputError
from antiphon.judges.cloning import clone_expectation, enrolment_expectation, read_profile, write_profile
from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
from antiphon.judges.cloning.voiceprint import from_bytes, to_bytes
from antiphon.judges.metrics import (
    BUILT_IN,
    CLONE_ECHO,
    CLONE_ORDER,
    CLONE_VOICE,
    DECODES,
    DISTILLMOS,
    LENGTH_ERROR,
    LONGEST_SILENCE,
    SILENCE_SHARE,
    WER,
)
from antiphon.services import Clip, CloneRequest, EnrolRequest, VoiceProfile

TEXT = "Heavy rain delayed the flight, so we slept at the airport."


def _unit(seed: int) -> bytes:
    vector = np.random.default_rng(seed).standard_normal(256)
    return to_bytes((vector / np.linalg.norm(vector)).astype(np.float32))


def _profile(own_mos: float = 4.2) -> VoiceProfile:
    return VoiceProfile(
        engine="standin",
        language="en-us",
        reference=bytes(32),
        data=b"x",
        reference_voice=_unit(1),
        reference_other=_unit(2),
        own_voice=_unit(3),
        own_other=_unit(4),
        fingerprint=b"",
        own_mos=own_mos,
    )


def _speech(seconds: float) -> Clip:
    return Clip(pcm=bytes(2 * round(8_000 * seconds)), rate_hz=8_000)


def _vote(request: CloneRequest, **values: float) -> Verdict:
    told = {DECODES: 1.0, LENGTH_ERROR: 0.0, WER: 0.0, DISTILLMOS: 4.2, SILENCE_SHARE: 0.1, CLONE_ORDER: 1.0}
    told |= {LONGEST_SILENCE: 0.2, CLONE_VOICE: 0.9, CLONE_ECHO: 0.0}
    told |= {BUILT_IN[key.replace("__", ".")]: value for key, value in values.items()}
    measurements = [metric.measured(value) for metric, value in told.items()]
    return decide(CLONE.expecting(clone_expectation(request)), measurements).verdict


def test_what_is_as_promised_is_valid_and_each_breach_is_not() -> None:
    request = CloneRequest(profile=_profile(), text=TEXT)
    assert _vote(request) is Verdict.VALID
    for breach in (
        {"words__wer": 0.9},
        {"naturalness__distillmos": 2.0},
        {"clone__voice": 0.6},
        {"clone__echo": 0.7},
        {"integrity__silence_share": 0.9},
    ):
        assert _vote(request, **breach) is Verdict.INVALID


def test_naturalness_is_measured_against_what_the_profile_promises() -> None:
    plain = CloneRequest(profile=_profile(own_mos=2.6), text=TEXT)
    assert _vote(plain, naturalness__distillmos=2.0) is Verdict.VALID
    fine = CloneRequest(profile=_profile(own_mos=4.5), text=TEXT)
    assert _vote(fine, naturalness__distillmos=2.0) is Verdict.INVALID


def test_an_order_nobody_can_meet_is_inconclusive_whatever_else_is_wrong() -> None:
    request = CloneRequest(profile=_profile(), text=TEXT)
    assert _vote(request, clone__order=float("nan"), clone__voice=0.1) is Verdict.INCONCLUSIVE


def test_a_short_answer_and_a_blend_are_held_to_less() -> None:
    long, short = (CloneRequest(profile=_profile(), text=text) for text in (TEXT, "Good evening."))
    blended = CloneRequest(profile=_profile(), text=TEXT, blend={"af_heart": 0.4})
    bounds = [clone_expectation(request).min[CLONE_VOICE.key] for request in (long, blended, short)]
    assert bounds == sorted(bounds, reverse=True)
    spoken = [clone_expectation(CloneRequest(profile=_profile(), speech=_speech(s))) for s in (6.0, 1.0)]
    assert spoken[0].min[CLONE_VOICE.key] > spoken[1].min[CLONE_VOICE.key]


def test_a_recording_keeps_its_timing() -> None:
    request = CloneRequest(profile=_profile(), speech=_speech(4))
    assert _vote(request, clone__timing=0.95, clone__duration_error=0.0) is Verdict.VALID
    assert _vote(request, clone__timing=0.2, clone__duration_error=0.0) is Verdict.INVALID
    assert _vote(request, clone__timing=0.95, clone__duration_error=0.3) is Verdict.INVALID


def test_lies_about_the_reference_are_certain_before_anything_is_rendered() -> None:
    lie = Measurement(judge="enrolment", name="described", unit="cosine", value=0.4)
    assert violations(ENROLMENT.expecting(), [lie]) == {"enrolment.described"}
    assert decide(ENROLMENT.expecting(), [lie]).verdict is Verdict.INVALID


def test_an_enrolment_in_a_language_without_a_test_sentence_is_refused() -> None:
    with pytest.raises(InputError, match="No test sentence"):
        enrolment_expectation(EnrolRequest(reference=_speech(4), language="tlh"))


def test_profiles_survive_their_delivery_and_broken_vectors_do_not() -> None:
    assert read_profile(write_profile(_profile())) == _profile()
    for vector in (b"", bytes(1024), to_bytes(np.full(256, np.nan, np.float32)), _unit(1)[:-4]):
        with pytest.raises(InputError, match="no unit vector"):
            from_bytes(vector, "own_voice")


def test_half_a_second_that_agrees_with_the_reference_by_chance_is_no_echo_where_our_own_rendering_agrees_too() -> None:
    request = CloneRequest(profile=_profile(), text="Hello.")
    near, far = {"rendering__distance_db": 1.0}, {"rendering__distance_db": 6.0}
    length = {"rendering__length_ratio": 1.0}
    assert _vote(request, clone__echo=0.5, **near, **length) is Verdict.VALID
    assert _vote(request, clone__echo=0.5, **far, **length) is Verdict.INVALID
    assert _vote(request, clone__echo=0.5) is Verdict.INVALID

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import ScoreTerm, decide, explain
from antiphon.economy.types import PPM, Verdict, Vote
from antiphon.judges.speech.expectation import Expectation, SpeechProfile
from antiphon.judges.speech.scoring import ANTIPHON, BITTAUDIO, PROFILES

JUDGES = {
    "wer": "words",
    "cer": "words",
    "distillmos": "naturalness",
    "dnsmos": "naturalness",
    "similarity": "voice",
} | {
    "distance_db": "rendering",
    "length_ratio": "rendering",
}
GOOD = {
    "decodes": 1.0,
    "length_error": 0.0,
    "chars_per_s": 15.0,
    "silence_share": 0.2,
    "longest_silence": 0.6,
    "clipping_share": 0.0,
    "dc_offset": 0.001,
    "duplicate": 0.0,
    "level_dbfs": -22.0,
    "wer": 0.05,
    "cer": 0.02,
    "distillmos": 4.2,
    "dnsmos": 3.4,
    "similarity": 0.8,
}
ORDERED = Expectation(
    chars=200,
    mos={"distillmos": (4.5, 0.2)},
    chars_per_s=(6.0, 24.0),
    allowed_wer=0.15,
    min_similarity=0.6,
)
ALL = sorted(PROFILES.values(), key=lambda profile: profile.name)


def measured(*without: str, inconclusive: tuple[str, ...] = (), **changed: float) -> list[Measurement]:
    return [
        Measurement(judge=JUDGES.get(name, "integrity"), name=name, unit="", reason="the judge failed")
        if name in inconclusive
        else Measurement(judge=JUDGES.get(name, "integrity"), name=name, unit="", value=value)
        for name, value in (GOOD | changed).items()
        if name not in without
    ]


def vote(
    profile: SpeechProfile = ANTIPHON, *without: str, inconclusive: tuple[str, ...] = (), **changed: float
) -> Vote:
    return decide(profile.expecting(ORDERED), measured(*without, inconclusive=inconclusive, **changed))


def test_a_worked_score_of_the_default_profile() -> None:
    # .50 (1 - .05/.5) + .30 (4.2-1)/4 + .05 (3.4-1)/3 + .15 (.8-.3)/.6
    assert vote().verdict is Verdict.VALID
    assert vote().score_ppm == round(PPM * (0.45 + 0.24 + 0.04 + 0.125))


def test_a_worked_score_of_bittaudio() -> None:
    # (.10 * .8 + .10 * .6 + .62 * .95) / .82
    assert vote(BITTAUDIO).score_ppm == 889_024


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    "broken", [{"decodes": 0.0}, {"length_error": 0.01}, {"silence_share": 0.95}, {"duplicate": 1.0}], ids=str
)
def test_certain_violations_are_invalid_even_when_nothing_else_was_measured(
    profile: SpeechProfile, broken: dict[str, float]
) -> None:
    others = tuple(name for name in GOOD if name not in broken)
    cast = vote(profile, inconclusive=others, **broken)
    assert (cast.verdict, cast.score_ppm) == (Verdict.INVALID, 0)


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", ["decodes", "length_error", "silence_share", "wer", "distillmos"])
def test_a_required_measurement_that_fails_or_is_absent_is_inconclusive_never_0(
    profile: SpeechProfile, name: str
) -> None:
    for cast in (vote(profile, name), vote(profile, inconclusive=(name,)), vote(profile, **{name: float("nan")})):
        assert (cast.verdict, cast.score_ppm) == (Verdict.INCONCLUSIVE, None)


def test_the_same_audio_for_a_text_that_sounds_the_same_is_no_fraud() -> None:
    assert vote(duplicate=1.0).verdict is Verdict.VALID
    assert vote(duplicate=1.0, wer=0.5).verdict is Verdict.INVALID
    assert "limit integrity.duplicate = 1, <= 0.65: excused" in explain(
        ANTIPHON.expecting(ORDERED), measured(duplicate=1.0)
    )


SHORT = msgspec.structs.replace(ORDERED, max_distance_db=4.5)
ODD = {"wer": 2.0, "distillmos": 1.7, "similarity": 0.4, "duplicate": 0.9}


def confirmed(distance_db: float, length_ratio: float = 1.0, **changed: float) -> Vote:
    figures = measured(distance_db=distance_db, length_ratio=length_ratio, **changed)
    return decide(ANTIPHON.expecting(SHORT), figures)


def test_what_our_own_rendering_confirms_is_nobodys_fault_and_leaves_the_score() -> None:
    found = confirmed(1.2, **ODD)
    assert found.verdict is Verdict.VALID
    # only DNSMOS .05 (3.4-1)/3 and the rendering's .50 count
    assert found.score_ppm == round(PPM * (0.04 + 0.50) / 0.55)


@pytest.mark.parametrize("distance_db", [4.6, 9.0])
def test_far_from_our_own_rendering_is_invalid_whatever_else_holds(distance_db: float) -> None:
    assert confirmed(distance_db).verdict is Verdict.INVALID
    assert confirmed(distance_db, **ODD).verdict is Verdict.INVALID


@pytest.mark.parametrize("length_ratio", [0.5, 1.5])
def test_no_rendering_excuses_another_pace(length_ratio: float) -> None:
    assert confirmed(1.2, length_ratio).verdict is Verdict.INVALID


@pytest.mark.parametrize("bad", [{"decodes": 0.0}, {"silence_share": 0.7}, {"clipping_share": 0.1}])
def test_no_rendering_excuses_damage(bad: dict[str, float]) -> None:
    assert confirmed(0.0, **bad).verdict is Verdict.INVALID


def test_nobody_earns_less_for_another_processor() -> None:
    assert confirmed(0.0).score_ppm == confirmed(3.8).score_ppm


def test_where_recognisers_get_letters_and_no_words_letters_are_judged() -> None:
    foreign = msgspec.structs.replace(ORDERED, allowed_cer=0.7)
    heard = measured(wer=1.1, cer=0.6)
    assert decide(ANTIPHON.expecting(foreign), heard).verdict is Verdict.VALID
    assert decide(ANTIPHON.expecting(foreign), measured(wer=0.4, cer=0.8)).verdict is Verdict.INVALID
    assert decide(ANTIPHON.expecting(foreign), measured("cer")).verdict is Verdict.INCONCLUSIVE
    # Nor do wrong letters excuse a copy.
    assert decide(ANTIPHON.expecting(foreign), measured(cer=0.8, duplicate=0.9)).score_ppm == 0


def test_an_uncertain_violation_waits_for_the_required_measurements() -> None:
    assert vote(ANTIPHON, wer=0.9).verdict is Verdict.INVALID
    assert vote(ANTIPHON, "distillmos", wer=0.9).verdict is Verdict.INCONCLUSIVE


def test_an_optional_term_that_was_not_measured_takes_its_weight_with_it() -> None:
    ordered = msgspec.structs.replace(ORDERED, mos={"distillmos": (4.5, 0.2), "dnsmos": (3.3, 0.2)})
    assert decide(ANTIPHON.expecting(ordered), measured("dnsmos")).verdict is Verdict.VALID
    assert vote(ANTIPHON, "dnsmos").score_ppm == round(PPM * (0.45 + 0.24 + 0.125) / 0.95)


@pytest.mark.parametrize(
    "bad",
    [
        {"wer": 0.19},  # 0.15 allowed, and one word of 200 characters: 0.03
        {"distillmos": 2.99},  # 4.5 - 1.5
        {"similarity": 0.59},
        {"chars_per_s": 80.0},
        {"chars_per_s": 1.0},
        {"longest_silence": 9.0},
        {"clipping_share": 0.2},
        {"dc_offset": -0.2},
        {"level_dbfs": -70.0},
    ],
    ids=str,
)
def test_each_limit_of_the_default_profile_makes_work_invalid(bad: dict[str, float]) -> None:
    assert vote(**bad).verdict is Verdict.INVALID


def test_a_plain_voice_that_was_ordered_is_valid_and_one_in_place_of_a_fine_voice_is_not() -> None:
    plain = measured(distillmos=2.3, similarity=0.8, wer=0.2)
    as_ordered = Expectation(chars=200, mos={"distillmos": (2.2, 0.15)}, allowed_wer=0.3)
    assert decide(ANTIPHON.expecting(as_ordered), plain).verdict is Verdict.VALID
    assert decide(ANTIPHON.expecting(ORDERED), plain).verdict is Verdict.INVALID


def test_a_voice_measured_too_evenly_still_gets_a_margin() -> None:
    even = Expectation(chars=200, mos={"distillmos": (4.5, 0.0)})
    assert decide(ANTIPHON.expecting(even), measured(distillmos=4.0)).verdict is Verdict.VALID


def test_a_word_too_short_to_compare_voices_is_still_judged_by_the_rest() -> None:
    assert vote(ANTIPHON, "similarity").verdict is Verdict.VALID
    assert vote(ANTIPHON, "similarity", distillmos=2.0).verdict is Verdict.INVALID


def test_a_language_without_known_rates_has_no_speaking_rate_limit() -> None:
    assert decide(ANTIPHON.expecting(Expectation(chars=200)), measured(chars_per_s=1.0)).verdict is Verdict.VALID


def test_one_slip_does_not_fail_a_short_text() -> None:
    two_words = Expectation(chars=11, allowed_wer=0.15)
    assert decide(ANTIPHON.expecting(two_words), measured(wer=0.5)).verdict is Verdict.VALID
    assert decide(ANTIPHON.expecting(two_words), measured(wer=1.0)).verdict is Verdict.INVALID


def test_short_texts_have_no_speaking_rate() -> None:
    word = Expectation(chars=4, chars_per_s=(6.0, 24.0))
    assert decide(ANTIPHON.expecting(word), measured(chars_per_s=2.0)).verdict is Verdict.VALID


def test_an_unknown_voice_is_held_to_the_profiles_own_floor() -> None:
    assert decide(ANTIPHON.expecting(), measured(distillmos=1.5)).verdict is Verdict.INVALID
    assert decide(ANTIPHON.expecting(), measured(distillmos=1.9)).verdict is Verdict.VALID


@pytest.mark.parametrize(("wer", "verdict"), [(0.699, Verdict.VALID), (0.7, Verdict.INVALID)])
def test_bittaudio_scores_0_from_a_wer_of_07(wer: float, verdict: Verdict) -> None:
    cast = decide(BITTAUDIO.expecting(), measured(wer=wer))
    assert cast.verdict is verdict
    assert (cast.score_ppm == 0) == (verdict is Verdict.INVALID)


def test_the_vote_carries_what_it_was_made_of() -> None:
    assert vote().measurements == tuple(measured())


def test_a_measurement_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"given twice: \['words.wer'\]"):
        decide(ANTIPHON.expecting(), [*measured(), Measurement(judge="words", name="wer", unit="", value=0.0)])


def test_explain_shows_the_sum_the_violation_and_what_is_missing() -> None:
    lines = explain(ANTIPHON.expecting(ORDERED), measured(inconclusive=("wer",), clipping_share=0.2))
    assert lines[0] == "profile antiphon"
    assert "limit integrity.clipping_share = 0.2, <= 0.01: VIOLATED" in lines
    assert "score naturalness.distillmos = 4.2 -> 0.800 x 0.30" in lines
    assert "missing words.wer: the judge failed" in lines
    assert lines[-1] == "verdict inconclusive"
    assert explain(ANTIPHON.expecting(ORDERED), measured())[-1] == "verdict valid, score 0.855"


def test_profiles_name_their_sources_and_are_strict() -> None:
    for profile in ALL:
        assert profile.source
        assert all(item.source for item in (*profile.limits, *profile.terms))
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"chars": 1, "voice": "x"}, Expectation)


def test_a_profile_survives_being_written_down() -> None:
    for profile in ALL:
        assert msgspec.json.decode(msgspec.json.encode(profile), type=SpeechProfile) == profile


def test_a_profile_that_could_score_nothing_is_refused() -> None:
    term = ScoreTerm(key="a.b", weight=1, zero=0, one=1, source="s", required=False)
    for terms in ((), (term,), (ScoreTerm(key="a.b", weight=1, zero=1, one=1, source="s"),)):
        with pytest.raises(ValueError, match="term"):
            SpeechProfile(name="p", source="s", terms=terms, limits=(), max_wer=1)


finite = st.floats(-100, 100)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, st.none() | finite)), st.randoms())
def test_any_measurements_in_any_order_give_one_lawful_vote(values: dict[str, float | None], dice: object) -> None:
    heard = [
        Measurement(judge=JUDGES.get(n, "integrity"), name=n, unit="", value=v, reason=None if v is not None else "r")
        for n, v in values.items()
    ]
    for profile in ALL:
        before = decide(profile.expecting(ORDERED), heard)
        shuffled = list(heard)
        dice.shuffle(shuffled)  # type: ignore[attr-defined]
        after = decide(profile.expecting(ORDERED), shuffled)
        assert (after.verdict, after.score_ppm) == (before.verdict, before.score_ppm)
        assert explain(profile.expecting(ORDERED), heard)[-1].startswith(f"verdict {before.verdict}")


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, 5), st.floats(1, 5))
def test_fewer_errors_and_a_better_sound_never_score_less(w1: float, w2: float, m1: float, m2: float) -> None:
    for profile in ALL:
        worse = decide(profile.expecting(), measured(wer=max(w1, w2), distillmos=min(m1, m2)))
        better = decide(profile.expecting(), measured(wer=min(w1, w2), distillmos=max(m1, m2)))
        assert worse.score_ppm is not None
        assert better.score_ppm is not None
        assert better.score_ppm >= worse.score_ppm
        assert not (worse.verdict is Verdict.VALID and better.verdict is Verdict.INVALID)

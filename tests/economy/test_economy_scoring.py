"""The mechanism of scoring, on figures that are of no service of ours: limits, excuses, terms."""

from __future__ import annotations

import pytest

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile, decide, explain, violations
from antiphon.economy.types import PPM, Verdict

PROFILE = ScoringProfile(
    name="cakes",
    source="a bakery",
    terms=(
        ScoreTerm(key="oven.rise", weight=3, zero=0, one=10, source="cm"),
        ScoreTerm(key="oven.burnt", weight=1, zero=1, one=0, source="share", required=False),
    ),
    limits=(
        Limit(key="box.whole", min=1, certain=True, required=True, source="no crumbs"),
        Limit(key="oven.rise", min=2, max=20, source="a cake"),
        Limit(key="oven.burnt", under=0.5, unless="taste.fine", source="charcoal"),
        Limit(key="taste.fine", min=0.5, unless="taste.witness", source="a taster"),
        Limit(key="taste.witness", min=1, source="another taster"),
    ),
)


def baked(**values: float | None) -> list[Measurement]:
    told = {"box__whole": 1.0, "oven__rise": 5.0} | values
    return [
        Measurement(judge=judge, name=name, unit="", value=value, reason=None if value is not None else "power cut")
        for (judge, name), value in ((key.split("__"), value) for key, value in told.items())
    ]


@pytest.mark.parametrize(
    ("values", "verdict", "score"),
    [
        ({}, Verdict.VALID, 0.5),  # an optional term that was not measured takes its weight with it
        ({"oven__burnt": 0.2}, Verdict.VALID, (3 * 0.5 + 0.8) / 4),
        ({"oven__rise": 2.0}, Verdict.VALID, 0.2),  # a bound itself holds
        ({"oven__rise": 20.0}, Verdict.VALID, 1.0),  # clamped
        ({"oven__rise": 1.99}, Verdict.INVALID, 0.199),
        ({"oven__rise": 20.01}, Verdict.INVALID, 1.0),
        ({"oven__burnt": 0.5}, Verdict.INVALID, (3 * 0.5 + 0.5) / 4),  # `under` is exclusive
        ({"oven__burnt": 0.9, "taste__fine": 0.5}, Verdict.VALID, 0.5),  # excused, and out of the score
        ({"oven__burnt": 0.9, "taste__fine": 0.4}, Verdict.INVALID, (3 * 0.5 + 0.1) / 4),  # a doubtful excuse is none
        ({"oven__burnt": 0.9, "taste__fine": 0.4, "taste__witness": 1}, Verdict.VALID, 0.5),  # unless it is excused too
        ({"oven__burnt": 0.9, "taste__fine": 0.4, "taste__witness": 0}, Verdict.INVALID, (3 * 0.5 + 0.1) / 4),
        ({"box__whole": 0.0}, Verdict.INVALID, 0.0),
        ({"box__whole": 0.0, "oven__rise": None}, Verdict.INVALID, 0.0),  # certain, whatever else is missing
    ],
    ids=str,
)
def test_verdict_and_score(values: dict[str, float | None], verdict: Verdict, score: float) -> None:
    vote = decide(PROFILE, baked(**values))
    assert (vote.verdict, vote.score_ppm) == (verdict, round(PPM * score))


@pytest.mark.parametrize("values", [{"oven__rise": None}, {"box__whole": None}, {"oven__rise": float("nan")}], ids=str)
def test_what_must_be_measured_and_is_not_makes_no_score(values: dict[str, float | None]) -> None:
    vote = decide(PROFILE, baked(**values))
    assert (vote.verdict, vote.score_ppm) == (Verdict.INCONCLUSIVE, None)


def test_a_profile_may_give_nothing_for_invalid_work() -> None:
    strict = ScoringProfile(
        name="strict", source="s", terms=PROFILE.terms, limits=PROFILE.limits, invalid_scores_zero=True
    )
    assert decide(strict, baked(oven__rise=1.0)).score_ppm == 0
    assert decide(strict, baked()).score_ppm == PPM // 2


def test_the_sum_is_explained_step_by_step() -> None:
    assert explain(PROFILE, baked(oven__burnt=0.9, taste__fine=0.4, taste__witness=1)) == [
        "profile cakes",
        "limit box.whole = 1, >= 1: holds",
        "limit oven.rise = 5, >= 2 and <= 20: holds",
        "limit oven.burnt = 0.9, < 0.5: excused",
        "limit taste.fine = 0.4, >= 0.5: excused",
        "limit taste.witness = 1, >= 1: holds",
        "score oven.rise = 5 -> 0.500 x 3.00",
        "score oven.burnt = 0.9 -> 0.100 x 1.00",
        "verdict valid, score 0.500",
    ]
    assert "missing oven.rise: power cut" in explain(PROFILE, baked(oven__rise=None))


def test_violations_are_those_that_nothing_excuses() -> None:
    assert violations(PROFILE, baked(oven__burnt=0.9, taste__fine=0.4)) == {"oven.burnt", "taste.fine"}
    assert violations(PROFILE, baked(oven__burnt=0.9, taste__fine=0.6)) == set()


def test_a_measurement_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="given twice"):
        decide(PROFILE, [*baked(), *baked()])


def test_a_profile_whose_score_could_be_empty_is_refused() -> None:
    optional = ScoreTerm(key="a.b", weight=1, zero=0, one=1, source="s", required=False)
    flat = ScoreTerm(key="a.b", weight=1, zero=1, one=1, source="s")
    weightless = ScoreTerm(key="a.b", weight=0, zero=0, one=1, source="s")
    for terms in ((), (optional,), (flat,), (weightless,)):
        with pytest.raises(ValueError, match="term"):
            ScoringProfile(name="p", source="s", terms=terms, limits=())


@pytest.mark.parametrize("values", [{}, {"oven__rise": 1.0}, {"box__whole": 0.0}, {"oven__rise": None}], ids=str)
def test_a_vote_carries_what_it_was_made_of(values: dict[str, float | None]) -> None:
    assert decide(PROFILE, baked(**values)).measurements == tuple(baked(**values))


def test_a_sum_without_a_score_is_explained_too() -> None:
    assert explain(PROFILE, baked(oven__rise=None)) == [
        "profile cakes",
        "limit box.whole = 1, >= 1: holds",
        "missing oven.rise: power cut",
        "verdict inconclusive",
    ]
    assert explain(PROFILE, [*baked(oven__rise=1.0)][1:]) == [
        "profile cakes",
        "limit oven.rise = 1, >= 2 and <= 20: VIOLATED",
        "score oven.rise = 1 -> 0.100 x 3.00",
        "missing box.whole: not measured",
        "verdict inconclusive",
    ]


def test_a_measurement_is_a_value_or_a_reason() -> None:
    for given in ({}, {"value": 1.0, "reason": "power cut"}):
        with pytest.raises(ValueError, match=r"^oven\.rise: give a value or a reason, not both or neither$"):
            Measurement(judge="oven", name="rise", unit="cm", **given)
    assert not Measurement(judge="oven", name="rise", unit="cm", value=0.0).inconclusive
    assert Measurement(judge="oven", name="rise", unit="cm", reason="power cut").inconclusive

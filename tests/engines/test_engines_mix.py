import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engines.mix import MAX_VOICES, parse_mix
from antiphon.errors import InputError

KNOWN = ("af_heart", "af_bella", "bf_emma", "am_adam")


def test_worked_example() -> None:
    assert parse_mix("af_heart:0.6+bf_emma:0.4", KNOWN) == {"af_heart": 0.6, "bf_emma": 0.4}
    assert parse_mix("af_heart:3 + bf_emma:1", KNOWN) == {"af_heart": 0.75, "bf_emma": 0.25}


def test_a_single_name_is_a_mix_of_one() -> None:
    assert parse_mix("af_heart", KNOWN) == parse_mix("af_heart:0.2", KNOWN) == {"af_heart": 1.0}


def test_a_part_without_weight_weighs_one_and_repeated_voices_add_up() -> None:
    assert parse_mix("af_heart+bf_emma", KNOWN) == {"af_heart": 0.5, "bf_emma": 0.5}
    assert parse_mix("af_heart:1+af_heart:2+bf_emma:1", KNOWN) == {"af_heart": 0.75, "bf_emma": 0.25}


@given(st.dictionaries(st.sampled_from(KNOWN), st.floats(1e-3, 1e5), min_size=1))
def test_weights_are_convex_whatever_was_written(weights: dict[str, float]) -> None:
    mix = parse_mix("+".join(f"{name}:{weight!r}" for name, weight in weights.items()), KNOWN)
    assert list(mix) == list(weights)
    assert all(0 < weight <= 1 for weight in mix.values())
    assert math.isclose(sum(mix.values()), 1.0)


@given(st.text(max_size=60))
def test_any_text_gives_a_mix_or_an_input_error(spec: str) -> None:
    with contextlib.suppress(InputError):
        assert math.isclose(sum(parse_mix(spec, KNOWN).values()), 1.0)


def test_an_unknown_voice_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"no voice 'af_hart'\. Did you mean af_heart"):
        parse_mix("af_hart:0.5+bf_emma:0.5", KNOWN)


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "1e9", "x", "", "1:2"])
def test_only_positive_finite_weights_are_taken(weight: str) -> None:
    with pytest.raises(InputError):
        parse_mix(f"af_heart:{weight}+bf_emma:1", KNOWN)


def test_the_number_of_voices_is_limited() -> None:
    with pytest.raises(InputError, match=f"more than {MAX_VOICES}"):
        parse_mix("+".join(["af_heart"] * (MAX_VOICES + 1)), KNOWN)

from typing import Annotated

import msgspec
import pytest

from antiphon.engines.checks import read_options, require_latin, require_words
from antiphon.errors import InputError
from antiphon.plugins import LISTED, unknown


class _Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pitch: Annotated[int, msgspec.Meta(ge=0, le=99)] = 50


def test_few_choices_are_listed_and_many_are_sampled() -> None:
    assert str(unknown("colour", "qqqq", ("red", "green"))) == "There is no colour 'qqqq'. Choose from: red, green."
    many = [f"voice-{i}" for i in range(LISTED + 1)]
    assert f"Some of {LISTED + 1}: voice-0" in str(unknown("voice", "qqqq", many))


def test_an_unknown_option_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"no tone option 'pich'\. Did you mean pitch"):
        read_options(_Options, {"pich": 1}, "tone")


@pytest.mark.parametrize("value", [100, -1, "high", 1.5])
def test_a_wrong_option_value_names_the_field(value: object) -> None:
    with pytest.raises(InputError, match=r"pitch"):
        read_options(_Options, {"pitch": value}, "tone")


def test_options_default() -> None:
    assert read_options(_Options, {}, "tone").pitch == 50


@pytest.mark.parametrize("text", ["...", "\N{GRINNING FACE}", "  ?! ", "\u200b"])
def test_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="nothing to speak"):
        require_words(text)


@pytest.mark.parametrize(
    "text", ["Café naïve 12", "\N{GREEK SMALL LETTER PI} is 3.14", "x² + 5 µm", "Đường phố", "No. 5 ª"]
)
def test_latin_text_and_lone_greek_symbols_are_read(text: str) -> None:
    require_latin(text, "hibari")


@pytest.mark.parametrize(
    ("text", "named"),
    [("Hello 世界", "世界"), ("Say привет", "привет"), ("καλημέρα now", "καλημέρα")],
)
def test_other_scripts_are_named_not_dropped(text: str, named: str) -> None:
    with pytest.raises(InputError, match="cannot read") as caught:
        require_latin(text, "hibari")
    assert set(named) & set(caught.value.what)

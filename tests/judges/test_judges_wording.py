"""What was asked and what was heard are compared in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.judges.speech.numbers import cardinal, ordinal, spell_numbers, year
from antiphon.judges.speech.wording import character_errors, error_rates, normalise, word_errors

_words = st.lists(st.sampled_from(["a", "b", "ab", "ba", "c"]), max_size=8)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It's $3.50.", "it is three dollars and fifty cents"),
        ("Mr. Jones' colour theatre", "mister jones color theater"),
        ("We'll organise it.", "we will organize it"),
        ("21st of May, 1984", "twenty first of may nineteen eighty four"),
        ("1,234.5 metres", "one thousand two hundred thirty four point five meters"),
        ("at 9:05", "at nine oh five"),
        ("50% of them", "fifty percent of them"),
        ("a well-known \u201ccafé\u201d", "a well known cafe"),
        ("two hundred and five", "205"),
    ],
)
def test_english_is_folded(written: str, spoken: str) -> None:
    assert normalise(written, "en") == normalise(spoken, "en")


def test_years_may_be_read_as_numbers() -> None:
    assert normalise("1984", reading="number") == "one thousand nine hundred eighty four"
    assert [year(n) for n in (1066, 1900, 1905, 2000, 2009, 2026)] == [
        "ten sixty six",
        "nineteen hundred",
        "nineteen oh five",
        "two thousand",
        "two thousand nine",
        "twenty twenty six",
    ]


def test_ambiguous_figures_have_other_readings() -> None:
    assert normalise("at 9.30 p.m.", reading="clock") == normalise("at 9:30 pm")
    assert normalise("call 555-1234", reading="digits") == "call five five five one two three four"
    assert normalise("May 4, 1986") == normalise("May 4th, 1986")


def test_numbers_have_names() -> None:
    assert cardinal(0) == "zero"
    assert cardinal(1_000_000_001) == "one billion one"
    assert cardinal(10**15).startswith("one zero zero")
    assert ordinal(112) == "one hundred twelfth"
    assert ordinal(20) == "twentieth"
    assert spell_numbers("007").split() == ["zero", "zero", "seven"]


def test_languages_without_spaces_are_compared_by_character() -> None:
    assert normalise("今日は、いい天気。", "ja") == "今 日 は い い 天 気"


def test_other_languages_lose_only_case_and_punctuation() -> None:
    assert normalise("¿Qué hora es?", "es") == "qué hora es"


def test_joined_words_are_no_error() -> None:
    assert word_errors(["some", "ice", "cream"], ["some", "icecream"]) == 0
    assert word_errors(["a", "bookshop"], ["a", "book", "shop"]) == 0


def test_worked_error_rates() -> None:
    assert error_rates("the cat sat", "the cat sat down") == (1 / 3, 4 / 9)
    assert error_rates("the cat sat", "") == (1.0, 1.0)
    assert character_errors("kitten", "sitting") == 3


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_character_errors_are_the_levenshtein_distance(a: str, b: str) -> None:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    assert character_errors(a, b) == row[-1]


@given(_words, _words)
def test_word_errors_are_symmetric_bounded_and_zero_for_equals(a: list[str], b: list[str]) -> None:
    assert word_errors(a, a) == 0
    assert word_errors(a, b) == word_errors(b, a)
    assert 0 <= word_errors(a, b) <= max(len(a), len(b))


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text, "es")
    assert normalise(once, "es") == once


@given(st.text(max_size=60))
def test_any_text_can_be_normalised(text: str) -> None:
    normalise(text, "en-us")

"""Languages are found by whatever people call them."""

from __future__ import annotations

import pytest

from antiphon.engines import registry
from antiphon.errors import InputError
from antiphon.text.tongues import codes_of


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("ger", "de"), ("deu", "de"), ("german", "de"), ("Deutsch", "de"), ("fre", "fr"), ("fra", "fr"),
        ("français", "fr"), ("spa", "es"), ("ita", "it"), ("jap", "ja"), ("jpn", ""), ("dut", "nl"), ("ned", "nl"),
        ("chi", "zh"), ("cze", "cs"), ("por", "pt"), ("rus", "ru"), ("ukr", "uk"), ("x", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_name_a_beginning_or_three_letters_give_the_code(word, code):
    assert codes_of(word)[:1] == ((code,) if code else ())


@pytest.mark.parametrize(
    ("name", "meant"), [("espeak-ger", "espeak-de"), ("espeak-deutsch", "espeak-de"), ("espeak-chi", "espeak-cmn")]
)
def test_a_voice_that_says_its_language_otherwise_is_suggested(name, meant):
    with pytest.raises(InputError, match=f"Did you mean {meant}"):
        registry.find_voice(name)

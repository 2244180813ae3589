"""A lexicon changes what is said, and every place of it is found again in what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.books import Lexicon, read_lexicon
from antiphon.errors import InputError

WORDS = st.sampled_from(["Nguyen", "GIF", "gif", "sat", "out", "Zoë", ",", "."])


def test_words_are_changed_whole_and_by_their_case():
    lexicon = Lexicon({"gif": "jiff", "US": "you ess", "Nguyen van": "win fun"})
    assert lexicon.said("A GIF of us in the US, by Nguyen van An; gifs.").text == (
        "A jiff of us in the you ess, by win fun An; gifs."
    )


@given(st.lists(WORDS, max_size=12))
def test_what_was_written_is_found_again(words):
    said = Lexicon({"gif": "jiff", "Nguyen": "win", "out": "outermost"}).said(" ".join(words))
    places = [said.written_place(place) for place in range(len(said.text) + 1)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(said.written))
    begin = 0
    for word in said.text.split(" "):  # every word is one that was written
        end = begin + len(word)
        written = said.written[said.written_place(begin) : said.written_place(end)]
        assert {"jiff": "gif", "win": "Nguyen", "outermost": "out"}.get(word, word).lower() == written.strip().lower()
        begin = end + 1


@pytest.mark.parametrize("line", ["word", "= said", "word =", "a" * 201 + " = b"])
def test_a_line_that_is_no_entry_is_named(line, tmp_path):
    (tmp_path / "names.txt").write_text(f"# names\n\nNguyen = win\n{line}\n")
    with pytest.raises(InputError, match="Line 4"):
        read_lexicon(tmp_path / "names.txt")

"""Who says what is quoted is found by rules, corrected by a file, and speaks in a voice of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.books import Book, Cast, Telling, cast_lines, joined, quote_lines, read_cast, spoken, voiced
from antiphon.books.book import chapter
from antiphon.books.quotes import quotes_in, style_of
from antiphon.books.speakers import attributed
from antiphon.errors import InputError

STORY = """Anna came in from the garden.

"Where is the boat?" asked Anna. She looked at the wall and held her hat.

"I sold it," said Mr. Brown, "to a man from the city."

"To a man from the city!" cried Anna. "And he gave you his word?"

"He gave me his money."

"That is something."

Mr. Brown took his hat and said:

"It is all we have. The winter will be long, and

"the summer is over."

"It is," she said.

He called the boat a "wreck" when he was alone.

"Where are you going, Anna?"

"Home."

"Good night," said the old man softly."""

SPEAKERS = [
    [], ["Anna"], ["Mr. Brown"] * 2, ["Anna"] * 2, ["Mr. Brown"], ["Anna"], [], ["Mr. Brown"], ["Mr. Brown"], ["Anna"],
    [], ["Mr. Brown"], ["Anna"], ["the old man"],
]  # fmt: skip


def book(text=STORY):
    return Book("b", (chapter("A", text),))


def test_tags_pronouns_turns_and_colons_name_who_speaks():
    (found,) = attributed([STORY.split("\n\n")])
    assert [[one.speaker for one in paragraph] for paragraph in found] == SPEAKERS
    assert [one.sure for paragraph in found for one in paragraph][:7] == [True] * 5 + [False] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("“One,” he said, “two.”", ["One,", "two."]),
        ("„Eins“, sagte er. „Zwei.“ Das „Drei“ kam.", ["Eins", "Zwei."]),
        ("«Un,» dit-il.", ["Un,"]),
        ("\u2018It's one, o'clock,\u2019 he said.", ["It's one, o'clock,"]),
        ('He said, "She called him \'Bob\' again." And "so-called" it was.', ["She called him 'Bob' again."]),
        ('"It goes on', ["It goes on"]),
    ],
)
def test_speech_is_found_in_the_marks_of_many_countries(text, said):
    assert [one.text for one in quotes_in(text, style_of([text]))] == said


def test_each_speaker_has_a_voice_and_the_others_the_one_for_quotes():
    cast = read_cast(["# mine", "Anna = af_bella", "Mr. Brown = Anna  # the same", "? = am_puck"], "x")
    (made,) = voiced(book("“One,” said Anna. “Two.”\n\n“Three,” said Ben.\n\nNobody."), cast).chapters
    assert [(one.text, one.voice) for one in made.passages] == [
        ("“One,”", "af_bella"),
        (" said Anna. ", ""),
        ("“Two.”\n\n", "af_bella"),
        ("“Three,”", "am_puck"),
        (" said Ben.\n\nNobody.", ""),
    ]
    assert cast.voice_of("Mr. Brown") == "af_bella"


def test_a_person_corrects_who_speaks_in_a_paragraph_and_the_lists_are_read_again():
    told = list(quote_lines(spoken(book())))
    assert told[:2] == ["1.2 = Anna  # Where is the boat?", "1.3 = Mr. Brown  # I sold it,"]
    assert "1.5 = Mr. Brown  # (a guess) He gave me his money." in told
    mine = read_cast([*told, "1.5 = Anna"], "x")
    found = spoken(book(), mine)
    assert {one.speaker for one in found[4].said} == {"Anna"}
    lines = list(cast_lines(found, Cast({"Anna": "af_bella"})))
    assert lines[:2] == ["narrator = ", "Anna = af_bella  # 7 lines, 7 of them named beside the speech"]
    assert read_cast(lines, "x").voices == {"Anna": "af_bella"}


def test_what_is_no_cast_is_refused():
    for line in ("Anna", "= x", f"{'a' * 201} = b"):
        with pytest.raises(InputError, match="Line 2 of x"):
            read_cast(["", line], "x")
    with pytest.raises(InputError, match="goes round"):
        read_cast(["Anna = Ben", "Ben = Anna"], "x").voice_of("Anna")
    with pytest.raises(InputError, match=r"no paragraph 7\.1"):
        spoken(book(), read_cast(["7.1 = Anna"], "x"))


def test_what_is_given_later_holds():
    cast = joined(read_cast(["Anna = a", "Ben = b", "narrator = n"], "x"), read_cast(["Anna = c"], "y"))
    assert (cast.voice_of("Anna"), cast.voice_of("Ben"), cast.narrator, cast.voice_of("Carl")) == ("c", "b", "n", "")


PARTS = ["“One,” said Anna. ", "“Two.”", "\n\n", "* * *", " Three. ", "\n\n\n", "[voice x] ", "\n[voice]\n", "“", " — "]


@given(st.lists(st.sampled_from(PARTS), max_size=14).map(lambda parts: "A. " + "".join(parts)))
def test_no_word_is_lost_and_paragraphs_keep_their_names(text):
    plain = book(text)
    made = voiced(plain, Cast({"Anna": "a", "?": "b"}))
    words = ["".join(one.text for one in each.chapters[0].passages) for each in (plain, made)]
    assert words[0] == words[1]
    names = [
        [(one.name, "".join(one.text.split())) for one in Telling(each, {}).paragraphs()] for each in (plain, made)
    ]
    assert names[0] == names[1]
    assert [name for name, _ in names[0]] == [one.name for one in spoken(plain)]

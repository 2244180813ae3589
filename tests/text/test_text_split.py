"""Text is cut where a speaker would pause, and nothing is lost."""

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.text import split, split_stream
from antiphon.text.boundaries import pause

_PIECES = [
    *("Dr. ", "Yes. ", "J. K. Rowling ", "3.5 ", "e.g. ", "What?! ", "…", "\n\n", "\n", "\r\n", "- ", "# ", " ", "  "),
    *(
        "“Hi.” ",
        "今日は。",
        "、",
        "word ",
        "long sentence without end ",
        ", ",
        "; ",
        "U.S. ",
        "The ",
        "é\u0301\u0301",
        "😀‍👩",
        "x" * 40,
    ),
    *(" " * 60, "।", "؟ ", "No. ", "5 ", "1. "),
]
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=())), st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)
)
LIMITS = st.integers(16, 200)


def texts(text: str, **options: int) -> list[str]:
    return [piece.text.strip() for piece in split(text, **options)]


@settings(max_examples=400)
@given(ANY_TEXT, LIMITS, st.none() | st.integers(16, 60))
def test_the_pieces_joined_are_the_text_and_none_is_too_long(text: str, limit: int, first: int | None) -> None:
    pieces = split(text, limit=limit, first=first)
    assert "".join(piece.text for piece in pieces) == text
    assert all(0 < len(piece.text) <= limit for piece in pieces)
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces)][: len(pieces)]
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
    if pieces and first:
        assert len(pieces[0].text) <= first


@settings(max_examples=400)
@given(ANY_TEXT, LIMITS, st.lists(st.integers(0, 50), max_size=20))
def test_a_stream_is_cut_like_the_whole(text: str, limit: int, sizes: list[int]) -> None:
    source = iter(text)
    chunks = ["".join(itertools.islice(source, size)) for size in sizes]
    assert list(split_stream([*chunks, "".join(source)], limit=limit)) == split(text, limit=limit)


def test_a_stream_gives_a_sentence_before_the_text_is_over() -> None:
    def endless():  # type: ignore[no-untyped-def]
        for number in itertools.count():
            yield f"This is sentence {number} of a talk that never ends. "

    assert next(split_stream(endless())).text == "This is sentence 0 of a talk that never ends. "


def test_abbreviations_initials_and_decimals_do_not_end_a_sentence() -> None:
    text = "Dr. Smith met J. K. Rowling of the U.S. Army at 3.15 p.m. on Nov. 21 and paid $3.50, e.g. Mr. Hill, for it."
    assert texts(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "This is the first sentence. This is the second one.",
        "Did you really see that thing? He certainly did see it!",
        "He lived in the great U.S. The winters there were cold enough.",
        "She said “I will come tomorrow.” Nobody believed that she would.",
        "We waited for a very long time… Nothing happened at all there.",
        "今日は天気がとてもいいです。明日は雨が降るでしょう。",
        "यह पहला बहुत लंबा वाक्य है। यह दूसरा बहुत लंबा वाक्य है।",
        "هل تعرف أين يقع هذا المكان البعيد؟ نعم أعرف أين يقع هذا المكان.",
    ],
)
def test_a_sentence_ends_in_every_script(text: str) -> None:
    assert len(texts(text)) == 2


def test_a_question_inside_a_sentence_does_not_end_it() -> None:
    assert texts('"Are you really sure about it?" she asked me quietly.') == [
        '"Are you really sure about it?" she asked me quietly.'
    ]


def test_very_short_sentences_join_a_neighbour() -> None:
    assert texts("No. He will not come back to this house.") == ["No. He will not come back to this house."]
    assert texts("He will not come back to this house. No.") == ["He will not come back to this house. No."]


def test_pauses_grow_from_word_to_heading() -> None:
    text = (
        "# Title of it\n\nA first sentence of this text. A second sentence of it?\n\nThe last paragraph of it, then.\n"
    )
    assert [piece.pause_s for piece in split(text)] == [0.9, 0.3, 0.7, 0.3]
    assert [piece.pause_s for piece in split("one two three four, five six seven eight", limit=22)] == [0.12, 0.3]
    assert split("one two three four five six seven", limit=22)[0].pause_s == 0.05


def test_list_items_and_numbered_items_stand_alone() -> None:
    assert texts("- milk\n- eggs\n1. First one\n2. Second one\n") == [
        "- milk",
        "- eggs",
        "1. First one",
        "2. Second one",
    ]


def test_hard_wrapped_lines_are_no_ends() -> None:
    assert len(texts("This is a paragraph that somebody\nwrapped at a column, as\nmail programs do it.")) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_a_line_end_is_one_however_it_is_written(end: str) -> None:
    text = f"This is a paragraph that somebody{end}wrapped at a column.{end}{end}And this is another one of them."
    assert [(piece.text.strip()[-10:], piece.pause_s) for piece in split(text)] == [
        (" a column.", 0.7),
        ("e of them.", 0.3),
    ]


def test_a_silence_that_a_document_asks_for_is_kept_for_people() -> None:
    text = "Hold your breath" + pause(2.3) + " and let it out again." + pause(0.4) + " Then go on."
    assert [piece.pause_s for piece in split(text)] == [pytest.approx(2.3), pytest.approx(0.4), 0.3]
    assert pause(3_600) == pause(10)


def test_a_long_sentence_is_cut_after_clauses_then_words_then_anywhere() -> None:
    assert texts("aaaa bbbb, cccc dddd eeee ffff", limit=16) == ["aaaa bbbb,", "cccc dddd eeee", "ffff"]
    assert texts("x" * 40, limit=16) == ["x" * 16, "x" * 16, "x" * 8]


def test_a_hard_cut_keeps_accents_with_their_letter() -> None:
    assert split("x" * 15 + "e\u0301" * 10, limit=16)[0].text == "x" * 15


def test_the_first_piece_can_be_short_for_an_early_start() -> None:
    text = "When the long day was over, everybody who had been working went home to sleep for a while."
    assert texts(text, first=40)[0] == "When the long day was over,"


def test_a_limit_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be 16-2000"):
        split("text", limit=3)


def test_a_book_is_cut_with_flat_memory() -> None:
    page = "It was the best of times, it was the worst of times. " * 40 + "\n\n"
    tracemalloc.start()
    try:
        count = sum(1 for _ in split_stream(itertools.repeat(page, 100)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 4_000
    assert peak < 200_000

"""Documents are read as a person would: no mark of a format is spoken, and what was left out is told."""

import contextlib
import io
import itertools
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError
from antiphon.text import FORMATS, guess, read_document, split
from antiphon.text.documents import formats


def read(text: str, form: str | None) -> tuple[str, list[str]]:
    told: list[str] = []
    return "".join(read_document(io.BytesIO(text.encode()), form=form, tell=told.append)), told


def pieces(text: str, form: str) -> list[tuple[str, float]]:
    return [(" ".join(piece.text.split()), round(piece.pause_s, 2)) for piece in split(read(text, form)[0])]


PLAIN = {
    "A line that\r\nwas wrapped.\r\n\r\nNext.": "A line that was wrapped.\n\nNext.",
    "A propo-\nsal, a well-\nknown one.": "A proposal, a well-known one.",
    "A propo-\r\nsal of May.[12] It[a] is[citation needed] so.": "A proposal of May. It is so.",
    "The years 1990-\n1995 and Anne-\nMarie": "The years 1990-1995 and Anne-Marie",
    "an array a[1] stays odd\nbut x[i + 1] stays": "an array a stays odd but x[i + 1] stays",
    "  indented\n  lines\n- item one\n- item two": "  indented lines\n- item one\n- item two",
    "first page\fsecond page": "first page\n\nsecond page",
    "*not* _markdown_ <here>": "*not* _markdown_ <here>",
}
MARKDOWN = {
    "# Title #\n\nText": "Title\n\nText",
    "Title\n=====\nText": "Title\n\nText",
    "Some *soft* and **bold** and ~~gone~~ words": "Some soft and bold and gone words",
    "A [link](http://a.com 'x'), a [ref][1].\n\n[1]: http://b.com": "A link, a ref.",
    "A [ref][elsewhere] and ![a picture](p.png)": "A ref and a picture",
    "One line\nof a paragraph  \nand a hard break": "One line of a paragraph\nand a hard break",
    "- milk\n- eggs!\n  - brown": "milk.\neggs!\nbrown.",
    "3. third\n4. fourth": "3. third.\n4. fourth.",
    "- [x] done\n- [ ] not done": "done.\nnot done.",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n\nafter": "a, b.\n1, 2.\n\nafter",
    "> quoted\n> text": "quoted text",
    "Text[^1] and more.[^note]\n\n[^1]: The note.": "Text and more.\n\nThe note.",
    "AT&amp;T &lt;ok&gt; &#8364;5 \\*star\\*": "AT&T <ok> €5 *star*",
    "Some <b>bold</b> and <!-- hidden --> html\n\n<div>a <i>block</i></div>": "Some bold and html\n\na block",
    "---\ntitle: X\n---\n# Head": "Head",
    "one\n\n* * *\n\ntwo `code()`": "one\n\ntwo code()",
}
HTML = {
    "<h1>Head</h1><p>One &amp; two.<p>Three": "Head\n\nOne & two.\n\nThree",
    "<ul><li>milk<li>eggs</ul>after": "milk.\neggs.\n\nafter",
    "<table><tr><th>a<th>b<tr><td>1<td>2</table>": "a, b.\n1, 2.",
    "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>": "a, b.\n1, 2.",
    "<p>May.<sup>[12]</sup> x<sup>2</sup> 1<sup>st</sup> H<sub>2</sub>O": "May. x² 1st H2O",
    "<p>word<sup><a href='#n'>3</a></sup> and<sup class='reference'>4</sup>": "word and",
    "<script>alert('<p>no</p>')</script><style>p {}</style><p>yes</p>": "yes",
    "<p hidden>no</p><p aria-hidden='true'>no</p><p>yes": "yes",
    "<!-- <p>no</p> --><p>a<br>b <a href='x>y'>link</a> <img alt='pic'>": "a\nb link pic",
    "&lt;b&gt; &#8364;20 &euro;20 &nosuch; AT&T &#x1c;": "<b> €20 €20 &nosuch; AT&T",
    "<p>5 < 6 and 7 > 3": "5 < 6 and 7 > 3",
    "<html><head><title>no</title></head><body>yes</body></html>": "yes",
    "<ruby>漢<rt>kan</rt></ruby><p><q>cited</q>": "漢\n\n“cited”",
}
SRT = {
    "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello there,</i>\nyou two.\n\n2\n00:00:03,000 --> 00:00:04,000\nIt goes\n\n"
    "3\n00:00:05,000 --> 00:00:06,000\non &amp; on.\n": "Hello there, you two.\nIt goes on & on.\n",
    "WEBVTT\n\nNOTE not this\nnor this\n\nSTYLE\n::cue {}\n\nname\n00:01.000 --> 00:02.000 align:left\n<v Bob>Hi!\n\n"
    "00:03.000 --> 00:04.000\n{\\an8}- Who?\n- Me": "Hi!\nWho?\nMe\n",
    "1\r\n00:00:01,000 --> 00:00:02,000\r\n1984\r\n": "1984 ",
}
SSML = {
    "<speak>Hello <emphasis>there</emphasis> &amp; <prosody rate='slow'>you</prosody>.</speak>": "Hello there & you.",
    "<speak><p><s>One</s><s>Two</s></p>three</speak>": "One.\nTwo.\n\nthree",
    "<speak><sub alias='World Wide Web'>WWW</sub> <mark name='x'/>now</speak>": "World Wide Web now",
    "<speak><say-as interpret-as='characters'>a1b</say-as></speak>": "A. 1 B.",
    "<speak><say-as interpret-as='ordinal'>3</say-as></speak>": "3rd",
    "<speak><say-as interpret-as='date' format='dmy'>24/12/2024</say-as></speak>": "2024-12-24",
    "<speak>x &lt; y<audio src='x'>beep</audio></speak>": "x < ybeep",
    "\n<speak>Wait.[pause 500ms]Now [pause] on.</speak>": "Wait.\x1d Now [pause] on.",
}
CASES = [
    (form, written, spoken)
    for form, table in zip(FORMATS, (PLAIN, MARKDOWN, HTML, SRT, SSML), strict=True)
    for written, spoken in table.items()
]


@pytest.mark.parametrize(("form", "written", "spoken"), CASES)
def test_a_document_gives_its_words(form: str, written: str, spoken: str) -> None:
    assert read(written, form)[0] == spoken


def test_headings_items_rows_and_cues_end_sentences() -> None:
    items = "- one thing that is to be bought today\n- another thing that we could buy"
    assert pieces(f"# Head\n\nA first paragraph of text.\n\n{items}", "markdown") == [
        ("Head", 0.9),
        ("A first paragraph of text.", 0.7),
        ("one thing that is to be bought today.", 0.3),
        ("another thing that we could buy.", 0.3),
    ]


def test_breaks_of_ssml_are_silences() -> None:
    text = "<speak>Wait for it <break time='1500ms'/> now it comes."
    text += "<break strength='x-strong'/> And <break strength='none'/> on.</speak>"
    assert pieces(text, "ssml") == [("Wait for it", 1.5), ("now it comes.", 1.2), ("And on.", 0.3)]


@pytest.mark.parametrize(
    ("form", "text", "note"),
    [
        ("markdown", "Text\n\n```\nx = 1\n```\n\n    y = 2\n", "2 blocks of code left out"),
        ("html", "<p>Text<pre><code>x</code></pre>", "1 block of code left out"),
        ("srt", "1\n00:00:01,000 --> 00:00:02,000\nHi", "the times of 1 cue left out"),
        ("ssml", "<speak><mark name='x'/>a</speak>", "SSML's mark not followed; the words in them are said"),
    ],
)
def test_what_is_left_out_is_told(form: str, text: str, note: str) -> None:
    spoken, told = read(text, form)
    assert told == [note]
    assert "x =" not in spoken


@pytest.mark.parametrize(
    ("name", "start", "form"),
    [
        ("notes.md", "just words", "markdown"),
        ("page.HTM", "just words", "html"),
        ("film.vtt", "", "srt"),
        ("", "Just words, 5 < 6, a *b* c, #1 fan.\n- an item\n", "text"),
        ("a.txt", "Dear all,\n\n    indented letters are no code.\n", "text"),
        ("", "# Heading\n\ntext", "markdown"),
        ("", "See [this](https://a.com).", "markdown"),
        ("", "<!DOCTYPE html><html>", "html"),
        ("", "<p>Hello</p>", "html"),
        ("", "<?xml version='1.0'?>\n<speak>Hi</speak>", "ssml"),
        ("", "1\r\n00:00:01,000 --> 00:00:02,000\r\nHi", "srt"),
        ("", "WEBVTT\n\n00:01.000 --> 00:02.000", "srt"),
    ],
)
def test_the_format_is_guessed_from_name_and_marks(name: str, start: str, form: str) -> None:
    assert guess(name, start) == form


def test_a_guess_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("*Words*")
    told: list[str] = []
    assert "".join(read_document(file, tell=told.append)) == "Words"
    assert told == ["read as markdown (a guess; --format-in text|markdown|html|srt|ssml to choose)"]


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="no format of a text"):
        read("x", "latex")
    with pytest.raises(InputError, match="nothing that can be spoken"):
        read("<script>x</script>", "html")
    with pytest.raises(InputError, match="does not end within"):
        read("<p>a</p><!-- " + "x" * (2 << 20), "html")


ANY = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<",
                ">",
                "&",
                "&amp;",
                "#",
                "*",
                "_",
                "`",
                "```\n",
                "\n",
                "\n\n",
                "- ",
                "1. ",
                "|",
                "[",
                "](",
                "word",
                " ",
                "<!--",
                "-->",
                "<script>",
                "</script>",
                "<sup>",
                "</sup>",
                "-->",
                "00:00:01,000 --> 00:00:02,000",
                "1\n",
                "<break time='1s'/>",
                "<say-as",
                "\r",
            ]
        )
    ).map("".join),
)


IN_PARTS = [form for form in FORMATS if form != "ssml"]  # which is a document, or none


@settings(max_examples=300)
@given(ANY, st.sampled_from(IN_PARTS), st.integers(1, 7))
def test_a_document_in_parts_is_read_like_the_whole(text: str, form: str, size: int) -> None:
    parts = [text[begin : begin + size] for begin in range(0, len(text), size)]
    reader = formats._READERS[form]
    assert "".join(reader(parts, lambda _: None)) == "".join(reader([text], lambda _: None))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "unit", ["<a ", "<!--", "<div>", "[", "![", "*a_", "> ", "[^a]", "&", "x[1]", "a\r", "{\\", "<a '", "- "]
)
def test_hostile_documents_take_linear_time(form: str, unit: str) -> None:
    def seconds(chars: int) -> float:
        start = time.thread_time()  # of this thread alone: earlier tests leave others behind
        with contextlib.suppress(InputError):
            read((unit * chars)[:chars], form)
        return time.thread_time() - start

    seconds(1_000)
    assert seconds(80_000) < 10 * seconds(20_000) + 0.5


@pytest.mark.parametrize("form", IN_PARTS)
def test_a_book_is_read_with_flat_memory(form: str) -> None:
    page = "It was the *best* of times,\nit was the <b>worst</b> of times.\n\n" * 100
    reader = formats._READERS[form]
    "".join(reader([page], lambda _: None))
    tracemalloc.start()
    try:
        total = sum(map(len, reader(itertools.repeat(page, 100), lambda _: None)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total > 100_000 or form == "srt"
    assert peak < 3_000_000

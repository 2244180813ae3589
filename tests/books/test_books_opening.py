"""Documents of every kind become chapters that hold every word; hostile ones are refused in one line."""

from __future__ import annotations

import contextlib
import zipfile

import pytest
from book_files import CONTAINER, MANIFEST, PACKAGE, SPINE, epub, png

from antiphon.books import open_book
from antiphon.books.archive import MAX_FILE_BYTES
from antiphon.books.book import Passage, chapter
from antiphon.errors import InputError

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def opened(file, form=None):
    return open_book(file, form, lambda _: None)


def shape(book):
    return [(one.title, " ".join(" ".join(part.text for part in one.passages).split())) for one in book.chapters]


def test_an_epub_is_read_by_its_spine_and_named_by_its_contents(tmp_path):
    book = opened(epub(tmp_path / "tide.epub"))
    assert (book.title, book.author, book.language, book.cover) == ("The Tide", "Ann Example", "en-GB", png())
    assert shape(book) == [
        ("First: out", "Out The tide was out. Nobody said a word."),
        ("Second: in", "In The water came back."),
    ]


def test_a_page_into_which_the_contents_lead_twice_is_two_chapters(tmp_path):
    nav = b"<html><body><nav><a href='text/two.xhtml#a'>A</a><a href='text/two.xhtml#b'>B</a></nav></body></html>"
    page = b"<html><body><h2>A</h2><p>One word.</p><h2>B</h2><p>Two words.</p></body></html>"
    book = opened(epub(tmp_path / "b.epub", **{"OEBPS/nav.xhtml": nav, "OEBPS/text/two.xhtml": page}))
    assert [title for title, _ in shape(book)] == ["Out", "A", "B"]


def test_markdown_has_the_chapters_of_its_headings_and_the_tags_of_its_front_matter(tmp_path):
    (tmp_path / "b.md").write_text(
        "---\ntitle: Tide\nauthor: Ann\n---\n# A book\n\n## Out\n\nNo *word*.\n\n```\n# code\n```\n\nIn\n--\n\nMore.\n"
    )
    book = opened(tmp_path / "b.md")
    assert (book.title, book.author) == ("Tide", "Ann")
    assert shape(book) == [("Out", "A book Out No word."), ("In", "In More.")]


def test_a_page_has_the_chapters_of_its_headings(tmp_path):
    (tmp_path / "b.html").write_text(
        "<html lang='de'><head><title>Ebbe &amp; Flut</title></head><body><!-- <h1>no</h1> --><p>Vorab.</p>"
        "<h2>Eins</h2><p>Das Wasser &#xe000;1 ging.</p><h2 hidden>nie</h2>"
        "<h2>Zwei<br>drei</h2><p>Es kam.</p></body></html>"
    )
    book = opened(tmp_path / "b.html")
    assert (book.title, book.language) == ("Ebbe & Flut", "de")
    assert shape(book) == [
        ("Ebbe & Flut", "Vorab."),
        ("Eins", "Eins Das Wasser 1 ging."),
        ("Zwei drei", "Zwei drei Es kam."),
    ]


def test_plain_text_has_the_chapters_that_it_names(tmp_path):
    (tmp_path / "b.txt").write_text(
        "Before.\n\nCHAPTER I.\nThe river\n\nIt was high.\n\nChapter two of it was long and he read it.\n\n"
        "Epilogue\n\nEnd.\n"
    )
    assert [title for title, _ in shape(opened(tmp_path / "b.txt"))] == ["b", "CHAPTER I. The river", "Epilogue"]


def test_a_word_document_has_the_chapters_of_its_styles(tmp_path):
    def paragraph(text, style=""):
        style = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{style}<w:r><w:t>{text}</w:t></w:r></w:p>"

    body = "".join(
        (paragraph("Out", "Heading1"), paragraph("No word."), paragraph("In", "Heading1"), paragraph("It came."))
    )
    with zipfile.ZipFile(tmp_path / "b.docx", "w") as target:
        target.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
    assert shape(opened(tmp_path / "b.docx")) == [("Out", "Out No word."), ("In", "In It came.")]


def test_markup_changes_the_voice_and_goes_back():
    text = "Before.\n\n[voice a:0.6+b:0.4] One.\n\nTwo.\n[voice]\nAfter [voice x] it."
    assert chapter("", text).passages == (
        Passage("Before.\n\n"),
        Passage("One.\n\nTwo.\n", "a:0.6+b:0.4"),
        Passage("\nAfter [voice x] it."),
    )


PAGES = ("OEBPS/text/one.xhtml", "OEBPS/text/one more.xhtml", "OEBPS/text/two.xhtml")


def package(manifest=MANIFEST, spine=SPINE):
    return {"OEBPS/book.opf": PACKAGE.format(manifest=manifest, spine=spine).encode()}


ENCRYPTED = b'<encryption xmlns="e"><EncryptedData><EncryptionMethod Algorithm="%s"/></EncryptedData></encryption>'
AES, FONT = b"http://www.w3.org/2001/04/xmlenc#aes128-cbc", b"http://www.idpf.org/2008/embedding#obfuscation"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"META-INF/container.xml": None}, "it has no META-INF/container.xml"),
        ({"META-INF/container.xml": CONTAINER.format("").encode()}, "names no package"),
        ({"META-INF/container.xml": b"<container"}, "is no whole XML"),
        ({"OEBPS/book.opf": None}, "does not hold it"),
        (package(spine=""), "it has no spine"),
        (package(spine="<spine><itemref idref='gone'/></spine>"), "which it does not list"),
        (package(manifest=MANIFEST.replace("text/one.xhtml", "../../etc/passwd")), "leads out of it"),
        (package(manifest=MANIFEST.replace("text/one.xhtml", "/etc/passwd")), "leads out of it"),
        (package(manifest=MANIFEST.replace("text/one.xhtml", "%2e%2e/%2e%2e/x")), "leads out of it"),
        (package(manifest=MANIFEST.replace("text/one.xhtml", "file:///etc/passwd")), "leads out of it"),
        ({"OEBPS/book.opf": b'<!DOCTYPE x [<!ENTITY a "b">]><package>&a;</package>'}, "declares entities"),
        ({"OEBPS/text/one.xhtml": b" " * (MAX_FILE_BYTES + 1)}, "unpacks to more than a book can be"),
        ({"META-INF/encryption.xml": ENCRYPTED % AES}, "is encrypted (DRM)"),
        (dict.fromkeys(PAGES, b""), "no text"),
    ],
)  # fmt: skip
def test_a_broken_or_hostile_epub_is_refused_in_one_line(changed, said, tmp_path):
    with pytest.raises(InputError) as raised:
        opened(epub(tmp_path / "b.epub", **changed))
    assert said in str(raised.value)
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_hidden_fonts_are_no_encryption(tmp_path):
    assert opened(epub(tmp_path / "b.epub", **{"META-INF/encryption.xml": ENCRYPTED % FONT})).chapters


@pytest.mark.parametrize("cut", [0, 100, 1_000])
def test_half_a_file_is_no_epub(cut, tmp_path):
    whole = epub(tmp_path / "b.epub").read_bytes()
    (tmp_path / "b.epub").write_bytes(whole[:cut])
    with pytest.raises(InputError, match="no whole EPUB"):
        opened(tmp_path / "b.epub")


def test_damage_anywhere_in_an_epub_is_refused_or_read(tmp_path):
    whole = epub(tmp_path / "b.epub").read_bytes()
    for place in range(0, len(whole), 23):
        (tmp_path / "c.epub").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with contextlib.suppress(InputError):  # and nothing else
            opened(tmp_path / "c.epub")


@pytest.mark.parametrize(
    ("name", "content"), [("b.txt", ""), ("b.md", "---\n\n***\n"), ("b.srt", "1\n00:00:01,000 --> 00:00:02,000\nHi\n")]
)
def test_a_text_with_nothing_to_say_is_refused(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError):
        opened(tmp_path / name)

"""PDFs that another program made become chapters as they are read; hostile ones are refused in one line."""

from __future__ import annotations

import contextlib
import zlib

import pytest
from fpdf import FPDF

from antiphon.books import open_book, pdf_pages
from antiphon.errors import InputError

TIDE = "The tide was out, and two children walked along the wet sand. Neither of them said a word to the other."
BOAT = "A boat lay on its side in the shallow water; it was old, blue and remarkable, and nobody knew whose it was."
WIND = "In the evening a cold wind came from the sea. They went home by the long way, past the church and the mill."
PARAGRAPHS = [TIDE, BOAT, WIND]
NAMES = ["", "Ann", "Nobody", "Everybody there", "The oldest of them"]


class Printed(FPDF):
    """A page as books have it: a running head above, a number below."""

    head = "THE TIDE"

    def header(self):
        if self.head:
            self.set_font("Times", "I", 9)
            self.cell(0, 8, self.head, align="C")
            self.ln(12)

    def footer(self):
        if self.head:
            self.set_y(-15)
            self.set_font("Times", "", 9)
            self.cell(0, 8, str(self.page_no()), align="C")

    def chapter(self, title, paragraphs, *, outline=True, indent="      "):
        self.add_page()
        if outline:
            self.start_section(title)
        if title:
            self.set_font("Times", "B", 18)
            self.cell(0, 12, title)
            self.ln(14)
        self.set_font("Times", "", 11)
        for text in paragraphs:
            self.multi_cell(0, 5, indent + text, align="J", new_x="LMARGIN", new_y="NEXT")


def printed(head="THE TIDE"):
    made = Printed(format=(110, 150))
    made.head = head
    made.set_title("The Tide")
    made.set_author("Ann Example")
    return made


def opened(made, tmp_path, told=None):
    made.output(str(tmp_path / "b.pdf"))
    return open_book(tmp_path / "b.pdf", None, (lambda _: None) if told is None else told.append)


def text(chapter):
    return "".join(part.text for part in chapter.passages)


def test_the_outline_names_the_chapters_and_neither_heads_nor_numbers_are_read(tmp_path):
    made = printed()
    written = [[f"{number}-{place}: {one}" for place, one in enumerate(PARAGRAPHS * 4)] for number in range(1, 5)]
    for number, paragraphs in enumerate(written, start=1):
        made.chapter(f"Chapter {number}", [f"{NAMES[number]} {one}" for one in paragraphs])
    book = opened(made, tmp_path)
    assert made.page_no() == 8
    assert (book.title, book.author) == ("The Tide", "Ann Example")
    assert [one.title for one in book.chapters] == [f"Chapter {number}" for number in range(1, 5)]
    for number, (chapter, paragraphs) in enumerate(zip(book.chapters, written, strict=True), start=1):
        read = [f"Chapter {number}", *(f"{NAMES[number]} {one}" for one in paragraphs)]
        assert text(chapter).split("\n\n") == read


def test_without_an_outline_large_type_names_them(tmp_path):
    made = printed()
    for title in ("Out", "In", "Out again"):
        made.chapter(title, PARAGRAPHS, outline=False)
    assert [one.title for one in opened(made, tmp_path).chapters] == ["Out", "In", "Out again"]


def test_without_either_the_words_of_a_heading_do(tmp_path):
    made = printed(head="")
    made.chapter("", ["CHAPTER I"], outline=False, indent="")
    for one in (TIDE, "CHAPTER II", BOAT):
        made.ln(4)
        made.multi_cell(0, 5, one, new_x="LMARGIN", new_y="NEXT")
    assert [one.title for one in opened(made, tmp_path).chapters] == ["CHAPTER I", "CHAPTER II"]


def test_columns_are_read_one_after_the_other_below_what_goes_across_them(tmp_path):
    made = printed(head="")
    made.chapter("Across", [TIDE], indent="")
    made.ln(4)
    top = made.get_y()
    for left, paragraphs in ((10, [BOAT, TIDE]), (60, [WIND, BOAT])):
        made.set_y(top)
        for one in paragraphs:
            made.set_x(left)
            made.multi_cell(42, 5, one, align="L", new_x="LMARGIN", new_y="NEXT")
            made.ln(3)
    (chapter,) = opened(made, tmp_path).chapters
    assert " ".join(text(chapter).split()) == " ".join(["Across", TIDE, BOAT, TIDE, WIND, BOAT])


def test_words_that_a_line_divides_are_mended_also_across_pages(tmp_path):
    made = printed(head="")
    made.chapter("One", ["It was a remark-\nable boat of a well-\nknown make, which lay in the sha-"], indent="")
    made.add_page()
    made.multi_cell(0, 5, "llow water.", align="L")
    (chapter,) = opened(made, tmp_path).chapters
    assert "a remarkable boat of a well-known make, which lay in the shallow water." in text(chapter)


def test_numbers_and_short_lines_that_belong_to_the_text_stay(tmp_path):
    made = printed()
    for number in range(1, 5):
        made.chapter("", [TIDE, "1984", BOAT, "She said no.", "He said yes."], outline=False)
        assert number == made.page_no()
    (chapter,) = opened(made, tmp_path).chapters
    assert text(chapter).count("1984") == 4
    assert text(chapter).split("\n\n").count("She said no.") == 4


def test_a_locked_one_is_refused(tmp_path):
    made = printed()
    made.chapter("One", PARAGRAPHS)
    made.set_encryption(owner_password="owner", user_password="user")
    with pytest.raises(InputError, match="locked with a password"):
        opened(made, tmp_path)


def test_pictures_of_pages_are_refused_and_some_of_them_told(tmp_path):
    made = printed(head="")
    for _ in range(3):
        made.add_page()
        made.rect(10, 10, 50, 80, style="F")
    with pytest.raises(InputError, match="no text, only pictures of pages") as raised:
        opened(made, tmp_path)
    assert "OCR" in raised.value.hint
    mixed, told = printed(head=""), []
    for _ in range(3):
        mixed.add_page()
        mixed.rect(10, 10, 50, 80, style="F")
    mixed.chapter("One", PARAGRAPHS)
    opened(mixed, tmp_path, told)
    assert told == ["3 of 4 pages hold no text: pictures of pages are not read"]


@pytest.mark.parametrize("cut", [0, 5, 300])
def test_half_a_file_is_refused(cut, tmp_path):
    made = printed()
    made.chapter("One", PARAGRAPHS)
    (tmp_path / "b.pdf").write_bytes(bytes(made.output())[:cut])
    with pytest.raises(InputError, match=r"no whole PDF|holds no text"):
        open_book(tmp_path / "b.pdf", None, lambda _: None)


def bare(contents, filter_name=b"/FlateDecode", pages=1):
    """A PDF of `pages` pages that show the same stream."""
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(pages))
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d/Filter%s>>stream\n%s\nendstream" % (len(contents), filter_name, contents),
        *pages * [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 3 0 R>>>>>>"],
    ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, place = len(bodies) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, place)


def shown(line):
    return zlib.compress(b"BT /F 9 Tf 20 700 Td (" + line + b") Tj ET")


def test_a_bare_file_is_read(tmp_path):
    (tmp_path / "b.pdf").write_bytes(bare(shown(b"The tide was out.")))
    assert text(open_book(tmp_path / "b.pdf", None, lambda _: None).chapters[0]).strip() == "The tide was out."


def test_a_bomb_ends_its_reader_and_is_refused(tmp_path):
    packer = zlib.compressobj(9)
    begin = packer.compress(b" " * (1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(b" " * (1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = zlib.compress(begin + more * 300, 9)  # 5 GB
    (tmp_path / "b.pdf").write_bytes(bare(bomb, b"[/FlateDecode/FlateDecode]"))
    assert len(bomb) < 100_000
    with pytest.raises(InputError, match="more memory or time"):
        open_book(tmp_path / "b.pdf", None, lambda _: None)


def test_more_pages_than_a_book_has_are_refused(tmp_path):
    (tmp_path / "b.pdf").write_bytes(bare(shown(b"One."), pages=pdf_pages.MAX_PAGES + 1))
    with pytest.raises(InputError, match="more memory or time"):
        open_book(tmp_path / "b.pdf", None, lambda _: None)


def test_damage_anywhere_is_refused_or_read(tmp_path):
    made = printed()
    made.chapter("One", PARAGRAPHS)
    whole = bytes(made.output())
    for place in range(7, len(whole), len(whole) // 12):
        (tmp_path / "c.pdf").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with contextlib.suppress(InputError):  # and nothing else
            open_book(tmp_path / "c.pdf", None, lambda _: None)
